"""Symbolic equality by Math-Verify. Imported only in the guarded child: it may hang."""

import logging

from math_verify import parse, verify

# Math-Verify warns on every call that its alarm is off; the guard is what stops it here
logging.getLogger("math_verify").setLevel(logging.ERROR)


def equal(truth: str, answer: str) -> bool | None:
    """Tell whether two expressions are equal, or None where one of them cannot be read."""
    wanted, given = read(truth), read(answer)
    if not wanted or not given:
        return None
    return bool(verify(wanted, given, timeout_seconds=0))


def read(text: str) -> list:
    """Return what Math-Verify finds in a formula, in dollar signs if it has none."""
    dressed = text if "$" in text or "\\boxed" in text else f"${text}$"
    return parse(dressed, parsing_timeout=0)


# The first parse loads the grammar, for most of a second; here that counts as starting the child
equal("x^2+1", "1+x^2")
