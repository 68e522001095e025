"""Rows inside rows: lists in nested JSON, tables turned on their side, conversations."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

# Who asks and who answers, as LLaVA, ShareGPT, OpenAI and ms-swift name them.
ASKS = ("human", "user")
ANSWERS = ("gpt", "assistant", "model", "bot", "chatgpt")
SYSTEM = ("system", "developer")
SPEAKER, WORDS = ("from", "role"), ("value", "content")
MEDIA_PARTS = ("image_url", "video_url", "image", "video", "input_image", "input_video", "path")
# `rows_at` for "the values of this object, whose keys are ids".
BY_ID = "*"
# Lists of objects under these names are no rows: an option has a label and a text.
OPTIONS = ("options", "choices", "candidates", "answers", "alternatives")
# Objects of a list that are looked into for rows inside them.
SAMPLE = 50


class Place(NamedTuple):
    """A row, where it is, and the fields that it has from the objects above it."""

    where: str
    row: Any


def rows_below(data: Any, path: str) -> Iterator[Place]:
    """Yield the rows at a dotted path; below lists and ids a row keeps its parents' plain fields.

    "annotations" is a list in an object, "*" an object by id, "questions" in a list of clips the
    questions of each.
    """
    yield from below(data, path.split(".") if path else [], {}, "")


def below(data: Any, parts: Sequence[str], above: Mapping[str, Any], where: str) -> Iterator[Place]:
    """Walk down; each list adds a number to where a row is, each id itself."""
    if isinstance(data, list):
        for number, each in enumerate(data, start=1):
            yield from below(each, parts, above, f"{where}.{number}" if where else f"row {number}")
    elif not isinstance(data, Mapping):
        yield Place(where or "row 1", data)
    elif not parts:
        yield Place(where or "row 1", {**above, **data})
    elif parts[0] == BY_ID:
        for key, each in data.items():
            place = f"{where}.{key}" if where else f"'{key}'"
            name = "_key" if "_id" in above else "_id"
            yield from below(each, parts[1:], {**above, name: key}, place)
    else:
        plain = {k: v for k, v in data.items() if k != parts[0] and not is_rows(v)}
        inherited = {**above, **plain} if where else {}
        yield from below(data.get(parts[0], []), parts[1:], inherited, where)


def is_rows(value: Any) -> bool:
    """Tell whether a value is a list of objects that are no turns of a conversation."""
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(each, Mapping) for each in value) and not is_conversation(value)


def row_paths(data: Any, path: str = "", depth: int = 4) -> Iterator[str]:
    """Yield the dotted paths at which rows may be, the shallow ones first.

    Below an object by id, another object of nothing but rows is one by id, too.
    """
    listed = data if isinstance(data, list) else [data]
    found = [each for each in listed[:SAMPLE] if isinstance(each, Mapping)]
    if not found or depth == 0:
        return
    if is_rows(data):
        yield path
    values = [value for each in found for value in each.values()]
    inside = bool(values) and all(isinstance(v, Mapping) or is_rows(v) for v in values)
    by_id = inside and (isinstance(data, Mapping) or path.endswith(BY_ID))
    if by_id:
        rows = [row for value in values for row in (value if isinstance(value, list) else [value])]
        yield from row_paths(rows, joined(path, BY_ID), depth - 1)
    if by_id and path.endswith(BY_ID):
        return
    for key in dict.fromkeys(key for each in found for key in each):
        inner = [each[key] for each in found if is_rows(each.get(key))]
        objects = [each[key] for each in found if isinstance(each.get(key), Mapping)]
        if "." not in key and key.casefold() not in OPTIONS and (inner or objects):
            rows = [row for value in inner for row in value]
            yield from row_paths(rows or objects[0], joined(path, key), depth - 1)


def joined(path: str, key: str) -> str:
    """Return a dotted path with one key more."""
    return f"{path}.{key}" if path else key


def as_records(data: Any) -> Any:
    """Turn a table that stands on its side into rows: pandas' `columns` and `split`, lists."""
    if not isinstance(data, Mapping) or not data:
        return data
    if set(data) >= {"columns", "data"} and set(data) <= {"columns", "index", "data"}:
        return [dict(zip(data["columns"], cells, strict=False)) for cells in data["data"]]
    values = list(data.values())
    if all(isinstance(v, Mapping) for v in values):
        keys = list(values[0])
        numbered = keys == [str(i) for i in range(len(keys))] and list(data) != keys
        if keys and numbered and all(list(v) == keys for v in values):
            return [{name: data[name][key] for name in data} for key in keys]
    lists = all(isinstance(v, list) and not is_rows(v) for v in values)
    if lists and len(data) > 1 and len({len(v) for v in values}) == 1:
        return [dict(zip(data, cells, strict=True)) for cells in zip(*values, strict=True)]
    return data


def is_conversation(value: Any) -> bool:
    """Tell whether a value is a list of turns, each with a speaker and words, or its JSON."""
    value = from_json(value)
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(
            isinstance(each, Mapping)
            and any(name in each for name in SPEAKER)
            and any(name in each for name in WORDS)
            for each in value
        )
    )


def from_json(value: Any) -> Any:
    """Return the list that a cell's text holds as JSON; any other value as it is."""
    if isinstance(value, str) and value.lstrip().startswith("[{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def unrolled(place: Place, column: str) -> Iterator[Place]:
    """Yield a row a question of a conversation, with it and its answer as `turn`.

    A conversation that is not question and answer in turn is one row without a turn.
    """
    pairs = pairs_of(place.row.get(column)) if isinstance(place.row, Mapping) else []
    if not pairs:
        yield Place(place.where, {**place.row, "turn": {}} if place.row else place.row)
    rest = {k: v for k, v in place.row.items() if k != column} if pairs else {}
    media: list[Any] = []
    for number, (asked, answered) in enumerate(pairs, start=1):
        media = [*media, *media_of(asked)]
        turn = {"question": text_of(asked), "answer": text_of(answered), "media": media}
        where = place.where if number == 1 else f"{place.where}.{number}"
        yield Place(where, {**rest, "turn": turn})


def pairs_of(conversation: Any) -> list[tuple[Any, Any]]:
    """Return what is asked and answered in turn; nothing where it is otherwise.

    The last answer is None where the key is in a column of its own.
    """
    if not is_conversation(conversation):
        return []
    turns = from_json(conversation)
    said = [(str(first(each, SPEAKER)).casefold(), first(each, WORDS)) for each in turns]
    said = [(who, words) for who, words in said if who not in SYSTEM]
    asked, answered = said[::2], said[1::2]
    right = all(who in ASKS for who, _ in asked) and all(who in ANSWERS for who, _ in answered)
    if not right:
        return []
    replies = [words for _, words in answered]
    return [(words, reply) for (_, words), reply in zip_longest(asked, replies)]


def first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    """Return the value of the first of several names that a row has."""
    return next((row[name] for name in names if name in row), None)


def text_of(content: Any) -> Any:
    """Return the words of a turn: a text, or the text parts of a list."""
    if not isinstance(content, list):
        return content
    parts = [each.get("text") for each in content if isinstance(each, Mapping)]
    return "\n".join(part for part in parts if isinstance(part, str))


def media_of(content: Any) -> list[Any]:
    """Return the addresses of the pictures and clips among a turn's parts."""
    found: list[Any] = []
    for each in content if isinstance(content, list) else ():
        value = first(each, MEDIA_PARTS) if isinstance(each, Mapping) else None
        value = value.get("url", value.get("path")) if isinstance(value, Mapping) else value
        found += [value] if isinstance(value, str) else []
    return found
