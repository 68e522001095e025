"""8 selection: which samples stay, with which response, and why the others fall out."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from r1data.grid.build import Cell
from r1data.grid.drops import Drop
from r1data.rewards.consistency import consistency
from r1data.schema import arrow_schema

# What a sample without a right response is dropped for: the first of these that one of them shows.
# A wrong answer says most about the sample, a failed request nothing.
BLAME = (Drop.WRONG, Drop.NO_ANSWER, Drop.TRUNCATED, Drop.REFUSED, Drop.FAILED)
NOT_WRONG = {
    "no_answer": Drop.NO_ANSWER,
    "truncated": Drop.TRUNCATED,
    "refused": Drop.REFUSED,
    "failed": Drop.FAILED,
}
Row = Mapping[str, Any]


class Answer(NamedTuple):
    """One response with its verdict."""

    response: Row
    verdict: Row


def select(
    samples: pa.Table, frames: pa.Table, responses: pa.Table, verdicts: pa.Table, *, cell: Cell
) -> pa.Table:
    """Return what became of each sample."""
    judged: dict[str, list[Answer]] = {}
    for pair in zip(responses.to_pylist(), verdicts.to_pylist(), strict=True):
        judged.setdefault(pair[0]["id"], []).append(Answer(*pair))
    columns = frames.select(["id", "drop_reason", "drop_detail"]).to_pylist()
    rows = [
        decide(sample, row, judged.get(row["id"], []), cell.options)
        for sample, row in zip(samples.to_pylist(), columns, strict=True)
    ]
    return pa.Table.from_pylist(rows, arrow_schema("selection"))


def decide(sample: Row, row: Row, answers: Sequence[Answer], options: Row) -> Row:
    """Choose the first right response of a sample, or name the reason why it falls out."""
    result = {**row, "k": None, "pass_rate": None}
    if row["drop_reason"]:
        return result
    if not answers:
        return {**result, **drop(Drop.FAILED, "the teacher was never asked about it")}
    right = [answer for answer in answers if answer.verdict["right"]]
    result["pass_rate"] = len(right) / len(answers)
    low, high = options["pass_rate"]
    told = f"{len(right)} of {len(answers)} answers are right, filter.pass_rate"
    if not right and low <= 0.0:
        return {**result, **blame(answers)}
    if result["pass_rate"] < low:
        return {**result, **drop(Drop.TOO_HARD, f"{told} asks for {low}")}
    if result["pass_rate"] > high:
        return {**result, **drop(Drop.TOO_EASY, f"{told} allows {high}")}
    return {**result, **choose(sample, right, options["consistency"])}


def choose(sample: Row, right: Sequence[Answer], consistent: bool) -> Row:
    """Choose the first right response, or the first whose thought concludes with its answer."""
    if not consistent:
        return {"k": right[0].response["k"]}
    detail = ""
    for response, verdict in right:
        found = consistency(sample["problem_type"], response["text"], sample["options"])
        if found.consistent is not False:
            return {"k": response["k"]}
        detail = detail or (
            f"the thought concludes with '{found.concluded}' ({found.why}), "
            f"the answer is '{verdict['seen']}'"
        )
    return drop(Drop.INCONSISTENT, detail)


def blame(answers: Sequence[Answer]) -> dict[str, str]:
    """Name the reason why none of the answers will do, with what the first of its kind said."""
    worst = min(answers, key=lambda answer: BLAME.index(kind(*answer)))
    reason = kind(*worst)
    return drop(reason, describe(reason, *worst, len(answers)))


def kind(response: Row, verdict: Row) -> Drop:
    """Tell what is the matter with an answer that is not right."""
    if response["text"] is not None and not response["text"].strip():
        return Drop.NO_ANSWER
    return NOT_WRONG.get(verdict["why"], Drop.WRONG)


def describe(reason: Drop, response: Row, verdict: Row, count: int) -> str:
    """Say in a sentence what was wrong with an answer."""
    what = {
        Drop.WRONG: f"answered '{verdict['seen']}' ({verdict['why']})",
        Drop.NO_ANSWER: "gave no answer",
        Drop.TRUNCATED: "was cut short by max_tokens",
        Drop.REFUSED: "refused to answer",
        Drop.FAILED: f"could not be asked: {response['fault']}",
    }[reason]
    return f"none of {count} right; the teacher {what}"


def drop(reason: Drop, detail: str) -> dict[str, str]:
    """Return the two columns of a drop."""
    return {"drop_reason": reason.value, "drop_detail": detail}
