"""What a cell is made of: its inputs, its key, its note, and whether that note still holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r1data.grid import shards
from r1data.grid.build import Cell, Stage
from r1data.grid.ready import Place, Ready
from r1data.grid.shards import Note, digest_of
from r1data.grid.store import bring, open_store
from r1data.grid.work import GATHER_NOTE, Job, Shards, load_function


@dataclass(frozen=True)
class Cells:
    """Describes the cells of one build, or of one part of it; `store` is its address, if any."""

    ready: Ready
    build: Path
    settings: Mapping[str, Mapping[str, Any]]
    part: str = ""
    store: str = ""

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
            store=self.store,
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
        if stage.outside and self.store:
            paths = [path for table in inputs for path in table]
            bring(open_store(self.store, self.build), paths)
        outside = load_function(stage.outside)(*inputs, cell=cell) if stage.outside else ""
        return digest_of(
            {
                **self.ready.asked[self.ready.index[stage.name]],
                "shard": cell.shard,
                "inputs": digests,
                "outside": outside,
            }
        )

    def note_path(self, place: Place) -> Path:
        """Return where the note of a cell stands."""
        stage = self.stage(place)
        name = GATHER_NOTE if stage.gather else f"{place.shard}.json"
        return self.build / stage.folder / name

    def is_whole(self, place: Place, note: Note, sees: Callable[[str], bool]) -> bool:
        """Tell whether the files that a note vouches for are still as they were written.

        Of a gather stage's shards only those count that the driver `sees`.
        """
        folder = self.build / self.stage(place).folder
        if not self.stage(place).gather:
            return self.is_kept(folder / f"{place.shard}.parquet", note)
        own = set(note.shards)
        return all(
            self.is_file_kept(folder / name, sha256, Path(name).stem in own)
            for name, sha256 in note.files.items()
            if sees(Path(name).stem)
        )

    def is_kept(self, path: Path, note: Note) -> bool:
        """Tell whether a shard is as its note says; one that only the store has is."""
        return self.is_away(path) or shards.is_fresh(path, note)

    def is_file_kept(self, path: Path, sha256: str, has_note: bool) -> bool:
        """Tell the same of a file of a gather stage; a shard's own note spares hashing it."""
        if has_note:
            own = shards.read_note(path.with_suffix(".json"))
            return own is not None and own.sha256 == sha256 and self.is_kept(path, own)
        return self.is_away(path) or (path.is_file() and shards.file_sha256(path) == sha256)

    def is_away(self, path: Path) -> bool:
        """Tell whether a file is only in the store, which has what notes vouch for."""
        return bool(self.store) and not path.exists()
