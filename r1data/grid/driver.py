"""The driver: makes every cell whose note is missing or stale. All policy lives here.

Retries, the window, exclusive lanes, blame for dead workers and the event log are the driver's;
an engine only computes the cells that it is handed. Where a build is made in parts, each part has
a driver of its own, which makes its cells and waits for those that other parts make for it.
"""

import heapq
import math
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from r1data import errors
from r1data.grid import events, shards
from r1data.grid.build import Stage
from r1data.grid.cells import Cells
from r1data.grid.engines import Engine, Outcome
from r1data.grid.parts import ALL, Part, Patience, owner, part_file
from r1data.grid.parts import WAIT_SECONDS as PATIENCE_SECONDS
from r1data.grid.ready import Place, Ready
from r1data.grid.room import refuse_full_disk
from r1data.grid.shards import Note, ShardDamaged
from r1data.grid.work import Job

# A cell that failed or lost its worker is tried this often before it is set aside.
TRIES = 3
WAIT_SECONDS = 0.5
# How often a part looks for what the others have made.
LOOK_SECONDS = 1.0
DISK_SECONDS = 5.0


class SetAside(NamedTuple):
    """A cell given up after its tries, and why."""

    cell: str
    why: str


@dataclass
class Tally:
    """What one run of the driver did; `waiting` names a cell of each part that it waits for.

    `kept_rows` counts the rows of the tables that were kept, by stage. `rows` counts those of the
    first stage in the shards that each stage has done: stages may split and join rows.
    """

    made: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    kept_rows: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    set_aside: list[SetAside] = field(default_factory=list)
    waiting: dict[int, str] = field(default_factory=dict)
    stopped: errors.R1DataError | None = None


