"""Progress: one line, drawn anew on a terminal, printed once a minute elsewhere.

A thread of its own draws, so that a stopped terminal (Ctrl-S) or a full pipe delays nothing.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

from r1data.progress_text import STOPPING, Line, cells, cut, fit, plain

DRAW_SECONDS = 0.5
QUIET_SECONDS = 60.0
# A thread that cannot write is left behind after so long.
CLOSE_SECONDS = 1.0
# The width of a terminal that does not tell its own.
COLUMNS = 80


class Watched(NamedTuple):
    """What progress is shown of: `begin` returns the first line of a log, "" while unknown.

    `warnings` returns all that there are so far; each is printed once.
    """

    name: str
    begin: Callable[[], str]
    line: Callable[[], Line]
    warnings: Callable[[], Sequence[str]] = tuple


@contextmanager
def shown(watched: Watched) -> Iterator[None]:
    """Show progress while the block runs, and leave nothing of it on a terminal."""
    done = threading.Event()
    show = draw_until if is_live() else log_until
    thread = threading.Thread(target=show, args=(watched, done), name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(CLOSE_SECONDS)


def is_live() -> bool:
    """Tell whether standard error is a terminal that can draw a line anew."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def draw_until(watched: Watched, done: threading.Event) -> None:
    """Draw the line on the terminal until `done`, then erase it.

    The cursor goes back to the first column, where a terminal then prints the ^C of Ctrl-C. A line
    that filled the last column would make it wrap.
    """
    before, told = 0, 0
    while not done.wait(DRAW_SECONDS):
        room = columns() - 1
        text = fit(watched.line(), room)
        new = watched.warnings()[told:]
        if new:
            put(f"\r{' ' * min(before, room)}\r{warning_lines(new)}")
        put(f"\r{text}{' ' * (min(before, room) - cells(text))}\r")
        before, told = cells(text), told + len(new)
    put(f"\r{' ' * min(before, columns() - 1)}\r{warning_lines(watched.warnings()[told:])}")


def log_until(watched: Watched, done: threading.Event) -> None:
    """Print one line as soon as there is something to tell, and one each minute."""
    begun, last, told = False, time.monotonic(), 0
    while not done.wait(DRAW_SECONDS):
        begun = begun or log(watched.begin())
        new = watched.warnings()[told:]
        put(warning_lines(new))
        told += len(new)
        line = watched.line()  # looked at all the time, or no rate could be told
        if time.monotonic() - last >= QUIET_SECONDS:
            last = time.monotonic()
            log(f"{watched.name}: {fit(line, 1_000)}")
    if not begun:
        log(watched.begin())
    put(warning_lines(watched.warnings()[told:]))


def warning_lines(warnings: Sequence[str]) -> str:
    """Return warnings, a line each: whole, since a person is to act on them."""
    return "".join(f"warning: {plain(warning)}\n" for warning in warnings)


def log(text: str) -> bool:
    """Print a line that no dumb terminal has to wrap; tell whether there was one."""
    if text:
        put(f"{cut(text, columns() - 1) if sys.stderr.isatty() else text}\n")
    return bool(text)


def put(text: str) -> None:
    """Write to standard error; a terminal that is gone ends nothing.

    Past Python's own buffer: a thread that waits there for a stopped terminal would hold its lock,
    and the interpreter's end aborts the process then.
    """
    stream = sys.stderr
    with suppress(OSError, ValueError):
        if stream is not sys.__stderr__:  # a notebook's
            stream.write(text)
            return
        os.write(stream.fileno(), text.encode(stream.encoding, "backslashreplace"))


def tell_stopping() -> None:
    """Say that Ctrl-C was heard, where no line of progress does; a terminal has just printed ^C."""
    if not is_live():
        put(f" {STOPPING}" if sys.stderr.isatty() else f"{STOPPING}\n")


def after_ctrl_c() -> None:
    """Begin a new line after the ^C of a terminal, or over it."""
    if sys.stderr.isatty():
        put("\r" if is_live() else "\n")


def columns() -> int:
    """Return the width of the terminal now."""
    with suppress(OSError, ValueError):
        return os.get_terminal_size(sys.stderr.fileno()).columns or COLUMNS
    return COLUMNS
