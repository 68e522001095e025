"""Intervals: "5-10 s", "from 0:05 to 0:10", "between 5 and 10", "[5, 10]"."""

import re
from functools import lru_cache
from typing import NamedTuple

from r1data.rewards.comparison import compared
from r1data.rewards.notation import simplified
from r1data.rewards.quantity import MASK, TEXT_LIMIT, Quantity, scan

DENIAL = re.compile(
    rf"\b(?:no(?!\.\s?{MASK})|none|not|never|nobody|nothing|neither|cannot|unknown|unclear|wrong"
    r"|incorrect)\b|n't\b",
    re.IGNORECASE,
)
PLACE = rf"\s*(?:{MASK}|[A-Za-z])\s*"
PAIR = re.compile(rf"[(\[{{⦃]{PLACE}(?:[,;]{PLACE})+[)\]}}⦄]")


class Interval(NamedTuple):
    """Two ends; `brackets` are "[]", "()", "[)" or "(]" where they are written, else empty.

    `alone` tells that the text has no other words.
    """

    start: Quantity
    end: Quantity
    brackets: str
    alone: bool


BETWEEN = re.compile(
    rf"(?P<open>[\[(])\s*{MASK}\s*[,;]\s*{MASK}\s*(?P<close>[\])])"
    rf"|{MASK}\s?(?:-{{1,3}}|~|\.{{2,3}}|…|→|->|to|through|until|till)\s?(?:the\s)?{MASK}"
    rf"|\b(?:from|between)\s(?:the\s)?{MASK}\s?(?:to|and|until|till|through|-)\s?(?:the\s)?{MASK}",
    re.IGNORECASE,
)


@lru_cache(maxsize=1 << 12)
def read_interval(text: str) -> Interval | None:
    """Return the only interval that a text states, or None where there is none or more."""
    if len(text) > TEXT_LIMIT:
        return None
    found, masked = scan(simplified(text))
    matches = list(BETWEEN.finditer(masked))
    if len(found) != 2 or len(matches) != 1 or DENIAL.search(masked):
        return None
    start, end = found
    if start is None or end is None:
        return None
    start, end = with_unit_of(start, end), with_unit_of(end, start)
    brackets = (matches[0]["open"] or "") + (matches[0]["close"] or "")
    ordered = compared(start, end)[1] == "value_differs" and below(start, end)
    alone = len(masked.strip(" .")) == len(matches[0][0].strip())
    return Interval(start, end, brackets, alone) if ordered else None


def with_unit_of(quantity: Quantity, other: Quantity) -> Quantity:
    """Return a quantity that takes its unit from the other end: 5-10 s."""
    bare = quantity.unit is None and not quantity.counted
    return quantity._replace(unit=other.unit, counted=other.counted) if bare else quantity


def below(start: Quantity, end: Quantity) -> bool:
    """Tell whether an interval runs forward; 10-5 is a score or a difference."""
    factor, other = (1 if each.unit is None else each.unit.factor for each in (start, end))
    return start.numerator * end.denominator * factor < end.numerator * start.denominator * other


def judge_interval(truth: str, answer: str) -> tuple[float, str] | None:
    """Return 1.0 or 0.0 and the reason, or None where the truth is no interval.

    Both ends must be equal as numbers are: within half a unit of the truth's last decimal.
    """
    wanted = read_interval(truth)
    if wanted is None or not wanted.alone:
        return None
    given = read_interval(answer)
    if given is None:
        return 0.0, "unparsed_interval"
    if wanted.brackets and given.brackets and wanted.brackets != given.brackets:
        return 0.0, "interval_differs"
    ends = zip(wanted[:2], given[:2], strict=True)
    same = all(compared(one, other)[0] for one, other in ends)
    return (1.0, "interval_equal") if same else (0.0, "interval_differs")
