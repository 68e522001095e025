"""Servers that ask for endless waits: every wait ends within run.patience, and nothing is lost."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from asking import cell, journal, shard
from endpoint import Endpoint, Reply, Server, completion, error

from r1data.errors import ShardFault, TeacherStop
from r1data.media import web
from r1data.release.hub_errors import forget_wait
from r1data.teacher import batch
from r1data.teacher.faults import retry_after, stated_rest
from r1data.teacher.stage import ask_teacher

YEAR = "31536000"
ENDLESS = [
    {"Retry_After": YEAR},
    {"Retry_After": "9" * 400},
    {"Retry_After": "Fri, 01 Jan 2100 00:00:00 GMT"},
    {"retry_after_ms": YEAR + "000"},
    {"retry_after_ms": "inf"},
    {"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "9999999h"},
]


def ask(build: Path, server: Server, patience: float, **settings: Any) -> list[dict[str, Any]]:
    with Endpoint(server) as endpoint:
        told = cell(build, endpoint.url, patience=patience, **settings)
        return ask_teacher(*shard(4), cell=told).to_pylist()


def after(answers: int, reply: Callable[[], Reply]) -> Server:
    """Return a server that answers so many requests and gives `reply` to all that follow."""
    return Server(lambda server, _: reply() if server.accepted >= answers else completion())


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("headers", ENDLESS)
def test_an_endless_wait_stops_the_build_in_the_servers_words_and_the_next_run_goes_on(
    tmp_path: Path, status: int, headers: dict[str, str]
) -> None:
    began = time.monotonic()
    with pytest.raises(TeacherStop, match=f"HTTP {status}: come back in a year"):
        server = after(3, lambda: error(status, "come back in a year", **headers))
        ask(tmp_path, server, patience=0.4)
    assert time.monotonic() - began < 10
    kept = len(journal(tmp_path))
    assert kept == 3
    server = Server()
    assert all(row["text"] for row in ask(tmp_path, server, patience=60.0))
    assert server.requests == 8 - kept


def test_a_long_wait_for_one_row_ends_with_that_row(tmp_path: Path) -> None:
    def behave(_: Server, payload: dict[str, Any]) -> Reply:
        if "clip 1?" in str(payload):
            return error(500, "not this one", Retry_After=YEAR)
        return completion()

    rows = ask(tmp_path, Server(behave), patience=0.4)
    faults = {row["fault"] for row in rows if row["id"] == "own/1"}
    assert len(faults) == 1 and "not this one" in faults.pop()
    assert sum(bool(row["text"]) for row in rows) == 6


def test_a_wait_that_was_asked_for_once_is_cut_and_the_row_is_answered(tmp_path: Path) -> None:
    refusal = [error(429, "slow down", Retry_After=YEAR)]
    server = Server(lambda *_: refusal.pop() if refusal else completion())
    rows = ask(tmp_path, server, patience=1.0)
    assert all(row["text"] for row in rows) and server.requests == 9


@pytest.mark.parametrize("step", ["POST files", "POST batches", "GET batches", "GET files"])
@pytest.mark.parametrize("status", [429, 503])
def test_no_step_of_a_batch_waits_longer(tmp_path: Path, step: str, status: int) -> None:
    class Busy(Server):
        def batch_api(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
            if f"{method} {path.split('/')[2]}" == step:
                return error(status, "come back in a year", Retry_After=YEAR)
            return super().batch_api(method, path, headers, body)

    with pytest.raises(TeacherStop, match="come back in a year"):
        ask(tmp_path, Busy(), patience=0.3, mode="batch")
    server = Server()
    if step in ("POST files", "POST batches"):
        assert all(row["text"] for row in ask(tmp_path, server, patience=60.0, mode="batch"))


def test_a_batch_that_never_ends_stops_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "DAY_S", 0.2)
    monkeypatch.setattr(batch, "POLL_MOST_S", 0.1)
    with pytest.raises(TeacherStop, match="batch-0 is still in_progress"):
        ask(tmp_path, Server(batch_seconds=3600), patience=0.2, mode="batch")


@pytest.mark.parametrize("value", ["1.2.3", "", ".", "nan", "-5", "Mon, 99 Foo 99999", "\x00", "²"])
def test_a_wait_that_is_none_is_ignored(value: str) -> None:
    for name in ("retry-after", "retry-after-ms"):
        assert not retry_after({name: value}, 0.0)
    limits = {"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": value + "s"}
    assert stated_rest(limits) >= 0


def test_the_hubs_waits_end_together(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(web.time, "sleep", lambda seconds: clock.append(clock.pop() + seconds))
    monkeypatch.setattr(web.time, "monotonic", lambda: clock[-1])

    def once() -> None:
        raise web.Passing("answers 503", float(YEAR))

    with pytest.raises(ShardFault, match="answers 503"):
        web.patiently("https://hub.example/a", once)
    assert clock[-1] <= 900


@pytest.mark.parametrize(
    ("name", "value", "stays"),
    [
        ("retry-after", "5", True),
        ("retry-after", YEAR, False),
        ("retry-after", "9" * 5000, False),
        ("ratelimit", '"api";r=0;t=55', True),
        ("ratelimit", '"api";r=0;t=31536000', False),
    ],
)
def test_the_hubs_client_waits_for_no_year(name: str, value: str, stays: bool) -> None:
    response = httpx2.Response(429, headers={name: value})
    forget_wait(response)
    assert (name in response.headers) is stays
