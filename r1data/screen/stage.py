"""4 screen: which rows say what another says, and which give a benchmark away."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from r1data.grid.build import Cell
from r1data.grid.drops import Drop
from r1data.grid.work import Output, Shard
from r1data.schema import arrow_schema
from r1data.screen.against import read_released
from r1data.screen.candidates import find_candidates
from r1data.screen.duplicates import find_duplicates, media_groups
from r1data.screen.facts import FRAMES, Facts, read_columns, read_facts, together
from r1data.screen.index import read_index
from r1data.screen.leaks import find_leaks


def screen_samples(
    samples: Sequence[Path], media: Sequence[Path], frames: Sequence[Path], *, cell: Cell
) -> Iterator[Output]:
    """Yield, shard by shard, what each row duplicates or leaks into; earlier reasons are kept.

    Of rows that say the same, what another build released stays, then the smallest id, whatever
    order they came in. Rows that may say it in other words are named as `candidates`.
    """
    facts, counts = read_facts(samples, media, frames)
    found = findings(facts, cell.options, [*map(read_released, cell.options["against"])])
    start = 0
    for path, count in zip(frames, counts, strict=True):
        rows = read_columns(path, [name for name in FRAMES if name != "phash"])
        yield Shard(path.stem, screened(rows, found, start))
        start += count


def findings(
    facts: Facts, options: Mapping[str, Any], elsewhere: Sequence[Facts] = ()
) -> dict[int, dict[str, Any]]:
    """Return row -> its columns, where there are any. A leak says more than a duplicate."""
    count = len(facts.ids)
    every = together([facts, *elsewhere])
    order = np.array(
        sorted(range(len(every.ids)), key=lambda i: (i < count, every.ids[i])), np.int64
    )
    groups = media_groups(every, order)
    found: dict[int, dict[str, Any]] = {}
    indexes = [read_index(name) for name in options["decontaminate"]]
    for leak in find_leaks(facts, groups[:count], indexes):
        detail = f"{leak.why} ({leak.into})"
        found[leak.row] = {"leaks_into": leak.into, **drop(Drop.CONTAMINATED, detail)}
    if not options["duplicates"]:
        return found
    for twin in (each for each in find_duplicates(every, groups, order) if each.row < count):
        kept = every.ids[twin.kept]
        reason = drop(Drop.DUPLICATE, f"{twin.why} as in {kept}")
        found[twin.row] = {"duplicate_of": kept, **reason, **found.get(twin.row, {})}
    own = order[order < count]
    for row, early in find_candidates(facts, groups[:count], own, found).items():
        found[row] = {"candidates": [facts.ids[each] for each in early]}
    return found


def screened(rows: pa.Table, found: Mapping[int, Mapping[str, Any]], start: int) -> pa.Table:
    """Return the table "screen" of one shard, whose first row has the number `start`."""
    empty = {"duplicate_of": None, "leaks_into": None, "candidates": []}
    given = [
        {**row, **empty, **found.get(number, {})}
        for number, row in enumerate(rows.to_pylist(), start)
    ]
    return pa.Table.from_pylist(given, arrow_schema("screen"))


def drop(reason: Drop, detail: str) -> dict[str, str]:
    """Return the two columns of a drop."""
    return {"drop_reason": reason.value, "drop_detail": detail}
