"""Selection: which samples stay, with which answer, and the reason of every other."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from r1data.grid.build import Cell
from r1data.schema import arrow_schema
from r1data.selection import select

SAMPLE = {
    "id": "s/1",
    "problem_type": "multiple choice",
    "options": ["cat", "dog"],
    "solution": "B",
    "drop_reason": None,
}
RIGHT = "<think>It barks, so it is a dog. The answer is B.</think><answer>B</answer>"
GUESS = "<think>It purrs, so it is a cat. The answer is A.</think><answer>B</answer>"
WRONG = "<think>It purrs, so it is a cat. The answer is A.</think><answer>A</answer>"


def filled(schema: str, rows: list[dict[str, Any]]) -> pa.Table:
    names = arrow_schema(schema).names
    full = [{**dict.fromkeys(names), **row} for row in rows]
    return pa.Table.from_pylist(full, arrow_schema(schema))


def decided(
    answers: list[tuple[str | None, bool | None, str]],
    pass_rate: tuple[float, float] = (0.0, 1.0),
    consistency: bool = False,
    frames: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """answers: (text, right, why) of each k"""
    each = [{"id": "s/1", "k": k} for k in range(len(answers))]
    texts = [
        {**row, "text": text, "fault": "HTTP 400"}
        for row, (text, _, _) in zip(each, answers, strict=True)
    ]
    verdicts = [
        {**row, "right": right, "why": why, "seen": text}
        for row, (text, right, why) in zip(each, answers, strict=True)
    ]
    options = {"pass_rate": list(pass_rate), "consistency": consistency}
    cell = Cell("selection", "00000", options, {}, Path(), Path())
    tables = (
        filled("sample", [SAMPLE]),
        filled("frames", [{"id": "s/1", **(frames or {})}]),
        filled("response", texts),
        filled("verdict", verdicts),
    )
    return select(*tables, cell=cell).to_pylist()[0]


def test_the_first_right_answer_is_chosen() -> None:
    row = decided([(WRONG, False, "x"), (RIGHT, True, "x"), (RIGHT, True, "x")])
    assert (row["k"], row["drop_reason"]) == (1, None)
    assert row["pass_rate"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([(WRONG, False, "wrong_letter")], "wrong"),
        ([("", False, "no_answer")], "no_answer"),
        ([("  ", False, "wrong_letter")], "no_answer"),
        ([("<think>and", None, "truncated")], "truncated"),
        ([("I cannot help", None, "refused")], "refused"),
        ([(None, None, "failed")], "failed"),
        ([(None, None, "failed"), (WRONG, False, "x")], "wrong"),
        ([], "failed"),
    ],
)
def test_a_sample_without_a_right_answer_says_why(
    answers: list[tuple[str | None, bool | None, str]], reason: str
) -> None:
    row = decided(answers)
    assert (row["k"], row["drop_reason"]) == (None, reason)
    assert row["drop_detail"]


def test_the_pass_rate_band_keeps_what_lies_in_it() -> None:
    half = [(RIGHT, True, "x"), (WRONG, False, "x")]
    assert decided(half, (0.5, 0.5))["drop_reason"] is None
    assert decided(half, (0.6, 1.0))["drop_reason"] == "too_hard"
    assert decided(half, (0.0, 0.4))["drop_reason"] == "too_easy"
    assert decided([(WRONG, False, "x")], (0.1, 1.0))["drop_reason"] == "too_hard"


def test_a_thought_that_concludes_otherwise_is_passed_over_or_dropped() -> None:
    assert decided([(GUESS, True, "x"), (RIGHT, True, "x")], consistency=True)["k"] == 1
    row = decided([(GUESS, True, "x")], consistency=True)
    assert row["drop_reason"] == "inconsistent"
    assert decided([(GUESS, True, "x")])["k"] == 0


def test_an_earlier_reason_is_carried_to_the_end() -> None:
    row = decided([], frames={"drop_reason": "undecodable", "drop_detail": "no pictures"})
    assert (row["drop_reason"], row["drop_detail"]) == ("undecodable", "no pictures")
