"""The question files of a source on this machine: a local copy, or fetched ones."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from r1data.errors import InputError, RowDrop
from r1data.grid.shards import replace_file
from r1data.kinds import is_table
from r1data.media.archives import unpack_zip, zip_members
from r1data.media.fetch import Remote, fetch
from r1data.media.ranges import RangeFile
from r1data.media.upstream import Upstream, in_zip, matching, upstream
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
        if not is_table(path):
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
            bring_questions(found, path, target, embedded)
            for name in source.route.beside:
                fetch(found.files[name], target.parent / PurePosixPath(name).name)
        except RowDrop as drop:
            raise InputError(f"sources.{source.name}: {drop.detail}; run the same again") from drop
        here.append((path, target))
    return here


def bring_questions(found: Upstream, path: str, target: Path, embedded: bool) -> None:
    """Bring one question file: as it is, without pictures, or out of a zip."""
    archive, member = in_zip(path)
    if embedded:
        fetch_light(found.files[path], target)
    elif not member:
        fetch(found.files[path], target)
    elif not target.is_file():
        packed = found.folder / "packed" / archive
        fetch(found.files[path], packed)
        take_member(packed, member, target)


def take_member(archive: Path, name: str, target: Path) -> None:
    """Take one file out of a zip. Raises InputError where the zip does not hold it."""
    with archive.open("rb") as file:
        members = zip_members(file, archive.name)
        member = next((m for m in members if f"/{m.name}".endswith(f"/{name}")), None)
        if member is None:
            held = ", ".join(each.name for each in members[:5])
            raise InputError(f"{archive}: no file {name} in it (it holds {held}): was it renamed?")
        file.seek(member.start)
        data = unpack_zip(file.read(member.stop - member.start), member, archive.name)
    replace_file(target, lambda path: path.write_bytes(data))


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
