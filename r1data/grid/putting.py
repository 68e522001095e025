"""What a cell does with the store of its build: inputs are brought, outputs put, the note last."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from r1data.grid.build import Cell, Stage
from r1data.grid.shards import Note
from r1data.grid.store import (
    GATHER_NOTE,
    Store,
    bring,
    get_file,
    listed,
    put_file,
    remove,
    side_by_side,
    store_of,
)


def bring_inputs(cell: Cell, inputs: Iterable[Sequence[Path]]) -> Store | None:
    """Bring what a cell reads; return the store of its build, if it has one."""
    store = store_of(cell.build)
    if store is not None:
        for paths in inputs:
            bring(store, paths)
    return store


def take_back(store: Store | None, cell: Cell, stage: Stage) -> None:
    """Remove the note of a gather stage, whose files are about to be put one by one."""
    if store is not None and stage.gather:
        remove(store, [store.name(cell.folder / GATHER_NOTE)])


def put_made(store: Store | None, cell: Cell, stage: Stage, note: Note) -> None:
    """Put what a cell made. A reader believes nothing of it before its note is there."""
    if store is None:
        return
    if not stage.gather:
        put_file(store, cell.folder / f"{cell.shard}.parquet")
        put_file(store, cell.folder / f"{cell.shard}.json")
        return
    names = [*note.files, *(f"{shard}.json" for shard in note.shards)]
    paths = [cell.folder / name for name in names]
    side_by_side(lambda path: put_file(store, path), paths)
    mine = {store.name(path) for path in paths}
    remove(store, [name for name in listed(store, cell.folder.name) if name not in mine])
    put_file(store, cell.folder / GATHER_NOTE)


def bring_folder(build: Path, folder: str) -> None:
    """Bring all shards of a stage, for what looks through a whole table."""
    store = store_of(build)
    if store is not None:
        names = listed(store, folder)
        bring(store, [store.mirror / name for name in names if name.endswith(".parquet")])


def bring_media(folder: Path, paths: Iterable[Path]) -> list[Path]:
    """Bring media that some machine put; return what is still not here.

    `folder` is that of the media, which lies in the mirror of a build in a store.
    """
    lacking = [path for path in paths if not path.is_file()]
    store = store_of(folder.parent)
    if store is not None:
        side_by_side(lambda path: get_file(store, path), lacking)
    return [path for path in lacking if not path.is_file()]


def put_media(folder: Path, paths: Iterable[Path]) -> None:
    """Put media that were fetched, so that no other machine fetches them again."""
    store = store_of(folder.parent)
    if store is not None:
        side_by_side(lambda path: put_file(store, path), [each for each in paths if each.is_file()])
