"""The rules of a mapping for columns whose roles are known."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from r1data.errors import RowDrop
from r1data.sources.column_media import media_rule
from r1data.sources.column_names import Column, filled_value
from r1data.sources.conversations import Choice
from r1data.sources.fields import AUTO
from r1data.sources.finding import Tree
from r1data.sources.mapping import has_options, is_number
from r1data.sources.markers import MARKER
from r1data.sources.splitting import split_options
from r1data.sources.transforms import BOX, DECIMAL_COMMA, decimal_comma

# Of every so many rows one has to hold its options for them to be looked for in all questions.
ONE_OF = 5


def rules(
    taken: Mapping[str, Sequence[Column]], fixed: Mapping[str, Any], tree: Tree
) -> dict[str, Any]:
    """Return the rule of each column of ours."""
    found: dict[str, Any] = {"problem": problem_rule(taken), "solution": key_rule(taken)}
    if taken.get("options"):
        found["options"] = options_rule(taken)
    elif "options" in fixed:
        found["options"] = {"value": None}
    media, kind = media_rule(taken["media"], tree)
    found |= {"media": media, "data_type": kind, "problem_type": type_rule(taken, found["problem"])}
    types = ("problem_type", "data_type")
    found |= {role: taken[role][0].name for role in types if taken.get(role)}
    for role in ("start", "end", "split", "id"):
        if taken.get(role):
            found[role] = taken[role][0].name
    found.setdefault("id", {"value": None})
    return found


def problem_rule(taken: Mapping[str, Sequence[Column]]) -> dict[str, Any]:
    """Return the rule of questions: their column or columns, markers and options taken out."""
    given = taken["question"]
    values = [v for column in given for v in column.values if isinstance(v, str) and v.strip()]
    then = ["strip_marker"] if any(map(MARKER.search, values)) else []
    inside = [bool(options_inside(value)) for value in values]
    if inside and (sum(inside) * ONE_OF >= len(inside) or given[0].name.startswith("turn.")):
        then = [*then, "split_options"]
    field: dict[str, Any] = {"field": given[0].name}
    field = field if len(given) == 1 else {"fields": [column.name for column in given]}
    return {**field, "then": then} if then else field


def options_inside(text: str) -> list[str]:
    """Return the options in a question's text; none where it has none."""
    try:
        found = split_options(text)
    except RowDrop:
        return ["?"]
    return found.options if isinstance(found, Choice) else []


def key_rule(taken: Mapping[str, Sequence[Column]]) -> dict[str, Any]:
    """Return the rule of the key, out of its tags, its box or its list of one."""
    key = taken["ground_truth"][0]
    boxed = any(
        isinstance(value, list) or (isinstance(value, str) and BOX in value) for value in key.values
    )
    then = ["unbox", "untag"] if boxed else ["untag"]
    commas = not taken.get("options") and decimal_commas(key.values)
    return {"field": key.name, "then": [*then, "decimal_comma"] if commas else then}


def decimal_commas(values: Sequence[Any]) -> bool:
    """Tell whether a key's numbers have decimal commas: one has no three figures behind its comma.

    "1,234" alone may be a thousand; beside "3,5", and without any "3.5", it is not.
    """
    texts = [value.strip() for value in values if isinstance(value, str)]
    found = [text for text in texts if DECIMAL_COMMA.fullmatch(text)]
    points = any(re.fullmatch(r"[-+−]?\d+\.\d+", text) for text in texts)
    return not points and any(len(text.rpartition(",")[2]) != 3 for text in found)


def options_rule(taken: Mapping[str, Sequence[Column]]) -> Any:
    """Return the rule of options."""
    given = taken["options"]
    if len(given) == 1:
        return given[0].name
    rule: dict[str, Any] = {"fields": [column.name for column in given]}
    mixed = given[0] in taken["ground_truth"]  # else the first option would be right in every row
    return {**rule, "then": ["shuffle"]} if mixed else rule


def type_rule(taken: Mapping[str, Sequence[Column]], problem: Mapping[str, Any]) -> Any:
    """Return one problem type for all rows, by their truths, or that each row tells its own."""
    key = [value for value in taken["ground_truth"][0].values if filled_value(value)]
    options_ = taken.get("options", [])
    inside = "split_options" in problem.get("then", ())
    if options_:
        rows = range(len(options_[0].values))
        whole = all(any(has_options(column.values[row]) for column in options_) for row in rows)
        return {"value": "multiple choice" if whole else AUTO}
    commas = decimal_commas(key)
    numbers = [is_number(decimal_comma(value) if commas else value) for value in key]
    if inside or (any(numbers) and not all(numbers)):
        return {"value": AUTO}
    return {"value": "numerical" if numbers and all(numbers) else "free-form"}
