"""Status, why and the end of a build: what is said is true at every moment."""

import json
import os
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import pytest

import r1data
from r1data.building import Build, open_build
from r1data.clean import clean
from r1data.errors import BuildStop
from r1data.grid import events
from r1data.status import status_dict, status_text
from r1data.summary import summary
from r1data.why import why_dict, why_text

FEW = ["sources.shapes.rows=20"]


@pytest.fixture
def copy(demo: Build, tmp_path: Path) -> Build:
    """A copy of the demo's build that a test may change."""
    folder = tmp_path / "copy"
    shutil.copytree(demo.path, folder)
    return replace(demo, path=folder)


def told(build: Build | Path) -> str:
    """What `r1data status` prints."""
    return status_text(status_dict(build if isinstance(build, Build) else open_build(build)))


def test_a_finished_build_says_how_many_rows_are_released(demo: Build) -> None:
    left, collected = demo.counts().left, demo.counts().collected
    text = told(demo)
    assert text.split("\n")[0] == f"{demo.name}: {left} of {collected} rows released"
    assert f"  release    done  {left} rows" in text
    assert summary(demo).split("\n")[0] == f"{left} of {collected} rows released"


def test_a_build_that_was_to_stop_early_says_what_is_there(tmp_path: Path) -> None:
    build = r1data.build("demo", out=tmp_path / "b", engine="inline", until="media", overrides=FEW)
    text = told(build)
    assert "not released yet; 20 of 20 rows are left so far" in text
    assert "until media, as it was asked to" in text
    states = {line.split()[0]: line for line in text.split("\n") if line.startswith("  ")}
    assert "done" in states["media"] and "not begun" in states["frames"]
    assert "not begun" in states["release"] and "rows released" not in text
    assert summary(build).startswith("not released yet")
    found = {each.where: each.what for each in r1data.check(build.path).findings}
    assert found == {
        "frames": "no shard of it is made yet",
        "selection": "no shard of it is made yet",
        "9.release": "the build is not finished: it has no release",
    }


def test_tables_that_were_removed_on_purpose_are_told(copy: Build) -> None:
    clean(copy.path, tables=True)
    assert "frames     done, tables removed by `r1data clean`" in told(copy)
    identity = copy.table("selection").collect()["id"][0]
    text = why_text(why_dict(copy, identity))
    assert "3.frames   removed by `r1data clean`" in text and "answer 1" in text
    assert "shards of 3.frames cleared by r1data clean" in r1data.check(copy.path).figures


def test_a_build_without_a_row_says_so(tmp_path: Path) -> None:
    build = r1data.build("demo", out=tmp_path / "b", engine="inline", until="media", overrides=FEW)
    shutil.rmtree(build.path / "1.samples")
    shutil.rmtree(build.path / "2.media")
    text = told(build)
    assert "no row is collected yet" in text and "collected  " not in text
    assert all("not begun" in line for line in text.split("\n")[3:5])


def test_a_stage_that_is_half_done_says_how_far_and_a_killed_run_is_told(copy: Build) -> None:
    for name in ("00000.json", "00001.json"):
        (copy.path / "8.selection" / name).unlink()
    (copy.path / "9.release" / "gather.json").unlink()
    events.record(copy.path, "engine", name="pool")
    notes = len(list((copy.path / "8.selection").glob("*.json")))
    assert f"{notes} of {notes + 2} shards" in told(copy)
    assert "as if it was killed" in told(copy)


def test_whoever_is_at_work_is_named_and_a_dead_one_is_not(copy: Build) -> None:
    who = {"pid": os.getpid(), "host": socket.gethostname(), "command": "r1data build x.yaml"}
    (copy.path / "lock").write_text(json.dumps(who))
    assert f"at work: process {os.getpid()} on" in told(copy)
    (copy.path / "lock").write_text(json.dumps({**who, "pid": 2**22 - 1}))
    assert "at work" not in told(copy)


def test_failed_tasks_and_why_the_last_run_stopped_are_told(copy: Build) -> None:
    events.record(copy.path, "engine", name="pool")
    events.record(copy.path, "set aside", cell="frames/00001", why="OSError: disk")
    events.record(copy.path, "stop", why="no space left")
    text = told(copy)
    assert "1 task failed, the first is frames/00001: OSError: disk" in text
    assert "the last run stopped: no space left" in text
    events.record(copy.path, "engine", name="pool")
    assert "OSError" not in told(copy)


def test_a_release_of_an_earlier_recipe_is_called_so(tmp_path: Path) -> None:
    first = r1data.build("demo", out=tmp_path / "b", engine="inline", overrides=FEW)
    assert "earlier recipe" not in told(first)
    again = ["frames.quality=50", *FEW]
    later = r1data.build("demo", out=first.path, engine="inline", until="media", overrides=again)
    assert "rows released with an earlier recipe" in told(later)
    r1data.build("demo", out=first.path, engine="inline", overrides=again)
    assert "earlier recipe" not in told(later)


def test_where_no_row_is_left_the_main_reason_and_a_row_are_named(tmp_path: Path) -> None:
    strict = [*FEW, "filter.pass_rate=[0.1, 0.2]"]
    with pytest.raises(BuildStop, match=r"of 20 rows fell out as too_easy.*shapes/0000: 2 of 2"):
        r1data.build("demo", out=tmp_path / "b", engine="inline", overrides=strict)
    text = told(tmp_path / "b")
    assert "none of 20 rows is left to release" in text
    assert "too_easy, as shapes/0000: 2 of 2 answers are right" in text


def test_rows_and_questions_are_told_apart_where_a_question_has_several_chains(
    tmp_path: Path,
) -> None:
    several = [*FEW, "filter.chains=2", "teacher.n=4"]
    build = r1data.build("demo", out=tmp_path / "b", engine="inline", overrides=several)
    found = status_dict(build)
    assert found["released_rows"] > found["released"]
    line = f"{found['released']} of 20 questions released, in {found['released_rows']} rows"
    assert line in told(build) and summary(build).startswith(line)
