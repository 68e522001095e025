"""r1data check of question files: what is wrong is named and counted, nothing is guessed."""

import json
from pathlib import Path
from typing import Any

import pytest
from hub import Hub
from PIL import Image
from test_publish import environment

from r1data.building import Build
from r1data.errors import InputError, UsageError
from r1data.release.check import Report, check

GOOD: dict[str, Any] = {
    "problem_id": 1,
    "problem": "What is first?",
    "data_type": "image",
    "problem_type": "multiple choice",
    "options": ["A. red", "B. blue"],
    "process": "<think>I look.</think>",
    "solution": "<answer>A</answer>",
    "path": "./1.png",
    "data_source": "mine",
}


def written(rows: list[dict[str, Any]], form: str = "jsonl") -> Path:
    path = Path(f"questions.{form}")
    if form == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        lines = [json.dumps(row) for row in rows]
        path.write_text(f"[{','.join(lines)}]" if form == "json" else "\n".join(lines))
    return path


def whats(report: Report) -> str:
    return "\n".join(f"{each.where}: {each.what}" for each in report.findings)


@pytest.mark.parametrize("form", ["json", "jsonl", "parquet"])
def test_a_sound_file_has_no_findings_and_tells_its_figures(form: str) -> None:
    Image.new("RGB", (8, 8)).save("1.png")
    report = check(written([GOOD], form))
    assert report.findings == []
    assert report.rows == 1
    assert report.figures["right answer A"] == 1
    assert report.figures["media"] == 1
    assert report.figures["without any licence"] == 1
    assert report.figures["options lettered with a full stop"] == 1


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"problem": ""}, "no 'problem'"),
        ({"problem_type": "open-ended"}, "problem_type 'open-ended' is unknown; known are: mul"),
        ({"data_type": "audio"}, "data_type 'audio' is unknown; known are: image, video"),
        ({"solution": "A"}, "the solution is not inside answer tags"),
        ({"solution": "<answer> </answer>"}, "the solution is empty"),
        ({"solution": "<answer>C</answer>"}, "the truth is none of the options' letters"),
        ({"options": None}, "multiple choice without options"),
        ({"options": ["A. red", "blue"]}, "an option without its letter"),
        ({"options": ["A. red", "C. blue"]}, "letters are not A, B, C in order"),
        ({"options": ["A. red", "B. red"]}, "two options are the same"),
        (
            {"problem_type": "numerical", "options": [], "solution": "<answer>many</answer>"},
            "the truth of a numerical question is no number",
        ),
        ({"process": "I look."}, "the process is not inside think tags"),
        ({"process": "<think></think>"}, "the process holds no thought"),
        ({"process": "<think>\n\n</think>"}, "the process holds no thought"),
        ({"process": "<think>...</think>"}, "the process holds no thought"),
        ({"process": "<think>[your thoughts]</think>"}, "the process holds no thought"),
        ({"process": "<think>" + "I look. " * 300 + "</think>"}, "the process holds no thought"),
        ({"process": None, "kind": "chain"}, "the process holds no thought"),
        ({"license": {"annotations": "MIT", "media": None}}, "its licence is unknown"),
        ({"path": "../1.png"}, "its path leaves the folder"),
        ({"path": None}, "neither a path nor pictures"),
        ({"path": "./2.png"}, "2.png: is missing"),
        ({"path": "./broken.png"}, "broken.png (UnidentifiedImageError): cannot be read"),
        ({"path": "./empty.mp4", "data_type": "video"}, "empty.mp4 (it is empty): cannot be read"),
        ({"problem_id": 1}, "duplicate id"),
        ({"problem": "What is first?"}, "duplicate question on the same media"),
        ({"path": "./1.PNG"}, "differs from another path in upper and lower case only"),
    ],
)
def test_a_fault_is_named_with_its_first_row(change: dict[str, Any], finding: str) -> None:
    Image.new("RGB", (8, 8)).save("1.png")
    Path("broken.png").write_bytes(b"no picture at all")
    Path("empty.mp4").touch()
    Image.new("RGB", (8, 8)).save("1.PNG")
    row = {**GOOD, "problem_id": 2, "problem": "What is last?", **change}
    report = check(written([GOOD, row]))
    assert finding in whats(report)
    assert report.figures["with a chain of thought"] == 2 - ("no thought" in finding)
    if "media" not in finding and "path" not in change:
        assert "(first: questions.jsonl line 2" in whats(report)


def test_forms_that_are_odd_but_sound_are_counted_only() -> None:
    rows = [
        {**GOOD, "options": ["A: red", "B: blue"], "subtitle": "none", "process": ""},
        {**GOOD, "problem_id": 2, "options": None, "problem_type": "regression"},
    ]
    rows[1]["solution"] = "<answer>2.2</answer>"
    report = check(written(rows))
    assert report.findings == []
    assert report.figures["options lettered with a colon"] == 1
    assert report.figures["extra column subtitle"] == 1
    assert report.figures["options null"] == 1
    assert report.figures["media not looked at"] == 1


def test_a_letter_that_is_right_too_often_is_named() -> None:
    rows = [{**GOOD, "problem_id": i, "problem": f"Which of {i}?"} for i in range(300)]
    assert "A is right 2.00 times as often" in whats(check(written(rows)))


def test_media_that_no_row_names_are_counted() -> None:
    Image.new("RGB", (8, 8)).save("1.png")
    Image.new("RGB", (8, 8)).save("spare.png")
    assert check(written([GOOD])).figures["media unused"] == 1


def test_what_is_no_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no question files"):
        check(tmp_path)
    with pytest.raises(UsageError, match="there is nothing at"):
        check("no/such/place")
    Path("bad.json").write_text("{")
    with pytest.raises(InputError):
        check("bad.json")


def test_a_repository_is_fetched_and_checked(demo: Build) -> None:
    import subprocess
    import sys

    files = {
        path.relative_to(demo.release).as_posix(): path.read_bytes()
        for path in demo.release.rglob("*")
        if path.is_file() and path.name != "gather.json"
    }
    script = "from r1data.release.check import check; print(check('me/set').findings)"
    with Hub() as hub:
        hub.commit("me/set", files)
        ran = subprocess.run(
            [sys.executable, "-c", script],
            env=environment(hub, "home"),
            capture_output=True,
            text=True,
        )
    assert ran.stdout.strip() == "[]", ran.stderr


@pytest.mark.parametrize(
    ("name", "rows", "findings"),
    [
        ("videomme", 2700, ["10 rows: two options are the same"]),
        ("vsibench", 5130, []),
        (
            "mmvu-all",
            1000,
            [
                "375 rows: problem_type 'open-ended' is unknown; known are: multiple choice, "
                "numerical, OCR, free-form, regression",
                "1 rows: duplicate question on the same media",
            ],
        ),
    ],
)
def test_real_benchmarks_are_read_and_their_oddities_named(
    real_data: Path, name: str, rows: int, findings: list[str]
) -> None:
    report = check(real_data / "benchmarks" / f"{name}.json")
    assert report.rows == rows
    assert [each.what.partition(" (first")[0] for each in report.findings] == findings
