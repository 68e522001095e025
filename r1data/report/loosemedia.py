"""Pictures and clips that rows only name: found below one folder, looked at when they are asked."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import RowDrop

# Enough to see what happens; a decoder needs about a tenth of a second for them.
SHOWN_FRAMES = 8
CLIPS_HELD = 48


class Clip(NamedTuple):
    """Some frames of a file, or why there are none."""

    jpegs: list[bytes]
    times: list[float | None]
    why: str


def file_of(root: Path, row: Mapping[str, Any]) -> Path | None:
    """The media file that a row names, where it lies inside `root`; never one outside of it."""
    named = row.get("path")
    if not isinstance(named, str) or not named:
        return None
    try:
        path = (root / named).resolve()
        inside = path.is_relative_to(root.resolve()) and path.is_file()
    except (OSError, ValueError):  # a name that no file system takes
        return None
    return path if inside else None


@lru_cache(maxsize=CLIPS_HELD)
def clip_of(path: Path, _changed: int) -> Clip:
    """Frames of a clip, or the one picture of a still."""
    from r1data.frames.take import take_frames

    try:
        taken = take_frames(path, rule="uniform", count=SHOWN_FRAMES)
    except RowDrop as problem:
        return Clip([], [], str(problem))
    return Clip(taken.jpegs, taken.times, "")
