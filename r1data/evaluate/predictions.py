"""Predictions that somebody else made: a file with outputs, scored without a model.

Three forms are read: rows that carry their question (options and truth) beside the output, as
Video-R1's evaluation writes them; rows with an id, whose questions stand in another file; and
TempCompass's own nesting of video, aspect and question. Records of r1data's runs are scored anew.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from r1data.answer_key import read_index, read_key
from r1data.errors import InputError, RowDrop
from r1data.evaluate import tempcompass
from r1data.evaluate.benchmarks import Benchmark
from r1data.evaluate.records import Record, answered, is_record, new_record
from r1data.evaluate.rows import NUMBERS as IDS
from r1data.evaluate.rows import Item, TestSet, called, task_of
from r1data.labels import LETTERS
from r1data.options import read_options
from r1data.rewards.verdict import plain_truth
from r1data.sources.conversations import split_question
from r1data.sources.encodings import read_text
from r1data.sources.mapping import KINDS
from r1data.sources.reading import LINES, Raw, parse_json, read_rows

OUTPUTS = ("output", "completion", "response", "prediction", "model_output", "pred", "text")
TRUTHS = ("solution", "gold", "ground_truth", "gt", "correct_choice", "Answer", "answer")
OPTIONS = ("options", "candidates", "choices", "Options")
PROBLEMS = ("problem", "question", "Question")
# What TempCompass's own results call their columns.
ALIASES = {
    "video-llm-prediction": "prediction",
    "gt-answer": "answer",
    "chatgpt-answer": "judge",
    "chatgpt-response": "judge",
}
# Benchmarks with questions that have no options.
WITHOUT_OPTIONS = ("own", "vsi-bench", "videommmu", "mmvu")
# Video-R1's evaluation writes this for a whole batch of 64 where one clip could not be read.
ERROR = "<answer>error</answer>"


def read_predictions(
    benchmark: Benchmark, path: Path, questions: TestSet | None = None
) -> list[Record]:
    """Return a record for each prediction, not yet scored.

    With `questions` there is a record for each of them, and those without a prediction are
    unasked. Raises InputError naming the row and its columns.
    """
    rows = list(prediction_rows(benchmark, path))
    if questions is not None:
        return joined(benchmark, rows, questions, path)
    return each_or_left_out(benchmark, rows, path, lambda raw: carried(benchmark, raw, path))


def carried(benchmark: Benchmark, raw: Raw, path: Path) -> Record:
    """Return the record of a row that carries its question, or is a record of ours."""
    if is_record(raw.row):
        return {"judge": None, "finish_reason": None, **raw.row}
    return record_of(benchmark, raw, path)


def each_or_left_out(
    benchmark: Benchmark, rows: Sequence[Raw], path: Path, make: Callable[[Raw], Record]
) -> list[Record]:
    """Return a record a row; a bad row is left out with the reason, where not all of them are."""
    records: list[Record] = []
    faults: list[InputError] = []
    for raw in rows:
        try:
            if raw.fault:
                raise InputError(raw.fault)
            records.append(make(raw))
        except InputError as problem:
            faults.append(problem)
        except RowDrop as drop:
            faults.append(InputError(f"{path}, {raw.where}: {drop.detail}"))
        else:
            continue
        records.append(left_out(benchmark, raw, str(faults[-1])))
    if rows and len(faults) == len(rows):
        raise faults[0]
    return records


def left_out(benchmark: Benchmark, raw: Raw, fault: str) -> Record:
    """Return the record of a row that cannot be read."""
    blank = {"problem_type": "", "solution": "", "options": [], "media": []}
    sample = {**blank, "drop_reason": "unreadable", "drop_detail": fault}
    identity = first_of(raw.row, IDS)
    name = str(raw.where if identity is None else identity)
    return new_record(benchmark.name, Item(name, sample, {}, {}))


def prediction_rows(benchmark: Benchmark, path: Path) -> Iterator[Raw]:
    """Yield the rows of a predictions file, whatever its nesting."""
    if path.suffix.lower() in LINES:
        for number, line in enumerate(read_text(path).split("\n"), start=1):
            if line.strip():
                yield parsed_line(line, f"line {number}", path)
        return
    if path.suffix.lower() != ".json":
        yield from read_rows(path, whole=False)
        return
    data = parse_json(read_text(path), str(path))
    if isinstance(data, dict) and isinstance(data.get("results"), list):
        data = data["results"]
    if isinstance(data, list):
        for number, row in enumerate(data, start=1):
            fault = "" if isinstance(row, dict) else f"{path}, row {number}: expected an object"
            yield Raw(f"row {number}", {} if fault else row, fault)
    elif benchmark.name == "tempcompass" and isinstance(data, dict):
        yield from nested_rows(data, path)
    else:
        yield from read_rows(path)


def parsed_line(line: str, where: str, path: Path) -> Raw:
    """Return one line of JSON as a row; one that is none has its fault."""
    place = f"{path}, {where}"
    try:
        row = parse_json(line, place)
    except InputError as problem:
        return Raw(where, {}, str(problem))
    return Raw(where, row) if isinstance(row, dict) else Raw(where, {}, f"{place}: no object")


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


def first_of(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    """Return the value of the first column that a row has, None where it has none of them."""
    return next((row[name] for name in names if row.get(name) is not None), None)


def output_of(row: Mapping[str, Any], where: str) -> Any:
    """Return what the model said. Raises InputError where no column holds it."""
    if not any(name in row for name in OUTPUTS):
        has = ", ".join(map(str, row))
        told = f"{where}: no column with an output (one of {', '.join(OUTPUTS)})"
        raise InputError(f"{told}; the row has: {has}")
    return first_of(row, OUTPUTS)


def with_output(record: Record, row: Mapping[str, Any], where: str, benchmark: Benchmark) -> Record:
    """Put an output into a record; no output at all is a failure, for TempCompass a refusal."""
    text = output_of(row, where)
    if text is not None and not isinstance(text, str):
        text = json.dumps(text)
    reason = row.get("finish_reason")
    fault = None
    if text is None:
        fault = "no output"
        reason = "content_filter" if benchmark.name == "tempcompass" else reason
    elif text.strip() == ERROR:
        text, fault = None, "its batch failed: the output is 'error'"
    response = {"text": text, "finish_reason": reason, "fault": fault}
    return {**answered(record, response), "judge": row.get("judge")}


def record_of(benchmark: Benchmark, raw: Raw, path: Path) -> Record:
    """Return the record of a row that carries its question."""
    where = f"{path}, {raw.where}"
    row = {ALIASES.get(name, name): value for name, value in raw.row.items()}
    if benchmark.name == "tempcompass":
        row["task"] = temp_compass_task(row, path)
    if not any(row.get(name) for name in OPTIONS):
        row["options"] = other_options(benchmark, row)
    uri = first_of(row, ("path", "video_path", "video")) or ""
    identity = first_of(row, IDS)
    sample = {
        "id": str(raw.where.split()[-1] if identity is None else identity),
        "media": [{"uri": str(uri).removeprefix("./")}] if uri else [],
        "origin": {"file": path.name},
        "drop_reason": None,
        "drop_detail": None,
        "problem_type": "",
    }
    sample |= truth_of(benchmark, row, where)
    groups = benchmark.groups(row, sample, where)
    if benchmark.only and sample["problem_type"] != benchmark.only:
        told = f"{benchmark.title} scores {benchmark.only} only"
        sample |= {"drop_reason": sample["problem_type"], "drop_detail": told}
    item = Item(sample["id"], sample, groups, published_of(benchmark, row, sample))
    record = new_record(benchmark.name, item)
    return record if item.left_out else with_output(record, row, where, benchmark)


def truth_of(benchmark: Benchmark, row: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return problem type, options and truth of a row that carries its question."""
    options = read_options(first_of(row, OPTIONS))
    given = first_of(row, TRUTHS)
    if given is None:
        has = ", ".join(map(str, row))
        told = f"{where}: no column with the truth (one of {', '.join(TRUTHS)})"
        raise InputError(f"{told}; the row has: {has}; name the questions with --questions")
    kind = kind_of(benchmark, row, options.texts, where)
    truth = plain_truth(str(given)) or str(given).strip()
    if benchmark.name == "tempcompass" and options.texts:
        truth = tempcompass.lettered(truth)
    if kind == "multiple choice" and options.texts:
        if isinstance(given, int):
            place = read_index(given, options, twins=True)
        else:
            place = read_key(truth, options, twins=True, lettered=True)
        truth = LETTERS[place]
    return {"problem_type": kind, "options": list(options.texts), "solution": truth}


