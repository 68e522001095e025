"""Symbolic maths, for answers that look symbolic and that the cheap rules could not decide.

Math-Verify costs 0.5 to 20 ms a pair, 300 to 10,000 times the rules on rationals, is lenient
(3 cm is 3) and hangs on 9^9^9^9. So it sees only formulas, in a child process that is stopped at
the deadline; its own alarm works in no thread but the main one.
"""

import importlib.util
import re
from functools import lru_cache

from r1data.errors import MissingPackage
from r1data.grid.guard import GuardCrash, Guarded, GuardTimeout
from r1data.rewards.conclusion import BOX
from r1data.rewards.text import plain

# Polynomials take 0.02 s; what takes a hundred times as long does not end
DEADLINE = 2.0
LENGTH_LIMIT = 300

LOOKS_SYMBOLIC = re.compile(
    r"\\[A-Za-z]+|[√π∑∫∞≤≥±<>]|\d!|\^|\*\*|\bsqrt\b|\bpi\b|(?<![A-Za-z])[a-z]\s*[-+*/=]|[-+*/=]\s*[a-z](?![a-z])"
    r"|\d[a-z](?![A-Za-z])|^\s*[(\[{\\].*,.*[)\]}]\s*$"
)
# Towers, factorials and exponents of four digits: evaluating them is what never ends
TOO_BIG = re.compile(
    r"\^\s*[{(]?\s*[\w.]*\s*\^|\*\*\s*[\w.]+\s*\*\*|\d{3,}\s*[})]?\s*!|!\s*!|\)\s*!"
    r"|\d[eE][-+]?\d{4,}|\^\s*[{(]?\s*-?\d{4,}|\*\*\s*\d{4,}"
)
# Whatever else stands in a text makes it a sentence or rubbish, and Math-Verify finds something in
# both
NAMES = """sqrt frac dfrac tfrac left right infty theta alpha beta gamma lambda sigma cdot times div
    sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log exp lim sum prod int boxed cup
    cap geq leq neq binom begin end matrix pmatrix bmatrix cases text mathbb mathrm over"""
KNOWN = frozenset(NAMES.split())
WORD = re.compile(r"[A-Za-z]{3,}")
FORMULA = re.compile(r"[0-9A-Za-z\s+\-*/^=<>≤≥±(){}\[\],.|!_√π∑∫∞\\$%&':;~]+")

MARKED = re.compile(r"\$+([^$]+)\$+|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
# What stands before the formula that a sentence ends with.
LEAD = re.compile(r"\b(?:is|are|equals|be|so|therefore|thus|hence|gives|answer|:)\s*:?\s+")

GUARDED = Guarded("r1data.rewards.symbolic_child:equal", memory_mb=2048)


def looks_symbolic(text: str) -> bool:
    """Tell whether a text is more than a number or a word."""
    return LOOKS_SYMBOLIC.search(text) is not None


def is_formula(text: str) -> bool:
    """Tell whether a text has nothing but numbers, letters, operators and known names."""
    return FORMULA.fullmatch(text) is not None and KNOWN.issuperset(WORD.findall(text))


def formula_in(answer: str) -> str:
    """Return the formula of an answer: in its last box, between dollars, or where a sentence ends.

    "The area is $\\frac{\\pi}{4}$.", "so x = 3\\sqrt{2}"
    """
    boxes = BOX.findall(answer)
    if boxes:
        return boxes[-1][0] or boxes[-1][1]
    if is_formula(answer):
        return answer
    marked = MARKED.findall(answer)
    if marked:
        return next(filter(None, marked[-1]))
    return LEAD.split(answer.rstrip(" ."))[-1]


def judge_symbolic(truth: str, answer: str) -> tuple[float | None, str] | None:
    """Return a reward and a reason, or None where the pair is not for this rule.

    A pair that cannot be decided in time has no reward. Raises MissingPackage without Math-Verify.
    """
    truth, answer = plain(truth), formula_in(plain(answer))
    if max(len(truth), len(answer)) > LENGTH_LIMIT or not (
        is_formula(truth) and is_formula(answer)
    ):
        return None
    if not (looks_symbolic(truth) or looks_symbolic(answer)):
        return None
    if TOO_BIG.search(truth) or TOO_BIG.search(answer):
        return (0.0 if truth != answer else 1.0), "symbolic_too_big"
    return decided(truth, answer)


def decided(truth: str, answer: str) -> tuple[float | None, str] | None:
    """Ask the guarded child."""
    if importlib.util.find_spec("math_verify") is None:
        raise MissingPackage(
            "the preset 'canonical-math' needs Math-Verify: pip install 'r1data[math]'"
        )
    try:
        same = asked(truth, answer)
    except GuardTimeout:
        return None, "symbolic_timeout"
    except GuardCrash:
        return None, "symbolic_crash"
    if same is None:
        return None
    if same == "unread":
        return None, "unparsed_reference"
    return (1.0, "symbolic_equal") if same else (0.0, "symbolic_differs")


# A timeout is raised, so it is not remembered: a busy machine must not fix a verdict
@lru_cache(maxsize=1 << 14)
def asked(truth: str, answer: str) -> bool | str | None:
    """Ask the child once for each pair."""
    return GUARDED(truth, answer, deadline=DEADLINE)
