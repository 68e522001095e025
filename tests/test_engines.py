"""Engines: the same cells, made in one process, in many, on Ray, or in parts on one folder."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import engines
import psutil
import pytest
import toy
from engines import PARTS, commands, family, finish, gone, kill_one, start, write_recipe

import r1data
from r1data.building import release_digest
from r1data.errors import BuildStop, DiskStop, Locked, R1DataError, UsageError, load_package
from r1data.grid import events, room
from r1data.grid.build import Stage
from r1data.grid.driver import Driver, Tally
from r1data.grid.engines import Engine
from r1data.grid.engines.inline import Inline
from r1data.grid.engines.ray import Ray
from r1data.grid.parts import Part, owner, read_part
from r1data.grid.shards import read_note
from r1data.recipe import load_recipe
from r1data.running import deal, portion


def line(shards: int = 7, **options: int) -> list[Stage]:
    """deal -> add -> (all) raised -> drop_odd -> (all) total"""
    return [
        toy.stage("dealt", "deal", (), 1, shards=shards),
        toy.stage("added", "add", ("dealt",), 2, **options),
        toy.stage("raised", "raised", ("added",), 4),
        toy.stage("odd", "drop_odd", ("raised",), 5),
        toy.stage("sum", "total", ("odd",), 9),
    ]


def drive(
    build: Path,
    stages: list[Stage],
    part: Part | None = None,
    patience: float = 0,
    engine: Engine | None = None,
) -> Tally:
    marks = build.parent / "marks"
    marks.mkdir(exist_ok=True)
    build.mkdir(exist_ok=True)
    told = {stage.name: {"marks": str(marks)} for stage in stages}
    return Driver(stages, build, engine or Inline(), told, lambda _: None, part, patience).run()


def digests(build: Path) -> dict[str, str]:
    notes = {str(path.relative_to(build)): read_note(path) for path in build.glob("*/*.json")}
    return {name: note.digest for name, note in notes.items() if note}


def calls(build: Path) -> Counter[str]:
    names = [path.name.rsplit("-", 2)[0] for path in (build.parent / "marks").iterdir()]
    return Counter(names)


# --- parts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("of", [1, 2, 3, 8, 50])
def test_each_shard_has_one_part_and_parts_have_as_many_give_or_take_one(of: int) -> None:
    names = [f"{i:05d}" for i in range(100)]
    owned = Counter(owner(name, of) for name in names)
    assert set(owned) == set(range(of))
    assert max(owned.values()) - min(owned.values()) <= 1
    assert all(sum(Part(i, of).owns(name) for i in range(of)) == 1 for name in [*names, "extra"])


@pytest.mark.parametrize("text", ["3/3", "-1/3", "1", "1/0", "a/b", "1/3/5"])
def test_a_part_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write it as i/n"):
        read_part(text)


def test_parts_at_work_together_make_each_cell_once_and_the_same(tmp_path: Path) -> None:
    (tmp_path / "alone").mkdir()
    drive(tmp_path / "alone" / "build", line())
    build = tmp_path / "build"
    tallies: dict[int, Tally] = {}

    def one(number: int) -> None:
        tallies[number] = drive(build, line(), Part(number, PARTS), patience=60)

    drive(build, line()[:1], Part(0, PARTS))  # so that the folder is there
    threads = [threading.Thread(target=one, args=(number,)) for number in range(PARTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert digests(build) == digests(tmp_path / "alone" / "build")
    assert set(calls(build).values()) == {1}
    assert not any(tally.waiting or tally.set_aside for tally in tallies.values())
    assert sum(tally.made.total() for tally in tallies.values()) == 7 + 1 + 7 + 1


def test_parts_that_run_one_after_the_other_say_whom_they_wait_for(tmp_path: Path) -> None:
    build = tmp_path / "build"
    assert drive(build, line(), Part(1, 2)).waiting == {0: "dealt/all"}
    assert drive(build, line(), Part(0, 2)).waiting == {1: "added/00001"}
    assert drive(build, line(), Part(1, 2)).waiting == {0: "raised/all"}
    assert drive(build, line(), Part(0, 2)).waiting == {1: "odd/00001"}
    assert drive(build, line(), Part(1, 2)).waiting == {}
    assert drive(build, line(), Part(0, 2)).waiting == {}
    assert (build / "9.sum" / "total.md").is_file()
    assert set(calls(build).values()) == {1}
    assert drive(build, line(), Part(0, 2)).made.total() == 0


def test_a_part_takes_no_earlier_gather_for_the_one_that_is_asked_for(tmp_path: Path) -> None:
    build = tmp_path / "build"
    drive(build, line(plus=1))
    changed = line(plus=2)
    assert drive(build, changed, Part(1, 2)).waiting == {0: "raised/all"}
    assert drive(build, changed, Part(0, 2)).waiting == {1: "odd/00001"}
    drive(build, changed, Part(1, 2))
    drive(build, changed, Part(0, 2))
    (tmp_path / "alone").mkdir()
    drive(tmp_path / "alone" / "build", changed)
    assert digests(build) == digests(tmp_path / "alone" / "build")


def test_another_count_of_parts_or_none_goes_on_where_others_were(tmp_path: Path) -> None:
    build = tmp_path / "build"
    drive(build, line(), Part(0, 2))
    drive(build, line(), Part(0, 3))
    assert not drive(build, line()).set_aside
    assert set(calls(build).values()) == {1}


def test_a_cell_set_aside_in_one_part_ends_the_wait_of_the_others(tmp_path: Path) -> None:
    build = tmp_path / "build"
    stages = [
        toy.stage("dealt", "deal", (), 1, shards=4),
        toy.stage("fail", "fail_on", ("dealt",), 2, shard="00001", times=99),
        toy.stage("sum", "total", ("fail",), 9),
    ]
    drive(build, stages, Part(0, 2))
    assert [each.cell for each in drive(build, stages, Part(1, 2)).set_aside] == ["fail/00001"]
    tally = drive(build, stages, Part(0, 2), patience=0.5)
    assert tally.waiting == {1: "fail/00001"}


def test_a_damaged_shard_of_another_part_is_mended_by_its_reader(tmp_path: Path) -> None:
    build = tmp_path / "build"
    stages = [*line()[:2], toy.stage("sum", "total", ("added",), 9)]
    for number in (0, 1):
        drive(build, stages, Part(number, 2))
    path = build / "2.added" / "00001.parquet"
    stat = path.stat()
    path.write_bytes(bytes(stat.st_size))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    tally = drive(build, stages, Part(0, 2))
    assert not tally.waiting
    assert tally.made == {"added": 1, "sum": 1}


def test_no_two_drivers_hold_the_same_and_different_parts_do(tmp_path: Path) -> None:
    build = tmp_path / "build"
    with events.locked(build, Part(0, 3)), events.locked(build, Part(1, 3)):
        with (
            pytest.raises(Locked, match=f"process {os.getpid()} on "),
            events.locked(build, Part(1, 3)),
        ):
            pass
        with pytest.raises(Locked, match="is in use"), events.locked(build):
            pass
        with pytest.raises(Locked, match="is in use"), events.locked(build, Part(1, 4)):
            pass
    with events.locked(build), pytest.raises(Locked), events.locked(build, Part(0, 2)):
        pass
    with events.locked(build, Part(1, 4)):
        pass


def test_each_part_writes_events_of_its_own(tmp_path: Path) -> None:
    build = tmp_path / "build"
    for number in (1, 0, 1):
        drive(build, line(), Part(number, 2))
    made: list[str] = []
    for path in build.glob("events*.jsonl"):
        made += [json.loads(row)["cell"] for row in path.read_text().splitlines()]
    assert sorted({path.name for path in build.glob("events*")}) == [
        "events.0of2.jsonl",
        "events.1of2.jsonl",
    ]
    assert len(made) == len(set(made)) == 1 + 7


def test_lanes_are_dealt_to_parts_and_no_lane_gets_more_than_its_limit() -> None:
    lanes = [{"url": "a", "concurrency": 10}, {"url": "b"}]
    assert deal(lanes, Part(1, 2)) == [lanes[1]]
    shares = [deal(lanes, Part(i, 5))[0] for i in range(5)]
    assert [each["url"] for each in shares] == ["a", "b", "a", "b", "a"]
    assert sum(each["concurrency"] for each in shares if each["url"] == "a") <= 10
    assert sum(each["concurrency"] for each in shares if each["url"] == "b") <= 128
    three = [{"url": str(i)} for i in range(3)]
    dealt = [lane["url"] for i in range(2) for lane in deal(three, Part(i, 2))]
    assert sorted(dealt) == ["0", "1", "2"]


def test_parts_share_a_budget_and_never_pass_it_together() -> None:
    recipe = load_recipe("demo", ["run.budget={tokens: 1000}", "run.probe_budget={usd: 1}"])
    shares = [portion(recipe, Part(i, 3)).run for i in range(3)]
    assert sum((run.budget or {})["tokens"] for run in shares) <= 1000
    assert sum((run.probe_budget or {})["usd"] for run in shares) == pytest.approx(1)


def test_engine_and_part_go_together(tmp_path: Path) -> None:
    for how in ({"engine": "part"}, {"engine": "pool", "part": "0/2"}):
        with pytest.raises(UsageError, match="--engine part --part 0/8"):
            r1data.build("demo", out=tmp_path / "b", **how)


# --- what a machine has room for -----------------------------------------------------------------


def test_workers_are_as_many_as_processors_and_memory_allow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dear = [toy.stage("dear", "add", ("dealt",), 2)]
    dear = [Stage(**{**vars(dear[0]), "needs": {"memory_mb": 4000}})]
    monkeypatch.setattr(room, "processors", lambda: 16)
    monkeypatch.setattr(room, "free_mb", lambda: 9000)
    assert room.auto_workers(line()) == 15
    assert room.auto_workers(dear) == 2
    monkeypatch.setattr(room, "free_mb", lambda: 100)
    assert room.auto_workers(dear) == 1


def test_a_share_of_a_machine_counts_and_not_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a batch system gives it: a quota of the job, around a group without any."""
    (tmp_path / "job" / "step").mkdir(parents=True)
    (tmp_path / "job" / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "job" / "memory.max").write_text(f"{700 * 2**20}\n")
    (tmp_path / "job" / "memory.current").write_text(f"{100 * 2**20}\n")
    (tmp_path / "job" / "step" / "cpu.max").write_text("max 100000\n")
    (tmp_path / "ours").write_text("0::/job/step\n")
    monkeypatch.setattr(room, "GROUPS", tmp_path)
    monkeypatch.setattr(room, "OURS", tmp_path / "ours")
    assert room.processors() == 1
    assert room.free_mb() == 600


