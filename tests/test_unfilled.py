"""Quotas that a source cannot fill are said by plan, build, status, report and dataset card."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import r1data
from r1data.plan import make_plan, plan_text
from r1data.recipe import load_recipe
from r1data.report.facts import quotas
from r1data.status import status_dict, status_text
from r1data.summary import summary
from r1data.unfilled import Unfilled, unfilled

LINES = ["own multiple choice: wanted 5, has 2", "third: wanted 9, has 5"]
RECIPE = """
pipeline: rl
name: some
notes: ["The split over types is ours."]
sources:
  own: {path: q.json, rows: {multiple choice: 5, numerical: 3}}
  third: {path: q.json, rows: 9}
  all: {path: q.json, rows: 0.5}
"""


@pytest.fixture
def questions() -> None:
    """Two choices, three numbers, and a choice whose truth is none of its options."""
    rows: list[dict[str, Any]] = [
        {"problem_type": "numerical", "options": [], "solution": str(i)} for i in range(3)
    ]
    rows += [{"problem_type": "multiple choice", "options": ["x", "y"]} for _ in range(3)]
    for i, row in enumerate(rows):
        Image.new("RGB", (64, 64), (40 * i, 9, 9)).save(f"{i}.png")
        row |= {"problem_id": i, "problem": f"What is {i}?", "path": f"{i}.png"}
        row |= {"data_type": "image", "solution": row.get("solution", "B")}
    rows[-1]["solution"] = "F"
    Path("q.json").write_text(json.dumps(rows))
    Path("r.yaml").write_text(RECIPE)


def test_a_quota_counts_rows_that_can_be_used() -> None:
    row = {"source": "a", "problem_type": "OCR", "drop_reason": None}
    rows = [row, row, {**row, "drop_reason": "no_truth"}]
    assert unfilled({"a": {"rows": {"OCR": 3}}}, rows) == [Unfilled("a", "OCR", 3, 2)]
    assert unfilled({"a": {"rows": {"OCR": 2}}}, rows) == []
    assert unfilled({"a": {"rows": "all"}, "b": {"rows": 0.5}}, rows) == []
    assert unfilled({"b": {"rows": 1}}, rows) == [Unfilled("b", "", 1, 0)]


@pytest.mark.usefixtures("questions")
def test_plan_build_status_report_and_card_say_which_quotas_are_not_filled() -> None:
    planned = plan_text(make_plan(load_recipe("r.yaml")))
    build = r1data.build("r.yaml", out="b", engine="inline")
    card = (build.release / "README.md").read_text()
    for text in (planned, summary(build), status_text(status_dict(build)), card):
        assert [line for line in LINES if line not in text] == []
        assert "own numerical:" not in text
    assert "- The split over types is ours.\n" in card
    (figure,) = quotas(build)
    assert figure()["rows"] == [["own", "multiple choice", 5, 2], ["third", "all", 9, 5]]


@pytest.mark.usefixtures("questions")
def test_a_build_with_a_limit_was_not_meant_to_fill_its_quotas() -> None:
    build = r1data.build("r.yaml", out="b", engine="inline", until="samples", limit=2)
    assert "wanted" not in summary(build)
    assert "wanted" not in plan_text(make_plan(load_recipe("r.yaml", limit=2)))


def test_a_plan_counts_what_a_definition_counts() -> None:
    Path("r.yaml").write_text("pipeline: rl\nname: x\nsources: {geometry3k: {rows: 20000}}\n")
    assert "geometry3k: wanted 20,000, has 9,734" in plan_text(make_plan(load_recipe("r.yaml")))
