"""The grid: what is made, what is kept, what is remade, and what happens when things die."""

import json
import os
import resource
from pathlib import Path

import pytest
import toy

from r1data.errors import BuildStop, DiskStop, Locked, R1DataError
from r1data.grid import events
from r1data.grid.build import Stage
from r1data.grid.driver import Driver, Tally
from r1data.grid.engines import Engine
from r1data.grid.engines.inline import Inline
from r1data.grid.engines.pool import Pool
from r1data.grid.funnel import funnel
from r1data.grid.shards import read_note


def drive(
    build: Path, stages: list[Stage], engine: Engine | None = None, **settings: object
) -> Tally:
    marks = build.parent / "marks"
    marks.mkdir(exist_ok=True)
    build.mkdir(exist_ok=True)
    engine = engine or Inline()
    told = {stage.name: {"marks": str(marks), **settings} for stage in stages}
    try:
        return Driver(stages, build, engine, told).run()
    finally:
        engine.close()


def line(shards: int = 3, **options: int) -> list[Stage]:
    """deal -> add -> drop_odd -> total"""
    return [
        toy.stage("dealt", "deal", (), 1, shards=shards),
        toy.stage("added", "add", ("dealt",), 2, **options),
        toy.stage("odd", "drop_odd", ("added",), 3),
        toy.stage("sum", "total", ("odd",), 9),
    ]


def calls(build: Path, stage: str) -> int:
    return len(list((build.parent / "marks").glob(f"{stage}-*")))


def test_every_cell_is_made_once_and_then_kept(tmp_path: Path) -> None:
    build = tmp_path / "build"
    first, second = drive(build, line()), drive(build, line())
    assert (first.made.total(), first.kept.total()) == (8, 0)
    assert (second.made.total(), second.kept.total()) == (0, 8)
    assert calls(build, "added") == 3
    assert (
        build / "9.sum" / "total.md"
    ).read_text() == f"{sum(k for k in range(1, 13) if k % 2 == 0)}\n"


def test_a_changed_option_remakes_its_stage_and_what_follows(tmp_path: Path) -> None:
    build = tmp_path / "build"
    drive(build, line(plus=1))
    tally = drive(build, line(plus=2))
    assert dict(tally.made) == {"added": 3, "odd": 3, "sum": 1}
    assert dict(tally.kept) == {"dealt": 1}


def test_settings_never_remake_a_cell(tmp_path: Path) -> None:
    build = tmp_path / "build"
    drive(build, line())
    assert drive(build, line(), concurrency=500).made.total() == 0


@pytest.mark.parametrize("victim", ["2.added/00001.json", "2.added/00001.parquet"])
def test_a_deleted_note_or_shard_remakes_that_cell_alone(tmp_path: Path, victim: str) -> None:
    build = tmp_path / "build"
    drive(build, line())
    (build / victim).unlink()
    # its bytes come out the same, so nothing that follows is stale
    assert dict(drive(build, line()).made) == {"added": 1}


@pytest.mark.parametrize("name", ["1.dealt/00001", "2.added/00000", "3.odd/00002"])
@pytest.mark.parametrize("ending", [".parquet", ".json"])
def test_one_flipped_bit_is_noticed_and_mended(tmp_path: Path, name: str, ending: str) -> None:
    build = tmp_path / "build"
    drive(build, line())
    path = build / f"{name}{ending}"
    before = path.read_bytes()
    damaged = bytearray(before)
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(bytes(damaged))
    drive(build, line())
    if ending == ".parquet":
        assert path.read_bytes() == before
    else:
        assert read_note(path) is not None


def test_a_shard_damaged_while_the_build_runs_is_made_again_for_its_reader(tmp_path: Path) -> None:
    build = tmp_path / "build"
    drive(build, line()[:2])
    path = build / "2.added" / "00001.parquet"
    stat = path.stat()
    path.write_bytes(bytes(len(path.read_bytes())))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as a failing disk would leave it
    tally = drive(build, line())
    assert not tally.set_aside
    assert tally.made["added"] == 1
    assert (build / "9.sum" / "total.md").is_file()


def test_inline_and_pool_give_the_same_digests(tmp_path: Path) -> None:
    digests = []
    for name, engine in (("inline", Inline()), ("pool", Pool(2))):
        build = tmp_path / name / "build"
        build.parent.mkdir()
        drive(build, line(), engine)
        notes = [read_note(path) for path in sorted(build.glob("*/*.json"))]
        digests.append([note.digest for note in notes if note])
    assert digests[0] == digests[1]
    assert len(digests[0]) == 3 * 3 + 2


def test_a_crashing_shard_is_set_aside_and_its_bystanders_are_made(tmp_path: Path) -> None:
    build = tmp_path / "build"
    stages = [
        toy.stage("dealt", "deal", (), 1, shards=6),
        toy.stage("crash", "crash_on", ("dealt",), 2, shard="00002", times=99),
        toy.stage("sum", "total", ("crash",), 9),
    ]
    tally = drive(build, stages, Pool(3))
    assert [each.cell for each in tally.set_aside] == ["crash/00002"]
    assert tally.made["crash"] == 5
    assert tally.made["sum"] == 0


