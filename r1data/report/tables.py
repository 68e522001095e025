"""The tables of a build, read lightly: only shards that a note vouches for, never their pictures.

Nothing is hashed here: what a page shows is as good as the notes; `r1data check` proves those.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from r1data.errors import UsageError
from r1data.grid.funnel import shard_notes, stage_folders
from r1data.grid.shards import Note

if TYPE_CHECKING:
    import polars as pl

# Tables that carry the reason of a row that fell out, beside the probes of the same form.
# Stages that share a room, in their order.
ORDER = (
    "screen", "reworded", "blind", "few_frame", "shuffled", "pass_rate",
    "responses", "revised", "verdicts", "preferences", "selection", "balance",
)  # fmt: skip
CARRIERS = {"samples", "media", "frames", "screen", "reworded", "selection", "balance"}


@dataclass(frozen=True)
class Tables:
    """The shards of a build by stage, in the order of the stages.

    `proven` believes only notes that are whole; else a note only has to be there: reading those of
    800 shards takes a second that somebody who only wants to look need not wait.
    """

    build: Path
    proven: bool = True

    @cached_property
    def folders(self) -> dict[str, Path]:
        """Folders by stage name."""
        if self.proven:
            return {path.name.partition(".")[2]: path for path in stage_folders(self.build)}
        found = sorted(path for path in self.build.glob("[0-9]*.*") if path.is_dir())
        order = {name: i for i, name in enumerate(ORDER)}
        found.sort(key=lambda path: (path.name[:1], order.get(path.name.partition(".")[2], 0)))
        return {path.name.partition(".")[2]: path for path in found}

    @cached_property
    def notes(self) -> dict[str, list[Note]]:
        """Notes by stage name, in order; only of stages that have made a shard."""
        found = {stage: list(shard_notes(path)) for stage, path in self.folders.items()}
        return {stage: notes for stage, notes in found.items() if notes}

    @cached_property
    def made(self) -> dict[str, dict[str, Path]]:
        """Files of each stage by shard, in order; only of stages that have made a shard."""
        if self.proven:
            found = {
                stage: {note.shard: self.folders[stage] / f"{note.shard}.parquet" for note in notes}
                for stage, notes in self.notes.items()
            }
        else:
            found = {stage: noted(path) for stage, path in self.folders.items()}
        return {stage: files for stage, files in found.items() if files}

    @cached_property
    def probes(self) -> list[str]:
        """Stages that are probes: those of the fifth room."""
        return [name for name in self.made if self.folders[name].name.startswith("5.")]

    @property
    def answers(self) -> str:
        """The stage whose answers are judged: the second look, where the recipe has one."""
        return "revised" if "revised" in self.made else "responses"

    @property
    def chosen(self) -> str:
        """The stage that says which rows are released, with which answers."""
        return "balance" if "balance" in self.made else "selection"

    def chosen_answers(self) -> "pl.DataFrame | None":
        """id, k of every answer that was chosen, of which a row may have several."""
        import polars as pl

        paths = self.paths(self.chosen)
        if not paths:
            return None
        scan = pl.scan_parquet(paths)
        column = "chains" if "chains" in scan.collect_schema() else "k"
        found = scan.select("id", k=column)
        return (found.explode("k") if column == "chains" else found).drop_nulls("k").collect()

    @cached_property
    def shards(self) -> dict[str, int]:
        """Rows of each shard of the samples, which name all others. Raises UsageError."""
        if "samples" not in self.made:
            raise UsageError(f"{self.build} holds no rows yet: run `r1data build` on its recipe")
        notes = shard_notes(self.folders["samples"])
        return {note.shard: note.rows for note in notes}

    def paths(self, stage: str) -> list[Path]:
        """Files of one stage, in order."""
        return list(self.made.get(stage, {}).values())

    def path(self, stage: str, shard: str) -> Path | None:
        """The file of one cell, or None where it is not made."""
        return self.made.get(stage, {}).get(shard)

    def scan(self, stage: str, columns: Sequence[str]) -> "pl.DataFrame | None":
        """Some columns of one stage's table, or None where it is not made."""
        import polars as pl

        paths = self.paths(stage)
        return pl.scan_parquet(paths).select(columns).collect() if paths else None

    @cached_property
    def carriers(self) -> list[str]:
        """Stages whose tables say which rows have fallen out, in order."""
        return [name for name in self.made if name in CARRIERS or name in self.probes]

    def standing(self) -> "pl.DataFrame":
        """id, drop_reason of every row, from the last table that each shard has got to."""
        import polars as pl

        last = {shard: stage for stage in self.carriers for shard in self.made[stage]}
        parts = [
            pl.scan_parquet([self.made[stage][s] for s in last if last[s] == stage])
            for stage in dict.fromkeys(last.values())
        ]
        return pl.concat([part.select("id", "drop_reason") for part in parts]).collect()


def noted(folder: Path) -> dict[str, Path]:
    """Files of a stage that have a note beside them, by shard."""
    notes = {path.stem for path in folder.glob("*.json")}
    return {path.stem: path for path in sorted(folder.glob("*.parquet")) if path.stem in notes}
