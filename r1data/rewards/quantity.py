"""Numbers out of a text, as exact rationals with their unit.

Everything is a ratio of two integers: 0.1 is 1/10, and no comparison ever rounds.
"""

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from r1data.rewards.closed_form import PLACES
from r1data.rewards.counted import counted_after
from r1data.rewards.notation import DIGITS_LIMIT, decimal
from r1data.rewards.units import (
    CLOCK,
    COUNT,
    FOOT,
    HOUR,
    INCH,
    LONG_CLOCK,
    METER,
    MINUTE,
    SECOND,
    SYMBOLS,
    TIME_OF_DAY,
    Unit,
    unit_at,
    unit_named,
)


class Quantity(NamedTuple):
    """numerator / denominator, in `unit`.

    `last` is the power of ten of the last decimal shown: -2 for 12.50, 2 for 1.5e3, None for whole
    numbers and fractions, which are exact, and so is 2 pi. 50% is 50 with the unit "%". `counted`
    is the noun phrase of a number of things, which has no unit.
    """

    numerator: int
    denominator: int
    last: int | None
    unit: Unit | None
    fraction: bool = False
    counted: str = ""


class Scan(NamedTuple):
    """The numbers of a text, None for one that cannot be read, and the text with MASK for each."""

    found: list[Quantity | None]
    masked: str


MASK = "\0"  # what no plain text has


TEXT_LIMIT = 2_000

PLAIN = re.compile(r"([-+]?\d{1,18})(?:\.(\d{1,18}))?", re.ASCII)

DRESSED = re.compile(
    r"(?:(?:about|approximately|around|roughly|~)\s*)?([$]?)([-+]?)"
    r"([1-9]\d{0,2}(?:,\d{3})+|\d{1,18})(?:\.(\d{1,18}))?"
    r"(?:\s?(?![AaPp][Mm]\b)(%|[A-Za-z]{2,12}))?\.?",
    re.ASCII,
)
TOKEN = r"(?:\d{1,3}(?:[ '_]\d{3})+(?:[.,]\d+)?(?!\d)|\d[\d.,]*\d|\d|\.\d+)"
SIGN = r"(?<![\w)^])(?P<{0}>[-+])\s*"
CURRENCY = r"US\$|USD|EUR|GBP|Rs\.?|[$€£¥₹]"
NUMBER = re.compile(
    rf"(?:{SIGN.format('sign')})?(?:(?P<currency>{CURRENCY})\s*(?:(?P<sign2>[-+])\s*)?)?"
    rf"(?<![A-Za-z^_\d])(?<!\d\.)(?:(?P<whole>\d+)\s+(?=\d+\s*/\s*\d))?(?P<digits>{TOKEN})"
    rf"(?:[eE](?P<power>[-+]?\d+)(?![\w.]))?(?:\s*/\s*(?P<under>{TOKEN})(?!\s*/))?"
)
TIME = re.compile(
    r"(?<![\d:])(?P<h>\d{1,3}):(?P<m>\d{1,2})(?::(?P<s>\d{2}))?(?P<part>\.\d{1,9})?(?![\d:])"
    r"(?:\s*(?P<half>[ap])\.?\s?m\b\.?)?"
    r"|(?<![\d:.,])(?P<hour>\d{1,2})\s*(?P<side>[ap])\.?\s?m\b\.?",
    re.IGNORECASE,
)
SCALES = {
    "hundred": 2, "thousand": 3, "k": 3, "million": 6, "mn": 6, "mio": 6, "billion": 9, "bn": 9,
    "trillion": 12, "lakh": 5, "crore": 7,
}  # fmt: skip
SCALE = re.compile(rf"\s*-?({'|'.join(SCALES)})(?![^\W\d_])", re.IGNORECASE)
# 3M may be three million: such a letter is no unit that can be left out
MAYBE_SCALE = frozenset({"K", "M", "B", "T", "G", " M", " B"})
# ... but behind a currency sign it can be nothing else: $3M
MONEY_SCALES = {"K": 3, "M": 6, "B": 9, "T": 12}
MONEY_SCALE = re.compile(r"\s?([KMBT])(?![^\W\d_])")
# "1 h 30 min", "5 ft, 10 in", "1 hour and 30 minutes" are one quantity
WITHIN = re.compile(r"\.?\s?,?\s?(?:and\s)?")
# x - 2: what is before the minus is not a sentence but a term
TERM = re.compile(r"(?:(?<![^\W_])[A-Za-z]|[)\]}])\s*$")


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
    unit = unit_named(name) if name else None
    if (name and unit is None) or (name and currency):
        return None
    digits = whole.replace(",", "") + (decimals or "")
    places = len(decimals or "")
    return Quantity(
        -int(digits) if sign == "-" else int(digits),
        10**places,
        -places if places else None,
        SYMBOLS[currency] if currency else unit,
    )


def numbers_in(text: str) -> list[Quantity | None]:
    """Return every number of a simplified text in order; None for one that cannot be read."""
    return scan(text).found


