"""What happens inside a cell, in any process: import the stage's function, read, call, write."""

import importlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, overload

import pyarrow as pa

from r1data.errors import R1DataError
from r1data.grid import shards, store
from r1data.grid.build import Cell, Stage
from r1data.grid.shards import Note
from r1data.schema import arrow_schema, volatile_columns

GATHER_NOTE = "gather.json"
# Key of a table's schema metadata: how many of its rows may come out better in another run.
AGAIN = b"again"


@dataclass(frozen=True)
class Shards(Sequence[Path]):
    """The paths of one table's shards, spelled out when asked for: a gather stage may have a
    million of them.
    """

    folder: Path
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, at: int) -> Path: ...
    @overload
    def __getitem__(self, at: slice) -> "Shards": ...
    def __getitem__(self, at: int | slice) -> "Path | Shards":
        if isinstance(at, slice):
            return Shards(self.folder, self.names[at])
        return self.folder / f"{self.names[at]}.parquet"


@dataclass(frozen=True)
class Job:
    """One cell to make: everything an engine has to carry to where it is made."""

    stage: Stage
    cell: Cell
    key: str
    inputs: tuple[Shards, ...]
    lineage: str = ""

    @property
    def name(self) -> str:
        return f"{self.stage.name}/{self.cell.shard}"


class Shard(NamedTuple):
    """A table that a gather stage gives to later stages."""

    name: str
    table: pa.Table


class Page(NamedTuple):
    """Any other file that a gather stage writes; `write` fills the path that it is handed."""

    path: str
    write: Callable[[Path], Any]


Output = Shard | Page


def load_function(run: str) -> Callable[..., Any]:
    """Import "module:function"."""
    module, _, name = run.partition(":")
    return getattr(importlib.import_module(module), name)


def make(job: Job) -> Note:
    """Make one cell; return the note that was written last."""
    return make_stored(job) if job.cell.store else make_here(job)


def make_stored(job: Job) -> Note:
    """Make one cell of a build in a store: bring its inputs, put what was made, the note last."""
    place = store.open_store(job.cell.store, job.cell.build)
    store.bring(place, [path for paths in job.inputs for path in paths])
    if not job.stage.gather:
        note = make_here(job)
        if job.stage.needs.get("lane"):
            store.put_journals(place, job.cell.shard)
        store.put_shard(place, job.cell.folder / f"{job.cell.shard}.parquet")
        return note
    store.remove(place, [place.name(job.cell.folder / GATHER_NOTE)])
    note = make_here(job)
    if job.stage.needs.get("lane"):
        store.put_journals(place, job.cell.shard)
    store.put_gathered(place, job.cell.folder, note, GATHER_NOTE)
    return note


def make_here(job: Job) -> Note:
    """Make one cell in the build's folder; return the note that was written last."""
    began = time.monotonic()
    function = load_function(job.stage.run)
    if job.stage.gather:
        return make_gather(job, function(*job.inputs, cell=job.cell), began)
    tables = [shards.read_shard(paths[0]) for paths in job.inputs]
    raw = function(*tables, cell=job.cell)
    note = replace(note_of(job, began), again=again_of(raw))
    return shards.write_shard(job.cell.folder, conform(job, raw, tables), note, volatile(job.stage))


def again_of(table: pa.Table) -> int:
    """Return how many rows may come out better in another run, as the stage says."""
    return int((table.schema.metadata or {}).get(AGAIN, 0))


def note_of(job: Job, began: float, shard: str | None = None) -> Note:
    """Begin the note of a cell."""
    return Note(
        stage=job.stage.name,
        shard=shard or job.cell.shard,
        key=job.key,
        digest="",
        seconds=round(time.monotonic() - began, 3),
        made=shards.made_here(),
    )


def volatile(stage: Stage) -> list[str]:
    """Return the columns of a stage's table that digests leave out."""
    return volatile_columns(stage.gives) if stage.gives else []


def conform(job: Job, table: pa.Table, inputs: list[pa.Table]) -> pa.Table:
    """Give the table its schema, and prove that a stage that may drop rows lost none."""
    schema = arrow_schema(job.stage.gives)
    shaped = table.select(schema.names).cast(schema)
    if "drop_reason" in schema.names and inputs and not shaped["id"].equals(inputs[0]["id"]):
        raise R1DataError(
            f"{job.name}: rows were lost or moved: {job.stage.run} must keep every id"
        )
    return shaped.replace_schema_metadata(None)


def make_gather(job: Job, outputs: Iterator[Output], began: float) -> Note:
    """Write what a gather stage yields, remove what an earlier run left, vouch for all of it."""
    folder = job.cell.folder
    (folder / GATHER_NOTE).unlink(missing_ok=True)
    notes: list[Note] = []
    pages: dict[str, str] = {}
    for output in outputs:
        if isinstance(output, Shard):
            notes.append(write_gathered(job, output, began))
        else:
            shards.replace_file(folder / output.path, output.write)
            pages[output.path] = shards.file_sha256(folder / output.path)
    files = {**{f"{note.shard}.parquet": note.sha256 for note in notes}, **pages}
    shards.remove_stray(folder, kept_files(folder, notes, pages))
    return vouch(job, notes, files, began)


def write_gathered(job: Job, output: Shard, began: float) -> Note:
    """Write one shard of a gather stage with its own note, which later cells read."""
    table = conform(job, output.table, [])
    note = replace(note_of(job, began, output.name), again=again_of(output.table))
    return shards.write_shard(job.cell.folder, table, note, volatile(job.stage))


def kept_files(folder: Path, notes: list[Note], pages: dict[str, str]) -> set[Path]:
    """Return the files that a gather stage has just written."""
    shard_files = {folder / f"{n.shard}{end}" for n in notes for end in (".parquet", ".json")}
    return shard_files | {folder / path for path in pages}


def vouch(job: Job, notes: list[Note], files: dict[str, str], began: float) -> Note:
    """Write the note of a whole gather stage."""
    drops: dict[str, int] = {}
    for note in notes:
        for reason, count in note.drops.items():
            drops[reason] = drops.get(reason, 0) + count
    whole = replace(
        note_of(job, began),
        digest=shards.digest_of([note.digest for note in notes] or files),
        rows=sum(note.rows for note in notes),
        drops=drops,
        files=files,
        again=sum(note.again for note in notes),
        shards=tuple(note.shard for note in notes),
        lineage=job.lineage,
    )
    shards.write_note(job.cell.folder / GATHER_NOTE, whole)
    return whole
