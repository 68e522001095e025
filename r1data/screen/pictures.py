"""Perceptual hashes of frame sequences: which clips show the same, whatever file they are in.

Measured on seven real clips with 16 frames each, as the share of bits that differ: half size 0.004
to 0.061, cut by 5% 0.070 to 0.129, both at low quality 0.070 to 0.150; a clip played backwards
0.203 to 0.465; two different clips 0.416 to 0.510.
"""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from r1data.errors import InputError
from r1data.screen.colours import Hues, other_colours
from r1data.screen.text import mix

NEAR = 0.17
# A flat frame (black, white, one colour) has next to no bits set, or next to all: it looks like
# every other flat frame. Of 112 real frames the ends were 13 and 51 of 64.
FLAT_LOW, FLAT_HIGH = 8, 56
# 20 bits of 64 or 1,024: two unrelated clips of a million meet in a table with probability 1 in 2;
# clips 0.06 apart share one of the 40 tables with 0.9999, clips 0.15 apart with 0.79.
TABLES, BITS = 40, 20
SEED = 20_240_502
PAIRS_AT_ONCE = 20_000

Hashes = NDArray[np.uint64]


class Sequences(NamedTuple):
    """Hashes of equally long sequences: `rows` are their numbers, `frames` what their frames look
    like in grey (rows, length), `hues` their colours.
    """

    rows: NDArray[np.int64]
    frames: Hashes
    hues: Hues

    def part(self, start: int, end: int) -> "Sequences":
        """Return some of the sequences."""
        part = slice(start, end)
        return Sequences(self.rows[part], self.frames[part], self.hues[part])


def read_hash(text: str) -> Hashes:
    """Return the numbers (frames, 2) of a column `phash`, grey and hues: hex, apart by a colon, and
    files apart by a space. Raises InputError for one without hues.
    """
    files = [each.split(":") for each in text.split(" ")]
    if any(len(parts) != 2 for parts in files):
        told = f"a hash of frames without their hues: {text[:20]}...; take these frames again"
        raise InputError(f"{told}, an earlier version of r1data took them")
    both = [bytes.fromhex("".join(part)) for part in zip(*files, strict=True)]
    return np.array([np.frombuffer(part, ">u8") for part in both]).astype(np.uint64).T


def by_length(hashes: list[Hashes | None]) -> Iterator[Sequences]:
    """Yield the sequences of each length that are not flat; None stands for no picture."""
    lengths = np.array([0 if each is None else len(each) for each in hashes], np.int64)
    for length in np.unique(lengths[lengths > 0]):
        rows = np.flatnonzero(lengths == length)
        both = np.array([hashes[row] for row in rows], np.uint64).reshape(-1, int(length), 2)
        lively = ~flat(both[..., 0])
        enough = lively.sum(axis=1) * 2 > length
        if enough.any():
            yield Sequences(rows[enough], *np.ascontiguousarray(both[enough].transpose(2, 0, 1)))


def flat(frames: Hashes) -> NDArray[np.bool_]:
    """Tell which frames show nothing that a hash could tell from another."""
    ones = np.bitwise_count(frames)
    return (ones < FLAT_LOW) | (ones > FLAT_HIGH)


def distance(one: Hashes, other: Hashes) -> NDArray[np.float64]:
    """Return the share of differing bits along the last axis."""
    return np.bitwise_count(one ^ other).sum(axis=-1) / (64.0 * one.shape[-1])


def same_in_grey(one: Hashes, other: Hashes) -> NDArray[np.bool_]:
    """Tell which sequences show the same in the same order, but for colour.

    A still scene is as near to its reverse as to itself; where the reverse is nearer, it is another
    clip: what happens first in the one happens last in the other.
    """
    ahead = distance(one, other)
    back = distance(one, other[..., ::-1])
    return (ahead <= NEAR) & (ahead <= back)


