"""Regression answers: one minus the relative error, exact where the truth is hit or zero."""

from r1data.rewards.comparison import aligned
from r1data.rewards.numerical import read_number
from r1data.rewards.quantity import PLAIN, Quantity, quick


def judge_regression(truth: str, answer: str) -> tuple[float | None, str]:
    """Return 1 - |answer - truth| / |truth| cut at 0, or None where the truth is no number.

    To a truth of zero no error is relative; there the absolute error counts.
    """
    if answer == truth and PLAIN.fullmatch(truth):
        return 1.0, "exact"
    wanted, given = quick(truth), quick(answer)
    if wanted is not None and given is not None:
        return closeness(wanted, given)
    wanted = wanted or read_number(truth).quantity
    if wanted is None:
        return None, "unparsed_reference"
    if given is None:
        given, why = read_number(answer)
        if given is None:
            return 0.0, why
    scored = [closeness(one, other) for one, other, _ in aligned(wanted, given)]
    return max(scored, default=(0.0, "unit_mismatch"))


def closeness(wanted: Quantity, given: Quantity) -> tuple[float, str]:
    """Return the reward of two numbers of one unit; integers divide without overflow."""
    left = given.numerator * wanted.denominator
    right = wanted.numerator * given.denominator
    gap = abs(left - right)
    if not gap:
        return 1.0, "value_equal"
    size, why = abs(right), "relative"
    if not size:
        size, why = wanted.denominator * given.denominator, "zero_reference_absolute"
    if gap >= size:
        return 0.0, why
    return 1 - gap / size, why
