"""What a build tells of its progress: answers, rows, time left, and the last fault."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from r1data.errors import Interrupted
from r1data.grid.build import Stage
from r1data.grid.driver import Driver
from r1data.grid.parts import part_file
from r1data.progress import Watched, shown
from r1data.progress_text import STOPPING, Line, Rate, Share, answer_facts, clock

if TYPE_CHECKING:
    from r1data.teacher.counts import Asking, Counts

# A log begins at the latest after so long, though nobody has counted the rows yet.
BEGIN_SECONDS = 5.0


class Mark(NamedTuple):
    """When a stage was first seen at work in this run, and how many of its rows were done then."""

    at: float
    rows: int


@contextmanager
def watching(build: Path) -> Iterator[Callable[[Driver], None]]:
    """Show how far a build is; yield the function that the driver calls now and then."""
    progress = BuildProgress(build)
    with shown(Watched(build.name, progress.begin, progress.line, progress.warnings)):
        yield progress.watch


@dataclass
class BuildProgress:
    """What was seen of a build; `driver` is None until it runs, and is only read here."""

    build: Path
    driver: Driver | None = None
    began: float = field(default_factory=time.monotonic)
    marks: dict[str, Mark] = field(default_factory=dict)
    rate: Rate = field(default_factory=Rate)
    asking: "Asking | None" = None

    def watch(self, driver: Driver) -> None:
        """Take note of the driver that runs the build."""
        self.driver = driver

    def begin(self) -> str:
        """Return the first line of a log, as soon as the rows are counted."""
        driver = self.driver
        if driver is None:
            return ""
        rows = sum(driver.rows.values())
        if not rows and time.monotonic() - self.began < BEGIN_SECONDS:
            return ""
        log = part_file(self.build, "events.jsonl", driver.part_name)
        return (
            f"{self.build.name}: {f'{rows:,} rows' if rows else 'reading questions'}, log in {log}"
        )

    def line(self) -> Line:
        """Return what is told now."""
        driver = self.driver
        if driver is None:
            return Line(("starting",))
        stages = driver.ready.stages
        running = [stages[i] for i in sorted({task.stage for task in list(driver.running)})]
        last = self.look(driver)
        answers = self.answer_facts(driver, running) if last else []
        if not answers and not any(map(asks, running)):
            last = None
        facts = [STOPPING] if isinstance(driver.tally.stopped, Interrupted) else []
        facts += answers
        facts += [self.rows_text(driver, each) for each in running if not asks(each)]
        if not facts:
            facts = ["waiting for other parts" if any(driver.parked.values()) else "finishing"]
        return Line(tuple(facts), last.fault if last else "", last.faults if last else 0)

    def look(self, driver: Driver) -> "Counts | None":
        """Read the ledger of those who ask; while it says nothing, its last word counts."""
        from r1data.teacher.counts import read_asking
        from r1data.teacher.sharing import FOLDER

        found = read_asking(driver.build / FOLDER / driver.part_name / "ledger.json")
        self.asking = found or self.asking
        return self.asking.total() if self.asking else None

    def warnings(self) -> list[str]:
        """Return what the canaries did not prove, as they were answered."""
        if self.driver is not None:
            self.look(self.driver)
        return list(self.asking.warnings) if self.asking else []

    def answer_facts(self, driver: Driver, running: Sequence[Stage]) -> list[str]:
        """Say how many answers have come, how fast, at what price, and how long the rest takes."""
        assert self.asking is not None
        total = self.asking.total()
        rate = self.rate.take(total.answered - total.found)
        shares = {each.name: self.share(driver, each) for each in driver.ready.stages if asks(each)}
        now = {each.name for each in running}
        shares = {name: each for name, each in shares.items() if name in now or each.missing}
        return answer_facts(shares, total, rate)

    def share(self, driver: Driver, stage: Stage) -> Share:
        """Say how many answers of a stage are there, and how many it needs as far as is known.

        Of tables that were kept, a row is an answer where the stage gives responses. Tasks that
        have not begun need as many answers as the others do, give or take what falls out.
        """
        assert self.asking is not None
        counts = self.asking.stages.get(stage.folder)
        if counts is None:
            return Share(0, 0)
        every = tasks_of(driver, stage)
        kept, rows = driver.tally.kept[stage.name], 0
        if stage.gives == "response":
            rows = driver.tally.kept_rows[stage.name]
        done, failed, wanted = counts.answered + rows, counts.failed, counts.wanted + rows
        more = every - kept - counts.tasks
        if counts.tasks and more > 0:
            return Share(done, wanted + counts.wanted * more // counts.tasks, failed, "about ")
        later = isinstance(stage.options.get("n"), Mapping)  # more for questions that need more
        return Share(done, wanted, failed, "at least " if later else "")

    def rows_text(self, driver: Driver, stage: Stage) -> str:
        """Say how many rows have passed a stage that asks nobody, and how long the rest takes."""
        rows = sum(driver.rows.values())
        done = min(rows, driver.tally.rows[stage.name])
        now = time.monotonic()
        mark = self.marks.setdefault(stage.name, Mark(now, done))
        if stage.gather:
            return f"{stage.name} of all rows at once ({clock(now - mark.at)})"
        new = done - mark.rows
        left = f" ({clock((now - mark.at) / new * (rows - done))} left)" if 0 < new < rows else ""
        return f"{stage.name} {Share(done, rows).text('rows')}{left}"


def asks(stage: Stage) -> bool:
    """Tell whether a stage asks a model."""
    return bool(stage.needs.get("lane"))


def tasks_of(driver: Driver, stage: Stage) -> int:
    """Return how many tasks of a stage this driver makes, as far as is known."""
    if stage.gather:
        return 1
    shards = driver.ready.shards.get(driver.ready.index[stage.name], ())
    return sum(map(driver.part.owns, shards)) if driver.part else len(shards)
