"""One bad row is one row: it falls with its reason and place, and the others go on."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from r1data.answer_key import key_text
from r1data.errors import InputError, RowDrop
from r1data.evaluate.benchmarks import load_benchmark
from r1data.evaluate.predictions import read_predictions
from r1data.init import look
from r1data.options import read_options
from r1data.sources.catalogue import load_source
from r1data.sources.cells import plain_cells
from r1data.sources.stage import normalise_all

GOOD: dict[str, Any] = {
    "problem_id": "g",
    "problem": "Which side?",
    "data_type": "image",
    "problem_type": "multiple choice",
    "options": ["A. left", "B. right"],
    "solution": "<answer>B</answer>",
    "path": "1.png",
    "data_source": "mine",
}


def rows_of(folder: Path, rows: list[Any], **entry: Any) -> list[dict[str, Any]]:
    path = folder / "q.json"
    path.write_text(json.dumps(rows))
    return normalise_all(load_source("own", {"path": str(path), **entry}), 0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"problem_type": "choice"}, "no_truth"),
        ({"problem_type": ["a"]}, "no_truth"),
        ({"problem_type": None}, "no_truth"),
        ({"data_type": "audio"}, None),
        ({"problem": ""}, "no_question"),
        ({"problem": ["x"]}, "no_question"),
        ({"problem": 5}, "no_question"),
        ({"options": 5}, "no_truth"),
        ({"options": [["a"], ["b"]]}, "no_truth"),
        ({"options": [str(i) for i in range(40)]}, "no_truth"),
        ({"solution": {"a": 1}}, "no_truth"),
        ({"solution": None}, "no_truth"),
        ({"solution": ["A", "B"]}, "ambiguous_truth"),
        ({"path": None}, "missing_media"),
        ({"path": {"a": 1}}, None),
        ({"problem_type": "numerical", "options": [], "solution": "quite a few"}, "no_truth"),
        ({"problem_type": "regression", "options": [], "solution": "a lot"}, "no_truth"),
        ({"problem_id": "g"}, "duplicate"),
    ],
)
def test_a_bad_row_falls_and_the_others_go_on(
    change: dict[str, Any], reason: str | None, tmp_path: Path
) -> None:
    rows = rows_of(
        tmp_path, [GOOD, {**GOOD, "problem_id": "x", **change}, {**GOOD, "problem_id": "z"}]
    )
    assert [row["drop_reason"] for row in (rows[0], rows[2])] == [None, None]
    if reason:
        assert rows[1]["drop_reason"] == reason, rows[1]["drop_detail"]


@pytest.mark.parametrize("odd", [5, "text", None, [1, 2], {}])
def test_a_row_of_another_json_type_falls_with_its_place(odd: Any, tmp_path: Path) -> None:
    rows = rows_of(tmp_path, [GOOD, odd])
    assert rows[0]["drop_reason"] is None
    assert rows[1]["drop_reason"]
    assert rows[1]["origin"]["row"] == "row 2"


@pytest.mark.parametrize("line", ['{"problem": "cut', "null", '"text"', "9" * 5000, "[" * 99_999])
def test_a_line_that_is_no_row_falls_and_init_and_the_others_go_on(
    line: str, tmp_path: Path
) -> None:
    (tmp_path / "1.png").write_bytes(b"x")
    path = tmp_path / "q.jsonl"
    path.write_text("\n".join([json.dumps(GOOD), line, json.dumps({**GOOD, "problem_id": "h"})]))
    for rows in (
        normalise_all(load_source("own", {"path": str(path)}), 0),
        look(path, tmp_path).rows,
    ):
        assert [bool(row["drop_reason"]) for row in rows] == [False, True, False]
        assert "line 2" in rows[1]["drop_detail"]
    path.write_text(f"{line}\n{line}\n")
    with pytest.raises(InputError, match="line 1"):
        normalise_all(load_source("own", {"path": str(path)}), 0)


@pytest.mark.parametrize("odd", ["text", None, [1]])
def test_a_row_that_is_no_object_among_conversations_falls(odd: Any, tmp_path: Path) -> None:
    talk = [{"from": "human", "value": "What is it?"}, {"from": "gpt", "value": "a dot"}]
    (tmp_path / "1.png").write_bytes(b"x")
    path = tmp_path / "q.json"
    path.write_text(json.dumps([{"image": "1.png", "conversations": talk}, odd]))
    rows = look(path, tmp_path).rows
    assert [bool(row["drop_reason"]) for row in rows] == [False, True]


@pytest.mark.parametrize("value", [True, False, [1], {}, "soon", float("nan")])
def test_a_time_of_another_kind_drops_its_row(value: Any, tmp_path: Path) -> None:
    bad = {**GOOD, "problem_id": "h", "start": value}
    rows = rows_of(tmp_path, [GOOD, bad], mapping={"start": "start"})
    assert [row["drop_reason"] for row in rows] == [None, "undecodable"]


@pytest.mark.parametrize("missing", ["problem_type", "data_type", "problem", "solution", "path"])
def test_a_row_without_a_field_falls_and_a_file_without_it_is_an_error(
    missing: str, tmp_path: Path
) -> None:
    bad = {key: value for key, value in GOOD.items() if key != missing}
    rows = rows_of(tmp_path, [GOOD, {**bad, "problem_id": "x"}])
    assert [bool(row["drop_reason"]) for row in rows] == [False, True]
    with pytest.raises(InputError, match=missing):
        rows_of(tmp_path, [bad, {**bad, "problem_id": "x"}])


def test_a_value_that_a_map_does_not_have_drops_its_row(tmp_path: Path) -> None:
    mapping = {"problem_type": {"field": "kind", "map": {"mc": "multiple choice"}}}
    rows = rows_of(
        tmp_path,
        [{**GOOD, "kind": "mc"}, {**GOOD, "problem_id": "x", "kind": "?"}],
        mapping=mapping,
    )
    assert rows[0]["drop_reason"] is None
    assert "none of its map" in rows[1]["drop_detail"]


def test_keys_that_are_numbers_count_from_where_the_file_says(tmp_path: Path) -> None:
    keys = [0, 1, "A"]
    rows = rows_of(tmp_path, [{**GOOD, "problem_id": str(k), "solution": k} for k in keys])
    assert [row["solution"] for row in rows] == ["A", "B", "A"]
    rows = rows_of(
        tmp_path, [{**GOOD, "problem_id": str(k), "solution": k} for k in (1, 1, 1, "B")]
    )
    assert [row["drop_reason"] for row in rows] == ["ambiguous_truth"] * 3 + [None]


def test_a_fraction_that_excel_took_for_a_day_is_no_option() -> None:
    day, grid = date(2026, 3, 4), [["A", "when"], ["1/2", date(2026, 1, 1)], ["2", date.max]]
    half, *_, whole = list(plain_cells([*grid, [day, date(2026, 2, 1)]]))[1:]
    assert half == ["1/2", "2026-01-01"]
    assert whole == [day, "2026-02-01"]
    with pytest.raises(RowDrop, match="date"):
        read_options([day, "1/2"])
    with pytest.raises(RowDrop, match="date"):
        key_text(day)


def test_eval_score_leaves_bad_lines_out_and_says_why(tmp_path: Path) -> None:
    good = {
        "id": 1,
        "problem_type": "multiple choice",
        "options": ["A. left", "B. right"],
        "solution": "B",
        "output": "<answer>B</answer>",
    }
    hole = {**good, "id": 2, "options": ["A. left", "", "B. right"]}
    lines = [json.dumps(good), "{bad", json.dumps(hole), "[1]", json.dumps({**good, "id": 3})]
    path = tmp_path / "p.jsonl"
    path.write_text("\n".join(lines))
    records = read_predictions(load_benchmark("own"), path, allow_truths=True).records
    assert [each["state"] for each in records] == [
        "answered", "left_out", "left_out", "left_out", "answered",
    ]  # fmt: skip
    for record, words in zip(records[1:4], ("line 2", "option 2 of 3", "line 4"), strict=True):
        assert words in record["detail"]
    path.write_text(lines[1])
    with pytest.raises(InputError, match="line 1"):
        read_predictions(load_benchmark("own"), path)
