"""Text files in the encodings that people have: UTF-8, UTF-16, and the Western one of Windows."""

import codecs
import re
from pathlib import Path
from typing import NamedTuple

from r1data.errors import InputError

# Bytes that are no ASCII: a Western text has one or two in a row ("coração"), one in Chinese,
# Cyrillic or Japanese whole words of them.
HIGH = re.compile(rb"[\x80-\xff]+")
LONG_RUN = 3
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")


class Text(NamedTuple):
    """A file's text and the encoding that it was read in."""

    text: str
    encoding: str


def read_text(path: Path) -> str:
    """Read UTF-8 or UTF-16. Raises InputError with the line of the first other byte."""
    data = path.read_bytes()
    try:
        return data.decode(unicode_of(data))
    except UnicodeDecodeError as problem:
        raise refused(path, data, problem.start) from problem


def read_any_text(path: Path) -> Text:
    """Read UTF-8, UTF-16, or Windows' cp1252 where nothing contradicts it. Raises InputError."""
    data = path.read_bytes()
    encoding = unicode_of(data)
    try:
        return Text(data.decode(encoding), encoding)
    except UnicodeDecodeError as problem:
        text = western(data) if encoding == "utf-8-sig" else None
        if text is None:
            raise refused(path, data, problem.start) from problem
    return Text(text, "cp1252")


def unicode_of(data: bytes) -> str:
    """Return UTF-16 for a file with its mark, or with a zero beside every letter; else UTF-8."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = data[:200]
    for encoding, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if len(head) > 3 and zeros.count(0) > 0.8 * len(zeros):
            return encoding
    return "utf-8-sig"


def western(data: bytes) -> str | None:
    """Return a text read as cp1252; None where it is another encoding, or damaged UTF-8."""
    try:
        text = data.decode("cp1252")
    except UnicodeDecodeError:
        return None
    runs = [len(run) for run in HIGH.findall(data)]
    in_words = sum(run for run in runs if run >= LONG_RUN)
    as_utf8 = sum(not letter.isascii() for letter in data.decode("utf-8", "ignore"))
    other = 3 * in_words > sum(runs) or as_utf8 > len(runs) / 2
    return None if other or CONTROL.search(text) else text


def refused(path: Path, data: bytes, start: int) -> InputError:
    """Return the error for a byte that no known encoding has."""
    line = data.count(b"\n", 0, start) + 1
    return InputError(f"{path}, line {line}: not UTF-8 text (byte {start}): save it as UTF-8")
