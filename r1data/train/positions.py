"""Where the tokens of a prompt stand for Qwen2.5-VL: time, row and column, as it was trained.

The text after a video begins behind the largest of its positions, the last frames' time included:
so in Qwen's own code (transformers up to 5.2) and in vLLM. transformers 5.3 to 5.23 begin it
max(rows, columns) behind the video's first token, amid the times of its later frames. Weights of
the one kind are asked in vain by the other: docs/evaluation.md has the figures. Qwen3-VL gives
every time step a span of its own, for which the two ways agree.
"""

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from r1data.train.encode import Encoded
    from r1data.train.model import Model


def positions_of(model: "Model", one: "Encoded") -> np.ndarray:
    """Return the positions of a prompt's tokens, (3, prompt_length)."""
    grids = iter(one.grid.tolist())
    parts: list[np.ndarray] = []
    begin = 0
    for kind, run in groupby(one.mm_token_type_ids[: one.prompt_length].tolist()):
        # No two media touch: each has its <|vision_start|> and <|vision_end|>.
        part = medium(model, one, next(grids)) if kind else text(len(list(run)))
        parts.append(part + begin)
        begin = int(parts[-1].max()) + 1
    return np.concatenate(parts, axis=1)


def text(length: int) -> np.ndarray:
    """Return the positions of so many tokens of text from 0, (3, length)."""
    return np.tile(np.arange(length), (3, 1))


def medium(model: "Model", one: "Encoded", grid: list[int]) -> np.ndarray:
    """Return the positions of one picture or video from 0, (3, tokens); grid is in patches.

    A time step is as many positions as the seconds it takes, times the model's tokens_per_second;
    rounded down after the product, in single precision, as in Qwen's code.
    """
    time, rows, columns = grid[0], grid[1] // model.eyes.merge, grid[2] // model.eyes.merge
    found = np.indices((time, rows, columns)).reshape(3, -1)
    if one.second_per_grid_ts is not None:
        a_second = np.float32(model.model.config.vision_config.tokens_per_second)
        steps = found[0].astype(np.float32) * np.float32(one.second_per_grid_ts) * a_second
        found[0] = steps.astype(np.int64)
    return found
