"""Labels of options: "A.", "(b)", "3)", "Option 1:", and what only looks like one.

A label is a label only where the list shows it: every option has one, and they run A, B, C from the
first. Initials, species names and times of day are texts.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
# How lists count their options. Roman numerals come first: "i" alone is never the first letter.
SEQUENCES: tuple[Sequence[str], ...] = (
    ROMAN,
    tuple(each.lower() for each in ROMAN),
    LETTERS,
    LETTERS.lower(),
    tuple(map(str, range(1, 27))),
    tuple(map(str, range(26))),
)
# What is looked for where labels went wrong: a capital, a small letter, a number from 1.
PLAIN = SEQUENCES[2:5]
NAME = r"[A-Za-zＡ-Ｚａ-ｚ]|\d{1,2}|[IVX]{2,4}|[ivx]{2,4}"
WORDS = r"(?:option|choice|caption|sentence|description|answer|opt)"
DOT = r"[.．:：]"
LABEL = re.compile(
    rf"""\s*(?:[-*•·]\s+)?(?:\*\*|__)?(?:
    (?P<word>{WORDS})[ _]?(?P<of_word>{NAME})(?:\*\*)?\s*(?:[:：.)]|-\s|$)
    |[(\[（【]\s*(?P<in_brackets>{NAME})\s*[)\]）】][.:：]?
    |(?P<before_bracket>{NAME})(?:\*\*)?\s?(?:\.?[)\]）】]|、|\t)[.:：]?
    |(?P<before_dot>[IVXivx]{{2,4}}|[A-Za-zＡ-Ｚａ-ｚ])(?:\*\*)?\s?{DOT}
        (?![.)]|[A-Za-z]\.(?:\s|$))(?!(?<=:)\s*[A-Za-z]\s*$)
    |(?P<number>\d{{1,2}})(?:\*\*)?{DOT}(?![.)\d])(?!(?<=:)\s*\d)
    |(?-i:(?P<before_dash>[A-Z]))\s[-–—]\s(?=\w\w)
    )(?:\*\*|__)?\s*(?P<text>.*)$""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
KINDS = ("of_word", "in_brackets", "before_bracket", "before_dot", "number", "before_dash")
# "E. coli", "C. elegans": a genus cut to its letter, and what species are called.
SPECIES = re.compile(
    r"[a-z]{2,}(?:us|um|is|ans|ens|ae|i|a|ster|io|ides|yces|e|er|or|on|os|x|ys|as|es)(?: [a-z]+)?"
)
# "J. Smith", "J. S. Bach": words that begin with a capital.
SURNAME = re.compile(r"(?:[A-Z]\.\s*)*[A-ZÀ-Þ][\w'’-]+(?: [A-ZÀ-Þ][\w'’-]+)*\.?")


class Shown(NamedTuple):
    """What stands before an option's text; `strong` where nothing but a label looks like it."""

    name: str
    text: str
    strong: bool


@lru_cache(maxsize=1 << 12)
def bare_texts(options: tuple[str, ...]) -> tuple[str, ...]:
    """Return options without the labels that they show in order; any others stay as they are."""
    shown = [shown_label(option) for option in options]
    labels = [each.name for each in shown if each]
    if len(labels) < len(options) or not in_order(labels):
        return options
    texts = tuple(each.text for each in shown if each)
    return texts if all(texts) else options


@lru_cache(maxsize=1 << 14)
def shown_label(option: str) -> Shown | None:
    """Return the label with which an option begins: "A.", "(b)", "3)", "Option 1:"; or None."""
    match = LABEL.match(option)
    if match is None:
        return None
    kind = next(each for each in KINDS if match[each])
    name, text = unicodedata.normalize("NFKC", match[kind]), match["text"].strip()
    return Shown(name, text, kind in KINDS[:3])


def in_order(labels: Sequence[str]) -> bool:
    """Tell whether labels run A, B, C (or a, 1, 0, I) from the first."""
    return any(tuple(labels) == tuple(each[: len(labels)]) for each in SEQUENCES)


def went_wrong(shown: Sequence[Shown | None]) -> bool:
    """Tell labels that are repeated, missing or out of order from initials and species names.

    "J. Smith" and "E. coli" are texts: what follows is a name, and the letters are not those that
    a list of this length has.
    """
    some = [each for each in shown if each]
    if len(some) == len(shown) > 2 and len({each.name for each in some}) == 1:
        return False  # "A: 6 kg, B: 2 kg" in each option: a part of the texts
    usual = {names[at] for names in PLAIN for at in range(min(len(shown) + 1, 26))}
    placed = sum(
        any(each.name == names[at] for names in PLAIN) for at, each in enumerate(shown[:26]) if each
    )
    if any(each.strong for each in some):
        return len(some) > 1 or placed > 0
    if not some or all(SPECIES.fullmatch(each.text) for each in some):
        return False
    within = all(each.name in usual for each in some)
    if all(SURNAME.fullmatch(each.text) for each in some):
        return placed > 1 or (within and (len(some) > 1 or placed > 0)) or consecutive(some)
    return placed > 0 or (within and len(some) > 1) or consecutive(some)


def consecutive(some: Sequence[Shown]) -> bool:
    """Tell whether three labels or more follow each other, from another than the first."""
    line = ",".join(each.name for each in some)
    return len(some) > 2 and any(line in ",".join(each) for each in SEQUENCES)


def run_of_labels(text: str, start: int) -> list[int] | None:
    """Return where the labels stand that run A, B, C from `start` on; None where none do.

    Each must be there once, and the next one nowhere: "B. vitamin B. C. vitamin C" could be split
    in two ways. Labels that open lines come before labels inside them.
    """
    match = LABEL.match(text, start)
    if match is None:
        return None
    kind = next(each for each in KINDS if match[each])
    before, first = text[start : match.start(kind)].strip(), match[kind]
    after = text[match.end(kind) : match.start("text")].strip()
    hits: list[int] = []
    for sequence in (each for each in SEQUENCES if each[0] == first):
        for opening in (r"^[ \t]*", r"(?:^|(?<=[\s,;|/]))", *(("",) if before else ())):
            places: list[int] = []
            for name in (*sequence, "\0"):
                label = rf"{opening}{re.escape(before)}\s?{name}\s?{re.escape(after)}"
                hits = [m.start() for m in re.finditer(label, text[start:], re.MULTILINE)]
                if len(hits) != 1 or (places and start + hits[0] < places[-1]):
                    break
                places.append(start + hits[0])
            if len(places) > 1 and not hits:
                return places
    return None
