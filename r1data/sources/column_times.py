"""Which columns of a table say a part of a clip: its start and end, or both in one."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from r1data.errors import InputError, RowDrop
from r1data.sources import column_names as told_by
from r1data.sources.cells import filled
from r1data.sources.column_names import Column, filled_value
from r1data.sources.mapping import seconds_of
from r1data.sources.transforms import span

# "2026-11-20", "2026/11/20 9:12:44 AM", "20.11.2026 09:12", "11/20/26 9:12".
DATE = re.compile(r"\s*(?:\d{4}([-/.])\d\d?\1\d\d?|\d\d?([-/.])\d\d?\2(?:\d\d){1,2})(?!\d)")


def times(rest: Sequence[Column], taken: dict[str, list[Column]]) -> dict[str, Any]:
    """Find the columns of a part's start and end, and return their rules."""
    if "start" in taken or "end" in taken:
        return {}
    rest = [column for column in rest if not all(map(is_date, filter(filled, column.values)))]
    odd: list[Column] = []
    for role, names in (("start", told_by.START_NAMES), ("end", told_by.END_NAMES)):
        found = told_by.named(rest, names)
        right = [column for column in found if mostly(is_time, column)]
        if right:
            taken[role] = right[:1]
        odd += [column for column in found if role in column.words and not right]
    spans = [
        column for column in told_by.named(rest, told_by.SPAN_NAMES) if mostly(is_span, column)
    ]
    if spans and not {"start", "end"} & set(taken):
        taken["start"] = taken["end"] = spans[:1]
        name = spans[0].name
        return {
            "start": {"field": name, "then": ["span_start"]},
            "end": {"field": name, "then": ["span_end"]},
        }
    odd += [c for c in told_by.named(rest, told_by.SPAN_NAMES) if looks_like_span(c)]
    if "start" in taken and "end" not in taken:
        odd += [c for c in rest if {"duration", "length"} & set(c.words)]
    unsure = odd + [c for c in rest if is_part(c) and not any(c in each for each in taken.values())]
    if unsure:
        names = " and ".join(f"'{column.name}'" for column in unsure)
        raise InputError(
            f"{names} may say which part of a clip is meant, and are no times in seconds: write "
            "them as seconds or mm:ss, or leave them out with --map start="
        )
    return {}


def mostly(test: Callable[[Any], bool], column: Column) -> bool:
    """Tell whether most values of a column pass a test; a row with another one falls by itself."""
    passed = [test(value) for value in column.values if filled_value(value)]
    return 2 * sum(passed) > len(passed)


def is_time(value: Any) -> bool:
    """Tell whether a value is a time."""
    try:
        return seconds_of("start", value) is not None
    except RowDrop:
        return False


def is_span(value: Any) -> bool:
    """Tell whether a value is two times."""
    first, last = span(value)
    return first is not last and is_time(first) and is_time(last)


def is_date(value: Any) -> bool:
    """Tell whether a value is a day, as forms write when a row was made: no part of a clip."""
    return DATE.match(str(value)) is not None


def looks_like_span(column: Column) -> bool:
    """Tell whether a column that no rule reads holds figures with a sign between them."""
    return any(re.search(r"\d\s*[-–:,]\s*\d", str(v)) for v in column.values if filled_value(v))


def is_part(column: Column) -> bool:
    """Tell whether a column's name says that it is a part's first or last frame."""
    ends = {"start", "end", "begin", "stop"} & set(column.words)
    return bool(ends) and bool({"frame", "ms", "msec", "idx", "index"} & set(column.words))
