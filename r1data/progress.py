"""Progress: a bar on a terminal, one line a minute elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from r1data.grid.driver import Driver

QUIET_SECONDS = 60.0


@contextmanager
def watching(build: Path) -> Iterator[Callable[[Driver], None]]:
    """Give the driver a function that shows how far it is."""
    terminal = sys.stderr.isatty()
    bar = tqdm(
        unit="cell",
        disable=not terminal,
        leave=False,
        bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} cells {elapsed}{postfix}",
    )
    last = time.monotonic()

    def watch(driver: Driver) -> None:
        nonlocal last
        done, total, now = progress(driver)
        bar.total, bar.n = total, done
        bar.set_postfix_str(now)
        if not terminal and time.monotonic() - last > QUIET_SECONDS:
            last = time.monotonic()
            sys.stderr.write(f"{build.name}: {done} of {total} cells; now {now or 'waiting'}\n")

    try:
        yield watch
    finally:
        bar.close()


def progress(driver: Driver) -> tuple[int, int, str]:
    """Return cells done, cells known, and the stages at work."""
    ready = driver.ready
    done = sum(driver.tally.made.values()) + sum(driver.tally.kept.values())
    total = sum(
        1 if stage.gather else len(ready.shards.get(i, ())) for i, stage in enumerate(ready.stages)
    )
    running = sorted({ready.stages[place.stage].folder for place in driver.running})
    return done, max(total, done), " ".join(name.partition(".")[2] for name in running)
