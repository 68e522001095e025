"""The folder of this machine that mirrors a build in a store, and how it is brought up to date."""

import hashlib
import os
from collections.abc import Callable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from r1data.errors import Locked, UsageError
from r1data.grid.events import locked
from r1data.grid.parts import Part, part_file
from r1data.grid.shards import read_note, replace_file
from r1data.grid.store import (
    Store,
    address_of,
    attempt,
    bring_folder,
    get_bytes,
    get_file,
    listed,
    open_store,
    side_by_side,
)
from r1data.grid.work import GATHER_NOTE

SMALL = frozenset({".json", ".jsonl", ".yaml"})
# Are this machine's own: fetched media, and what asking cells share.
LOCAL = frozenset({"media", "asking"})
# How a line ends that was given up: torn by a kill, or damaged.
GIVEN_UP = b"~\n"
# One call for as many notes: clients ask for them side by side.
AT_ONCE = 500

Wants = Callable[[str], bool]


def mirror_of(path: str | Path, part: Part | None = None) -> Path:
    """Return the folder where a build is worked on: `path` itself, or the mirror of an address.

    Each part has a mirror of its own, so that no two processes write to one.
    """
    address = address_of(path)
    if not address:
        return Path(str(path).removeprefix("file://"))
    root = os.environ.get("R1DATA_CACHE") or Path.home() / ".cache" / "r1data"
    name, digest = address.rpartition("/")[2], hashlib.sha256(address.encode()).hexdigest()[:12]
    folder = Path(root).resolve() / "stored" / f"{name}-{digest}"
    return folder.with_name(f"{folder.name}.{part.name}") if part else folder


def here(path: str | Path, rows: str = "*") -> Path:
    """Return the folder to read a build from: `path`, or the mirror of an address, up to date.

    `rows` is a pattern of the stages' folders whose tables and pages are brought too. A mirror that
    a driver has is up to date already. Raises UsageError where a store has no build there.
    """
    folder, address = mirror_of(path), address_of(path)
    if not address:
        return folder
    store = open_store(address, folder)
    try:
        with locked(folder):
            pull(store, wanted_by(None))
    except Locked:
        pass
    if not (folder / "build.json").is_file():
        raise UsageError(f"{address}: no build lies there")
    for stage in sorted(folder.glob("[0-9]*.*")):
        if fnmatch(stage.name, rows):
            bring_folder(store, stage)
            bring_pages(store, stage)
    return folder


def bring_pages(store: Store, folder: Path) -> None:
    """Bring the files of a gather stage that are no shards with notes of their own."""
    note = read_note(folder / GATHER_NOTE)
    if note is None:
        return
    own = {f"{shard}.parquet" for shard in note.shards}
    lacking = [folder / name for name in note.files if name not in own]
    side_by_side(
        lambda path: get_file(store, path), [path for path in lacking if not path.is_file()]
    )


def pull(store: Store, wants: Wants) -> dict[str, Mapping[str, Any]]:
    """Make small files of the mirror those of the store; journals keep the lines of both.

    Returns what the store holds.
    """
    found = listed(store)
    for path in store.mirror.glob("[0-9]*.*/*.json"):
        if wants(store.name(path)) and not is_vouched(store.name(path), found):
            path.unlink()
    names = [name for name in found if is_small(name) and wants(name) and is_vouched(name, found)]
    lacking = [name for name in names if not is_same(store.mirror / name, found[name])]
    logs = [name for name in lacking if name.endswith(".jsonl")]
    side_by_side(lambda name: merge(store.mirror / name, get_bytes(store, name) or b""), logs)
    # A gather stage takes its own note back before it changes anything, so that one is read last.
    notes = sorted({*lacking} - {*logs}, key=lambda name: name.endswith(GATHER_NOTE))
    for start in range(0, len(notes), AT_ONCE):
        get_notes(store, notes[start : start + AT_ONCE])
    return found


def is_small(name: str) -> bool:
    """Tell whether an object is always kept in the mirror, too."""
    folder, _, file = name.rpartition("/")
    return "/" not in folder and folder not in LOCAL and Path(file).suffix in SMALL


def is_vouched(name: str, found: Mapping[str, Any]) -> bool:
    """Tell whether an object is there, with the shard that it is the note of."""
    if name not in found:
        return False
    folder, _, file = name.rpartition("/")
    if not folder or not file.endswith(".json") or file == GATHER_NOTE:
        return True
    return f"{name.removesuffix('.json')}.parquet" in found


def is_same(path: Path, facts: Mapping[str, Any]) -> bool:
    """Tell whether a file is what the store has; where its tag is no MD5, it is brought again."""
    if not path.is_file() or path.stat().st_size != facts["size"]:
        return False
    tag = str(facts.get("ETag") or facts.get("etag") or "").strip('"')
    return tag == hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def get_notes(store: Store, names: list[str]) -> None:
    """Bring notes and other small files, many at once."""

    def call() -> dict[str, Any]:
        bodies = store.files.cat([store.at(name) for name in names], on_error="return")
        for body in bodies.values():
            if isinstance(body, Exception) and not isinstance(body, FileNotFoundError):
                raise body
        return bodies

    bodies = attempt(store, call)
    for name in names:
        body = bodies[store.at(name)]
        if isinstance(body, bytes):
            adopt(store.mirror / name, body)


def adopt(path: Path, body: bytes) -> None:
    """Write a small file that came; what a note is about is another file when it changes."""
    if path.is_file() and path.read_bytes() == body:
        return
    replace_file(path, lambda new: new.write_bytes(body))
    path.with_suffix(".parquet").unlink(missing_ok=True)
    note = read_note(path) if path.name == GATHER_NOTE else None
    for name in note.files if note else ():
        (path.parent / name).unlink(missing_ok=True)


def merge(path: Path, body: bytes) -> None:
    """Give a journal the lines that only the store has; what only it has is put later."""
    text = path.read_bytes() if path.is_file() else b""
    here = set(text.splitlines(keepends=True))
    new = [line for line in body.splitlines(keepends=True) if line not in here]
    new = [line for line in new if line.endswith(b"\n") and not line.endswith(GIVEN_UP)]
    if not new:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        torn = text and not text.endswith(b"\n")
        file.write((GIVEN_UP if torn else b"") + b"".join(new))


def wanted_by(part: Part | None) -> Wants:
    """Return which small files a driver needs: a part those of its own shards."""
    if part is None:
        return lambda name: True

    def wants(name: str) -> bool:
        folder, _, file = name.rpartition("/")
        stem = file.partition(".")[0]
        if not folder:
            return file == part_file(Path(), "events.jsonl", part.name).name
        return part.owns(stem) if file.endswith(".jsonl") else is_seen(part, file)

    return wants


def is_seen(part: Part, file: str) -> bool:
    """Tell whether a note is any of a part's business."""
    return file == GATHER_NOTE or part.sees(file.partition(".")[0])


def made_elsewhere(store: Store, part: Part) -> Wants:
    """Return which notes other parts write and this one reads: a gather stage is part 0's."""
    gathered = {path.parent.name for path in store.mirror.glob(f"*/{GATHER_NOTE}")}

    def wants(name: str) -> bool:
        folder, _, file = name.rpartition("/")
        if not folder or not file.endswith(".json"):
            return False
        if part.number:
            return is_seen(part, file) and (file == GATHER_NOTE or folder in gathered)
        return folder not in gathered and not part.owns(file.partition(".")[0])

    return wants
