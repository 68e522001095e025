"""Predictions that somebody else made: a file with outputs, scored without a model.

Rows carry their question (options and truth) beside the output, as Video-R1's evaluation writes
them, or an id, and the questions stand in another file. Records of r1data's runs are scored anew.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from r1data.answer_key import read_index, read_key
from r1data.errors import InputError, RowDrop
from r1data.evaluate import tempcompass
from r1data.evaluate.benchmarks import Benchmark
from r1data.evaluate.outputs import (
    TRUTHS,
    equal_truths,
    first_of,
    output_columns,
    output_text,
    refuse_disagreement,
    refuse_truths,
    refuse_twins,
)
from r1data.evaluate.prediction_rows import prediction_rows
from r1data.evaluate.records import Record, answered, is_record, new_record
from r1data.evaluate.rows import NUMBERS as IDS
from r1data.evaluate.rows import Item, TestSet, called, task_of
from r1data.labels import LETTERS
from r1data.options import read_options
from r1data.rewards.verdict import plain_truth
from r1data.sources.conversations import split_question
from r1data.sources.mapping import KINDS
from r1data.sources.reading import Raw

OPTIONS = ("options", "candidates", "choices")
PROBLEMS = ("problem", "question")
# Benchmarks with questions that have no options.
WITHOUT_OPTIONS = ("own", "vsi-bench", "videommmu", "mmvu")
# Video-R1's evaluation writes this for a whole batch of 64 where one clip could not be read.
ERROR = "<answer>error</answer>"


class Predictions(NamedTuple):
    """Records that are not scored yet, and the columns of their outputs; none for our records."""

    records: list[Record]
    columns: tuple[str, ...]


def read_predictions(
    benchmark: Benchmark,
    path: Path,
    questions: TestSet | None = None,
    column: str | None = None,
    allow_truths: bool = False,
) -> Predictions:
    """Return a record for each prediction, not yet scored.

    With `questions` there is a record for each of them, and those without a prediction are
    unasked. `column` names the outputs. Raises InputError naming the row and its columns, or where
    columns of outputs disagree, or the outputs equal the ground truths without `allow_truths`.
    """
    rows = list(prediction_rows(benchmark, path))
    if questions is None and any(is_record(raw.row) for raw in rows):
        if column is not None:
            raise InputError(
                f"{path} is a run's: its outputs are in 'output', omit --output-column"
            )
        return Predictions(records_of(benchmark, rows, None, path, ("output",)), ())
    columns = output_columns(rows, path, column, separate=questions is not None)
    if questions is None:
        refuse_twins(rows, columns, path)
    records = records_of(benchmark, rows, questions, path, columns)
    for other in columns[1:]:
        others = records_of(benchmark, rows, questions, path, (other,))
        refuse_disagreement(path, columns[0], other, records, others)
    if not allow_truths and equal_truths(records):
        refuse_truths(path, columns, sum(each["state"] == "answered" for each in records), rows)
    return Predictions(records, columns)


def records_of(
    benchmark: Benchmark,
    rows: Sequence[Raw],
    questions: TestSet | None,
    path: Path,
    columns: Sequence[str],
) -> list[Record]:
    """Return a record a row or question, whose output is in the first filled one of `columns`."""
    if questions is not None:
        return joined(benchmark, rows, questions, path, columns)
    return each_or_left_out(
        benchmark, rows, path, lambda raw: carried(benchmark, raw, path, columns)
    )


def carried(benchmark: Benchmark, raw: Raw, path: Path, columns: Sequence[str]) -> Record:
    """Return the record of a row that carries its question, or is a record of ours."""
    if is_record(raw.row):
        return {"judge": None, "finish_reason": None, **raw.row}
    return record_of(benchmark, raw, path, columns)


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
    blank = {"problem": "", "problem_type": "", "solution": "", "options": [], "media": []}
    sample = {**blank, "drop_reason": "unreadable", "drop_detail": fault}
    identity = first_of(raw.row, IDS)
    name = str(raw.where if identity is None else identity)
    return new_record(benchmark.name, Item(name, sample, {}, {}))


def with_output(
    record: Record, row: Mapping[str, Any], columns: Sequence[str], benchmark: Benchmark
) -> Record:
    """Put an output into a record; no output at all is a failure, for TempCompass a refusal."""
    text = output_text(row, columns)
    reason = row.get("finish_reason")
    fault = None
    if text is None:
        fault = "no output"
        reason = "content_filter" if benchmark.name == "tempcompass" else reason
    elif text.strip() == ERROR:
        text, fault = None, "its batch failed: the output is 'error'"
    response = {"text": text, "finish_reason": reason, "fault": fault}
    return {**answered(record, response), "judge": row.get("judge")}


def record_of(benchmark: Benchmark, raw: Raw, path: Path, columns: Sequence[str]) -> Record:
    """Return the record of a row that carries its question."""
    where = f"{path}, {raw.where}"
    row = {name: value for name, value in raw.row.items() if name not in columns}
    if benchmark.name == "tempcompass":
        row["task"] = temp_compass_task(row, path)
    if not first_of(row, OPTIONS):
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
    return record if item.left_out else with_output(record, raw.row, columns, benchmark)


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
    question = str(first_of(row, PROBLEMS) or "")
    return {
        "problem": question,
        "problem_type": kind,
        "options": list(options.texts),
        "solution": truth,
    }


def other_options(benchmark: Benchmark, row: Mapping[str, Any]) -> list[str]:
    """Return options that stand in no list: a column each, or lines of the question."""
    columns = option_columns(row)
    if columns or benchmark.name in WITHOUT_OPTIONS:
        return columns
    question = str(first_of(row, PROBLEMS) or "")
    if benchmark.name == "tempcompass":
        lettered = row["task"] in ("multi-choice", "caption_matching")
        return tempcompass.options_in(question) if lettered else []
    return split_question(question).options


def option_columns(row: Mapping[str, Any]) -> list[str]:
    """Return the options that have a column each, as LongVideoBench's and VLMEvalKit's have."""
    for names, label in (([f"option{i}" for i in range(5)], ""), (LETTERS, "{}. ")):
        given = [row.get(name) for name in names]
        while given and given[-1] in (None, "", "N/A"):
            given.pop()
        if given:
            pairs = zip(names, given, strict=False)
            return ["" if each is None else label.format(name) + str(each) for name, each in pairs]
    return []


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
    benchmark: Benchmark,
    rows: Sequence[Raw],
    questions: TestSet,
    path: Path,
    columns: Sequence[str],
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
        made = made if item.left_out else with_output(made, raw.row, columns, benchmark)
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
