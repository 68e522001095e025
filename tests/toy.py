"""Toy stages: plain functions that the grid's tests drive, importable by worker processes."""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from r1data.grid.build import Cell, Stage
from r1data.grid.shards import read_shard
from r1data.grid.work import Output, Page, Shard
from r1data.schema import arrow_schema

SCHEMA = arrow_schema("selection")


def rows(count: int, first: int = 0) -> pa.Table:
    blank = dict.fromkeys(SCHEMA.names)
    return pa.Table.from_pylist(
        [{**blank, "id": f"t/{i}", "k": i} for i in range(first, first + count)], SCHEMA
    )


def deal(*, cell: Cell) -> Iterator[Output]:
    for i in range(cell.options["shards"]):
        yield Shard(f"{i:05d}", rows(4, 4 * i))


def add(table: pa.Table, *, cell: Cell) -> pa.Table:
    mark(cell)
    more = pa.array([k + cell.options.get("plus", 1) for k in table["k"].to_pylist()])
    return table.set_column(SCHEMA.get_field_index("k"), "k", more)


def drop_odd(table: pa.Table, *, cell: Cell) -> pa.Table:
    mark(cell)
    changed = [
        {**row, "drop_reason": "wrong", "drop_detail": "odd"} if row["k"] % 2 else row
        for row in table.to_pylist()
    ]
    return pa.Table.from_pylist(changed, SCHEMA)


def lose_a_row(table: pa.Table, *, cell: Cell) -> pa.Table:
    return table.slice(1)


def crash_on(table: pa.Table, *, cell: Cell) -> pa.Table:
    """Kill the worker that makes the shard named in the options, as often as told."""
    marks = mark(cell)
    if cell.shard == cell.options["shard"] and marks <= cell.options["times"]:
        os._exit(9)
    return table


def fail_on(table: pa.Table, *, cell: Cell) -> pa.Table:
    if mark(cell) <= cell.options["times"] and cell.shard == cell.options["shard"]:
        raise ValueError("this shard fails")
    return table


def unlucky_once(table: pa.Table, *, cell: Cell) -> pa.Table:
    """Say at the first call that a row may come out better in another run."""
    again = "1" if mark(cell) == 1 else "0"
    return table.replace_schema_metadata({"again": again})


def slow(table: pa.Table, *, cell: Cell) -> pa.Table:
    time.sleep(cell.settings.get("seconds", 0.2))
    mark(cell)
    return table


def too_big(table: pa.Table, *, cell: Cell) -> pa.Table:
    """Give back more than a limit on file sizes lets anybody write."""
    wide = pa.array([os.urandom(20_000).hex() for _ in range(table.num_rows)])
    return table.set_column(SCHEMA.get_field_index("drop_detail"), "drop_detail", wide)


def total(paths: Sequence[Path], *, cell: Cell) -> Iterator[Output]:
    mark(cell)
    kept = [row for path in paths for row in read_shard(path).to_pylist() if not row["drop_reason"]]
    yield Page("total.md", lambda path: path.write_text(f"{sum(row['k'] for row in kept)}\n"))


def raised(paths: Sequence[Path], *, cell: Cell) -> Iterator[Output]:
    """Add the sum of all rows to each row: what comes out of one shard hangs on all of them."""
    mark(cell)
    tables = [read_shard(path) for path in paths]
    whole = sum(k for table in tables for k in table["k"].to_pylist())
    for path, table in zip(paths, tables, strict=True):
        more = pa.array([k + whole for k in table["k"].to_pylist()])
        yield Shard(path.stem, table.set_column(SCHEMA.get_field_index("k"), "k", more))


def mark(cell: Cell) -> int:
    """Leave a trace of each call outside the build; return how many there are of this cell."""
    folder = Path(cell.settings["marks"])
    (folder / f"{cell.stage}-{cell.shard}-{time.monotonic_ns()}-{os.getpid()}").touch()
    return len(list(folder.glob(f"{cell.stage}-{cell.shard}-*")))


def stage(name: str, function: str, takes: tuple[str, ...], room: int, **options: object) -> Stage:
    gather = function in {"deal", "raised", "total"}
    gives = "" if function == "total" else "selection"
    run = f"toy:{function}"
    return Stage(
        name=name, room=room, run=run, options=options, takes=takes, gives=gives, gather=gather
    )