def near_groups(hashes: list[Hashes | None]) -> NDArray[np.int64]:
    """Return, for each sequence, the number of the first one that shows the same; itself if none.

    A sequence joins the first of a group, never another member, so that groups cannot creep along
    a chain of small differences.
    """
    leader = np.arange(len(hashes), dtype=np.int64)
    for sequences in by_length(hashes):
        pairs = verified_pairs(sequences)
        for early, late in pairs:
            if leader[early] == early and leader[late] == late:
                leader[late] = early
    return leader


def verified_pairs(sequences: Sequences) -> list[tuple[int, int]]:
    """Return the pairs (earlier, later) that share a table's bucket and show the same, sorted."""
    found: set[tuple[int, int]] = set()
    for keys in table_keys(sequences.frames):
        one, other = bucket_pairs(keys)
        same = same_in_grey(sequences.frames[one], sequences.frames[other])
        found.update(zip(one[same].tolist(), other[same].tolist(), strict=True))
    pairs = np.array(sorted(found), np.int64).reshape(-1, 2)
    told = (same_in_colour(sequences, part) for part in parted(pairs))
    kept = np.fromiter(itertools.chain.from_iterable(told), np.bool_, len(pairs))
    same = [*pairs[kept].tolist(), *among_refused(sequences, pairs[~kept])]
    return sorted((int(sequences.rows[one]), int(sequences.rows[other])) for one, other in same)


def parted(pairs: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield the pairs a few at a time, so that their frames fit into memory."""
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        yield pairs[start : start + PAIRS_AT_ONCE]


def same_in_colour(sequences: Sequences, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell of which pairs of places the colours do not speak against it."""
    one, other = (sequences.hues[places] for places in pairs.T)
    return ~other_colours(one, other)


def among_refused(sequences: Sequences, pairs: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield the pairs that show the same among what colour told from one and the same sequence.

    All of it stands behind that one in every bucket, and was compared with nothing else there.
    `pairs` are sorted.
    """
    _, starts = np.unique(pairs[:, 0], return_index=True)
    for rest in np.split(pairs[:, 1], starts[1:]):
        while len(rest) > 1:
            lead, rest = rest[0], rest[1:]
            same = same_in_grey(sequences.frames[lead][None], sequences.frames[rest])
            same &= ~other_colours(sequences.hues[lead][None], sequences.hues[rest])
            yield from ((int(lead), int(other)) for other in rest[same])
            rest = rest[~same]


def table_keys(frames: Hashes) -> Iterator[NDArray[np.uint64]]:
    """Yield one key a sequence and table: some bits sampled over the whole sequence.

    Sampling bits is the locality-sensitive hash of the Hamming distance (Indyk & Motwani 1998).
    """
    rng = np.random.default_rng(SEED)
    for _ in range(TABLES):
        key = np.zeros(len(frames), np.uint64)
        for place in rng.choice(64 * frames.shape[1], BITS, replace=False):
            bit = (frames[:, place // 64] >> np.uint64(place % 64)) & np.uint64(1)
            key = (key << np.uint64(1)) | bit
        yield key


def bucket_pairs(keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (earlier, later) row numbers with equal keys: each with its bucket's first and with
    the one before it, which is enough since other tables put other rows first.
    """
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    first = np.repeat(starts, np.diff(np.r_[starts, len(ordered)]))
    places = np.arange(len(ordered))
    late = places > first
    beside = late & (places - 1 > first)
    one = np.r_[order[first[late]], order[places[beside] - 1]]
    return one, np.r_[order[places[late]], order[places[beside]]]


def band_keys(frames: Hashes) -> Iterator[NDArray[np.uint64]]:
    """Yield four keys a frame: its quarters of 16 bits, for finding it in a small index."""
    for quarter in range(4):
        bits = (frames >> np.uint64(16 * quarter)) & np.uint64(0xFFFF)
        yield mix(np.full_like(bits, quarter + 1), bits)
