"""Rows that other builds released: they do not come again."""

from collections.abc import Mapping
from pathlib import Path

from r1data.errors import RecipeError
from r1data.grid.funnel import shard_notes, stage_folders
from r1data.grid.shards import digest_of
from r1data.screen.facts import Facts, read_columns, read_facts

READ = ("samples", "media", "frames")
# The later one says which rows are released, where there are both.
CHOSEN = ("balance", "selection")


def read_released(build: str) -> Facts:
    """Read what another build released. Raises RecipeError where it has not got so far."""
    folders = folders_of(build)
    shards = [note.shard for note in shard_notes(folders["samples"])]
    tables = ([folders[name] / f"{shard}.parquet" for shard in shards] for name in READ)
    facts, _ = read_facts(*tables)
    released = set[str]()
    for shard in shards:
        rows = read_columns(chosen_in(folders) / f"{shard}.parquet", ["id", "drop_reason"])
        ids, reasons = rows["id"].to_pylist(), rows["drop_reason"].to_pylist()
        released.update(one for one, reason in zip(ids, reasons, strict=True) if reason is None)
    return facts._replace(
        ids=[f"{one} of {build}" for one in facts.ids],
        standing=[one in released for one in facts.ids],
    )


def released_digest(build: str) -> str:
    """Return a digest of all that `read_released` reads, from the notes alone."""
    folders = folders_of(build)
    read = [*(folders[name] for name in READ), chosen_in(folders)]
    return digest_of([[note.digest for note in shard_notes(folder)] for folder in read])


def folders_of(build: str) -> dict[str, Path]:
    """Return the folders of a finished build by the names of their stages."""
    found = {path.name.partition(".")[2]: path for path in stage_folders(Path(build))}
    if not found:
        raise RecipeError(f"screen.against: there is no build at {build}")
    if not (found.keys() >= {*READ} and found.keys() & {*CHOSEN}):
        raise RecipeError(f"screen.against: {build} has not chosen its rows yet: finish it first")
    return found


def chosen_in(folders: Mapping[str, Path]) -> Path:
    """Return the folder of the table that says which rows are released."""
    return next(folders[name] for name in CHOSEN if name in folders)
