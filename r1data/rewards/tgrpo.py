"""T-GRPO's two additions to the reward: the temporal bonus and the length reward.

Paper (arXiv 2503.21776, v3/v4) and code (tulerfeng/Video-R1 at 59d65c3) differ. The paper compares
shares of correct responses and asks p >= p~; the code compares mean rewards and asks
p >= 0.8 p~, and calls a response correct from a reward of 0.1 on.
"""

from collections.abc import Sequence
from typing import NamedTuple


class TemporalBonus(NamedTuple):
    """The constants of `t_grpo_bonus`; `graded` compares mean rewards, not shares of correct."""

    alpha: float
    mu: float
    correct_above: float
    margin: float
    graded: bool


class LengthReward(NamedTuple):
    """The constants of `length_reward`; `several` asks for more than one correct response."""

    omega: float
    shortest: int
    longest: int
    correct_above: float
    several: bool


T_GRPO_PAPER = TemporalBonus(0.3, 1.0, 0.5, 0.0, False)
T_GRPO_CODE = TemporalBonus(0.3, 0.8, 0.1, 0.0, True)
LENGTH_PAPER = LengthReward(0.2, 320, 512, 0.5, False)
LENGTH_CODE = LengthReward(0.2, 320, 512, 0.1, True)


def t_grpo_bonus(
    ordered: Sequence[float],
    shuffled: Sequence[float],
    alpha: float = T_GRPO_PAPER.alpha,
    mu: float = T_GRPO_PAPER.mu,
    correct_above: float = T_GRPO_PAPER.correct_above,
    margin: float = T_GRPO_PAPER.margin,
    graded: bool = T_GRPO_PAPER.graded,
) -> list[float]:
    """Return the bonus of each ordered response: alpha where it is correct, if order helped.

    Order helped when p >= mu * p~ + margin, with p and p~ the shares of rewards above
    `correct_above` among the ordered and the shuffled responses. For video only; without shuffled
    responses nothing is known about order, and nobody gets a bonus. `t_grpo_bonus(a, b,
    *T_GRPO_CODE)` is what the published code does.
    """
    if not ordered or not shuffled:
        return [0.0] * len(ordered)
    with_order = level(ordered, correct_above, graded)
    if with_order < mu * level(shuffled, correct_above, graded) + margin:
        return [0.0] * len(ordered)
    return [alpha if reward > correct_above else 0.0 for reward in ordered]


def level(rewards: Sequence[float], correct_above: float, graded: bool) -> float:
    """Return the mean reward, or the share of rewards that count as correct."""
    scores = rewards if graded else [reward > correct_above for reward in rewards]
    return sum(scores) / len(rewards)


def length_reward(
    rewards: Sequence[float],
    lengths: Sequence[int],
    omega: float = LENGTH_PAPER.omega,
    shortest: int = LENGTH_PAPER.shortest,
    longest: int = LENGTH_PAPER.longest,
    correct_above: float = LENGTH_PAPER.correct_above,
    several: bool = LENGTH_PAPER.several,
) -> list[float]:
    """Return omega for each correct response of `shortest` to `longest` tokens, both included."""
    correct = [reward > correct_above for reward in rewards]
    if several and sum(correct) < 2:
        return [0.0] * len(correct)
    return [
        omega if right and shortest <= length <= longest else 0.0
        for right, length in zip(correct, lengths, strict=True)
    ]
