"""Runs a command on a terminal of its own, as a person does, and says what that person saw."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

CTRL_C, CTRL_S, CTRL_Q = b"\x03", b"\x13", b"\x11"
# Takes the terminal that it stands on as its own, so that Ctrl-C there is a signal here; a shell
# that ran the tests in the background has made them, and all they start, deaf to it.
LEADER = (
    "import fcntl, os, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "signal.signal(signal.SIGINT, signal.SIG_DFL); signal.signal(signal.SIGHUP, signal.SIG_DFL); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)
# Everything that a terminal does not show as a character.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Key(NamedTuple):
    """What is typed once the terminal shows a pattern, or a file is there."""

    until: str | Path
    typed: bytes


class Seen(NamedTuple):
    """How a command ended, and all that its terminal was sent."""

    code: int
    text: str
    columns: int

    @property
    def drawn(self) -> list[str]:
        """The lines that were drawn over each other, without the blanks that erase."""
        pieces = [piece for line in self.text.split("\n") for piece in line.split("\r")]
        return [piece.rstrip() for piece in pieces if piece.strip()]

    @property
    def screen(self) -> list[str]:
        """The lines that are left, as a terminal of this width shows them."""
        lines, column = [""], 0
        for character in self.text:
            if character == "\r":
                column = 0
            elif character == "\n":
                lines.append("")
            else:
                if column == self.columns:
                    lines.append("")
                    column = 0
                line = lines[-1].ljust(column)
                lines[-1] = line[:column] + character + line[column + 1 :]
                column += 1
        return [line.rstrip() for line in lines]


def run(
    command: Sequence[str], columns: int = 80, keys: Sequence[Key] = (), **environment: str
) -> Seen:
    """Run `python -m r1data command` on a terminal, type the keys, and wait for its end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    names = {**os.environ, "TERM": "xterm-256color", **environment}
    program = [sys.executable, "-c", LEADER, sys.executable, "-m", "r1data", *command]
    running = subprocess.Popen(
        program, stdin=theirs, stdout=theirs, stderr=theirs, env=names, start_new_session=True
    )
    os.close(theirs)
    try:
        text = "".join(typing(ours, list(keys)))
    except BaseException:  # the test's time is over: nothing of it may go on
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        raise
    finally:
        os.close(ours)
    return Seen(running.wait(), text, columns)


def typing(terminal: int, keys: list[Key]) -> Iterator[str]:
    """Yield what a terminal is sent, typing each key once what it waits for has come."""
    since = ""
    while True:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                piece = os.read(terminal, 65_536).decode("utf-8", "replace")
            except OSError:  # nobody holds the other end any more
                return
            since += piece
            yield piece
        if keys and has_come(keys[0].until, since):
            os.write(terminal, keys.pop(0).typed)
            since = ""


def has_come(until: str | Path, text: str) -> bool:
    """Tell whether a terminal has shown a pattern, or a file is there."""
    return until.exists() if isinstance(until, Path) else bool(re.search(until, text))


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """Keep so many processors busy meanwhile."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for each in running:
            each.kill()
            each.wait()
