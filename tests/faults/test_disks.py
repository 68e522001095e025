"""Disks that are full or may not be written, and clocks that jump: one clear line, nothing lost."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import toy

from r1data.errors import DiskStop
from r1data.grid import events
from r1data.grid.build import Stage
from r1data.grid.driver import Driver, Tally
from r1data.grid.engines.inline import Inline
from r1data.grid.shards import read_note


def mounted(folder: Path, options: str) -> bool:
    """Mount a small tmpfs, where this user may."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    folder = tmp_path / "small"
    if not sys.platform.startswith("linux") or not mounted(folder, "size=1m"):
        pytest.skip("this user may mount no tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def stages(shards: int = 3) -> list[Stage]:
    return [
        toy.stage("dealt", "deal", (), 1, shards=shards),
        toy.stage("added", "add", ("dealt",), 2, plus=10),
        toy.stage("sum", "total", ("added",), 3),
    ]


def drive(build: Path) -> Tally:
    marks = build.parent / "marks"
    marks.mkdir(exist_ok=True)
    build.mkdir(exist_ok=True)
    told = {name: {"marks": str(marks)} for name in ("added", "sum")}
    return Driver(stages(), build, Inline(), told).run()


def total(build: Path) -> str:
    return (build / "3.sum/total.md").read_text()


def test_a_full_disk_is_one_line_and_room_lets_the_same_build_go_on(small_disk: Path) -> None:
    build = small_disk / "b"
    hog = small_disk / "hog"
    drive(build)
    wanted = total(build)
    for note in build.glob("2.added/*.json"):
        note.unlink()
    free = os.statvfs(small_disk)
    hog.write_bytes(bytes(free.f_bavail * free.f_frsize - 2 * free.f_frsize))
    assert "free some and run the same again" in how_it_ends(build)
    assert list(build.rglob("*.part*")) == []
    hog.unlink()
    tally = drive(build)
    assert tally.stopped is None
    assert total(build) == wanted


def how_it_ends(build: Path) -> str:
    """Run a build on a full disk; return the line that the person is told."""
    try:
        return str(drive(build).stopped)
    except DiskStop as problem:  # not even the diary could be written
        return str(problem)


def test_a_read_only_disk_is_refused_and_the_build_stays_whole(small_disk: Path) -> None:
    build = small_disk / "b"
    drive(build)
    wanted = total(build)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(DiskStop, match="cannot write"), events.locked(build):
        pass
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert drive(build).made.total() == 0
    assert total(build) == wanted


@pytest.mark.parametrize("years", [-30, 30])
def test_a_clock_that_jumped_makes_nothing_again_and_hides_nothing(
    tmp_path: Path, years: int
) -> None:
    build = tmp_path / "b"
    drive(build)
    wanted = total(build)
    for path in build.rglob("*"):
        stat = path.stat()
        shift = years * 31_557_600 * 10**9
        os.utime(path, ns=(stat.st_atime_ns, max(1, stat.st_mtime_ns + shift)))
    assert drive(build).made.total() == 0
    shard = build / "2.added/00001.parquet"
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 4
    shard.write_bytes(data)
    assert drive(build).made["added"] == 1
    assert total(build) == wanted
    assert read_note(shard.with_suffix(".json")) is not None
