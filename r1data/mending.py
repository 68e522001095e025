"""What a build puts right before it begins: whatever its notes do not vouch for by themselves.

Shards, notes and pages are remade by the driver. Journals, clips and kept frames have no note of
their own: those written to after the note that used them are read again here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from r1data import stages
from r1data.building import settings_of
from r1data.errors import ShardFault
from r1data.frames import cache
from r1data.frames.kept import kept_entries
from r1data.grid import events
from r1data.grid.cleared import CLEARED
from r1data.grid.funnel import shard_notes
from r1data.grid.parts import Part
from r1data.media.vouched import remove_changed, touched
from r1data.recipe import Recipe
from r1data.teacher.mending import journals, mend_journal, unfolded


def mend(build: Path, recipe: Recipe, part: Part | None = None) -> None:
    """Mend the journals, the media and the kept frames of a build or part; told in events.jsonl."""
    (build / CLEARED).unlink(missing_ok=True)  # from here on, what lacks is made again
    settings = settings_of(recipe, build, ())["media"]
    options = stages.frames(recipe).options
    for path in journals(build):
        if part and not part.owns(path.name.partition(".")[0].split("-")[-1]):
            continue
        lines = mend_journal(path) if unfolded(path) else 0
        if lines:
            events.record(build, "mended", file=f"{path.parent.name}/{path.name}", lines=lines)
    for note in shard_notes(build / "2.media"):
        if part is None or part.owns(note.shard):
            mend_media(build, note.shard, settings)
    for note in shard_notes(build / "3.frames"):
        if part is None or part.owns(note.shard):
            mend_frames(build, note.shard, settings, options)


def mend_media(build: Path, shard: str, settings: Mapping[str, Any]) -> None:
    """Let the media cell be made again where one of its files is no longer what it was."""
    note = build / "2.media" / f"{shard}.json"
    try:
        found = remove_changed(build, shard, settings, note)
    except ShardFault:  # the driver makes it again anyway
        return
    if found:
        events.record(build, "damaged", file=found[0], folder="media")
        note.unlink(missing_ok=True)


def mend_frames(
    build: Path, shard: str, settings: Mapping[str, Any], frames: Mapping[str, Any]
) -> None:
    """Remove kept frames that are no longer whole."""
    note = build / "3.frames" / f"{shard}.json"
    try:
        for path in kept_entries(build, shard, settings, frames):
            if touched(path, note) and not cache.is_whole(path):
                events.record(build, "damaged", file=path.name, folder=cache.FOLDER)
                path.unlink(missing_ok=True)
    except ShardFault:  # the driver makes it again anyway
        return
