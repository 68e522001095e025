"""9 release: a folder that datasets.load_dataset reads as it is."""

import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from r1data.errors import BuildStop
from r1data.grid.build import Cell
from r1data.grid.shards import TEMPORARY, ShardDamaged, read_note, read_shard
from r1data.grid.work import Output, Page
from r1data.release.card import FIGURE, card_text, figure_text
from r1data.release.dealing import shard_count, shard_of, split_of
from r1data.release.embedded import with_files
from r1data.release.features import FRAME_HASHES, Typed, typed
from r1data.release.layout import FOLDERS
from r1data.release.rows import (
    Inputs,
    believed,
    kept,
    kept_ids,
    picture_hashes,
    pictures,
    problem_id_type,
    row_counts,
    text_rows,
    text_table,
)
from r1data.release.writing import Target, rounds, write_round

TABLES: tuple[str, ...] = ("samples", "media", "frames", "responses", "verdicts", "selection")
# What a row without its pictures takes in a shard: measured on the demo and on TabMWP.
TEXT_BYTES = 3_000
# Rows whose pictures are read at once: 10 MB of them, where a whole row group would be 32.
AT_ONCE = 32


class Dealing(NamedTuple):
    """How rows are dealt: the recipe's options, and how many shards each run of shards has."""

    options: Mapping[str, Any]
    counts: Mapping[tuple[str, str, str], int]

    def split(self, media: Sequence[str]) -> str:
        """Return the split of a row by its media's hashes."""
        return split_of("|".join(media), self.options["seed"], self.options["splits"])

    def target(self, config: str, split: str, identity: str) -> Target:
        """Return the shard of a row."""
        source = source_of(identity)
        number = shard_of(identity, self.counts[config, split, source])
        return Target(config, split, source, number)


def source_of(identity: str) -> str:
    """Return the source of a row, which stands before the slash of its id."""
    return identity.partition("/")[0]


def write_release(*tables: Sequence[Path], cell: Cell) -> Iterator[Output]:
    """Yield the shards of every config, split and source, then README.md with their figures.

    options["tables"] names the tables: TABLES, or fewer where no teacher was asked.
    """
    names = cell.options["tables"]
    inputs: list[Inputs] = [
        dict(zip(names, paths, strict=True)) for paths in zip(*tables, strict=True)
    ]
    if not any(len(kept_ids(each)) for each in inputs):
        raise BuildStop(nothing_left(inputs, cell.build))
    id_type = problem_id_type(inputs)
    columns = {config: typed(config, id_type) for config in cell.options["configs"]}
    dealing = plan_shards(inputs, cell.options)
    counts: dict[str, int] = {}
    for group in rounds(list_targets(dealing.counts)):
        temporary = {target: hidden(cell.folder / name_of(target)) for target in group}
        try:
            schemas = {config: each.schema for config, each in columns.items()}
            passing = stream(inputs, set(group), dealing, columns, cell.settings)
            rows = write_round(temporary, schemas, passing)
            for target in group:
                if rows[target]:
                    counts[name_of(target)] = rows[target]
                    yield Page(name_of(target), temporary[target].replace)
        finally:
            for path in temporary.values():
                path.unlink(missing_ok=True)
    features = {config: each.features for config, each in columns.items()}
    yield Page(FIGURE, lambda path: path.write_text(figure_text(inputs), encoding="utf-8"))
    yield Page(
        "README.md",
        lambda path: path.write_text(card_text(inputs, counts, features, cell), "utf-8"),
    )


def nothing_left(inputs: Sequence[Inputs], build: Path) -> str:
    """Say that no row is left, with the main reason and a row that has it."""
    columns = ["id", "drop_reason", "drop_detail"]
    rows = [row for each in inputs for row in read_shard(each["selection"], columns).to_pylist()]
    if not rows:
        return "no row is left to release: the sources gave none; `r1data sources check` tells more"
    reason, count = Counter(row["drop_reason"] for row in rows).most_common(1)[0]
    first = next(row for row in rows if row["drop_reason"] == reason)
    return (
        f"no row is left to release: {count:,} of {len(rows):,} rows fell out as {reason}, the "
        f"first is {first['id']}: {first['drop_detail']}; `r1data why {build} {first['id']}` tells "
        f"more, `r1data status {build}` all reasons"
    )


def name_of(target: Target) -> str:
    """Return the path of a shard below the release."""
    folder = FOLDERS[target.config]
    return f"{folder}/{target.split}-{target.source}-{target.number:05d}.parquet"


def hidden(path: Path) -> Path:
    """Return a place beside `path` that no reader takes for a shard, swept where we are killed."""
    return path.with_name(f".{path.name}.{os.getpid()}-{time.monotonic_ns():x}{TEMPORARY}")


