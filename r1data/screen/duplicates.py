"""Duplicates: a pair falls only when question, truth and media agree."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from r1data.screen.facts import Facts
from r1data.screen.pictures import bucket_pairs, near_groups
from r1data.screen.synonyms import ACTIONS, HINGE, SIDES, TURNING
from r1data.screen.text import band_keys, hashed, mix

# Content words that two wordings of one question share at least.
ALIKE = 0.8
# The same where both offer the same options, three or more: one question is asked more briefly.
SAME_OPTIONS = 0.5
# Of 12,826 real questions with their clips (NExT-QA, Video-MME, VSI-Bench), whose longer ones are
# one template filled in different ways, 4% fell without this bound.
MOST_WORDS = 8
# Of pairs that are alike, 12 bands of 4 find 0.998.
BANDS, WIDTH = 12, 4
# Of pairs that share half of their words, 24 bands of 2 find 0.999.
BRIEF_BANDS, BRIEF_WIDTH = 24, 2
TURNS = hashed(TURNING)
ENDS = hashed(SIDES)
ACTS, COUNTED = hashed(ACTIONS), hashed(["number"])
# Words that a clause begins with, which may stand at either end of a question.
HINGES = hashed(HINGE)


class Twin(NamedTuple):
    """A row that says what another says, and in which way they agree."""

    row: int
    kept: int
    why: str


def media_groups(facts: Facts, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return one number a row: rows with the same number show the same media.

    `order` is the order in which rows lead their groups.
    """
    _, first, place = np.unique(facts.media[order], return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first, kind="stable"), kind="stable")
    unique = rank[place]
    leaders = order[np.sort(first)]
    near = near_groups([facts.hashes[row] for row in leaders.tolist()])
    groups = np.empty(len(order), np.int64)
    groups[order] = near[unique]
    return groups


def find_duplicates(
    facts: Facts, groups: NDArray[np.int64], order: NDArray[np.int64]
) -> list[Twin]:
    """Return the rows that say what an earlier row (by `order`) says about the same media."""
    order = order[np.array(facts.standing, np.bool_)[order]]
    block = blocks(facts, groups, order)
    found: dict[int, Twin] = {}
    for one, other, near in candidate_pairs(facts, order, block):
        for early, late in sorted(zip(order[one].tolist(), order[other].tolist(), strict=True)):
            if late in found or (near and not alike(facts, early, late)):
                continue
            kept = found[early].kept if early in found else early
            found[late] = Twin(late, kept, told(facts, kept, late))
    settle(found)
    return sorted(found.values())


def blocks(facts: Facts, groups: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return one key a place in `order`: rows with one key agree in media and truth."""
    return mix(groups.astype(np.uint64)[order], facts.truth[order])


def candidate_pairs(
    facts: Facts, order: NDArray[np.int64], block: NDArray[np.uint64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], bool]]:
    """Yield places in `order` that agree in media and truth, and in the question: first to the
    letter, then perhaps.
    """
    yield *bucket_pairs(mix(block, facts.exact[order])), False
    shared = in_company(block)
    if not len(shared):
        return
    for keys in band_keys(facts.content, BANDS, WIDTH):
        one, other = bucket_pairs(mix(block[shared], keys[order[shared]]))
        yield shared[one], shared[other], True
    shared = shared[facts.chosen_from[order[shared]]]
    offered = mix(block[shared], facts.option_set[order[shared]])
    for keys in band_keys(facts.content, BRIEF_BANDS, BRIEF_WIDTH) if len(shared) else ():
        one, other = bucket_pairs(mix(offered, keys[order[shared]]))
        yield shared[one], shared[other], True


def in_company(block: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the places whose block has more than one row: most rows are alone in theirs."""
    _, place, count = np.unique(block, return_inverse=True, return_counts=True)
    return np.flatnonzero(count[place] > 1)


def alike(facts: Facts, one: int, other: int) -> bool:
    """Tell whether two questions with one truth about one clip ask the same in other words.

    One may add a few words to the other; where each has a word that the other lacks, two things
    are asked about (the tv and the bed, the tv and the sofa). A word or a clause may stand
    elsewhere, but two things that change places (the dog and the cat) make another question. Where
    the truth tells little (yes), or many words leave room for a template, no single word may.
    """
    if facts.order[one] == facts.order[other]:
        return True
    few, many = sorted((facts.content.row(row).tolist() for row in (one, other)), key=len)
    if len(many) > MOST_WORDS or TURNS & (set(many) - set(few)) or not set(few) <= set(many):
        return False
    same = facts.chosen_from[one] and facts.option_set[one] == facts.option_set[other]
    if len(few) < (SAME_OPTIONS if same else ALIKE) * len(many):
        return False
    common = [word for word in many if word in set(few)]
    if facts.telling[one] and facts.telling[other]:
        return clause_moved(few, common) or one_moved(few, common)
    longer = len(few) < len(many) and not (facts.counted[one] and facts.counted[other])
    return not longer and (clause_moved(few, common) or clause_moved(held(few), held(common)))


def held(sequence: list[int]) -> list[int]:
    """Return what keeps its place, as `in_order` says of stems: all but a count and one action."""
    done = ACTS.intersection(sequence)
    return [
        word for word in sequence if word not in COUNTED and (len(done) > 1 or word not in ACTS)
    ]


def clause_moved(one: list[int], other: list[int]) -> bool:
    """Tell whether two sequences are one, but for a clause that stands at the other end."""
    places = (place for place, word in enumerate(one) if word in HINGES)
    back = (place for place, word in enumerate(other) if word in HINGES)
    return (
        one == other
        or any(one[place:] + one[:place] == other for place in places)
        or any(other[place:] + other[:place] == one for place in back)
    )


def one_moved(one: list[int], other: list[int]) -> bool:
    """Tell whether moving one word makes one sequence the other; two sides do not change places."""
    for word in one:
        rest = [each for each in other if each != word]
        if rest == [each for each in one if each != word]:
            passed = passed_by(word, one, other)
            return not (word in ENDS and passed & ENDS)
    return False


def passed_by(word: int, one: list[int], other: list[int]) -> set[int]:
    """Return the words on whose other side a word stands in the other sequence."""
    before, after = set(one[: one.index(word)]), set(other[: other.index(word)])
    return before ^ after


def settle(found: dict[int, Twin]) -> None:
    """Let each twin name a row that is kept: the one that it named may have fallen later."""
    for row, twin in found.items():
        kept = twin.kept
        while kept in found:
            kept = found[kept].kept
        found[row] = twin._replace(kept=kept)


def told(facts: Facts, kept: int, late: int) -> str:
    """Say in which way two rows agree."""
    question = (
        "same question" if facts.exact[kept] == facts.exact[late] else "same question reworded"
    )
    media = "same file" if facts.media[kept] == facts.media[late] else "file that shows the same"
    return f"{question}, same answer, {media}"
