"""Colours of frames: they say that two clips which look alike in grey are two, never that they are
one.

A frame's 64 bits hold two for each of 32 hues, its level of 0 to 3 (`r1data.frames.hues`); none are
set where it has hardly any colour, and then it says nothing. Lacking is the share of one's colour
whose hue, or the one next to it, the other has nowhere; the lesser of the two ways counts, as a
copy in pale colours lacks some, and one with a logo is lacked some. Measured on six real and 50
made-up clips (benchmarks/colours.py): re-encoded down to CRF 42, at half the size, cut by 5%,
paler, stronger, darker, lighter, by a wrong colour matrix, with a green logo: at most 0.04; at a
quarter of the size one of 56 0.19. Of 159 pairs of other made-up clips that look alike in grey 120
lack 0.15 or more, none between 0.10 and 0.15. What is tinted all over (sepia) may pass for another
clip.
"""

import numpy as np
from numpy.typing import NDArray

Hues = NDArray[np.uint64]

OTHER = 0.12
# In one frame of so many a shape just comes into sight in the one and not yet in the other.
FRAMES_THAT_TELL = 0.25
# What share of all colour the levels 1, 2 and 3 stand for, about the middle of each.
WEIGHTS = (0.05, 0.2, 0.6)
ONES = np.uint64(0x5555_5555_5555_5555)
ONE, TWO, TOP = np.uint64(1), np.uint64(2), np.uint64(62)


def other_colours(one: Hues, other: Hues) -> NDArray[np.bool_]:
    """Tell which sequences, frame by frame along the last axis, cannot show the same."""
    return lacked(one, other) >= OTHER


def other_colours_near(ours: Hues, theirs: Hues, near: NDArray[np.bool_]) -> bool:
    """Tell whether frames that are near in grey (ours, theirs) cannot be the same."""
    return lacked_near(ours, theirs, near) >= OTHER


def lacked(one: Hues, other: Hues) -> NDArray[np.float64]:
    """Return the lesser share of colour that sequences lack of each other's, frame by frame; 0
    where few frames tell.
    """
    tell = (one != 0) & (other != 0)
    ways = (lacking(one, around(other), tell), lacking(other, around(one), tell))
    return np.where(tell.mean(axis=-1) >= FRAMES_THAT_TELL, np.minimum(*ways), 0.0)


def lacked_near(ours: Hues, theirs: Hues, near: NDArray[np.bool_]) -> float:
    """Return the same for frames that are near in grey (ours, theirs).

    Each is held against all that it is near to: in a clip where little moves any may be its twin.
    """
    tell = near & (ours != 0)[:, None] & (theirs != 0)[None, :]
    rows, columns = tell.any(axis=1), tell.any(axis=0)
    if rows.sum() < max(1, FRAMES_THAT_TELL * near.any(axis=1).sum()):
        return 0.0
    seen = np.bitwise_or.reduce(np.where(tell, around(theirs)[None, :], 0), axis=1)
    back = np.bitwise_or.reduce(np.where(tell, around(ours)[:, None], 0), axis=0)
    return float(min(lacking(ours, seen, rows), lacking(theirs, back, columns)))


def around(hues: Hues) -> Hues:
    """Return a bit for each hue that is there, and for those next to it."""
    there = (hues | hues >> ONE) & ONES
    return there | there << TWO | there >> TOP | there >> TWO | there << TOP


def lacking(hues: Hues, there: Hues, tell: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the share of colour that is not there, on average over the frames that tell."""
    missing = ~there & ONES
    share = amount(hues & (missing | missing << ONE)) / np.maximum(amount(hues), WEIGHTS[0])
    return (share * tell).sum(axis=-1) / np.maximum(tell.sum(axis=-1), 1)


def amount(hues: Hues) -> NDArray[np.float64]:
    """Add up what the levels of a frame's hues stand for."""
    low, high = hues & ONES, hues >> ONE & ONES
    levels = (low & ~high, high & ~low, low & high)
    counts = (np.bitwise_count(each) for each in levels)
    return np.sum([weight * count for weight, count in zip(WEIGHTS, counts, strict=True)], axis=0)
