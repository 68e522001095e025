"""The command: quick, light, one line for every error, JSON where it reads, and the exit codes."""

import json
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from command_docs import commands
from typer.main import get_command
from typer.testing import CliRunner

from r1data.building import Build
from r1data.cli import app
from r1data.cli_help import GROUPS
from r1data.places import place

HEAVY = ("cv2", "torch", "ray", "datasets", "openai", "av", "decord", "polars", "pyarrow")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "r1data", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100)


def test_importing_r1data_loads_no_heavy_package() -> None:
    code = f"import r1data, sys; print([m for m in {HEAVY} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert loaded.stdout.strip() == "[]"


def test_help_loads_no_heavy_package() -> None:
    code = (
        "import sys\nsys.argv = ['r1data', '--help']\nfrom r1data.cli import main\n"
        f"try: main()\nexcept SystemExit: pass\nprint([m for m in {HEAVY} if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert loaded.stdout.strip().endswith("[]")


def test_help_names_every_command_in_one_group() -> None:
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(get_command(app).commands)
    page = run("--help").stdout
    for title, names in GROUPS.items():
        section = page.partition(f"{title}:\n")[2].partition("\n\n")[0]
        assert [line.split()[0] for line in section.splitlines() if line[2] != " "] == [*names]


def test_no_help_is_cut() -> None:
    names = [name.split()[1:] for name, _ in commands(get_command(app), "r1data")]
    groups = {tuple(name[:1]) for name in names if len(name) > 1}
    for name in [[], *map(list, groups), *names]:
        page = CliRunner().invoke(app, [*name, "--help"], prog_name="r1data").stdout
        assert len(page.splitlines()) > 3
        below = page.partition("\n\n")[2]  # what follows the line of usage
        assert not [line for line in below.splitlines() if line.endswith("...")], page
        assert max(map(len, page.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["build", "nosuch"], 2, "no recipe at nosuch; r1data ships"),
        (["build", "demo", "--set", "teacher.pormpt=x"], 2, "did you mean 'prompt'?"),
        (["build", "demo", "--until", "nowhere"], 2, "no stage 'nowhere'"),
        (["status", "."], 2, "not a build"),
        (["check", "."], 2, "neither a build"),
        (["build"], 2, "Missing argument"),
        (["frobnicate"], 2, "No such command"),
        (["verify", "nosuch.jsonl"], 1, "nosuch.jsonl"),
    ],
)
def test_errors_are_a_line_and_an_exit_code(arguments: list[str], code: int, words: str) -> None:
    done = run(*arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_debug_shows_the_traceback() -> None:
    assert "Traceback" in run("status", ".", "--debug").stderr


def test_a_recipe_typo_names_file_line_and_key() -> None:
    text = (place("recipes") / "demo.yaml").read_text().replace("prompt:", "pormpt:")
    Path("mine.yaml").write_text(text)
    line = 1 + next(i for i, each in enumerate(text.splitlines()) if "pormpt" in each)
    done = run("build", "mine.yaml")
    assert done.returncode == 2
    assert f"mine.yaml, line {line}: unknown key 'pormpt'" in done.stderr


def test_reading_commands_speak_json(demo: Build) -> None:
    path = str(demo.path)
    status = json.loads(run("status", path, "--json").stdout)
    assert status["collected"] == status["left"] + sum(d["rows"] for d in status["dropped"])
    assert [each["stage"] for each in status["stages"]][:2] == ["samples", "media"]
    assert json.loads(run("check", path, "--json").stdout)["findings"] == []
    dropped = demo.table("selection").collect()
    identity = dropped["id"][0]
    story = json.loads(run("why", path, identity, "--json").stdout)
    assert story["stages"]["samples"][0]["id"] == identity
    assert {"samples", "media", "frames", "responses", "selection"} <= set(story["stages"])
    assert json.loads(run("plan", "demo", "--json").stdout)["rows"] == 120
    cards = json.loads(run("sources", "list", "--json").stdout)
    assert {"tabmwp", "own", "shapes"} <= {card["name"] for card in cards}
    assert all(card["license"]["annotations"] for card in cards)
    assert json.loads(run("doctor", "--json").stdout)


def test_why_tells_a_dropped_and_a_released_row(demo: Build) -> None:
    rows = demo.table("selection").collect().to_dicts()
    dropped = next(row for row in rows if row["drop_reason"])
    kept = next(row for row in rows if not row["drop_reason"])
    told = run("why", str(demo.path), dropped["id"]).stdout
    assert f"dropped at selection: {dropped['drop_reason']}" in told
    text = run("why", str(demo.path), kept["id"]).stdout
    number = kept["k"] + 1
    assert f"released with answer {number}" in text and f"  answer {number}   " in text
    assert "answer 0" not in text and "  frames     " in text and "  prompt\n" in text
    answers = demo.table("responses").collect().filter(pl.col("id") == kept["id"])["text"]
    for line in "\n".join(answers).split("\n"):
        assert line in text
    story = json.loads(run("why", str(demo.path), kept["id"], "--json").stdout)
    assert [row["k"] for row in story["stages"]["responses"]] == [0, 1]
    assert run("why", str(demo.path), "shapes/none").returncode == 2


def test_sources_check_shows_what_rows_become() -> None:
    rows = json.loads(run("sources", "check", "demo", "--rows", "2", "--json").stdout)
    assert len(rows) == 2
    assert rows[0]["problem"]


def test_verify_reads_and_writes_json_lines() -> None:
    rows = [
        {"problem_type": "numerical", "solution": "1000", "completion": "<answer>1,000</answer>"},
        {"problem_type": "numerical", "solution": "1000", "completion": "<answer>12</answer>"},
    ]
    Path("in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run("verify", "in.jsonl")
    assert done.returncode == 0, done.stderr
    judged = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["right"] for each in judged] == [True, False]
    assert {"reward", "seen", "why", "rule", "preset", "version"} <= set(judged[0])
    run("verify", "in.jsonl", "--preset", "video-r1", "--out", "out.jsonl")
    assert json.loads(Path("out.jsonl").read_text().splitlines()[0])["right"] is False
    assert "canonical" in run("verify", "in.jsonl", "--compare", "video-r1").stdout
    assert "1,000" in run("verify", "in.jsonl", "--explain", "1").stdout


def test_staged_verbs_stop_after_their_stage() -> None:
    small = ["--set", "sources.shapes.rows=4", "--out", "b", "--engine", "inline"]
    began = time.monotonic()
    assert run("download", "demo", *small).returncode == 0
    assert sorted(path.name for path in Path("b").glob("[0-9].*")) == ["1.samples", "2.media"]
    assert run("filter", "demo", *small).returncode == 0
    assert not Path("b/9.release").exists()
    assert time.monotonic() - began < 100