def other_options(benchmark: Benchmark, row: Mapping[str, Any]) -> list[str]:
    """Return options that stand in no list: LongVideoBench's columns, or lines of the question."""
    given = [row.get(f"option{i}") for i in range(5)]
    while given and given[-1] in (None, "", "N/A"):
        given.pop()
    columns = ["" if each is None else str(each) for each in given]
    if columns or benchmark.name in WITHOUT_OPTIONS:
        return columns
    question = str(first_of(row, PROBLEMS) or "")
    if benchmark.name == "tempcompass":
        lettered = row["task"] in ("multi-choice", "caption_matching")
        return tempcompass.options_in(question) if lettered else []
    return split_question(question).options


def kind_of(
    benchmark: Benchmark, row: Mapping[str, Any], options: Sequence[str], where: str
) -> str:
    """Return the problem type: the row's own, or what a benchmark has with or without options."""
    told = first_of(row, ("problem_type",))
    if told is not None:
        if told not in KINDS:
            raise InputError(f"{where}: '{told}' is no problem type: {', '.join(KINDS)}")
        return KINDS[told]
    if benchmark.name == "own":
        raise InputError(f"{where}: no column 'problem_type' (the row has: {', '.join(row)})")
    if options:
        return "multiple choice"
    if benchmark.name not in (*WITHOUT_OPTIONS, "tempcompass"):
        raise InputError(f"{where}: it has no options (the row has: {', '.join(row)})")
    return "regression" if benchmark.name == "vsi-bench" else "free-form"


