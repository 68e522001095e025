"""Numerical answers: the one number, or interval, that an answer states."""

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from r1data.rewards.comparison import compared, compared_values
from r1data.rewards.interval import DENIAL, PAIR, judge_interval
from r1data.rewards.notation import simplified
from r1data.rewards.quantity import (
    MASK,
    PLAIN,
    TEXT_LIMIT,
    Quantity,
    plain_quantity,
    quick,
    scan,
)
from r1data.rewards.units import PERCENT

ANSWER_IS = re.compile(
    r"\b(?:answer|result|solution)\b(?:\s(?:to|of|for)\s[^.:=\n]{1,80}?)?"
    r"\s*(?:is|was|=|:|(?:would|should|must) be|equals)+\s*:?|####"
    r"|^[#* ]*(?:final )?answer[#* ]*$",
    re.IGNORECASE | re.MULTILINE,
)
# "The answer is 5, because 2 + 3 = 5": what explains the answer is not it
EXPLAINS = re.compile(r",?\s(?:because|since|as|which|where|so)\b|[.;!?](?:\s|$)|\n", re.IGNORECASE)
BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\}|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")
BOXES_IN_A_ROW = re.compile(r"[\s$,;.]*(?:(?:and|or)\b)?[\s$]*(?:\w{1,3}\s?=\s?)?[\s$]*")
# 2**9 is a power, and no 29 in bold
STARS = re.compile(r"(?<=\d)\*\*(?=[-\d(])")
BOLD = re.compile(r"\*\*([^*\n]{1,60})\*\*(?!(?<=[.)]\*\*)\s\w)")
BOLD_NUMBER = re.compile(
    r"(?:\w{1,3}\s?=\s?)?[-+$€£]?\d+(?:[.,/]\d+)*(?:\s?[%°]|\s?[^\W\d_]{1,15})?\.?"
)
FENCE = re.compile(r"```(?:[A-Za-z]*\n)?(.*?)```", re.DOTALL)
SENTENCES = re.compile(r"(?<=[.!?])\s+|\n+")
CONCLUDES = re.compile(
    r"[\W_]*(?:so|thus|therefore|hence|consequently|overall|altogether|finally"
    r"|in (?:total|all|conclusion|summary))\b",
    re.IGNORECASE,
)
EQUALS = re.compile(r"(?<![<>!=])[=≈]")
CODE = re.compile(
    r"^\s*(?:return|print|import|assert)\s+\S+\s*$|^\s*def\s|\breturn\s[^\s;]+;"
    r"|^\s*(?:for\s\w+\sin|while|if|elif)\s[^\n]*[<>=(][^\n]*:|#include|\blambda\b"
    r"|^\s*(?:int|let|var|const|float|double|auto|long)\s+\w+\s*=|\w\s*=[^;\n]*;\s*$|==|\+=|:="
    r"|\b(?:print|printf|println|range|len|log|int|float|str|input)\s*\((?!.*=)|\w\s*=\s*[\[{]"
    r"|\bfor\s+\w+\s+in\s+\w+\(|(?<![\w\\])[A-Za-z_]\w*\[\d+\]",
    re.MULTILINE,
)
NAN = re.compile(r"[-+]?\s*(?:nan|inf|infinity|∞|\\infty)\W*", re.IGNORECASE)

