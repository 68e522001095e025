"""GRPO and T-GRPO: sample groups of answers, judge them, and make the better ones likelier.

A step, as in Video-R1's paper:

1. Every question is answered `samples` times with its frames in order and, for T-GRPO, half as
   often with its frames shuffled (the same shuffle for all, at the same times).
2. The verifier judges each answer; right ones get the bonus where order helped.
3. Rewards become advantages within their group; shuffled answers only serve the comparison.
4. The tokens of the ordered answers are scored by the weights being trained, and moved.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from r1data.train.config import Grpo
from r1data.train.encode import Encoded
from r1data.train.losses import (
    Scored,
    advantages,
    completion_log_probs,
    grpo_loss,
    kl_penalty,
    sequence_mean,
)
from r1data.train.model import Sampled, out_of_memory, sample
from r1data.train.rows import TrainRow, encode_row, shuffled_order
from r1data.train.scoring import PRESETS, Group, Weights, score_group
from r1data.train.session import (
    Session,
    chunks,
    everywhere,
    mine,
    prompt_of,
    rows_of_step,
    update,
)


class Rollout(NamedTuple):
    """One question's prompt, its answers, and those to its frames in another order."""

    row: TrainRow
    prompt: Encoded
    ordered: list[Sampled]
    shuffled: list[Sampled]


class Example(NamedTuple):
    """One completion to learn from; `weight` is 0 where its group was dropped."""

    prompt: Encoded
    tokens: list[int]
    advantage: float
    weight: float


def grpo_step(session: Session, rows: Sequence[TrainRow], step: int) -> dict[str, Any]:
    """Sample, judge and learn once."""
    phase = settings_of(session)
    batch = mine(session, rows_of_step(rows, step, phase.prompts, session.config.seed))
    rollouts = roll_out(session, batch, step)
    groups = [judge(each, phase) for each in rollouts]
    examples = make_examples(session, rollouts, groups)
    learned = learn(session, examples, step)
    return {**observed(session, rollouts, groups), **learned}


def settings_of(session: Session) -> Grpo:
    """Return the run's settings, which are GRPO's."""
    assert isinstance(session.phase, Grpo)
    return session.phase


# 1. Sampling


