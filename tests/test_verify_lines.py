"""Files of completions: what comes out, what a malformed line says, compare and explain."""

import json
from pathlib import Path

import pytest

from r1data.errors import InputError, UsageError
from r1data.rewards.explain import explain
from r1data.rewards.lines import compare, comparison_text, read_rows, score_file, score_rows

ADDED = ["reward", "right", "seen", "why", "rule", "preset", "version"]
PUBLISHED = ["cot_reward", "rl_reward", "eval_reward", "format_reward", "think", "answer"]


def tagged(answer: str) -> str:
    return f'<think>He says "no"\n\\ 猫 \u00a0.</think>\n<answer>{answer}</answer>'


ROWS = [
    {"problem_type": "numerical", "completion": tagged("5.0"), "solution": "<answer>5</answer>"},
    {
        "problem_type": "multiple choice",
        "completion": tagged("(A)"),
        "solution": "<answer>A</answer>",
        "options": ["A. cat", "B. dog"],
        "id": "x/1",
    },
    {"problem_type": "OCR", "output": "STOP", "reference": "STOP", "options": None},
    {"problem_type": "regression", "completion": tagged("nan"), "solution": "<answer>2</answer>"},
    {"problem_type": "numerical", "completion": tagged("7"), "solution": 7},
    {"problem_type": "numerical", "completion": None, "solution": "7"},
    {"problem_type": "free-form", "completion": tagged("\ud800"), "solution": "cat", "answer": "x"},
]


def written(tmp_path: Path, rows: list[dict], ascii_only: bool = True) -> Path:
    path = tmp_path / "in.jsonl"
    lines = [json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in rows]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def rows_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@pytest.mark.parametrize("preset", ["canonical", "video-r1"])
def test_every_row_comes_out_with_its_fields_and_the_verdict(tmp_path: Path, preset: str) -> None:
    source, target = written(tmp_path, ROWS), tmp_path / "out.jsonl"
    reasons = score_file(source, target, preset=preset)
    found = rows_of(target)
    assert found == list(score_rows(read_rows(source), preset))
    assert sum(reasons.values()) == len(found) == len(ROWS)
    for before, after in zip(ROWS, found, strict=True):
        assert set(ADDED) <= set(after)
        kept = {name: value for name, value in before.items() if name not in PUBLISHED}
        assert {name: after[name] for name in kept} == kept
    judged = [row for row in found if row["why"] != "no_completion"]
    assert all((set(PUBLISHED) <= set(row)) == (preset == "video-r1") for row in judged)


def test_verdicts_are_those_of_the_preset(tmp_path: Path) -> None:
    source = written(tmp_path, ROWS)
    found = [(row["right"], row["why"]) for row in score_rows(read_rows(source), "canonical")]
    assert found == [
        (True, "value_equal"),
        (True, "letter"),
        (True, "exact"),
        (False, "not_finite"),
        (True, "exact"),
        (None, "no_completion"),
        (False, "unparsed_text"),
    ]
    published = list(score_rows(read_rows(source), "video-r1"))
    assert published[0]["why"] == "decimal_presence"
    assert published[3]["cot_reward"] == published[3]["rl_reward"] == 1.0
    assert published[3]["eval_reward"] == 0.0
    assert published[0]["think"] == 'He says "no"\n\\ 猫 \u00a0.'


def test_truths_without_tags_are_empty_only_where_others_have_them(tmp_path: Path) -> None:
    row = {"problem_type": "multiple choice", "completion": "<answer>A</answer>"}
    plain = written(tmp_path, [{**row, "solution": "A"}])
    assert next(iter(score_rows(read_rows(plain), "video-r1")))["reward"] == 1.0
    mixed = written(tmp_path, [{**row, "solution": "A"}, {**row, "solution": "<answer>A</answer>"}])
    assert [row["reward"] for row in score_rows(read_rows(mixed), "video-r1")] == [0.0, 1.0]


