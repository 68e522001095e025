"""From a source's row to a sample: fields by the card's mapping, then one set of checks for all.

What is wrong with a single row is a drop reason, a missing field and an unknown type, too. What is
wrong with every row of a file is an InputError: the file or its mapping is.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from r1data.answer_key import index_base, key_text, read_key, read_text_key
from r1data.errors import InputError, RowDrop
from r1data.grid.drops import Drop
from r1data.labels import LETTERS
from r1data.options import Options, no_truth, read_options, short
from r1data.schema_errors import kind_said, suggestion
from r1data.sources.catalogue import Source
from r1data.sources.conversations import number_of
from r1data.sources.encodable import encodable
from r1data.sources.fields import AUTO, fields_of, taken, uris_of
from r1data.sources.reading import Raw
from r1data.sources.transforms import untag

KINDS = {
    "multiple choice": "multiple choice",
    "multiple-choice": "multiple choice",
    "mc": "multiple choice",
    "numerical": "numerical",
    "regression": "regression",
    "free-form": "free-form",
    "open-ended": "free-form",
    "open": "free-form",
    "OCR": "OCR",
}
PROBLEM_TYPES = tuple(dict.fromkeys(KINDS.values()))
# The number of the first option, where a card says what its keys count from.
NUMBERED = {"index from 0": 0, "index from 1": 1}
DATA_TYPES = ("image", "video")
# What a parser's row holds beside columns of the sample stays in its extra, but for these.
COLUMNS = frozenset(
    {"id", "problem", "options", "problem_type", "solution", "data_type", "media", "start", "end"}
    | {"split", "tail", "drop", "problem_id", "data_source"}
)
# What ext4, XFS, APFS and NTFS take of one name, and macOS (PATH_MAX) of a whole path.
LONGEST_PART, LONGEST_PATH = 255, 1024
LETTER_ALONE = re.compile(r"[(\[]?[A-H][)\].]{0,2}")
CLOCK = re.compile(
    r"\s*(?:(?P<hours>\d+):)?(?P<minutes>\d{1,3}):(?P<seconds>[0-5]?\d(?:[.,]\d+)?)\s*$"
)


def normalise(source: Source, raw: Raw, file: str = "", first: int | None = None) -> dict[str, Any]:
    """Return the sample of one row by the card's mapping; a fault of its truth is a drop reason.

    `first` is the number of the first option where the file's keys are numbers.
    """
    file = file or source.route.questions[0]
    where = f"{file}, {raw.where}"
    mapping = source.route.mapping
    values, fault = taken(mapping, raw, where)
    if isinstance(fault, InputError):
        raise fault
    if values["problem_type"] == AUTO:
        values["problem_type"] = type_of(values)
    used = {field for spec in mapping.values() for field in fields_of(spec)}
    rest = {k: v for k, v in raw.row.items() if k not in used and isinstance(v, str | int | float)}
    sample = frame_of(source, raw, values, rest, file)
    try:
        if fault is not None:
            raise fault
        kind = sample["problem_type"] = kind_of(values["problem_type"])
        required_data_type(values["data_type"])
        required_text(values["problem"])
        options = read_options(values.get("options"))
        sample["options"] = list(options.texts)
        sample["solution"] = truth(
            values["solution"], kind, options, source.route.solution_is, first
        )
        sample["media"] = [media_entry(uri, sample["data_type"], values) for uri in uris(values)]
    except RowDrop as drop:
        sample.update(drop_reason=drop.reason.value, drop_detail=drop.detail)
    return encodable(sample)


def unfit_sample(source: Source, raw: Raw, file: str, fault: str) -> dict[str, Any]:
    """Return the sample of a row that has another form than its file's: it is dropped."""
    values, _ = taken(source.route.mapping, raw, "") if not source.route.parser else ({}, None)
    kind, data = values.get("problem_type"), values.get("data_type")
    other = "video" if source.card.data_type == "both" else source.card.data_type
    given = values.get("problem")
    values |= {
        "problem": given if isinstance(given, str) else "",
        "problem_type": kind if kind in PROBLEM_TYPES else source.card.types[0],
        "data_type": data if data in DATA_TYPES else other,
    }
    sample = frame_of(source, raw, values, {}, file)
    detail = fault.removeprefix(f"{file}, ").removeprefix(f"{raw.where}: ")
    return encodable({**sample, "drop_reason": Drop.NO_TRUTH.value, "drop_detail": detail})


