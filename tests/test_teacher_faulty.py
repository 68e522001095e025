"""Servers that do worse than fail: they never answer, or they refuse for an hour."""

import time
from pathlib import Path
from typing import Any

import pytest
from asking import cell, journal, shard
from endpoint import Endpoint, Reply, Server, completion, error

from r1data.errors import TeacherStop
from r1data.teacher.stage import ask_teacher


def ask(build: Path, server: Server, rows: int = 6, patience: float = 900.0, **lane: Any) -> Any:
    with Endpoint(server) as endpoint:
        lanes = [{"url": endpoint.url, "concurrency": 8, **lane}]
        told = cell(build, "", lanes=lanes, tries=2, patience=patience)
        return ask_teacher(*shard(rows), cell=told)


def test_a_request_that_is_never_answered_is_asked_again_after_the_lanes_timeout(
    tmp_path: Path,
) -> None:
    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        name = str(payload)
        server.seen[name] += 1
        return Reply(-1) if "clip 1?" in name and server.seen[name] == 1 else completion()

    server = Server(behave)
    began = time.monotonic()
    table = ask(tmp_path, server, timeout=1.0)
    assert table["text"].null_count == 0 and server.requests == 14
    assert 1.0 < time.monotonic() - began < 15


def test_a_row_that_is_never_answered_ends_with_its_reason(tmp_path: Path) -> None:
    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        return Reply(-1) if "clip 1?" in str(payload) else completion()

    rows = ask(tmp_path, Server(behave), timeout=0.5).to_pylist()
    faults = {row["fault"] for row in rows if row["id"] == "own/1"}
    assert faults == {"gave up after 2 tries: no reply within 0.5 s"}
    assert all(row["text"] for row in rows if row["id"] != "own/1")


def test_a_server_that_refuses_for_a_while_loses_nothing(tmp_path: Path) -> None:
    """An hour is 2 s here, and the patience 3 hours, 6 s."""
    until = time.monotonic() + 2.0

    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        busy = time.monotonic() < until
        return error(429, "quota of the hour", Retry_After="0.3") if busy else completion()

    server = Server(behave)
    table = ask(tmp_path, server, patience=6.0)
    assert table["text"].null_count == 0 and server.accepted == 12
    assert server.requests < 150, "refusals cost an upload each"


def test_a_server_that_refuses_for_ever_stops_the_build_and_the_next_run_goes_on(
    tmp_path: Path,
) -> None:

    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        return error(429, "quota of the day") if server.accepted >= 5 else completion()

    server = Server(behave)
    with pytest.raises(TeacherStop, match="has refused everything for") as problem:
        ask(tmp_path, server, patience=1.5)
    assert "quota of the day" in str(problem.value) and "\n" not in str(problem.value)
    kept = len(journal(tmp_path))
    assert 5 <= kept < 12
    server = Server()
    assert ask(tmp_path, server)["text"].null_count == 0 and server.requests == 12 - kept
