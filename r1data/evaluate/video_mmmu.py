"""VideoMMMU's own rules (EvolvingLMMs-Lab/VideoMMMU, lmms_eval/tasks/videommmu/utils.py).

They are MMMU's, but for an answer without a letter, which is wrong and not drawn at random.
"""

import re
from collections.abc import Sequence
from itertools import chain

from r1data.labels import LETTERS

MARKS = ",.!?;:'"
# After these words the authors look for the result of an open answer; "=" in its last line only.
CLUES = (
    *("could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ", "are "),
    *("in total ", "total ", "identify ", "recognize ", "calculated as ", "counted as "),
    *("measured as ", "observed as ", "concluded as ", "found to be ", "equals "),
    *("determined to be ", "number of ", "value is ", "adds up to ", "have ", "has "),
)
NUMBERS = (
    re.compile(r"-?\b\d{1,3}(?:,\d{3})+\b"),
    re.compile(r"-?\d+(?:\.\d+)?[eE][+-]?\d+"),
    re.compile(r"-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])"),
)


def read_choice(answer: str, options: Sequence[str]) -> str | None:
    """Return the letter that the rule reads.

    Letters before a full stop or a colon go first, then those in brackets, then those before a
    space, then options by their text in answers of more than five words; of several the last.
    """
    for mark in MARKS:
        answer = answer.strip(mark)
    text = f" {answer} "
    letters = LETTERS[: len(options)]
    dotted = [letter for letter in letters if f"{letter}." in text]
    colons = [letter for letter in letters if f"{letter}:" in text]
    if dotted or colons:
        return last(dotted + colons, text, "{}." if dotted else "{}:")
    for form, place in (("({})", "({})"), ("{} ", " {} ")):
        found = [letter for letter in letters if form.format(letter) in text]
        if found:
            return last(found, text, place)
    if len(text.split()) <= 5:
        return None
    lowered = text.lower()
    texts = {letter: each.lower() for letter, each in zip(letters, options, strict=True)}
    named = [letter for letter in letters if texts[letter] in lowered]
    return max(named, key=lambda letter: lowered.rfind(texts[letter]), default=None)


def last(letters: Sequence[str], text: str, form: str) -> str:
    """Return the letter that stands last in a form; the first of them where none does."""
    return max(letters, key=lambda letter: text.rfind(form.format(letter)))


def open_right(truth: str, answer: str) -> bool:
    """Tell whether an open answer has the truth in one of its results, as text or as number."""
    wanted = normal(truth)
    texts = [text for text in wanted if isinstance(text, str)]
    parts = results(answer)
    numbers = (pattern.findall(part) for part in parts for pattern in NUMBERS)
    for given in chain.from_iterable(map(normal, chain(parts, *numbers))):
        if given in wanted or (isinstance(given, str) and any(text in given for text in texts)):
            return True
    return False


def normal(text: str) -> list[str] | list[float]:
    """Return a number to two decimals, or a text in small letters, a single one with a space."""
    text = text.strip()
    try:
        return [round(float(text.replace(",", "")), 2)]
    except ValueError:
        pass
    small = text.lower()
    return [f" {small}", f"{small} "] if len(small) == 1 else [small]


def results(answer: str) -> list[str]:
    """Return, of each line, the shortest text behind a clue; the whole answer without clues."""
    whole = answer.strip().strip(".").lower()
    lines = whole.split("\n")
    found = [shortest_tail(line, i == len(lines) - 1) for i, line in enumerate(lines)]
    return [tail for tail in found if tail not in (*MARKS, "")] or [whole]


def shortest_tail(line: str, is_last: bool) -> str:
    """Return the shortest text behind a clue of a line, "" where there is none.

    An empty one gives way to the next, as in their loop.
    """
    shortest = ""
    for clue in (*CLUES, "=") if is_last else CLUES:
        if clue in line:
            tail = line.split(clue)[-1].strip()
            shortest = tail if not shortest or len(tail) < len(shortest) else shortest
    return shortest
