"""What is asked of a decoder, and what it gives: the two ends of every backend."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from r1data.frames.rules import Clock, mean_rate, pick, window
from r1data.frames.sizes import LEAST_PIXELS, TRAIN_PIXELS

Images = NDArray[np.uint8]


class Frames(NamedTuple):
    """Pictures of one file.

    images   uint8 [n, height, width, 3], RGB
    times    seconds after the clip's first picture [n], rising strictly; one NaN for a still
    indices  positions in presentation order [n], from 0
    backend  which decoder gave them; with "+salvage" where damage was passed over, with "+gap"
             where the times have a gap and no codec tells whether packets are lost there
    """

    images: Images
    times: NDArray[np.float64]
    indices: NDArray[np.int64]
    backend: str


@dataclass(frozen=True)
class Ask:
    """The options of `sample`, as every backend gets them."""

    path: Path
    rule: str = "uniform"
    count: int = 16
    max_pixels: int = TRAIN_PIXELS
    min_pixels: int = LEAST_PIXELS
    multiple: int = 28
    patch: int = 1
    resize: str = "fast"
    start: float | None = None
    end: float | None = None
    salvage: bool = False

    def indices(self, clock: Clock, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the positions that the rule takes from a clip with these times and keys."""
        first, last = window(clock, self.start, self.end)
        inside = keys[(keys >= first) & (keys < last)] - first
        taken = pick(self.rule, self.count, last - first, inside, mean_rate(clock), self.patch)
        return taken + first
