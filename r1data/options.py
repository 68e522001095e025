"""Option lists in every clothing: read whole, or refused with a reason.

A label ("A.", "(b)", "Option 1:") is a label only where the list shows it: every option has one,
and they run A, B, C from the first. Nothing here ever moves an option to another letter.
"""

import ast
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from r1data.errors import RowDrop
from r1data.grid.drops import Drop
from r1data.labels import (
    LETTERS,
    NAME,
    SEQUENCES,
    in_order,
    run_of_labels,
    shown_label,
    went_wrong,
)

# What a cell holds that says that there are no options.
NOTHING = frozenset({"", "none", "null", "nan", "n/a", "[]", "{}", "()"})
LONGEST = 100_000

STRING = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
BREAK = re.compile(r"\s*<br\s*/?>\s*|\\n(?=\s*[(\[]?(?:[A-Za-z]|\d{1,2})[.):\]])", re.IGNORECASE)
CONNECTING = re.compile(
    r"(?:and|or|then|but|who|whose|which|that|where|while|when|with|und|oder|et|ou)\b",
    re.IGNORECASE,
)
# "red, green and blue" is one text or three, not two
LISTED = re.compile(r"\b(?:and|or|und|oder|et|ou|&)\b", re.IGNORECASE)
# What names an option in an object or a table: "A", "A)", "a0", "option_b", "Choice 2".
COLUMN = re.compile(rf"(.*?[ _.-]?)({NAME})[.):]?")
TEXT_NAMES = ("text", "choice", "content", "option", "value")
LABEL_NAMES = ("label", "letter", "key", "id", "choice_id")


class Options(NamedTuple):
    """What an option list says: the texts without labels, and the labels as the list shows them.

    `labels` is empty where the list shows none.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...] = ()


def no_truth(detail: str) -> RowDrop:
    """Return the drop of a row whose truth cannot be told."""
    return RowDrop(Drop.NO_TRUTH, detail)


def ambiguous(detail: str) -> RowDrop:
    """Return the drop of a row whose truth could be two things."""
    return RowDrop(Drop.AMBIGUOUS_TRUTH, detail)


def short(value: Any) -> str:
    """Return a value short enough for a message."""
    text = str(value)
    return text if len(text) < 60 else text[:57] + "..."


def read_options(value: Any) -> Options:
    """Read an option list: a list, an object by letter, or one cell's text of either.

    A blank value has no options. Raises RowDrop where an option is empty, labels are not A, B, C in
    order, or the list cannot be split for certain.
    """
    if isinstance(value, str):
        value = from_text(value)
    if isinstance(value, Mapping):
        return by_name(value)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return Options(())
    if not isinstance(value, list | tuple):
        raise no_truth(f"its options are no list but {type(value).__name__}")
    if value and all(isinstance(each, Mapping) for each in value):
        return of_objects(value)
    return peel(whole([text_of(each) for each in value]))


def text_of(value: Any) -> str:
    """Return one option as a text; null and NaN are blank."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if not isinstance(value, str | int | float):
        raise no_truth(f"one of its options is no text but {type(value).__name__}")
    return str(value).strip()


def whole(texts: Sequence[str]) -> list[str]:
    """Cut the blanks that pad a list. Raises RowDrop for another blank, too few or too many."""
    left = list(texts)
    while left and (not left[-1] or empty_label(left[-1])):
        left.pop()
    if not left and any(texts):
        raise no_truth(f"its options are labels without texts: {short(', '.join(texts))}")
    if "" in left:
        raise no_truth(f"its option {left.index('') + 1} of {len(left)} is empty")
    if len(left) == 1:
        raise no_truth(f"it has one option only: '{short(left[0])}'")
    if len(left) > len(LETTERS):
        raise no_truth(f"it has {len(left)} options, and there are {len(LETTERS)} letters")
    return left


def empty_label(text: str) -> bool:
    """Tell whether an option is a label without a text: "C." pads a list, too."""
    shown = shown_label(text)
    return shown is not None and not shown.text


def peel(texts: Sequence[str]) -> Options:
    """Take the labels off texts that show them in order. Raises RowDrop where they went wrong."""
    shown = [shown_label(text) for text in texts]
    labels = [each.name for each in shown if each]
    if labels and len(labels) == len(texts) and in_order(labels):
        bare = tuple(each.text for each in shown if each)
        if "" in bare:
            raise no_truth(f"its option {labels[bare.index('')]} is empty")
        return Options(bare, tuple(labels))
    if went_wrong(shown):
        told = ", ".join(each.name if each else "none" for each in shown)
        raise no_truth(f"its options are not labelled A, B, C in order (their labels: {told})")
    return Options(tuple(texts))


def by_name(value: Mapping[Any, Any]) -> Options:
    """Read an object by letter or number, or of columns: {"A": x}, {"option_a": x}, {"a0": x}."""
    given = {str(key): each for key, each in value.items()}
    lists = [given.get(name) for name in (*LABEL_NAMES, *TEXT_NAMES) if name in given]
    if len(given) == len(lists) == 2 and all(isinstance(each, list) for each in lists):
        names, texts = lists  # as ARC has them: {"label": [...], "text": [...]}
        if len(names or ()) != len(texts or ()):
            raise no_truth("its options have more labels than texts, or fewer")
        return by_name(dict(zip(map(str, names or ()), texts or (), strict=True)))
    keys = [COLUMN.fullmatch(key) for key in given]
    named = {key[2]: given[key[0]] for key in keys if key}
    one_kind = len({key[1] for key in keys if key}) < 2 and len(named) == len(given)
    for names in SEQUENCES:
        if one_kind and set(named) == set(names[: len(named)]):
            texts = whole([text_of(named[name]) for name in names[: len(named)]])
            return Options(peel(texts).texts, tuple(names[: len(texts)]))
    raise no_truth(f"its options are an object of {short(', '.join(given))}, not of A, B, C")


