"""Which pictures of a clip are taken: exact, named rules over positions in presentation order."""

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from r1data.errors import RowDrop, UsageError
from r1data.grid.drops import Drop

RULES = ("uniform", "model-card", "fps", "middle", "keyframes")
# Video-R1's training: vision_process.py, FPS 2.0, FPS_MIN_FRAMES 4, FRAME_FACTOR 2.
FPS = 2
FPS_LEAST = 4
FPS_FACTOR = 2
# Matroska rounds times to a millisecond, so 8 s at 2 a second may come out as 15.9997 pictures.
FPS_SLACK = Fraction(1, 1000)
# Half a millisecond of room for parts: annotations and Matroska both round to a millisecond.
ROUNDED = 0.0005


class Clock(NamedTuple):
    """Presentation times of a clip: `pts` rise strictly, in units of `unit` seconds.

    Seconds count from the clip's first presented picture, as players and `ffmpeg -ss` show them:
    a transport stream starts at 1.4 s or at any hour of the day, and people cut by what they see.
    """

    pts: NDArray[np.int64]
    unit: Fraction

    def seconds(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the times of the pictures at `indices`, the first picture's being 0."""
        since = (self.pts[indices] - self.pts[0]).astype(np.float64)
        return since * self.unit.numerator / self.unit.denominator


def pick(
    rule: str, count: int, total: int, keys: NDArray[np.int64], rate: Fraction, patch: int = 1
) -> NDArray[np.int64]:
    """Return the positions, rising, that `rule` takes from `total` pictures.

    `count` is the number taken, or, for `fps`, the largest number. A clip with fewer pictures
    gives each of them once. `keys` are the positions of key pictures, `rate` is in pictures a
    second. `patch` is the model's temporal patch: numbers above it are cut to its multiple.
    """
    if total < 1:
        raise RowDrop(Drop.TOO_SHORT, "no picture lies in the part of the clip that is asked for")
    if rule == "keyframes":
        if not len(keys):
            raise RowDrop(Drop.TOO_SHORT, "no key picture lies in the part that is asked for")
        n = whole_patches(min(count, len(keys)), patch)
        return keys[spread(n, len(keys))]
    if rule == "fps":
        return spread(fps_count(total, rate, count), total)
    n = whole_patches(min(count, total), patch)
    if rule == "uniform":
        return spread(n, total)
    steps = np.arange(n, dtype=np.int64)
    if rule == "model-card":
        return steps * total // n
    if rule == "middle":
        return (2 * steps + 1) * total // (2 * n)
    raise UsageError(f"unknown sampling rule '{rule}': choose one of {', '.join(RULES)}")


def spread(n: int, total: int) -> NDArray[np.int64]:
    """Return `linspace(0, total - 1, n).round()`, qwen-vl-utils' rule."""
    return np.linspace(0, total - 1, n).round().astype(np.int64)


def fps_count(total: int, rate: Fraction, most: int) -> int:
    """Return how many pictures qwen-vl-utils' smart_nframes takes at 2 a second.

    A clip of one picture, for which the original raises, gives that picture.
    """
    most = most // FPS_FACTOR * FPS_FACTOR
    wanted = total / rate * FPS + FPS_SLACK
    n = int(min(max(wanted, FPS_LEAST), most, total))
    return max(n // FPS_FACTOR * FPS_FACTOR, 1)


def whole_patches(n: int, patch: int) -> int:
    """Cut `n` to a multiple of `patch`, but never to nothing."""
    return n // patch * patch if n >= patch else n


def window(clock: Clock, start: float | None, end: float | None) -> tuple[int, int]:
    """Return the range [first, last) of pictures whose times lie in [start, end], in seconds.

    Raises RowDrop where the part is none, or holds no picture.
    """
    check_part(start, end)
    seconds = clock.seconds(np.arange(len(clock.pts)))
    first = 0 if start is None else int(np.searchsorted(seconds, start - ROUNDED, "left"))
    last = len(seconds) if end is None else int(np.searchsorted(seconds, end + ROUNDED, "right"))
    if last <= first:
        told = f"no picture lies in {told_part(start, end)} of a clip of {seconds[-1]:.2f} s"
        raise RowDrop(Drop.TOO_SHORT, told)
    return first, last


def check_part(start: float | None, end: float | None) -> None:
    """Raise RowDrop for a part that no clip has: reversed, empty, or without a number."""
    part = told_part(start, end)
    if any(math.isnan(edge) for edge in (start, end) if edge is not None):
        raise RowDrop(Drop.TOO_SHORT, f"{part} is no part of a clip: a time is not a number")
    if start is not None and start < -ROUNDED:
        raise RowDrop(Drop.TOO_SHORT, f"{part} is no part of a clip: it starts before 0 s")
    if end is not None and end < (start or 0):
        raise RowDrop(Drop.TOO_SHORT, f"{part} is a reversed part: it ends before it starts")
    if end is not None and end == (start or 0):
        raise RowDrop(Drop.TOO_SHORT, f"{part} is an empty part: it ends where it starts")


def told_part(start: float | None, end: float | None) -> str:
    """Return a part in words."""
    return f"{start or 0:g} s to {'the end' if end is None else f'{end:g} s'}"


def mean_rate(clock: Clock) -> Fraction:
    """Return pictures a second over the whole clip, from its times and not from its header."""
    if len(clock.pts) < 2:
        return Fraction(1)
    length = int(clock.pts[-1] - clock.pts[0]) * clock.unit
    return (len(clock.pts) - 1) / length
