"""The score by the rules of the benchmarks' authors alone, read in their code, beside ours.

The verdicts here are what their own scripts give (300,000 made-up answers of each rule were held
against those scripts by hand, without a difference).
"""

import json
from pathlib import Path
from typing import Any

import pytest

from r1data.evaluate.alone import score_file
from r1data.evaluate.published import RULES, rate
from r1data.evaluate.table import compare, report_text, table_text

OPTIONS = ["a red ball", "Blue cup", "nobody", "a dog that runs"]
CHOICE = {"problem_type": "multiple choice", "solution": "B", "options": OPTIONS}
METERS = {"problem_type": "regression", "solution": "4.0", "options": []}
OPEN = {"problem_type": "free-form", "solution": "12.97", "options": []}
ASKED = "Which?\nOption 1: It falls.\nOption 2: It rises."
MATCHING = {
    **CHOICE,
    "task": "caption_matching",
    "question": ASKED,
    "answer": "Option 2: It rises.",
}

# Benchmark, answer, row, worth by the authors' rule.
CASES: list[tuple[str, str, dict[str, Any], float | None]] = [
    ("vsi-bench", "B", CHOICE, 1),
    ("vsi-bench", "b. Blue cup", CHOICE, 1),
    ("vsi-bench", "B.Blue cup", CHOICE, 0),
    ("vsi-bench", "(B)", CHOICE, 0),
    ("vsi-bench", "The answer is B", CHOICE, 0),
    ("vsi-bench", "", CHOICE, 0),
    ("vsi-bench", "4", METERS, 1),
    ("vsi-bench", "4.0. meters", METERS, 1),
    ("vsi-bench", "2.0 m", METERS, 0.1),
    ("vsi-bench", "5", METERS, 0.6),
    ("vsi-bench", "4m", METERS, 0),
    ("vsi-bench", "about 4", METERS, 0),
    ("vsi-bench", "nan", METERS, 0),
    ("mvbench", "(B) Blue cup", CHOICE, 1),
    ("mvbench", "B. Blue cup", CHOICE, 1),
    ("mvbench", "b", CHOICE, 1),
    ("mvbench", "(B)Blue", CHOICE, 1),
    ("mvbench", "A", CHOICE, 0),
    ("mvbench", "Blue cup", CHOICE, 0),
    ("mvbench", "The answer is B", CHOICE, 0),
    ("mvbench", "", CHOICE, 0),
    ("videomme", "B", CHOICE, 1),
    ("videomme", "The best answer is: B.", CHOICE, 1),
    ("videomme", "Answer: B", CHOICE, 1),
    # The list lacks a comma here: the "B" of "Best" is read
    ("videomme", "Best option: A", {**CHOICE, "solution": "A"}, 0),
    ("videomme", "A cup. So B", CHOICE, 0),
    ("videomme", "Clearly B", CHOICE, 0),
    ("videomme", "blue cup", CHOICE, None),
    ("videomme", "", CHOICE, None),
    ("longvideobench", "The correct option is B", CHOICE, 1),
    ("longvideobench", "Best option: B", CHOICE, 1),
    ("longvideobench", "E. none", CHOICE, 0),
    ("longvideobench", "blue cup", CHOICE, 1 / 4),
    ("lvbench", "(B) a dog", CHOICE, 1),
    ("lvbench", "B) a dog", CHOICE, 1),
    ("lvbench", " B. a dog", CHOICE, 1),
    ("lvbench", "I say (B)", CHOICE, 1),
    ("lvbench", "Answer: B", CHOICE, 0),
    ("lvbench", "1) it is (B)", CHOICE, 0),
    ("lvbench", "Blue", CHOICE, 1),
    ("video-holmes", "B", CHOICE, 1),
    ("video-holmes", "[B]", CHOICE, 1),
    ("video-holmes", "A or B: the cup", CHOICE, 0),
    ("video-holmes", "AB: the cup", CHOICE, 1),
    ("video-holmes", "Both A.", CHOICE, 0),
    ("video-holmes", "the cup", CHOICE, 0),
    ("videommmu", "B", CHOICE, 1),
    ("videommmu", "A. no, B. yes", CHOICE, 1),
    ("videommmu", "B: Blue cup", CHOICE, 1),
    ("videommmu", "it is (B) or (A)", CHOICE, 0),
    ("videommmu", "A C B", CHOICE, 1),
    ("videommmu", "a red ball and then a blue cup", CHOICE, 1),
    ("videommmu", "blue cup", CHOICE, 0),
    ("videommmu", "", CHOICE, None),
    ("videommmu", "so x = 12.97", OPEN, 1),
    ("videommmu", "the result is 12.966", OPEN, 1),
    ("videommmu", "x = 12.97\nso it is 13", OPEN, 0),
    ("videommmu", "The answer is pi.", {**OPEN, "solution": "PI"}, 1),
    ("videommmu", "the result is box", {**OPEN, "solution": "x"}, 0),
    ("videommmu", "1,000", {**OPEN, "solution": "1000"}, 1),
    ("videommmu", "", OPEN, None),
    ("tempcompass", "B. Blue cup", {**CHOICE, "task": "multi-choice", "answer": "B. Blue cup"}, 1),
    ("tempcompass", "I say B", {**CHOICE, "task": "multi-choice", "answer": "B. Blue cup"}, 0),
    ("tempcompass", "No, it falls", {**CHOICE, "task": "yes_no", "answer": "no"}, 1),
    ("tempcompass", "Option 2", MATCHING, 1),
    ("tempcompass", "the second", MATCHING, 0),
    ("tempcompass", "It goes up.", {**CHOICE, "task": "captioning", "mc_answer": "B. up"}, None),
    ("mmvu", "B", CHOICE, None),
    ("own", "B", CHOICE, None),
]  # fmt: skip


