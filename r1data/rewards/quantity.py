"""Numbers out of a text, as exact rationals with their unit.

Everything is a ratio of two integers: 0.1 is 1/10, and no comparison ever rounds.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from r1data.rewards.number_words import spelled_out
from r1data.rewards.text import unwrapped
from r1data.rewards.units import CLOCK, UNITS, Unit


class Quantity(NamedTuple):
    """numerator / denominator, in `unit`.

    `last` is the power of ten of the last decimal shown: -2 for 12.50, 2 for 1.5e3, None for whole
    numbers and fractions, which are exact. 50% is 50 with the unit "%".
    """

    numerator: int
    denominator: int
    last: int | None
    unit: Unit | None
    fraction: bool = False


# No truth has 400 digits; beyond that, as in 1e999999999, a number is an attack on the memory.
DIGITS_LIMIT = 400
TEXT_LIMIT = 2_000

PLAIN = re.compile(r"([-+]?\d{1,18})(?:\.(\d{1,18}))?", re.ASCII)

DRESSED = re.compile(
    r"(?:(?:about|approximately|around|roughly|~)\s*)?([$]?)([-+]?)"
    r"([1-9]\d{0,2}(?:,\d{3})+|\d{1,18})(?:\.(\d{1,18}))?(?:\s?(%|[A-Za-z]{1,12}))?\.?",
    re.ASCII,
)
TOKEN = r"(?:\d{1,3}(?:[ '_]\d{3})+(?:[.,]\d+)?(?!\d)|\d[\d.,]*\d|\d|\.\d+)"
SIGN = r"(?<![\w)^])(?P<{0}>[-+])\s*"
CURRENCY = r"US\$|USD|EUR|GBP|Rs\.?|[$€£¥₹]"
NUMBER = re.compile(
    rf"(?:{SIGN.format('sign')})?(?:(?P<currency>{CURRENCY})\s*)?(?:(?P<sign2>[-+])\s*)?"
    rf"(?<![A-Za-z^_])(?:(?P<whole>\d+)\s+(?=\d+\s*/\s*\d))?(?P<digits>{TOKEN})"
    rf"(?:[eE](?P<power>[-+]?\d+)(?![\w.]))?(?:\s*/\s*(?P<under>{TOKEN})(?!\s*/))?"
)
TIME = re.compile(
    r"(?<![\d:])(?P<h>\d{1,3}):(?P<m>\d{1,2})(?::(?P<s>\d{2}))?(?![\d:])"
    r"(?:\s*(?P<half>[ap])\.?\s?m\b\.?)?"
    r"|(?<![\d:.,])(?P<hour>\d{1,2})\s*(?P<side>[ap])\.?\s?m\b\.?",
    re.IGNORECASE,
)
SCALES = {
    "hundred": 2, "thousand": 3, "k": 3, "million": 6, "mn": 6, "mio": 6, "billion": 9, "bn": 9,
    "trillion": 12, "lakh": 5, "crore": 7,
}  # fmt: skip
SCALE = re.compile(rf"\s*-?({'|'.join(SCALES)})(?![^\W\d_])", re.IGNORECASE)
UNIT = re.compile(
    r"\s*-?\s*(%|°\s?[CF]?|[¢€£¥₹$]|(?:square|cubic)?\s?[^\W\d_]+(?:/[^\W\d_]+)?(?:\s?\^[23])?)"
)
ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b", re.IGNORECASE)

FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{\s*([^{}]*?)\s*\}\s*\{\s*([^{}]*?)\s*\}|(\d)\s*(\d))")
TIMES_TEN = re.compile(r"(?<=\d)\s*[x×*·]\s*10\s*(?:\^|\*\*)\s*[({]?\s*([-+]?\d+)\s*[)}]?")
TEN_TO = re.compile(r"(?<![\w.])10\s*(?:\^|\*\*)\s*[({]?\s*([-+]?\d+)\s*[)}]?")
SPELLINGS = (("\\times", "x"), ("\\cdot", "x"), ("\\%", "%"), ("\\$", "$"), ("per cent", "%"))


@lru_cache(maxsize=1 << 16)
def quick(text: str) -> Quantity | None:
    """Return the number of a text that is nothing but digits, as nearly all answers are."""
    match = PLAIN.fullmatch(text)
    if match is None:
        return None
    whole, decimals = match.groups()
    if decimals is None:
        return Quantity(int(whole), 1, None, None)
    places = len(decimals)
    return Quantity(int(whole + decimals), 10**places, -places, None)


def plain_quantity(text: str) -> Quantity | None:
    """Return the number of $4,656.00 or 5 cm or about 3%, or None where more reading is needed."""
    match = DRESSED.fullmatch(text)
    if match is None:
        return None
    currency, sign, whole, decimals, name = match.groups()
    unit = UNITS.get(name.lower()) if name else None
    if (name and unit is None) or (name and currency):
        return None
    digits = whole.replace(",", "") + (decimals or "")
    places = len(decimals or "")
    return Quantity(
        -int(digits) if sign == "-" else int(digits),
        10**places,
        -places if places else None,
        UNITS[currency] if currency else unit,
    )


@lru_cache(maxsize=1 << 14)
def simplified(text: str) -> str:
    """Return the text with number words, LaTeX and powers of ten in one plain notation."""
    text = spelled_out(unwrapped(text))
    for old, new in SPELLINGS:
        text = text.replace(old, new)
    text = FRACTION.sub(lambda m: f" {m[1] or m[3]}/{m[2] or m[4]}", text)
    text = TEN_TO.sub(r"1e\1", TIMES_TEN.sub(r"e\1", text))
    return ORDINAL.sub("", text.replace("{", "").replace("}", ""))


def numbers_in(text: str) -> list[Quantity | None]:
    """Return every number of a simplified text in order; None for one that cannot be read."""
    found: list[Quantity | None] = []
    at = 0
    while True:
        clock, number = TIME.search(text, at), NUMBER.search(text, at)
        if clock is not None and (number is None or clock.start() <= number.start("digits")):
            found.append(clock_time(clock))
            at = clock.end()
        elif number is not None:
            quantity, at = value_of(text, number)
            found.append(quantity)
        else:
            return found


def clock_time(match: re.Match[str]) -> Quantity | None:
    """Return minutes since midnight, or a ratio where the minutes have one digit (1:3)."""
    if match["hour"]:
        return Quantity(hour_of_day(int(match["hour"]), match["side"]) * 60, 1, None, CLOCK)
    hours, minutes = int(match["h"]), int(match["m"])
    if len(match["m"]) == 1:
        return Quantity(hours, minutes, None, None, True) if minutes else None
    if minutes >= 60:
        return None
    total = hour_of_day(hours, match["half"]) * 60 + minutes
    if match["s"]:
        return Quantity(total * 60 + int(match["s"]), 60, None, CLOCK)
    return Quantity(total, 1, None, CLOCK)


def hour_of_day(hour: int, half: str | None) -> int:
    """Return the hour of 24 for an hour of 12 with a.m. or p.m."""
    if half is None or hour > 12:
        return hour
    return hour % 12 + (12 if half in "pP" else 0)


def value_of(text: str, match: re.Match[str]) -> tuple[Quantity | None, int]:
    """Return one number with its scale and unit, and where reading goes on."""
    at = match.end()
    power = int(match["power"] or 0) if len(match["power"] or "") < 6 else DIGITS_LIMIT
    scale = SCALE.match(text, at)
    if scale is not None and scale[1] != "K":
        power, at = power + SCALES[scale[1].lower()], scale.end()
    unit, at = unit_after(text, at)
    currency = match["currency"]
    if currency:
        unit = UNITS[currency.lower().rstrip(".")]
    negative = (match["sign"] == "-") != (match["sign2"] == "-")
    return number(match, power, -1 if negative else 1, unit), at


def number(match: re.Match[str], power: int, sign: int, unit: Unit | None) -> Quantity | None:
    """Return the quantity of a match of NUMBER, or None where it cannot be read."""
    top = decimal(match["digits"])
    under = decimal(match["under"]) if match["under"] else (1, 0)
    if top is None or under is None or not under[0] or abs(power) >= DIGITS_LIMIT:
        return None
    numerator, denominator = top[0] * 10 ** under[1], under[0] * 10 ** top[1]
    if match["whole"]:
        if len(match["whole"]) > DIGITS_LIMIT:
            return None
        numerator += int(match["whole"]) * denominator
    if power >= 0:
        numerator *= 10**power
    else:
        denominator *= 10**-power
    fraction = bool(match["under"])
    shown = top[1] if top[1] or power >= 0 else 0
    last = power - shown if not fraction and (shown or power < 0) else None
    return Quantity(sign * numerator, denominator, last, unit, fraction)


def decimal(token: str) -> tuple[int, int] | None:
    """Return (digits, number of decimals) of 1,234.5 or 1.234,5 or 1,5; None if unclear."""
    if len(token) > DIGITS_LIMIT:
        return None
    token = token.replace(" ", "").replace("'", "").replace("_", "")
    dots, commas = token.count("."), token.count(",")
    if dots and commas:
        mark = max(".,", key=token.rfind)
        if token.count(mark) > 1:
            return None
        whole, _, decimals = token.rpartition(mark)
        other = "," if mark == "." else "."
        return split(whole, decimals, other) if grouped(whole, other) else None
    if commas:
        if grouped(token, ","):
            return split(token, "", ",")
        whole, _, decimals = token.partition(",")
        return split(whole, decimals, "") if commas == 1 else None
    if dots > 1:
        return split(token, "", ".") if grouped(token, ".") else None
    whole, _, decimals = token.partition(".")
    return split(whole, decimals, "")


def split(whole: str, decimals: str, mark: str) -> tuple[int, int]:
    """Return the digits of whole part and decimals, and how many decimals there are."""
    digits = (whole.replace(mark, "") if mark else whole) + decimals
    return int(digits), len(decimals)


def grouped(token: str, mark: str) -> bool:
    """Tell whether marks stand every three digits (1,234,567), or as in India (12,34,567)."""
    first, *rest = token.split(mark)
    if not rest or not 1 <= len(first) <= 3 or first.startswith("0") or len(rest[-1]) != 3:
        return False
    sizes = {len(group) for group in rest[:-1]}
    return not sizes or sizes == {3} or (sizes == {2} and len(first) <= 2)


def unit_after(text: str, at: int) -> tuple[Unit | None, int]:
    """Return the known unit that follows position `at`, if there is one."""
    match = UNIT.match(text, at)
    if match is None:
        return None, at
    name = match[1].replace(" ", "")
    unit = UNITS.get(name) or UNITS.get(name.lower())
    if unit is None and name.startswith(("square", "cubic")):
        # "square cm": what is squared is not looked up, so that no length passes for an area
        return None, match.end()
    return (unit, match.end()) if unit is not None else (None, at)
