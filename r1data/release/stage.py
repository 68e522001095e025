"""9 release: a folder that datasets.load_dataset reads as it is."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from r1data.errors import BuildStop
from r1data.grid.build import Cell
from r1data.grid.shards import MEDIA_ROW_GROUP, parquet_settings, read_note
from r1data.grid.work import Output, Page
from r1data.release.card import card_text
from r1data.release.features import as_features
from r1data.release.rows import (
    Inputs,
    kept_ids,
    problem_id_type,
    release_rows,
    release_schema,
)

TABLES: tuple[str, ...] = ("samples", "media", "frames", "responses", "verdicts", "selection")
MEGABYTE = 1_000_000


def write_release(*tables: Sequence[Path], cell: Cell) -> Iterator[Output]:
    """Yield the shards of every split, then README.md with the figures of all of them."""
    inputs: list[Inputs] = [
        dict(zip(TABLES, paths, strict=True)) for paths in zip(*tables, strict=True)
    ]
    if not any(len(kept_ids(each)) for each in inputs):
        raise BuildStop("no row is left to release: `r1data status` shows what fell out and why")
    id_type = problem_id_type(inputs)
    schema, features = as_features(release_schema(id_type))
    groups = group_shards(inputs, cell.options["shard_mb"])
    counts: dict[str, dict[str, int]] = {}
    for split in split_names(cell.options["splits"]):
        for i, group in enumerate(groups):
            name = f"data/{split}-{i:05d}-of-{len(groups):05d}.parquet"
            writer = SplitWriter(group, split, schema, cell.options)
            yield Page(name, writer.write)
            counts.setdefault(split, {})[name] = writer.rows
    yield Page("README.md", lambda path: path.write_text(card_text(inputs, counts, features, cell)))


def split_names(shares: Mapping[str, float]) -> list[str]:
    """Return the splits of a release; what no other split takes is train."""
    return ["train", *(name for name in shares if name != "train")]


def group_shards(inputs: Sequence[Inputs], shard_mb: int) -> list[list[Inputs]]:
    """Group the build's shards, in order, into published ones of about `shard_mb` megabytes."""
    groups: list[list[Inputs]] = [[]]
    size = 0
    for each in inputs:
        note = read_note(each["frames"].with_suffix(".json"))
        weight = note.bytes if note else 0
        if groups[-1] and size + weight > shard_mb * MEGABYTE:
            groups.append([])
            size = 0
        groups[-1].append(each)
        size += weight
    return groups


class SplitWriter:
    """Streams the rows of one published shard; memory holds one row group and one input shard."""

    def __init__(
        self, group: Sequence[Inputs], split: str, schema: pa.Schema, options: Mapping[str, Any]
    ) -> None:
        self.group = group
        self.split = split
        self.schema = schema
        self.options = options
        self.rows = 0

    def write(self, path: Path) -> None:
        """Write the shard to `path`."""
        with pq.ParquetWriter(path, self.schema, **parquet_settings(self.schema)) as writer:
            for inputs in self.group:
                rows = [row for row in release_rows(inputs, self.options) if self.belongs(row)]
                for start in range(0, len(rows), MEDIA_ROW_GROUP):
                    block = [
                        shaped(row, self.schema) for row in rows[start : start + MEDIA_ROW_GROUP]
                    ]
                    writer.write_table(pa.Table.from_pylist(block, self.schema))
                self.rows += len(rows)

    def belongs(self, row: Mapping[str, Any]) -> bool:
        """Tell whether a row is of this split."""
        key = "|".join(row["media_sha256"])
        return split_of(key, self.options["seed"], self.options["splits"]) == self.split


def split_of(media: str, seed: int, shares: Mapping[str, float]) -> str:
    """Deal by media, never by row: two questions on one clip stand in the same split."""
    digest = hashlib.sha256(f"split|{seed}|{media}".encode()).digest()
    point = int.from_bytes(digest[:8], "big") / 2**64
    for name, share in shares.items():
        if point < share:
            return name
        point -= share
    return "train"


def shaped(row: Mapping[str, Any], schema: pa.Schema) -> dict[str, Any]:
    """Bring problem_id and pictures into the form of the schema."""
    whole = pa.types.is_int64(schema.field("problem_id").type)
    problem_id = int(row["problem_id"]) if whole else str(row["problem_id"])
    pictures = [{"bytes": each, "path": None} for each in row["frames"]]
    return {**row, "problem_id": problem_id, "frames": pictures}
