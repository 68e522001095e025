"""Leaks: which rows are a benchmark's items, or show a benchmark's videos."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from r1data.screen import text
from r1data.screen.colours import Hues, other_colours_near
from r1data.screen.facts import Facts
from r1data.screen.index import Index
from r1data.screen.pictures import Hashes, Sequences, band_keys, by_length, flat

# Measured between 4,996 NExT-QA questions and 8,830 of three benchmarks: words of question and
# options together reach 0.67 by chance, and no two share all options and half of the question.
SAME_OPTIONS, SAME_QUESTION, OPTIONS_TOO, ALL_WORDS = 0.5, 0.85, 0.6, 0.7
# Bands and their width: texts just at their limit share one with 0.997, 0.999 and 0.988.
SAME_OPTIONS_BANDS, SAME_QUESTION_BANDS, ALL_WORDS_BANDS = (20, 2), (14, 5), (24, 5)
# A question of three words is asked everywhere.
LEAST_WORDS = 4
# Two frames that differ in at most so many of 64 bits show the same; a lone picture has no others
# to confirm it: two of 160,000 unrelated ones lie within 12 bits with 0.04, within 8 with 0.00005.
FRAME_BITS, LONE_FRAME_BITS, FEW_FRAMES = 12, 8, 4
# Of 3,980 pairs of made-up clips, drawn alike on plain grounds (tests/planting.py), none have more
# than 0.44 of their frames in a row within 9 bits, and some 0.81 within 12; re-encoded, half-size
# and cut clips have 0.81 and more within 9.
ROW_BITS = 9
PART_BITS, PART_FRAMES, STILL_BITS = 6, 4, 2
ROWS_AT_ONCE = 20_000


class Leak(NamedTuple):
    """A row and the benchmark's item that it gives away."""

    row: int
    into: str
    why: str


def find_leaks(facts: Facts, groups: NDArray[np.int64], indexes: list[Index]) -> list[Leak]:
    """Return the rows that fall out, each with the first item found: by video, then by words.

    A clip that one item was found on is lost with all its rows, but for an item whose words the
    benchmark itself uses on several videos: they say little of the clip.
    """
    found: dict[int, Leak] = {}
    alone: set[int] = set()
    for index in indexes:
        for row, place in by_name(facts, index):
            add(found, facts, index, row, place, "its video has the name of the item's video")
        for row, place in by_frames(facts, index):
            add(found, facts, index, row, place, "its frames are those of the item's video")
        for row, place in by_words(facts, index, groups):
            if row not in found and index.templated[place]:
                alone.add(row)
            add(found, facts, index, row, place, "its words are those of the item")
    spread(found, alone, facts, groups)
    return sorted(found.values())


def add(found: dict[int, Leak], facts: Facts, index: Index, row: int, place: int, why: str) -> None:
    """Note a leak of a standing row that has none yet."""
    if facts.standing[row]:
        found.setdefault(row, Leak(row, f"{index.name}:{index.items[place]}", why))


def spread(
    found: dict[int, Leak], alone: set[int], facts: Facts, groups: NDArray[np.int64]
) -> None:
    """Let all rows on a leaked clip leak; rows in `alone` do not speak for theirs."""
    lost: dict[int, Leak] = {}
    for row in sorted(found.keys() - alone):
        lost.setdefault(int(groups[row]), found[row])
    for row in np.flatnonzero(np.isin(groups, list(lost))).tolist():
        if not facts.standing[row]:
            continue
        source = lost[int(groups[row])]
        why = f"it shows the clip of {facts.ids[source.row]}, which leaks"
        found.setdefault(row, Leak(row, source.into, why))


def by_name(facts: Facts, index: Index) -> Iterator[tuple[int, int]]:
    """Yield (row, item) where a video's name is that of an item's video."""
    places: dict[int, int] = {}
    for place, names in enumerate(index.videos):
        for name in names:
            places.setdefault(name, place)
    for row, names in enumerate(facts.videos):
        place = next((places[name] for name in names if name in places), None)
        if place is not None:
            yield row, place


