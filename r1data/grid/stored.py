"""What a driver does around a build in a store: hold it, bring its state, and keep it up to date.

A thread puts what no cell puts, every few seconds: the lock's heartbeat, the lines that journals
gained, the small files of the build. The lock is advisory: stores have none, so whoever finds one
watches whether it still beats. Two drivers at once would waste work and money, and lose nothing.
"""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from r1data.errors import Locked, R1DataError
from r1data.grid.events import command_line, locked
from r1data.grid.journals import Journals
from r1data.grid.parts import Part, part_file
from r1data.grid.shards import file_sha256, read_note
from r1data.grid.store import (
    GATHER_NOTE,
    SMALL,
    Store,
    bring,
    get_bytes,
    get_file,
    listed,
    mirror_of,
    pull,
    put_bytes,
    put_file,
    remove,
    side_by_side,
    store_of,
)

LOCK = ".lock"
BEAT_SECONDS = 3.0
# A holder that misses three beats is taken for dead; his clock and ours are never compared.
WATCH_SECONDS = 10.0
# The later of two that take the lock in the same moment overwrites it, and both read it again.
SETTLE_SECONDS = 1.0
PUSH_SECONDS = 2.0
# Grows with every cell and is put whole.
EVENTS_SECONDS = 60.0


@dataclass
class Keeper:
    """Keeps the store of one driver up to date."""

    store: Store
    part: Part | None
    lock: str
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    beats: int = 0
    put: dict[Path, int] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)
    eventful: float = 0.0

    def beat(self) -> None:
        """Renew the lock."""
        self.beats += 1
        who = {"pid": os.getpid(), "host": socket.gethostname(), "command": command_line()}
        told = {**who, "token": self.token, "beat": self.beats}
        put_bytes(self.store, self.lock, json.dumps(told).encode())

    def refuse_lost(self) -> None:
        """Raise Locked where somebody else has taken the lock since."""
        found = read_lock(self.store, self.lock)
        if found is not None and found.get("token") != self.token:
            raise Locked(f"{self.store.address} was taken over by {named(found)}: stop one of them")

    def run(self, journals: Journals) -> None:
        """Keep the store up to date until the build ends; a fault stops the build."""
        beaten = time.monotonic()
        while not self.ended.wait(PUSH_SECONDS):
            try:
                journals.push()
                self.push_files(last=False)
                if time.monotonic() - beaten >= BEAT_SECONDS:
                    beaten = time.monotonic()
                    self.refuse_lost()
                    self.beat()
            except R1DataError as fault:
                self.store.faults.append(fault)
                name = self.part.name if self.part else ""
                part_file(self.store.mirror, "stop", name).touch()
                return

    def push_files(self, last: bool) -> None:
        """Put the small files beside the stages that changed here."""
        if not last and time.monotonic() - self.eventful < EVENTS_SECONDS:
            endings = SMALL - {".jsonl"}
        else:
            endings, self.eventful = SMALL, time.monotonic()
        for path, stamp in small_files(self.store.mirror).items():
            if path.suffix in endings and self.put.get(path) != stamp:
                put_file(self.store, path)
                self.put[path] = stamp


def small_files(mirror: Path) -> dict[Path, int]:
    """Return the small files beside the stages, and when they were written."""
    paths = [path for path in mirror.iterdir() if path.suffix in SMALL and path.name[0] != "."]
    return {path: path.stat().st_mtime_ns for path in paths}


