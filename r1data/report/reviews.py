"""Marks of a reviewer: one JSON line each, appended; the last one about a row counts.

{"id": "tabmwp/82", "mark": "bad", "note": "reads the wrong column", "at": "...", "state": "kept"}

`mark` is good (the row belongs into the dataset), bad (it does not), or null, which takes an
earlier mark back. `state` is what the build had decided when the mark was made: "kept" or the drop
reason; it is what agreement is measured against.
"""

import json
import time
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import InputError
from r1data.evaluate.statistics import wilson

MARKS = ("good", "bad", None)
LONGEST_NOTE = 4_000


class Reviews:
    """The marks in one file; a row without a mark is not in `marks`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def marks(self) -> dict[str, dict[str, Any]]:
        """The last mark of every row that has one, by id."""
        return read_marks(self.path) if self.path.is_file() else {}

    def add(
        self, identity: str, mark: str | None, note: str, state: str, kind: str
    ) -> dict[str, Any]:
        """Append a mark; return it."""
        line = {
            "id": identity,
            "mark": mark,
            "note": note[:LONGEST_NOTE],
            "state": state,
            "type": kind,
        }
        line["at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        marks = self.marks
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        if mark is None:
            marks.pop(identity, None)
        else:
            marks[identity] = line
        return line


def read_marks(path: Path) -> dict[str, dict[str, Any]]:
    """Read the marks of a file by id. Raises InputError naming the line that cannot be read."""
    found: dict[str, dict[str, Any]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as problem:
        raise InputError(f"no reviews at {path}: `r1data view` writes them") from problem
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        line = parsed(text, f"{path}, line {number}")
        if line["mark"] is None:
            found.pop(line["id"], None)
        else:
            found[line["id"]] = line
    return found


def parsed(text: str, where: str) -> dict[str, Any]:
    """Read one line of a review file."""
    try:
        line = json.loads(text)
    except ValueError as problem:
        raise InputError(f"{where}: not valid JSON") from problem
    if not isinstance(line, dict) or not isinstance(line.get("id"), str):
        raise InputError(f"{where}: a review needs an id")
    if line.get("mark") not in MARKS:
        raise InputError(f"{where}: mark is good, bad or null, not {line.get('mark')!r}")
    return {"note": "", "state": "", "type": "", **line, "mark": line.get("mark")}


def bad_rows(path: str | Path) -> dict[str, str]:
    """ids that a reviewer marked bad, with the note, for `filter.reviews`."""
    marks = read_marks(Path(path))
    return {key: str(line["note"]) for key, line in sorted(marks.items()) if line["mark"] == "bad"}


class Agreement(NamedTuple):
    """How a person and the build agree on rows of one state."""

    state: str
    reviewed: int
    agreed: int
    low: float
    high: float


def agreement(marks: Mapping[str, Mapping[str, Any]]) -> list[Agreement]:
    """Return agreement by state: a kept row that is good, a dropped one that is bad, agree.

    `low` and `high` bound the share with 95% confidence (Wilson's interval).
    """
    states: dict[str, list[bool]] = {}
    for line in marks.values():
        state = str(line["state"]) or "unknown"
        states.setdefault(state, []).append((line["mark"] == "good") == (state == "kept"))
    order = sorted(states, key=lambda state: (state != "kept", state))
    return [agreed(state, states[state]) for state in order if state != "unknown"]


def agreed(state: str, hits: list[bool]) -> Agreement:
    """Count one state."""
    return Agreement(state, len(hits), sum(hits), *wilson(sum(hits), len(hits)))


def agreement_text(found: Iterable[Agreement]) -> str:
    """The same for a person."""
    from r1data.summary import table

    lines = [
        (each.state, f"{each.agreed} of {each.reviewed}", f"{each.low:.0%} to {each.high:.0%}")
        for each in found
    ]
    if not lines:
        return "no row is marked yet: mark some with g and b in `r1data view`"
    return "\n".join(table([("the build said", "a person agrees", "95% sure"), *lines]))
