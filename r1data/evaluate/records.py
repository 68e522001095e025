"""One record a row, as JSON lines: what was asked, what came back, what it is worth."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from r1data.errors import InputError
from r1data.evaluate.published import RULES
from r1data.evaluate.rows import Item
from r1data.evaluate.scoring import score_answer
from r1data.grid.shards import write_text
from r1data.sources.reading import read_rows

NAME = "records.jsonl"
Record = dict[str, Any]
ANSWER = ("output", "finish_reason", "tokens_in", "tokens_out", "seconds")
ASKED = ("problem", "problem_type", "solution", "options")
NEEDED = ("id", "benchmark", "groups", *ASKED, "state", "output")


def new_record(benchmark: str, item: Item) -> Record:
    """Return the record of a question that was not asked yet."""
    sample = item.sample
    asked = {name: sample[name] for name in ASKED}
    scores = ("score", "rule", "why", "seen", "video_r1", "published_rule")
    blank = dict.fromkeys((*ANSWER, "judge", *scores))
    state = "left_out" if item.left_out else "unasked"
    return {
        "id": item.id,
        "benchmark": benchmark,
        "groups": dict(item.groups),
        **asked,
        "published": dict(item.published),
        "state": state,
        "detail": item.left_out or None,
        **blank,
    }


def answered(record: Mapping[str, Any], response: Mapping[str, Any]) -> Record:
    """Return a record with what the model said: an answer, a refusal, or an endpoint's failure."""
    text = response["text"]
    state = "answered" if text is not None else "failed"
    if text is None and response.get("finish_reason") == "content_filter":
        state = "refused"
    found = {name: response.get(name) for name in ANSWER[1:]}
    return {**record, **found, "state": state, "detail": response.get("fault"), "output": text}


def scored(record: Mapping[str, Any]) -> Record:
    """Return a record with its score; a model that refuses is wrong, as published rules have it."""
    if record["state"] == "refused":
        told = {"score": 0.0, "rule": "refused", "why": "refused", "seen": None}
        return {**record, **told, "published_rule": 0.0 if record["benchmark"] in RULES else None}
    if record["state"] != "answered":
        return {**record, "score": None, "rule": None, "why": None, "seen": None}
    row = {**record, **(record.get("published") or {})}
    result = score_answer(record["benchmark"], row, record["output"])
    return {**record, **result._asdict()}


def write_records(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write records as JSON lines, at once or not at all."""
    lines = [json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in records]
    write_text(path, "".join(f"{line}\n" for line in lines))


def read_records(folder: Path) -> list[Record]:
    """Return the records of a run's folder. Raises InputError where there are none."""
    path = folder / NAME if folder.is_dir() else folder
    if not path.is_file():
        raise InputError(f"{folder} holds no {NAME}: it is no finished evaluation")
    records = []
    for raw in read_rows(path):
        missing = [name for name in NEEDED if name not in raw.row]
        if missing:
            raise InputError(f"{path}, {raw.where}: no column '{missing[0]}'")
        records.append(raw.row)
    return records


def is_record(row: Mapping[str, Any]) -> bool:
    """Tell whether a row is a record of ours."""
    return all(name in row for name in NEEDED)
