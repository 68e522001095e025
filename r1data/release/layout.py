"""How a release lies on disk: one folder a config, one run of shards a split and source.

A config is a choice of columns of the same rows. The first letters of a shard's path say its
config, then its split and source, so that a config of one source is a pattern and no copy:

    data/train-nextqa-00000.parquet     frames, the default
    video/train-nextqa-00000.parquet    the clips and pictures themselves
    text/train-nextqa-00000.parquet     no media
    index/train-nextqa-00000.parquet    index-only: where the row comes from, no question, no media
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from r1data.errors import InputError, UsageError
from r1data.grid.mirror import here
from r1data.grid.store import address_of
from r1data.inert import read_yaml
from r1data.schema import load_schema

if TYPE_CHECKING:
    import polars as pl

FOLDERS = {"frames": "data", "video": "video", "text": "text", "index-only": "index"}
SHARD = re.compile(r"(?P<split>[^-]+)-(?P<source>.+)-\d{5,}\.parquet")


class Config(NamedTuple):
    """One entry of a card's `configs`, with what `dataset_info` says of it."""

    name: str
    files: dict[str, str]
    rows: dict[str, int]
    features: Any


def labels() -> dict[str, list[str]]:
    """Return the columns that are class labels, with their names in the order of their codes."""
    properties = load_schema("release")["properties"]
    return {column: spec["enum"] for column, spec in properties.items() if "enum" in spec}


def named(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a published row with the names of its class labels in place of their codes."""
    found = dict(row)
    for column, names in labels().items():
        if isinstance(found.get(column), int):
            found[column] = names[found[column]]
    return found


def release_folder(path: str | Path) -> Path:
    """Return the release at `path`: itself, or that of a build. Raises UsageError."""
    folder, said = here(path, rows="9.release"), address_of(path) or path
    if (folder / "build.json").is_file():
        folder = folder / "9.release"
        if not (folder / "README.md").is_file():
            raise UsageError(f"{said} is not finished: run `r1data build` on its recipe again")
    if not any(folder.glob("*/*.parquet")) or not (folder / "README.md").is_file():
        raise UsageError(f"{said} is no release: it needs README.md and folders of Parquet shards")
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
    """Yield (split, row) of a config, with the names of class labels; holds few rows at a time."""
    import pyarrow.parquet as pq

    for path in shards_of(folder, config):
        split = path.name.partition("-")[0]
        for batch in pq.ParquetFile(path).iter_batches(batch_size=64, columns=columns):
            for row in batch.to_pylist():
                yield split, named(row)


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
    """Return a release's rows as a polars LazyFrame, with the names of class labels."""
    import polars as pl

    frame = pl.scan_parquet(folder / FOLDERS[richest(folder)] / "*.parquet")
    return frame.with_columns(
        pl.col(column).replace_strict(range(len(names)), names, return_dtype=pl.String)
        for column, names in labels().items()
    )