def test_a_build_stops_before_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LEAST_FREE_SHARE", 2.0)
    monkeypatch.setattr(room, "LEAST_FREE_BYTES", 10**18)
    tally = drive(tmp_path / "build", line())
    assert isinstance(tally.stopped, DiskStop)
    assert "free some and run the same again" in str(tally.stopped)
    assert tally.made.total() == 0


# --- ray -----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ray_makes_the_same_loses_no_bystander_and_leaves_no_process(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "alone").mkdir()
    drive(tmp_path / "alone" / "build", line())
    before = {each.pid for each in psutil.Process().children(recursive=True)}
    ray = Ray(2)
    started = [e for e in psutil.Process().children(recursive=True) if e.pid not in before]
    try:
        drive(tmp_path / "build", line(), engine=ray)
        assert digests(tmp_path / "build") == digests(tmp_path / "alone" / "build")
        crash = [
            toy.stage("dealt", "deal", (), 1, shards=4),
            toy.stage("once", "crash_on", ("dealt",), 2, shard="00001", times=1),
            toy.stage("ever", "crash_on", ("once",), 3, shard="00002", times=99),
        ]
        tally = drive(tmp_path / "crash", crash, engine=ray)
        assert [each.cell for each in tally.set_aside] == ["ever/00002"]
        assert tally.made == {"dealt": 1, "once": 4, "ever": 3}
        lost = [
            toy.stage("dealt", "deal", (), 1, shards=1),
            toy.stage("lost", "lose_a_row", ("dealt",), 2),
        ]
        stopped = drive(tmp_path / "lost", lost, engine=ray).stopped
        assert isinstance(stopped, R1DataError) and not isinstance(stopped, BuildStop)
        assert "must keep every id" in str(stopped)
    finally:
        ray.close()
    assert gone(started) == []
    assert ray.own is not None
    assert not Path(ray.own.args[2]).exists()
    assert capfd.readouterr() == ("", "")


