"""Clips that come as a folder of numbered pictures, as those of MVBench's episodic_reasoning do."""

import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from r1data.errors import RowDrop
from r1data.frames.rules import Clock, pick, window
from r1data.frames.take import Taken
from r1data.grid.drops import Drop
from r1data.grid.guard import Guarded
from r1data.grid.shards import digest_of

# "tvqa/frames_fps3_hq/castle_s01e02_seg02_clip_09": the only place that says the rate.
RATE = re.compile(r"fps[_-]?(\d+)")
SUFFIXES = (".jpg", ".jpeg", ".png")


def folder_digest(folder: Path) -> str:
    """Return a digest of what lies in a folder, by names, sizes and times."""
    facts = [(path.name, path.stat()) for path in pictures_in(folder)]
    return digest_of([[name, found.st_size, found.st_mtime_ns] for name, found in facts])


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures of a folder in order of their names, which are numbers of one width."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def take_folder(folder: Path, wanted: Mapping[str, Any], limit: float, guarded: Guarded) -> Taken:
    """Take pictures of a folder by the same rules as those of a clip. Raises RowDrop."""
    rate = RATE.search(folder.as_posix())
    if rate is None:
        told = f"{folder.name} is a folder of pictures, and no fpsN in its path says their rate"
        raise RowDrop(Drop.UNDECODABLE, told)
    names = pictures_in(folder)
    clock = Clock(np.arange(len(names), dtype=np.int64), Fraction(1, int(rate[1])))
    first, last = window(clock, wanted["start"], wanted["end"])
    nothing = np.array([], np.int64)
    rule, count = wanted["rule"], wanted["count"]
    kept = pick(rule, count, last - first, nothing, 1 / clock.unit) + first
    single = {**wanted, "rule": "uniform", "count": 1, "start": None, "end": None}
    taken = [guarded(names[i], **single, deadline=limit) for i in kept]
    return Taken(
        [each.jpegs[0] for each in taken],
        clock.seconds(kept).tolist(),
        kept.tolist(),
        [each.sizes[0] for each in taken],
        " ".join(each.hash for each in taken),
        taken[0].backend,
    )
