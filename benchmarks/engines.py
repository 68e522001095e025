"""What an engine costs: seconds to start, milliseconds a cell, and a real build on ray and on pool.

    python benchmarks/engines.py cells --cells 400
    python benchmarks/engines.py build --rows 600 --rounds 2

Rounds alternate between the engines, so that what else the machine does hits both alike.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from r1data.building import release_digest
from r1data.grid.build import Cell, Stage
from r1data.grid.driver import Driver
from r1data.grid.engines import Engine
from r1data.grid.engines.inline import Inline
from r1data.grid.engines.pool import Pool
from r1data.grid.engines.ray import Ray
from r1data.grid.work import Output, Shard
from r1data.schema import arrow_schema

WORKERS = 2
SCHEMA = arrow_schema("selection")


def deal(*, cell: Cell) -> Iterator[Output]:
    """Yield shards of one row."""
    for number in range(cell.options["shards"]):
        row = {**dict.fromkeys(SCHEMA.names), "id": f"null/{number}"}
        yield Shard(f"{number:05d}", pa.Table.from_pylist([row], SCHEMA))


def passed(table: pa.Table, *, cell: Cell) -> pa.Table:
    """Do nothing."""
    return table


def grid(cells: int, last: int) -> list[Stage]:
    """deal -> one null stage; `last` is an option, so that each round makes its cells anew."""
    options = {"shards": cells}
    return [
        Stage("dealt", "engines:deal", 1, options, gather=True, gives="selection"),
        Stage("null", "engines:passed", 2, {"round": last}, takes=("dealt",), gives="selection"),
    ]


def drive(engine: Engine, build: Path, stages: list[Stage]) -> float:
    """Return the seconds that the driver takes."""
    began = time.perf_counter()
    tally = Driver(stages, build, engine, {}).run()
    assert not tally.set_aside
    assert tally.stopped is None
    return time.perf_counter() - began


def cells(count: int, rounds: int) -> dict[str, dict[str, float]]:
    """Measure null cells: start of the engine, and milliseconds a cell once workers are warm."""
    starting: dict[str, float] = {}
    engines: dict[str, Engine] = {}
    for name, make in (
        ("inline", Inline),
        ("pool", lambda: Pool(WORKERS)),
        ("ray", lambda: Ray(WORKERS)),
    ):
        began = time.perf_counter()
        engines[name] = make()
        starting[name] = time.perf_counter() - began
    taken: dict[str, list[float]] = {name: [] for name in engines}
    with tempfile.TemporaryDirectory() as folder:
        for name, engine in engines.items():
            build = Path(folder) / name
            build.mkdir()
            drive(engine, build, grid(count, 0))
        for number in range(1, rounds + 1):
            for name, engine in engines.items():
                seconds = drive(engine, Path(folder) / name, grid(count, number))
                taken[name].append(1000 * seconds / count)
    for engine in engines.values():
        engine.close()
    return {
        name: {
            "start_s": round(starting[name], 2),
            "ms_a_cell": round(statistics.median(taken[name]), 2),
        }
        for name in engines
    }


def build(engine: str, rows: int, out: Path) -> tuple[float, float]:
    """Build frames of moving shapes; return seconds of all, and of the engine's start."""
    command = [sys.executable, "-m", "r1data", "build", "demo", "--out", str(out)]
    command += ["--engine", engine, "--workers", str(WORKERS), f"--set=sources.shapes.rows={rows}"]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    whole = time.perf_counter() - began
    lines = (out / "events.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in lines]
    return whole, next(each["seconds"] for each in told if each["event"] == "engine")


def builds(rows: int, rounds: int) -> dict[str, object]:
    """Build the same on both, by turns; return medians of what is left without the start."""
    taken: dict[str, list[float]] = {"pool": [], "ray": []}
    starts: dict[str, list[float]] = {"pool": [], "ray": []}
    digests: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            order = ("pool", "ray") if number % 2 == 0 else ("ray", "pool")
            for engine in order:
                out = Path(folder) / f"{engine}-{number}"
                whole, start = build(engine, rows, out)
                taken[engine].append(whole - start)
                starts[engine].append(start)
                digests.add(release_digest(out / "9.release"))
                print(engine, round(whole, 1), round(start, 1), flush=True)
    middle = {engine: statistics.median(each) for engine, each in taken.items()}
    return {
        "rows": rows,
        **{f"{engine}_s": round(each, 1) for engine, each in middle.items()},
        "ray_start_s": round(statistics.median(starts["ray"]), 1),
        "ratio": round(middle["ray"] / middle["pool"], 3),
        "same_release": len(digests) == 1,
    }


def main() -> None:
    """Measure null cells, or a real build."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("cells", "build"))
    parser.add_argument("--cells", type=int, default=400)
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=2)
    asked = parser.parse_args()
    if asked.what == "cells":
        print(json.dumps(cells(asked.cells, asked.rounds), indent=1))
    else:
        print(json.dumps(builds(asked.rows, asked.rounds), indent=1))


if __name__ == "__main__":
    main()