def test_lines_are_kept_as_they_were_written(tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    line = '{ "solution":"5" ,"problem_type" : "numerical", "x":1.50, "completion": "\\u00e9" }'
    source.write_text(f"\ufeff{line}\r\n\n  {line}", encoding="utf-8")
    score_file(source, target)
    first, second = target.read_text(encoding="utf-8").split("\n")[:2]
    assert line[:-2] in first
    assert json.loads(second)["why"] == "unparsed_number"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "no line of JSON"),
        ("[1]", "no JSON object"),
        ("\xff", "no line of JSON"),
        ("[" * 100_000, "no line of JSON"),
        ('{"completion": "5", "solution": "5"}', "problem_type"),
        ('{"problem_type": "OCR", "solution": "5"}', "completion"),
        ('{"problem_type": "OCR", "completion": "5"}', "solution"),
        ('{"problem_type": "OCR", "completion": ["5"], "solution": "5"}', "completion"),
        ('{"problem_type": "OCR", "completion": "5", "solution": {}}', "solution"),
        ('{"problem_type": 5, "completion": "5", "solution": "5"}', "problem_type 5 is unknown"),
        ('{"problem_type": 5, "completion": null, "solution": "5"}', "class label"),
        ('{"problem_type": "mcq", "completion": "5", "solution": "5"}', "known are: multiple"),
        (
            '{"problem_type": "OCR", "completion": "5", "solution": "5", "options": "AB"}',
            "options",
        ),
    ],
)
def test_a_malformed_line_is_told_by_file_and_line_and_the_others_are_judged(
    tmp_path: Path, line: str, message: str
) -> None:
    good = json.dumps(ROWS[0])
    path = tmp_path / "in.jsonl"
    path.write_bytes(f"{good}\n{line}\n{good}\n".encode("latin-1"))
    told: list[str] = []
    reasons = score_file(path, tmp_path / "out.jsonl", tell=told.append)
    assert reasons["unreadable_line"] == 1
    text = (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(each) for each in text.split("\n") if each]
    assert [row["why"] == "unreadable_line" for row in rows] == [False, True, False]
    assert rows[1]["right"] is None
    assert f"{path}:2" in rows[1]["fault"]
    assert message in rows[1]["fault"]
    assert told == [rows[1]["fault"]]
    path.write_bytes(f"{line}\n".encode("latin-1"))
    with pytest.raises(InputError, match=message):
        score_file(path, tmp_path / "none.jsonl")
    assert not (tmp_path / "none.jsonl").exists()


def test_a_missing_file_and_an_unknown_preset_are_errors_for_the_person(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        score_file(tmp_path / "none.jsonl", tmp_path / "out.jsonl")
    with pytest.raises(UsageError, match="strict"):
        list(score_rows(read_rows(written(tmp_path, ROWS)), "strict"))


def test_two_presets_are_compared_in_a_table_with_examples(tmp_path: Path) -> None:
    rows = [row for row in ROWS if row["completion" if "completion" in row else "output"]]
    source = written(tmp_path, rows)
    found = compare(read_rows(source), "video-r1", "canonical")
    assert sum(found.counts.values()) == len(rows)
    assert found.counts[False, True] == 3
    assert found.counts[True, False] == 1
    assert found.examples[True, False][0]["why"] == ("nan_wins", "not_finite")
    text = comparison_text(found)
    assert "video-r1 says right, canonical says wrong:" in text
    assert "nan_wins" in text


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        (0, ["numerical", "'5.0'", "answer_tag", "value_equal", "right"]),
        (1, ["A, 'cat'", "letter", "reward     1.0"]),
        (2, ["'STOP'", "bare", "right is 0.9 and more"]),
        (3, ["no number (not_finite)", "wrong"]),
        (5, ["no completion"]),
    ],
)
def test_a_row_is_explained_step_by_step(tmp_path: Path, row: int, parts: list[str]) -> None:
    lines = list(read_rows(written(tmp_path, ROWS)))
    text = explain(lines[row])
    assert f"in.jsonl:{row + 1}" in text
    for part in parts:
        assert part in text, text


def test_the_published_preset_is_explained_too(tmp_path: Path) -> None:
    lines = list(read_rows(written(tmp_path, ROWS)))
    text = explain(lines[3], "video-r1")
    assert "nan_wins" in text
    assert "first complete pair" in text
