"""Parsers that many cards share: MathV360K, LLaVA-OneVision-Data, the Cauldron, LLaVA-Video."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from r1data.errors import InputError, RowDrop
from r1data.grid.drops import Drop
from r1data.sources.asked import (
    Reader,
    Row,
    chosen_turns,
    conversation_row,
    embedded,
    row_base,
    settled,
    turn_id,
)
from r1data.sources.conversations import (
    Choice,
    need,
    no_truth,
    plain,
    split_question,
    turns,
)
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
LENGTH = re.compile(
    r"(?<![\w.])(\d+(?:\.\d+)?)\s*(centimet(?:er|re)s?|met(?:er|re)s?|cm|m|feet|foot|ft|inch(?:es)?)\b",
    re.IGNORECASE,
)


def mathv360k(raw: Raw, reader: Reader) -> Iterator[Row]:
    """One conversation of two turns about a picture; the subset is the first folder of its path."""
    image = need(raw.row, "image", raw.where)
    subset = image.partition("/")[0] if isinstance(image, str) else ""
    if subset not in reader.arguments["subset"]:
        return
    identity = raw.row.get("id") or raw.where.split()[-1]
    media = reader.arguments.get("inside", "") + image
    base = row_base(raw, reader, identity, "", [media])
    yield from conversation(base, raw, reader, "only")


def onevision(raw: Raw, reader: Reader) -> Iterator[Row]:
    """A picture and one or more turns; prompts keep their closing sentence, which is cut off."""
    base = row_base(raw, reader, raw.row.get("id") or raw.where.split()[-1], "", [])
    try:
        base["media"] = embedded(raw, reader, need(raw.row, "image", raw.where))
    except RowDrop as drop:
        base["drop"] = (drop.reason.value, drop.detail)
    base["tail"] = str(raw.row.get("id"))
    yield from conversation(base, raw, reader, reader.arguments.get("turns", "only"))


def conversation(base: Row, raw: Raw, reader: Reader, rule: str) -> Iterator[Row]:
    """Yield a row for each turn that is taken; a broken conversation is one dropped row."""
    try:
        pairs = chosen_turns(turns(need(raw.row, "conversations", raw.where), raw.where), rule)
    except RowDrop as drop:
        yield {**base, "drop": (drop.reason.value, drop.detail)}
        return
    for number, pair in enumerate(pairs):
        each = {**base, "id": turn_id(base["id"], number)}
        row = conversation_row(each, pair, reader)
        yield {**row, "drop": base["drop"]} if "drop" in base else row


def cauldron(raw: Raw, reader: Reader) -> Iterator[Row]:
    """Pictures and question-answer pairs; only rows with one picture can be told apart."""
    pictures, texts = (need(raw.row, name, raw.where) for name in ("images", "texts"))
    if not isinstance(texts, Sequence) or isinstance(texts, str):
        raise InputError(f"{raw.where}: 'texts' is no list; has the source changed?")
    base = row_base(raw, reader, raw.where.split()[-1], "", [])
    try:
        if not isinstance(pictures, Sequence) or len(pictures) != 1:
            raise RowDrop(Drop.MISSING_MEDIA, f"it has {len(pictures or ())} pictures, not one")
        base["media"] = embedded(raw, reader, pictures[0])
    except RowDrop as drop:
        base["drop"] = (drop.reason.value, drop.detail)
    for number, text in enumerate(texts):
        pair = (need(text, "user", raw.where), need(text, "assistant", raw.where))
        row = conversation_row({**base, "id": turn_id(base["id"], number)}, pair, reader)
        yield {**row, "drop": base["drop"]} if "drop" in base else row


def llava_video(raw: Raw, reader: Reader) -> Iterator[Row]:
    """Several turns about one clip, whose path is relative to the config's folder."""
    config = PurePosixPath(reader.file).parent.name
    video = need(raw.row, "video", raw.where)
    if not isinstance(video, str) or not video:
        raise InputError(f"{raw.where}: 'video' is no path; has the source changed?")
    identity = f"{config or 'rows'}/{raw.row.get('id') or raw.where.split()[-1]}"
    base = row_base(raw, reader, identity, "", [f"{config}/{video}".lstrip("/")])
    named = reader.arguments.get("data_source", "{config}").replace("{config}", config)
    base |= {"tail": video, "data_source": named, "config": config}
    yield from conversation(base, raw, reader, "each")


def spatial(raw: Raw, reader: Reader) -> Iterator[Row]:
    """Remyx's messages about one picture: the first turn is taken, as 10,284 rows of 10,284 say.

    A single length becomes a regression in metres, which the question then asks for; a yes or no
    becomes a choice; the rest stays free-form.
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
    said = [(need(each, "role", where), parts_text(each, where)) for each in messages]
    said = [(who, text) for who, text in said if who != "system"]
    if [who for who, _ in said[:2]] != ["user", "assistant"]:
        raise no_truth("its messages do not begin with user and assistant")
    return said[0][1], said[1][1]


def parts_text(message: Mapping[str, Any], where: str) -> str:
    """Return the text of a message, whose content is a text or a list of parts."""
    content = need(message, "content", where)
    if isinstance(content, str):
        return plain(content)
    texts = [part.get("text") for part in content or () if isinstance(part, Mapping)]
    return plain("\n".join(text for text in texts if text))


def spatial_truth(question: str, answer: str) -> Row:
    """Tell what a spatial answer is: a length, a yes or no, an option, or a sentence."""
    row: Row = {"answer": answer}
    choice = split_question(question)
    if choice.options:
        from r1data.sources.asked import judged

        return row | judged(choice, answer, ("multiple choice",))
    lengths = LENGTH.findall(answer)
    numbers = re.findall(r"(?<![\w.])\d+(?:\.\d+)?", answer)
    if len(lengths) == 1 and len(numbers) == 1:
        return row | metres(choice, *lengths[0])
    verdict = re.match(r"\s*(yes|no)\b[\s,.!]", answer + " ", re.IGNORECASE)
    if verdict:
        letter = "A" if verdict[1].casefold() == "yes" else "B"
        options = ["Yes", "No"]
        row |= {"options": options, "problem_type": "multiple choice", "solution": letter}
        return row | {"problem": choice.problem}
    if not answer:
        raise no_truth("its truth is empty")
    return row | {"problem": choice.problem, "problem_type": "free-form", "solution": answer}


def metres(choice: Choice, value: str, unit: str) -> Row:
    """Turn a length into metres and have the question ask for metres."""
    singular = unit.casefold().removesuffix("s") if unit.casefold() != "inches" else "inch"
    number = float(value) * METRES[singular]
    return {
        "problem": f"{choice.problem} Answer with a number in meters.",
        "problem_type": "regression",
        "solution": f"{number:.4f}".rstrip("0").rstrip("."),
        "unit": unit,
    }
