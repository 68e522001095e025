"""Media come back: the same rows, byte for byte, and those that do not are named."""

import json
import shutil
from pathlib import Path

import datasets
import pytest
from test_release import build_own, write_questions
from typer.testing import CliRunner

import r1data
from r1data.building import Build
from r1data.cli import app
from r1data.errors import UsageError
from r1data.release.check import check
from r1data.release.diff import diff
from r1data.release.layout import read_rows
from r1data.release.materialise import materialise


@pytest.fixture
def index_only(demo: Build, tmp_path: Path) -> Path:
    """The demo again without media: its cells are all made but for the release."""
    copy = tmp_path / "build"
    shutil.copytree(demo.path, copy)
    sets = ["sources.shapes.rows=40", "release.configs=[index-only]"]
    return r1data.build("demo", out=copy, engine="inline", overrides=sets).release


def test_a_release_without_media_becomes_the_one_with_them(
    demo: Build, index_only: Path, tmp_path: Path
) -> None:
    done = materialise(index_only, tmp_path / "back")
    assert (done.rows, done.left_out, done.other_pictures) == (demo.counts().left, {}, [])
    changes = diff(demo.path, done.out)
    assert (changes.added, changes.removed, changes.changed) == ([], [], {})
    assert changes.config == "frames"
    assert check(done.out).findings == []
    assert sorted(path.name for path in tmp_path.glob(".*")) == []
    for name in (None, "text", "shapes"):
        data = datasets.load_dataset(str(done.out), name, split="train", cache_dir="cache")
        assert len(data) == sum(split == "train" for split, _ in read_rows(demo.release, "frames"))


def test_rows_whose_media_are_gone_or_are_others_are_left_out_by_name(tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    write_questions(questions, rows=6)
    full = build_own(questions)
    shutil.copytree(full.release, tmp_path / "full")
    index = build_own(questions, "release.configs=[index-only]", out="index").release
    (tmp_path / "2.png").unlink()
    shutil.copy(tmp_path / "3.png", tmp_path / "4.png")
    lines = questions.read_text().splitlines()
    questions.write_text("\n".join(line for line in lines if '"problem_id": 5' not in line))
    said = ["--set", f"sources.own.path={questions}", "--json"]
    ran = CliRunner().invoke(app, ["materialise", str(index), "--out", "back", *said])
    assert ran.exit_code == 3, ran.output
    told = json.loads(ran.stdout)
    assert set(told["left_out"]) == {"own/2", "own/4", "own/5"}
    assert "no file 2.png" in told["left_out"]["own/2"]
    assert "another one than it was" in told["left_out"]["own/4"]
    assert "no such row" in told["left_out"]["own/5"]
    changes = diff(tmp_path / "full", "back")
    assert changes.removed == ["own/2", "own/4", "own/5"]
    assert (changes.added, changes.changed, changes.unchanged) == ([], {}, 3)
    assert check("back").findings == []
    named = Path("back/left_out.tsv").read_text().splitlines()
    assert [line.partition("\t")[0] for line in named] == ["own/2", "own/4", "own/5"]


def test_only_sources_are_read_of_a_recipe_that_says_where_they_lie(tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    write_questions(questions, rows=3)
    index = build_own(questions, "release.configs=[text]", out="index").release
    places = tmp_path / "places.yaml"
    places.write_text(f"frames: {{count: 2}}\nsources: {{own: {{path: {questions}}}}}\n")
    done = materialise(index, tmp_path / "back", recipe=places)
    assert (done.rows, done.left_out) == (3, {})


def test_what_needs_no_media_or_has_no_room_is_refused(demo: Build, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds its pictures"):
        materialise(demo.path, tmp_path / "back")
