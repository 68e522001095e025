"""Shards of frames and text from rows that were published already, and pictures taken anew."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from r1data.release.dealing import shard_count, shard_of
from r1data.release.rows import text_table
from r1data.release.stage import (
    AT_ONCE,
    TEXT_BYTES,
    dealt_out,
    list_targets,
    name_of,
    source_of,
    split_order,
)
from r1data.release.writing import Target, rounds, write_round

Rows = Callable[[], Iterator[tuple[str, dict[str, Any]]]]


class Pictures(NamedTuple):
    """Where the pictures of each question lie: a Parquet file and the row group in it."""

    place: dict[str, tuple[Path, int]]
    differ: list[str]

    def of(self, identity: str) -> dict[str, Any]:
        """Read the pictures of a question, and the decoder that gave them."""
        path, number = self.place[identity]
        return pq.ParquetFile(path).read_row_group(number).to_pylist()[0]


def write_again(
    out: Path, schemas: Mapping[str, pa.Schema], rows: Rows, pictures: Pictures, shard_mb: float
) -> dict[str, int]:
    """Deal and write the rows as a build does; return {path: rows}."""
    shards = count_shards(schemas, rows, pictures, shard_mb)
    counts: dict[str, int] = {}
    for group in rounds(list_targets(shards)):
        files = {target: out / name_of(target) for target in group}
        written = write_round(
            files, dict(schemas), blocks(set(group), shards, schemas, rows, pictures)
        )
        for target in group:
            if written[target]:
                counts[name_of(target)] = written[target]
            else:
                files[target].unlink()
    return counts


def count_shards(
    schemas: Mapping[str, pa.Schema], rows: Rows, pictures: Pictures, shard_mb: float
) -> dict[tuple[str, str, str], int]:
    """Return how many shards each config, split and source needs."""
    sizes: dict[str, dict[tuple[str, str], float]] = {name: defaultdict(float) for name in schemas}
    for split, row in rows():
        path, number = pictures.place[row["id"]]
        group = pq.ParquetFile(path).metadata.row_group(number)
        size = {"frames": group.total_byte_size, "text": TEXT_BYTES}
        for name in sizes:
            sizes[name][split, source_of(row["id"])] += size[name]
    return {
        (name, *key): shard_count(size, shard_mb)
        for name, each in sizes.items()
        for key, size in sorted(each.items(), key=split_order)
    }


def blocks(
    wanted: set[Target],
    shards: Mapping[tuple[str, str, str], int],
    schemas: Mapping[str, pa.Schema],
    rows: Rows,
    pictures: Pictures,
) -> Iterator[tuple[Target, pa.Table]]:
    """Yield the rows of the wanted shards, a few at a time."""
    configs = {target.config for target in wanted}
    stream = rows()
    while chunk := list(islice(stream, AT_ONCE)):
        found = [pictures.of(row["id"]) for _, row in chunk] if "frames" in configs else []
        table = text_table(told(chunk, found), schemas["frames"])
        for config in sorted(configs):
            dealt = [target_of(config, split, row["id"], shards) for split, row in chunk]
            block = table
            if config == "frames":
                kind = schemas["frames"].field("frames").type
                lists = [
                    [{"bytes": each, "path": None} for each in one["pictures"]] for one in found
                ]
                block = table.append_column("frames", pa.array(lists, kind))
            yield from dealt_out(block.select(schemas[config].names), dealt, wanted)


def told(
    chunk: Sequence[tuple[str, dict[str, Any]]], found: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return rows with the decoder that gave their pictures."""
    if not found:
        return [row for _, row in chunk]
    return [
        {**row, "decoder": each["decoder"]} for (_, row), each in zip(chunk, found, strict=True)
    ]


def target_of(
    config: str, split: str, identity: str, shards: Mapping[tuple[str, str, str], int]
) -> Target:
    """Return the shard of a row."""
    source = source_of(identity)
    return Target(config, split, source, shard_of(identity, shards[config, split, source]))
