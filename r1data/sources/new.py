"""r1data sources new: a card for a user's own questions, guessed from their first rows."""

import glob
import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from r1data.errors import InputError, RowDrop, UsageError
from r1data.kinds import BUILD, PICTURES, QUESTIONS, RELEASE, VIDEOS, kind_of
from r1data.recipe import dump
from r1data.schema_errors import kind_said
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
SAMPLE = 50
Row = Mapping[str, Any]


def new_card(place: Path, name: str) -> str:
    """Return the YAML of a card for a question file, or for the folder that holds one.

    What was guessed stands under `unverified`. Raises InputError where nothing can be guessed.
    """
    refuse_name(name)
    path = question_file(place)
    rows = first_rows(path)
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


def refuse_name(name: str) -> None:
    """Raise UsageError for a name that files and recipes cannot have."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise UsageError(f"--name '{name}': letters, digits, '.', '_' and '-' only")


def kinds(rule: Mapping[str, str]) -> list[str]:
    """Return the problem types that a rule of a mapping can give."""
    found = ["multiple choice", "numerical", "free-form"]
    return found if rule["value"] == AUTO else [rule["value"]]


def question_file(place: Path) -> Path:
    """Return the only question file of a folder, or the file itself. Raises InputError."""
    if not place.is_dir() or kind_of(place) in (BUILD, RELEASE):
        return place
    found = [p for p in sorted(place.glob("*")) if p.suffix.lower() in QUESTIONS and p.is_file()]
    if not found:
        raise InputError(
            f"there is no table of questions in {place}: save one as {', '.join(QUESTIONS)}, and "
            "name it"
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:5])
        raise InputError(f"{place} holds {len(found)} tables of questions ({names}): name one")
    return found[0]


def first_rows(path: Path) -> list[Row]:
    """Return the first rows of a question file, from which columns are guessed."""
    return [raw.row for raw in itertools.islice(read_rows(path), SAMPLE)]


def guess(rows: Sequence[Row], folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Return a mapping of columns, and what was guessed for a person to check."""
    columns = columns_of(rows)
    found: dict[str, Any] = {}
    for column, names in NAMES.items():
        hits = [columns[name] for name in names if name in columns]
        if hits:
            found[column] = hits[0]
    for column in ("problem", "solution", "media"):
        if column not in found:
            raise InputError(
                f"no column looks like '{column}' (the rows have: {', '.join(columns.values())}): "
                f"rename one to {', '.join(NAMES[column][:3])}"
            )
    said = [f"{column} is '{name}'" for column, name in found.items()]
    media = found["media"]
    found["media"], kind = media_rule(media_values(rows, media), media, folder)
    found["problem_type"] = problem_type(rows, columns, found)
    found["data_type"] = data_type(rows, columns, kind)
    found["solution"] = {"field": found["solution"], "then": ["untag"]}
    told = [f"{name.replace('_', ' ')} is {plain(found[name])}" for name in DEDUCED]
    return found, [*(each for each in said if not each.startswith("media")), *told]


def columns_of(rows: Sequence[Row]) -> dict[str, str]:
    """Return the columns by their names in small letters; a row may lack some."""
    return {str(key).casefold(): str(key) for row in rows for key in row}


def plain(rule: Any) -> str:
    """Say in words how a column comes out of a row."""
    if isinstance(rule, str):
        return f"'{rule}'"
    if rule.get("value") == AUTO:
        return "told by each row: a choice, a number or a text"
    return f"always {rule['value']}" if "value" in rule else f"'{rule['text']}'"


def media_values(rows: Sequence[Row], column: str) -> list[str]:
    """Return the media paths of the rows that name one; of several, the first.

    Raises InputError where they are no paths below a folder, or no row has one.
    """
    given = [row.get(column) for row in rows]
    firsts = [each[0] if isinstance(each, list) and each else each for each in given]
    values = [each for each in firsts if each not in (None, "", [])]
    if not values:
        raise InputError(f"no row names a clip or image in the column '{column}'")
    for value in values:
        if not isinstance(value, str | int):
            raise InputError(f"the column '{column}' holds {kind_said(value)}, not a path")
        if Path(str(value)).is_absolute():
            raise InputError(
                f"the column '{column}' holds absolute paths ({value}): write them as they stand "
                "below the folder of the clips, so that the recipe works elsewhere too"
            )
    return [str(value) for value in values]


def media_rule(values: Sequence[str], column: str, folder: Path) -> tuple[Any, str]:
    """Return how a media path comes out of its column, by what lies in the folder; and its kind.

    A row whose file is missing is dropped by the build; here the first that is there decides.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}: name that of the clips with --clips")
    for value in dict.fromkeys(values):
        rule = rule_of(value.removeprefix("./"), column, folder)
        if rule is not None:
            return rule
    raise InputError(
        f"no file '{values[0]}' lies in {folder} or in a folder of it: name the folder of the "
        "clips with --clips"
    )


def rule_of(value: str, column: str, folder: Path) -> tuple[Any, str] | None:
    """Return the rule by which one value leads to a file below the folder, and its kind."""
    if "\0" in value:
        return None
    for ending in ("", *VIDEOS, *PICTURES):
        name = glob.escape(value + ending)
        for path in (folder / (value + ending), *sorted(folder.glob(f"*/{name}"))):
            if path.is_file():
                below = path.relative_to(folder).as_posix().removesuffix(value + ending)
                kind = "video" if path.suffix.lower() in VIDEOS else "image"
                plain = not below and not ending
                return (column if plain else {"text": f"{below}{{{column}}}{ending}"}), kind
    return None


def problem_type(rows: Sequence[Row], columns: Mapping[str, str], found: Mapping[str, Any]) -> Any:
    """Return the column of problem types, or one type for all rows by what their truths are."""
    named = columns.get("problem_type")
    if named and all(row.get(named) in PROBLEM_TYPES for row in rows):
        return named
    options = found.get("options")
    choices = [bool(options and texts(row.get(options))) for row in rows]
    numbers = [is_number(row.get(found["solution"])) for row in rows]
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


def data_type(rows: Sequence[Row], columns: Mapping[str, str], kind: str) -> Any:
    """Return the column of data types, or the kind of the first file."""
    named = columns.get("data_type")
    if named and all(row.get(named) in DATA_TYPES for row in rows):
        return named
    return {"value": kind}
