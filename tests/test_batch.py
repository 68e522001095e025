"""The Batch API: files of requests, a machine of steps that may be killed anywhere, and money."""

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from asking import JPEG, cell, grid, journal, lasting, shard
from endpoint import Endpoint, Reply, Server, completion, error, parts_of

from r1data.errors import BudgetSpent, Interrupted, TeacherStop, UsageError
from r1data.grid.driver import Driver
from r1data.grid.engines.pool import Pool
from r1data.teacher import batch
from r1data.teacher.stage import ask_teacher

BATCH: dict[str, Any] = {"mode": "batch"}


def ask(build: Path, server: Server, rows: int = 3, **kwargs: Any) -> pa.Table:
    with Endpoint(server) as endpoint:
        return ask_teacher(*shard(rows), cell=cell(build, endpoint.url, **BATCH, **kwargs))


def steps(build: Path) -> list[str]:
    path = build / "6.responses" / "00000.batches.jsonl"
    return [json.loads(line)["step"] for line in path.read_text().splitlines()]


def test_a_batch_gives_what_live_requests_give(tmp_path: Path) -> None:
    live, server = Server(), Server(batch_seconds=0.3)
    table = ask(tmp_path / "batch", server, rows=5)
    with Endpoint(live) as endpoint:
        told = ask_teacher(*shard(5), cell=cell(tmp_path / "live", endpoint.url))
    assert lasting(table) == lasting(told) and table.num_rows == 10
    names = [json.dumps(payload, sort_keys=True) for payload in server.payloads]
    assert sorted(names) == sorted(json.dumps(p, sort_keys=True) for p in live.payloads)
    assert steps(tmp_path / "batch") == ["file", "sent", "over"]
    assert len(server.batches) == 1


def test_files_are_split_by_count_and_by_bytes_and_sent_by_a_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MOST_REQUESTS", 3)
    server = Server(batch_seconds=0.4)
    ask(tmp_path / "count", server, rows=8)
    sizes = [
        len(server.files[each["input_file_id"]].splitlines()) for each in server.batches.values()
    ]
    assert sizes == [3, 3, 3, 3, 3, 1]
    began = server.times[0]
    assert sum(moment - began < 0.4 for moment in server.times) == batch.WINDOW
    monkeypatch.setattr(batch, "MOST_REQUESTS", 50_000)
    monkeypatch.setattr(batch, "MOST_BYTES", 12_000)
    server = Server()
    ask(tmp_path / "bytes", server, rows=8)
    assert len(server.batches) > 4
    assert all(len(content) <= 12_000 for content in server.files.values() if b'"POST"' in content)


def test_a_request_that_no_file_can_hold_ends_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MOST_BYTES", 500)
    table = ask(tmp_path, Server(), rows=1)
    assert all("a batch takes 500" in fault for fault in table["fault"].to_pylist())


def test_faults_in_a_batch_are_told_apart(tmp_path: Path) -> None:
    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        text = parts_of(payload)[-1]["text"]
        server.seen[text] += 1
        if "clip 0?" in text:
            return error(400, "this is no picture")
        if "clip 1?" in text and server.seen[text] <= 2:
            return error(500, "oops")
        if "clip 2?" in text:
            return completion("<think>", "length", (100, 9))
        return completion()

    server = Server(behave)
    table = ask(tmp_path, server, rows=4)
    by_row = {row["id"]: row for row in table.to_pylist()}
    assert "this is no picture" in by_row["own/0"]["fault"]
    assert by_row["own/1"]["text"] and by_row["own/1"]["tries"] == 2
    assert by_row["own/2"]["finish_reason"] == "length" and by_row["own/2"]["tries"] == batch.TRIES
    assert by_row["own/3"]["tries"] == 1 and len(server.batches) == batch.TRIES


def test_an_expired_batch_keeps_what_it_has_and_asks_for_the_rest(tmp_path: Path) -> None:
    server = Server(batch_end="expired")
    table = ask(tmp_path, server, rows=2)
    assert table["fault"].null_count == 4 and server.requests == 4
    assert len(server.batches) == 3  # 4 requests, then the 2 that came too late, then 1


def test_a_batch_turned_away_for_want_of_room_is_sent_again(tmp_path: Path) -> None:
    server = Server(crowded=2)
    table = ask(tmp_path, server, rows=2)
    assert table["fault"].null_count == 4 and len(server.batches) == 3
    assert set(table["tries"].to_pylist()) == {1}


def test_a_failed_batch_stops_the_build_with_the_servers_words(tmp_path: Path) -> None:
    with pytest.raises(TeacherStop, match="no room or no good"):
        ask(tmp_path, Server(batch_end="failed"))


