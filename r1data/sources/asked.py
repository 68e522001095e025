"""What parsers share: what they are told beside the row, and how a fault becomes a dropped row."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from r1data.answer_key import bare, read_key
from r1data.errors import RowDrop
from r1data.grid.drops import Drop
from r1data.labels import LETTERS
from r1data.options import Options, ambiguous, no_truth
from r1data.sources.conversations import Choice, lead_off, number_of, plain, split_question
from r1data.sources.reading import Raw

Row = dict[str, Any]
# A Python object as text: a table that was printed.
TABLE = re.compile(r"^\s*\{['\"].*\}\s*$", re.DOTALL)


class Reader(NamedTuple):
    """What a parser may know beside the row.

    `file` is the annotation file's path in its source, `folder` where it lies here.
    """

    types: tuple[str, ...]
    data_type: str
    config: str
    split: str
    file: str
    folder: Path
    arguments: Mapping[str, Any]
    first: int | None = None  # what numbers as answer keys count from


Parser = Callable[[Raw, Reader], Iterator[Row]]


def settled(base: Row, make: Callable[[], Row]) -> Row:
    """Return `base` with what `make` adds, or with the reason why it cannot be told."""
    try:
        return {**base, **make()}
    except RowDrop as drop:
        return {**base, "drop": (drop.reason.value, drop.detail)}


def row_base(raw: Raw, reader: Reader, identity: Any, problem: Any, media: Any) -> Row:
    """Return the columns that a row has whether or not its truth can be told."""
    return {
        "id": str(identity),
        "problem": problem if isinstance(problem, str) else "",
        "options": [],
        "problem_type": reader.types[0],
        "solution": "",
        "data_type": reader.data_type,
        "media": media,
        "split": reader.split or None,
    }


def judged(choice: Choice, answer: Any, types: Sequence[str], yes_no: bool = False) -> Row:
    """Tell problem type and truth of a question. Raises RowDrop where the source takes no such.

    With options it is multiple choice; without, what the source's types leave: OCR, a number, a
    text. `yes_no` gives a yes or no question without options those two, as Video-R1 has them.
    """
    options, text = choice.options, plain(answer)
    if not text:
        raise no_truth("its truth is empty")
    if yes_no and not options and bare(lead_off(text)) in ("yes", "no"):
        options = ["Yes", "No"]
    row: Row = {"problem": choice.problem, "options": options, "answer": text}
    if options:
        if "multiple choice" not in types:
            raise no_truth(f"it is multiple choice, and this source gives {' and '.join(types)}")
        letter = LETTERS[read_key(text, Options(tuple(options)), lettered=True)]
        return {**row, "problem_type": "multiple choice", "solution": letter}
    if "OCR" in types:
        return {**row, "problem_type": "OCR", "solution": lead_off_once(text)}
    if "numerical" in types and ("free-form" not in types or is_number(text)):
        return {**row, "problem_type": "numerical", "solution": number_of(text)}
    if "free-form" in types:
        return {**row, "problem_type": "free-form", "solution": text}
    raise no_truth(f"it has no options, and this source gives {' and '.join(types)}")


def choice(problem: Any, options: Options, place: int) -> Row:
    """Return the columns of a multiple-choice question."""
    text = plain(problem)
    if not text:
        raise no_truth("it asks nothing")
    if place >= len(options.texts):
        raise no_truth(f"its truth is option {place + 1} of {len(options.texts)}")
    parts = {"problem": text, "options": list(options.texts), "solution": LETTERS[place]}
    return {**parts, "problem_type": "multiple choice"}


def lead_off_once(text: str) -> str:
    """Cut "The answer is " off a transcription, and with it its own full stop."""
    prefix = "the answer is "
    return text[len(prefix) :].removesuffix(".") if text.casefold().startswith(prefix) else text


def is_number(text: str) -> bool:
    """Tell whether an answer is a plain number."""
    try:
        number_of(text)
    except RowDrop:
        return False
    return True


def conversation_row(base: Row, pair: tuple[Any, Any], reader: Reader) -> Row:
    """Return the row of one turn of a conversation."""
    question, answer = pair
    base = {**base, "problem": question if isinstance(question, str) else ""}
    yes_no = bool(reader.arguments.get("yes_no"))
    return settled(base, lambda: judged(split_question(question), answer, reader.types, yes_no))


def chosen_turns(pairs: Sequence[tuple[Any, Any]], rule: str) -> list[tuple[Any, Any]]:
    """Return the turns that are taken: each, the first, or the only one.

    RoBUT's tenth record holds a turn more, at any place, that answers with the whole table.
    """
    pairs = [pair for pair in pairs if not (isinstance(pair[1], str) and TABLE.match(pair[1]))]
    if not pairs:
        raise no_truth("its conversation answers with a whole table")
    if rule == "only" and len(pairs) > 1:
        raise ambiguous(f"its conversation has {len(pairs)} turns, of which later ones lean on it")
    return pairs[:1] if rule == "first" else pairs


def turn_id(identity: Any, number: int) -> str:
    """Return the id of a turn; the first one keeps the record's."""
    return str(identity) if number == 0 else f"{identity}-{number + 1}"


def embedded(raw: Raw, reader: Reader, picture: Any) -> list[str]:
    """Return the path that a picture inside a Parquet file gets: its file, its row, its ending."""
    if not isinstance(picture, Mapping):
        raise RowDrop(Drop.MISSING_MEDIA, "the row has no picture")
    name = picture.get("path")
    ending = PurePosixPath(name).suffix.lower() if isinstance(name, str) else ""
    number = int(raw.where.split()[-1])
    ending = ending or reader.arguments.get("ending", ".jpg")
    return [f"{reader.file.removesuffix('.parquet')}/{number:07d}{ending}"]
