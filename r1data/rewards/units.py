"""The units that answers carry: what they measure and how they convert.

Base units, derived units and prefixes are multiplied out, about 1,500 spellings in 5 ms. A units
library is a core dependency more and still reads neither "5 MB" against "5 Mb" nor "20 degrees".
"""

import re
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import NamedTuple


class Unit(NamedTuple):
    """`one` of this unit is `factor` of its dimension's base unit, which starts at `zero`.

    `others` are further meanings of the same sign: 20 degrees may be an angle or a temperature.
    A number without a unit may stand for this one unless `bare` is false, as in 3M or 1:30.
    """

    dimension: str
    factor: Fraction
    zero: Fraction = Fraction(0)
    others: tuple["Unit", ...] = ()
    bare: bool = True


PREFIXES = {
    "Y yotta": 24, "Z zetta": 21, "E exa": 18, "P peta": 15, "T tera": 12, "G giga": 9,
    "M mega": 6, "k kilo": 3, "h hecto": 2, "da deca": 1, "d deci": -1, "c centi": -2,
    "m milli": -3, "μ micro": -6, "u micro": -6, "n nano": -9, "p pico": -12, "f femto": -15,
    "a atto": -18, "z zepto": -21, "y yocto": -24,
}  # fmt: skip
BINARY = "Ki kibi,Mi mebi,Gi gibi,Ti tebi,Pi pebi,Ei exbi"

# Symbols, words, dimension, factor. The base of mass is the gram, so a joule is 1000 g m^2/s^2.
PREFIXED = """
m | meter metre | m | 1
g gr gm | gram gramme | g | 1
s | second sec | s | 1
A | ampere amp | A | 1
K | kelvin | K | 1
mol | mole | mol | 1
cd | candela | cd | 1
lm | lumen | lm | 1
lx | lux | lm m^-2 | 1
Hz | hertz | s^-1 | 1
N | newton | g m s^-2 | 1000
Nm | | g m^2 s^-2 | 1000
Ns | | g m s^-1 | 1000
Pa | pascal | g m^-1 s^-2 | 1000
bar | bar | g m^-1 s^-2 | 100000000
J | joule | g m^2 s^-2 | 1000
cal | calorie | g m^2 s^-2 | 4184
eV | electronvolt | g m^2 s^-2 | 1602176634/10000000000000000000000000
Wh | watthour | g m^2 s^-2 | 3600000
W VA | watt | g m^2 s^-3 | 1000
C | coulomb | A s | 1
Ah | amphour amperehour | A s | 3600
V | volt | A^-1 g m^2 s^-3 | 1000
Ω ohm Ohm | ohm | A^-2 g m^2 s^-3 | 1000
F | farad | A^2 g^-1 m^-2 s^4 | 1/1000
S | siemens | A^2 g^-1 m^-2 s^3 | 1/1000
Wb | weber | A^-1 g m^2 s^-2 | 1000
T | tesla | A^-1 g s^-2 | 1000
H | henry | A^-2 g m^2 s^-2 | 1000
Bq | becquerel | Bq | 1
Sv | sievert | Sv | 1
Gy | gray | Gy | 1
M | molar | m^-3 mol | 1000
L l | liter litre | m^3 | 1/1000
t | tonne metricton | g | 1000000
B | byte | bit | 8
b bit | bit | bit | 1
bps | | bit s^-1 | 1
Bps | | bit s^-1 | 8
"""
# What takes no prefix. Rows of one spelling are its meanings, the usual one first.
SINGLE = """
min mins mnt | minute | s | 60
| second | s | 1
| minute | ° | 1/60
| second | ° | 1/3600
h hr hrs | hour | s | 3600
d | day | s | 86400
secs | | s | 1
wk wks | week | s | 604800
mo mos | month | s | 2629746
yr yrs | year | s | 31556952
| decade | s | 315569520
| century centuries | s | 3155695200
in | inch inches | m | 0.0254
ft | foot feet | m | 0.3048
yd | yard | m | 0.9144
mi | mile | m | 1609.344
nmi | nauticalmile | m | 1852
ly | lightyear | m | 9460730472580800
AU au | astronomicalunit | m | 149597870700
Å | angstrom | m | 1/10000000000
ha | hectare | m^2 | 10000
ac | acre | m^2 | 4046.8564224
cc | | m^3 | 1/1000000
gal | gallon | m^3 | 0.003785411784
| gallon | m^3 | 0.00454609
qt | quart | m^3 | 0.000946352946
floz | fluidounce | m^3 | 0.0000295735295625
lb lbs | pound | g | 453.59237
| pound | GBP | 1
oz | ounce | g | 28.349523125
| ton | g | 1000000
| ton | g | 907184.74
kgs | kilo | g | 1000
mph | | m s^-1 | 0.44704
kph kmh kmph | | m s^-1 | 5/18
mps | | m s^-1 | 1
mpg | | m^-2 | 1609344000000000/3785411784
kn kt kts | knot | m s^-1 | 463/900
rpm bpm | | s^-1 | 1/60
fps | | s^-1 | 1
atm | atmosphere | g m^-1 s^-2 | 101325000
psi | | g m^-1 s^-2 | 6894757.293168
mmHg | torr | g m^-1 s^-2 | 133322.387415
hp | horsepower | g m^2 s^-3 | 745699.87158227
Cal | | g m^2 s^-2 | 4184000
| calorie | g m^2 s^-2 | 4184000
dB | decibel | dB | 1
ppm | | % | 1/10000
‰ | permille | % | 1/10
° | degree deg | ° | 1
° | degree deg | K | 1 | 273.15
° | degree deg | K | 5/9 | 45967/180
°C | degreecelsius celsius centigrade degreecentigrade degreec degc | K | 1 | 273.15
°F | degreefahrenheit fahrenheit degreef degf | K | 5/9 | 45967/180
C | | K | 1 | 273.15
F | | K | 5/9 | 45967/180
' | | m | 0.3048
" '' | | m | 0.0254
' arcmin | arcminute | ° | 1/60
" '' arcsec | arcsecond | ° | 1/3600
' | | s | 60
" '' | | s | 1
rad | radian | ° | 57.295779513082320876798154814105170332405472466565
% pct | percent percentage | % | 1
¢ | cent | USD | 1/100
$ USD US$ | dollar | USD | 1
€ EUR | euro | EUR | 1
| cent | EUR | 1/100
| pence | GBP | 1/100
£ GBP | | GBP | 1
¥ JPY | yen | JPY | 1
¥ RMB CNY | yuan | CNY | 1
₹ Rs INR | rupee | INR | 1
"""


