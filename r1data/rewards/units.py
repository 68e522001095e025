"""The units that answers carry: what they measure and how they convert."""

from fractions import Fraction
from typing import NamedTuple


class Unit(NamedTuple):
    """`one` of this unit is `factor` of its dimension's base unit."""

    dimension: str
    factor: Fraction


def unit_table() -> dict[str, Unit]:
    """Return every spelling of every unit, lower case, singular and plural."""
    table: dict[str, Unit] = {}
    for dimension, rows in SPELLINGS.items():
        for factor, names in rows.items():
            unit = Unit(dimension, Fraction(factor))
            table.update((name, unit) for name in names.split())
    return table


SPELLINGS = {
    "%": {"1": "% percent pct percentage"},
    "length": {
        "1/1000": "mm millimeter millimeters millimetre millimetres",
        "1/100": "cm centimeter centimeters centimetre centimetres",
        "1": "m meter meters metre metres",
        "1000": "km kilometer kilometers kilometre kilometres",
        "0.0254": "inch inches",
        "0.3048": "ft foot feet",
        "0.9144": "yd yard yards",
        "1609.344": "mi mile miles",
    },
    "area": {
        "1/10000": "cm^2 sqcm",
        "1": "m^2 sqm",
        "1000000": "km^2",
    },
    "volume": {
        "1/1000": "ml milliliter milliliters millilitre millilitres cm^3",
        "1": "l liter liters litre litres",
        "1000": "m^3",
    },
    "mass": {
        "1/1000": "mg milligram milligrams",
        "1": "g gram grams",
        "1000": "kg kilogram kilograms kgs",
        "1000000": "tonne tonnes",
        "453.59237": "lb lbs pound-mass",
        "28.349523125": "oz ounce ounces",
    },
    "time": {
        "1/1000": "ms millisecond milliseconds",
        "1": "s sec secs second seconds",
        "60": "min mins minute minutes",
        "3600": "h hr hrs hour hours",
        "86400": "day days",
        "604800": "week weeks",
        "2629746": "month months",
        "31556952": "year years yr yrs",
    },
    "speed": {"1": "m/s mps", "5/18": "km/h kmh kph kmph", "0.44704": "mph mi/h"},
    "angle": {"1": "° degree degrees deg", "57.29577951308232": "rad radian radians"},
    "temperature in Celsius": {"1": "°c celsius"},
    "temperature in Fahrenheit": {"1": "°f fahrenheit"},
    "dollars": {"1/100": "¢ cent cents", "1": "$ dollar dollars usd us$"},
    "euros": {"1": "€ euro euros eur"},
    "pounds": {"1/100": "pence", "1": "£ gbp"},
    "yen": {"1": "¥ yen jpy"},
    "yuan": {"1": "yuan rmb cny"},
    "rupees": {"1": "₹ rupee rupees rs inr"},
    "time of day": {"1": "clock"},
}

UNITS = unit_table()
PERCENT = UNITS["%"]
CLOCK = UNITS["clock"]