# Below, every number of the text is NUM
NUM = MASK
THAN = (
    "more|less|fewer|greater|larger|smaller|higher|lower|longer|shorter|older|younger|better|worse"
    "|earlier|later|heavier|lighter|faster|slower|bigger"
)
SIDE = r"(?:[<>≤≥]=?|\\(?:leq?|geq?|lt|gt)(?:slant)?\b)"
BOUND = re.compile(
    rf"(?:\b(?:(?:{THAN}) (?:than|or equal(?: to)?)"
    r"|at (?:an? |the )?(?:very )?(?:least|most|minimum|maximum)"
    r"|(?:minimum|maximum|min|max|limit|bound) of|over|under|up to|upwards? of|above|below|beyond"
    r"|exceed(?:s|ing)?|until|within|nearly|almost|not quite|max|min|maximum|minimum"
    r"|as (?:many|few|much|little) as|in excess of|capped at|limited to|at (?:best|worst))\b"
    rf"|(?<![-=]){SIDE})\s*(?:(?:or equal to|about|around|the|an?|of)\s*)?\(?{NUM}"
    rf"|{NUM}\s*{SIDE}|{NUM}\s?\+(?!\s?[{NUM}(\\]|\w)"
    rf"|{NUM},?\s?(?:or|and|maybe|perhaps|possibly|if not)(?: even| maybe| perhaps| possibly)?"
    rf" (?:{THAN}|above|below|over|under|up|beyond)\b"
    rf"|{NUM}[\s-]?(?:plus|upwards?|tops"
    r"|(?:at )?(?:an? |the )?(?:minimum|maximum|min|max|least|most))\b(?!\s?\w)",
    re.IGNORECASE,
)
HEDGE = re.compile(
    r"\b(?:(?:other|rather) than|except|excluding|(?:different|apart) from|unequal to|not|isn't"
    r"|(?:all|any\w*|every\w*)(?:\s\w{1,20})?\sbut|never|without|neither|or|nor|between|somewhere"
    r"|either)\b"
    rf"(?:\s(?:around|about|exactly|near|equal to|even))?\s*{NUM}|(?:[±≠!]|\\(?:pm|neq?))\s*{NUM}"
    rf"|{NUM}\s?(?:-{{1,3}}|~|…|\.{{2,3}}|to|or|nor|±|\\pm)\s?{NUM}"
    rf"|{NUM}(?:\s?or (?:so|thereabouts)|-?ish|[\s-](?:odd|something)|,?\sgive or take"
    r"|\sand counting)\b",
    re.IGNORECASE,
)
# "x = 3, y = 4", "(3, 4)"
STATEMENTS = re.compile(
    rf"\s*[^{NUM}=,;\s]{{1,12}}\s?=\s?{NUM}"
    rf"(?:\s?(?:[,;\n]|\band\b){{1,2}}\s?[^{NUM}=,;\s]{{1,12}}\s?=\s?{NUM})+\W*"
)
ENDS_IN_TWO = re.compile(rf"{NUM},?\s?(?:\b(?:or|and)\b|;)\s?[^{NUM}\s]{{1,12}}\s?=\s?{NUM}\W*$")
# A root, a power, a variable: what is beside the number changes the value
EXPRESSION = re.compile(
    rf"\\(?:sqrt|pi|log|ln|sin|cos|tan|sum|int|prod|lim|infty|theta|alpha|beta)|[√π∑∫∞θ^]|{NUM}!"
    rf"|\b(?:sqrt|pi|log|ln)\b|{NUM}[^\W\d_]{{1,2}}(?![^\W_])|{NUM}\s?[xyz](?![^\W_])"
    r"|(?<![^\W_])[xyz]\s*[-+*/]|[-+*/]\s*[xyz](?![^\W_])"
    rf"|(?<![^\W_])[b-hj-z]\s?[-+*/]\s?{NUM}|{NUM}\s?[-+*·×]\s?[b-hj-z](?![^\W_])"
    rf"|{NUM}\s(?:squared|cubed|factorial)\b|(?:root of|twice|double|triple|half of) {NUM}|{NUM}_"
    rf"|(?:[^\W\d_]|-)\({NUM}\)"
)
# What stands left of an equals sign and is neither a name nor made of numbers: x + 2, 2x, x^2
UNSOLVED = re.compile(
    rf"(?<![^\W_])[A-Za-z](?:_\w)?\s*[-+*/^·×]|[-+*/^·×]\s*[A-Za-z](?![^\W_])|{NUM}\s?[A-Za-z](?![^\W_])"
    r"|(?:sqrt|√)\W{0,2}[A-Za-z](?![^\W_])|\|[^|]*[A-Za-z]"
)
PROSE = re.compile(r"(?<![^\W_])(?<!\\)[A-Za-z]{2,}")
CROSS = re.compile(rf"(?<={NUM})\s?x\s?(?={NUM})")
CLAUSE = re.compile(r"[.;:\n]\s|,\s|\b(?:so|thus|that|then|and|gives|is|have)\s")


