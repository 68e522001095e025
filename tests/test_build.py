"""A whole build: what it gives, that it is the same however made, and that nothing is lost."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from endpoint import Endpoint, Reply, Server, completion, parts_of

import r1data
from r1data.building import Build, release_digest
from r1data.errors import BudgetSpent, ShardFault, TeacherStop, UsageError
from r1data.grid.drops import Drop
from r1data.release.check import check
from r1data.sections import Run
from r1data.shortfall import shortfall

SMALL = ["sources.shapes.rows=16", "teacher.n=1"]
COLLECTED_TO_RELEASE = 40


def test_every_row_is_released_or_dropped_with_a_reason(demo: Build) -> None:
    counts = demo.counts()
    assert counts.collected == COLLECTED_TO_RELEASE
    assert counts.collected == counts.left + sum(step.rows for step in counts.steps)
    assert {step.reason for step in counts.steps} <= {reason.value for reason in Drop}
    assert counts.left == demo.table("release").select(pl.len()).collect().item()
    assert check(demo.path).findings == []


def test_the_offline_teacher_is_mostly_right_and_sometimes_wrong(demo: Build) -> None:
    verdicts = demo.table("verdicts").collect()
    right = verdicts["right"].sum() / len(verdicts)
    assert 0.6 < right < 1.0


def test_the_funnel_is_a_table_that_adds_up(demo: Build) -> None:
    funnel = demo.funnel()
    assert funnel.columns == ["stage", "reason", "rows"]
    rows = dict(zip(funnel["reason"], funnel["rows"], strict=True))
    assert rows.pop("collected") == sum(rows.values())


def test_building_again_makes_nothing(demo: Build) -> None:
    overrides = ["sources.shapes.rows=40"]
    again = r1data.build("demo", out=demo.path, engine="inline", overrides=overrides)
    assert again.tally is not None
    assert again.tally.made.total() == 0
    assert again.tally.kept.total() > 0


def test_a_new_threshold_asks_nobody_again(demo: Build, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(demo.path), str(copy)], check=True)
    overrides = ["sources.shapes.rows=40", "filter.pass_rate=[0.0, 0.5]"]
    again = r1data.build("demo", out=copy, engine="inline", overrides=overrides)
    assert again.tally is not None
    assert set(again.tally.made) == {"selection", "release"}
    assert "too_easy" in {step.reason for step in again.counts().steps}


def test_inline_and_pool_release_the_same_bytes(tmp_path: Path) -> None:
    for engine in ("inline", "pool"):
        r1data.build("demo", out=tmp_path / engine, engine=engine, workers=2, overrides=SMALL)
    digests = {release_digest(tmp_path / engine / "9.release") for engine in ("inline", "pool")}
    assert len(digests) == 1


def test_a_build_killed_at_any_moment_ends_with_the_same_release(tmp_path: Path) -> None:
    whole = r1data.build("demo", out=tmp_path / "whole", workers=2, overrides=SMALL)
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "r1data", "build", "demo", "--out", str(out)]
    command += ["--workers", "2", *(f"--set={each}" for each in SMALL)]
    moments = random.Random(5)
    for _ in range(6):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            time.sleep(moments.uniform(0.4, 2.5))
            run.send_signal(signal.SIGKILL)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert release_digest(out / "9.release") == release_digest(whole.release)
    journals = "".join(path.read_text() for path in out.glob("6.*/*.jsonl"))
    asked = [json.loads(line) for line in journals.splitlines()]
    keys = [each["request_sha256"] for each in asked if "request_sha256" in each]
    assert len(keys) == len(set(keys)) > 0


def test_no_orphan_goes_on_after_its_driver_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "r1data", "build", "demo", "--out", str(tmp_path / "b")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        deadline = time.monotonic() + 30
        while len(workers_of(tmp_path)) < 2 and time.monotonic() < deadline:
            time.sleep(0.2)
        assert len(workers_of(tmp_path)) > 1
        run.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while workers_of(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert workers_of(tmp_path) == []


def workers_of(folder: Path) -> list[str]:
    """The processes of this machine that run in `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            where = (process / "cwd").readlink()
        except OSError:
            continue
        if where == folder and process.name != str(os.getpid()):
            found.append(process.name)
    return found


def test_ctrl_c_ends_cleanly_and_the_same_command_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "r1data", "build", "demo", "--out", str(tmp_path / "b")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        time.sleep(4.0)
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=30)
    assert run.returncode == 130
    assert "stopping, Ctrl-C again stops now" in errors
    assert "run the same command again to go on" in errors
    assert "Traceback" not in errors
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "kept from before" in done.stdout


def test_bad_media_drop_their_own_row_and_no_other(own_questions: Path) -> None:
    build = r1data.build(own_questions, out=Path("bad"), engine="inline", until="frames")
    rows = {row["id"]: row for row in build.table("frames").collect().to_dicts()}
    reasons = {name.partition("/")[2]: row["drop_reason"] for name, row in rows.items()}
    assert reasons == {
        "good": None,
        "absent": "missing_media",
        "empty": "missing_media",
        "noise": "undecodable",
        "cut": "undecodable",
        "outside": "missing_media",
        "picture": None,
    }
    assert all(row["drop_detail"] for row in rows.values() if row["drop_reason"])
    assert len(rows["own/good"]["frames"]) == 16
    times = [frame["time"] for frame in rows["own/good"]["frames"]]
    assert times == sorted(set(times))


def test_a_mended_file_is_taken_up_by_the_next_run(own_questions: Path) -> None:
    r1data.build(own_questions, out=Path("bad"), engine="inline", until="frames")
    Path("clips/absent.mp4").write_bytes(Path("clips/good.mp4").read_bytes())
    build = r1data.build(own_questions, out=Path("bad"), engine="inline", until="frames")
    rows = build.table("frames").collect()
    assert rows.filter(pl.col("id") == "own/absent")["drop_reason"].item() is None


@pytest.fixture
def own_questions() -> Path:
    """A recipe with own clips, most of them broken in one way each."""
    from r1data.sources.shapes import make_rows, render

    folder = Path("clips")
    folder.mkdir()
    rows = make_rows(20, 3)
    clip = next(row for row in rows if row.kind == "direction")
    picture = next(row for row in rows if row.kind == "picture-count")
    render(clip.row, 3, folder / "good.mp4")
    render(picture.row, 3, folder / "picture.png")
    whole = (folder / "good.mp4").read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 3])
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "noise.mp4").write_bytes(random.Random(1).randbytes(5000))
    Path("outside.mp4").write_bytes(whole)
    paths = {name: f"{name}.mp4" for name in ("good", "absent", "empty", "noise", "cut")}
    paths |= {"outside": "../outside.mp4", "picture": "picture.png"}
    questions = [
        {
            "problem_id": name,
            "problem": row.problem,
            "data_type": row.data_type,
            "problem_type": row.problem_type,
            "options": [
                f"{letter}. {text}" for letter, text in zip("ABCD", row.options, strict=False)
            ],
            "solution": f"<answer>{row.solution}</answer>",
            "path": path,
            "data_source": "mine",
        }
        for name, path in paths.items()
        for row in [picture if path.endswith("png") else clip]
    ]
    Path("questions.json").write_text(json.dumps(questions))
    recipe = Path("own.yaml")
    recipe.write_text(
        "pipeline: cot\nname: own\n"
        "sources: {own: {path: questions.json, media_root: clips}}\n"
        "teacher: {model: offline}\nrun: {lanes: [{url: offline}]}\n"
    )
    return recipe


def test_own_problem_ids_are_released_as_they_came(own_questions: Path) -> None:
    build = r1data.build(own_questions, out=Path("own"), engine="inline")
    ids = build.table("release").select("id", "problem_id").collect().to_dicts()
    assert {row["problem_id"] for row in ids} == {"good", "picture"}
    assert all(row["id"] == f"own/{row['problem_id']}" for row in ids)


def test_a_wrong_key_stops_the_build_with_one_line_and_is_written_nowhere(
    own_questions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret-key")
    with Endpoint(Server(key="another")) as server:
        lane = f"run.lanes=[{{url: '{server.url}', key: $MY_KEY}}]"
        with pytest.raises(TeacherStop, match=r"401|key"):
            r1data.build(own_questions, out=Path("own"), engine="pool", overrides=[lane])
    written = b"".join(path.read_bytes() for path in Path("own").rglob("*") if path.is_file())
    assert b"sk-very-secret-key" not in written


def test_a_url_nobody_answers_stops_the_build_and_keeps_what_is_done(own_questions: Path) -> None:
    lane = "run.lanes=[{url: 'http://127.0.0.1:9/v1'}]"
    with pytest.raises(TeacherStop, match=r"127\.0\.0\.1:9"):
        r1data.build(own_questions, out=Path("own"), engine="inline", overrides=[lane])
    again = r1data.build(own_questions, out=Path("own"), engine="inline")
    assert again.tally is not None
    assert again.tally.kept["frames"] > 0


def test_a_spent_budget_stops_with_code_4_and_a_higher_one_goes_on(own_questions: Path) -> None:
    def answered(_server: Server, _payload: dict[str, Any]) -> Reply:
        return completion("<think>It is so.</think><answer>A</answer>", tokens=(900, 100))

    with Endpoint(Server(answered)) as server:
        lane = f"run.lanes=[{{url: '{server.url}'}}]"
        ask = ["teacher.n=8", "teacher.max_tokens=200", "frames.count=4"]
        poor = [lane, "run.budget={tokens: 6000}", *ask]
        with pytest.raises(BudgetSpent) as caught:
            r1data.build(own_questions, out=Path("own"), engine="inline", overrides=poor)
        assert caught.value.exit_code == 4
        paid = server.server.requests
        assert 0 < paid * 1000 <= 6000
        rich = [lane, "run.budget={tokens: 100000}", *ask]
        r1data.build(own_questions, out=Path("own"), engine="inline", overrides=rich)
        assert server.server.requests == 16
        assert paid < 16


def test_another_builds_answers_are_not_paid_for_again(own_questions: Path) -> None:
    with Endpoint(Server(lambda *_: completion("<think>So.</think><answer>A</answer>"))) as server:
        lane = f"run.lanes=[{{url: '{server.url}'}}]"
        r1data.build(own_questions, out=Path("a"), until="responses", overrides=[lane])
        paid = server.server.requests
        r1data.build(
            own_questions, out=Path("b"), until="responses", overrides=[lane], reuse=[Path("a")]
        )
        assert paid == server.server.requests == 2


def test_answers_after_the_first_are_asked_for_by_number(own_questions: Path) -> None:
    with Endpoint(Server(lambda *_: completion("<think>So.</think><answer>A</answer>"))) as server:
        asked = [f"run.lanes=[{{url: '{server.url}'}}]", "teacher.n=3"]
        r1data.build(own_questions, out=Path("a"), until="responses", overrides=asked)
        seeds = [payload.get("seed") for payload in server.server.payloads]
    assert sorted(seeds, key=str) == [1, 1, 2, 2, None, None]


def test_a_script_without_a_main_guard_builds_with_the_pool(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import r1data\n"
        "build = r1data.build('demo', out='b', engine='pool', workers=2, until='media',\n"
        "                     overrides=['sources.shapes.rows=4'])\n"
        "print(build.tally.made['media'])\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["4"], done.stderr


def test_a_pipeline_or_stage_that_is_not_there_is_named(own_questions: Path) -> None:
    with pytest.raises(UsageError, match="no pipeline 'nosuch'; there are: cot, demo"):
        r1data.build(own_questions, overrides=["pipeline=nosuch"])
    with pytest.raises(UsageError, match="no stage 'framse'; it has: samples, media"):
        r1data.build(own_questions, until="framse")


def test_more_drops_than_allowed_end_with_code_3(demo: Build) -> None:
    assert demo.tally is not None
    soft = shortfall(demo, Run(allowed_drops=0.0))
    assert isinstance(soft, ShardFault)
    assert soft.exit_code == 3
    assert shortfall(demo, Run()) is None


def test_real_pictures_and_recorded_answers_give_the_release_that_they_should(
    real_data: Path,
) -> None:
    text = (real_data / "tabmwp/recorded_replies.jsonl").read_text(encoding="utf-8")
    replies = [json.loads(line) for line in text.split("\n") if line]
    recipe = Path("tabmwp.yaml")

    def recorded(_: Server, payload: dict[str, Any]) -> Reply:
        text = parts_of(payload)[-1]["text"]
        return completion(next(each["reply"] for each in replies if each["question"] in text))

    with Endpoint(Server(recorded)) as server:
        recipe.write_text(
            "pipeline: cot\nname: tabmwp\n"
            f"sources: {{tabmwp: {{root: '{real_data / 'tabmwp'}'}}}}\n"
            "teacher: {model: replay}\n"
            f"run: {{lanes: [{{url: '{server.url}'}}]}}\n"
        )
        kept = {}
        for preset in ("canonical", "video-r1"):
            build = r1data.build(recipe, out=Path("tab"), overrides=[f"verify.preset={preset}"])
            kept[preset] = set(build.table("release").select("id").collect()["id"])
        assert server.server.requests == len(replies)
    answered = {f"tabmwp/{each['pid']}": each["correct"] for each in replies if each["reply"]}
    right = {name for name, correct in answered.items() if correct}
    assert len(kept["canonical"] & right) >= 0.97 * len(right)
    assert len(kept["canonical"] - right) <= 0.01 * (len(answered) - len(right))
    assert len(kept["video-r1"]) == 136
    assert kept["video-r1"] <= right
