"""Windows for servers that queue: as many as the lane says, or as their metrics ask for."""

import time
from pathlib import Path
from typing import Any

import pytest
from asking import cell, shard
from endpoint import Endpoint, Server, error

from r1data.errors import TeacherStop, UsageError
from r1data.teacher.following import Load, fitting, metrics_url, read_load
from r1data.teacher.limits import Window
from r1data.teacher.stage import ask_teacher


def ask(build: Path, server: Server, rows: int, **lane: Any) -> Any:
    with Endpoint(server) as endpoint:
        lanes = [{"url": endpoint.url, **lane}]
        return ask_teacher(*shard(rows), cell=cell(build, "", lanes=lanes))


def test_a_fixed_window_is_full_at_once_and_stays_so(tmp_path: Path) -> None:
    server = Server(latency=0.5)
    ask(tmp_path, server, 60, concurrency=60, window="fixed")
    assert server.peak == 60


def test_refusals_do_not_move_a_fixed_window() -> None:
    window = Window(40, "fixed")
    for now in range(1, 30):
        window.room(40, now)
        window.take_refused(40, now, 0.0)
        window.take_accepted(40, now, 1.0)
    assert window.size == 40 and window.room(39, 40.0) and not window.room(40, 40.0)


def test_a_refused_row_is_still_asked_again_later(tmp_path: Path) -> None:
    server = Server(most=20, latency=0.05)
    table = ask(tmp_path, server, 40, concurrency=40, window="fixed")
    assert table["text"].null_count == 0 and server.refused > 0


def test_a_window_follows_the_queue_that_the_server_tells(tmp_path: Path) -> None:
    """One that only filled up would let 368 wait; the slots stay full all the same."""
    server = Server(slots=80, latency=0.4)
    began = time.monotonic()
    table = ask(tmp_path, server, 400, concurrency=448, window="metrics")
    seconds = time.monotonic() - began
    assert table["text"].null_count == 0
    # A slow machine sends 400 requests no faster than 60 of them a turn.
    assert 60 <= server.peak < 200 and max(server.queues) < 120
    assert seconds < 15, "800 requests through 80 slots take 4 s, and the window opens from 32"


def test_the_window_keeps_a_short_queue() -> None:
    window = Window(256, "metrics", size=64.0)
    assert fitting(window, Load(64, 0), 64) == 80, "nobody waits: a quarter more"
    assert fitting(window, Load(60, 3), 64) == 67, "half a queue: up to a whole one"
    assert fitting(window, Load(40, 24), 64) == 44, "too many wait: less by what is too many"
    assert fitting(window, Load(200, 500), 64) == 1, "others fill the server"
    assert fitting(window, Load(30, 0), 30) == 64, "not all of it is used: nothing is learned"
    assert fitting(Window(70, "metrics", size=64.0), Load(64, 0), 64) == 70, "the lane's own limit"


def test_metrics_are_read_over_all_engines() -> None:
    server = Server(slots=8)
    server.working, server.active = 5, 12
    assert read_load(server.prometheus()) == Load(5, 7)
    assert read_load("vllm:num_requests_running 3\n") is None
    assert read_load("vllm:num_requests_running 1e+01\nvllm:num_requests_waiting 0.0") == Load(
        10, 0
    )
    assert metrics_url("http://host:8000/some/v1/") == "http://host:8000/some/metrics"


@pytest.mark.parametrize(
    ("server", "told"),
    [
        (Server(), "answers HTTP 404: Not Found: write window: fixed"),
        (Server(slots=9, metrics="python_info 1\n"), "tells no vllm:num_requests_running"),
    ],
)
def test_a_server_without_these_metrics_is_told(tmp_path: Path, server: Server, told: str) -> None:
    server.latency = 0.2
    with pytest.raises(TeacherStop) as problem:
        ask(tmp_path, server, 60, concurrency=8, window="metrics")
    assert told in str(problem.value) and "\n" not in str(problem.value)


def test_metrics_that_fail_later_stop_nothing(tmp_path: Path) -> None:
    server = Server(slots=20, latency=0.3)
    answer = server.answer

    async def forgetful(method: str, path: str, headers: dict[str, str], body: bytes) -> Any:
        server.seen[path] += 1
        if path == "/metrics" and server.seen[path] > 1:
            return error(500, "oops")
        return await answer(method, path, headers, body)

    server.answer = forgetful  # pyright: ignore[reportAttributeAccessIssue]
    table = ask(tmp_path, server, 80, concurrency=30, window="metrics")
    assert table["text"].null_count == 0 and server.seen["/metrics"] > 1


def test_an_unknown_window_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'wide' is none of adaptive, fixed, metrics"):
        ask(tmp_path, Server(), 1, window="wide")
