"""What the tasks that ask have done so far, read from their ledger by whoever looks on.

The ledger may be missing, half written or of another version: a field that cannot be read is
unknown and counts nothing.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from r1data.teacher.faults import Usage

# No figure of a build is larger; what is, was not written by us.
LARGEST = 1e15


@dataclass
class Counts:
    """What progress shows of requests: `answered` counts those `found` in journals, too.

    `tasks` is how many tasks are counted. `tokens` and `usd` are those of this run; `fault` is the
    last fault in the server's words, and `faults` how often it came since the last other one.
    """

    tasks: int = 0
    wanted: int = 0
    found: int = 0
    answered: int = 0
    failed: int = 0
    tokens: int = 0
    usd: float = 0.0
    fault: str = ""
    faults: int = 0

    def add(self, other: "Counts") -> None:
        """Add the counts of another task."""
        for name in ("tasks", "wanted", "found", "answered", "failed", "tokens", "usd"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        if other.fault:
            self.note_fault(other.fault, other.faults)

    def note_reply(self, usage: Usage, usd: float | None, fault: str) -> None:
        """Count what one reply cost, and its fault where it has one."""
        self.tokens += usage.total
        self.usd += usd or 0.0
        if fault:
            self.note_fault(fault)

    def note_fault(self, fault: str, times: int = 1) -> None:
        """Keep the last fault and how often it came."""
        self.faults = self.faults + times if fault == self.fault else times
        self.fault = fault


@dataclass
class Asking:
    """The counts of each stage by its folder, and how many requests are in flight in all.

    `warnings` say what of a build's requests does not reach the model.
    """

    stages: dict[str, Counts] = field(default_factory=dict)
    in_flight: int = 0
    warnings: list[str] = field(default_factory=list)

    def total(self) -> Counts:
        """Return the sum over all stages."""
        whole = Counts()
        for counts in self.stages.values():
            whole.add(counts)
        return whole


def read_asking(path: Path) -> Asking | None:
    """Return what the ledger at `path` says; None where it says nothing now."""
    try:
        body = checked(path.read_bytes())
        read = json.loads(body) if body else None
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(read, dict):
        return None
    asking = Asking()
    for folder, entry in entries(read, "ended").items():
        asking.stages[folder] = counts_of(entry)
    for row in entries(read, "seats").values():
        counts = counts_of(entries(row, "counts"))
        asking.stages.setdefault(text(row, "folder"), Counts()).add(counts)
        flying = entries(row, "in_flight")
        asking.in_flight += sum(int(number(flying, endpoint)) for endpoint in flying)
    canaries = entries(read, "canaries")
    asking.warnings = [note for key in canaries if (note := text(canaries, key))]
    return asking


def checked(text: bytes) -> bytes | None:
    """Return the JSON of a ledger's text; None where its checksum is another."""
    crc, _, body = text.strip(b" ").partition(b" ")
    return body if crc == b"%08x" % zlib.crc32(body) else None


def counts_of(entry: Any) -> Counts:
    """Read counts."""
    names = ("tasks", "wanted", "found", "answered", "failed", "tokens", "faults")
    whole = {name: int(number(entry, name)) for name in names}
    return Counts(**whole, usd=number(entry, "usd"), fault=text(entry, "fault"))


def entries(entry: Any, name: str) -> Mapping[str, Any]:
    """Return a field that is an object, else none of its entries."""
    value = entry.get(name) if isinstance(entry, dict) else None
    return value if isinstance(value, dict) else {}


def number(entry: Any, name: str) -> float:
    """Return a field that is a number from 0, else 0."""
    value = entry.get(name) if isinstance(entry, dict) else None
    return value if isinstance(value, int | float) and 0 <= value < LARGEST else 0


def text(entry: Any, name: str) -> str:
    """Return a field that is a text, else ""."""
    value = entry.get(name) if isinstance(entry, dict) else None
    return value if isinstance(value, str) else ""
