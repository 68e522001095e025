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
from r1data.grid.shards import named_disk_faults, write_text


def record(build: Path, event: str, **facts: Any) -> None:
    """Append one line to events.jsonl."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    line = json.dumps({"at": now, "event": event, **facts}, ensure_ascii=False)
    path = build / "events.jsonl"
    with named_disk_faults(path), path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


@contextmanager
def locked(build: Path) -> Iterator[None]:
    """Hold the build for this process; raise Locked, naming the holder, where another has it.

    The operating system frees the lock when its holder dies, however it dies; the file `lock` only
    says who holds it.
    """
    with named_disk_faults(build):
        build.mkdir(parents=True, exist_ok=True)
        guard = FileLock(build / ".lock", timeout=0)
        try:
            guard.acquire()
        except Timeout as problem:
            raise Locked(
                f"{build} is in use by {holder(build)}: wait for it or stop it"
            ) from problem
    try:
        mine = {"pid": os.getpid(), "host": socket.gethostname(), "command": command_line()}
        write_text(build / "lock", json.dumps(mine) + "\n")
        yield
    finally:
        (build / "lock").unlink(missing_ok=True)
        guard.release()


def command_line() -> str:
    """Return how this process was called, without the folder of the program."""
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])


def holder(build: Path) -> str:
    """Name the process that holds a build, as well as its file tells."""
    try:
        who = json.loads((build / "lock").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "another process"
    return f"process {who['pid']} on {who['host']} ({who['command']})"
