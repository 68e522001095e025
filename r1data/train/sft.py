"""Supervised fine-tuning: the model learns to say what the teacher said; the prompt is masked."""

from collections.abc import Sequence
from typing import Any

from r1data.train.encode import reply_tokens
from r1data.train.losses import completion_log_probs
from r1data.train.model import out_of_memory
from r1data.train.rows import TrainRow
from r1data.train.session import (
    Session,
    chunks,
    everywhere,
    mine,
    prompt_of,
    rows_of_step,
    update,
)


def sft_step(session: Session, rows: Sequence[TrainRow], step: int) -> dict[str, Any]:
    """Learn one batch; the loss is the mean over the tokens of all its replies."""
    config, phase = session.config, session.phase
    batch = mine(session, rows_of_step(rows, step, batch_size(session), config.seed))
    replies = [reply_tokens(session.model, row.reply or "") for row in batch]
    tokens = sum(everywhere(session, [sum(map(len, replies))]))
    total = 0.0
    for part in chunks(list(zip(batch, replies, strict=True)), phase.micro_batch):
        prompts = [prompt_of(session, row) for row, _ in part]
        completions = [reply for _, reply in part]
        with out_of_memory(f"learning {len(part)} rows at a time"):
            scored = completion_log_probs(session.network, session.model, prompts, completions)
            loss = -(scored.log_probs * scored.mask).sum() / tokens
            # accelerate takes the mean over processes; the sum is wanted
            session.accelerator.backward(loss * session.world)
        total += loss.item()
    taken = update(session, step)
    return {"loss": sum(everywhere(session, [total])), "tokens": tokens, **taken}


def batch_size(session: Session) -> int:
    """Return the rows of a step over all processes."""
    from r1data.train.config import Sft

    assert isinstance(session.phase, Sft)
    return session.phase.batch
