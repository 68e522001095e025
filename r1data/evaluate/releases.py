"""A release as a test set: its questions, each once, with the frames that its rows bring along."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from r1data.errors import InputError, UsageError
from r1data.evaluate.benchmarks import BENCHMARKS, Benchmark
from r1data.evaluate.rows import Item, Place, TestSet
from r1data.labels import bare_texts
from r1data.release.layout import named_damage, release_folder, shards_of, unknown_values
from r1data.rewards.verdict import plain_truth

TEXTS = ("id", "problem", "problem_type", "data_type", "options", "solution", "data_source")


def is_release(path: Path) -> bool:
    """Tell whether a path is a release, a build with one, or a shard that brings frames along."""
    if path.is_dir():
        return (path / "build.json").is_file() or (path / "README.md").is_file()
    return path.suffix.lower() == ".parquet" and has_frames(path)


def has_frames(path: Path) -> bool:
    """Tell whether a Parquet file has the columns of a release's shard."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = set(pq.read_schema(path).names)
    except (pa.ArrowInvalid, OSError):
        return False  # whoever reads it as questions says what is wrong with it
    return {"id", "frames", "frame_times", "solution"} <= names


def read_release(path: Path, split: str | None, benchmark: Benchmark | None = None) -> TestSet:
    """Return the questions of a release, or of one of its splits. Raises UsageError."""
    shards = [path] if path.is_file() else shards_of(release_folder(path), "frames")
    if not shards:
        raise UsageError(f"{path} is a release without frames: score it over its clips instead")
    chosen = [each for each in shards if split in (None, each.name.partition("-")[0])]
    if not chosen:
        splits = ", ".join(sorted({each.name.partition("-")[0] for each in shards}))
        raise UsageError(f"{path} has no split '{split}': it has {splits}")
    metric = benchmark or BENCHMARKS["own"]
    items: list[Item] = []
    places: dict[str, Place] = {}
    for place, row in release_rows(chosen):
        if row["id"] not in places:  # a question stands once for each of its chains
            places[row["id"]] = place
            items.append(release_item(metric, row, place))
    return TestSet(metric, items, {}, places, tuple(chosen))


def release_rows(shards: list[Path]) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield the rows of shards without their pictures."""
    import pyarrow.parquet as pq

    for shard in shards:
        with named_damage(shard):
            file = pq.ParquetFile(shard)
        missing = [name for name in TEXTS if name not in file.schema_arrow.names]
        if missing:
            has = ", ".join(file.schema_arrow.names)
            raise InputError(f"{shard}: no column '{missing[0]}'; it has: {has}")
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group, columns=list(TEXTS)).to_pylist()
            for number, row in enumerate(rows):
                for what in unknown_values(row):
                    raise InputError(f"{shard}, row {row['id']}: {what}")
                yield Place(shard, group, number), row


def release_item(benchmark: Benchmark, row: Mapping[str, Any], place: Place) -> Item:
    """Return a published row as a question."""
    sample = {
        **{name: row[name] for name in ("id", "problem", "problem_type", "data_type")},
        "options": list(bare_texts(tuple(row["options"] or ()))),
        "solution": plain_truth(row["solution"]),
        "media": [],
        "drop_reason": None,
        "drop_detail": None,
    }
    groups = benchmark.groups(row, sample, f"{place.shard.name}, {row['id']}")
    return Item(row["id"], sample, groups, {}, {"id": row["id"]})
