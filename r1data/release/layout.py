"""How a release lies on disk: one folder a config, one run of shards a split and source.

A config is a choice of columns of the same rows. The first letters of a shard's path say its
config, then its split and source, so that a config of one source is a pattern and no copy:

    data/train-nextqa-00000.parquet     frames, the default
    video/train-nextqa-00000.parquet    the clips and pictures themselves
    text/train-nextqa-00000.parquet     no media
    index/train-nextqa-00000.parquet    index-only: where the row comes from, no question, no media
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from r1data.errors import InputError, UsageError
from r1data.grid.mirror import here
from r1data.grid.store import address_of
from r1data.inert import read_yaml
from r1data.kinds import RELEASE, instead
from r1data.rewards.verdict import unknown_value
from r1data.schema import load_schema

if TYPE_CHECKING:
    import polars as pl

FOLDERS = {"frames": "data", "video": "video", "text": "text", "index-only": "index"}
SHARD = re.compile(r"(?P<split>[^-]+)-(?P<source>.+)-\d{5,}\.parquet")


# What to do about a damaged file.
REPAIR = "`r1data check` names all that is damaged, and the build's own command makes it again"


class Config(NamedTuple):
    """One entry of a card's `configs`, with what `dataset_info` says of it."""

    name: str
    files: dict[str, str]
    rows: dict[str, int]
    features: Any


@cache
def known_values() -> dict[str, list[str]]:
    """Return the columns that hold one of few words, each with its words."""
    properties = load_schema("release")["properties"]
    return {column: spec["enum"] for column, spec in properties.items() if "enum" in spec}


def unknown_values(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a row has in those columns that is none of their words."""
    for column, words in known_values().items():
        value = row.get(column)
        if value not in (None, "", *words):
            yield unknown_value(column, value, words)


def release_folder(path: str | Path) -> Path:
    """Return the release at `path`: itself, or that of a build. Raises UsageError."""
    folder, said = here(path, rows="9.release"), address_of(path) or path
    if (folder / "build.json").is_file():
        folder = folder / "9.release"
        if not (folder / "README.md").is_file():
            raise UsageError(
                f"{said} is not finished: `r1data build {said}/recipe.yaml --out {said}` goes on"
            )
    if not any(folder.glob("*/*.parquet")) or not (folder / "README.md").is_file():
        raise UsageError(instead(said, RELEASE))
    return folder


def shards_of(folder: Path, config: str) -> list[Path]:
    """Return the shards of a config, in order."""
    return sorted((folder / FOLDERS[config]).glob("*.parquet"))


def richest(folder: Path) -> str:
    """Return the config of a release that holds most: frames, video, text, index-only."""
    for config in FOLDERS:
        if shards_of(folder, config):
            return config
    raise UsageError(f"{folder} holds none of: {', '.join(FOLDERS)}")


def read_rows(
    folder: Path, config: str, columns: Sequence[str] | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (split, row) of a config; holds few rows at a time.

    Raises InputError where a row's type is unknown: whoever reads rows acts by their types.
    """
    for path, row in stored_rows(folder, config, columns):
        for what in unknown_values(row):
            raise InputError(f"{path}, row {row.get('id')}: {what}")
        yield split_of(path), row


def stored_rows(
    folder: Path, config: str, columns: Sequence[str] | None = None
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield (shard, row) of a config as it lies there."""
    import pyarrow.parquet as pq

    for path in shards_of(folder, config):
        with named_damage(path):
            for batch in pq.ParquetFile(path).iter_batches(batch_size=64, columns=columns):
                yield from ((path, row) for row in batch.to_pylist())


def split_of(shard: Path) -> str:
    """Return the split that a shard's name says."""
    return shard.name.partition("-")[0]


@contextmanager
def named_damage(path: Path) -> Iterator[None]:
    """Turn what Arrow says of a broken shard into a line that names it."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as problem:
        why = " ".join(str(problem).split())[:200]
        raise InputError(f"{path} cannot be read: {why}; {REPAIR}") from problem


@contextmanager
def named_tables(build: str | Path) -> Iterator[None]:
    """Turn what is said of a broken table of a build, which no library names, into one line."""
    import polars as pl
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, pl.exceptions.PolarsError, json.JSONDecodeError) as problem:
        why = " ".join(str(problem).split())[:200]
        raise InputError(f"{build} holds a damaged file: {why}; {REPAIR}") from problem


def read_head(folder: Path) -> dict[str, Any]:
    """Return the YAML head of a release's card. Raises InputError where it has none."""
    path = folder / "README.md"
    try:
        parts = path.read_text(encoding="utf-8").split("---\n", 2)
        head = read_yaml(parts[1], str(path))[1] if len(parts) == 3 and not parts[0] else None
    except (OSError, ValueError) as problem:
        raise InputError(f"{path} cannot be read: {' '.join(str(problem).split())}") from problem
    if not isinstance(head, dict):
        raise InputError(f"{path} does not begin with a YAML head between lines of ---")
    return head


def read_configs(folder: Path) -> list[Config]:
    """Return what the card says of every config. Raises InputError where it says too little."""
    head = read_head(folder)
    try:
        infos = {each["config_name"]: each for each in head["dataset_info"]}
        return [
            Config(
                each["config_name"],
                {entry["split"]: entry["path"] for entry in each["data_files"]},
                {s["name"]: s["num_examples"] for s in infos[each["config_name"]]["splits"]},
                infos[each["config_name"]]["features"],
            )
            for each in head["configs"]
        ]
    except (KeyError, TypeError, AttributeError) as problem:
        message = f"{folder / 'README.md'}: its head lacks {problem} in configs or dataset_info"
        raise InputError(message) from problem


def scan(folder: Path) -> "pl.LazyFrame":
    """Return a release's rows as a polars LazyFrame."""
    import polars as pl

    return pl.scan_parquet(folder / FOLDERS[richest(folder)] / "*.parquet")