def parsed_sample(source: Source, raw: Raw, row: Mapping[str, Any], file: str) -> dict[str, Any]:
    """Return the sample of a row that a parser gave: its options and truth are clean already."""
    values = {"problem": "", "media": [], **row}
    rest = {k: v for k, v in row.items() if k not in COLUMNS and isinstance(v, str | int | float)}
    sample = frame_of(source, raw, values, rest, file)
    try:
        if "drop" in row:
            raise RowDrop(Drop(row["drop"][0]), row["drop"][1])
        required_data_type(row["data_type"])
        sample["options"], sample["solution"] = list(row["options"]), str(row["solution"]).strip()
        if not sample["solution"]:
            raise RowDrop(Drop.NO_TRUTH, "its truth is empty")
        sample["media"] = [media_entry(uri, sample["data_type"], values) for uri in uris(values)]
    except RowDrop as drop:
        sample.update(drop_reason=drop.reason.value, drop_detail=drop.detail)
    return encodable(sample)


def frame_of(
    source: Source, raw: Raw, values: Mapping[str, Any], rest: Mapping[str, Any], file: str
) -> dict[str, Any]:
    """Return the sample without its options, truth and media."""
    said = {k: values[k] for k in ("problem_id", "data_source") if values.get(k) is not None}
    card, route = source.card, source.route
    place = video_r1_path(source, values)
    extra = {**rest, **said, **({"path": place} if place else {})}
    split, data_type = values.get("split"), values["data_type"]
    return {
        "id": f"{source.name}/{row_id(values.get('id'), raw)}",
        "source": source.name,
        "split": None if split is None else str(split),
        "problem": "" if values["problem"] is None else str(values["problem"]).strip(),
        "options": [],
        "problem_type": KINDS.get(str(values["problem_type"]), card.types[0]),
        "solution": "",
        "data_type": data_type if data_type in DATA_TYPES else DATA_TYPES[0],
        "media": [],
        "license": {
            k: card.license[k] for k in ("annotations", "media", "non_commercial", "gated")
        },
        "origin": {
            "repo": route.repo or None,
            "revision": route.revision or None,
            "file": file,
            "row": raw.where,
            "url": route.url or card.homepage or None,
        },
        "extra": json.dumps(extra, ensure_ascii=False, sort_keys=True),
        "drop_reason": None,
        "drop_detail": None,
    }


def video_r1_path(source: Source, values: Mapping[str, Any]) -> str:
    """Return where Video-R1's layout has the first file of a row; "" where no card says."""
    if not source.card.path:
        return ""
    media = values.get("media")
    first = media[0] if isinstance(media, list) and media else media
    inside = source.route.media.get("inside", "")
    tail = values.get("tail") or str(first or "").removeprefix(inside)
    return f"{source.card.path.rstrip('/')}/{tail}" if tail else ""


def row_id(value: Any, raw: Raw) -> str:
    """Return the source's own row id; where it has none, the row's position."""
    return raw.where.split()[-1] if value is None or value == "" else str(value)


def first_number(source: Source, rows: Iterable[tuple[str, Raw]]) -> int | None:
    """Return what numbers as answer keys count from, told from all rows of a source."""
    mapping = source.route.mapping
    if source.route.parser == "video-r1":
        mapping = {"problem": "problem", "options": "options", "solution": "solution"}
    needed = {name: mapping[name] for name in ("problem", "options", "solution") if name in mapping}
    if "solution" not in needed or source.route.solution_is != "letter":
        return None
    return index_base(keys_of(needed, rows))


def keys_of(
    mapping: Mapping[str, Any], rows: Iterable[tuple[str, Raw]]
) -> Iterator[tuple[Any, Options]]:
    """Yield key and options of each row; a row that lacks one of them falls by itself later."""
    for file, raw in rows:
        values, fault = taken(mapping, raw, f"{file}, {raw.where}")
        try:
            options = read_options(values.get("options"))
        except RowDrop:
            continue
        if fault is None:
            yield values["solution"], options


