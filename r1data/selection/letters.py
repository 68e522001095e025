"""Even letters: options in another order, so that each letter is right equally often.

It is done before anything is asked, so that no chain names a letter that has moved.
"""

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from r1data.probes.showing import ABOUT_OTHERS, place_of
from r1data.teacher.prompts import letter

ORDER = "options_order"


def even_letters(rows: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """Return the rows with their options in another order; their `extra` tells the old places.

    Among questions with as many options, letters are dealt in turn, by a hash of the ids: neither
    the order of rows nor that of their sources decides. Options that speak of others by place or
    letter stay as they are.
    """
    by_count: dict[int, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        if can_move(row):
            by_count[len(row["options"])].append(number)
    dealt = list(rows)
    for count, numbers in by_count.items():
        numbers.sort(key=lambda number: rank(rows[number]["id"], seed))
        for turn, number in enumerate(numbers):
            dealt[number] = moved(rows[number], turn % count, seed)
    return dealt


def can_move(row: Mapping[str, Any]) -> bool:
    """Tell whether the options of a row mean the same in any order, and one of them is true."""
    return place_of(row) is not None and not any(map(ABOUT_OTHERS.search, row["options"]))


def rank(identity: str, seed: int) -> bytes:
    """Return what rows are dealt by."""
    return hashlib.sha256(f"letters|{seed}|{identity}".encode("utf-8", "surrogatepass")).digest()


def moved(row: dict[str, Any], place: int, seed: int) -> dict[str, Any]:
    """Return a row with its true option at `place` and the others shuffled around it."""
    truth = place_of(row)
    assert truth is not None
    others = [i for i in range(len(row["options"])) if i != truth]
    random.Random(f"letters|{seed}|{row['id']}").shuffle(others)
    order = [*others[:place], truth, *others[place:]]
    extra = json.dumps(
        {**json.loads(row["extra"]), ORDER: order}, ensure_ascii=False, sort_keys=True
    )
    options = [row["options"][i] for i in order]
    return {**row, "options": options, "solution": letter(place), "extra": extra}
