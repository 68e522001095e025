"""Where the media files of a sample lie on this machine."""

import os
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import Any

from r1data.errors import RowDrop
from r1data.grid.drops import Drop
from r1data.grid.shards import digest_of, replace_file
from r1data.grid.store import address_of
from r1data.media.finding import as_written, loosely, members_for, only_ones
from r1data.media.upstream import folder_of
from r1data.sources.catalogue import Source, load_source


def source_of(name: str, settings: Mapping[str, Any]) -> Source:
    """Return the source that a sample names."""
    return load_source(name, settings["entries"][name])


def media_base(name: str, settings: Mapping[str, Any]) -> Path:
    """Return the folder that the media paths of a source are relative to."""
    return base_of(source_of(name, settings), settings)


def base_of(source: Source, settings: Mapping[str, Any]) -> Path:
    """Return the folder that the media paths of a source are relative to."""
    if source.generated:
        return Path(settings["media"]) / source.card.name / str(settings["seed"])
    if source.route.media.get("kind") == "embedded" and source.root is not None:
        return taken_out(source, settings)
    if source.media_root is not None and is_stored(source):
        address = address_of(source.media_root)
        return Path(settings["media"]) / source.name / digest_of(address)[:12]
    if source.media_root is not None:
        return source.media_root
    return folder_of(source.route, settings)


def taken_out(source: Source, settings: Mapping[str, Any]) -> Path:
    """Return where pictures are kept that were taken out of a local copy's Parquet files."""
    stats = [[str(path), path.stat().st_size] for path in source.questions if path.is_file()]
    return Path(settings["media"]) / source.card.name / digest_of(stats)[:12]


def is_fetched(name: str, settings: Mapping[str, Any]) -> bool:
    """Tell whether a source's media are to be fetched, or taken out of Parquet files."""
    source = source_of(name, settings)
    embedded = source.route.media.get("kind") == "embedded"
    elsewhere = source.root is None or embedded or is_stored(source)
    return not source.generated and elsewhere


def is_stored(source: Source) -> bool:
    """Tell whether the media of own questions lie in an object store."""
    return source.media_root is not None and address_of(source.media_root) != ""


def locate(name: str, uri: str, settings: Mapping[str, Any]) -> Path:
    """Return the path of a media file that exists; a generated one is drawn where it is missing.

    Raises RowDrop where there is none, or where the path leaves the source's folder: rows come from
    files that others wrote, and must not read what is not theirs.
    """
    source = source_of(name, settings)
    base = base_of(source, settings)
    path = base / uri
    if not path.resolve().is_relative_to(base.resolve()):
        raise RowDrop(Drop.MISSING_MEDIA, f"{uri} lies outside the media folder {base.name}")
    if not path.is_file() and source.generated:
        draw(path, settings["seed"])
    path = path_below(base, source, uri)
    if path.is_dir():
        told = f"{uri} is a folder, not a clip: another route may have one (r1data sources show)"
        raise RowDrop(Drop.MISSING_MEDIA, told)
    if not path.is_file():
        raise RowDrop(Drop.MISSING_MEDIA, f"there is no file {uri} in the media folder {base.name}")
    return path


def paths_of(name: str, settings: Mapping[str, Any]) -> Callable[[str], Path]:
    """Return what tells the path of each media file of a source, which is resolved once."""
    source = source_of(name, settings)
    return partial(path_below, base_of(source, settings), source)


def path_below(base: Path, source: Source, uri: str) -> Path:
    """Return the path of a media file below its source's folder, whether or not it exists.

    In a local copy of a known source it may lie below one more folder (MVBench's data0613/), or
    have another media suffix (.MP4, .mkv) than the rows say.
    """
    path = base / uri
    known = source.root is not None and not source.own and source.route.parser
    if not known or path.exists() or not base.is_dir():
        return path
    named = files_below(base, base.stat().st_mtime_ns).get(loosely(PurePosixPath(uri).name), ())
    for key in (as_written, loosely):
        only = only_ones(members_for([uri], named, key))
        if uri in only:
            return base / only[uri]
    return path


@lru_cache(maxsize=8)
def files_below(base: Path, changed: int) -> Mapping[str, list[str]]:
    """Return the files of a folder by their names without case and media suffix."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for folder, _, files in os.walk(base):
        inner = Path(folder).relative_to(base).as_posix()
        for file in files:
            found[loosely(file)].append(file if inner == "." else f"{inner}/{file}")
    return found


def is_generated(name: str, settings: Mapping[str, Any]) -> bool:
    """Tell whether a source's media are drawn here."""
    return source_of(name, settings).generated


def draw(path: Path, seed: int) -> None:
    """Draw a generated clip or picture into its place."""
    from r1data.sources.shapes import render

    replace_file(path, lambda temporary: render(path.stem, seed, temporary))
