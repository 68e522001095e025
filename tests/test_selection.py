"""Selection: which samples stay, with which answer, and the reason of every other."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from r1data.grid.build import Cell
from r1data.probes.chance import by_chance
from r1data.recipe import Filter
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
    probes: tuple[dict[str, Any], ...] = (),
    **more: Any,
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
    options = asdict(Filter(list(pass_rate), consistency, **more))
    cell = Cell("selection", "00000", options, {}, Path(), Path())
    tables = (
        filled("sample", [SAMPLE]),
        filled("frames", [{"id": "s/1", **(frames or {})}]),
        filled("response", texts),
        filled("verdict", verdicts),
    )
    probed = [filled("probe", [{"id": "s/1", **probe}]) for probe in probes]
    return select(*tables, *probed, cell=cell).to_pylist()[0]


def probe(name: str, right: int, n: int, chance: float = 0.25) -> dict[str, Any]:
    found = {"probe": name, "n": n, "right": right, "rate": right / n, "chance": chance}
    return {**found, "by_chance": by_chance(right, n, chance)}


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


def test_a_row_solved_without_its_clip_says_probe_figure_and_threshold() -> None:
    row = decided([(RIGHT, True, "x")], probes=(probe("blind", 4, 4),), blind=0.05)
    assert row["drop_reason"] == "solved_blind"
    found, threshold = row["drop_detail"].split("; ")
    assert found == "probe blind: 4 of 4 right without media"
    assert threshold == "chance does that with 0.0039, filter.blind is 0.05"


@pytest.mark.parametrize(("right", "chance"), [(3, 0.25), (4, 0.5)])
def test_what_guessing_does_often_enough_drops_nothing(right: int, chance: float) -> None:
    row = decided([(RIGHT, True, "x")], probes=(probe("blind", right, 4, chance),), blind=0.05)
    assert row["drop_reason"] is None


def test_without_a_threshold_a_probe_drops_nothing() -> None:
    assert decided([(RIGHT, True, "x")], probes=(probe("blind", 4, 4),))["drop_reason"] is None


def test_what_the_order_of_frames_adds_is_told_and_can_be_asked_for() -> None:
    both = (probe("shuffled", 3, 4), probe("pass_rate", 8, 8))
    row = decided([(RIGHT, True, "x")], probes=both)
    assert (row["drop_reason"], row["order_gain"]) == (None, 0.25)
    row = decided([(RIGHT, True, "x")], probes=both, order_gain=0.3)
    assert (row["drop_reason"], row["order_gain"]) == ("order_free", 0.25)
    assert "+0.25" in row["drop_detail"] and "0.3" in row["drop_detail"]


@pytest.mark.parametrize(("right", "reason"), [(0, "too_hard"), (4, None), (8, "too_easy")])
def test_the_students_band_keeps_what_lies_in_it(right: int, reason: str | None) -> None:
    found = (probe("pass_rate", right, 8),)
    row = decided([(RIGHT, True, "x")], probes=found, student_rate=[0.1, 0.9])
    assert row["drop_reason"] == reason


LONG = RIGHT.replace("It barks", "It barks and it wags its tail all the time")


@pytest.mark.parametrize(("how", "k"), [("first", 0), ("shortest", 2), ("median", 1)])
def test_the_response_of_the_asked_for_length_is_chosen(how: str, k: int) -> None:
    texts = (LONG + LONG, LONG, RIGHT)
    assert decided([(text, True, "x") for text in texts], choose=how)["k"] == k


def test_a_thought_that_goes_round_in_circles_is_passed_over_or_dropped() -> None:
    circles = f"<think>{'I look at the dog again. ' * 20}</think><answer>B</answer>"
    assert decided([(circles, True, "x"), (RIGHT, True, "x")], repetitive=0.5)["k"] == 1
    row = decided([(circles, True, "x")], repetitive=0.5)
    assert row["drop_reason"] == "repetitive"
    assert "95%" in row["drop_detail"] or "9" in row["drop_detail"]


APART = "<think>First the door opens, then it runs out into the yard.</think><answer>B</answer>"
NEARLY = RIGHT.replace("so it is a dog", "so it must be a dog")


def test_chains_that_think_alike_are_taken_once() -> None:
    texts = [(RIGHT, True, "x"), (NEARLY, True, "x"), (APART, True, "x")]
    row = decided(texts, chains=3)
    assert (row["k"], row["chains"], row["kind"]) == (0, [0, 2], "chain")
    assert decided(texts)["chains"] == [0]


def test_wrong_answers_may_leave_the_truth_alone_and_failed_requests_may_not() -> None:
    row = decided([(WRONG, False, "wrong_letter")], wrong="direct")
    assert (row["kind"], row["chains"], row["drop_reason"]) == ("direct", [], None)
    row = decided([(None, None, "failed")], wrong="direct")
    assert (row["kind"], row["drop_reason"]) == (None, "failed")


def test_what_every_probe_found_is_kept_beside_the_row() -> None:
    row = decided([(RIGHT, True, "x")], probes=(probe("blind", 1, 4), probe("shuffled", 3, 4)))
    assert [(each["probe"], each["right"]) for each in row["probes"]] == [
        ("blind", 1),
        ("shuffled", 3),
    ]
