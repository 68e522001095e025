"""Parsers that many cards share: MathV360K, LLaVA-OneVision-Data, the Cauldron, LLaVA-Video."""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from r1data.errors import InputError, RowDrop
from r1data.grid.drops import Drop
from r1data.labels import LETTERS
from r1data.sources.asked import (
    Reader,
    Row,
    chosen_turns,
    conversation_row,
    embedded,
    row_base,
    turn_id,
)
from r1data.sources.conversations import (
    need,
    turns,
)
from r1data.sources.reading import Raw


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
    base["tail"] = re.sub(r"^cauldron/[^/]+/", "", str(raw.row.get("id")))
    yield from conversation(base, raw, reader, reader.arguments.get("turns", "only"))


def conversation(base: Row, raw: Raw, reader: Reader, rule: str) -> Iterator[Row]:
    """Yield a row for each turn that is taken; a broken conversation is one dropped row."""
    try:
        pairs = turns(need(raw.row, "conversations", raw.where), raw.where)
    except RowDrop as drop:
        yield {**base, "drop": (drop.reason.value, drop.detail)}
        return
    yield from taken_turns(base, pairs, reader, rule)


def taken_turns(
    base: Row, pairs: Sequence[tuple[Any, Any]], reader: Reader, rule: str
) -> Iterator[Row]:
    """Yield a row for each turn that `rule` takes."""
    try:
        taken = chosen_turns(pairs, rule)
    except RowDrop as drop:
        yield {**base, "drop": (drop.reason.value, drop.detail)}
        return
    for number, (question, answer) in enumerate(taken):
        each = {**base, "id": turn_id(base["id"], number)}
        pair = (with_lines(question, reader), without_rationale(answer, reader))
        row = conversation_row(each, pair, reader)
        yield {**row, "drop": base["drop"]} if "drop" in base else row


INLINE = re.compile(r"^[ \t]*options?:[ \t]*(\S.*?)\.?[ \t]*$", re.IGNORECASE | re.MULTILINE)


def with_lines(question: Any, reader: Reader) -> Any:
    """Write "Options: a, b, c, d." as one option a line, where the definition says how many.

    With another number of commas one of them belongs to an option: the line stays, and the row
    falls, since its question has no options.
    """
    count = reader.arguments.get("inline_options")
    match = INLINE.search(question) if count and isinstance(question, str) else None
    parts = [part.strip() for part in match[1].split(",")] if match else []
    if match is None or len(parts) != count:
        return question
    lines = [f"{letter}. {part}" for letter, part in zip(LETTERS, parts, strict=False)]
    return "\n".join([question[: match.start()].rstrip(), *lines])


def without_rationale(answer: Any, reader: Reader) -> Any:
    """Return an answer without the reason after it, and without a full stop that its writer added.

    The Cauldron's writer ends each answer with a full stop; for a transcription that is a fault.
    """
    if not isinstance(answer, str):
        return answer
    text = re.split(r"\n\s*rationale\s*:", answer, maxsplit=1, flags=re.IGNORECASE)[0].strip()
    return text.removesuffix(".") if reader.arguments.get("added_stop") else text


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
    pairs = [(need(t, "user", raw.where), need(t, "assistant", raw.where)) for t in texts]
    yield from taken_turns(base, pairs, reader, reader.arguments.get("turns", "each"))


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
