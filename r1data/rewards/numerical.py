"""Numerical answers: exact rationals, equal within half a unit of the truth's last decimal."""

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from r1data.rewards.quantity import (
    PLAIN,
    TEXT_LIMIT,
    Quantity,
    numbers_in,
    plain_quantity,
    quick,
    simplified,
)
from r1data.rewards.units import CLOCK, PERCENT

ANSWER_IS = re.compile(
    r"\b(?:final answer|answer|result|solution)\b\s*(?:is|was|=|:|would be|should be|equals)+\s*:?",
    re.IGNORECASE,
)
BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\}|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")
EQUALS = re.compile(r"(?<![<>!=])[=≈]")

# "at least 5" is no 5: a bound, a range or a denial is refused, whatever number stands in it.
HEDGE = re.compile(
    r"(?:\b(?:(?:more|less|fewer|greater|larger|smaller|higher|lower|other|longer|shorter|older"
    r"|younger|better|rather) than|at least|at most|over|under|up to|no more|no less|between|below"
    r"|above|until|nearly|almost|not|isn't|never|without|neither|or|nor|maybe either)"
    r"|[<>≤≥≠±!])\s*(?:or equal to\s*)?[-+]?[$€£¥₹]?\s*\.?\d",
    re.IGNORECASE,
)
DENIAL = re.compile(
    r"\b(?:no|none|not|never|nobody|nothing|neither|cannot|unknown|unclear)\b|n't\b", re.IGNORECASE
)
NAN = re.compile(r"[-+]?\s*(?:nan|inf|infinity|∞|\\infty)\W*", re.IGNORECASE)

# A root, a power, a variable: what stands beside the digits changes the value.
EXPRESSION = re.compile(
    r"\\(?:sqrt|pi|log|ln|sin|cos|tan|sum|int|prod|lim|infty|theta|alpha|beta|pm)|[√π∑∫∞θ]"
    r"|(?<!m)\^|\d!|\b(?:sqrt|pi|log|ln)\b|\d(?![eE][-+]?\d)(?:(?![mglshkLMKCFVWANJTB])[^\W\d_]|\s?[xyz])(?![^\W_]|\.?\s?m\b)"
    r"|(?<![^\W_])[xyz]\s*[-+*/]|[-+*/]\s*[xyz](?![^\W_])"
)

# 0.33 for a third is a guess, 0.333 is a rounding
FRACTION_PLACES = 3


class Read(NamedTuple):
    """The number of a text, or None and why not."""

    quantity: Quantity | None
    why: str


@lru_cache(maxsize=1 << 15)
def read_number(text: str) -> Read:
    """Return the one number that a text states."""
    exact = quick(text) or plain_quantity(text)
    if exact is not None:
        return Read(exact, "")
    if len(text) > TEXT_LIMIT:
        return Read(None, "too_long")
    if NAN.fullmatch(text):
        return Read(None, "not_finite")
    boxed = BOXED.findall(text)
    plain = simplified(boxed[-1] if boxed else text)
    return stated(plain)


def stated(text: str) -> Read:
    """Read a simplified text: after "the answer is" or the last "=", else its only number."""
    marks = list(ANSWER_IS.finditer(text))
    if marks:
        text = text[marks[-1].end() :]
    parts = EQUALS.split(text)
    if len(parts) > 1 and any(numbers_in(parts[-1])):
        text = parts[-1]
    if HEDGE.search(text):
        return Read(None, "hedged")
    if EXPRESSION.search(text):
        return Read(None, "expression")
    found = numbers_in(text)
    if not found or None in found:
        return Read(None, "unparsed_number")
    distinct = {identity(quantity) for quantity in found if quantity is not None}
    if len(distinct) > 1:
        return Read(None, "several_numbers")
    if DENIAL.search(text):
        return Read(None, "denied")
    return Read(found[-1], "")