def test_a_cluster_that_is_not_there_is_named() -> None:
    with pytest.raises(
        R1DataError, match=r"no Ray cluster answers at run\.address '127\.0\.0\.1:9'"
    ):
        Ray(None, "127.0.0.1:9")


# --- whole builds --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_engine_releases_the_same_bytes_also_after_kills(tmp_path: Path) -> None:
    with engines.answering() as endpoint:
        recipe = write_recipe(tmp_path, endpoint.url, clips=8, tables=18)
        found = {}
        for engine in engines.ENGINES:
            out, chance = tmp_path / engine, random.Random(2)
            lines = commands(recipe, out, engine)
            for number in range(0 if engine == "inline" else 3):
                kill_one(lines, tmp_path, chance, 9.0, driver=number % 2 == 0)
            codes = finish(lines, tmp_path, 200)
            assert set(codes) == {0}, (tmp_path / "out.0").read_text()[-2000:]
            assert engines.asked_twice(out) == 0
            found[engine] = release_digest(out / "9.release")
        assert len(set(found.values())) == 1, found


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("how", "starting"),
    [(signal.SIGKILL, True), (signal.SIGKILL, False), (signal.SIGINT, False)],
)
def test_no_process_of_ray_outlives_its_driver_and_nothing_is_said(
    tmp_path: Path, how: signal.Signals, starting: bool
) -> None:
    with engines.answering() as endpoint:
        recipe = write_recipe(tmp_path, endpoint.url)
        (driver,) = start(commands(recipe, tmp_path / "b", "ray"), tmp_path)
        if starting:
            until_started(driver, "raylet")
        else:
            until_made(tmp_path / "b", 1)
        living = family([driver])
        sessions = [p.cmdline()[2] for p in living if "reap.py" in " ".join(p.cmdline())]
        os.killpg(driver.pid, how) if how == signal.SIGINT else driver.send_signal(how)
        driver.wait(60)
        assert gone(living) == []
        assert [Path(each).exists() for each in sessions] == [False]
    told = (tmp_path / "out.0").read_text()
    if how == signal.SIGINT:
        assert driver.returncode == 130
        assert "run the same command again to go on" in told
    said = [row for row in told.splitlines() if "ray" in row.lower() and "r1data" not in row]
    assert [row for row in said if ", log in " not in row] == []  # this folder's name holds "ray"


