"""Plan and sources check: what is said before a build is what the build then does."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import r1data
from r1data.cli import app
from r1data.errors import UsageError
from r1data.plan import disk_line, fetch_lines, make_plan, plan_text
from r1data.recipe import load_recipe

CHOICE = {"problem_type": "multiple choice", "data_type": "video", "options": ["A. x", "B. y"]}
ROWS: list[dict[str, Any]] = [
    {"problem_id": 1, "path": "a.mp4", "solution": "<answer>A</answer>"},
    {"problem_id": 2, "path": "gone.mp4", "solution": "<answer>A</answer>"},
    {"problem_id": 3, "path": "a.mp4", "solution": "<answer>F</answer>"},
    {"problem_id": 4, "path": "empty.mp4", "solution": "<answer>B</answer>"},
]
TEMPLATES = {"own-data", "loop", "loop-faithful", "loop-grounded", "loop-rl"}
GB = 10**9


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Own questions of which one is sound."""
    (tmp_path / "a.mp4").write_bytes(b"a clip, never opened here")
    (tmp_path / "empty.mp4").touch()
    rows = [{**CHOICE, "problem": f"What now, {i}?", **row} for i, row in enumerate(ROWS)]
    (tmp_path / "q.json").write_text(json.dumps(rows))
    path = tmp_path / "r.yaml"
    path.write_text(
        "pipeline: cot\nname: own\nsources: {own: {path: q.json, media_root: .}}\n"
        "teacher: {model: offline, prompt: grounded, n: 2}\nrun: {lanes: [{url: offline}]}\n"
    )
    return path


def test_the_plan_says_how_many_rows_fall_out_and_why_as_the_build_does(recipe: Path) -> None:
    made = make_plan(load_recipe(recipe))
    text = plan_text(made)
    assert "3 of 4 rows fall out before anybody is asked" in text
    assert "missing_media 2, the first is own/2: there is no file gone.mp4" in text
    assert "no_truth 1, the first is own/3" in text
    assert "1 missing: gone.mp4" in text
    assert made["teacher"]["requests"] == 2
    build = r1data.build(recipe, engine="inline", until="media")
    dropped = {step.reason: step.rows for step in build.counts().steps}
    assert made["dropped_already"] == dropped


def test_sources_check_is_a_table_and_exits_with_3_where_rows_fall_out(recipe: Path) -> None:
    done = CliRunner().invoke(app, ["sources", "check", str(recipe), "--rows", "3"])
    assert done.exit_code == 3
    assert "own: 4 rows; the first 3 become" in done.stdout
    assert "no_truth!" in done.stdout and "own/4" not in done.stdout.partition("drops")[0]
    assert "missing_media 2, the first is own/2: there is no file gone.mp4" in done.stdout
    with pytest.raises(ValueError):
        json.loads(done.stdout)
    sound = CliRunner().invoke(app, ["sources", "check", "demo"])
    assert sound.exit_code == 0 and "all 120 rows can be used" in sound.stdout


@pytest.mark.parametrize(("keys", "base"), [((0, 1), 0), ((1, 2), 1)])
def test_sources_check_says_what_numbers_as_keys_count_from(
    recipe: Path, keys: tuple[int, int], base: int
) -> None:
    rows = [
        {**CHOICE, "problem": f"What, {i}?", "problem_id": i, "path": "a.mp4", "solution": str(key)}
        for i, key in enumerate(keys)
    ]
    (recipe.parent / "q.json").write_text(json.dumps(rows))
    done = CliRunner().invoke(app, ["sources", "check", str(recipe)])
    assert done.exit_code == 0
    assert f"key           a number: the first option is {base}" in done.stdout


@pytest.mark.parametrize("name", sorted(TEMPLATES))
@pytest.mark.parametrize("verb", [["plan"], ["build"], ["sources", "check"]])
def test_a_template_says_what_it_is(name: str, verb: list[str]) -> None:
    done = CliRunner().invoke(app, [*verb, name])
    assert isinstance(done.exception, UsageError)
    assert f"{name} is a template" in str(done.exception) and ".json" in str(done.exception)


def test_a_copy_of_a_template_is_a_recipe_like_any_other(recipe: Path) -> None:
    text = recipe.read_text().replace("name: own", "name: own-data")
    Path("own-data.yaml").write_text(f"# My questions.\n{text}")
    assert make_plan(load_recipe("own-data.yaml"))["rows"] == 4


def test_sizes_that_nobody_knows_are_no_upper_bound() -> None:
    fetch: dict[str, Any] = {"bytes": 14.2 * GB, "size_unknown": ["x", "y"], "media_by_hand": []}
    made = {"fetch": fetch, "gated_without_token": []}
    assert "at least 14.2 GB + 2 sources of unknown size" in fetch_lines(made)[0]
    assert "0.0 GB" not in fetch_lines({**made, "fetch": {**fetch, "bytes": 0}})[0]
    assert "at most 14.2 GB" in fetch_lines({**made, "fetch": {**fetch, "size_unknown": []}})[0]
    disk = {**made, "disk_needed_bytes": 20 * GB, "disk_free_bytes": 15 * GB}
    assert "5.0 GB TOO LITTLE" in disk_line(disk)
    assert "TOO LITTLE" not in disk_line({**disk, "disk_free_bytes": 25 * GB})
