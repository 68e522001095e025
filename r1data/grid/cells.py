"""What a cell is made of: its inputs, its key, its note, and whether that note still holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r1data.grid import shards
from r1data.grid.build import Cell, Stage
from r1data.grid.putting import bring_inputs
from r1data.grid.ready import Place, Ready
from r1data.grid.shards import Note, digest_of
from r1data.grid.store import Store, keeps, keeps_page, refresh, store_of
from r1data.grid.work import GATHER_NOTE, Job, Shards, load_function


@dataclass(frozen=True)
class Cells:
    """Describes the cells of one build, or of one part of it."""

    ready: Ready
    build: Path
    settings: Mapping[str, Mapping[str, Any]]
    part: str = ""

    def stage(self, place: Place) -> Stage:
        """Return the stage of a cell."""
        return self.ready.stages[place.stage]

    def name(self, place: Place) -> str:
        """Return a cell's name as people read it."""
        return f"{self.stage(place).name}/{place.shard}"

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
            part=self.part,
        )
        inputs = tuple(self.inputs(stage, name, place.shard) for name in stage.takes)
        lineage = self.ready.lineages[place.stage] if stage.gather else ""
        return Job(stage, cell, self.key(cell, stage, inputs), inputs, lineage)

    def inputs(self, stage: Stage, name: str, shard: str) -> Shards:
        """Return the shards of input `name` that a cell reads: one, or all for a gather stage."""
        source = self.ready.index[name]
        folder = self.build / self.ready.stages[source].folder
        return Shards(folder, self.ready.shards[source] if stage.gather else (shard,))

    def key(self, cell: Cell, stage: Stage, inputs: tuple[Shards, ...]) -> str:
        """Hash everything that could change the cell; never how or where it is computed."""
        digests = [
            [self.ready.digest(self.ready.index[name], each) for each in table.names]
            for name, table in zip(stage.takes, inputs, strict=True)
        ]
        if stage.outside:
            bring_inputs(cell, inputs)
        outside = load_function(stage.outside)(*inputs, cell=cell) if stage.outside else ""
        return digest_of(
            {
                **self.ready.asked[self.ready.index[stage.name]],
                "shard": cell.shard,
                "inputs": digests,
                "outside": outside,
            }
        )

    def note(self, place: Place, mine: bool) -> Note | None:
        """Return the note of a cell; of one that another part makes, as its store has it now."""
        path, store = self.note_path(place), store_of(self.build)
        if store is not None and not mine:
            refresh(store, path, self.stage(place).gather)
        return shards.read_note(path)

    def note_path(self, place: Place) -> Path:
        """Return where the note of a cell stands."""
        stage = self.stage(place)
        name = GATHER_NOTE if stage.gather else f"{place.shard}.json"
        return self.build / stage.folder / name

    def is_whole(self, place: Place, note: Note, sees: Callable[[str], bool]) -> bool:
        """Tell whether the files that a note vouches for are still as they were written.

        Of a gather stage's shards only those count that the driver `sees`.
        """
        folder, store = self.build / self.stage(place).folder, store_of(self.build)
        if not self.stage(place).gather:
            return shard_fresh(folder / f"{place.shard}.parquet", note, store)
        own = set(note.shards)
        return all(
            file_fresh(folder / name, sha256, Path(name).stem in own, store)
            for name, sha256 in note.files.items()
            if sees(Path(name).stem)
        )


def shard_fresh(path: Path, note: Note, store: Store | None) -> bool:
    """Tell whether a shard is as its note says, in the store where the build has one."""
    return shards.is_fresh(path, note) if store is None else keeps(store, path, note)


def file_fresh(path: Path, sha256: str, has_note: bool, store: Store | None = None) -> bool:
    """Tell whether a file of a gather stage is fresh; a shard's own note spares hashing it."""
    if has_note:
        own = shards.read_note(path.with_suffix(".json"))
        return own is not None and own.sha256 == sha256 and shard_fresh(path, own, store)
    if store is not None:
        return keeps_page(store, path, sha256)
    return path.is_file() and shards.file_sha256(path) == sha256
