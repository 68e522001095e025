"""What the asking cells of a build share: requests in flight, windows, money, questions.

Cells are processes. Each holds a seat: a lock that the system frees when its process dies. What
they share stands in `asking/ledger.json` of the build and is read and written under one lock, a
turn of about 0.1 ms; no cell waits for another's answers. The journals stay the truth about money:
the ledger only knows what they cannot, the requests in flight.
"""

import json
import os
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from r1data.errors import MissingPackage
from r1data.teacher.budget import Budget
from r1data.teacher.counts import Counts, checked
from r1data.teacher.journal import Index, read_journals, read_tail

# Not filelock: it takes 70 us a turn where flock takes 1, and a request has one or two turns.
try:
    import fcntl
except ImportError as problem:
    raise MissingPackage(
        "asking a teacher needs file locks that free themselves (fcntl), which this system lacks: "
        "on Windows run r1data in WSL or in a container"
    ) from problem

FOLDER = "asking"
# Written at one go and never made shorter: a killed writer leaves the old text or the new one.
PAGE = 4096
# Lanes come and go over the life of a build.
MOST_WINDOWS = 16


@dataclass
class Row:
    """What one seat has in flight; `spent` since `base`, what its shard's journals said before.

    `folder` is its stage's, `unit` that of its budget: "usd" or "tokens".
    """

    folder: str
    shard: str
    unit: str
    base: float
    in_flight: dict[str, int] = field(default_factory=dict)
    reserved: float = 0.0
    spent: float = 0.0
    counts: Counts = field(default_factory=Counts)


@dataclass
class Money:
    """What one stage has spent, and how the server counts: see Budget."""

    spent: float = 0.0
    factor: float = 1.0
    seen: bool = False


@dataclass
class Ledger:
    """Windows are by lane; money, and the counts of tasks that have ended, by a stage's folder.

    `canaries` holds, by their keys, what the canaries of this run did not prove; "" is all well.
    """

    money: dict[str, Money] = field(default_factory=dict)
    windows: dict[str, dict[str, Any]] = field(default_factory=dict)
    seats: dict[str, Row] = field(default_factory=dict)
    ended: dict[str, Counts] = field(default_factory=dict)
    canaries: dict[str, str] = field(default_factory=dict)

    def flying(self, lane: str, but: str) -> int:
        """Return how many requests of a lane the other seats have in flight."""
        return sum(row.in_flight.get(lane, 0) for name, row in self.seats.items() if name != but)

    def reserved(self, folder: str, but: str) -> float:
        """Return what the other seats of a stage have put aside."""
        rows = (row for name, row in self.seats.items() if name != but)
        return sum(row.reserved for row in rows if row.folder == folder)