def until_started(driver: subprocess.Popen[bytes], name: str, seconds: float = 90) -> None:
    """Wait until a driver has started a process of some name."""
    deadline = time.monotonic() + seconds
    while name not in {each.name() for each in family([driver])}:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def until_made(build: Path, cells: int, seconds: float = 90) -> None:
    """Wait until a build has made some cells."""
    deadline = time.monotonic() + seconds
    while len(list(build.glob("2.*/*.json"))) < cells:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def until_open(host: str, port: int, seconds: float = 60) -> None:
    """Wait until somebody listens."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
            return
        time.sleep(0.3)
    raise TimeoutError(port)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_running_cluster_is_used_and_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    host = load_package("ray.util", "ray").get_node_ip_address()
    where = Path(sys.executable).parent / "ray"
    run = ["start", "--head", "--num-cpus=2", "--port=6399"]
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    head = subprocess.Popen(
        [where, *run, "--block", "--include-dashboard=false"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        with engines.answering() as endpoint:
            recipe = write_recipe(tmp_path, endpoint.url, clips=4, tables=4)
            lines = commands(recipe, tmp_path / "b", "ray", "--set", f"run.address={host}:6399")
            until_open(host, 6399)
            assert finish(lines, tmp_path, 100) == [0], (tmp_path / "out.0").read_text()
        assert head.poll() is None
    finally:
        living = family([head])
        head.terminate()
        head.wait(30)
        gone(living)
