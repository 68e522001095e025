"""Functions that misbehave as native libraries do; tests run them behind the guard."""

import ctypes
import os
import sys
import time
from pathlib import Path
from typing import Any

from r1data.errors import RowDrop
from r1data.frames.take import Taken, take_frames
from r1data.grid.drops import Drop


def echo(value: Any = None, **options: Any) -> tuple[Any, dict[str, Any], int]:
    return value, options, os.getpid()


def drop(detail: str) -> None:
    raise RowDrop(Drop.UNDECODABLE, detail)


def take_and_peak(path: Path) -> tuple[Taken, int]:
    """Take frames; tell the most megabytes that this process ever held, where /proc says so."""
    taken = take_frames(path)
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    peaks = [int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM")]
    return taken, max(peaks, default=0)


def hang() -> None:
    while True:
        time.sleep(60)


def hang_without_giving_way(seconds: int) -> None:
    """Sleep in C while holding the interpreter, as a badly written binding does."""
    ctypes.PyDLL(None).sleep(seconds)


def crash() -> None:
    ctypes.string_at(0)


def leave(code: int) -> None:
    os._exit(code)


def swallow(megabytes: int) -> int:
    """Allocate and touch memory."""
    return len([bytearray(2**20) for _ in range(megabytes)])


def chatter() -> str:
    sys.stdout.write("a library's line\n")
    os.write(1, b"native output\n")
    os.write(2, b"native complaint\n" * 100_000)
    sys.stderr.write("more\n")
    return "done"


def unsendable() -> Any:
    return lambda: None


def large(megabytes: int) -> bytes:
    return b"x" * (megabytes * 2**20)


def connect(port: int) -> str:
    """Try to reach a port of this machine."""
    import socket

    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError as problem:
        return str(problem)
    return "connected"


def write(path: str) -> None:
    with Path(path).open("wb") as file:
        file.write(b"x" * 10)


def spin_within(seconds: int) -> None:
    """Compute for ever, under the limit that a call of so many seconds gets on one core."""
    from r1data.grid.confined import limit_processor

    limit_processor(seconds / (os.cpu_count() or 1))
    while True:
        pass


def environment() -> dict[str, str]:
    return dict(os.environ)
