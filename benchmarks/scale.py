"""The driver at 10k to 10M rows: time, memory and overhead a shard, with stages that do nothing.

    python benchmarks/scale.py 10_000 100_000 1_000_000    # each size in a process of its own
    python benchmarks/scale.py 10_000_000 --no-fsync       # what a disk that lies would take

The real driver walks the real grid on a real disk: `deal` gives shards of 256 rows, as `samples`
does, two null stages pass each on, `count` gathers all. What the cells themselves take (Parquet,
notes, fsync) is told apart from what the driver adds: reading notes, keys, queues, events.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from r1data.grid import shards
from r1data.grid.build import Cell, Stage
from r1data.grid.driver import Driver
from r1data.grid.engines.inline import Inline
from r1data.grid.funnel import funnel
from r1data.grid.shards import read_note, sweep
from r1data.grid.work import Output, Page, Shard
from r1data.schema import arrow_schema

ROWS = 256
SCHEMA = arrow_schema("selection")


def deal(*, cell: Cell) -> Iterator[Output]:
    """Yield shards of 256 rows."""
    count = cell.options["rows"]
    for number, start in enumerate(range(0, count, ROWS)):
        ids = [f"null/{i}" for i in range(start, min(count, start + ROWS))]
        columns = [
            pa.array(ids) if field.name == "id" else pa.nulls(len(ids), field.type)
            for field in SCHEMA
        ]
        yield Shard(f"{number:05d}", pa.Table.from_arrays(columns, schema=SCHEMA))


def passed(table: pa.Table, *, cell: Cell) -> pa.Table:
    """Do nothing."""
    return table


def count(paths: Sequence[Path], *, cell: Cell) -> Iterator[Output]:
    """Count rows by the notes of all shards."""
    rows = sum(note.rows for path in paths if (note := read_note(path.with_suffix(".json"))))
    yield Page("count.md", lambda path: path.write_text(f"{rows}\n"))


def grid(rows: int) -> list[Stage]:
    """deal -> one -> two -> count"""
    gives = {"gives": "selection"}
    return [
        Stage("dealt", "scale:deal", 1, {"rows": rows}, gather=True, **gives),
        Stage("one", "scale:passed", 2, takes=("dealt",), **gives),
        Stage("two", "scale:passed", 3, takes=("one",), **gives),
        Stage("count", "scale:count", 9, takes=("two",), gather=True),
    ]


class Timed(Inline):
    """inline, with the time that its cells take."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def wait(self, seconds: float) -> list[Any]:
        """Make the first of what was submitted, and time it."""
        began = time.perf_counter()
        outcomes = super().wait(seconds)
        self.seconds += time.perf_counter() - began
        return outcomes


def timed(work: Callable[[], Any]) -> float:
    """Return how long it took."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def drive(build: Path, rows: int) -> dict[str, float]:
    """Run the driver; return seconds of all and of the cells."""
    engine = Timed()
    driver = Driver(grid(rows), build, engine, {})
    busy = time.process_time()
    whole = timed(driver.run)
    busy = time.process_time() - busy
    assert not driver.tally.set_aside
    assert driver.tally.stopped is None
    return {
        "seconds": whole,
        "cells": engine.seconds,
        "cpu": busy,
        "made": driver.tally.made.total(),
    }


def one_size(rows: int, folder: Path) -> dict[str, Any]:
    """Build, resume, and ask for the funnel."""
    build = folder / "build"
    build.mkdir()
    made = drive(build, rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    kept = drive(build, rows)
    per_shard = 1000 / max(1, made["made"])
    return {
        "rows": rows,
        "cells": made["made"],
        "seconds": round(made["seconds"], 2),
        "ms_a_cell": round(made["seconds"] * per_shard, 3),
        "cpu_ms_a_cell": round(made["cpu"] * per_shard, 3),
        "overhead_ms_a_cell": round((made["seconds"] - made["cells"]) * per_shard, 3),
        "resume_ms_a_cell": round(kept["seconds"] * per_shard, 3),
        "sweep_s": round(timed(lambda: sweep(build)), 2),
        "funnel_s": round(timed(lambda: funnel(build)), 2),
        "peak_mb": round(peak),
        "peak_mb_resumed": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "files": sum(len(files) for _, _, files in os.walk(build)),
    }


def main() -> None:
    """Measure each size in a process of its own, so that its peak memory is its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rows", type=int, nargs="+")
    parser.add_argument("--no-fsync", action="store_true")
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.here:
        if asked.no_fsync:
            shards.os.fsync = lambda _: None
        print(json.dumps(one_size(asked.rows[0], asked.folder)))
        return
    for rows in asked.rows:
        with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
            command = [sys.executable, __file__, str(rows), "--here", "--folder", folder]
            command += ["--no-fsync"] if asked.no_fsync else []
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            print(done.stdout.strip(), flush=True)
            shutil.rmtree(folder, ignore_errors=True)
            Path(folder).mkdir()


if __name__ == "__main__":
    main()
