"""Rows that other builds released: they do not come again."""

from collections.abc import Iterable
from pathlib import Path

from r1data.errors import InputError, RecipeError
from r1data.grid.funnel import shard_notes, stage_folders
from r1data.grid.shards import ShardDamaged, digest_of
from r1data.screen.facts import Facts, read_columns, read_facts

READ = ("samples", "media", "frames")
# The later one says which rows are released, where there are both.
CHOSEN = ("balance", "selection")


def read_released(build: str) -> Facts:
    """Read what another build released. Raises RecipeError where it is not there, or not whole."""
    *read, chosen = folders_of(build)
    shards = shards_in(chosen)
    try:
        facts, _ = read_facts(
            *([folder / f"{shard}.parquet" for shard in shards] for folder in read)
        )
        released = read_chosen(chosen / f"{shard}.parquet" for shard in shards)
    except (ShardDamaged, InputError) as problem:
        raise RecipeError(f"screen.against: {build}: {problem}; build it again first") from problem
    return facts._replace(
        ids=[f"{one} of {build}" for one in facts.ids],
        standing=[one in released for one in facts.ids],
    )


def read_chosen(paths: Iterable[Path]) -> set[str]:
    """Return the ids of the rows that stay."""
    released = set[str]()
    for path in paths:
        rows = read_columns(path, ["id", "drop_reason"])
        ids, reasons = rows["id"].to_pylist(), rows["drop_reason"].to_pylist()
        released.update(one for one, reason in zip(ids, reasons, strict=True) if reason is None)
    return released


def files_in(folder: Path, shards: Iterable[str]) -> list[Path]:
    """Return the files of a stage's shards."""
    return [folder / f"{shard}.parquet" for shard in shards]


def released_digest(build: str) -> str:
    """Return a digest of all that `read_released` reads, from the notes alone."""
    return digest_of([[note.digest for note in shard_notes(path)] for path in folders_of(build)])


def folders_of(build: str) -> list[Path]:
    """Return the folders of what is read of a build, the choice last; all have the same shards."""
    found = {path.name.partition(".")[2]: path for path in stage_folders(Path(build))}
    if not found:
        raise RecipeError(f"screen.against: there is no build at {build}")
    names = [*READ, next((name for name in CHOSEN if name in found), CHOSEN[-1])]
    shards = [shards_in(found[name]) if name in found else [] for name in names]
    if not shards[0] or any(each != shards[0] for each in shards):
        raise RecipeError(
            f"screen.against: {build} is not finished, or its tables were cleaned away: "
            "build it again first"
        )
    return [found[name] for name in names]


def shards_in(folder: Path) -> list[str]:
    """Return the names of a stage's shards that are there, with their notes."""
    notes = (note.shard for note in shard_notes(folder))
    return [shard for shard in notes if (folder / f"{shard}.parquet").is_file()]
