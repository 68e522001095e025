"""The funnel: how many rows came in, where they fell out and why, how many are left.

Every table carries the reasons of those before it, so the notes of the stages are enough: what
a stage dropped itself is what its notes count more than the notes before.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from r1data.grid.shards import Note, read_note
from r1data.grid.work import GATHER_NOTE

BUILD_FILE = "build.json"


class Step(NamedTuple):
    """Rows that fell out at one stage for one reason."""

    stage: str
    reason: str
    rows: int


class Funnel(NamedTuple):
    """collected = left + the sum over steps, for as many shards as the last stage has made."""

    collected: int
    steps: list[Step]
    left: int


def stage_folders(build: Path) -> list[Path]:
    """Return the stage folders of a build in their order, without those of an earlier recipe.

    The order stands in build.json. A grid that has none is sorted by room and by how much has
    fallen out: each stage carries what fell before it.
    """
    found = [path for path in build.glob("[0-9]*.*") if path.is_dir()]
    order = told_order(build)
    if order:
        listed = [path for path in found if path.name in order]
        return sorted(listed, key=lambda path: order.index(path.name))
    rooms = Counter(room_of(path) for path in found)
    return sorted(
        found, key=lambda path: (room_of(path), rooms[room_of(path)] > 1 and fallen(path))
    )


def told_order(build: Path) -> list[str]:
    """Return the folders of the stages as build.json has them; none where it cannot be read."""
    try:
        told = json.loads((build / BUILD_FILE).read_bytes())
        return [entry["folder"] for entry in told.get("stages", ())]
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return []  # check finds the damage, and the next build writes it anew


def room_of(folder: Path) -> int:
    """Return the number in front of a stage folder's name."""
    return int(folder.name.partition(".")[0])


def fallen(folder: Path) -> tuple[int, str]:
    """Count the rows that have fallen out by the end of a stage; names break ties."""
    return sum(sum(note.drops.values()) for note in shard_notes(folder)), folder.name


def shard_notes(folder: Path) -> Iterator[Note]:
    """Yield the notes of a stage's shards, in order of their names."""
    gathered = read_note(folder / GATHER_NOTE)
    own = set(gathered.shards) if gathered is not None else None
    for path in sorted(folder.glob("*.json")):
        note = read_note(path) if path.name != GATHER_NOTE else None
        if note is not None and (own is None or note.shard in own):
            yield note


def funnel(build: Path) -> Funnel:
    """Count a build's rows by stage and reason."""
    before: Counter[str] = Counter()
    steps: list[Step] = []
    collected = 0
    for folder in stage_folders(build):
        notes = list(shard_notes(folder))
        if folder.name.startswith("1."):
            collected = sum(note.rows for note in notes)
        drops = Counter[str]()
        for note in notes:
            drops.update(note.drops)
        for reason, rows in sorted((drops - before).items()):
            steps.append(Step(folder.name.partition(".")[2], reason, rows))
        before |= drops
    return Funnel(collected, steps, collected - sum(step.rows for step in steps))
