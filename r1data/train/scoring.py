"""What a completion is worth in training: accuracy, form, length, and T-GRPO's temporal bonus.

The verifier that filtered the dataset judges here too. Constants come from a preset:

| constant | video-r1-paper (arXiv 2503.21776 v3) | video-r1-code (tulerfeng/Video-R1 at 59d65c3) |
|---|---|---|
| alpha, bonus | 0.3 | 0.3 |
| mu, ordered against shuffled | 1.0: p >= p~ | 0.8 |
| correct from | above 0.5 | above 0.1 |
| p, p~ | share of correct completions | mean reward |
| omega, length | 0.2 for 320 to 512 tokens, if correct | the same, if several are correct |
| format, by the published expression | 1 | 1 |
"""

from collections.abc import Sequence
from typing import NamedTuple

from r1data.rewards.published import published_format
from r1data.rewards.tgrpo import (
    LENGTH_CODE,
    LENGTH_PAPER,
    T_GRPO_CODE,
    T_GRPO_PAPER,
    LengthReward,
    TemporalBonus,
    length_reward,
    t_grpo_bonus,
)
from r1data.rewards.verdict import verify
from r1data.train.rows import TrainRow


class Preset(NamedTuple):
    """The constants of the temporal bonus and of the length reward."""

    temporal: TemporalBonus
    length: LengthReward


PRESETS = {
    "video-r1-paper": Preset(T_GRPO_PAPER, LENGTH_PAPER),
    "video-r1-code": Preset(T_GRPO_CODE, LENGTH_CODE),
}


class Weights(NamedTuple):
    """Which parts a reward has: `form` is the weight of the published format."""

    preset: Preset
    verify: str
    form: float
    length: bool
    temporal: bool


class Group(NamedTuple):
    """One question's completions, judged; lists are parallel to the ordered completions."""

    accuracy: list[float]
    form: list[float]
    length: list[float]
    bonus: list[float]
    shuffled: list[float]  # accuracy of the completions that saw shuffled frames

    @property
    def rewards(self) -> list[float]:
        """The sum of all parts."""
        parts = (self.accuracy, self.form, self.length, self.bonus)
        return [sum(each) for each in zip(*parts, strict=True)]

    def uniform(self, correct_above: float) -> bool:
        """Tell whether all completions are right, or all wrong: nothing can be learned of it."""
        right = [each > correct_above for each in self.accuracy]
        return all(right) or not any(right)


def accuracy_of(row: TrainRow, text: str, preset: str) -> float | None:
    """Return the verifier's reward; None where the row's truth cannot be judged by."""
    return verify(
        row.problem_type,
        solution=row.solution,
        completion=text,
        options=row.options,
        preset=preset,
        question=row.text,
    ).reward


def score_group(
    row: TrainRow,
    texts: Sequence[str],
    lengths: Sequence[int],
    shuffled: Sequence[str],
    weights: Weights,
) -> Group:
    """Judge one question's completions; without shuffled ones nobody gets a temporal bonus."""
    accuracy = [required(row, accuracy_of(row, text, weights.verify)) for text in texts]
    others = [required(row, accuracy_of(row, text, weights.verify)) for text in shuffled]
    nothing = [0.0] * len(texts)
    length = length_reward(accuracy, lengths, *weights.preset.length)
    bonus = t_grpo_bonus(accuracy, others, *weights.preset.temporal)
    return Group(
        accuracy=accuracy,
        form=[weights.form * published_format(text) for text in texts],
        length=length if weights.length else nothing,
        bonus=bonus if weights.temporal else nothing,
        shuffled=others,
    )


def required(row: TrainRow, reward: float | None) -> float:
    """Refuse a row without a usable truth: a reward of 0 would teach that every answer is wrong."""
    if reward is None:
        from r1data.errors import InputError

        raise InputError(f"{row.id}: its truth {row.solution!r} cannot be judged by")
    return reward
