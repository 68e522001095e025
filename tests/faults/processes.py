"""Builds as processes, and which of their processes is which: for killing them one by one."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

KINDS = ("driver", "worker", "media child")


def command(out: Path, overrides: Sequence[str], *more: str) -> list[str]:
    """The command line of a build of the demo."""
    sets = [f"--set={each}" for each in overrides]
    line = [sys.executable, "-m", "r1data", "build", "demo", "--out", str(out), *sets]
    return [*line, "--workers", "2", *more]


def start(out: Path, overrides: Sequence[str], *more: str) -> subprocess.Popen[str]:
    """Start a build whose processes all run in the current folder."""
    return subprocess.Popen(
        command(out, overrides, *more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(out: Path, overrides: Sequence[str], *more: str) -> subprocess.CompletedProcess[str]:
    """Run a build to its end."""
    line = command(out, overrides, *more)
    return subprocess.run(line, capture_output=True, text=True, timeout=300)


def victims(driver: int, kind: str) -> list[int]:
    """The living processes of one kind below a driver."""
    if kind == "driver":
        return [driver]
    mark = {"worker": "spawn_main", "media child": "guard import serve"}[kind]
    return [pid for pid in below(driver) if mark in line_of(pid)]


def below(pid: int) -> list[int]:
    """All processes that a process started, and those that they started."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(each) for each in task.read_text().split()]
        except OSError:
            continue
        found += [each for child in children for each in (child, *below(child))]
    return found


def line_of(pid: int) -> str:
    """A process's command line."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


def shoot(pids: Sequence[int]) -> bool:
    """Kill the first of some processes, if it is still there."""
    for pid in pids[:1]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True
    return False
