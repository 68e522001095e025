"""r1data sources new: a card for a user's own questions, guessed from their first rows."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from r1data.errors import InputError, RowDrop
from r1data.recipe import dump
from r1data.sources.mapping import AUTO, DATA_TYPES, PROBLEM_TYPES, is_number, option_texts
from r1data.sources.reading import read_rows

NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "qid", "question_id", "problem_id", "uid", "key"),
    "problem": ("problem", "question", "query", "prompt", "q"),
    "options": ("options", "choices", "candidates"),
    "solution": ("solution", "answer", "truth", "ground_truth", "label", "correct"),
    "media": ("path", "media", "video", "image", "file", "filename", "clip", "video_path"),
    "start": ("start", "start_time", "from"),
    "end": ("end", "end_time", "to"),
    "split": ("split",),
}
DEDUCED = ("media", "problem_type", "data_type")
VIDEOS = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".gif")
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
QUESTIONS = (".csv", ".jsonl", ".json", ".parquet")
SAMPLE = 50


def new_card(place: Path, name: str) -> str:
    """Return the YAML of a card for a question file, or for the folder that holds one.

    What was guessed stands under `unverified`. Raises InputError where nothing can be guessed.
    """
    path = question_file(place)
    rows = [raw.row for raw in itertools.islice(read_rows(path), SAMPLE)]
    mapping, guessed = guess(rows, path.parent)
    types = mapping["problem_type"]
    shown = kinds(types) if isinstance(types, dict) else sorted({r[types] for r in rows})
    kind = mapping["data_type"]
    card = {
        "name": name,
        "title": name,
        "group": "own",
        "license": {
            "annotations": "unknown",
            "media": "unknown",
            "non_commercial": None,
            "gated": False,
            "stated_by": "nobody yet",
        },
        "confidence": "guess",
        "unverified": f"guessed from {len(rows)} rows: " + "; ".join(guessed),
        "types": shown,
        "data_type": kind["value"] if isinstance(kind, dict) else "both",
        "route": "local",
        "routes": {
            "local": {
                "questions": [path.name],
                "mapping": mapping,
                "media": {"kind": "files"},
            }
        },
    }
    return "# Check it with: r1data sources check RECIPE, then set the licence.\n" + dump(card)


def kinds(rule: Mapping[str, str]) -> list[str]:
    """Return the problem types that a rule of a mapping can give."""
    found = ["multiple choice", "numerical", "free-form"]
    return found if rule["value"] == AUTO else [rule["value"]]


def question_file(place: Path) -> Path:
    """Return the only question file of a folder, or the file itself. Raises InputError."""
    if place.is_file():
        return place
    found = [p for p in sorted(place.glob("*")) if p.suffix.lower() in QUESTIONS]
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise InputError(f"{place} should hold one file of questions; it holds: {names}")
    return found[0]


def guess(rows: Sequence[Mapping[str, Any]], folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Return a mapping of columns, and what was guessed for a person to check."""
    columns = {str(key).casefold(): key for key in rows[0]}
    found: dict[str, Any] = {}
    for column, names in NAMES.items():
        hits = [columns[name] for name in names if name in columns]
        if hits:
            found[column] = hits[0]
    for column in ("problem", "solution", "media"):
        if column not in found:
            fields = ", ".join(map(str, rows[0]))
            raise InputError(f"no column looks like '{column}' (the rows have: {fields})")
    said = [f"{column} is '{name}'" for column, name in found.items()]
    media = found["media"]
    found["media"], kind = media_rule([str(row[media]) for row in rows], media, folder)
    found["problem_type"] = problem_type(rows, columns, found)
    found["data_type"] = data_type(rows, columns, kind)
    found["solution"] = {"field": found["solution"], "then": ["untag"]}
    told = [f"{name.replace('_', ' ')} is {plain(found[name])}" for name in DEDUCED]
    return found, [*(each for each in said if not each.startswith("media")), *told]


def plain(rule: Any) -> str:
    """Say in words how a column comes out of a row."""
    if isinstance(rule, str):
        return f"'{rule}'"
    if rule.get("value") == AUTO:
        return "told by each row: a choice, a number or a text"
    return f"always {rule['value']}" if "value" in rule else f"'{rule['text']}'"


def media_rule(values: Sequence[str], column: str, folder: Path) -> tuple[Any, str]:
    """Return how a media path comes out of its column, by what lies in the folder; and its kind."""
    first = values[0].removeprefix("./")
    for ending in ("", *VIDEOS, *PICTURES):
        for path in (folder / (first + ending), *sorted(folder.glob(f"*/{first}{ending}"))):
            if path.is_file():
                below = path.relative_to(folder).as_posix().removesuffix(first + ending)
                kind = "video" if path.suffix.lower() in VIDEOS else "image"
                plain = not below and not ending
                return (column if plain else {"text": f"{below}{{{column}}}{ending}"}), kind
    raise InputError(f"no file '{first}' lies in {folder} or in a folder of it")


def problem_type(
    rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], found: Mapping[str, Any]
) -> Any:
    """Return the column of problem types, or one type for all rows by what their truths are."""
    named = columns.get("problem_type")
    if named and all(row[named] in PROBLEM_TYPES for row in rows):
        return named
    options = found.get("options")
    choices = [bool(options and texts(row[options])) for row in rows]
    numbers = [is_number(row[found["solution"]]) for row in rows]
    if all(choices):
        return {"value": "multiple choice"}
    if any(choices) or (any(numbers) and not all(numbers)):
        return {"value": AUTO}
    return {"value": "numerical" if all(numbers) else "free-form"}


def texts(value: Any) -> list[str]:
    """Return options as texts; none where they cannot be read."""
    try:
        return option_texts(value)
    except RowDrop:
        return []


def data_type(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], kind: str) -> Any:
    """Return the column of data types, or the kind of the first file."""
    named = columns.get("data_type")
    if named and all(row[named] in DATA_TYPES for row in rows):
        return named
    return {"value": kind}
