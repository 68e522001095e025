"""Remyx's spatial questions (OpenSpaces, SpaceLLaVA): lengths, yes or no, one of two objects.

Their generator fills templates: a question answered with a verdict ("Indeed, ..."), one that
asks which of two objects it is, or one that asks for a length.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from r1data.errors import InputError, RowDrop
from r1data.grid.drops import Drop
from r1data.options import ambiguous, no_truth
from r1data.sources.asked import Reader, Row, embedded, judged, row_base, settled
from r1data.sources.conversations import need, plain, split_question
from r1data.sources.nesting import text_of
from r1data.sources.reading import Raw

# How lengths are written in remyx's spatial answers, and what they are in metres.
METRES = {
    "meter": 1.0,
    "metre": 1.0,
    "m": 1.0,
    "centimeter": 0.01,
    "centimetre": 0.01,
    "cm": 0.01,
    "foot": 0.3048,
    "feet": 0.3048,
    "ft": 0.3048,
    "inch": 0.0254,
}
NUMBER = r"(?<![\w.,])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
LENGTH = re.compile(
    rf"({NUMBER})\s*(centimet(?:er|re)s?|met(?:er|re)s?|cm|m|feet|foot|ft|inch(?:es)?)\b",
    re.IGNORECASE,
)
# A question for a verdict; "Can you tell me the distance" is none.
POLAR = re.compile(
    r"^\W*(is|are|was|were|does|do|did|has|have|(can|could) (you|we) confirm)\b", re.IGNORECASE
)
LEAD = re.compile(r"^\W*(well|actually|in fact|that'?s?( is)?|it'?s?( is)?)\b[\s,]*", re.IGNORECASE)
YES = re.compile(r"^\W*(yes|indeed|correct|true|right|affirmative)\b", re.IGNORECASE)
NO = re.compile(r"^\W*(no|incorrect|false|wrong|negative)\b", re.IGNORECASE)
# The generator denies with these two; it never affirms with them.
DENIAL = re.compile(r"^\W*(in fact|actually)\b", re.IGNORECASE)
# "Which is taller, the A or the B?", "Between the A and the B, which one is lower?"
EITHER = re.compile(
    r"^(?:which|who|what)\b.*?[,:] the (?P<a>.+?),? or the (?P<b>.+?)(?:, [a-z ]+)?\?$|"
    r"^between the (?P<c>.+?) and the (?P<d>.+?), (?:which|who|what)\b.*\?$",
    re.IGNORECASE | re.DOTALL,
)


def spatial(raw: Raw, reader: Reader) -> Iterator[Row]:
    """Remyx's messages about one picture: the first turn is taken, as 10,284 rows of 10,284 say.

    A single length becomes a regression in metres, which the question then asks for; a verdict and
    one of two objects become choices; the rest stays free-form.
    """
    base = row_base(raw, reader, raw.where.split()[-1], "", [])
    pictures = need(raw.row, "images", raw.where)
    messages = need(raw.row, "messages", raw.where)
    try:
        if not isinstance(pictures, Sequence) or len(pictures) != 1:
            raise RowDrop(Drop.MISSING_MEDIA, f"it has {len(pictures or ())} pictures, not one")
        base["media"] = embedded(raw, reader, pictures[0])
        question, answer = first_turn(messages, raw.where)
    except RowDrop as drop:
        yield {**base, "drop": (drop.reason.value, drop.detail)}
        return
    yield settled({**base, "problem": question}, lambda: spatial_truth(question, answer))


def first_turn(messages: Any, where: str) -> tuple[str, str]:
    """Return question and answer of the first turn of chat messages in parts."""
    if not isinstance(messages, Sequence) or isinstance(messages, str):
        raise InputError(f"{where}: 'messages' is no list; has the source changed?")
    said = [(need(m, "role", where), text_of(need(m, "content", where))) for m in messages]
    said = [(who, plain(text or "")) for who, text in said if who != "system"]
    if [who for who, _ in said[:2]] != ["user", "assistant"]:
        raise no_truth("its messages do not begin with user and assistant")
    return said[0][1], said[1][1]


def spatial_truth(question: str, answer: str) -> Row:
    """Tell what a spatial answer is: an option, a verdict, one of two objects, a length, a text."""
    asked = split_question(question)
    row: Row = {"answer": answer, "problem": asked.problem}
    if not answer:
        raise no_truth("its truth is empty")
    if asked.options:
        return row | judged(asked, answer, ("multiple choice",))
    if POLAR.match(asked.problem):
        return row | verdict(answer)
    names = either(asked.problem)
    if names:
        return row | one_of_two(answer, names)
    known = set(re.findall(NUMBER, question))  # numbers in the names of objects
    lengths = [each for each in LENGTH.findall(answer) if each[0] not in known]
    numbers = [each for each in re.findall(NUMBER, answer) if each not in known]
    if len(lengths) == 1 and len(numbers) == 1:
        return row | metres(asked.problem, *lengths[0])
    return row | {"problem_type": "free-form", "solution": answer}


def verdict(answer: str) -> Row:
    """Return the choice of Yes and No that an answer makes; without a verdict it stays a text."""
    said = LEAD.sub("", answer, count=1)
    if YES.match(said) or YES.match(answer):
        letter = "A"
    elif NO.match(said) or NO.match(answer) or DENIAL.match(answer):
        letter = "B"
    else:
        return {"problem_type": "free-form", "solution": answer}
    return {"options": ["Yes", "No"], "problem_type": "multiple choice", "solution": letter}


def either(question: str) -> list[str]:
    """Return the two objects between which a question asks to choose; none where it does not."""
    match = EITHER.match(question.strip())
    return [name.strip() for name in match.groups() if name] if match else []


def one_of_two(answer: str, names: Sequence[str]) -> Row:
    """Return the choice of one of two objects by the name that an answer says."""
    texts = [" ".join(name.casefold().split()) for name in names]
    if texts[0] == texts[1]:
        raise ambiguous("both objects have the same name")
    said = " ".join(answer.casefold().split())
    here = [i for i in (0, 1) if re.search(rf"(?<!\w){re.escape(texts[i])}(?!\w)", said)]
    if len(here) == 2 and (texts[0] in texts[1] or texts[1] in texts[0]):
        longer = max(here, key=lambda i: len(texts[i]))
        rest = said.replace(texts[longer], "")
        here = here if texts[1 - longer] in rest else [longer]
    if len(here) != 1:
        raise ambiguous(f"its answer names {len(here)} of the two objects")
    letter = "AB"[here[0]]
    return {"options": list(names), "problem_type": "multiple choice", "solution": letter}


def metres(problem: str, value: str, unit: str) -> Row:
    """Turn a length into metres and have the question ask for metres."""
    singular = unit.casefold().removesuffix("s") if unit.casefold() != "inches" else "inch"
    number = float(value.replace(",", "")) * METRES[singular]
    return {
        "problem": f"{problem} Answer with a number in meters.",
        "problem_type": "regression",
        "solution": f"{number:.4f}".rstrip("0").rstrip("."),
        "unit": unit,
    }
