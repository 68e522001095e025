"""The named transforms that a card may apply to a value. Small, pure, and few."""

import re
from collections.abc import Callable, Mapping
from typing import Any

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LETTERED = re.compile(r"^\s*[(\[]?([A-Za-z])\s*[.):\]]\s*(.*)$", re.DOTALL)
TAGGED = re.compile(r"^\s*<answer>(.*)</answer>\s*$", re.DOTALL)


def strip(value: Any) -> str:
    """Cut white space at both ends."""
    return str(value).strip()


def drop_image_marker(value: Any) -> str:
    """Remove the "<image>" or "<video>" with which LLaVA-style questions begin or end."""
    return re.sub(r"\s*<(image|video)>\s*", "", str(value)).strip()


def untag(value: Any) -> str:
    """Take a truth out of its answer tags, where it has them."""
    match = TAGGED.match(str(value))
    return (match[1] if match else str(value)).strip()


def split_lines(value: Any) -> list[str]:
    """Make a list of the lines of a text, without empty ones."""
    return [line.strip() for line in str(value).splitlines() if line.strip()]


def split_letter(option: str) -> tuple[str, str]:
    """Split "B. a dog" into ("B", "a dog"); the letter is "" where there is none."""
    match = LETTERED.match(option)
    return (match[1].upper(), match[2].strip()) if match else ("", option.strip())


TRANSFORMS: Mapping[str, Callable[[Any], Any]] = {
    "strip": strip,
    "drop_image_marker": drop_image_marker,
    "untag": untag,
    "split_lines": split_lines,
}