@contextmanager
def storing(build: Path, part: Part | None) -> Iterator[None]:
    """Hold the store of a build while it is made; nothing is to be done for one in a folder."""
    store = store_of(build)
    if store is None:
        yield
        return
    keeper = hold(store, part)
    store.faults.clear()
    try:
        pull(store)
        journals = Journals(store, part)
        journals.pull()
        keeper.put = small_files(store.mirror)
        thread = threading.Thread(target=keeper.run, args=(journals,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            keeper.ended.set()
            thread.join()
            if not store.faults:
                journals.push()
                keeper.push_files(last=True)
    finally:
        if not store.faults:
            remove(store, [keeper.lock])


def hold(store: Store, part: Part | None) -> Keeper:
    """Take the lock of a build, or of a part of it. Raises Locked, naming the holder."""
    keeper = Keeper(store, part, f"{LOCK}.{part.name}" if part else LOCK)
    outlive(store, keeper.lock, part)
    keeper.beat()
    time.sleep(SETTLE_SECONDS)
    keeper.refuse_lost()
    return keeper


def outlive(store: Store, own: str, part: Part | None) -> None:
    """Watch the locks beside which this driver cannot work; remove those that are dead."""
    before = {name: get_bytes(store, name) for name in rivals(store, own, part)}
    began = time.monotonic()
    while before and time.monotonic() - began < WATCH_SECONDS:
        time.sleep(1.0)
        for name, told in list(before.items()):
            now = get_bytes(store, name)
            if now is None:
                del before[name]
            elif now != told:
                who = named(parsed(now))
                raise Locked(f"{store.address} is in use by {who}: wait for it or stop it")
    remove(store, before)


def rivals(store: Store, own: str, part: Part | None) -> list[str]:
    """Return the locks that are in the way: for a whole build all, for a part its own, that of a
    whole build, and those of parts of another count.
    """
    found = [name for name in listed(store) if name.startswith(LOCK)]
    if part is None:
        return found
    return [each for each in found if each in {own, LOCK} or not each.endswith(f"of{part.of}")]


def read_lock(store: Store, name: str) -> dict[str, Any] | None:
    """Return what a lock says; None where there is none."""
    body = get_bytes(store, name)
    return None if body is None else parsed(body)


def parsed(body: bytes) -> dict[str, Any]:
    """Read a lock; one that says nothing is somebody's all the same."""
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def named(told: dict[str, Any]) -> str:
    """Name the holder of a lock."""
    if not {"pid", "host", "command"} <= told.keys():
        return "another process"
    return f"process {told['pid']} on {told['host']} ({told['command']})"


def here(path: str | Path, rows: bool = True) -> Path:
    """Return the folder to read a build from: `path`, or the mirror of an address, up to date.

    Without `rows` only what its notes tell. A mirror that a driver has is up to date already.
    """
    folder = mirror_of(path)
    store = store_of(folder)
    if store is None:
        return folder
    try:
        with locked(folder):
            pull(store)
            Journals(store, None).pull(put=False)
    except Locked:
        pass
    if rows:
        bring_rows(store)
    return folder


def bring_rows(store: Store) -> None:
    """Bring the shards and pages of all stages."""
    paths = {store.mirror / name for name in listed(store) if "." in name.partition("/")[0]}
    tables = {path for path in paths if path.suffix == ".parquet"}
    bring(store, {path for path in tables if path.with_suffix(".json") in paths})
    for note in filter(None, map(read_note, store.mirror.glob(f"[0-9]*.*/{GATHER_NOTE}"))):
        own = {f"{shard}.parquet" for shard in note.shards}
        folder = next(store.mirror.glob(f"[0-9]*.{note.stage}"))
        pages = {folder / name: sha256 for name, sha256 in note.files.items() if name not in own}
        lacking = [path for path in pages if not is_page(path, pages[path])]
        side_by_side(lambda path: get_file(store, path), lacking)


def is_page(path: Path, sha256: str) -> bool:
    """Tell whether a file is what a note vouches for."""
    return path.is_file() and file_sha256(path) == sha256


def watched(build: Path, watch: Callable[[Any], None]) -> Callable[[Any], None]:
    """Let the driver stop where its store could not be kept up to date."""
    store = store_of(build)
    if store is None:
        return watch

    def both(driver: Any) -> None:
        watch(driver)
        for fault in store.faults:
            driver.stop(fault)

    return both