def identity(quantity: Quantity) -> tuple[Fraction, str]:
    """Return value and dimension in base units; a percentage equals its fraction."""
    value = Fraction(quantity.numerator, quantity.denominator)
    if quantity.unit is None or quantity.unit == PERCENT:
        return value / (100 if quantity.unit else 1), ""
    return value * quantity.unit.factor, quantity.unit.dimension


def judge_numerical(truth: str, answer: str) -> tuple[float | None, str]:
    """Return 1.0 or 0.0, or None where the truth is no number, and the reason."""
    if answer == truth and PLAIN.fullmatch(truth):
        return 1.0, "exact"
    wanted = quick(truth) or read_number(truth).quantity
    if wanted is None:
        return None, "unparsed_reference"
    given = quick(answer)
    if given is None:
        given, why = read_number(answer)
        if given is None:
            return 0.0, why
    return compared(wanted, given)


def compared(wanted: Quantity, given: Quantity) -> tuple[float, str]:
    """Return 1.0 or 0.0 for two numbers with their units, and the reason."""
    given, why = in_unit_of(wanted, given)
    if why == "unit_mismatch":
        return 0.0, why
    left = given.numerator * wanted.denominator
    right = wanted.numerator * given.denominator
    if left == right:
        return 1.0, why or "value_equal"
    last, reason = wanted.last, "rounds_to_reference"
    if wanted.fraction and given.last is not None and given.last <= -FRACTION_PLACES:
        last, reason = given.last, "rounds_fraction"
    if last is not None and within_half(
        abs(left - right), wanted.denominator * given.denominator, last
    ):
        return 1.0, why or reason
    return 0.0, "value_differs"


def in_unit_of(wanted: Quantity, given: Quantity) -> tuple[Quantity, str]:
    """Return the given quantity in the unit of the wanted one, or "unit_mismatch"."""
    if wanted.unit is given.unit:
        return given, ""
    if wanted.unit is not None and given.unit is not None:
        if wanted.unit.dimension != given.unit.dimension:
            return given, "unit_mismatch"
        return times(given, given.unit.factor / wanted.unit.factor), ""
    if wanted.unit is PERCENT or given.unit is PERCENT:
        return one_percent_sign(wanted, given)
    if wanted.unit is CLOCK or given.unit is CLOCK:
        return given, "unit_mismatch"
    return given, ""


def within_half(gap: int, scale: int, last: int) -> bool:
    """Tell whether gap/scale is at most half of 10**last."""
    if last >= 0:
        return 2 * gap <= scale * 10**last
    return 2 * gap * 10**-last <= scale


def times(quantity: Quantity, factor: Fraction) -> Quantity:
    """Return the quantity multiplied by a factor."""
    return quantity._replace(
        numerator=quantity.numerator * factor.numerator,
        denominator=quantity.denominator * factor.denominator,
    )


def one_percent_sign(wanted: Quantity, given: Quantity) -> tuple[Quantity, str]:
    """Read a number where one side alone has a percent sign: 50% is 0.5, or 50 without its sign.

    Up to 1 a forgotten sign cannot be told from a share (0.5 and 0.5%), so there only the share is
    read; above 1 the reading that comes nearer counts.
    """
    if wanted.unit is PERCENT:
        share = times(given, Fraction(100))
        share = share._replace(last=None if given.last is None else given.last + 2)
    else:
        share = times(given, Fraction(1, 100))
        share = share._replace(last=None if given.last is None else given.last - 2)
    if abs(wanted.numerator) <= wanted.denominator or nearer(wanted, share, given):
        return share, ""
    return given, "percent_sign_missing"


def nearer(wanted: Quantity, one: Quantity, other: Quantity) -> bool:
    """Tell whether the first of two numbers is nearer to the wanted one."""
    return distance(wanted, one) < distance(wanted, other)


def distance(wanted: Quantity, given: Quantity) -> Fraction:
    """Return how far apart two numbers are, as a rational."""
    wanted_value = Fraction(wanted.numerator, wanted.denominator)
    return abs(wanted_value - Fraction(given.numerator, given.denominator))
