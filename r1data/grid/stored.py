"""What a driver does around a build in a store: hold it, and keep it up to date.

A thread puts what no cell puts, every few seconds: the journals, the small files beside the stages
and the lock. The lock is advisory: stores have none, so whoever finds one watches whether it still
beats. Two drivers at once would waste work and money, and lose nothing.
"""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from r1data.errors import Locked, R1DataError
from r1data.grid.events import command_line
from r1data.grid.mirror import LOCAL, SMALL, made_elsewhere, pull, wanted_by
from r1data.grid.parts import BEAT_FILE, Part, part_file
from r1data.grid.store import (
    Store,
    address_of,
    get_bytes,
    listed,
    open_store,
    put_bytes,
    remove,
)

LOCK = ".lock"
BEAT_SECONDS = 3.0
# A holder that misses three beats is taken for dead; his clock and ours are never compared.
WATCH_SECONDS = 10.0
# The later of two that take the lock in the same moment overwrites it, and both read it again.
SETTLE_SECONDS = 1.0
# What a machine that is lost takes with it: the answers of so many seconds.
PUSH_SECONDS = 2.0
# Grows with every cell, is put whole, and nobody needs it to go on.
EVENTS, EVENTS_SECONDS = "events", 60.0

Stamp = tuple[int, int]


@dataclass
class Keeper:
    """Keeps the store of one driver up to date, and the driver of what other parts made."""

    store: Store
    part: Part | None
    put: dict[Path, Stamp] = field(default_factory=dict)
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    beats: int = 0
    beaten: float = 0.0
    pushed_events: float = 0.0
    work: tuple[int, bytes | None] = (0, None)
    pulled: tuple[float, float] = (0.0, 0.0)
    fault: R1DataError | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def lock(self) -> str:
        return f"{LOCK}.{self.part.name}" if self.part else LOCK

    def run(self) -> None:
        """Keep the store up to date until the build ends; a fault stops the build."""
        while not self.ended.wait(PUSH_SECONDS):
            try:
                self.push(last=False)
                self.share_work()
            except Exception as problem:  # a build whose store is not kept up must not go on
                known = isinstance(problem, R1DataError)
                self.fault = problem if known else R1DataError(f"{self.store.address}: {problem}")
                name = self.part.name if self.part else ""
                part_file(self.store.mirror, "stop", name).touch()
                return

    def push(self, last: bool) -> None:
        """Put the small files that no cell puts, as far as they changed here."""
        self.beat()
        eventful = last or time.monotonic() - self.pushed_events > EVENTS_SECONDS
        for path, stamp in written(self.store.mirror).items():
            if self.put.get(path) != stamp and (eventful or not path.name.startswith(EVENTS)):
                body, newline, _ = path.read_bytes().rpartition(b"\n")
                put_bytes(self.store, self.store.name(path), body + newline)
                self.put[path] = stamp
                self.beat()
        if eventful:
            self.pushed_events = time.monotonic()

    def beat(self) -> None:
        """Renew the lock now and then. Raises Locked where somebody else has taken it since."""
        if self.beats and time.monotonic() - self.beaten < BEAT_SECONDS:
            return
        self.beaten = time.monotonic()
        if self.beats:
            self.refuse_lost()
        self.beats += 1
        put_bytes(self.store, self.lock, json.dumps({**holder(self), "beat": self.beats}).encode())

    def refuse_lost(self) -> None:
        """Raise Locked where the lock is somebody else's."""
        found = told_by(get_bytes(self.store, self.lock))
        if found and found["token"] != self.token:
            raise Locked(f"{self.store.address} was taken over by {named(found)}: stop one of them")

    def share_work(self) -> None:
        """Pass on that a part has work, as parts on one folder see it in the time of a file."""
        if self.part is None:
            return
        path = self.store.mirror / BEAT_FILE
        before, told = self.work
        stamp = path.stat().st_mtime_ns if path.exists() else 0
        if stamp != before:
            told = uuid.uuid4().bytes
            put_bytes(self.store, BEAT_FILE, told)
        elif (found := get_bytes(self.store, BEAT_FILE)) != told:
            path.touch()
            stamp, told = path.stat().st_mtime_ns, found
        self.work = stamp, told

    def watched(self, watch: Callable[[Any], None]) -> Callable[[Any], None]:
        """Let a driver stop where its store fails, and see what other parts have made."""

        def both(driver: Any) -> None:
            watch(driver)
            if self.fault:
                driver.stop(self.fault)
            elif self.part and any(driver.parked.values()):
                self.look(self.part)

        return both

    def look(self, part: Part) -> None:
        """Bring the notes of other parts; looking takes a tenth of the time at most."""
        began, (last, took) = time.monotonic(), self.pulled
        if began - last > max(1.0, 10 * took):
            pull(self.store, made_elsewhere(self.store, part))
            self.pulled = time.monotonic(), time.monotonic() - began


