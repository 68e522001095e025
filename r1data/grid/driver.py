"""The driver: makes every cell whose note is missing or stale. All policy lives here.

Retries, the window, exclusive lanes, blame for dead workers and the event log are the driver's;
an engine only computes the cells that it is handed.
"""

import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from r1data import errors
from r1data.grid import events, shards
from r1data.grid.build import Cell, Stage
from r1data.grid.engines import Engine, Outcome
from r1data.grid.ready import ALL, Place, Ready
from r1data.grid.shards import Note, ShardDamaged, digest_of
from r1data.grid.work import GATHER_NOTE, Job, load_function
from r1data.schema import load_schema

# A cell that failed or lost its worker is tried this often before it is set aside.
TRIES = 3
STOP_FILE = "stop"
WAIT_SECONDS = 0.5


class SetAside(NamedTuple):
    """A cell given up after its tries, and why."""

    cell: str
    why: str


@dataclass
class Tally:
    """What one run of the driver did."""

    made: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    set_aside: list[SetAside] = field(default_factory=list)
    stopped: errors.R1DataError | None = None


class Driver:
    """Walks the grid of one build until every cell is made, set aside, or the build stops."""

    def __init__(
        self,
        stages: Sequence[Stage],
        build: Path,
        engine: Engine,
        settings: Mapping[str, Mapping[str, Any]],
        watch: Callable[["Driver"], None] = lambda _: None,
    ) -> None:
        self.ready = Ready(stages)
        self.build = build
        self.engine = engine
        self.settings = settings
        self.watch = watch
        self.running: dict[Place, Job] = {}
        self.failures: Counter[Place] = Counter()
        self.losses: Counter[Place] = Counter()
        self.tally = Tally()

    def run(self) -> Tally:
        """Make what is missing; return what was done."""
        (self.build / STOP_FILE).unlink(missing_ok=True)
        while True:
            self.fill()
            self.watch(self)
            if not self.running:
                return self.tally
            for outcome in self.engine.wait(WAIT_SECONDS):
                self.settle(outcome)
            for job in self.engine.lost():
                self.bury(job)

    def stop(self, reason: errors.R1DataError) -> None:
        """Begin nothing new; long cells see the stop file and finish what is in flight."""
        if self.tally.stopped is None:
            self.tally.stopped = reason
            (self.build / STOP_FILE).touch()
            events.record(self.build, "stop", why=str(reason))

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
        lanes = [self.stage(other).needs.get("lane") for other in self.running]
        lane = self.stage(place).needs.get("lane")
        if lane:
            return lanes.count(lane) < self.stage(place).needs.get("cells", 1)
        return lanes.count(None) < self.engine.slots

    def stage(self, place: Place) -> Stage:
        """Return the stage of a cell."""
        return self.ready.stages[place.stage]

    def begin(self, place: Place) -> None:
        """Keep a cell that is fresh; submit one that is not."""
        try:
            job = self.job(place)
        except ShardDamaged as error:
            self.remake(place, error)
            return
        except errors.R1DataError as error:
            self.stop(error)
            return
        note = shards.read_note(self.note_path(place))
        if note and note.key == job.key and not note.again and self.all_fresh(place, note):
            self.tally.kept[job.stage.name] += 1
            self.finish(place, note)
            return
        self.running[place] = job
        self.engine.submit(job)

    def job(self, place: Place) -> Job:
        """Describe how a cell is made."""
        stage = self.stage(place)
        cell = Cell(
            stage=stage.name,
            shard=place.shard,
            options=stage.options,
            settings=self.settings.get(stage.name, {}),
            build=self.build,
            folder=self.build / stage.folder,
        )
        inputs = tuple(self.input_paths(stage, name, place.shard) for name in stage.takes)
        return Job(stage, cell, self.key(cell, stage, inputs), inputs)

    def input_paths(self, stage: Stage, name: str, shard: str) -> tuple[Path, ...]:
        """Return the shards of input `name` that a cell reads: one, or all for a gather stage."""
        source = self.ready.index[name]
        folder = self.build / self.ready.stages[source].folder
        names = self.ready.shards[source] if stage.gather else (shard,)
        return tuple(folder / f"{each}.parquet" for each in names)

    def key(self, cell: Cell, stage: Stage, inputs: tuple[tuple[Path, ...], ...]) -> str:
        """Hash everything that could change the cell; never how or where it is computed."""
        digests = [
            [self.ready.digests[Place(self.ready.index[name], path.stem)] for path in paths]
            for name, paths in zip(stage.takes, inputs, strict=True)
        ]
        outside = load_function(stage.outside)(*inputs, cell=cell) if stage.outside else ""
        return digest_of(
            {
                "stage": stage.name,
                "version": stage.version,
                "shard": cell.shard,
                "options": stage.options,
                "schema": load_schema(stage.gives) if stage.gives else {},
                "inputs": digests,
                "texts": stage.texts,
                "outside": outside,
            }
        )

    def note_path(self, place: Place) -> Path:
        """Return where the note of a cell stands."""
        stage = self.stage(place)
        name = GATHER_NOTE if stage.gather else f"{place.shard}.json"
        return self.build / stage.folder / name

    def all_fresh(self, place: Place, note: Note) -> bool:
        """Tell whether the files that a note vouches for are still as they were written."""
        folder = self.build / self.stage(place).folder
        if not self.stage(place).gather:
            return shards.is_fresh(folder / f"{place.shard}.parquet", note)
        return all(file_fresh(folder / name, sha, note) for name, sha in note.files.items())

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
            events.record(self.build, "made", cell=outcome.job.name, **facts)
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
        if not self.stage(place).gather:
            self.ready.finish(place, note.digest)
            return
        folder = self.build / self.stage(place).folder
        own = {shard: shards.read_note(folder / f"{shard}.json") for shard in note.shards}
        digests = {shard: each.digest for shard, each in own.items() if each is not None}
        self.ready.finish_gather(place.stage, digests)

    # --- what went wrong ------------------------------------------------------------------------

    def retry(self, place: Place, job: Job, error: BaseException | None) -> None:
        """Try a failed cell again, and set it aside after its tries."""
        self.failures[place] += 1
        why = f"{type(error).__name__}: {error}"
        trace = "".join(traceback.format_exception(error)) if error else ""
        events.record(self.build, "failed", cell=job.name, why=why, trace=trace)
        self.again_or_aside(place, why, self.failures[place])

    def bury(self, job: Job) -> None:
        """Take note of a worker's death; the cell that it held is tried again, in the end alone."""
        place = self.place_of(job)
        del self.running[place]
        self.losses[place] += 1
        events.record(self.build, "lost", cell=job.name, losses=self.losses[place])
        self.again_or_aside(place, "its worker died", self.losses[place])

    def again_or_aside(self, place: Place, why: str, count: int) -> None:
        """Queue a cell again, or give it up."""
        if count < TRIES:
            self.ready.push(place)
            return
        name = f"{self.stage(place).name}/{place.shard}"
        events.record(self.build, "set aside", cell=name, why=why)
        self.tally.set_aside.append(SetAside(name, why))

    def remake(self, reader: Place, error: ShardDamaged) -> None:
        """Make a damaged input again, then the cell that met it."""
        events.record(self.build, "damaged", file=error.path.name, folder=error.path.parent.name)
        i = next(i for i, s in enumerate(self.ready.stages) if s.folder == error.path.parent.name)
        source = Place(i, ALL if self.ready.stages[i].gather else error.path.stem)
        self.note_path(source).unlink(missing_ok=True)
        self.ready.forget(Place(i, error.path.stem))
        self.ready.retract(reader)
        self.failures[source] += 1
        if source not in self.running:
            self.again_or_aside(source, str(error), self.failures[source])


def stops_the_build(error: BaseException | None) -> bool:
    """Tell whether an error is one that a retry cannot mend."""
    if isinstance(error, errors.ShardFault):
        return False
    return isinstance(error, errors.R1DataError)


def file_fresh(path: Path, sha256: str, gathered: Note) -> bool:
    """Tell whether a file of a gather stage is fresh; a shard's own note spares hashing it."""
    if path.stem not in gathered.shards:
        return path.is_file() and shards.file_sha256(path) == sha256
    own = shards.read_note(path.with_suffix(".json"))
    return own is not None and own.sha256 == sha256 and shards.is_fresh(path, own)
