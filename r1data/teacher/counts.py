"""What the tasks that ask have done so far, read from their ledger by whoever looks on.

The ledger may be missing, half written or of another version: a field that cannot be read is
unknown and counts nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from r1data.teacher.sharing import Counts, checked

# No figure of a build is larger; what is, was not written by us.
LARGEST = 1e15


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
