"""Which column of a predictions file holds what the model said, and which the ground truth.

A score of ground truths taken for outputs is 100 and looks like a result. So `answer` is an output
only where no other column is one, columns that disagree are refused, and so are outputs that all
equal the ground truths.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from r1data.errors import InputError
from r1data.evaluate.records import Record, scored
from r1data.labels import LETTERS
from r1data.rewards.extract import extract, published_answer
from r1data.sources.reading import Raw

# Names of output columns, whole responses before what somebody read in them. `predicr_answer` is
# how Video-Holmes's evaluate.py spells it.
OUTPUTS = (
    *("output", "completion", "response", "model_output", "model_response", "generated_text"),
    *("generation", "prediction", "model_prediction", "pred", "predict", "model_answer"),
    *("pred_answer", "predicted_answer", "predicr_answer", "video_llm_prediction"),
)
# Names of outputs only where there is none of the above: LLaVA's answers, and bare answers by id.
DOUBTFUL = ("text", "answer")
TRUTHS = (
    *("solution", "gold", "ground_truth", "gt", "correct_choice", "correct_answer", "gt_answer"),
    *("correct_option", "answer_key", "answer", "label", "target"),
)


def plain(name: Any) -> str:
    """Return a column's name without case and marks: "Model Output" is "model_output"."""
    return re.sub(r"\W+", "_", str(name).strip()).casefold()


def is_output(name: Any) -> bool:
    """Tell whether a column's name says that it holds outputs."""
    return plain(name) in OUTPUTS


def first_of(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    """Return the value of the first column that a row has, None where it has none of them."""
    named = {plain(name): value for name, value in row.items() if value is not None}
    return next((named[name] for name in map(plain, names) if name in named), None)


def refuse_twins(rows: Sequence[Raw], columns: Sequence[str], path: Path) -> None:
    """Raise InputError where the ground truth may be in `Answer` or in `answer`, and they differ.

    One may be a model's. To leave out the rows that differ would keep the right ones alone.
    """
    for raw in rows:
        names: dict[str, str] = {}
        for name in (each for each in raw.row if each not in columns and plain(each) in TRUTHS):
            first = names.setdefault(plain(name), name)
            if raw.row[first] != raw.row[name]:
                raise InputError(
                    f"{path}, {raw.where}: the ground truth may be in '{first}' or '{name}': name "
                    "the model's with --output-column, or remove it"
                )


def output_columns(
    rows: Sequence[Raw], path: Path, named: str | None, separate: bool
) -> tuple[str, ...]:
    """Return the columns that hold outputs, or the one that the user named.

    `separate` says that the questions stand in another file, so that `answer` may be an output.
    Raises InputError where there is none.
    """
    columns = dict.fromkeys(str(name) for raw in rows for name in raw.row)
    if named is not None:
        if named not in columns:
            raise InputError(f"{path} has no column '{named}'; it has: {', '.join(columns)}")
        return (named,)
    found = sorted(filter(is_output, columns), key=lambda name: OUTPUTS.index(plain(name)))
    if found or not columns:
        return tuple(found)
    doubtful = DOUBTFUL if separate else DOUBTFUL[:1]
    found = [column for column in columns if plain(column) in doubtful]
    if len(found) == 1:
        return tuple(found)
    if found:
        raise InputError(
            f"{path}: the outputs may be in {' or '.join(map(repr, found))}: name their column "
            "with --output-column"
        )
    first = next(raw for raw in rows if raw.row)
    raise InputError(
        f"{path}, {first.where}: no column with an output (output, response, prediction, pred "
        f"and the like); the row has: {', '.join(columns)}: name it with --output-column"
    )


def output_text(row: Mapping[str, Any], columns: Sequence[str]) -> str | None:
    """Return what the model said: the first of the columns that has a value."""
    value = next((row[name] for name in columns if row.get(name) is not None), None)
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if value is None or isinstance(value, str) else json.dumps(value)


def refuse_disagreement(
    path: Path, first: str, other: str, records: Sequence[Record], others: Sequence[Record]
) -> None:
    """Raise InputError where two columns of outputs give a row different scores."""
    pairs = list(zip(records, others, strict=True))
    differ = [(one, two) for one, two in pairs if not agree(one, two)]
    if differ:
        one, two = differ[0]
        raise InputError(
            f"{path}: the columns '{first}' and '{other}' disagree in {len(differ):,} of "
            f"{len(pairs):,} rows (the first, {one['id']}: {shown(one)} and {shown(two)}): name "
            "the one with the model's outputs, --output-column NAME"
        )


def agree(one: Record, two: Record) -> bool:
    """Tell whether two outputs say the same, or one of them says nothing."""
    if one["output"] is None or two["output"] is None:
        return True
    if readings(one["output"]) & readings(two["output"]):
        return True
    return scored(one)["score"] == scored(two)["score"]


def readings(output: str) -> set[str]:
    """Return an output, and the answer in it as Video-R1 and as we read it."""
    found = (output.strip(), published_answer(output), extract(output).answer)
    return {text.casefold() for text in found if text}


def shown(record: Record) -> str:
    """Return the end of an output, short, for a message."""
    text = " ".join(record["output"].split())
    return f"'{text}'" if len(text) <= 40 else f"'...{text[-40:]}'"


def equal_truths(records: Sequence[Record]) -> bool:
    """Tell whether every output is the ground truth itself, in one of the forms that files have."""
    said = [each for each in records if each["state"] == "answered"]
    return bool(said) and all(each["output"].strip().casefold() in truths(each) for each in said)


def truths(record: Record) -> set[str]:
    """Return the forms of a ground truth: its letter, its text, both, or its place."""
    truth = str(record["solution"])
    published = record.get("published") or {}
    forms = [truth, f"<answer>{truth}</answer>"]
    forms += [str(published[name]) for name in ("answer", "mc_answer") if name in published]
    if truth in LETTERS[: len(record["options"])]:
        place = LETTERS.index(truth)
        text = record["options"][place]
        forms += [str(place), str(place + 1), text]
        for label in (f"{truth}.", f"({truth})", f"{truth})", f"{truth}:"):
            forms += [label, f"{label} {text}"]
    return {form.strip().casefold() for form in forms}


def refuse_truths(path: Path, columns: Sequence[str], count: int, rows: Sequence[Raw]) -> None:
    """Raise InputError: the outputs are the ground truths."""
    has = ", ".join(dict.fromkeys(str(name) for raw in rows for name in raw.row))
    raise InputError(
        f"{path}: all {count:,} outputs (column '{columns[0]}') equal the ground truths: name the "
        f"column with the model's outputs, --output-column NAME (the file has: {has}); if these "
        "are the outputs, add --allow-ground-truth"
    )