def by_words(facts: Facts, index: Index, groups: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield (row, item) where question and options are those of an item, or nearly so.

    A question that the benchmark itself asks on several videos, or the build, says nothing of a
    clip, and a question in nearly the same words may be one template filled in differently: where
    frames of both are known, the frames decide.
    """
    decided = index.templated & np.array([len(each) > 0 for each in index.frames])
    items = distinct(index.exact, index.option_set)
    items = items[~decided[items]]
    texts, rows = np.unique(text.mix(facts.exact, facts.option_set), return_inverse=True)
    first = np.full(len(texts), len(rows), np.int64)
    np.minimum.at(first, rows, np.arange(len(rows)))
    found = dict(texts_in(facts, index, first, items))
    common = on_several(facts, groups)
    for row, kind in enumerate(rows.tolist()):
        if kind not in found:
            continue
        verbatim = facts.exact[row] == index.exact[found[kind]] and not common[row]
        if verbatim or not frames_decide(facts, index, row, found[kind]):
            yield row, found[kind]


def on_several(facts: Facts, groups: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which rows put a question that the build itself puts on several clips."""
    pairs = np.unique(np.stack([facts.exact, groups.astype(np.uint64)]), axis=1)
    questions, counts = np.unique(pairs[0], return_counts=True)
    return counts[np.searchsorted(questions, facts.exact)] > 1


def frames_decide(facts: Facts, index: Index, row: int, place: int) -> bool:
    """Tell whether the frames of a row and an item are known, and options that tell are not shared.

    A wording that is used for many clips says nothing of one; what stands to choose from may.
    """
    known = facts.hashes[row] is not None and len(index.frames[place]) > 0
    shared = facts.chosen_from[row] and facts.option_set[row] == index.option_set[place]
    return known and not shared


def distinct(*columns: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the first place of each distinct combination of two columns, in order."""
    return np.sort(np.unique(text.mix(*columns), return_index=True)[1])


def texts_in(
    facts: Facts, index: Index, rows: NDArray[np.int64], items: NDArray[np.int64]
) -> Iterator[tuple[int, int]]:
    """Yield (number in `rows`, item) for the rows whose words are an item's."""
    pairs = candidates(facts, index, rows, items)
    words: dict[int, tuple[set[int], set[int]]] = {
        place: (as_set(index.question, place), as_set(index.everything, place))
        for place in np.unique(pairs[1]).tolist()
    }
    last, ours, whole = -1, set[int](), set[int]()
    for number, place in zip(pairs[0].tolist(), pairs[1].tolist(), strict=True):
        row = int(rows[number])
        if number != last:
            last, ours, whole = number, as_set(facts.question, row), as_set(facts.everything, row)
        same_options = bool(facts.option_set[row] == index.option_set[place])
        if same_words(ours, whole, *words[place], same_options):
            yield number, place


def as_set(bags: text.Bags, row: int) -> set[int]:
    """Return the words of a row as a set."""
    return set(bags.row(row).tolist())


def candidates(
    facts: Facts, index: Index, rows: NDArray[np.int64], items: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (number in `rows`, item) pairs that share a band, each once, sorted."""
    codes: list[NDArray[np.int64]] = []
    ways = (
        (facts.question, index.question, SAME_OPTIONS_BANDS, True),
        (facts.question, index.question, SAME_QUESTION_BANDS, False),
        (facts.everything, index.everything, ALL_WORDS_BANDS, False),
    )
    for ours, theirs, (bands, width), options in ways:
        both = (text.band_keys(each, bands, width) for each in (ours, theirs))
        for mine, other in zip(*both, strict=True):
            mine, other = mine[rows], other[items]
            if options:
                mine = text.mix(mine, facts.option_set[rows])
                other = text.mix(other, index.option_set[items])
            order = np.argsort(other, kind="stable")
            number, place = expand(mine, other[order])
            codes.append(np.unique(number * len(index.items) + items[order[place]]))
    code = np.unique(np.concatenate(codes))
    return code // len(index.items), code % len(index.items)


def same_words(
    ours: set[int], whole: set[int], theirs: set[int], their_whole: set[int], same_options: bool
) -> bool:
    """Tell whether a row's question and options are an item's."""
    if min(len(ours), len(theirs)) < LEAST_WORDS:
        return False
    question = jaccard(ours, theirs)
    if same_options:
        return question >= SAME_OPTIONS
    everything = jaccard(whole, their_whole)
    return everything >= ALL_WORDS or (question >= SAME_QUESTION and everything >= OPTIONS_TOO)


def jaccard(one: set[int], other: set[int]) -> float:
    """Return shared words / all words."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def by_frames(facts: Facts, index: Index) -> Iterator[tuple[int, int]]:
    """Yield (row, item) where at least half of the row's frames are among those of an item."""
    hashed = [*index.frames, *index.cuts]
    known = {each.tobytes(): place for place, each in reversed(list(enumerate(hashed)))}
    places = [place for place in sorted(known.values()) if len(hashed[place])]
    if not places:
        return
    frames = np.concatenate([hashed[place][:, 0] for place in places])
    owners = np.repeat(places, [len(hashed[place]) for place in places])
    lively = ~flat(frames)
    tables = [Table.of(keys, frames[lively], owners[lively]) for keys in band_keys(frames[lively])]
    for sequences in by_length(facts.hashes):
        for start in range(0, len(sequences.rows), ROWS_AT_ONCE):
            part = sequences.part(start, start + ROWS_AT_ONCE)
            for row, place in clips_in(part, tables, hashed):
                yield row, place % len(index.items)


class Table(NamedTuple):
    """Frames of an index, sorted by one key of each."""

    keys: NDArray[np.uint64]
    frames: Hashes
    owners: NDArray[np.int64]

    @classmethod
    def of(cls, keys: NDArray[np.uint64], frames: Hashes, owners: NDArray[np.int64]) -> "Table":
        """Sort frames and owners by their keys."""
        order = np.argsort(keys, kind="stable")
        return cls(keys[order], frames[order], owners[order])


def clips_in(
    sequences: Sequences, tables: list[Table], hashed: list[Hashes]
) -> Iterator[tuple[int, int]]:
    """Yield (row, number in `hashed`) for the sequences that show an item's video."""
    length = sequences.frames.shape[1]
    most = FRAME_BITS if length >= FEW_FRAMES else LONE_FRAME_BITS
    flat_frames = sequences.frames.ravel()
    seen: set[tuple[int, int]] = set()
    for keys, table in zip(band_keys(flat_frames), tables, strict=True):
        ours, theirs = expand(keys, table.keys)
        close = np.bitwise_count(flat_frames[ours] ^ table.frames[theirs]) <= most
        rows = (ours[close] // length).tolist()
        seen.update(zip(rows, table.owners[theirs[close]].tolist(), strict=True))
    for row, place in sorted(seen):
        frames, hues = sequences.frames[row], sequences.hues[row]
        if shows(frames, hashed[place][:, 0]) and not in_other_colours(frames, hues, hashed[place]):
            yield int(sequences.rows[row]), place


def expand(
    keys: NDArray[np.uint64], table: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return all pairs (place in keys, place in the sorted table) with equal keys."""
    low, high = np.searchsorted(table, keys, "left"), np.searchsorted(table, keys, "right")
    counts = high - low
    ours = np.repeat(np.arange(len(keys)), counts)
    begins = np.repeat(np.cumsum(counts) - counts, counts)
    return ours, np.repeat(low, counts) + np.arange(len(ours)) - begins


def shows(frames: Hashes, theirs: Hashes) -> bool:
    """Tell whether at least half of the frames that show something are among the item's.

    Frames one after another must be so, and nearer, forwards or backwards: all frames of a clip in
    which little moves may lie near one and the same frame of another. A part of the video may find
    fewer of its frames; a clip that stands still must be as good as the same.
    """
    lively = frames[~flat(frames)]
    apart = np.bitwise_count(lively[:, None] ^ theirs[None, :])
    nearest = apart.min(axis=1)
    if len(frames) < FEW_FRAMES:
        return among(nearest, LONE_FRAME_BITS)
    if not among(nearest, FRAME_BITS):
        return False
    if 2 * in_a_row(apart <= ROW_BITS) >= len(lively) or among(nearest, STILL_BITS):
        return True
    return among(nearest, PART_BITS) and in_a_row(apart <= PART_BITS) >= PART_FRAMES


def in_other_colours(frames: Hashes, hues: Hues, theirs: Hashes) -> bool:
    """Tell whether the colours of the frames that are the item's in grey speak against it."""
    lively = ~flat(frames)
    apart = np.bitwise_count(frames[lively, None] ^ theirs[None, :, 0])
    return other_colours_near(hues[lively], theirs[:, 1], apart <= FRAME_BITS)


def among(nearest: NDArray[np.uint8], most: int) -> bool:
    """Tell whether at least half of the frames have one of the other's within so many bits."""
    return bool((nearest <= most).mean() >= 0.5)


def in_a_row(near: NDArray[np.bool_]) -> int:
    """Return how many pairs of frames lie near each other in one order of time, each frame once.

    `near` is (our frames, theirs); the longest common subsequence, in the better of two directions.
    """
    found = 0
    for way in (near, near[:, ::-1]):
        longest = np.zeros(near.shape[1] + 1, np.int64)
        for row in way:
            step = np.maximum(longest[1:], longest[:-1] + row)
            longest[1:] = np.maximum.accumulate(step)
        found = max(found, int(longest[-1]))
    return found
