"""Where a table's options are, and which column is the key; what is unsure is refused."""

from collections.abc import Mapping, Sequence
from typing import Any

from r1data.answer_key import read_key
from r1data.errors import InputError, RowDrop
from r1data.labels import LETTERS
from r1data.options import Options, read_options
from r1data.sources import column_names as told_by
from r1data.sources.cells import filled
from r1data.sources.column_names import Column, filled_value
from r1data.sources.transforms import untag


def options(free: Sequence[Column], taken: dict[str, list[Column]]) -> None:
    """Find where a table's options are: in one column, or in a column each."""
    if "options" in taken:
        return
    groups = told_by.option_columns(free)
    whole = told_by.options_of(free)
    keys = told_by.of_words(free, told_by.KEY_WORDS, told_by.KEY_MORE)
    groups = [each for each in groups if len(each) > 2 or any(k not in each for k in keys)]
    groups = [g for g in groups if not (whole and g[0].name.startswith(f"{whole.name}."))]
    if whole and groups:
        names = ", ".join(column.name for column in groups[0])
        raise InputError(
            f"options may be in '{whole.name}', or in {names}: say which with --map "
            f"options={whole.name}"
        )
    if len(groups) > 1:
        shown = " or ".join("/".join(column.name for column in each) for each in groups)
        raise InputError(f"several columns may be options ({shown}): say which with --map options=")
    if whole or groups:
        taken["options"] = [whole] if whole else groups[0]


def wrong_options(
    rest: Sequence[Column], taken: dict[str, list[Column]], fixed: Mapping[str, Any]
) -> None:
    """Take the right answer and columns of wrong ones together as options."""
    wrong = told_by.wrong_columns(rest)
    if wrong and "options" not in taken and "options" not in fixed:
        taken["options"] = [*taken["ground_truth"], *wrong]


def refuse_hidden_options(
    rest: Sequence[Column], taken: Mapping[str, Sequence[Column]], mapping: Mapping[str, Any]
) -> None:
    """Raise InputError where answers are letters, or are in a list, and no options are taken."""
    if "options" in taken or "split_options" in mapping["problem"].get("then", ()):
        return
    key = taken["ground_truth"][0]
    given = [str(value).strip() for value in key.values if filled(value)]
    for column in rest:
        if told_by.lists(column, 0.5) and holds(column, key):
            raise InputError(
                f"the column '{column.name}' holds lists in which the answers are: if they are the "
                f"options, add --map options={column.name}; if not, add --map options="
            )
    among = [column for column in rest if any(said_in(column, key))]
    inside = [any(row) for row in zip(*(said_in(column, key) for column in among), strict=True)]
    if len(among) > 1 and 2 * sum(inside) > len(given):
        names = ",".join(column.name for column in among)
        raise InputError(
            f"the answers are in the columns {names} too: if these are the options, add --map "
            f"options={names} (and any others); if not, add --map options="
        )
    letters = [text for text in given if text.strip("().").upper() in LETTERS[:8]]
    if given and 2 * len(letters) > len(given):
        names = ", ".join(column.name for column in rest) or "none"
        raise InputError(
            f"the column '{key.name}' holds letters ({given[0]}), and no column looks like their "
            f"options (not used: {names}): name it with --map options=COLUMN, or several with "
            "commas"
        )


def said_in(column: Column, key: Column) -> list[bool]:
    """Tell of each row whether a column says the same as the key."""
    pairs = zip(column.values, key.values, strict=True)
    return [filled(b) and str(a).strip() == str(b).strip() for a, b in pairs]


def holds(column: Column, key: Column) -> bool:
    """Tell whether most answers are in the lists of a column."""
    pairs = [(texts(a), str(b).strip()) for a, b in zip(column.values, key.values, strict=True)]
    inside = [b in a for a, b in pairs if a and b]
    return bool(inside) and 2 * sum(inside) > len(inside)


def texts(value: Any) -> list[str]:
    """Return options as texts; none where they cannot be read."""
    try:
        return list(read_options(value).texts)
    except RowDrop:
        return []


def key_column(
    rest: Sequence[Column], options_: Sequence[Column], every: Sequence[Column]
) -> Column:
    """Return the column of answers; of several, one that the others agree with in every row."""
    return told_by.key_of(rest, every, lambda found: agreeing(found, options_))


def agreeing(found: Sequence[Column], options_: Sequence[Column]) -> Column | None:
    """Return the most telling of several answer columns; None where they differ in any row."""
    rows = range(len(found[0].values))
    lists = [texts_in_row(options_, row) for row in rows]
    meant = [[places(column.values[row], lists[row]) for row in rows] for column in found]
    for row in rows:
        sets = [each[row] for each in meant if each[row]]
        if sets and not set.intersection(*sets):
            return None
    return max(found, key=lambda column: (is_text(column), -found.index(column)))


def texts_in_row(options_: Sequence[Column], row: int) -> list[str]:
    """Return the texts of a row's options, in one column or in several."""
    if len(options_) == 1:
        return texts(options_[0].values[row])
    return [str(column.values[row]).strip() for column in options_ if filled(column.values[row])]


def places(value: Any, options_: Sequence[str]) -> set[str]:
    """Return the options that an answer may mean, where numbers count from 0 or from 1."""
    text = str(untag(value)).strip().rstrip(".").casefold() if filled_value(value) else ""
    listed = Options(tuple(options_))
    found = {key_place(untag(value), listed, first) for first in (0, 1)} if text else set()
    return found - {""} or {text} - {""}


def key_place(value: Any, options_: Options, first: int) -> str:
    """Return the number of the option that a key names; "" where it names none."""
    try:
        return str(read_key(value, options_, first))
    except RowDrop:
        return ""


def is_text(column: Column) -> bool:
    """Tell whether a column's answers are texts of more than a letter or a number."""
    return any(isinstance(v, str) and len(v) > 2 and not v.isdecimal() for v in column.values)
