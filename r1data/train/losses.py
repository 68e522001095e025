"""The arithmetic of GRPO: log-probabilities, advantages, the clipped loss and the KL penalty.

Names follow the papers: GRPO (arXiv 2402.03300), T-GRPO (arXiv 2503.21776). Shapes: B completions
of up to T tokens; `mask` is 1 on the tokens of a completion, the one that ends it included.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from r1data.errors import UsageError

if TYPE_CHECKING:
    import torch

    from r1data.train.encode import Encoded
    from r1data.train.model import Model

SCALES = ("group", "batch", "none")
# Added to a standard deviation, as Video-R1's and TRL's trainers do.
EPSILON = 1e-4


class Scored(NamedTuple):
    """Log-probabilities of completions and where they count, both (B, T)."""

    log_probs: "torch.Tensor"
    mask: "torch.Tensor"


def advantages(groups: Sequence[Sequence[float]], scale: str) -> list[list[float]]:
    """Return each reward minus its group's mean, over a standard deviation (n - 1, as torch's).

    `group` divides by the group's own, `batch` by that of all rewards, `none` does not divide.
    """
    if scale not in SCALES:
        raise UsageError(f"unknown scale_rewards '{scale}': choose one of {', '.join(SCALES)}")
    whole = spread([reward for group in groups for reward in group])
    found = []
    for group in groups:
        divisor = {"group": spread(group), "batch": whole, "none": 1.0 - EPSILON}[scale] + EPSILON
        mean = sum(group) / len(group)
        found.append([(reward - mean) / divisor for reward in group])
    return found


def spread(rewards: Sequence[float]) -> float:
    """Return the standard deviation of a sample; 0 for a single reward."""
    return float(np.std(rewards, ddof=1)) if len(rewards) > 1 else 0.0


def completion_log_probs(
    network: Any,
    model: "Model",
    prompts: "Sequence[Encoded]",
    completions: Sequence[Sequence[int]],
    temperature: float = 1.0,
) -> Scored:
    """Return the log-probability of every token of the completions, as sampling saw it.

    The logits are divided by the temperature, and vision tokens are taken out, as they are when
    sampling. `network` is the model, or what accelerate wrapped around it.
    """
    import torch

    from r1data.train.encode import collate
    from r1data.train.model import computing

    batch = collate(model, prompts, completions)
    longest = max(map(len, completions))
    with computing(model):
        logits = network(**batch, use_cache=False, logits_to_keep=longest + 1).logits
    logits = logits[:, :-1].float() / temperature
    logits[..., list(model.forbidden)] = float("-inf")
    targets = batch["input_ids"][:, -longest:]
    taken = logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    found = taken - torch.logsumexp(logits, dim=-1)
    mask = batch["attention_mask"][:, -longest:].to(found.dtype)
    # a padding token may be a forbidden one, whose minus infinity would survive a product with 0
    return Scored(found.masked_fill(mask == 0, 0.0), mask)


def kl_penalty(log_probs: "torch.Tensor", reference: "torch.Tensor") -> "torch.Tensor":
    """Return the k3 estimate of KL(policy || reference) a token: exp(d) - d - 1, d = ref - policy.

    It is never negative. The difference is clamped to +-10, as in Video-R1's trainer.
    """
    difference = (reference - log_probs).clamp(-10, 10)
    return difference.exp() - difference - 1


def grpo_loss(
    log_probs: "torch.Tensor",
    before: "torch.Tensor",
    advantage: "torch.Tensor",
    clip: float,
    beta: float,
    reference: "torch.Tensor | None",
) -> "torch.Tensor":
    """Return the loss of every token: -min(r A, clip(r, 1 - c, 1 + c) A) + beta KL, as (B, T).

    `before` are the log-probabilities under the weights that sampled; r is 1 where they are the
    same weights, and only its gradient matters.
    """
    import torch

    ratio = (log_probs - before).exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    gain = torch.minimum(ratio * advantage[:, None], clipped * advantage[:, None])
    if reference is None or beta == 0:
        return -gain
    return -gain + beta * kl_penalty(log_probs, reference)


def sequence_mean(values: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
    """Return the mean over each completion's tokens, as (B,)."""
    return (values * mask).sum(1) / mask.sum(1).clamp(min=1)
