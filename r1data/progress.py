"""Progress: a bar on a terminal, one line a minute elsewhere; what each says is the same."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from r1data.grid.driver import Driver

QUIET_SECONDS = 60.0
# A terminal is read by a person, and reading the ledger of requests costs a file each time.
LOOK_SECONDS = 1.0


@dataclass
class Pace:
    """What was seen last: when each stage began, and how many answers there were."""

    began: dict[str, float] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    answered: int | None = None
    looked: float = 0.0


@contextmanager
def watching(build: Path) -> Iterator[Callable[[Driver], None]]:
    """Give the driver a function that shows how far it is."""
    terminal = sys.stderr.isatty()
    bar = tqdm(
        unit="cell",
        disable=not terminal,
        leave=False,
        dynamic_ncols=True,
        bar_format="{percentage:3.0f}%|{bar:12}| {n_fmt}/{total_fmt} cells {elapsed}{postfix}",
    )
    pace = Pace(looked=time.monotonic())
    every = LOOK_SECONDS if terminal else QUIET_SECONDS

    def watch(driver: Driver) -> None:
        note_begun(pace, driver)
        if time.monotonic() - pace.looked < every:
            return
        bar.n, bar.total = cells(driver)
        told = "; ".join(filter(None, [stages_text(pace, driver), asking_text(pace, driver)]))
        bar.set_postfix_str(told)
        if not terminal:
            sys.stderr.write(f"{build.name}: {bar.n} of {bar.total} cells; {told or 'waiting'}\n")
        pace.looked = time.monotonic()

    try:
        yield watch
    finally:
        bar.close()


def cells(driver: Driver) -> tuple[int, int]:
    """Return the cells done, and all that are known of."""
    done = sum(driver.tally.made.values()) + sum(driver.tally.kept.values())
    return done, max(done, sum(total_of(driver, i) for i in range(len(driver.ready.stages))))


def total_of(driver: Driver, stage: int) -> int:
    """Return how many cells a stage has, as far as is known."""
    ready = driver.ready
    return 1 if ready.stages[stage].gather else len(ready.shards.get(stage, ()))


def note_begun(pace: Pace, driver: Driver) -> None:
    """Remember when each stage was first at work in this run."""
    for place in driver.running:
        name = driver.ready.stages[place.stage].name
        pace.began.setdefault(name, time.monotonic())


def stages_text(pace: Pace, driver: Driver) -> str:
    """Say of each stage at work how many of its cells are done, and how long the rest may take."""
    told: list[str] = []
    for i in sorted({place.stage for place in driver.running}):
        name, total = driver.ready.stages[i].name, total_of(driver, i)
        made = driver.tally.made[name]
        done = made + driver.tally.kept[name]
        told.append(f"{name} {done}/{total}{left_text(pace.began[name], made, total - done)}")
    return ", ".join(told)


def left_text(began: float, made: int, missing: int) -> str:
    """Say how long the cells of a stage may still take, at the pace of this run."""
    if not made or not missing:
        return ""
    return f" ({tqdm.format_interval((time.monotonic() - began) / made * missing)} left)"


def asking_text(pace: Pace, driver: Driver) -> str:
    """Say how the endpoints are kept busy: in flight, answers a second, refusals, money."""
    path = driver.build / "asking" / driver.part_name / "ledger.json"
    if not path.is_file():
        return ""
    from r1data.teacher.sharing import decode

    ledger = decode(path.read_bytes())
    if ledger is None or not ledger.seats:
        return ""
    windows, seats = ledger.windows.values(), ledger.seats.values()
    flying = sum(sum(seat.in_flight.values()) for seat in seats)
    answered = sum(window["accepted"] for window in windows)
    since = answered - (answered if pace.answered is None else pace.answered)
    pace.answered = answered
    rate = max(0, since) / max(time.monotonic() - pace.looked, 0.001)
    refused = sum(window["refused"] for window in windows)
    spent = sum(money.spent for money in ledger.money.values())
    unit = next(iter(seats)).unit
    paid = f"${spent:,.2f}" if unit == "usd" else f"{spent:,.0f} tokens"
    return f"{flying} in flight, {rate:.1f}/s, {refused} refused, {paid}"
