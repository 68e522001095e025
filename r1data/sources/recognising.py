"""A mapping for a table that nobody has described: from its columns' names and values.

What cannot be told for certain is an InputError that names the columns and what to type.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from r1data.errors import UsageError
from r1data.schema_errors import near_word
from r1data.sources import column_names as told_by
from r1data.sources.cells import filled
from r1data.sources.column_media import media_columns
from r1data.sources.column_names import Column, Row
from r1data.sources.column_options import (
    key_column,
    options,
    refuse_hidden_options,
    wrong_options,
)
from r1data.sources.column_rules import rules
from r1data.sources.column_times import times
from r1data.sources.finding import Tree
from r1data.sources.mapping import DATA_TYPES, KINDS

# What `--map` may name, and the column of ours that it is.
ROLES = {
    "question": "problem",
    "ground_truth": "solution",
    "options": "options",
    "media": "media",
    "start": "start",
    "end": "end",
    "id": "id",
    "split": "split",
    "problem_type": "problem_type",
    "data_type": "data_type",
}


class Recognised(NamedTuple):
    """A mapping of a table's columns, what each of ours is taken from, and what is not used."""

    mapping: dict[str, Any]
    taken: dict[str, tuple[str, ...]]
    unused: tuple[str, ...]


def recognise(rows: Sequence[Row], tree: Tree, given: Mapping[str, str]) -> Recognised:
    """Return how the columns of a table become ours; `given` says it for some of them.

    Raises InputError where a column cannot be told, UsageError where a given one is not there.
    """
    columns = told_by.columns_of(rows)
    fixed = {role: fixed_columns(columns, role, names) for role, names in given.items()}
    taken: dict[str, list[Column]] = dict(fixed)
    free = [c for c in columns if not any(c in each for each in fixed.values())]

    options(free, taken)
    rest = without(free, taken)
    if "question" not in taken:
        taken["question"] = [told_by.question_of(rest, columns)]
    rest = without(rest, taken)
    if "ground_truth" not in taken:
        taken["ground_truth"] = [key_column(rest, taken.get("options", []), columns)]
    wrong_options(rest, taken, fixed)
    rest = without(rest, taken)
    if "media" not in taken:
        taken["media"] = media_columns(without(free, taken), tree)
    rest = without(rest, taken)
    parts = times(rest, taken)
    rest = without(rest, taken)
    others(rest, taken, fixed)

    mapping = rules(taken, fixed, tree) | parts
    refuse_hidden_options(without(free, taken), taken, mapping)
    used = {name for each in taken.values() for column in each for name in heads(column.name)}
    unused = [c.name for c in columns if not set(heads(c.name)) & used and "." not in c.name]
    names = {role: tuple(c.name for c in each) for role, each in taken.items() if each}
    return Recognised(mapping, names, tuple(unused))


def heads(name: str) -> tuple[str, ...]:
    """Return a column's name and that of the object it is in."""
    return name, name.partition(".")[0]


def without(columns: Sequence[Column], taken: Mapping[str, Sequence[Column]]) -> list[Column]:
    """Return the columns that nothing is taken from yet."""
    used = [column for each in taken.values() for column in each]
    return [column for column in columns if column not in used]


def fixed_columns(columns: Sequence[Column], role: str, names: str) -> list[Column]:
    """Return the columns that a person names for a role: none, one, or several with commas."""
    if role not in ROLES:
        raise UsageError(
            f"--map {role}=...: there is no '{role}'{near_word(role, list(ROLES))}; there are: "
            f"{', '.join(ROLES)}"
        )
    by_name = {column.name: column for column in columns}
    asked = [names] if names in by_name else [each.strip() for each in names.split(",")]
    for name in filter(None, asked):
        if name not in by_name:
            raise UsageError(
                f"--map {role}={names}: no column '{name}'{near_word(name, list(by_name))}; the "
                f"rows have: {', '.join(by_name)}"
            )
    return [by_name[name] for name in asked if name]


def others(
    rest: Sequence[Column], taken: dict[str, list[Column]], fixed: Mapping[str, Any]
) -> None:
    """Find the columns of ids, splits and types: those that say types in our words."""
    for role, names in (("id", ("id", *told_by.ID_NAMES)), ("split", ("split",))):
        if role not in fixed:
            found = [c for c in told_by.named(rest, names) if role != "id" or unique(c)]
            by_id = [c for c in rest if c.name == "_id" and role == "id" and unique(c)]
            if found or by_id:
                taken[role] = (found or by_id)[:1]
    for role, allowed in (("problem_type", tuple(KINDS)), ("data_type", DATA_TYPES)):
        named = [c for c in rest if c.name == role and all(v in allowed for v in c.values)]
        if named and role not in fixed:
            taken[role] = named


def unique(column: Column) -> bool:
    """Tell whether every row has a value of its own."""
    values = [str(value) for value in column.values if filled(value)]
    return len(values) == len(column.values) == len(set(values))
