"""r1data clean: remove what a build can make again, and say what that freed.

Never the release, a journal, a note, or a file of the user's own.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import ShardFault
from r1data.frames.kept import kept_entries
from r1data.grid import events
from r1data.grid.cleared import CLEARED, clearable
from r1data.grid.funnel import shard_notes
from r1data.grid.shards import TEMPORARY, write_text

# Another build may be writing beside ours: what is older than a day is nobody's any more.
STALE_SECONDS = 86_400.0
ASKING = "asking"


class Freed(NamedTuple):
    """Files of one kind, and their bytes."""

    what: str
    files: int
    bytes: int


def clean(build: Path, tables: bool = False, dry_run: bool = False) -> list[Freed]:
    """Remove temporary files, ledgers and this build's kept frames; with `tables`, its frames.

    Raises Locked where a driver has the build.
    """
    with events.locked(build):
        found = dict(findings(build, tables))
        freed = [measured(what, paths) for what, paths in found.items()]
        if not dry_run:
            if tables:
                names = sorted({path.parent.name for path in found[TABLES]})
                write_text(build / CLEARED, json.dumps({"tables": names}) + "\n")
            remove(path for paths in found.values() for path in paths)
        return [each for each in freed if each.files]


TABLES = "tables of frames (their pictures are in the release)"


def findings(build: Path, tables: bool) -> Iterator[tuple[str, list[Path]]]:
    """Yield what can be removed, kind by kind."""
    yield "temporary files", sorted(path for path in build.rglob(f".*{TEMPORARY}*"))
    yield "what asking cells shared", sorted(files_below(build / ASKING))
    settings, options = kept_settings(build)
    yield "temporary files among the media", list(stale(Path(settings["media"])))
    yield "kept frames", kept_frames(build, settings, options)
    if tables:
        yield TABLES, clearable(build)


def kept_settings(build: Path) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return where the build's media lie and how its frames were taken. Raises R1DataError."""
    from r1data.release.check_kept import media_settings

    return media_settings(build)


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder; none where there is no such folder."""
    return (path for path in folder.rglob("*") if path.is_file())


def stale(media: Path) -> Iterator[Path]:
    """Yield what killed processes left among the media that builds share."""
    for path in sorted(media.rglob(f".*{TEMPORARY}*")):
        if time.time() - path.stat().st_mtime > STALE_SECONDS:
            yield path


def kept_frames(build: Path, settings: Mapping[str, Any], options: Mapping[str, Any]) -> list[Path]:
    """Return the entries of the frames cache whose frames this build's table holds."""
    found: dict[Path, None] = {}
    for note in shard_notes(build / "3.frames"):
        try:
            found |= dict.fromkeys(kept_entries(build, note.shard, settings, options))
        except ShardFault:  # damaged: the next build makes it again, and may want its frames
            continue
    return list(found)


def measured(what: str, paths: list[Path]) -> Freed:
    """Add up files."""
    return Freed(what, len(paths), sum(path.stat().st_size for path in paths))


def remove(paths: Iterable[Path]) -> None:
    """Remove files."""
    for path in paths:
        path.unlink(missing_ok=True)


def clean_text(freed: list[Freed], dry_run: bool) -> str:
    """What was removed, for a person."""
    if not freed:
        return "nothing to remove: all that is left is needed"
    lines = [f"  {each.bytes / 1e6:>10,.1f} MB  {each.files:>7,}  {each.what}" for each in freed]
    total = sum(each.bytes for each in freed) / 1e6
    said = "would be removed" if dry_run else "removed"
    return "\n".join([*lines, f"{total:,.1f} MB {said}; `r1data build` makes again what it needs"])