def roll_out(session: Session, rows: Sequence[TrainRow], step: int) -> list[Rollout]:
    """Answer every question `samples` times, and for T-GRPO half as often with frames shuffled."""
    phase, most = settings_of(session), session.config.frames.max_pixels
    prompts = [prompt_of(session, row) for row in rows]
    ordered = answer(session, prompts, phase.samples, step, "ordered")
    orders = [
        shuffled_order(row, f"{session.config.seed}/{step}/{row.id}") if phase.temporal else None
        for row in rows
    ]
    mixed = [
        encode_row(session.model, row, most, order)
        for row, order in zip(rows, orders, strict=True)
        if order is not None
    ]
    others = iter(answer(session, mixed, phase.samples // 2, step, "shuffled"))
    return [
        Rollout(row, prompt, answers, next(others) if order is not None else [])
        for row, prompt, answers, order in zip(rows, prompts, ordered, orders, strict=True)
    ]


def answer(
    session: Session, prompts: Sequence[Encoded], times: int, step: int, what: str
) -> list[list[Sampled]]:
    """Return `times` answers to each prompt; the seed differs in every step and process."""
    phase = settings_of(session)
    repeated = [prompt for prompt in prompts for _ in range(times)]
    name = f"{session.config.seed}/{step}/{session.accelerator.process_index}/{what}"
    found: list[Sampled] = []
    for number, part in enumerate(chunks(repeated, phase.rollout_batch)):
        found += sample(
            session.model,
            part,
            phase.max_tokens,
            phase.temperature,
            seed_number(f"{name}/{number}"),
            phase.top_p,
        )
    return [found[i * times : (i + 1) * times] for i in range(len(prompts))]


def seed_number(name: str) -> int:
    """Return a seed for torch that belongs to `name`."""
    import hashlib

    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big")


# 2. Judging


def judge(rollout: Rollout, phase: Grpo) -> Group:
    """Judge one question's answers."""
    weights = Weights(
        PRESETS[phase.preset], phase.verify, phase.format_reward, phase.length_reward,
        phase.temporal,
    )  # fmt: skip
    return score_group(
        rollout.row,
        [each.text for each in rollout.ordered],
        [len(each.tokens) for each in rollout.ordered],
        [each.text for each in rollout.shuffled],
        weights,
    )


# 3. Advantages


def make_examples(
    session: Session, rollouts: Sequence[Rollout], groups: Sequence[Group]
) -> list[Example]:
    """Give every ordered answer its advantage; the weights of all processes' answers sum to 1."""
    phase = settings_of(session)
    gathered = everywhere(session, [group.rewards for group in groups])
    first = sum(everywhere_before(session, len(groups)))
    found = advantages(gathered, phase.scale_rewards)[first : first + len(groups)]
    kept = [not (phase.drop_uniform and group.uniform(above(phase))) for group in groups]
    count = sum(everywhere(session, [sum(kept) * phase.samples]))
    return [
        Example(rollout.prompt, each.tokens, advantage, keep / count if count else 0.0)
        for rollout, values, keep in zip(rollouts, found, kept, strict=True)
        for each, advantage in zip(rollout.ordered, values, strict=True)
    ]


def everywhere_before(session: Session, count: int) -> list[int]:
    """Return how many groups each process before this one has."""
    return everywhere(session, [count])[: session.accelerator.process_index]


def above(phase: Grpo) -> float:
    """Return the reward above which an answer counts as right."""
    return PRESETS[phase.preset].temporal.correct_above


# 4. Learning


def learn(session: Session, examples: Sequence[Example], step: int) -> dict[str, float]:
    """Update the weights, `updates` times on the same answers, and return the last figures."""
    phase = settings_of(session)
    # A process that skips a pass would leave the others waiting for its gradients.
    if session.world == 1:
        examples = [each for each in examples if each.weight]
    parts = [*chunks(examples, phase.micro_batch)]
    before = [score(session, part, session.network) for part in parts] if phase.updates > 1 else []
    figures: dict[str, float] = {"loss": 0.0, "kl": 0.0}
    for _ in range(phase.updates if sum(everywhere(session, [len(examples)])) else 0):
        sums = [
            learn_part(session, part, before[i] if before else None) for i, part in enumerate(parts)
        ]
        both = everywhere(session, [(sum(a for a, _ in sums), sum(b for _, b in sums))])
        figures = {"loss": sum(a for a, _ in both), "kl": sum(b for _, b in both)}
        figures |= update(session, step)
    return figures


def learn_part(
    session: Session, part: Sequence[Example], before: Scored | None
) -> tuple[float, float]:
    """Add the gradients of some answers; return their part of the loss and of the KL."""
    import torch

    phase = settings_of(session)
    advantage = torch.tensor([each.advantage for each in part], device=session.model.device)
    weight = torch.tensor([each.weight for each in part], device=session.model.device)
    reference = reference_log_probs(session, part)
    with out_of_memory(f"learning {len(part)} completions at a time"):
        now = live_scores(session, part)
        old = (before or now).log_probs.detach()
        tokens = grpo_loss(now.log_probs, old, advantage, phase.clip, phase.beta, reference)
        loss = (sequence_mean(tokens, now.mask) * weight).sum()
        session.accelerator.backward(loss * session.world)
    if reference is None:
        return loss.item(), 0.0
    distance = sequence_mean(kl_penalty(now.log_probs.detach(), reference), now.mask)
    return loss.item(), (distance * weight).sum().item()


def live_scores(session: Session, part: Sequence[Example]) -> Scored:
    """Return log-probabilities of answers with gradients."""
    prompts, tokens = [each.prompt for each in part], [each.tokens for each in part]
    temperature = settings_of(session).temperature
    return completion_log_probs(session.network, session.model, prompts, tokens, temperature)


def score(session: Session, part: Sequence[Example], network: Any) -> Scored:
    """Return log-probabilities of answers without gradients."""
    import torch

    prompts, tokens = [each.prompt for each in part], [each.tokens for each in part]
    temperature = settings_of(session).temperature
    with torch.no_grad(), out_of_memory(f"scoring {len(part)} completions at a time"):
        return completion_log_probs(network, session.model, prompts, tokens, temperature)


def reference_log_probs(session: Session, part: Sequence[Example]) -> Any | None:
    """Return log-probabilities under the weights that the run began with; None without a KL."""
    if settings_of(session).beta == 0:
        return None
    if session.reference is not None:
        return score(session, part, session.reference).log_probs
    adapters = session.accelerator.unwrap_model(session.network)
    with adapters.disable_adapter():
        return score(session, part, adapters).log_probs


# What is logged


def observed(
    session: Session, rollouts: Sequence[Rollout], groups: Sequence[Group]
) -> dict[str, Any]:
    """Return what one step's answers were like, over all processes."""
    right = above(settings_of(session))
    counts = {
        "accuracy": [each for group in groups for each in group.accuracy],
        "accuracy_shuffled": [each for group in groups for each in group.shuffled],
        "reward": [each for group in groups for each in group.rewards],
        "format": [float(each > 0) for group in groups for each in group.form],
        "bonus_rate": [float(max(each.bonus) > 0) for each in groups if each.shuffled],
        "order_helped": [float(order_helped(each, right)) for each in groups if each.shuffled],
        "no_variance": [float(max(each.rewards) == min(each.rewards)) for each in groups],
        "all_right_or_wrong": [float(each.uniform(right)) for each in groups],
        "length": [float(len(each.tokens)) for one in rollouts for each in one.ordered],
        "cut": [float(not each.ended) for one in rollouts for each in one.ordered],
    }
    gathered = {name: everywhere(session, values) for name, values in counts.items()}
    return {name: mean(values) for name, values in gathered.items()}


def order_helped(group: Group, above: float) -> bool:
    """Tell whether more ordered than shuffled answers were right, ties apart."""
    ordered = mean([float(each > above) for each in group.accuracy])
    shuffled = mean([float(each > above) for each in group.shuffled])
    return ordered is not None and shuffled is not None and ordered > shuffled


def mean(values: Sequence[float]) -> float | None:
    """Return the mean, None of nothing."""
    return sum(values) / len(values) if values else None