def encode(ledger: Ledger) -> bytes:
    """Return the text of a ledger, filled up to whole pages."""
    body = json.dumps(vars(ledger), separators=(",", ":"), default=vars).encode()
    text = b"%08x %s" % (zlib.crc32(body), body)
    return text.ljust(-(-len(text) // PAGE) * PAGE)


def decode(text: bytes) -> Ledger | None:
    """Read a ledger; None where a power cut left no text, or another version another one."""
    body = checked(text)
    if body is None:
        return None
    try:
        return ledger_of(json.loads(body))
    except (AttributeError, KeyError, TypeError, ValueError):  # other fields than this version has
        return None


def ledger_of(read: Any) -> Ledger:
    """Build a ledger from its JSON."""
    rows = {name: {**row, "counts": Counts(**row["counts"])} for name, row in read["seats"].items()}
    return Ledger(
        money={name: Money(**each) for name, each in read["money"].items()},
        windows=read["windows"],
        seats={name: Row(**row) for name, row in rows.items()},
        ended={name: Counts(**each) for name, each in read["ended"].items()},
        canaries=read["canaries"],
    )


@dataclass
class Seat:
    """One asking cell; `folder` is its stage's, `name` the number of its seat."""

    folder: Path
    name: str
    lock: int
    file: int
    part: str = ""

    @property
    def place(self) -> Path:
        """Where seats and ledger are; parts of a build have one each and wait for nobody."""
        return self.folder.parent / FOLDER / self.part

    @contextmanager
    def turn(self) -> Iterator[Ledger]:
        """Hold the ledger; what the block changes is written when it ends well."""
        with held(self.file) as ledger:
            yield ledger

    def claim(self, ledger: Ledger, keys: Collection[str]) -> list[str]:
        """Say which of `keys` this cell asks: those that no living cell is asking already."""
        bury_dead(self, ledger)
        others = [name for name in ledger.seats if name != self.name]
        taken = {key for name in others for key in read_claims(self.place, name)}
        mine = [key for key in keys if key not in taken]
        claims_path(self.place, self.name).write_text("\n".join(mine), encoding="ascii")
        return mine

    def withdraw(self) -> None:
        """Ask for nothing more: what was answered stands in the journal."""
        with self.turn():
            claims_path(self.place, self.name).unlink(missing_ok=True)


@contextmanager
def held(file: int) -> Iterator[Ledger]:
    """Hold the ledger in an open file; what the block changes is written when it ends well."""
    fcntl.flock(file, fcntl.LOCK_EX)
    try:
        size = os.fstat(file).st_size
        before = os.pread(file, size, 0)
        ledger = decode(before) or Ledger()
        yield ledger
        after = encode(ledger).ljust(size)
        if after != before:
            os.pwrite(file, after, 0)
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


@contextmanager
def shared_money(ledger: Ledger, name: str, budget: Budget | None) -> Iterator[None]:
    """Tell the others what this seat spent, and learn what they did; then what it puts aside."""
    if budget is None:
        yield
        return
    row = ledger.seats[name]
    money = ledger.money[row.folder]
    row.spent += budget.untold
    money.spent += budget.untold
    budget.untold = 0.0
    budget.spent, budget.elsewhere = money.spent, ledger.reserved(row.folder, name)
    budget.seen = money.seen = money.seen or budget.seen
    budget.factor = money.factor = max(money.factor, budget.factor)
    yield
    row.reserved = budget.reserved


@contextmanager
def seated(
    folder: Path, shard: str, unit: str, part: str = "", counts: Counts | None = None
) -> Iterator[Seat]:
    """Take a seat among the cells of a build that ask; `folder` is that of the stage.

    `counts` are those of the cell: what they say at the end is kept.
    """
    counts = counts or Counts()
    place = folder.parent / FOLDER / part
    place.mkdir(parents=True, exist_ok=True)
    name, lock = free_seat(place)
    file = os.open(place / "ledger.json", os.O_RDWR | os.O_CREAT, 0o644)
    seat = Seat(folder, name, lock, file, part)
    try:
        with seat.turn() as ledger:
            sit_down(seat, ledger, Row(folder.name, shard, unit, 0.0, counts=counts))
        yield seat
        with seat.turn() as ledger:
            row = ledger.seats.pop(seat.name)
            ledger.ended.setdefault(row.folder, Counts()).add(counts)
    finally:
        os.close(file)
        os.close(lock)


def begin_run(place: Path) -> None:
    """Forget what progress showed of an earlier run; `place` is the folder of the ledger."""
    path = place / "ledger.json"
    if not path.is_file():
        return
    file = os.open(path, os.O_RDWR)
    try:
        with held(file) as ledger:
            ledger.ended.clear()
            ledger.canaries.clear()
            for window in ledger.windows.values():
                window["answers"] = 0
            for row in ledger.seats.values():  # of tasks that were killed
                row.counts = Counts()
    finally:
        os.close(file)


def free_seat(place: Path) -> tuple[str, int]:
    """Lock the first seat that nobody living holds."""
    number = 0
    while True:
        lock = try_lock(place, str(number))
        if lock is not None:
            return str(number), lock
        number += 1


def try_lock(place: Path, name: str) -> int | None:
    """Return a descriptor that holds the lock of a seat, or None where somebody has it."""
    lock = os.open(place / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def sit_down(seat: Seat, ledger: Ledger, row: Row) -> None:
    """Enter a cell; the first one of its stage takes what was spent from the journals."""
    bury(seat, ledger, seat.name)
    bury_dead(seat, ledger)
    if not ledger.seats:
        learned = list(ledger.windows.items())[-MOST_WINDOWS:]
        ledger.windows = {lane: rested(window) for lane, window in learned}
    if all(other.folder != row.folder for other in ledger.seats.values()):
        ledger.money[row.folder] = Money(worth(read_journals(seat.folder, seat.part), row.unit))
    row.base = spent_on(seat.folder, row)
    ledger.seats[seat.name] = row


def rested(window: dict[str, Any]) -> dict[str, Any]:
    """Return what a window had learned, without its times: the machine may have been restarted."""
    learned = ("most", "kind", "size", "opening", "round_trip", "answers")
    return {key: window[key] for key in learned if key in window}


def bury_dead(seat: Seat, ledger: Ledger) -> None:
    """Remove the seats whose processes died."""
    for name in list(ledger.seats):
        lock = try_lock(seat.place, name) if name != seat.name else None
        if lock is not None:
            bury(seat, ledger, name)
            os.close(lock)


def bury(seat: Seat, ledger: Ledger, name: str) -> None:
    """Remove a seat, booking what its journal gained and the ledger was not told of."""
    row = ledger.seats.pop(name, None)
    claims_path(seat.place, name).unlink(missing_ok=True)
    if row is not None:
        untold = spent_on(seat.folder.parent / row.folder, row) - row.base - row.spent
        ledger.money[row.folder].spent += max(0.0, untold)


def spent_on(folder: Path, row: Row) -> float:
    """Return what the journals of one shard say was spent."""
    index = Index()
    for path in folder.glob(f"{row.shard}.*.jsonl"):
        read_tail(index, path)
    return worth(index, row.unit)


def worth(index: Index, unit: str) -> float:
    """Return what journals say was spent, in the unit of a budget."""
    return index.usd if unit == "usd" else index.tokens


def claims_path(place: Path, name: str) -> Path:
    return place / f"{name}.keys"


def read_claims(place: Path, name: str) -> set[str]:
    """Return the keys that a seat is asking."""
    path = claims_path(place, name)
    return set(path.read_text(encoding="ascii").split()) if path.exists() else set()
