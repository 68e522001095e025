"""Options that are part of a question's text: one a line at its end, or "(A) x (B) y" in it."""

import re
from collections.abc import Sequence
from typing import Any

from r1data.labels import LETTERS, in_order, shown_label
from r1data.options import no_truth
from r1data.sources.conversations import Choice, split_question
from r1data.sources.markers import strip_markers

# How labels are written inside a line: what is before the name, and behind it.
STYLES = ((r"\(", r"\)"), (r"\[", r"\]"), (r"(?<![\w(])", r"\)"), (r"(?<!\w)", r"\.(?=\s)"))
STYLES += ((r"(?<!\w)", r":(?=\s)"),)
SEQUENCES = (LETTERS, LETTERS.lower(), tuple(map(str, range(1, 27))))
HEADER = re.compile(r"\s*\b(?:options?|choices?)(?: are)?\s*:\s*$", re.IGNORECASE)


def split_options(value: Any) -> Any:
    """Take the options out of a question. Raises RowDrop where they cannot be told for certain.

    What is no text stays as it is.
    """
    if not isinstance(value, str) or not value.strip():
        return value
    text = strip_markers(value.replace("\r\n", "\n").replace("\r", "\n"))
    found = inline(text)
    if found:
        return found
    split = split_question(text)
    return split if split.options else below(split.problem) or split


def inline(text: str) -> Choice | None:
    """Split "What? (A) x (B) y (C) z"; None where a text has no such labels in one line."""
    for before, after in STYLES:
        for names in SEQUENCES:
            first = re.search(rf"(?<=[\s?.:])(?:{before}){names[0]}(?:{after})", text)
            starts = labels(text, first.start(), names, (before, after)) if first else []
            if len(starts) < 2 or "\n" in text[starts[0][0] : starts[-1][0]].strip():
                continue
            asked = asks_before(text, starts)
            if asked or (names is LETTERS and not text.rstrip().endswith("?")):
                return choice(text, starts, keep=names[0] == "1")
    return None


def asks_before(text: str, starts: list[tuple[int, int]]) -> bool:
    """Tell whether a question ends before its labels, and not behind them as after statements."""
    head = HEADER.sub("", text[: starts[0][0]]).rstrip()
    return head.endswith("?") or (head.endswith(":") and not text.rstrip().endswith("?"))


def labels(
    text: str, start: int, names: Sequence[str], style: tuple[str, str]
) -> list[tuple[int, int]]:
    """Return where the labels of a sequence begin and end, from `start` on."""
    found: list[tuple[int, int]] = []
    for name in names:
        label = re.compile(f"(?:{style[0]}){name}(?:{style[1]})")
        match = label.search(text, found[-1][1] if found else start)
        if match is None:
            break
        found.append(match.span())
    return found


def choice(text: str, starts: list[tuple[int, int]], keep: bool = False) -> Choice:
    """Return the question before the labels and the options between them.

    `keep` leaves the labels where a key that is a number needs them.
    """
    ends = [start for start, _ in starts[1:]] + [len(text)]
    options = [
        text[a if keep else b : end].strip().rstrip(",;|").strip()
        for (a, b), end in zip(starts, ends, strict=True)
    ]
    problem = HEADER.sub("", text[: starts[0][0]]).strip()
    last = options[-1].split("\n", 1)
    if len(last) > 1:  # a sentence on how to answer, below the options
        problem, options[-1] = split_question(f"{problem}\n{last[1]}").problem, last[0].strip()
    if "" in options or not problem:
        raise no_truth("it has an empty option, or asks nothing")
    return Choice(problem, options)


def below(text: str) -> Choice | None:
    """Split a question from the lines at its end that are labelled a, b, c or 1, 2, 3."""
    lines = text.split("\n")
    for i in range(1, len(lines) - 1):
        shown = [shown_label(line) for line in lines[i:]]
        names = [each.name for each in shown if each]
        asks = lines[i - 1].rstrip().endswith(("?", ":")) or HEADER.match(lines[i - 1])
        if asks and len(names) == len(shown) and in_order(names):
            head = lines[: i - 1] if HEADER.match(lines[i - 1]) else lines[:i]
            numbers = names[0] == "1"
            texts = [each.text for each in shown if each]
            return Choice("\n".join(head).strip(), lines[i:] if numbers else texts)
    return None
