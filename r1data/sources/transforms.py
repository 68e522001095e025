"""The named transforms that a card may apply to a value. Small, pure, and few."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from r1data.sources.markers import strip_markers

TAGGED = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
DECIMAL_COMMA = re.compile(r"[-+−]?\d+(?:\.\d{3})*,\d+")
BOX = r"\boxed{"
BETWEEN = re.compile(r"\s*(?:-|–|—|~|,|;|\bto\b)\s*")


def strip(value: Any) -> str:
    """Cut white space at both ends."""
    return str(value).strip()


def strip_marker(value: Any) -> Any:
    """Remove the markers of pictures and clips: <image>, <image 1>, <|video_pad|> and their kin."""
    return strip_markers(value) if isinstance(value, str) else value


def untag(value: Any) -> Any:
    """Take a truth out of its answer tags, where it has them once; else it stays as it is."""
    if not isinstance(value, str):
        return value
    found = TAGGED.findall(value)
    return (found[0] if len(found) == 1 else value).strip()


def unbox(value: Any) -> Any:
    r"""Take a truth out of its last \boxed{}, or out of a list of one."""
    if isinstance(value, list) and len(value) == 1:
        return value[0]
    text = value if isinstance(value, str) else ""
    start = text.rfind(BOX)
    if start < 0:
        return value
    depth, inside = 1, text[start + len(BOX) :]
    for end, letter in enumerate(inside):
        depth += (letter == "{") - (letter == "}")
        if depth == 0:
            return inside[:end].strip()
    return value


def decimal_comma(value: Any) -> Any:
    """Write a number with a decimal comma as programs read it: 1.234,5 as 1234.5."""
    if isinstance(value, str) and DECIMAL_COMMA.fullmatch(value.strip()):
        return value.strip().replace(".", "").replace(",", ".")
    return value


def shuffle(value: Any) -> Any:
    """Put options into an order that follows from their texts alone, not from which is right."""
    if not isinstance(value, Mapping | list):
        return value
    texts = [each for each in (value.values() if isinstance(value, Mapping) else value) if each]
    return sorted(texts, key=lambda each: hashlib.sha256(str(each).encode()).hexdigest())


def span_start(value: Any) -> Any:
    """Return where a part begins that is written as "0:05-0:12" or as a list of two."""
    return span(value)[0]


def span_end(value: Any) -> Any:
    """Return where a part ends that is written as "0:05-0:12" or as a list of two."""
    return span(value)[1]


def span(value: Any) -> list[Any]:
    """Return the two ends of a part; a value that has no two stays whole, and is refused."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, str):
        value = [each.strip() for each in BETWEEN.split(value.strip().strip("[]()")) if each]
    return value if isinstance(value, list) and len(value) == 2 else [value, value]


def split_lines(value: Any) -> list[str]:
    """Make a list of the lines of a text, without empty ones."""
    return [line.strip() for line in str(value).splitlines() if line.strip()]


TRANSFORMS: Mapping[str, Callable[[Any], Any]] = {
    "strip": strip,
    "strip_marker": strip_marker,
    "untag": untag,
    "unbox": unbox,
    "decimal_comma": decimal_comma,
    "shuffle": shuffle,
    "span_start": span_start,
    "span_end": span_end,
    "split_lines": split_lines,
}