def temp_compass_task(row: Mapping[str, Any], path: Path) -> str:
    """Return the task of a row of TempCompass; rows with options are multiple choice."""
    told = row.get("task") or row.get("original_question_type")
    task = tempcompass.known_task(str(told)) if told else task_of(path)
    if task is None and first_of(row, OPTIONS):
        return "multi-choice"
    if task is None:
        names = ", ".join(tempcompass.TASKS)
        raise InputError(f"{path}: neither a column 'task' nor its name says which of {names}")
    return task


def published_of(
    benchmark: Benchmark, row: Mapping[str, Any], sample: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what TempCompass's rules need of a row."""
    if benchmark.name != "tempcompass":
        return {}
    answer = str(row.get("answer") or row.get("mc_answer") or "")
    if sample["options"] and row["task"] == "multi-choice":
        answer = tempcompass.labelled(sample["options"], sample["solution"])
    question = str(first_of(row, PROBLEMS) or "")
    mine = {"task": row["task"], "question": question, "answer": answer}
    if row["task"] == "captioning":
        mine["mc_answer"] = str(row.get("mc_answer") or answer)
    return mine


def joined(
    benchmark: Benchmark, rows: Sequence[Raw], questions: TestSet, path: Path
) -> list[Record]:
    """Return a record for each question, with the output that has its id."""
    by_id = called(questions.items)
    seen: dict[str, str] = {}

    def record(raw: Raw) -> Record:
        where = f"{path}, {raw.where}"
        identity = first_of(raw.row, IDS)
        if identity is None:
            has = ", ".join(map(str, raw.row))
            raise InputError(f"{where}: no column with an id ({', '.join(IDS)}); it has: {has}")
        item = by_id.get(str(identity))
        if item is None:
            raise InputError(f"{where}: no question, or more than one, has the id '{identity}'")
        if item.id in seen:
            raise InputError(f"{where}: a second answer to '{identity}', after {seen[item.id]}")
        made = new_record(benchmark.name, item)
        # Beside the questions an answer can only be the model's
        row = aliased(raw.row)
        made = made if item.left_out else with_output(made, row, where, benchmark)
        seen[item.id] = raw.where
        return made

    answers = each_or_left_out(benchmark, rows, path, record)
    ids = {item.id for item in questions.items}
    found = {each["id"]: each for each in answers if each["id"] in ids and not unreadable(each)}
    asked = [found.get(item.id) or new_record(benchmark.name, item) for item in questions.items]
    return asked + [each for each in answers if unreadable(each)]


def unreadable(record: Record) -> bool:
    """Tell whether a record stands for a row that cannot be read."""
    return str(record["detail"]).startswith("unreadable: ")


def aliased(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row whose output may be called answer."""
    return {"output": row["answer"], **row} if "answer" in row else dict(row)
