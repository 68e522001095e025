"""A build in an object store: the store holds the truth, a folder of this machine works on it.

The folder (the mirror) has the layout of any build and names its store in the file `.store`. What
is not in it counts as made where its note and a listing say so, and is brought by the cell that
reads it. Objects appear whole or not at all, so a shard is put, then its note, and nothing is
renamed. What drivers do around a build in a store stands in stored.py.
"""

import hashlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from r1data.errors import R1DataError, UsageError
from r1data.grid import shards
from r1data.grid.shards import Note, read_note, replace_file

# Object stores have no folders, only buckets, and those are their owners' to make.
STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "memory"})
MARK, MEDIA, JOURNALS = ".store", "media", "journals"
GATHER_NOTE = "gather.json"
# "s3:/" is what a Path leaves of "s3://"; a single letter is a disk of Windows.
ADDRESS = re.compile(r"(?P<protocol>[A-Za-z][A-Za-z0-9+.-]+):/{1,2}(?P<rest>.*)")
PIP = {"s3": "'r1data[s3]'", "s3a": "'r1data[s3]'", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs"}
# Half a minute: a store that is restarted or a network that is switched over comes back by then.
WAITS = (1.0, 2.0, 4.0, 8.0, 16.0)
CONNECTIONS = 8
# One call for as many: s3fs asks for them side by side.
AT_ONCE = 500
SMALL = frozenset({".json", ".jsonl", ".lock", ".md", ".yaml"})
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
    """A place for one build, and its mirror; `sizes` is what was listed, path -> bytes.

    `faults` holds what stopped the thread that keeps the store up to date.
    """

    address: str
    mirror: Path
    files: Any
    root: str
    sizes: dict[str, int] = field(default_factory=dict)
    faults: list[R1DataError] = field(default_factory=list)

    def at(self, name: str) -> str:
        """Return the full path of an object."""
        return f"{self.root}/{name}"

    def name(self, path: Path) -> str:
        """Return the name of a file of the mirror."""
        return path.relative_to(self.mirror).as_posix()


def address_of(path: str | Path) -> str | None:
    """Return the address that `path` is, or None where it is a folder."""
    found = ADDRESS.fullmatch(str(path))
    if found is None or found["protocol"] == "file":
        return None
    return f"{found['protocol']}://{found['rest'].strip('/')}"


def mirror_of(path: str | Path, part: str = "") -> Path:
    """Return the folder where a build is worked on: `path` itself, or the mirror of an address.

    Each part has a mirror of its own, so that no two processes write to one.
    """
    address = address_of(path)
    if address is None:
        return Path(str(path).removeprefix("file://"))
    root = os.environ.get("R1DATA_CACHE") or Path.home() / ".cache" / "r1data"
    digest = hashlib.sha256(address.encode()).hexdigest()[:12]
    folder = (
        Path(root).resolve()
        / "stored"
        / f"{address.rpartition('/')[2]}-{digest}{part and '.'}{part}"
    )
    open_store(address, folder)
    shards.write_text(folder / MARK, address)
    return folder


def store_of(build: Path) -> Store | None:
    """Return the store of a mirror; None where a build is a folder like any other."""
    try:
        address = (build / MARK).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return open_store(address, build)


@lru_cache
def open_store(address: str, mirror: Path) -> Store:
    """Open a store. Raises UsageError for an address where builds cannot be."""
    protocol = address.partition("://")[0]
    if protocol not in STORES:
        raise UsageError(
            f"{address}: builds go to a folder or to an object store ({', '.join(sorted(STORES))})"
        )
    try:
        import fsspec

        files, root = fsspec.core.url_to_fs(address)
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
                tried = "" if final else f" (tried {len(WAITS) + 1} times)"
                advice = "see to it and run the same again to go on"
                raise R1DataError(f"{store.address}: {why}{tried}; {advice}") from problem
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
    name = store.name(path)
    put_with(store, lambda: store.files.put_file(str(path), store.at(name)))
    store.sizes[name] = path.stat().st_size


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
        finally:
            store.sizes.pop(name, None)

    side_by_side(one, names)


def listed(store: Store, under: str = "") -> dict[str, Mapping[str, Any]]:
    """Return what lies below a folder: name -> what the store tells of it."""
    store.files.invalidate_cache()
    folder = store.at(under) if under else store.root
    try:
        found = attempt(store, lambda: store.files.find(folder, detail=True))
    except FileNotFoundError:
        return {}
    return {path.removeprefix(f"{store.root}/"): facts for path, facts in found.items()}


# --- from the store -----------------------------------------------------------------------------


def pull(store: Store, under: str = "") -> None:
    """Make notes and other small files of the mirror those of the store, and list the rest."""
    found = listed(store, under)
    inside = f"{under}/" if under else ""
    for name in [name for name in store.sizes if name.startswith(inside)]:
        del store.sizes[name]
    store.sizes.update({name: facts["size"] for name, facts in found.items()})
    for path in store.mirror.glob(f"{under or '[0-9]*.*'}/*.json"):
        if store.name(path) not in found:
            path.unlink()
    small = [name for name in found if is_small(name)]
    lacking = [name for name in small if not is_same(store.mirror / name, found[name])]
    for start in range(0, len(lacking), AT_ONCE):
        get_small(store, lacking[start : start + AT_ONCE])
    for name in lacking:
        if name.endswith(f"/{GATHER_NOTE}"):
            drop_stale((store.mirror / name).parent)


def is_small(name: str) -> bool:
    """Tell whether an object is always kept in the mirror, too."""
    top = name.partition("/")[0]
    return top not in {MEDIA, JOURNALS} and top[0] != "." and Path(name).suffix in SMALL


def is_same(path: Path, facts: Mapping[str, Any]) -> bool:
    """Tell whether a file is what the store has; where its tag is no MD5, it is brought again."""
    if not path.is_file() or path.stat().st_size != facts["size"]:
        return False
    tag = str(facts.get("ETag") or facts.get("etag") or "").strip('"')
    return tag == hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def get_small(store: Store, names: list[str]) -> None:
    """Bring small files, many at once."""

    def call() -> dict[str, Any]:
        bodies = store.files.cat([store.at(name) for name in names], on_error="return")
        for body in bodies.values():
            if isinstance(body, Exception) and not isinstance(body, FileNotFoundError):
                raise body
        return bodies

    bodies = attempt(store, call)
    for name in names:
        body = bodies.get(store.at(name))
        if isinstance(body, bytes):
            adopt(store.mirror / name, body)


def adopt(path: Path, body: bytes) -> None:
    """Write a small file that came; the shard of a note that changed is another one now."""
    if path.is_file() and path.read_bytes() == body:
        return
    replace_file(path, lambda new: new.write_bytes(body))
    if path.suffix == ".json":
        path.with_suffix(".parquet").unlink(missing_ok=True)


def drop_stale(folder: Path) -> None:
    """Remove the pages of an earlier gather: the new ones are in the store."""
    note = read_note(folder / GATHER_NOTE)
    for name, sha256 in (note.files if note else {}).items():
        path = folder / name
        if path.is_file() and shards.file_sha256(path) != sha256:
            path.unlink()


def refresh(store: Store, path: Path, gather: bool) -> None:
    """Learn what another process may have made since: the note at `path` and what it is about."""
    if gather:
        pull(store, path.parent.name)
        return
    body = get_bytes(store, store.name(path))
    if body is None:
        path.unlink(missing_ok=True)
        return
    adopt(path, body)
    shard = store.name(path.with_suffix(".parquet"))
    try:
        store.sizes[shard] = attempt(store, lambda: store.files.info(store.at(shard)))["size"]
    except FileNotFoundError:
        store.sizes.pop(shard, None)


def bring(store: Store, paths: Iterable[Path]) -> None:
    """Bring the shards that are not here; one that the store lacks is missed by its reader."""
    side_by_side(lambda path: bring_shard(store, path), paths)


def bring_shard(store: Store, path: Path) -> None:
    """Bring one shard; where its bytes are not those of its note, its reader finds out."""
    note = read_note(path.with_suffix(".json"))
    if note is None or shards.is_fresh(path, note) or not get_file(store, path):
        return
    if shards.file_sha256(path) == note.sha256:
        os.utime(path, ns=(note.mtime_ns, note.mtime_ns))


def keeps(store: Store, path: Path, note: Note) -> bool:
    """Tell whether the store has the shard of a note, and no copy here shows it damaged."""
    if store.sizes.get(store.name(path)) != note.bytes:
        return False
    return not path.is_file() or shards.is_fresh(path, note)


def keeps_page(store: Store, path: Path, sha256: str) -> bool:
    """Tell whether the store has another file of a gather stage, and no copy here denies it."""
    if store.name(path) not in store.sizes:
        return False
    return not path.is_file() or shards.file_sha256(path) == sha256
