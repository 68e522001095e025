"""Options that are part of a question's text: one a line at its end, or "(A) x (B) y" in it."""

import re
from typing import Any

from r1data.sources.conversations import Choice, no_truth, split_question
from r1data.sources.markers import strip_markers

# The first label of options inside a line, after the question.
FIRST = re.compile(r"(?<=\s)(?:(\()A\)|(\[)A\]|A(\))|A(\.)(?=\s)|A(:)(?=\s))|(?<=[?.:])(\()A\)")
AFTER = {"(": r"\({}\)", "[": r"\[{}\]", ")": r"(?<![\w(]){}\)", ".": r"(?<!\w){}\.(?=\s)"}
AFTER[":"] = r"(?<!\w){}:(?=\s)"
HEADER = re.compile(r"\s*\b(?:options?|choices?)(?: are)?\s*:\s*$", re.IGNORECASE)


def split_options(value: Any) -> Any:
    """Take the options out of a question. Raises RowDrop where they cannot be told for certain.

    What is no text stays as it is.
    """
    if not isinstance(value, str) or not value.strip():
        return value
    text = strip_markers(value.replace("\r\n", "\n").replace("\r", "\n"))
    found = inline(text)
    return found or split_question(text)


def inline(text: str) -> Choice | None:
    """Split "What? (A) x (B) y (C) z"; None where a text has no such labels in one line."""
    for match in FIRST.finditer(text):
        style = next(group for group in match.groups() if group)
        starts = labels(text, match.start(), AFTER[style])
        if len(starts) > 1 and "\n" not in text[match.start() : starts[-1][0]].strip():
            return choice(text, starts)
    return None


def labels(text: str, start: int, style: str) -> list[tuple[int, int]]:
    """Return where the labels A, B, C, ... begin and end, from `start` on."""
    found: list[tuple[int, int]] = []
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        match = re.compile(style.format(letter)).search(text, found[-1][1] if found else start)
        if match is None:
            break
        found.append(match.span())
    return found


def choice(text: str, starts: list[tuple[int, int]]) -> Choice:
    """Return the question before the labels and the options between them."""
    ends = [start for start, _ in starts[1:]] + [len(text)]
    options = [
        text[a:b].strip().rstrip(",;|").strip() for (_, a), b in zip(starts, ends, strict=True)
    ]
    problem = HEADER.sub("", text[: starts[0][0]]).strip()
    last = options[-1].split("\n", 1)
    if len(last) > 1:  # a sentence on how to answer, below the options
        problem, options[-1] = split_question(f"{problem}\n{last[1]}").problem, last[0].strip()
    if "" in options or not problem:
        raise no_truth("it has an empty option, or asks nothing")
    return Choice(problem, options)
