"""8 selection: which samples stay, with which response, and why the others fall out."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from r1data.grid.build import Cell
from r1data.grid.drops import Drop
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


def select(frames: pa.Table, responses: pa.Table, verdicts: pa.Table, *, cell: Cell) -> pa.Table:
    """Return what became of each sample."""
    judged: dict[str, list[tuple[Row, Row]]] = {}
    pairs = zip(responses.to_pylist(), verdicts.to_pylist(), strict=True)
    for response, verdict in pairs:
        judged.setdefault(response["id"], []).append((response, verdict))
    columns = frames.select(["id", "drop_reason", "drop_detail"]).to_pylist()
    rows = [decide(row, judged.get(row["id"], []), cell.options) for row in columns]
    return pa.Table.from_pylist(rows, arrow_schema("selection"))


def decide(row: Row, answers: Sequence[tuple[Row, Row]], options: Mapping[str, Any]) -> Row:
    """Choose the first right response of a sample, or name the reason why it falls out."""
    result = {**row, "k": None, "pass_rate": None}
    if row["drop_reason"]:
        return result
    if not answers:
        return {**result, **drop(Drop.FAILED, "the teacher was never asked about it")}
    right = [response["k"] for response, verdict in answers if verdict["right"]]
    rate = len(right) / len(answers)
    result["pass_rate"] = rate
    low, high = options["pass_rate"]
    if not right and low <= 0.0:
        return {**result, **blame(answers)}
    if rate < low:
        detail = (
            f"{len(right)} of {len(answers)} answers are right, filter.pass_rate asks for {low}"
        )
        return {**result, **drop(Drop.TOO_HARD, detail)}
    if rate > high:
        detail = f"{len(right)} of {len(answers)} answers are right, filter.pass_rate allows {high}"
        return {**result, **drop(Drop.TOO_EASY, detail)}
    return {**result, "k": right[0]}


def blame(answers: Sequence[tuple[Row, Row]]) -> dict[str, str]:
    """Name the reason why none of the answers will do, with what the first of its kind said."""
    kinds = [(kind(response, verdict), response, verdict) for response, verdict in answers]
    reason, response, verdict = min(kinds, key=lambda each: BLAME.index(each[0]))
    return drop(reason, describe(reason, response, verdict, len(answers)))


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