class Driver:
    """Walks the grid of one build until every cell is made, set aside, or the build stops.

    With a `part`, only its cells: those that it needs of others are parked until they are there,
    or until nobody has been at work for `patience` seconds. `store` is the address of a build that
    `build` mirrors.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        build: Path,
        engine: Engine,
        settings: Mapping[str, Mapping[str, Any]],
        watch: Callable[["Driver"], None] = lambda _: None,
        part: Part | None = None,
        patience: float = PATIENCE_SECONDS,
        store: str = "",
    ) -> None:
        self.part = part
        self.patience = Patience(build, patience)
        self.parked: dict[int, list[Place]] = {}
        self.looked = self.weighed = -math.inf
        self.ready = Ready(stages, part)
        self.cells = Cells(self.ready, build, settings, self.part_name, store)
        self.build = build
        self.engine = engine
        self.watch = watch
        self.running: dict[Place, Job] = {}
        self.failures: Counter[Place] = Counter()
        self.losses: Counter[Place] = Counter()
        self.tally = Tally()
        self.rows: dict[str, int] = {}

    def run(self) -> Tally:
        """Make what is missing; return what was done."""
        part_file(self.build, "stop", self.part_name).unlink(missing_ok=True)
        while True:
            self.look()
            self.watch_disk()
            self.fill()
            self.watch(self)
            if not self.running:
                if self.is_over():
                    return self.tally
                time.sleep(WAIT_SECONDS)
                continue
            if self.part:
                self.patience.beat()
            for outcome in self.engine.wait(WAIT_SECONDS):
                self.settle(outcome)
            for job in self.engine.lost():
                self.bury(job)

    def stop(self, reason: errors.R1DataError) -> None:
        """Begin nothing new; long cells see the stop file and finish what is in flight."""
        if self.tally.stopped is None:
            self.tally.stopped = reason
            part_file(self.build, "stop", self.part_name).touch()
            self.record("stop", why=str(reason))

    def watch_disk(self) -> None:
        """Stop before the disk is full, while what is in flight can still be written."""
        if time.monotonic() - self.weighed < DISK_SECONDS:
            return
        self.weighed = time.monotonic()
        try:
            refuse_full_disk(self.build)
        except errors.DiskStop as short:
            self.stop(short)

    @property
    def part_name(self) -> str:
        return self.part.name if self.part else ""

    def record(self, event: str, **facts: Any) -> None:
        """Append to the events of this build or part."""
        events.record(self.build, event, self.part_name, **facts)

    # --- what other parts make ------------------------------------------------------------------

    def is_mine(self, place: Place) -> bool:
        """Tell whether a cell is this driver's to make; a gather stage is part 0's."""
        if self.part is None or self.failures[place]:
            return True
        return self.part.number == 0 if place.shard == ALL else self.part.owns(place.shard)

    def park(self, place: Place) -> None:
        """Wait for a cell of another part."""
        assert self.part is not None
        part = 0 if place.shard == ALL else owner(place.shard, self.part.of)
        heapq.heappush(self.parked.setdefault(part, []), place)

    def look(self) -> None:
        """Take up what other parts have made: each is asked for its first cell that lacks."""
        if not self.parked or time.monotonic() - self.looked < LOOK_SECONDS:
            return
        self.looked = time.monotonic()
        for places in self.parked.values():
            while places:
                place = heapq.heappop(places)
                before = len(places)
                self.begin(place)
                if len(places) > before:
                    break

    def is_over(self) -> bool:
        """Tell whether nothing is left, or nobody is at work who could make what lacks."""
        waiting = {part: places[0] for part, places in self.parked.items() if places}
        if waiting and self.tally.stopped is None and self.patience.lasts():
            return False
        self.tally.waiting = {
            part: self.cells.name(place) for part, place in sorted(waiting.items())
        }
        return True

    # --- what can be made now -------------------------------------------------------------------

    def fill(self) -> None:
        """Hand cells to the engine while it has room."""
        while self.tally.stopped is None:
            place = self.ready.pop(self.may_run)
            if place is None:
                return
            self.begin(place)

    def may_run(self, place: Place) -> bool:
        """Tell whether a cell may run beside those that are running.

        As many cells wait for a lane at once as their stage says, and such a cell needs no
        processor of its own. A cell whose worker died twice runs alone, so that the next death is
        surely its own fault and no bystander's.
        """
        if any(self.losses[other] >= 2 for other in self.running):
            return False
        if self.losses[place] >= 2 and self.running:
            return False
        lanes = [self.cells.stage(other).needs.get("lane") for other in self.running]
        lane = self.cells.stage(place).needs.get("lane")
        if lane:
            return lanes.count(lane) < self.cells.stage(place).needs.get("cells", 1)
        return lanes.count(None) < self.engine.slots

    def begin(self, place: Place) -> None:
        """Keep a cell that is fresh; submit one that is not."""
        try:
            job = self.cells.job(place)
        except ShardDamaged as error:
            self.remake(place, error)
            return
        except errors.R1DataError as error:
            self.stop(error)
            return
        note = shards.read_note(self.cells.note_path(place))
        if note and self.is_kept(place, job, note):
            self.tally.kept[job.stage.name] += self.is_mine(place)
            self.tally.kept_rows[job.stage.name] += note.rows
            self.finish(place, note)
            return
        if not self.is_mine(place):
            self.park(place)
            return
        self.running[place] = job
        self.engine.submit(job)

    def is_kept(self, place: Place, job: Job, note: Note) -> bool:
        """Tell whether a cell need not be made, as its note says.

        A part cannot know the key of a gather stage whose inputs it has not all seen.
        """
        mine = self.is_mine(place)
        if not mine and place.shard == ALL and job.stage.takes:
            return note.lineage == job.lineage and self.cells.is_whole(place, note, self.sees)
        asked = mine and note.again
        return note.key == job.key and not asked and self.cells.is_whole(place, note, self.sees)

    def sees(self, shard: str) -> bool:
        """Tell whether a shard is any of this driver's business."""
        return self.part is None or self.part.sees(shard)

    # --- what became of it ----------------------------------------------------------------------

    def place_of(self, job: Job) -> Place:
        """Return the cell that a job makes."""
        return Place(self.ready.index[job.stage.name], job.cell.shard)

    def settle(self, outcome: Outcome) -> None:
        """Take note of a job that came back."""
        place = self.place_of(outcome.job)
        del self.running[place]
        if outcome.note is not None:
            note = outcome.note
            facts = {"rows": note.rows, "drops": note.drops, "seconds": note.seconds}
            self.record("made", cell=outcome.job.name, **facts)
            self.tally.made[outcome.job.stage.name] += 1
            self.finish(place, note)
        elif isinstance(outcome.error, ShardDamaged):
            self.remake(place, outcome.error)
        elif stops_the_build(outcome.error):
            assert isinstance(outcome.error, errors.R1DataError)
            self.stop(outcome.error)
        else:
            self.retry(place, outcome.job, outcome.error)

    def finish(self, place: Place, note: Note) -> None:
        """Count a cell as done, with all the shards of a gather stage."""
        stage = self.cells.stage(place)
        if not stage.gather:
            self.tally.rows[stage.name] += self.rows.get(place.shard, 0)
            self.ready.finish(place, note.digest)
            return
        folder = self.build / stage.folder
        seen = filter(self.sees, note.shards)
        own = {shard: shards.read_note(folder / f"{shard}.json") for shard in seen}
        digests = {shard: each.digest for shard, each in own.items() if each is not None}
        if not stage.takes:
            self.rows = {shard: each.rows for shard, each in own.items() if each is not None}
        self.ready.finish_gather(place.stage, digests)

    # --- what went wrong ------------------------------------------------------------------------

    def retry(self, place: Place, job: Job, error: BaseException | None) -> None:
        """Try a failed cell again, and set it aside after its tries."""
        self.failures[place] += 1
        why = f"{type(error).__name__}: {error}"
        trace = "".join(traceback.format_exception(error)) if error else ""
        self.record("failed", cell=job.name, why=why, trace=trace)
        self.again_or_aside(place, why, self.failures[place])

    def bury(self, job: Job) -> None:
        """Take note of a worker's death; the cell that it held is tried again, in the end alone."""
        place = self.place_of(job)
        del self.running[place]
        self.losses[place] += 1
        self.record("lost", cell=job.name, losses=self.losses[place])
        self.again_or_aside(place, "its worker died", self.losses[place])

    def again_or_aside(self, place: Place, why: str, count: int) -> None:
        """Queue a cell again, or give it up."""
        if count < TRIES:
            self.ready.push(place)
            return
        self.record("set aside", cell=self.cells.name(place), why=why)
        self.tally.set_aside.append(SetAside(self.cells.name(place), why))

    def remake(self, reader: Place, error: ShardDamaged) -> None:
        """Make a damaged input again, then the cell that met it."""
        self.record("damaged", file=error.path.name, folder=error.path.parent.name)
        i = next(i for i, s in enumerate(self.ready.stages) if s.folder == error.path.parent.name)
        source = Place(i, ALL if self.ready.stages[i].gather else error.path.stem)
        self.cells.note_path(source).unlink(missing_ok=True)
        self.ready.forget(Place(i, error.path.stem))
        self.ready.retract(reader)
        if source.shard != ALL or self.is_mine(source):
            self.failures[source] += 1
        if source not in self.running:
            self.again_or_aside(source, str(error), self.failures[source])


def stops_the_build(error: BaseException | None) -> bool:
    """Tell whether an error is one that a retry cannot mend."""
    if isinstance(error, errors.ShardFault):
        return False
    return isinstance(error, errors.R1DataError)