def unit_table() -> tuple[dict[str, Unit], dict[str, Unit]]:
    """Return the units by symbol, in its case, and by word or lower-case symbol."""
    symbols: dict[str, list[Unit]] = {}
    words: dict[str, list[Unit]] = {}
    single, prefixed = SINGLE.strip().splitlines(), PREFIXED.strip().splitlines()
    for row in (*single, *prefixed):
        signs, names, dimension, factor, *zero = (cell.strip() for cell in row.split("|"))
        unit = Unit(dimension, Fraction(factor), Fraction(*zero))
        none = [("", "", Fraction(1))]
        for sign, word, power in prefixes_of(dimension) if row in prefixed else none:
            made = unit._replace(factor=unit.factor * power)
            for name in signs.split():
                symbols.setdefault(sign + name, []).append(made)
            for name, ending in product(names.split(), ("", "s")):
                words.setdefault(word + name + ending, []).append(made)
    for name, units in symbols.items():
        words.setdefault(name.lower(), []).extend(units)
    return {name: one_of(units) for name, units in symbols.items()}, {
        name: one_of(units) for name, units in words.items()
    }


def prefixes_of(dimension: str) -> list[tuple[str, str, Fraction]]:
    """Return (symbol, word, factor) of the prefixes; bits have no parts, but powers of 1024."""
    data = dimension.startswith("bit")
    found = [("", "", Fraction(1))]
    for names, power in PREFIXES.items():
        sign, word = names.split()
        if power >= 3 or not data:
            found.append((sign, word, Fraction(10) ** power))
    if data:
        found.append(("K", "kilo", Fraction(1000)))
        for power, names in enumerate(BINARY.split(","), start=1):
            sign, word = names.split()
            found.append((sign, word, Fraction(1024) ** power))
    return found


def one_of(units: list[Unit]) -> Unit:
    """Return the first of several meanings, which keeps the others."""
    distinct = list(dict.fromkeys(units))
    return distinct[0]._replace(others=tuple(distinct[1:]))


SYMBOLS, WORDS = unit_table()
PERCENT = SYMBOLS["%"]
METER, FOOT, INCH = SYMBOLS["m"], SYMBOLS["ft"], SYMBOLS["in"]
SECOND, MINUTE, HOUR = SYMBOLS["s"], SYMBOLS["min"], SYMBOLS["h"]
# "30 frames per second" is 30 of nothing in a second
COUNT = Unit("", Fraction(1))
# 1:30 is a time of day, an hour and a half, or a minute and a half
CLOCK = Unit("time of day", Fraction(60), others=(MINUTE, SECOND), bare=False)
LONG_CLOCK = CLOCK._replace(others=(MINUTE,))
TIME_OF_DAY = CLOCK._replace(others=())

