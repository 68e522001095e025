"""r1data init: a few answers, or none, and the recipe builds."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from clips import Clip, make

from r1data import cli_init
from r1data.building import build
from r1data.errors import InputError, UsageError
from r1data.init import look, media_root_of
from r1data.recipe import load_recipe

QUESTIONS = """\
clip,question,options,answer
a.mp4,Which shape enters the picture first?,the red square | the blue circle,the red square
a.mp4,How many shapes are there? ,,2
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as a newcomer has it: clips and one table of questions."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clips").mkdir()
    make(Clip("a.mp4"), tmp_path / "clips")
    (tmp_path / "questions.csv").write_text(QUESTIONS.split("a.mp4,How")[0])
    return tmp_path


def init(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "r1data", "init", *options],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_a_recipe_from_options_alone_builds_as_it_is(own: Path) -> None:
    done = init("--name", "mine", "--url", "offline", "--model", "offline")
    assert done.returncode == 0, done.stderr
    recipe = load_recipe("mine.yaml")
    assert recipe.sources["own"]["media_root"] == "clips/"
    counts = build(recipe, engine="inline", until="samples").counts()
    assert (counts.collected, counts.left) == (1, 1), "a cell of a table holds all its options"


def test_questions_of_several_types_in_one_table_are_told_apart(own: Path) -> None:
    Path("questions.csv").write_text(QUESTIONS + "a.mp4,What is the colour of the sky?,,blue\n")
    assert init("--name", "mine", "--url", "offline", "--model", "offline").returncode == 0
    done = build(load_recipe("mine.yaml"), engine="inline", until="samples")
    types = done.table("samples").collect()["problem_type"].to_list()
    assert types == ["multiple choice", "numerical", "free-form"]
    assert done.counts().left == 3


def test_on_a_terminal_it_asks_and_takes_what_it_found_where_one_presses_enter(own: Path) -> None:
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "r1data", "init"], stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    for answer in ("", "", "asked", "a-model", "http://127.0.0.1:9/v1", "$MY_KEY", "CC-BY-NC-4.0"):
        os.write(ours, f"{answer}\n".encode())
    assert running.wait(30) == 0
    os.close(ours)
    recipe = load_recipe("asked.yaml")
    assert recipe.teacher is not None
    assert recipe.teacher.model == "a-model"
    assert recipe.run.lanes[0]["key"] == "$MY_KEY"
    assert recipe.sources["own"]["license"]["non_commercial"] is True


def test_the_offline_teacher_has_no_key_however_it_is_named(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = {"Endpoint": "offline", "Name": "mine"}
    monkeypatch.setattr(
        cli_init, "asked", lambda question, default, given=None: typed.get(question, str(default))
    )
    cli_init.init(Path("questions.csv"), Path("clips"))
    assert load_recipe("mine.yaml").run.lanes == [{"url": "offline", "concurrency": 16}]


def test_a_recipe_is_never_overwritten(own: Path) -> None:
    Path("mine.yaml").write_text("precious")
    done = init("--name", "mine")
    assert done.returncode == UsageError.exit_code
    assert "mine.yaml is there already" in done.stderr
    assert Path("mine.yaml").read_text() == "precious"


def test_an_empty_folder_says_what_to_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = init()
    assert done.returncode == UsageError.exit_code
    assert "there is no table of questions in ." in done.stderr


def test_a_table_without_a_truth_names_the_columns_that_it_has(own: Path) -> None:
    Path("questions.csv").write_text("clip,question\na.mp4,What happens?\n")
    with pytest.raises(InputError, match=r"looks like the ground truth .*clip, question"):
        look(Path("questions.csv"), Path("clips"))


def test_two_question_files_are_not_chosen_between(own: Path) -> None:
    (own / "more.csv").write_text(QUESTIONS)
    done = init()
    assert done.returncode == UsageError.exit_code
    assert "2 tables of questions (more.csv, questions.csv): name one" in done.stderr


def test_the_folder_of_the_clips_is_found_by_its_clips_and_not_by_its_name(own: Path) -> None:
    (own / "videos").mkdir()
    assert media_root_of(own / "questions.csv") == own / "clips"