def written(mirror: Path) -> dict[Path, Stamp]:
    """Return the small files that no cell puts, and their states."""
    logs = [path for path in mirror.glob("*/*.jsonl") if path.parent.name not in LOCAL]
    beside = [path for path in mirror.iterdir() if path.suffix in SMALL and path.name[0] != "."]
    stats = {path: path.stat() for path in [*beside, *logs]}
    return {path: (stat.st_size, stat.st_mtime_ns) for path, stat in stats.items()}


def in_step(store: Store, found: Mapping[str, Any]) -> dict[Path, Stamp]:
    """Return the small files that hold no more than the store does: never less after a pull."""
    sizes = {store.mirror / name: facts["size"] for name, facts in found.items()}
    states = written(store.mirror)
    return {path: stamp for path, stamp in states.items() if sizes.get(path) == stamp[0]}


@contextmanager
def storing(out: str | Path, mirror: Path, part: Part | None) -> Iterator[Keeper | None]:
    """Hold the store of a build while it is made; nothing is to be done for one in a folder."""
    address = address_of(out)
    if not address:
        yield None
        return
    keeper = hold(open_store(address, mirror), part)
    try:
        found = pull(keeper.store, wanted_by(part))
        keeper.put = in_step(keeper.store, found)
        thread = threading.Thread(target=keeper.run, daemon=True)
        thread.start()
        try:
            yield keeper
        except R1DataError as stop:
            if keeper.fault:  # the driver may see the stop before it sees why
                raise keeper.fault from stop
            raise
        finally:
            keeper.ended.set()
            thread.join()
            if not keeper.fault:
                keeper.push(last=True)
    finally:
        if not keeper.fault:
            remove(keeper.store, [keeper.lock])


def hold(store: Store, part: Part | None) -> Keeper:
    """Take the lock of a build, or of a part of it. Raises Locked, naming the holder."""
    keeper = Keeper(store, part)
    outlive(keeper)
    keeper.beat()
    time.sleep(SETTLE_SECONDS)
    keeper.refuse_lost()
    return keeper


def outlive(keeper: Keeper) -> None:
    """Watch the locks beside which a driver cannot work; remove those that are dead."""
    store, mine = keeper.store, holder(keeper)
    before = {name: get_bytes(store, name) for name in rivals(keeper)}
    watched = dict(before)
    for name, body in before.items():
        # A lock from this mirror, which only one process can hold, is of one that was killed.
        told = told_by(body)
        if told and (told["host"], told["mirror"]) == (mine["host"], mine["mirror"]):
            del watched[name]
    began = time.monotonic()
    while watched and time.monotonic() - began < WATCH_SECONDS:
        time.sleep(1.0)
        for name, body in watched.items():
            now = get_bytes(store, name)
            if now is not None and now != body:
                who = named(told_by(now))
                raise Locked(f"{store.address} is in use by {who}: wait for it or stop it")
    remove(store, before)


def rivals(keeper: Keeper) -> list[str]:
    """Return the locks that are in the way: for a whole build all, for a part its own, that of a
    whole build, and those of parts of another count.
    """
    found = [name for name in listed(keeper.store) if name.startswith(LOCK)]
    if keeper.part is None:
        return found
    of = f"of{keeper.part.of}"
    return [each for each in found if each in {keeper.lock, LOCK} or not each.endswith(of)]


def holder(keeper: Keeper) -> dict[str, Any]:
    """Say who holds a lock."""
    who = {"pid": os.getpid(), "host": socket.gethostname(), "command": command_line()}
    return {**who, "mirror": str(keeper.store.mirror), "token": keeper.token}


def told_by(body: bytes | None) -> dict[str, Any]:
    """Return what a lock says; empty where there is none."""
    return json.loads(body) if body else {}


def named(told: Mapping[str, Any]) -> str:
    """Name the holder of a lock."""
    return f"process {told['pid']} on {told['host']} ({told['command']})"