REFUSED = (
    (PAIR, "several_values"),
    (BOUND, "bound"),
    (HEDGE, "hedged"),
    (EXPRESSION, "expression"),
)


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
    if NAN.fullmatch(text):
        return Read(None, "not_finite")
    end = STARS.sub("^", text[-TEXT_LIMIT:])
    boxes = list(BOXED.finditer(end))
    if boxes:
        return boxed(end, boxes)
    if "```" in end:
        end = FENCE.sub(lambda fence: fence[1] if plain_quantity(fence[1].strip()) else " ", end)
        if not end.strip():
            return Read(None, "code")
    marked = ANSWER_IS.search(end) is not None
    if len(text) > TEXT_LIMIT and not marked:
        return Read(None, "too_long")
    if CODE.search(concluded(end) if marked else end):
        return Read(None, "code")
    bold = BOLD.findall(end)
    if bold and not marked and BOLD_NUMBER.fullmatch(bold[-1].strip()):
        return stated(simplified(bold[-1]))
    return stated(simplified(end))


def boxed(text: str, boxes: list[re.Match[str]]) -> Read:
    """Read the last box; boxes in a row are several answers."""
    last = boxes[-1]
    for before in boxes[-2:-1]:
        row = BOXES_IN_A_ROW.fullmatch(text, before.end(), last.start())
        if row and before[1] != last[1]:
            return Read(None, "several_values")
    return stated(simplified(last[1]))


def stated(text: str) -> Read:
    """Read a simplified text: after "the answer is" or the last "=", else its only number."""
    found, masked = solved(*scan(concluded(text)))
    if found is None:
        return Read(None, masked)
    for rule, why in REFUSED:
        if rule.search(masked):
            return Read(None, why)
    if not found or None in found:
        return Read(None, "unparsed_number")
    quantities = [quantity for quantity in found if quantity is not None]
    if len({identity(quantity) for quantity in quantities}) > 1:
        return Read(None, "several_numbers")
    if DENIAL.search(masked):
        return Read(None, "denied")
    return Read(quantities[-1], "")


def concluded(text: str) -> str:
    """Return the part of a text that states its answer, or all of it."""
    marks = list(ANSWER_IS.finditer(text))
    if marks:
        text = text[marks[-1].end() :].lstrip()
        clause = EXPLAINS.split(text, maxsplit=1)[0]
        return clause if any(map(str.isdigit, clause)) else text
    last = next((each for each in reversed(SENTENCES.split(text)) if re.search(r"\d", each)), text)
    return last if CONCLUDES.match(last) else text


def solved(found: list[Quantity | None], masked: str) -> tuple[list[Quantity | None] | None, str]:
    """Return what is right of the last equals sign; None and a reason for an equation to solve."""
    listed = STATEMENTS.fullmatch(masked) or ENDS_IN_TWO.search(masked)
    if listed and len({identity(each) for each in found[-2:] if each}) > 1:
        return None, "several_values"
    parts = EQUALS.split(masked)
    if len(parts) == 1 or MASK not in parts[-1]:
        return found, masked
    for part in reversed(parts[:-1]):
        clause = CLAUSE.split(CROSS.sub("×", part))[-1]
        if not UNSOLVED.search(clause):
            return found[-parts[-1].count(MASK) :], parts[-1]
        if clause != part or PROSE.search(part):
            break
    return None, "expression"


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
    wanted, given = quick(truth), quick(answer)
    if wanted is not None and given is not None:
        return compared_values(wanted, given)
    wanted = wanted or read_number(truth).quantity
    if wanted is None:
        return judge_interval(truth, answer) or (None, "unparsed_reference")
    if given is None:
        given, why = read_number(answer)
        if given is None:
            return 0.0, why
    return compared(wanted, given)
