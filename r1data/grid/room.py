"""What a machine has room for: how many cells at once, and how much may still be written."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from r1data.errors import DiskStop
from r1data.grid.build import Stage

# A worker takes 0.2 GB, its media child as much, and a shard of 256 rows with frames 0.1 to 0.2.
CELL_MB = 600
# What cells in flight may still write: a shard of 256 rows with frames has 80 MB, one of a release
# up to 400. A disk of a few GB is allowed to be filled to 98%.
LEAST_FREE_BYTES, LEAST_FREE_SHARE = 10**9, 0.02
# Where Linux tells what a batch system or a container gave us.
GROUPS, OURS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def auto_workers(stages: Sequence[Stage]) -> int:
    """Return how many cells fit: one a processor, as far as the memory reaches."""
    need = max([CELL_MB, *(int(stage.needs.get("memory_mb", 0)) for stage in stages)])
    return max(1, min(processors(), free_mb() // need))


def processors() -> int:
    """Return how many processors this process may use: batch systems give a part of a node."""
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    found = [len(allowed) or os.cpu_count() or 1]
    for folder in groups():
        quota, _, period = read(folder / "cpu.max").partition(" ")
        if quota not in ("", "max"):
            found.append(max(1, int(quota) // int(period)))
    return min(found)


def free_mb() -> int:
    """Return the memory that is left on this machine, or in the share of it that we were given."""
    found = [psutil.virtual_memory().available]
    for folder in groups():
        limit, used = read(folder / "memory.max"), read(folder / "memory.current")
        if limit not in ("", "max"):
            found.append(max(0, int(limit) - int(used)))
    return min(found) // 2**20


def groups() -> Iterator[Path]:
    """Yield the folders of our control group and of those around it; a limit may be in any."""
    ours = next((line[4:] for line in read(OURS).splitlines() if line.startswith("0::/")), "")
    folder = GROUPS / ours
    yield folder
    yield from (each for each in folder.parents if each.is_relative_to(GROUPS))


def read(path: Path) -> str:
    """Return a small text; nothing where there is none, as on other systems than Linux."""
    return path.read_text(encoding="ascii").strip() if path.is_file() else ""


def refuse_full_disk(folder: Path) -> None:
    """Raise DiskStop while what is in flight can still be written."""
    disk = shutil.disk_usage(folder)
    least = min(LEAST_FREE_BYTES, LEAST_FREE_SHARE * disk.total)
    if disk.free < least:
        raise DiskStop(
            f"{disk.free / 1e9:.2f} GB are left for {folder}, and a build stops below "
            f"{least / 1e9:.2f}: free some and run the same again"
        )
