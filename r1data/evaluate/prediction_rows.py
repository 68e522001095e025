"""The rows of a predictions file, whatever its nesting: one row an answer.

Beside flat tables these are read: Video-R1's `results`, Video-MME's clips with their questions,
answers by id, logs of lmms-eval, and TempCompass's nesting of video, aspect and question.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from r1data.evaluate.benchmarks import Benchmark
from r1data.evaluate.outputs import is_output
from r1data.evaluate.rows import task_of
from r1data.sources.encodings import read_text
from r1data.sources.reading import Layout, Raw, form_of, parse_json, read_rows

# What TempCompass's own results call their columns.
ALIASES = {
    "video-llm-prediction": "prediction",
    "gt-answer": "answer",
    "chatgpt-answer": "judge",
    "chatgpt-response": "judge",
}
# Rows below one key: Video-R1's evaluation, and lmms-eval's logs before 2025.
BELOW = ("results", "logs")


def prediction_rows(benchmark: Benchmark, path: Path) -> Iterator[Raw]:
    """Yield the rows of a predictions file; a row that cannot be read has its fault."""
    if form_of(path) != "json":
        yield from map(flat, read_rows(path, whole=False))
        return
    data = parse_json(read_text(path), str(path))
    below = rows_at(data)
    if isinstance(data, dict) and data and not below and not any(map(nests, data.values())):
        yield from (Raw(f"'{key}'", {"id": key, "output": said}) for key, said in data.items())
    elif benchmark.name == "tempcompass" and isinstance(data, dict) and not below:
        yield from nested_rows(data, path)
    else:
        yield from map(flat, read_rows(path, Layout(rows_at=below), whole=False))


def rows_at(data: Any) -> str:
    """Return the key below which the rows are: in the document, or in each of its clips."""
    if isinstance(data, list):
        each = [isinstance(row, Mapping) and isinstance(row.get("questions"), list) for row in data]
        return "questions" if data and all(each) else ""
    if not isinstance(data, Mapping):
        return ""
    return next((name for name in BELOW if isinstance(data.get(name), list)), "")


def nests(value: Any) -> bool:
    """Tell whether a value holds others."""
    return isinstance(value, list | Mapping)


def flat(raw: Raw) -> Raw:
    """Return a row whose question and output stand side by side."""
    row = {ALIASES.get(name, name): value for name, value in raw.row.items()}
    if "_id" in row and "id" not in row:
        row = {"id": row["_id"], **row}
    responses = row.get("filtered_resps", row.get("resps"))
    if raw.fault or responses is None:
        return raw._replace(row=row)
    while isinstance(responses, list) and len(responses) == 1:
        responses = responses[0]
    if isinstance(responses, list):
        return raw._replace(fault=f"{raw.where}: {len(responses)} responses: keep one of them")
    return raw._replace(row={**logged_question(row), "output": responses})


def logged_question(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a row of lmms-eval's log says of its question.

    The question is in `doc`, or, where that was not written, in what a metric was told of it.
    Outputs in there are what lmms-eval read in the response.
    """
    told = [value for value in row.values() if isinstance(value, Mapping)]
    told.append(row["doc"] if isinstance(row.get("doc"), Mapping) else {})
    merged = {name: value for each in told for name, value in each.items()}
    plain = {name: value for name, value in row.items() if not nests(value)}
    return {name: value for name, value in {**plain, **merged}.items() if not is_output(name)}


def nested_rows(data: Mapping[str, Any], path: Path) -> Iterator[Raw]:
    """Yield TempCompass's predictions: by video and aspect, lists of questions."""
    task = task_of(path)
    choices = path.parent / "multi-choice.json"
    asked = json.loads(choices.read_text()) if task == "captioning" and choices.is_file() else {}
    for video, aspects in data.items():
        for aspect, rows in aspects.items():
            for number, row in enumerate(rows, start=1):
                told: dict[str, Any] = {
                    ALIASES.get(str(name), str(name)): value for name, value in row.items()
                }
                told |= {"id": f"{task}-{video}-{aspect}-{number}", "dim": aspect}
                if task is not None:
                    told["task"] = task
                if "gt-answer" in row:
                    told["mc_answer"] = row["gt-answer"]
                elif asked:
                    told["mc_answer"] = first_answer(asked, video, aspect) or told.get("answer")
                yield Raw(f"'{video}', {aspect}, {number}", told)


def first_answer(asked: Mapping[str, Any], video: str, aspect: str) -> str | None:
    """Return the truth of the multiple-choice question that judges captions."""
    rows = asked.get(video, {}).get(aspect) or [{}]
    return rows[0].get("answer") or rows[0].get("gt-answer")
