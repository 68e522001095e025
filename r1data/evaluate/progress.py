"""How far an evaluation is: a bar on a terminal, one line a minute elsewhere."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

# A journal is looked at so often.
LOOK_S, QUIET_S = 1.0, 60.0


@contextmanager
def watched(folder: Path, total: int) -> Iterator[None]:
    """Show meanwhile how many of `total` answers the journals in `folder` hold."""
    done = threading.Event()
    watcher = threading.Thread(target=watch, args=(folder, total, done), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def watch(folder: Path, total: int, done: threading.Event) -> None:
    """Count answers until it is over."""
    terminal = sys.stderr.isatty()
    last = time.monotonic()
    with tqdm(total=total, unit="answer", disable=not terminal, leave=False) as bar:
        while not done.wait(LOOK_S):
            if not terminal and time.monotonic() - last < QUIET_S:
                continue
            last = time.monotonic()
            bar.n = min(total, answers(folder))
            bar.refresh()
            if not terminal:
                sys.stderr.write(f"{folder.parent.name}: {bar.n:,} of {total:,} answers\n")


def answers(folder: Path) -> int:
    """Count the lines of the journals."""
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("*.journal.jsonl"))
