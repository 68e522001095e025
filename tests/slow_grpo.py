"""T-GRPO as the paper writes it (arXiv 2503.21776, section 3), one number at a time."""

import math
from collections.abc import Sequence


def temporal_rewards(
    ordered: Sequence[float], shuffled: Sequence[float], alpha: float = 0.3
) -> list[float]:
    """r_t = alpha if p >= p~, else 0; R_i = r_i + r_t for correct responses."""
    p = len([r for r in ordered if r > 0.5]) / len(ordered)
    p_shuffled = len([r for r in shuffled if r > 0.5]) / len(shuffled)
    temporal = alpha if p >= p_shuffled else 0.0
    return [temporal if r > 0.5 else 0.0 for r in ordered]


def group_advantages(rewards: Sequence[float]) -> list[float]:
    """A_i = (R_i - mean) / std."""
    count = len(rewards)
    average = math.fsum(rewards) / count
    deviation = math.sqrt(math.fsum((r - average) ** 2 for r in rewards) / (count - 1))
    return [(r - average) / (deviation + 1e-4) for r in rewards]


def objective(
    new: Sequence[Sequence[float]],
    old: Sequence[Sequence[float]],
    reference: Sequence[Sequence[float]],
    advantages: Sequence[float],
    epsilon: float,
    beta: float,
) -> float:
    """Mean over responses of the mean over tokens of min(r A, clip(r) A) - beta KL."""
    values = []
    for new_i, old_i, reference_i, advantage in zip(new, old, reference, advantages, strict=True):
        tokens = []
        for p, q, r in zip(new_i, old_i, reference_i, strict=True):
            ratio = math.exp(p - q)
            clipped = min(max(ratio, 1 - epsilon), 1 + epsilon)
            divergence = math.exp(r - p) - (r - p) - 1
            tokens.append(min(ratio * advantage, clipped * advantage) - beta * divergence)
        values.append(math.fsum(tokens) / len(tokens))
    return math.fsum(values) / len(values)
