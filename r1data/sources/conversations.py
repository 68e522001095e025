"""Questions and answers as conversations write them: markers, hints, choices, closing lines.

Everything here either understands a text wholly or raises RowDrop: a row whose options or truth
cannot be told for certain falls out with a reason.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from r1data.errors import InputError
from r1data.labels import LETTERS
from r1data.options import no_truth, short
from r1data.sources.markers import strip_markers
from r1data.sources.wording import HEADER, OPTION, question_lines

LEAD = re.compile(
    r"^\s*(the\s+)?(correct\s+|best\s+|final\s+)?(answer|option)(\s+is)?\s*:?\s+", re.IGNORECASE
)
NUMBER = re.compile(
    r"^[-+−]?\s*\$?\s*(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?(\s*/\s*\d+(\.\d+)?)?\s*%?$|^[-+]?\d(\.\d+)?e[-+]?\d+$",
    re.IGNORECASE,
)


class Choice(NamedTuple):
    """A question with its options' texts, which is none of them where it has no options."""

    problem: str
    options: list[str]


def need(row: Mapping[str, Any], name: str, where: str) -> Any:
    """Return a field that every row of the source has. Raises InputError: a column was renamed."""
    if name not in row:
        fields = ", ".join(map(str, row))
        raise InputError(f"{where}: no field '{name}' (the row has: {fields}); has it changed?")
    return row[name]


def plain(value: Any) -> str:
    """Return a text with one kind of line ends, without image markers and outer blanks."""
    if not isinstance(value, str):
        raise no_truth(f"a text of it is {type(value).__name__}")
    return strip_markers(value.replace("\r\n", "\n").replace("\r", "\n"))


def turns(conversation: Any, where: str) -> list[tuple[Any, Any]]:
    """Return the (question, answer) pairs of a LLaVA conversation. Raises InputError, RowDrop."""
    if not isinstance(conversation, Sequence) or isinstance(conversation, str):
        raise InputError(f"{where}: 'conversations' is no list; has the source changed?")
    said = [
        (need(each, "from", where), each.get("value"))
        for each in conversation
        if isinstance(each, Mapping) and each.get("from") != "system"
    ]
    speakers = [{"user": "human", "assistant": "gpt"}.get(who, who) for who, _ in said]
    if not said or len(said) % 2 or speakers != ["human", "gpt"] * (len(said) // 2):
        raise no_truth("its conversation is not question and answer in turn")
    texts = [text for _, text in said]
    return list(zip(texts[::2], texts[1::2], strict=True))


def split_question(value: Any) -> Choice:
    """Take hints, labels and closing lines off a question, and its options out of it.

    Options are the lines at its end that are lettered A, B, C... without a gap. Raises RowDrop
    where lines after the options are neither an option nor a known closing sentence.
    """
    lines = question_lines(plain(value))
    start = options_start(lines)
    head = lines[:start]
    if head and HEADER.match(head[-1]):
        head = head[:-1]
    elif any(HEADER.match(line) for line in lines):
        raise no_truth("it has a line 'Choices:' whose lines are not lettered A, B, C in turn")
    options = [OPTION.match(line)[2] for line in lines[start:]]  # type: ignore[index]
    if "" in options or len(options) == 1:
        raise no_truth("it has one option only, or an empty one")
    if not head:
        raise no_truth("it asks nothing")
    return Choice("\n".join(head).strip(), options)


def options_start(lines: Sequence[str]) -> int:
    """Return where the options begin; the number of lines where there are none."""
    first = len(lines)
    while first and OPTION.match(lines[first - 1]):
        first -= 1
    for start in range(first, len(lines)):
        letters = "".join(OPTION.match(line)[1] for line in lines[start:])  # type: ignore[index]
        if letters and LETTERS.startswith(letters):
            return start
    if any(OPTION.match(line) for line in lines):
        raise no_truth("its options are not lettered A, B, C in turn to its end")
    return len(lines)


def lead_off(answer: str) -> str:
    """Cut "The answer is" and its kin off an answer."""
    return LEAD.sub("", answer.strip(), count=1).strip()


def number_of(answer: Any) -> str:
    """Return a number as it is written. Raises RowDrop where it is none, or has a unit.

    "$", "%", thousands commas and fractions belong to the number; "5 cm" does not say which unit a
    reader should answer in.
    """
    text = lead_off(plain(str(answer) if isinstance(answer, int | float) else answer))
    text = re.sub(r"(?<=[\d%])\.$", "", text)
    if not re.search(r"\d", text) or not NUMBER.match(text):
        raise no_truth(f"its truth '{short(text)}' is no plain number")
    return text
