"""How often each preset errs on labelled answers, as `benchmarks/error_rates.py` measured it.

Documentation and dataset cards state these figures and no others.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from r1data.rewards.agreement import HEAD, LabelCounts, row_of, total
from r1data.rewards.verdict import PROBLEM_TYPES

FILE = Path(__file__).with_name("error_rates.json")


class Measured(NamedTuple):
    """The counts of one preset on one set of labelled answers.

    `tuned_on` says that the answers were looked at while the rules were made.
    """

    preset: str
    version: int
    answers: str
    tuned_on: bool
    kinds: dict[str, LabelCounts]


def read_measured() -> tuple[str, list[Measured]]:
    """Return the day of the measurement, and what was measured."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    return stored["measured"], [measured_of(each) for each in stored["sets"]]


def measured_of(stored: dict[str, Any]) -> Measured:
    """Return one entry of the file."""
    kinds = {kind: LabelCounts(**counts) for kind, counts in stored["kinds"].items()}
    return Measured(**{**stored, "kinds": kinds})


def stored_text(day: str, sets: list[Measured]) -> str:
    """Return the text of the file: counts, from which rates and intervals follow."""
    listed = [
        each._asdict() | {"kinds": {kind: counts._asdict() for kind, counts in each.kinds.items()}}
        for each in sets
    ]
    return json.dumps({"measured": day, "sets": listed}, indent=1) + "\n"


def unmeasured(measured: Measured) -> str:
    """Say for which problem types there were no labelled answers."""
    seen = {kind.rpartition(", ")[0] for kind in measured.kinds}
    missing = [each for each in PROBLEM_TYPES if each not in seen]
    return f"Not measured, for want of labelled answers: {', '.join(missing)}."


def kinds_table(measured: Measured) -> str:
    """Return the rates by kind of answer as a Markdown table."""
    rows = [row_of(kind, counts) for kind, counts in measured.kinds.items()]
    return markdown([HEAD, *rows, row_of("all", total(measured.kinds.values()))])


def sets_table(sets: list[Measured]) -> str:
    """Return the rates of presets and sets of answers as a Markdown table."""
    rows = [
        (f"`{each.preset}`", *row_of(each.answers, total(each.kinds.values()))) for each in sets
    ]
    return markdown([("preset", *HEAD), *rows])


def markdown(rows: list[tuple[str, ...]]) -> str:
    """Return rows as a Markdown table, the first as its head."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def card_rates(preset: str, version: int) -> str:
    """Return what a card says of a preset's errors; nothing where that version was not measured.

    Of several label sets of the same answers the first counts.
    """
    day, sets = read_measured()
    wanted = (preset, version, False)
    for each in sets:
        if (each.preset, each.version, each.tuned_on) == wanted:
            return (
                f"Errors of `{preset}` version {version} on answers that its rules were not tuned "
                f"on ({each.answers}; {day}; 95% intervals):\n\n{kinds_table(each)}\n\n"
                f"{unmeasured(each)}"
            )
    return ""
