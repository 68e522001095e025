"""A build in an object store: the store holds the truth, a folder of this machine works on it.

That folder, the mirror, has the layout of any build. A cell brings the shards that it reads, makes
its own here, and puts them, the note last: objects appear whole or not at all, so nothing has to be
renamed. Of a note whose shard is not here the store has the shard. What a driver does around a
build stands in stored.py.
"""

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from r1data.errors import R1DataError, UsageError
from r1data.grid.shards import Note, file_sha256, is_fresh, read_note, replace_file

# Object stores have no folders, only buckets, and those are their owners' to make.
STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss"})
# "s3:/" is what a Path leaves of "s3://"; a single letter is a disk of Windows.
ADDRESS = re.compile(r"(?P<protocol>[A-Za-z][A-Za-z0-9+.-]+):/{1,2}(?P<rest>.+)")
PIP = {"s3": "'r1data[s3]'", "s3a": "'r1data[s3]'", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs"}
# A quarter of a minute beside what clients try themselves: a store that is restarted is back then.
WAITS = (1.0, 2.0, 4.0, 8.0)
CONNECTIONS = 8
# What a client's own package raises beside OSError when a wire breaks or a key is wrong.
CLIENT_FAULTS = {
    "botocore.exceptions": "BotoCoreError",
    "aiohttp": "ClientError",
    "gcsfs.retry": "HttpError",
    "azure.core.exceptions": "AzureError",
}
FINAL = ("NoCredentialsError", "PartialCredentialsError", "ParamValidationError")
T = TypeVar("T")


@dataclass(frozen=True)
class Store:
    """The place of one build in a store, and the folder that mirrors it."""

    address: str
    mirror: Path
    files: Any
    root: str

    def at(self, name: str) -> str:
        """Return the full path of an object."""
        return f"{self.root}/{name}"

    def name(self, path: Path) -> str:
        """Return the name of a file of the mirror."""
        return path.relative_to(self.mirror).as_posix()


def address_of(path: str | Path) -> str:
    """Return the address that `path` is, empty where it is a folder."""
    found = ADDRESS.fullmatch(path.as_posix() if isinstance(path, Path) else path)
    if found is None or found["protocol"] == "file":
        return ""
    return f"{found['protocol']}://{found['rest'].strip('/')}"


@lru_cache
def open_store(address: str, mirror: Path) -> Store:
    """Open a store. Raises UsageError for an address where builds cannot be."""
    protocol = address.partition("://")[0]
    if protocol not in STORES:
        raise UsageError(
            f"{address}: builds go to a folder or to an object store: {', '.join(sorted(STORES))}"
        )
    try:
        import fsspec

        files, root = fsspec.core.url_to_fs(address, use_listings_cache=False)
    except ImportError as problem:
        advice = f"pip install {PIP.get(protocol, 'its fsspec package')}"
        raise UsageError(f"{address}: {problem}: {advice}") from problem
    return Store(address, mirror, files, root.rstrip("/"))


def attempt(store: Store, call: Callable[[], T]) -> T:
    """Call, and again after some seconds where the store does not answer.

    Raises FileNotFoundError where there is no such object, R1DataError for what does not pass.
    """
    faults = (OSError, *client_faults())
    for wait in (*WAITS, None):
        try:
            return call()
        except FileNotFoundError:
            raise
        except faults as problem:
            final = isinstance(problem, PermissionError) or type(problem).__name__ in FINAL
            if wait is None or final:
                why = " ".join(str(problem).split())[:300] or type(problem).__name__
                advice = "see to it and run the same again to go on"
                raise R1DataError(f"{store.address}: {why}; {advice}") from problem
            time.sleep(wait)
    raise AssertionError("the last wait is None")


def client_faults() -> tuple[type[Exception], ...]:
    """Return what the clients in use raise beside OSError."""
    loaded = ((sys.modules.get(module), name) for module, name in CLIENT_FAULTS.items())
    return tuple(getattr(module, name) for module, name in loaded if module is not None)


def side_by_side(call: Callable[[T], object], items: Iterable[T]) -> None:
    """Call for each item on a few connections; the first fault is raised."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for _ in pool.map(call, items):
            pass


# --- objects ------------------------------------------------------------------------------------


def put_bytes(store: Store, name: str, data: bytes) -> None:
    """Put a small object in one step."""
    put_with(store, lambda: store.files.pipe_file(store.at(name), data))


def put_file(store: Store, path: Path) -> None:
    """Put a file of the mirror; the object appears when it is whole."""
    put_with(store, lambda: store.files.put_file(str(path), store.at(store.name(path))))


def put_with(store: Store, put: Callable[[], object]) -> None:
    """Put; nothing to put it into is a fault of the address."""
    try:
        attempt(store, put)
    except FileNotFoundError as problem:
        raise R1DataError(f"{store.address}: {problem}; is there such a bucket?") from problem


def get_bytes(store: Store, name: str) -> bytes | None:
    """Return a small object, or None where there is none."""
    try:
        return attempt(store, lambda: store.files.cat_file(store.at(name)))
    except FileNotFoundError:
        return None


def get_file(store: Store, path: Path) -> bool:
    """Bring a file of the mirror; tell whether the store has it."""
    name = store.at(store.name(path))
    try:
        replace_file(path, lambda new: attempt(store, lambda: store.files.get_file(name, str(new))))
    except FileNotFoundError:
        return False
    return True


def remove(store: Store, names: Iterable[str]) -> None:
    """Remove objects that may be there."""

    def one(name: str) -> None:
        try:
            attempt(store, lambda: store.files.rm_file(store.at(name)))
        except FileNotFoundError:
            return

    side_by_side(one, names)


def listed(store: Store, folder: str = "") -> dict[str, Mapping[str, Any]]:
    """Return what lies in the build, or below a folder: name -> what the store tells of it."""
    below = store.at(folder) if folder else store.root
    try:
        found = attempt(store, lambda: store.files.find(below, detail=True))
    except FileNotFoundError:
        return {}
    return {path.removeprefix(f"{store.root}/"): facts for path, facts in found.items()}


# --- what a cell does ---------------------------------------------------------------------------


def bring(store: Store, paths: Iterable[Path]) -> None:
    """Bring the shards that are not here; one that the store lacks is missed by its reader."""
    side_by_side(lambda path: bring_shard(store, path), paths)


def bring_shard(store: Store, path: Path) -> None:
    """Bring one shard; where its bytes are not those of its note, its reader finds out."""
    note = read_note(path.with_suffix(".json"))
    if note is None or note.shard != path.stem:  # that of a whole gather stage is of no one shard
        return
    if is_fresh(path, note) or not get_file(store, path):
        return
    if file_sha256(path) == note.sha256:
        os.utime(path, ns=(note.mtime_ns, note.mtime_ns))


def bring_folder(store: Store, folder: Path) -> None:
    """Bring all shards of a stage, for what looks through a whole table."""
    bring(store, [path.with_suffix(".parquet") for path in sorted(folder.glob("*.json"))])


def put_journals(store: Store, shard: str) -> None:
    """Put what a shard cost before the shard itself: budgets go by journals."""
    for path in store.mirror.glob(f"*/*{shard}.*.jsonl"):
        put_file(store, path)


def put_shard(store: Store, path: Path) -> None:
    """Put a shard and then its note."""
    put_file(store, path)
    put_file(store, path.with_suffix(".json"))


def put_gathered(store: Store, folder: Path, note: Note, last: str) -> None:
    """Put what a gather stage made, remove what an earlier run left, put its note `last` of all."""
    own = [f"{shard}.json" for shard in note.shards]
    paths = [folder / name for name in [*note.files, *own]]
    side_by_side(lambda path: put_file(store, path), paths)
    kept = {store.name(path) for path in paths}
    remove(store, [name for name in listed(store, folder.name) if name not in kept])
    put_file(store, folder / last)
