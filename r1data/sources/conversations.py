"""Questions and answers as conversations write them: markers, hints, choices, closing lines.

Everything here either understands a text wholly or raises RowDrop: a row whose options or truth
cannot be told for certain falls out with a reason.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from r1data.errors import InputError, RowDrop
from r1data.grid.drops import Drop
from r1data.sources.markers import strip_markers
from r1data.sources.transforms import LETTERS
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


def no_truth(detail: str) -> RowDrop:
    """Return the drop of a row whose truth cannot be told."""
    return RowDrop(Drop.NO_TRUTH, detail)


def ambiguous(detail: str) -> RowDrop:
    """Return the drop of a row whose truth could be two things."""
    return RowDrop(Drop.AMBIGUOUS_TRUTH, detail)


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


def letter_of(answer: Any, options: Sequence[str], twins: bool = False) -> str:
    """Return the letter that an answer names: "B", "(B)", "B. its text", or one option's text.

    Raises RowDrop where the letter is none of the options', stands with another one's text, or
    (but for `twins`) where two options read the same.
    """
    text = lead_off(plain(answer))
    if not text:
        raise no_truth("its truth is empty")
    match = re.match(r"^[(\[]?([A-Z])(?:[.):\]]+\s*(.*)|)$", text, re.DOTALL)
    if match is None:
        same = same_texts(text, options)
        if len(same) != 1:
            fault = ambiguous if same else no_truth
            raise fault(f"its truth '{short(text)}' is {len(same)} of its {len(options)} options")
        return LETTERS[same[0]]
    index, rest = LETTERS.index(match[1]), (match[2] or "").strip()
    if index >= len(options):
        raise no_truth(f"its truth '{match[1]}' is none of its {len(options)} options")
    if rest and bare(rest) != bare(options[index]):
        raise ambiguous(f"its truth is '{match[1]}' with another text than option {match[1]}")
    if not twins and len(same_texts(options[index], options)) > 1:
        raise ambiguous(f"its truth '{short(options[index])}' is two of its options")
    return match[1]


def same_texts(text: str, options: Sequence[str]) -> list[int]:
    """Return the places of the options that read as a text; "Ff" and "ff" are two genotypes."""
    exact = [i for i, option in enumerate(options) if option.strip() == text.strip()]
    return exact or [i for i, option in enumerate(options) if bare(option) == bare(text)]


def bare(text: str) -> str:
    """Return a text as it is compared: without case, outer blanks and a last full stop."""
    return text.strip().rstrip(".").strip().casefold()


def short(text: str) -> str:
    """Return a text short enough for a message."""
    return text if len(text) < 60 else text[:57] + "..."


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


def by_text(answer: Any, options: Sequence[str]) -> str:
    """Return the letter of the option whose text an answer is. Raises RowDrop."""
    text = str(answer).strip()
    same = same_texts(text, options)
    if len(same) == 1:
        return LETTERS[same[0]]
    if same:
        raise ambiguous(f"its truth '{short(text)}' is {len(same)} of its options")
    raise no_truth(f"its truth '{short(text)}' is none of its {len(options)} options")


def by_index(answer: Any, options: Sequence[str]) -> str:
    """Return the letter of a place counted from zero. Raises RowDrop."""
    text = str(answer).strip()
    if isinstance(answer, bool) or not re.fullmatch(r"\d+(\.0)?", text):
        raise no_truth(f"its truth '{short(text)}' is no place of an option")
    index = int(float(text))
    if index >= len(options):
        raise no_truth(f"its truth {index} is none of its {len(options)} options from 0")
    if sum(option == options[index] for option in options) > 1:
        raise ambiguous(f"its truth '{short(options[index])}' is two of its options")
    return LETTERS[index]


def texts_of(options: Any) -> list[str]:
    """Return the texts of an option list, lettered in turn or not at all, or of a dict by letter.

    Raises RowDrop where only some are lettered, letters are out of turn, or a text is empty.
    """
    if isinstance(options, Mapping):
        options = [f"{letter}. {text}" for letter, text in sorted(options.items()) if text]
    if not isinstance(options, Sequence) or isinstance(options, str):
        raise no_truth(f"its options are no list but {type(options).__name__}")
    given = [str(each).strip() for each in options if each is not None]
    found = [OPTION.match(text) for text in given]
    letters = "".join(match[1] for match in found if match)
    if given and len(letters) == len(given) and LETTERS.startswith(letters):
        given = [match[2] for match in found if match]
    elif len(letters) > 1 and len(letters) == len(given):
        raise no_truth(f"its options are lettered {letters}")
    if len(given) < 2 or "" in given:
        raise no_truth("it has fewer than two options, or an empty one")
    if len(given) > len(LETTERS):
        raise no_truth("it has more options than letters")
    return given
