"""Candidates: rows on one clip with one truth, of which only reading tells what each asks."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from r1data.screen.duplicates import blocks, in_company
from r1data.screen.facts import Facts

# Of 13,826 questions of NExT-QA, Video-MME, VSI-Bench and MMVU one shares clip and truth with more
# than eight others, ten of them; eight fit a request of some 300 tokens.
MOST = 8


def find_candidates(
    facts: Facts, groups: NDArray[np.int64], order: NDArray[np.int64], fallen: Collection[int]
) -> dict[int, list[int]]:
    """Return row -> the earlier rows (by `order`) with its media and truth, nearest words first.

    At most `MOST` a row, and only among rows that stand and are not `fallen`.
    """
    stays = np.array(facts.standing, np.bool_)
    stays[list(fallen)] = False
    order = order[stays[order]]
    block = blocks(facts, groups, order)
    shared = in_company(block)
    together: dict[int, list[int]] = defaultdict(list)
    for key, row in zip(block[shared].tolist(), order[shared].tolist(), strict=True):
        together[key].append(row)
    return {row: early for rows in together.values() for row, early in nearest(facts, rows)}


def nearest(facts: Facts, rows: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    """Yield each row but the first with the earlier ones, those that share most words first."""
    holding: dict[int, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        words = facts.content.row(row).tolist()
        shared = Counter(early for word in words for early in holding[word])
        near = [early for early, _ in shared.most_common(MOST)]
        far = (early for early in rows[:number] if early not in shared)
        if number:
            yield row, [*near, *islice(far, MOST - len(near))]
        for word in words:
            holding[word].append(row)