def kind_of(value: Any) -> str:
    """Return one of our problem types, by any of its names. Raises RowDrop."""
    kind = KINDS.get(value) if isinstance(value, str) else None
    if kind is None:
        hint = suggestion(str(value), PROBLEM_TYPES).replace("known keys", "allowed")
        raise no_truth(f"{said_of(value)} is no problem type{hint}")
    return kind


def required_data_type(value: Any) -> None:
    """Raise RowDrop for media that are neither images nor videos."""
    if value not in DATA_TYPES:
        raise RowDrop(Drop.MISSING_MEDIA, f"{said_of(value)} is no data type: image or video")


def said_of(value: Any) -> str:
    """Return a value for a message."""
    return "a blank" if value in (None, "") else f"'{short(value)}'"


def required_text(value: Any) -> None:
    """Raise RowDrop for a question that is blank or not a text."""
    if value is None or (isinstance(value, str) and not value.strip()):
        raise RowDrop(Drop.NO_QUESTION, "its question is blank")
    if not isinstance(value, str):
        raise RowDrop(Drop.NO_QUESTION, f"its question is {kind_said(value)}, not a text")


def type_of(values: Mapping[str, Any]) -> str:
    """Tell a question's type: a choice where it has options, a number where its truth is one.

    A letter without options is a choice whose options are missing: it falls, and is no text.
    """
    key = untag(values["solution"])
    letter = isinstance(key, str) and LETTER_ALONE.fullmatch(key.strip())
    if has_options(values.get("options")) or letter:
        return "multiple choice"
    return "numerical" if is_number(values["solution"]) else "free-form"


def has_options(value: Any) -> bool:
    """Tell whether a row has options: blank ones are none, unreadable ones are some."""
    try:
        return bool(read_options(value).texts)
    except RowDrop:
        return True


def is_number(value: Any) -> bool:
    """Tell whether a truth is a plain number."""
    try:
        number_of(untag(value))
    except RowDrop:
        return False
    return True


def truth(
    value: Any,
    problem_type: str,
    options: Options,
    rule: str = "letter",
    first: int | None = None,
    twins: bool = False,
) -> str:
    """Return the truth as plain text: our letter for multiple choice, else as it was written.

    `first` is the number of the first option where a file's keys are numbers.
    """
    if problem_type != "multiple choice":
        return key_text(value)
    if rule == "text":
        return LETTERS[read_text_key(value, options)]
    return LETTERS[read_key(value, options, NUMBERED.get(rule, first), twins)]


def uris(values: Mapping[str, Any]) -> list[str]:
    """Return the media paths of a row, without a leading "./"."""
    paths = uris_of(values["media"])
    if not paths:
        raise RowDrop(Drop.MISSING_MEDIA, "the row names no media file")
    return [possible(str(PurePosixPath(path.replace("\\", "/")))) for path in paths]


def possible(path: str) -> str:
    """Return a path that a file can have: no NUL, and as long as file systems take."""
    longest = max(len(part.encode("utf-8", "surrogatepass")) for part in path.split("/"))
    if "\0" in path or longest > LONGEST_PART or len(path) > LONGEST_PATH:
        told = path if len(path) < 80 else f"{path[:60]}... ({len(path)} characters)"
        raise RowDrop(Drop.MISSING_MEDIA, f"no file can have the name {told!r}")
    return path


def seconds_of(name: str, value: Any) -> float | None:
    """Return where a part starts or ends, in seconds or as a clock says it. Raises RowDrop."""
    if value in (None, ""):
        return None
    value = str(value) if isinstance(value, bool) else value  # float(True) is a second
    clock = CLOCK.match(value) if isinstance(value, str) else None
    try:
        found = clock_seconds(clock) if clock else float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise RowDrop(Drop.UNDECODABLE, f"its {name} '{value}' is not a number of seconds")
    return found


def clock_seconds(clock: re.Match[str]) -> float:
    """Return the seconds of h:mm:ss.ms or mm:ss."""
    hours, minutes, seconds = clock["hours"] or 0, clock["minutes"], clock["seconds"]
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds.replace(",", "."))


def media_entry(uri: str, data_type: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return one entry of a sample's media; facts of the file come with its download."""
    seconds = {key: seconds_of(key, values.get(key)) for key in ("start", "end")}
    blank = dict.fromkeys(("sha256", "bytes", "width", "height", "seconds"))
    return {"role": "question", "kind": data_type, "uri": uri, **blank, **seconds}