def test_a_shard_whose_worker_died_once_is_made_by_another(tmp_path: Path) -> None:
    build = tmp_path / "build"
    stages = [
        toy.stage("dealt", "deal", (), 1, shards=4),
        toy.stage("crash", "crash_on", ("dealt",), 2, shard="00001", times=1),
    ]
    tally = drive(build, stages, Pool(2))
    assert not tally.set_aside
    assert tally.made["crash"] == 4


def test_a_suspect_runs_alone_before_it_is_blamed(tmp_path: Path) -> None:
    build = tmp_path / "build"
    stages = [
        toy.stage("dealt", "deal", (), 1, shards=6),
        toy.stage("crash", "crash_on", ("dealt",), 2, shard="00000", times=2),
        toy.stage("slow", "slow", ("crash",), 3),
    ]
    tally = drive(build, stages, Pool(3))
    assert not tally.set_aside
    lost = [json.loads(row) for row in (build / "events.jsonl").read_text().splitlines()]
    assert [each["losses"] for each in lost if each["event"] == "lost"] == [1, 2]


def test_a_failing_shard_is_tried_three_times(tmp_path: Path) -> None:
    build = tmp_path / "build"
    stages = [
        toy.stage("dealt", "deal", (), 1, shards=2),
        toy.stage("fail", "fail_on", ("dealt",), 2, shard="00001", times=99),
    ]
    tally = drive(build, stages)
    assert [each.cell for each in tally.set_aside] == ["fail/00001"]
    assert "this shard fails" in tally.set_aside[0].why
    assert len(list((tmp_path / "marks").glob("fail-00001-*"))) == 3


def test_a_cell_with_rows_to_ask_again_is_made_again_by_the_next_run_alone(tmp_path: Path) -> None:
    build = tmp_path / "build"
    stages = [
        toy.stage("dealt", "deal", (), 1, shards=2),
        toy.stage("unlucky", "unlucky_once", ("dealt",), 2),
        toy.stage("added", "add", ("unlucky",), 3),
    ]
    assert drive(build, stages).made["unlucky"] == 2
    assert dict(drive(build, stages).made) == {"unlucky": 2}
    assert drive(build, stages).made.total() == 0


def test_a_later_stage_runs_ahead_of_an_unfinished_earlier_one(tmp_path: Path) -> None:
    build = tmp_path / "build"
    drive(build, line())
    order = [json.loads(row)["cell"] for row in (build / "events.jsonl").read_text().splitlines()]
    assert order.index("odd/00000") < order.index("added/00001")
    assert order[-1] == "sum/all"


def test_a_stage_that_loses_a_row_stops_the_build(tmp_path: Path) -> None:
    stages = [
        toy.stage("dealt", "deal", (), 1, shards=1),
        toy.stage("lost", "lose_a_row", ("dealt",), 2),
    ]
    tally = drive(tmp_path / "build", stages)
    assert isinstance(tally.stopped, R1DataError)
    assert "must keep every id" in str(tally.stopped)


def test_notes_count_each_drop_once(tmp_path: Path) -> None:
    build = tmp_path / "build"
    drive(build, line())
    found = funnel(build)
    assert (found.collected, found.left) == (12, 6)
    assert [tuple(step) for step in found.steps] == [("odd", "wrong", 6)]


def test_fewer_shards_than_before_leave_no_stray_file(tmp_path: Path) -> None:
    build = tmp_path / "build"
    drive(build, line(shards=5))
    drive(build, line(shards=2))
    assert len(list((build / "1.dealt").glob("0*.parquet"))) == 2


def test_a_second_driver_is_told_who_holds_the_build(tmp_path: Path) -> None:
    with (
        events.locked(tmp_path / "build"),
        pytest.raises(Locked, match=f"process {os.getpid()} on "),
        events.locked(tmp_path / "build"),
    ):
        pass


def test_a_full_disk_stops_the_build_with_one_line_and_leaves_no_half_file(tmp_path: Path) -> None:
    build = tmp_path / "build"
    stages = [
        toy.stage("dealt", "deal", (), 1, shards=2),
        toy.stage("big", "too_big", ("dealt",), 2),
    ]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    drive(build, stages[:1])
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, before[1]))
    try:
        tally = drive(build, stages)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert isinstance(tally.stopped, DiskStop)
    assert "no space left" in str(tally.stopped)
    assert list((build / "2.big").iterdir()) == []
    assert drive(build, stages).made["big"] == 2


def test_a_stop_lets_what_runs_finish_and_begins_nothing_new(tmp_path: Path) -> None:
    build = tmp_path / "build"
    stages = line(shards=5)
    (tmp_path / "marks").mkdir()
    build.mkdir()

    def stop_soon(driver: Driver) -> None:
        if driver.tally.made["added"] == 2:
            driver.stop(BuildStop("enough"))

    told = {stage.name: {"marks": str(tmp_path / "marks")} for stage in stages}
    tally = Driver(stages, build, Inline(), told, stop_soon).run()
    assert str(tally.stopped) == "enough"
    assert tally.made["sum"] == 0
    assert drive(build, stages).made["sum"] == 1