def of_objects(values: Sequence[Mapping[str, Any]]) -> Options:
    """Read a list of objects that hold a text and perhaps a label."""
    texts, labels = [], []
    for each in values:
        named = [name for name in TEXT_NAMES if name in each]
        if len(named) != 1:
            raise no_truth(f"one of its options is an object of {short(', '.join(map(str, each)))}")
        texts.append(text_of(each[named[0]]))
        labels += [str(each[name]) for name in LABEL_NAMES if name in each][:1]
    texts = whole(texts)
    if labels and not in_order(labels):
        raise no_truth(f"its options are labelled {short(', '.join(labels))}, not A, B, C in order")
    peeled = peel(texts)
    return Options(peeled.texts, tuple(labels[: len(texts)]) or peeled.labels)


def option_count(value: Any) -> int:
    """Return how many options a value shows; a text without any mark between options is one."""
    try:
        if isinstance(value, str):
            return len(from_text(value, lambda text: [text]))
        return len(read_options(value).texts)
    except RowDrop:
        return 2


def from_text(text: str, otherwise: Callable[[str], list[str]] | None = None) -> Any:
    """Return the list that one cell's text holds; without marks, what `otherwise` makes of it."""
    otherwise = otherwise or commas
    text = BREAK.sub("\n", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if text.casefold() in NOTHING:
        return []
    if len(text) > LONGEST:
        raise no_truth(f"its options are one text of {len(text):,} characters")
    array = re.fullmatch(r"array\((\[.*\])(?:, dtype=\w+)?\)", text, re.DOTALL)
    text = array[1] if array else text
    if text[0] + text[-1] in ("[]", "{}", "()"):
        found = literal(text)
        if isinstance(found, list | tuple | Mapping):
            return found
        inner = text[1:-1].strip()
        return labelled_parts(inner) or labelled_parts(text) or otherwise(inner)
    return labelled_parts(text) or marked_parts(text) or otherwise(text)


def literal(text: str) -> Any:
    """Return what JSON, Python or NumPy wrote as a text; None where none of them did."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    outside, strings = STRING.sub("''", text), STRING.findall(text)
    try:
        if strings and re.fullmatch(r"\[[\s']+\]", outside):  # NumPy parts by blanks alone
            return [ast.literal_eval(each) for each in strings]
        if re.fullmatch(r"\[\s*-?[\d.]+(\s+-?[\d.]+)+\s*\]", text):
            return text[1:-1].split()
        if re.search(r"''\s*''", outside):
            raise no_truth("a comma is missing between two of its options")
        if re.search(r"\bnan\b", outside):
            pieces = iter(strings)
            outside = re.sub(r"\bnan\b", "None", outside)
            text = re.sub("''", lambda _: next(pieces), outside)
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None


def labelled_parts(text: str) -> list[str] | None:
    """Split "A) x B) y C) z" before its labels, where it begins with one; else None."""
    found = run_of_labels(text, 0)
    if found is None:
        return None
    starts = [*found, len(text)]
    parts = [text[a:b].strip() for a, b in pairwise(starts)]
    for mark in (",", ";", "|", "/"):
        if all(part.endswith(mark) for part in parts[:-1]):
            return [part.removesuffix(mark).strip() for part in parts]
    return parts


def marked_parts(text: str) -> list[str] | None:
    """Split texts without labels that lines, bars, tabs or semicolons part; else None."""
    lines = [line.strip() for line in text.split("\n")]
    if len(lines) > 2 and not any(lines[1::2]) and all(lines[::2]):
        return lines[::2]
    if len(lines) > 1:
        return lines
    for mark in (r"\|\|", r"(?<=\s)\|(?=\s)", r"\|", r"\t", r";"):
        parts = [part.strip() for part in re.split(mark, f" {text} ")]
        if len(parts) > 1 and not (mark == ";" and re.search(r"&#?\w+;", text)):
            # a row of a Markdown table has a bar at both ends
            framed = "|" in mark and len(parts) > 3 and not parts[0] and not parts[-1]
            return parts[1:-1] if framed else parts
    return None


def commas(text: str) -> list[str]:
    """Split at commas where each part is certain: short, none of them twice, no number cut."""
    thousands = len(re.findall(r"(?<=\d),(?=\d{3}(?!\d))", text))
    spaced = ", " in text and len(re.findall(r",(?!\s)", text)) == thousands
    parts = [part.strip() for part in re.split(r",\s+" if spaced else ",", text)]
    certain = (
        (spaced or not (thousands or " " in text))
        and len(set(parts)) == len(parts)
        and all(len(part.split()) <= 3 for part in parts)
        and not any(CONNECTING.match(part) for part in parts)
        and not (LISTED.search(parts[-1]) and not LISTED.search(parts[0]))
    )
    if len(parts) > 1 and not certain:
        raise no_truth(f"its options '{short(text)}' cannot be split at commas for certain")
    return [part.strip("'\"") for part in parts]
