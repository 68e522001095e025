"""events.jsonl and the lock: what happened in a build, and who drives it."""

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from r1data.errors import Locked
from r1data.grid.parts import Part, part_file
from r1data.grid.shards import named_disk_faults, write_text

# Drivers that start in the same instant hold the common lock for a moment, to look around.
LOOK_SECONDS = 5.0


def record(build: Path, event: str, part: str = "", **facts: Any) -> None:
    """Append one line to events.jsonl, or to that of a part, in one write that nothing can tear."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = json.dumps({"at": now, "event": event, **facts}, ensure_ascii=False) + "\n"
    path = part_file(build, "events.jsonl", part)
    with named_disk_faults(path):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(handle, line.encode("utf-8", "replace"))
        finally:
            os.close(handle)


@contextmanager
def locked(build: Path, part: Part | None = None) -> Iterator[None]:
    """Hold the build, or a part of it, for this process; raise Locked, naming the holder.

    The operating system frees a lock when its holder dies, however it dies; the file `lock` only
    says who holds it. A driver of the whole build keeps the common lock. A part keeps one of its
    own, and the common one just while it looks for drivers that it cannot work beside.
    """
    name = part.name if part else ""
    with named_disk_faults(build):
        build.mkdir(parents=True, exist_ok=True)
        common = taken(build, build / ".lock", LOOK_SECONDS if part else 0.0)
        try:
            own = taken(build, build / f".lock.{name}") if part else common
            refuse_others(build, part)
        except Locked:
            common.release()
            raise
        if part:
            common.release()
    told = part_file(build, "lock", name)
    try:
        mine = {"pid": os.getpid(), "host": socket.gethostname(), "command": command_line()}
        write_text(told, json.dumps(mine) + "\n")
        yield
    finally:
        told.unlink(missing_ok=True)
        own.release()


def taken(build: Path, path: Path, seconds: float = 0.0) -> FileLock:
    """Take one lock, or raise Locked."""
    guard = FileLock(path, timeout=seconds)
    try:
        guard.acquire()
    except Timeout as problem:
        name = path.name.removeprefix(".lock").removeprefix(".")
        who = holder(part_file(build, "lock", name))
        raise Locked(f"{build} is in use by {who}: wait for it or stop it") from problem
    return guard


def refuse_others(build: Path, part: Part | None) -> None:
    """Raise Locked where parts are at work beside which this driver cannot be.

    For a whole build those are all parts, for a part those of another count.
    """
    for path in build.glob(".lock.*of*"):
        count = int(path.name.rpartition("of")[2])
        if part is None or count != part.of:
            taken(build, path).release()


def command_line() -> str:
    """Return how this process was called, without the folder of the program."""
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])


def holder(told: Path) -> str:
    """Name the process that holds a lock, as well as its file tells."""
    try:
        who = json.loads(told.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "another process"
    return f"process {who['pid']} on {who['host']} ({who['command']})"
