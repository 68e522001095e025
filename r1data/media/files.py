"""Where the media files of a sample lie on this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from r1data.errors import RowDrop
from r1data.grid.drops import Drop
from r1data.grid.shards import replace_file
from r1data.sources.catalogue import load_source


def media_base(source: str, settings: Mapping[str, Any]) -> Path:
    """Return the folder that the media paths of a source are relative to."""
    found = load_source(source, settings["entries"][source])
    if found.media_root is not None:
        return found.media_root
    return Path(settings["media"]) / found.card.name / str(settings["seed"])


def locate(source: str, uri: str, settings: Mapping[str, Any]) -> Path:
    """Return the path of a media file that exists; a generated one is drawn where it is missing.

    Raises RowDrop where there is none, or where the path leaves the source's folder: rows come from
    files that others wrote, and must not read what is not theirs.
    """
    base = media_base(source, settings)
    path = base / uri
    if not path.resolve().is_relative_to(base.resolve()):
        raise RowDrop(Drop.MISSING_MEDIA, f"{uri} lies outside the media folder {base.name}")
    if not path.is_file() and is_generated(source, settings):
        draw(path, settings["seed"])
    if not path.is_file():
        raise RowDrop(Drop.MISSING_MEDIA, f"there is no file {uri} in the media folder {base.name}")
    return path


def is_generated(source: str, settings: Mapping[str, Any]) -> bool:
    """Tell whether a source's media are drawn here."""
    return load_source(source, settings["entries"][source]).card.format == "generated"


def draw(path: Path, seed: int) -> None:
    """Draw a generated clip or picture into its place."""
    from r1data.sources.shapes import render

    replace_file(path, lambda temporary: render(path.stem, seed, temporary))
