"""Symbolic equality by Math-Verify. Imported only in the guarded child: it may hang.

Math-Verify takes x for X, an equation for its right side and an open interval for a set. What it
calls equal is checked: the same kind of object, the same letters, the same values at points.
"""

import logging
import re
from typing import Any

import sympy
from math_verify import parse, verify

# Math-Verify warns on every call that its alarm is off; the guard is what stops it here
logging.getLogger("math_verify").setLevel(logging.ERROR)

# Digits that a difference is computed to, and the most that it takes to cancel large numbers
DIGITS, HIGHEST = 60, 2000
# Exact forms agree to 30 places, decimals to the 6 that Math-Verify rounds to
EXACT, ROUNDED = 1e-30, 1e-6
# Fractions that no formula has by chance; the last two points tell sqrt(x^2) from x
POINTS = ((7, 11), (23, 9), (-13, 7), (-5, 17))
LETTERS = re.compile(r"\\[A-Za-z]+|[A-Za-z]+")


def equal(truth: str, answer: str) -> bool | str | None:
    """Tell whether two expressions are equal; None where the answer cannot be read.

    "unread" says that the truth cannot be read.
    """
    wanted, given = read(truth), read(answer)
    # what Math-Verify cannot read it returns as a text
    if not wanted or isinstance(wanted[0], str):
        return True if truth == answer else "unread"
    if not given or isinstance(given[0], str):
        return None
    exact = is_exact(wanted[0]) and is_exact(given[0])
    if not exact and not verify(wanted, given, timeout_seconds=0):
        return False
    return same_case(truth, answer) and confirmed(wanted[0], given[0])


def is_exact(found: Any) -> bool:
    """Tell whether a formula is an expression without decimals: its values alone decide."""
    return isinstance(found, sympy.Expr) and not found.has(sympy.Float)


def read(text: str) -> list:
    """Return what Math-Verify finds in a formula, in dollar signs if it has none."""
    dressed = text if "$" in text or "\\boxed" in text else f"${text}$"
    return parse(dressed, parsing_timeout=0)


def same_case(truth: str, answer: str) -> bool:
    """Tell whether two formulas write their variables in the same case: r is not R."""
    one, other = ({w for w in LETTERS.findall(text) if len(w) == 1} for text in (truth, answer))
    lower = {letter.lower() for letter in one} & {letter.lower() for letter in other}
    return all((letter in one) == (letter in other) for each in lower for letter in case_of(each))


def case_of(letter: str) -> tuple[str, str]:
    """Return a letter in both cases."""
    return letter, letter.upper()


def confirmed(wanted: Any, given: Any) -> bool:
    """Check what Math-Verify calls equal."""
    wanted, given = stated(wanted), stated(given)
    if kind_of(wanted) != kind_of(given):
        # x >= 2 is [2, oo): Math-Verify solves the one for the other
        return {kind_of(wanted), kind_of(given)} == {"inequality", "interval"}
    if kind_of(wanted) == "expression":
        return same_value(wanted, given)
    if kind_of(wanted) == "equation":
        return same_equation(wanted, given)
    if kind_of(wanted) in ("set", "tuple", "matrix"):
        return same_parts(list(wanted), list(given), kind_of(wanted) == "set")
    return True


def stated(found: Any) -> Any:
    """Return the value that an equation states: x = 5 is 5, and y = 2x stays an equation."""
    if not isinstance(found, sympy.Eq) or not found.lhs.is_Symbol or found.rhs.free_symbols:
        return found
    return found.rhs


def kind_of(found: Any) -> str:
    """Return what kind of object a formula is."""
    if isinstance(found, sympy.Eq):
        return "equation"
    if isinstance(found, sympy.core.relational.Relational):
        return "inequality"
    if isinstance(found, sympy.FiniteSet):
        return "set"
    if isinstance(found, sympy.Set):
        return "interval"
    if isinstance(found, sympy.MatrixBase):
        return "matrix"
    return "tuple" if isinstance(found, sympy.Tuple | tuple | list) else "expression"


def same_equation(wanted: Any, given: Any) -> bool:
    """Tell whether two equations have the same sides, in either order or with all on one side."""
    one, other = wanted.lhs - wanted.rhs, given.lhs - given.rhs
    return same_value(one, other) or same_value(one, -other)


def same_parts(wanted: list, given: list, unordered: bool) -> bool:
    """Tell whether two collections have equal parts, one for one."""
    if len(wanted) != len(given):
        return False
    if not unordered:
        return all(same_value(one, other) for one, other in zip(wanted, given, strict=True))
    return all(any(same_value(one, other) for other in given) for one in wanted)


def same_value(wanted: Any, given: Any) -> bool:
    """Tell whether two expressions have the same letters, and the same values at all points."""
    names = {symbol.name for symbol in wanted.free_symbols}
    if names != {symbol.name for symbol in given.free_symbols}:
        return False
    if not names:
        return close(wanted, given)
    found = [at_point(wanted, given, *point) for point in POINTS]
    known = [each for each in found if each is not None]
    return len(known) > 1 and all(known)


def at_point(wanted: Any, given: Any, top: int, under: int) -> bool | None:
    """Compare two expressions at one point; None where one has no value there."""
    names = sorted(symbol.name for symbol in wanted.free_symbols)
    values = {name: sympy.Rational(top + 2 * at, under) for at, name in enumerate(names)}
    one, other = (
        each.subs({symbol: values[symbol.name] for symbol in each.free_symbols})
        for each in (wanted, given)
    )
    if one.has(sympy.nan, sympy.zoo) or other.has(sympy.nan, sympy.zoo):
        return None
    return close(one, other)


def close(one: Any, other: Any) -> bool:
    """Tell whether two numbers are equal; only decimals may be rounded."""
    if one == other:
        return True
    gap = sympy.N(one - other, DIGITS, maxn=HIGHEST)
    if not gap.is_number or gap.has(sympy.nan, sympy.zoo, sympy.oo):
        return False
    rounded = one.has(sympy.Float) or other.has(sympy.Float)
    allowed = ROUNDED * max(1.0, abs(complex(sympy.N(one)))) if rounded else EXACT
    return abs(complex(gap)) <= allowed


# The first parse loads the grammar, for most of a second; here that counts as starting the child
equal("x^2+1", "1+x^2")
