"""Rows whose owners asked for them to be taken down: never released again, by any later build."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from r1data.errors import RecipeError
from r1data.grid.drops import Drop

DETAIL = "it stands in the take-down list"


def read_list(path: str | Path) -> list[str]:
    """Return the entries of a take-down list: one a line, # begins a comment.

    An entry is a row's id (source/row-id), or source/path of a media file, which takes down every
    row about it. Raises RecipeError where there is no such list: a missing one would release all.
    """
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        why = getattr(problem, "strerror", None) or problem
        raise RecipeError(f"release.take_down: {path} cannot be read: {why}") from problem
    entries = (line.partition("#")[0].strip() for line in text.splitlines())
    return sorted({entry for entry in entries if entry})


def take_down(
    row: Mapping[str, Any], sample: Mapping[str, Any], entries: frozenset[str]
) -> Mapping[str, Any]:
    """Return a row, with the reason of its fall where the list names it or its media."""
    if not entries:
        return row
    media = {f"{sample['source']}/{each['uri'].removeprefix('./')}" for each in sample["media"]}
    if not entries & {sample["id"], *media}:
        return row
    return {**row, "drop_reason": Drop.LICENSE_REFUSED.value, "drop_detail": DETAIL}
