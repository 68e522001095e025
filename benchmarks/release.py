"""How fast a release of frames is written, and in how much memory.

    python benchmarks/release.py                 2 GB
    python benchmarks/release.py --megabytes 400 --rounds 1

Three writers turn the same tables of a build into shards, each in a process of its own, in turn:
r1data's release stage, a plain pyarrow stream (read a shard, write its rows with the same text and
pictures), and datasets' row writer. The pictures are noise of 26 kB, 12 a row.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from r1data.grid.shards import Note, parquet_settings, write_shard
from r1data.grid.work import Page
from r1data.release.features import typed
from r1data.release.rows import pictures, text_rows, text_table
from r1data.release.stage import TABLES, write_release
from r1data.schema import arrow_schema

FRAMES, PICTURE_BYTES, SHARD_ROWS = 12, 26_500, 256
OPTIONS = {
    "tables": list(TABLES),
    "configs": ["frames", "text"],
    "shard_mb": 400,
    "splits": {},
    "name": "benchmark",
    "recipe": "0" * 64,
    "recipe_yaml": "name: benchmark",
    "seed": 7,
    "r1data_version": "0",
    "row_recipes": {"noise": "0" * 64},
    "rows_since": "0",
}


def make_tables(folder: Path, megabytes: int) -> None:
    """Write the tables of a build whose frames take so many megabytes."""
    rows = megabytes * 1_000_000 // (FRAMES * PICTURE_BYTES)
    noise = np.random.default_rng(7).integers(0, 256, PICTURE_BYTES * 64, dtype=np.uint8).tobytes()
    for shard, start in enumerate(range(0, rows, SHARD_ROWS)):
        numbers = range(start, min(start + SHARD_ROWS, rows))
        for name, each in tables(numbers, noise).items():
            schema = arrow_schema(SCHEMAS.get(name, name))
            note = Note(stage=name, shard=f"{shard:05d}", key="", digest="")
            write_shard(folder / name, pa.Table.from_pylist(each, schema), note, [])


SCHEMAS = {
    "samples": "sample",
    "responses": "response",
    "verdicts": "verdict",
}


def tables(numbers: range, noise: bytes) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of one shard of every table."""
    made: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for i in numbers:
        row = {"id": f"noise/{i}", "drop_reason": None, "drop_detail": None}
        terms = {"annotations": "CC0-1.0", "media": "CC0-1.0", "non_commercial": False}
        sample = {"source": "noise", "split": "train", "problem": f"What is shown in {i}?"}
        sample |= {"options": ["one", "two"], "problem_type": "multiple choice", "solution": "A"}
        sample |= {"data_type": "video", "media": [{"role": "video", "uri": f"{i}.mp4"}]}
        sample |= {"license": {**terms, "gated": False}, "extra": "{}"}
        made["samples"].append({**row, **sample, "origin": {"file": "f", "row": str(i)}})
        made["media"].append({**row, "files": [{"sha256": f"{i:064d}", "bytes": 1_000_000}]})
        frames = [frame(i * FRAMES + k, noise, k) for k in range(FRAMES)]
        made["frames"].append({**row, "sampler": "uniform-12", "frames": frames})
        text = f"<think>{'I look at it again. ' * 100}</think><answer>A</answer>"
        made["responses"].append({"id": row["id"], "k": 0, "model": "m", "text": text})
        made["verdicts"].append({"id": row["id"], "k": 0, "preset": "canonical", "version": 1})
        made["selection"].append(
            {**row, "k": 0, "chains": [0], "kind": "chain", "pass_rate": 1.0, "probes": []}
        )
    return made


def frame(number: int, noise: bytes, k: int) -> dict[str, Any]:
    """Return one picture: a window of the noise with its number in front."""
    start = number * 97 % (len(noise) - PICTURE_BYTES)
    data = number.to_bytes(8, "big") + noise[start : start + PICTURE_BYTES - 8]
    return {"bytes": data, "time": k / 2, "index": k, "width": 448, "height": 252}


def inputs_of(folder: Path) -> list[dict[str, Path]]:
    """Return the paths of every shard's tables."""
    shards = sorted(path.name for path in (folder / "frames").glob("*.parquet"))
    return [{name: folder / name / shard for name in TABLES} for shard in shards]


