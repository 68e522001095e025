"""The question files of a source on this machine: a local copy, or fetched ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from r1data.errors import InputError, RowDrop
from r1data.grid.shards import replace_file
from r1data.media.fetch import Remote, fetch
from r1data.media.ranges import RangeFile
from r1data.media.upstream import matching, upstream
from r1data.media.web import shown
from r1data.sources.catalogue import Source
from r1data.sources.reading import light_columns


def questions_here(source: Source, settings: Mapping[str, Any]) -> list[tuple[str, Path]]:
    """Return the question files of a source with their path in it; missing ones are fetched."""
    if source.generated:
        return []
    if source.root is None:
        return fetched_questions(source, settings)
    for path in source.questions:
        if not path.is_file():
            key = "root" if source.root != path.parent or source.route.remote else "path"
            raise InputError(
                f"sources.{source.name}: no question file at {path}: correct sources."
                f"{source.name}.{key} (paths are meant from {Path.cwd()})"
            )
    return [(relative(path, source.root), path) for path in source.questions]


def relative(path: Path, root: Path) -> str:
    """Return a file's path in its source."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def fetched_questions(source: Source, settings: Mapping[str, Any]) -> list[tuple[str, Path]]:
    """Fetch the question files, of Parquet with pictures only the columns without them."""
    if "media" not in settings:
        raise InputError(f"sources.{source.name}: no folder to keep what is fetched")
    found = upstream(source, settings)
    paths = matching(found, source.route.questions, "question file", source)
    embedded = source.route.media.get("kind") == "embedded"
    here: list[tuple[str, Path]] = []
    for path in paths:
        target = found.folder / ("questions" if embedded else "") / path
        try:
            fetch_light(found.files[path], target) if embedded else fetch(found.files[path], target)
        except RowDrop as drop:
            raise InputError(f"sources.{source.name}: {drop.detail}; run the same again") from drop
        here.append((path, target))
    return here


def fetch_light(remote: Remote, target: Path) -> None:
    """Keep a Parquet file's columns without pictures; their chunks alone are asked for."""
    if target.is_file():
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.PythonFile(RangeFile([remote]), mode="r"), pre_buffer=True)
        table = file.read(columns=light_columns(file.schema))
    except pa.ArrowInvalid as problem:
        raise InputError(f"{shown(remote.url)}: not a whole Parquet file: {problem}") from problem
    replace_file(target, lambda path: pq.write_table(table, path))