def test_a_server_without_batches_is_told_in_one_line(tmp_path: Path) -> None:
    class Without(Server):
        def batch_api(self, *_: Any) -> Reply:
            return error(404, "no such route")

    with pytest.raises(TeacherStop, match=r"no such route; check run\.lanes, or write run\.mode"):
        ask(tmp_path, Without())
    with pytest.raises(UsageError, match="one lane"):
        lanes = [{"url": "http://127.0.0.1:9/v1"}] * 2
        ask_teacher(*shard(1), cell=cell(tmp_path / "two", "", lanes=lanes, mode="batch"))


def start(build: Path, url: str, **settings: Any) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    script = str(Path(__file__).parent / "asking.py")
    return subprocess.Popen(
        [sys.executable, script, str(build), url, "4", json.dumps(BATCH | settings)],
        env=environment,
    )


@pytest.mark.parametrize("step", ["POST files", "POST batches", "GET batches", "GET files"])
@pytest.mark.parametrize("settings", [{}, {"budget": {"tokens": 10_000}}], ids=["", "budget"])
def test_a_build_killed_at_any_step_goes_on_and_pays_once(
    tmp_path: Path, step: str, settings: dict[str, Any]
) -> None:
    """The server does the step, its answer never comes, and the process is killed."""
    server = Server(lost_replies={step})
    with Endpoint(server) as endpoint:
        process = start(tmp_path, endpoint.url, **settings)
        while not server.seen[step]:
            time.sleep(0.02)
        time.sleep(0.1)
        process.kill()
        process.wait()
        table = ask_teacher(*shard(4), cell=cell(tmp_path, endpoint.url, **BATCH, **settings))
    assert table["fault"].null_count == 8
    assert len(server.batches) == 1 and server.requests == 8 == len(journal(tmp_path))


def test_answers_half_journalled_by_a_kill_are_neither_lost_nor_doubled(tmp_path: Path) -> None:
    server = Server()
    with Endpoint(server) as endpoint:
        first = ask_teacher(*shard(4), cell=cell(tmp_path, endpoint.url, **BATCH))
        folder = tmp_path / "6.responses"
        for name, kept in (("00000.batches.jsonl", 2), ("00000.journal.jsonl", 3)):
            lines = (folder / name).read_bytes().splitlines(keepends=True)
            (folder / name).write_bytes(b"".join(lines[:kept]))
        again = ask_teacher(*shard(4), cell=cell(tmp_path, endpoint.url, **BATCH))
    assert lasting(again) == lasting(first) and len(journal(tmp_path)) == 8
    assert len(server.batches) == 1


def test_a_stop_leaves_the_batch_at_work_and_live_requests_do_not_pay_again(
    tmp_path: Path,
) -> None:
    server = Server(batch_seconds=3600)
    (tmp_path / "6.responses").mkdir()
    with Endpoint(server) as endpoint:
        process = start(tmp_path, endpoint.url)
        while not server.seen["GET batches"]:
            time.sleep(0.02)
        (tmp_path / "stop").touch()
        assert process.wait(20) == 1
        (tmp_path / "stop").unlink()
        with pytest.raises(UsageError, match="8 of these requests are in a batch"):
            ask_teacher(*shard(4), cell=cell(tmp_path, endpoint.url))
        server.batches["batch-0"]["due"] = 0.0
        table = ask_teacher(*shard(4), cell=cell(tmp_path, endpoint.url, **BATCH))
    assert table["fault"].null_count == 8 and len(server.batches) == 1
    with pytest.raises(Interrupted):
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "stop").touch()
        ask(tmp_path / "other", Server())


@pytest.mark.parametrize("cap", [500, 1000, 1700])
def test_the_budget_cuts_files_and_is_never_passed(tmp_path: Path, cap: int) -> None:
    server = Server(lambda *_: completion(tokens=(100, 20)))
    with pytest.raises(BudgetSpent):
        ask(tmp_path, server, rows=10, budget={"tokens": cap})
    assert 0 < server.requests * 120 <= cap
    table = ask(tmp_path, server, rows=10, budget={"tokens": 1_000_000})
    assert server.requests == table.num_rows == len(journal(tmp_path)) == 20


def test_shards_are_batched_side_by_side(tmp_path: Path) -> None:
    server = Server(batch_seconds=2.0)
    pool = Pool(1)
    with Endpoint(server) as endpoint:
        told = {"lanes": [{"url": endpoint.url}], **BATCH}
        tally = Driver(grid(3, 4, 8), tmp_path, pool, {"responses": told}).run()
    pool.close()
    assert tally.made["responses"] == 3 == len(server.batches)
    assert server.times[-1] - server.times[0] < 2.0


def test_neither_key_nor_picture_stays_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEACHER_KEY", "sk-very-secret")
    server = Server(key="sk-very-secret")
    with Endpoint(server) as endpoint:
        lanes = [{"url": endpoint.url, "key": "$TEACHER_KEY"}]
        ask_teacher(*shard(3), cell=cell(tmp_path, "", lanes=lanes, **BATCH))
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"sk-very-secret" not in written and base64.b64encode(JPEG)[:40] not in written
    assert server.requests == 6