def write_r1data(folder: Path, out: Path) -> None:
    """The release stage as a build runs it, without the fsync and hash that the grid adds."""
    columns = [tuple(each[name] for each in inputs_of(folder)) for name in TABLES]
    cell: Any = SimpleNamespace(options=OPTIONS, folder=out, build=folder, settings={})
    for page in write_release(*columns, cell=cell):
        assert isinstance(page, Page)
        (out / page.path).parent.mkdir(exist_ok=True)
        page.write(out / page.path)


def blocks(folder: Path, schema: pa.Schema) -> Iterator[pa.Table]:
    """Read the tables shard by shard and join them, in the order of the build."""
    for inputs in inputs_of(folder):
        table = text_table(list(text_rows(inputs, OPTIONS)), schema)
        file = pq.ParquetFile(inputs["frames"])
        start = 0
        for number in range(file.num_row_groups):
            group = file.read_row_group(number, columns=["frames.list.element.bytes"])
            column = pictures(group["frames"].combine_chunks())
            part = table.slice(start, group.num_rows)
            start += group.num_rows
            yield part.append_column("frames", column).select(schema.names).cast(schema)


def write_pyarrow(folder: Path, out: Path) -> None:
    """A plain stream: no dealing, no second config, one row group a block, 400 MB a shard."""
    schema = typed("frames", pa.int64()).schema
    writer, number, size = None, 0, 0
    for block in blocks(folder, schema):
        if writer is None or size > 400_000_000:
            if writer is not None:
                writer.close()
            path = out / f"{number:05d}.parquet"
            writer = pq.ParquetWriter(path, schema, **parquet_settings(schema))
            number, size = number + 1, 0
        writer.write_table(block)
        size += block.nbytes
    assert writer is not None
    writer.close()


def write_datasets(folder: Path, out: Path) -> None:
    """The row writer of datasets, row by row."""
    from datasets.arrow_writer import ParquetWriter

    columns = typed("frames", pa.int64())
    path = str(out / "0.parquet")
    writer = ParquetWriter(features=columns.features, path=path, writer_batch_size=100)
    for block in blocks(folder, columns.schema):
        for row in block.to_pylist():
            writer.write(row)
    writer.finalize()
    writer.close()


WRITERS = {"r1data": write_r1data, "pyarrow": write_pyarrow, "datasets": write_datasets}


def measure(name: str, folder: Path) -> dict[str, float]:
    """Run one writer in a process of its own."""
    with tempfile.TemporaryDirectory(dir=folder.parent) as out:
        arguments = [sys.executable, __file__, "--writer", name, "--tables", str(folder)]
        ran = subprocess.run([*arguments, "--out", out], capture_output=True, text=True, check=True)
    return json.loads(ran.stdout.splitlines()[-1])


def run_writer(name: str, folder: Path, out: Path) -> None:
    """Write, and print seconds and the peak of memory."""
    start, cpu = time.perf_counter(), time.process_time()
    WRITERS[name](folder, out)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    size = sum(path.stat().st_size for path in out.rglob("*.parquet")) / 1e6
    found = {"seconds": seconds, "cpu": time.process_time() - cpu, "peak_mb": peak, "mb": size}
    print(json.dumps(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--writer", choices=WRITERS)
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    if given.writer:
        run_writer(given.writer, given.tables, given.out)
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as place:
        folder = Path(place) / "tables"
        make_tables(folder, given.megabytes)
        found: dict[str, list[dict[str, float]]] = {name: [] for name in WRITERS}
        names = list(WRITERS)
        for turn in range(given.rounds):
            # Whoever comes first meets a disk cache that the others have not warmed yet.
            first = turn % len(names)
            for name in [*names[first:], *names[:first]]:
                found[name].append(measure(name, folder))
    base = statistics.median(each["seconds"] for each in found["r1data"])
    print("| writer | seconds | ratio | cpu | peak MB | MB written |\n|---|---|---|---|---|---|")
    for name, each in found.items():
        middle = {key: statistics.median(one[key] for one in each) for key in each[0]}
        print(
            f"| {name} | {middle['seconds']:.2f} | {middle['seconds'] / base:.2f} "
            f"| {middle['cpu']:.2f} | {max(one['peak_mb'] for one in each):.0f} "
            f"| {middle['mb']:.0f} |"
        )


if __name__ == "__main__":
    main()
