"""Duplicates: a pair falls only when question, truth and media agree."""

from collections import defaultdict
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from r1data.screen.facts import Facts
from r1data.screen.pictures import near_groups
from r1data.screen.text import forms_agree, mix


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
    keys = mix(blocks(facts, groups, order), facts.order[order])
    shared = in_company(keys)
    kept: dict[int, list[int]] = defaultdict(list)
    found: list[Twin] = []
    for key, row in zip(keys[shared].tolist(), order[shared].tolist(), strict=True):
        for early in kept[key]:
            if forms_agree(facts.endings[early], facts.endings[row]):
                found.append(Twin(row, early, told(facts, early, row)))
                break
        else:
            kept[key].append(row)
    return sorted(found)


def blocks(facts: Facts, groups: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return one key a place in `order`: rows with one key agree in media and truth."""
    return mix(groups.astype(np.uint64)[order], facts.truth[order])


def in_company(block: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the places whose block has more than one row: most rows are alone in theirs."""
    _, place, count = np.unique(block, return_inverse=True, return_counts=True)
    return np.flatnonzero(count[place] > 1)


def told(facts: Facts, kept: int, late: int) -> str:
    """Say in which way two rows agree."""
    same = facts.exact[kept] == facts.exact[late]
    question = "same question" if same else "same question in other word forms"
    media = "same file" if facts.media[kept] == facts.media[late] else "file that shows the same"
    return f"{question}, same answer, {media}"