@lru_cache(maxsize=1 << 12)
def scan(text: str) -> Scan:
    """Read every number of a simplified text with its unit; "1 h 30 min" is one."""
    found: list[Quantity | None] = []
    pieces: list[str] = []
    end, clock = 0, TIME.search(text)
    while True:
        match = NUMBER.search(text, end)
        if clock is not None and clock.start() < end:
            clock = TIME.search(text, end)
        if clock is not None and (match is None or clock.start() <= match.start("digits")):
            start, (quantity, after) = clock.start(), clock_time(text, clock)
        elif match is not None:
            # a minus after a number or a term is a dash: 5 - 6
            before = text[max(end, match.start() - 4) : match.start()]
            dash = bool(match["sign"] and (TERM.search(before) or (found and not before.strip())))
            start = match.end("sign") if dash else match.start()
            quantity, after = value_of(text, match, dash)
        else:
            return Scan(found, "".join([*pieces, text[end:]]))
        whole = joined(found[-1], quantity, text[end:start]) if found else None
        if whole is not None:
            found[-1] = whole
        else:
            found.append(quantity)
            pieces += [text[end:start], MASK]
        end = after


def joined(left: Quantity | None, right: Quantity | None, gap: str) -> Quantity | None:
    """Return the sum of 1 h and 30 min, of 5' and 10", of 1h and 30; None for two quantities."""
    if left is None or right is None or left.unit is None or right.numerator < 0:
        return None
    if WITHIN.fullmatch(gap) is None or right.counted or left.unit.zero:
        return None
    for large in (left.unit, *left.unit.others, *((MINUTE,) if left.unit is METER else ())):
        for small in smaller_units(large, right.unit, gap):
            ratio = large.factor / small.factor
            if large.dimension == small.dimension:
                value = Fraction(left.numerator, left.denominator) * ratio
                value += Fraction(right.numerator, right.denominator)
                unit = small._replace(others=())
                return Quantity(value.numerator, value.denominator, right.last, unit)
    return None


def smaller_units(large: Unit, unit: Unit | None, gap: str) -> tuple[Unit, ...]:
    """Return what may follow a unit in one quantity; the last unit may be missing: 1h30, 5'10."""
    if unit is not None:
        units = (unit, *unit.others, *((MINUTE,) if unit is METER else ()))
    else:
        following = {HOUR.factor: MINUTE, FOOT.factor: INCH}.get(large.factor)
        units = (following,) if following and len(gap) < 2 and "," not in gap else ()
    return tuple(each for each in units if each.factor < large.factor)


def clock_time(text: str, match: re.Match[str]) -> tuple[Quantity | None, int]:
    """Return minutes since midnight, or a ratio where the minutes have one digit, and the end."""
    end = match.end()
    if match["hour"]:
        minutes = hour_of_day(int(match["hour"]), match["side"]) * 60
        return Quantity(minutes, 1, None, TIME_OF_DAY), end
    first, second = int(match["h"]), int(match["m"])
    if len(match["m"]) == 1:
        return (Quantity(first, second, None, None, True) if second else None), end
    if second >= 60:
        return None, end
    total = Fraction(hour_of_day(first, match["half"]) * 60 + second)
    if match["part"]:  # 1:30.5 and 0:01:30.5
        seconds = total * 60 + int(match["s"]) if match["s"] else total
        seconds += Fraction("0" + match["part"])
        last = 1 - len(match["part"])
        return Quantity(seconds.numerator, seconds.denominator, last, SECOND), end
    if match["s"]:
        total += Fraction(int(match["s"]), 60)
    unit, after = unit_at(text, end)
    if match["half"]:
        unit = TIME_OF_DAY
    elif unit is not None and unit.dimension == "s" and unit.factor >= 60:  # 1:30 h, 1:30 min
        unit, end = (MINUTE if match["s"] or unit.factor > 60 else SECOND), after
    else:
        unit = LONG_CLOCK if match["s"] else CLOCK
    return Quantity(total.numerator, total.denominator, None, unit), end


def hour_of_day(hour: int, half: str | None) -> int:
    """Return the hour of 24 for an hour of 12 with a.m. or p.m."""
    if half is None or hour > 12:
        return hour
    return hour % 12 + (12 if half in "pP" else 0)


def value_of(text: str, match: re.Match[str], dash: bool) -> tuple[Quantity | None, int]:
    """Return one number with its scale and unit, and where reading goes on."""
    at = match.end()
    power = int(match["power"] or 0) if len(match["power"] or "") < 6 else DIGITS_LIMIT
    scale = SCALE.match(text, at)
    if scale is not None and scale[1] != "K":
        power, at = power + SCALES[scale[1].lower()], scale.end()
    currency = unit_named(match["currency"]) if match["currency"] else None
    millions = MONEY_SCALE.match(text, at) if currency else None
    if millions is not None:
        power, at = power + MONEY_SCALES[millions[1]], millions.end()
    unit, end = unit_at(text, at, currency)
    if unit is not None and text[at:end] in MAYBE_SCALE:
        unit = unit._replace(bare=False)
    counted = ""
    if unit is None:
        counted, end = counted_after(text, at, match.start())
        adjective, _, last = counted.rpartition(" ")
        unit = unit_named(last) if adjective else None  # "3 full hours"
        if counted and unit is None:
            rate, after = unit_at(text, end, COUNT)  # "30 frames per second"
            unit, end = (rate, after) if rate is not COUNT else (None, end)
        else:
            counted = ""
    negative = (match["sign"] == "-" and not dash) != (match["sign2"] == "-")
    quantity = number(match, power, -1 if negative else 1, unit)
    return (quantity._replace(counted=counted) if quantity and counted else quantity), end


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
    fraction = bool(match["under"]) or top[1] == PLACES
    shown = top[1] if top[1] or power >= 0 else 0
    last = power - shown if not fraction and (shown or power < 0) else None
    return Quantity(sign * numerator, denominator, last, unit, fraction)
