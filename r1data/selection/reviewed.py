"""Rows that a person looked at and marked bad fall out as `wrong`, with the reviewer's note.

Of the closed list that is the reason whose meaning fits: whoever marked the row says that its
answer, or its way to it, is not right, which the verifier could not see.
"""

from collections.abc import Mapping
from typing import Any

from r1data.errors import InputError, RecipeError
from r1data.grid.drops import Drop
from r1data.probes.chance import drop


def read_bad(path: str) -> dict[str, str]:
    """Return the rows that a review file calls bad, with their notes. Raises RecipeError."""
    from r1data.report.reviews import bad_rows

    try:
        return bad_rows(path)
    except InputError as problem:
        raise RecipeError(f"filter.reviews: {problem}") from problem


def reviewed(row: Mapping[str, Any], bad: Mapping[str, str]) -> Mapping[str, Any]:
    """Return a row, with the reason of its fall where a reviewer marked it bad."""
    if row["drop_reason"] or row["id"] not in bad:
        return row
    note = bad[row["id"]]
    told = "a reviewer marked it bad" + (f": {note}" if note else "")
    return {**row, **drop(Drop.WRONG, told)}
