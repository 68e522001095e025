"""Where the media files of a sample lie on this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from r1data.errors import RowDrop
from r1data.grid.drops import Drop
from r1data.grid.shards import digest_of, replace_file
from r1data.grid.store import address_of
from r1data.media.upstream import folder_of
from r1data.sources.catalogue import Source, load_source


def source_of(name: str, settings: Mapping[str, Any]) -> Source:
    """Return the source that a sample names."""
    return load_source(name, settings["entries"][name])


def media_base(name: str, settings: Mapping[str, Any]) -> Path:
    """Return the folder that the media paths of a source are relative to."""
    source = source_of(name, settings)
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
    base = media_base(name, settings)
    path = base / uri
    if not path.resolve().is_relative_to(base.resolve()):
        raise RowDrop(Drop.MISSING_MEDIA, f"{uri} lies outside the media folder {base.name}")
    if not path.is_file() and is_generated(name, settings):
        draw(path, settings["seed"])
    if not path.is_file():
        raise RowDrop(Drop.MISSING_MEDIA, f"there is no file {uri} in the media folder {base.name}")
    return path


def is_generated(name: str, settings: Mapping[str, Any]) -> bool:
    """Tell whether a source's media are drawn here."""
    return source_of(name, settings).generated


def draw(path: Path, seed: int) -> None:
    """Draw a generated clip or picture into its place."""
    from r1data.sources.shapes import render

    replace_file(path, lambda temporary: render(path.stem, seed, temporary))
