"""When two numbers with their units are one value: exact, or within the truth's last decimal."""

from fractions import Fraction

from r1data.rewards.counted import same_noun
from r1data.rewards.quantity import Quantity
from r1data.rewards.units import PERCENT, Unit

# 0.33 for a third is a guess, 0.333 is a rounding
FRACTION_PLACES = 3
# Closed forms have 30 decimals
EXACT_DIGITS = 25


def compared(wanted: Quantity, given: Quantity) -> tuple[float, str]:
    """Return 1.0 or 0.0 for two numbers with their units, and the reason."""
    scored = (0.0, "unit_mismatch")
    for one, other, why in aligned(wanted, given):
        scored = compared_values(one, other, why)
        if scored[0]:
            break
    return scored


def compared_values(wanted: Quantity, given: Quantity, why: str = "") -> tuple[float, str]:
    """Return 1.0 or 0.0 for two numbers in one unit; `why` is the reason if they are equal."""
    left = given.numerator * wanted.denominator
    right = wanted.numerator * given.denominator
    if left == right or same_closed_form(wanted, given, left, right):
        return 1.0, why or "value_equal"
    last, reason = wanted.last, "rounds_to_reference"
    if wanted.fraction and given.last is not None and given.last <= -FRACTION_PLACES:
        last, reason = given.last, "rounds_fraction"
    if last is not None and within_half(
        abs(left - right), wanted.denominator * given.denominator, last
    ):
        return 1.0, why or reason
    return 0.0, "value_differs"


def same_closed_form(wanted: Quantity, given: Quantity, left: int, right: int) -> bool:
    """Tell whether two numbers differ in no digit of a closed form: pi/2 radians are 90 degrees."""
    inexact = wanted.fraction or given.fraction
    return inexact and abs(left - right) * 10**EXACT_DIGITS < abs(right)


def aligned(wanted: Quantity, given: Quantity) -> list[tuple[Quantity, Quantity, str]]:
    """Return both numbers in one unit, for each meaning that their units can share.

    An empty list means that they measure different things.
    """
    one, other = wanted.unit, given.unit
    if wanted.counted and given.counted and not same_noun(wanted.counted, given.counted):
        return []
    if one is None and other is None:
        return [(wanted, given, "")]
    if one is None or other is None:
        return with_one_unit(wanted, given)
    pairs: list[tuple[Quantity, Quantity, str]] = []
    for theirs in (one, *one.others):
        for ours in (other, *other.others):
            if theirs.dimension == ours.dimension:
                pairs.append((wanted, converted(given, ours, theirs), ""))
    return pairs


def with_one_unit(wanted: Quantity, given: Quantity) -> list[tuple[Quantity, Quantity, str]]:
    """Return a number with a unit and one without: the unit may be left out, another noun not."""
    unit = wanted.unit or given.unit
    counted = given.counted if given.unit is None else wanted.counted
    if counted or (unit is not None and not unit.bare):
        return []
    if unit == PERCENT:
        return [one_percent_sign(wanted, given)]
    return [(wanted, given, "")]


def converted(quantity: Quantity, unit: Unit, into: Unit) -> Quantity:
    """Return a quantity in another unit of its dimension."""
    if unit.factor == into.factor and unit.zero == into.zero:
        return quantity
    moved = times(quantity, unit.factor / into.factor)
    shift = (unit.zero - into.zero) / into.factor
    if not shift:
        return moved
    return moved._replace(
        numerator=moved.numerator * shift.denominator + shift.numerator * moved.denominator,
        denominator=moved.denominator * shift.denominator,
    )


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


def one_percent_sign(wanted: Quantity, given: Quantity) -> tuple[Quantity, Quantity, str]:
    """Read a number where one side alone has a percent sign: 50% is 0.5, or 50 without its sign.

    Up to 1 a forgotten sign cannot be told from a share (0.5 and 0.5%), so there only the share is
    read; above 1 the reading that comes nearer counts.
    """
    if wanted.unit == PERCENT:
        share = times(given, Fraction(100))
        share = share._replace(last=None if given.last is None else given.last + 2)
    else:
        share = times(given, Fraction(1, 100))
        share = share._replace(last=None if given.last is None else given.last - 2)
    if abs(wanted.numerator) <= wanted.denominator or nearer(wanted, share, given):
        return wanted, share, ""
    return wanted, given, "percent_sign_missing"


def nearer(wanted: Quantity, one: Quantity, other: Quantity) -> bool:
    """Tell whether the first of two numbers is nearer to the wanted one."""
    return distance(wanted, one) < distance(wanted, other)


def distance(wanted: Quantity, given: Quantity) -> Fraction:
    """Return how far apart two numbers are, as a rational."""
    wanted_value = Fraction(wanted.numerator, wanted.denominator)
    return abs(wanted_value - Fraction(given.numerator, given.denominator))