NAME = (
    r"deg(?:rees?|\.)?\s?(?:celsius|centigrade|fahrenheit|[CF]\b)|°\s?[CF](?![^\W\d_])"
    r"|(?:nautical|light|astronomical|metric|fluid|fl)[\s.-]{1,2}[a-z]+"
    r"|''|US\$|[%‰¢€£¥₹$°'\"]|[^\W\d_]+"
)
FACTOR = re.compile(
    rf"(?P<size>(?:square|cubic|sq|cu)\b\.?[\s-]?|sq(?=(?:[cmk]?m|ft|in|yd|mi)\b))?(?P<name>{NAME})"
    r"(?:\s?\^\s?\(?(?P<power>-?\d)\)?|(?<=[A-Za-z])(?P<glued>-?[1-4])(?![\w.,:'\"°])"
    r"|\s(?P<word>squared|cubed)\b)?",
    re.IGNORECASE,
)
BEFORE = re.compile(r"[\s~-]{0,3}")
JOINT = re.compile(
    r"\s?(?P<per>/|\bper\b|\ban?\b)\s?(?P<group>\()?(?P<hundred>100\s?)?|\s?[·*]\s?|-|\s"
)
# Symbols that are words of a sentence, too: units only where no word follows
ALSO_WORDS = frozenset({"in", "as", "am", "at", "us", "an", "has", "em", "es"})
# "5 N m" is a product; after a length, a time or an angle a space ends the unit
ENDS_AT_SPACE = frozenset({"m", "s", "°", "K", "%", "USD", "EUR", "GBP"})


def unit_named(name: str) -> Unit | None:
    """Return the unit of a symbol or a word; the case counts where a symbol has that case."""
    unit = SYMBOLS.get(name)
    if unit is None and len(name) > 1:
        name = re.sub(
            r"(?<=deg)rees?|[\s.-]", lambda m: "ree" if m[0][0] == "r" else "", name.lower()
        )
        unit = WORDS.get(name)
    return unit


def unit_at(text: str, at: int, before: Unit | None = None) -> tuple[Unit | None, int]:
    """Return the unit that is at a position, and its end; `before` is a currency sign's."""
    factors: list[tuple[Unit, int]] = [(before, 1)] if before else []
    grouped, hundred = False, 1
    while len(factors) < 4:
        joint = JOINT.match(text, at) if factors else BEFORE.match(text, at)
        match = FACTOR.match(text, joint.end()) if joint else None
        unit = known(text, match) if match else None
        if joint is None or match is None or unit is None:
            break
        per = bool(factors and joint["per"])
        raised = power_of(match)
        if factors and not per and not goes_on(factors[-1][0], joint[0], match["name"], raised):
            break
        grouped = grouped or bool(per and joint["group"])
        hundred *= 100 if per and joint["hundred"] else 1
        factors.append((unit, raised * (-1 if per or grouped else 1)))
        at = match.end()
    if not factors:
        return None, at
    if grouped and text.startswith(")", at):
        at += 1
    unit = multiplied(tuple(factors))
    return (unit if hundred == 1 else unit._replace(factor=unit.factor / hundred)), at


def known(text: str, match: re.Match[str]) -> Unit | None:
    """Return the unit of a match, or None where it is a word of the sentence."""
    name = match["name"]
    if name.lower() in ALSO_WORDS and re.compile(r"\s*[^\W\d_]").match(text, match.end()):
        return None
    return unit_named(name)


def goes_on(unit: Unit, joint: str, name: str, raised: int) -> bool:
    """Tell whether a product of units goes on: N m, kW-h, m s^-1, but not 5 m h, nor $5-$6."""
    spaced = joint == " " and unit.dimension in ENDS_AT_SPACE and raised == 1
    return name[0].isalpha() and not spaced


def power_of(match: re.Match[str]) -> int:
    """Return the power to which a factor is raised."""
    shown = match["power"] or match["glued"]
    if shown:
        return int(shown)
    named = (match["size"] or match["word"] or "").lower()
    return 2 if named.startswith("sq") else 3 if named else 1


@lru_cache(maxsize=1 << 12)
def multiplied(factors: tuple[tuple[Unit, int], ...]) -> Unit:
    """Return the product of powers of units."""
    if len(factors) == 1 and factors[0][1] == 1:
        return factors[0][0]
    powers: dict[str, int] = {}
    size = Fraction(1)
    for each, power in factors:
        # the C of J/C is a coulomb: what does not start at zero is in no product
        unit = next((one for one in (each, *each.others) if not one.zero), each)
        size *= unit.factor**power
        for part in unit.dimension.split():
            base, _, raised = part.partition("^")
            powers[base] = powers.get(base, 0) + int(raised or 1) * power
    bases = [f"{base}^{raised}" if raised != 1 else base
             for base, raised in sorted(powers.items()) if raised]  # fmt: skip
    return Unit(" ".join(bases), size)
