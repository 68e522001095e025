"""How far an evaluation is: answers, rate, time left, and the last fault."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from r1data.errors import Interrupted
from r1data.progress import Watched, shown
from r1data.progress_text import STOPPING, Line, Rate, Share, Steps, answer_facts
from r1data.teacher.counts import Counts, read_asking
from r1data.teacher.sharing import FOLDER, begin_run

# The file whose presence asks an evaluation to end soon.
STOP = "stop"


@dataclass
class EvalProgress:
    """What was seen of an evaluation; a model on this machine counts in `counts`."""

    out: Path
    name: str
    total: int
    counts: Counts = field(default_factory=Counts)
    rate: Rate = field(default_factory=Rate)

    def begin(self) -> str:
        """Return the first line of a log."""
        return f"{self.out.name}: {self.total:,} questions, answers in {self.out / self.name}"

    def line(self) -> Line:
        """Return what is told now."""
        asking = read_asking(self.out / FOLDER / "ledger.json")
        if asking is not None and self.name in asking.stages:
            self.counts = asking.stages[self.name]
        counts = self.counts
        share = Share(min(counts.answered, self.total), self.total, counts.failed)
        rate = self.rate.take(counts.answered - counts.found)
        facts = [STOPPING] if (self.out / STOP).exists() else []
        facts += answer_facts({"responses": share}, counts, rate)
        return Line(tuple(facts), counts.fault, counts.faults)


@contextmanager
def watched(out: Path, name: str, total: int) -> Iterator[Counts]:
    """Show meanwhile how many of `total` answers are there; their journals are in `out`/`name`."""
    begin_run(out / FOLDER)
    progress = EvalProgress(out, name, total)
    with shown(Watched(out.name, progress.begin, progress.line)):
        yield progress.counts


@contextmanager
def counted(out: Path, unit: str, total: int) -> Iterator[Steps]:
    """Show meanwhile how many of `total` are done; the block raises `done`."""
    steps = Steps(unit, total)
    with shown(Watched(out.name, lambda: f"{out.name}: {total:,} {unit}", steps.line)):
        yield steps


def refuse_stopped(out: Path) -> None:
    """Raise Interrupted where the evaluation in `out` was asked to end."""
    if (out / STOP).exists():
        raise Interrupted("stopped: run the same command again to go on")