@pytest.mark.parametrize(("benchmark", "answer", "row", "worth"), CASES)
def test_an_answer_is_worth_what_the_authors_script_says(
    benchmark: str, answer: str, row: dict[str, Any], worth: float | None
) -> None:
    assert rate(benchmark, answer, row) == (None if worth is None else pytest.approx(worth))


def test_every_rule_has_cases() -> None:
    assert set(RULES) == {name for name, *_ in CASES} - {"mmvu", "own"}


WORDY = [
    ("object_counting", [], "4", "There are 4 of them."),
    ("object_counting", [], "4", "4"),
    ("object_rel_distance", OPTIONS, "B", "The answer is (B)."),
    ("object_rel_distance", OPTIONS, "B", "<think>A?</think><answer>B</answer>"),
]


def vsi_rows(folder: Path) -> Path:
    rows = [
        {"id": n, "question_type": kind, "options": options, "ground_truth": truth, "pred": said}
        for n, (kind, options, truth, said) in enumerate(WORDY)
    ]
    path = folder / "vsi.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_both_scores_stand_in_the_report_and_in_its_groups(tmp_path: Path) -> None:
    found = score_file(vsi_rows(tmp_path), "vsi-bench", None, tmp_path / "out")
    assert found["score"]["mean"] == 1.0
    published = found["published_rule"]
    assert (published["mean"], published["n"]) == (0.5, 4)
    assert published["groups"]["task"]["object_counting"]["mean"] == 0.5
    assert "thinking-in-space" in published["source"]
    told = report_text(found)
    assert "by the published rule" in told and "published in vision-x-nyu/thinking-in" in told
    lines = (tmp_path / "out" / "records.jsonl").read_text().splitlines()
    records = list(map(json.loads, lines))
    assert [each["published_rule"] for each in records] == [0, 1, 0, 1]


def test_runs_in_a_table_have_the_score_by_the_published_rule_too(tmp_path: Path) -> None:
    score_file(vsi_rows(tmp_path), "vsi-bench", None, tmp_path / "out")
    (block,) = compare([tmp_path / "out"])
    assert block["runs"][0]["published_rule"]["mean"] == 0.5
    head, row = table_text([block]).splitlines()[1:3]
    assert "published rule" in head and "100.0" in row and "50.0" in row
    without = {**block, "runs": [{**block["runs"][0], "published_rule": None}]}
    assert "published rule" not in table_text([without])


def test_rows_that_the_authors_do_not_count_are_not_in_their_mean(tmp_path: Path) -> None:
    row = {"duration": "short", "options": OPTIONS, "answer": "B"}
    path = tmp_path / "mme.jsonl"
    said = ("B", "the blue cup", "C", "B")
    path.write_text("\n".join(json.dumps({**row, "response": each}) for each in said))
    found = score_file(path, "videomme", None, None)
    assert found["score"] | {"mean": 0.75, "n": 4} == found["score"]
    assert found["published_rule"]["mean"] == pytest.approx(2 / 3)
    assert found["published_rule"]["n"] == 3


def test_a_benchmark_without_a_rule_of_its_authors_has_no_such_score(tmp_path: Path) -> None:
    row = {"options": OPTIONS, "answer": "B", "response": "I take B", "video": "Art/1.mp4"}
    path = tmp_path / "mmvu.jsonl"
    path.write_text(json.dumps(row))
    found = score_file(path, "mmvu", None, None)
    assert found["published_rule"] is None and "published" not in report_text(found)
