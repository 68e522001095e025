"""8 selection: which samples stay, with which response, and why the others fall out."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from r1data.grid.build import Cell
from r1data.grid.drops import Drop
from r1data.probes.chance import drop, outside, settled
from r1data.release.takedown import take_down
from r1data.rewards.consistency import consistency
from r1data.rewards.form import repetition
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
    samples: pa.Table,
    standing: pa.Table,
    responses: pa.Table,
    verdicts: pa.Table,
    *probes: pa.Table,
    cell: Cell,
) -> pa.Table:
    """Return what became of each sample; `standing` says which have fallen out before."""
    judged: dict[str, list[Answer]] = {}
    for pair in zip(responses.to_pylist(), verdicts.to_pylist(), strict=True):
        judged.setdefault(pair[0]["id"], []).append(Answer(*pair))
    columns = standing.select(["id", "drop_reason", "drop_detail"]).to_pylist()
    probed = list(zip(*(table.to_pylist() for table in probes), strict=True)) or [()] * len(columns)
    entries = frozenset(cell.options.get("take_down", ()))
    rows = [
        decide(
            sample,
            filtered(take_down(row, sample, entries), found, cell.options),
            judged.get(row["id"], []),
            cell.options,
        )
        for sample, row, found in zip(samples.to_pylist(), columns, probed, strict=True)
    ]
    return pa.Table.from_pylist(rows, arrow_schema("selection"))


def decide(sample: Row, row: Row, answers: Sequence[Answer], options: Row) -> Row:
    """Choose a right response of a sample, or name the reason why it falls out."""
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
    return {**result, **choose(sample, right, options)}


def filtered(row: Row, probes: Sequence[Row], options: Row) -> Row:
    """Drop a row for what its probes found, by the thresholds of `filter:`; note its order gain."""
    found = {probe["probe"]: probe for probe in probes}
    gain = order_gain(found)
    row = {**row, "order_gain": gain}
    if row["drop_reason"]:
        return row
    for name in ("blind", "few_frame", "shuffled"):
        if options[name] is not None and (
            fell := settled(found[name], options[name], f"filter.{name}")
        ):
            return {**row, **fell}
    least = options["order_gain"]
    if least is not None and gain is not None and gain < least:
        told = f"the order of frames adds {gain:+.2f} right answers, filter.order_gain is {least}"
        return {**row, **drop(Drop.ORDER_FREE, told)}
    if options["student_rate"] is not None:
        fell = outside(found["pass_rate"], options["student_rate"], "filter.student_rate")
        return {**row, **fell}
    return row


def order_gain(found: Mapping[str, Row]) -> float | None:
    """Return the share of right answers with frames in order less that with them shuffled."""
    rates = [found[name]["rate"] if name in found else None for name in ("pass_rate", "shuffled")]
    ordered, shuffled = rates
    return None if ordered is None or shuffled is None else ordered - shuffled


def choose(sample: Row, right: Sequence[Answer], options: Row) -> Row:
    """Choose a right response, passing over those whose thought contradicts or repeats itself."""
    detail: dict[str, str] = {}
    for answer in preferred(right, options["choose"]):
        fault = fault_of(sample, answer, options)
        if not fault:
            return {"k": answer.response["k"]}
        detail = detail or fault
    return detail


def preferred(right: Sequence[Answer], how: str) -> list[Answer]:
    """Return responses, the one to be chosen first: as they came, or by the length of their text.

    "median" goes from the middle length outwards, the shorter one first of two in the middle.
    """
    if how == "first":
        return list(right)
    by_length = sorted(
        right, key=lambda answer: (len(answer.response["text"]), answer.response["k"])
    )
    if how == "shortest":
        return by_length
    middle = (len(by_length) - 1) / 2
    places = sorted(range(len(by_length)), key=lambda place: (abs(place - middle), place))
    return [by_length[place] for place in places]


def fault_of(sample: Row, answer: Answer, options: Row) -> dict[str, str]:
    """Return the drop that a right response deserves for its thought; empty where it is sound."""
    text = answer.response["text"]
    if options["consistency"]:
        found = consistency(sample["problem_type"], text, sample["options"])
        if found.consistent is False:
            told = f"the thought concludes with '{found.concluded}' ({found.why}), "
            return drop(Drop.INCONSISTENT, f"{told}the answer is '{answer.verdict['seen']}'")
    if options["repetitive"] is not None:
        found = repetition(text)
        if found.loop is not None or found.share > options["repetitive"]:
            told = f"{found.share:.0%} of the thought's words repeat earlier passages"
            return drop(Drop.REPETITIVE, f"{told}, filter.repetitive is {options['repetitive']}")
    return {}


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