def plan_shards(inputs: Sequence[Inputs], options: Mapping[str, Any]) -> Dealing:
    """Count the bytes of every split and source, and with them the shards."""
    dealing = Dealing(options, {})
    media_bytes: dict[tuple[str, str], float] = defaultdict(float)
    text_bytes: dict[tuple[str, str], float] = defaultdict(float)
    file_bytes: dict[tuple[str, str], float] = defaultdict(float)
    for each in inputs:
        note = read_note(each["frames"].with_suffix(".json"))
        if note is None:
            raise ShardDamaged(each["frames"])
        files = kept(read_shard(each["media"], ["id", "files"]), kept_ids(each)).to_pylist()
        rows = row_counts(each)
        for row in files:
            split = dealing.split([file["sha256"] for file in row["files"]])
            count = rows[row["id"]]
            media_bytes[split, source_of(row["id"])] += count * note.bytes / max(1, note.rows)
            text_bytes[split, source_of(row["id"])] += count * TEXT_BYTES
            whole = sum(file["bytes"] for file in row["files"])
            file_bytes[split, source_of(row["id"])] += count * whole
    found: dict[tuple[str, str, str], int] = {}
    for config in options["configs"]:
        sizes = {"frames": media_bytes, "video": file_bytes}.get(config, text_bytes)
        for (split, source), size in sorted(sizes.items(), key=split_order):
            found[config, split, source] = shard_count(size, options["shard_mb"])
    return Dealing(options, found)


def split_order(entry: tuple[tuple[str, str], float]) -> tuple[bool, str, str]:
    """Sort train before the other splits."""
    (split, source), _ = entry
    return (split != "train", split, source)


def list_targets(counts: Mapping[tuple[str, str, str], int]) -> list[Target]:
    """Return all shards in the order in which they are written."""
    return [Target(*key, number) for key, count in counts.items() for number in range(count)]


def stream(
    inputs: Sequence[Inputs],
    wanted: set[Target],
    dealing: Dealing,
    columns: Mapping[str, Typed],
    settings: Mapping[str, Any],
) -> Iterator[tuple[Target, pa.Table]]:
    """Yield the rows of the wanted shards, block by block, in the order of the build."""
    configs = {target.config for target in wanted}
    widest = max((each.schema for each in columns.values()), key=len)
    for each in inputs:
        rows = list(text_rows(each, dealing.options))
        if not rows:
            continue
        ids = [row["id"] for row in rows]
        splits = [dealing.split(row["media_sha256"]) for row in rows]
        table = text_table(rows, widest)
        for config in configs:
            dealt = [dealing.target(config, *pair) for pair in zip(splits, ids, strict=True)]
            if config == "text":
                blocks = [(table, dealt)]
            elif config == "video":
                blocks = with_files(each, table, dealt, settings)
            else:
                blocks = with_pictures(each, table, dealt)
            for block, targets in blocks:
                yield from dealt_out(finish(block, config, columns[config]), targets, wanted)


def with_pictures(
    inputs: Inputs, table: pa.Table, dealt: Sequence[Target]
) -> Iterator[tuple[pa.Table, list[Target]]]:
    """Yield a shard's rows with their pictures, a few rows at a time."""
    places: dict[str, list[int]] = defaultdict(list)
    for row, identity in enumerate(table["id"].to_pylist()):
        places[identity].append(row)
    columns = ["id", "frames.list.element.bytes"]
    for batch in believed(inputs["frames"]).iter_batches(batch_size=AT_ONCE, columns=columns):
        ids = batch["id"].to_pylist()
        here = [i for i, identity in enumerate(ids) for _ in places.get(identity, ())]
        rows = [row for identity in ids for row in places.get(identity, ())]
        column = pictures(batch["frames"])
        if here != list(range(batch.num_rows)):
            column = column.take(pa.array(here, pa.int64()))
        if rows:
            yield table.take(rows).append_column("frames", column), [dealt[i] for i in rows]


def finish(block: pa.Table, config: str, columns: Typed) -> pa.Table:
    """Give a block the columns of its config."""
    if config == "index-only":
        hashes = picture_hashes(block["frames"].combine_chunks())
        block = block.append_column(FRAME_HASHES, hashes)
    return block.select(columns.schema.names)


def dealt_out(
    block: pa.Table, targets: Sequence[Target], wanted: set[Target]
) -> Iterator[tuple[Target, pa.Table]]:
    """Part a block by shard."""
    places: dict[Target, list[int]] = defaultdict(list)
    for i, target in enumerate(targets):
        places[target].append(i)
    for target, rows in places.items():
        if target in wanted:
            whole = len(rows) == block.num_rows
            yield target, block if whole else block.take(pa.array(rows, pa.int64()))
