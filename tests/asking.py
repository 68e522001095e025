"""Tables and cells for the teacher's tests; run as a script it asks, so that it can be killed."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from r1data.grid.build import Cell, Stage
from r1data.grid.work import Shard
from r1data.schema import arrow_schema, volatile_columns

OPTIONS = {
    "model": "m",
    "prompt": "video-r1",
    "n": 2,
    "temperature": 1.0,
    "top_p": 0.95,
    "max_tokens": 64,
}
# Not a picture: nothing between frames and teacher looks into the bytes.
JPEG = bytes(range(256)) * 4


def shard(
    rows: int,
    frames: int = 2,
    first: int = 0,
    dropped: tuple[int, ...] = (),
    data_type: str = "video",
    **changes: Any,
) -> tuple[pa.Table, pa.Table]:
    """Return the tables samples and frames of one shard."""
    numbers = range(first, first + rows)
    samples = [sample(number) | {"data_type": data_type} | changes for number in numbers]
    pictures = [taken(number, frames, number in dropped) for number in numbers]
    return (
        pa.Table.from_pylist(samples, arrow_schema("sample")),
        pa.Table.from_pylist(pictures, arrow_schema("frames")),
    )


def sample(number: int) -> dict[str, Any]:
    return {
        "id": f"own/{number}",
        "source": "own",
        "problem": f"What happens in clip {number}?",
        "options": ["it falls", "it rises"],
        "problem_type": "multiple choice",
        "solution": "A",
        "media": [],
        "extra": "{}",
    }


def taken(number: int, frames: int, dropped: bool) -> dict[str, Any]:
    pictures = [
        {
            "bytes": JPEG + bytes([number % 256, i]),
            "time": i / 2,
            "index": 15 * i,
            "width": 56,
            "height": 56,
        }
        for i in range(frames)
    ]
    reason = "undecodable" if dropped else None
    frames_of = [] if dropped else pictures
    return {
        "id": f"own/{number}",
        "sampler": "uniform-2",
        "frames": frames_of,
        "drop_reason": reason,
    }


def cell(
    build: Path, url: str, shard: str = "00000", options: Mapping[str, Any] = {}, **settings: Any
) -> Cell:
    """Return the cell of stage 6 of `build`, with one lane unless `lanes` says otherwise."""
    given = {"lanes": [{"url": url, "concurrency": 8}]} | settings
    folder = build / "6.responses"
    return Cell("responses", shard, {**OPTIONS, **options}, given, build, folder)


def deal(*, cell: Cell) -> Iterator[Shard]:
    """A gather stage: the questions, or the frames, of as many shards as the options say."""
    which = {"samples": 0, "frames": 1}[cell.stage]
    rows = cell.options["rows"]
    for number in range(cell.options["shards"]):
        first = 0 if cell.options["same"] else rows * number
        yield Shard(f"{number:05d}", shard(rows, first=first)[which])


def grid(shards: int, rows: int, cells: int, same: bool = False, **options: Any) -> list[Stage]:
    """Return stages whose last asks about `shards` shards of `rows` rows, `cells` at once."""
    dealt = {"shards": shards, "rows": rows, "same": same}
    return [
        Stage("samples", "asking:deal", 1, dealt, gives="sample", gather=True),
        Stage("frames", "asking:deal", 3, dealt, gives="frames", gather=True),
        Stage(
            "responses",
            "r1data.teacher.stage:ask_teacher",
            6,
            {**OPTIONS, **options},
            takes=("samples", "frames"),
            gives="response",
            needs={"lane": "teacher", "cells": cells},
        ),
    ]


def lasting(table: pa.Table) -> list[dict[str, Any]]:
    """Return the rows without the columns that tell how they came about."""
    return table.drop_columns(volatile_columns("response")).to_pylist()


def journal(build: Path, shard: str = "00000") -> list[dict[str, Any]]:
    """Return the whole lines of a journal; a torn one is left out."""
    path = build / "6.responses" / f"{shard}.journal.jsonl"
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    records = []
    for line in lines:
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    return records


if __name__ == "__main__":
    from r1data.teacher.stage import ask_teacher

    samples, frames = shard(int(sys.argv[3]))
    settings = json.loads(sys.argv[4]) if len(sys.argv) > 4 else {}
    ask_teacher(samples, frames, cell=cell(Path(sys.argv[1]), sys.argv[2], **settings))
