"""Batches under attack: shards that share a budget, hostile output files, replies that are none."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asking import cell, journal, shard
from endpoint import Endpoint, Reply, Server, completion

from r1data.errors import BudgetSpent, TeacherStop
from r1data.teacher import batch, batch_server
from r1data.teacher.batch_server import lines_of
from r1data.teacher.stage import ask_teacher

Line = dict[str, Any]
HALF = "\ud800"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look often at batches that are over at once."""
    monkeypatch.setattr(batch, "POLL_FIRST_S", 0.02)
    monkeypatch.setattr(batch, "POLL_MOST_S", 0.1)


def ask(build: Path, url: str, number: int = 0, rows: int = 2, **settings: Any) -> list[Line]:
    told = {"mode": "batch", "patience": 60.0, **settings}
    tables = shard(rows, first=rows * number)
    return ask_teacher(*tables, cell=cell(build, url, f"{number:05d}", **told)).to_pylist()


def asked(build: Path, server: Server, **settings: Any) -> list[Line]:
    with Endpoint(server) as endpoint:
        return ask(build, endpoint.url, **settings)


def ask_shards(build: Path, url: str, shards: int, **settings: Any) -> list[list[Line] | Exception]:
    """Ask for several shards side by side; return what became of each."""
    ends: list[list[Line] | Exception] = [TimeoutError()] * shards

    def one(number: int) -> None:
        try:
            ends[number] = ask(build, url, number, **settings)
        except Exception as problem:
            ends[number] = problem

    threads = [threading.Thread(target=one, args=(n,), daemon=True) for n in range(shards)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    return ends


@pytest.mark.parametrize("shards", [2, 4])
@pytest.mark.parametrize("budget", [{"tokens": 10**6}, {"usd": 5.0}])
def test_shards_that_share_a_budget_all_end(
    tmp_path: Path, shards: int, budget: dict[str, float]
) -> None:
    prices = {"input": 1.0, "output": 1.0}
    with Endpoint(Server()) as endpoint:
        ends = ask_shards(tmp_path, endpoint.url, shards, budget=budget, prices=prices)
    for end in ends:
        assert isinstance(end, list) and all(row["text"] for row in end)
    assert endpoint.server.requests == 4 * shards


@pytest.mark.parametrize("cap", [500, 900, 1500])
def test_shards_together_never_pass_the_cap_and_the_next_run_pays_the_rest(
    tmp_path: Path, cap: int
) -> None:
    server = Server(lambda *_: completion(tokens=(100, 20)))
    with Endpoint(server) as endpoint:
        ends = ask_shards(tmp_path, endpoint.url, 3, rows=4, budget={"tokens": cap})
        assert any(isinstance(end, BudgetSpent) for end in ends)
        assert not any(isinstance(end, TimeoutError) for end in ends)
        assert 0 < server.requests * 120 <= cap
        ends = ask_shards(tmp_path, endpoint.url, 3, rows=4, budget={"tokens": 10**6})
    assert all(isinstance(end, list) for end in ends)
    assert server.requests == 24, "nothing is paid for twice"


def test_what_a_dead_shard_put_aside_keeps_nobody_waiting(tmp_path: Path) -> None:
    """The seat of a killed cell stands in the ledger with money; nobody holds its lock."""
    from r1data.teacher.sharing import Money, Row, seated

    with seated(tmp_path / "6.responses", "00007", "tokens") as seat:
        with seat.turn() as ledger:
            dead = Row("6.responses", "00009", "tokens", 0.0, reserved=10.0**6)
            ledger.seats["9"] = dead
            ledger.money.setdefault("6.responses", Money())
        rows = asked(tmp_path, Server(), budget={"tokens": 10**6})
    assert all(row["text"] for row in rows)


class Outputs(Server):
    """Its output files are changed by `change` before they are sent."""

    change: Callable[[list[bytes]], bytes] = staticmethod(lambda lines: b"\n".join(lines))

    def batch_api(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
        reply = super().batch_api(method, path, headers, body)
        if path.endswith("/content"):
            return Reply(body=self.change(reply.body.splitlines()))
        return reply


def edited(line: bytes, **changes: Any) -> bytes:
    return json.dumps({**json.loads(line), **changes}).encode()


def with_text(line: bytes, text: str) -> bytes:
    response = json.loads(completion(text).body)
    return edited(line, response={"status_code": 200, "body": response})


WHOLE: dict[str, Callable[[list[bytes]], bytes]] = {
    "in another order": lambda lines: b"\n".join(lines[::-1]),
    "doubled": lambda lines: b"\n".join([*lines, *(with_text(each, "B") for each in lines)]),
    "an error beside each": lambda lines: b"\n".join(
        [*lines, *(edited(each, response=None, error={"code": "x"}) for each in lines)]
    ),
    "foreign": lambda lines: b"\n".join(
        [edited(lines[0], custom_id="0" * 64), edited(lines[0], custom_id=HALF), *lines]
    ),
    "keys of other types": lambda lines: b"\n".join(
        [*(edited(lines[0], custom_id=each) for each in (None, 7, [], {}, "")), *lines]
    ),
    "half a line at the end": lambda lines: b"\n".join([*lines, lines[0][:40]]),
    "carriage returns": lambda lines: b"\r\n".join(lines) + b"\r\n\r\n",
    "a byte order mark": lambda lines: b"\xef\xbb\xbf" + b"\n".join(lines),
    "garbage": lambda lines: b"\x00\xff\xfe\n[[[\n7\nnull\n[]\n" + b"\n".join(lines),
    "deep": lambda lines: b"[" * 10**5 + b"\n" + b"\n".join(lines),
    "a long line": lambda lines: b"x" * (batch_server.MOST_REPLY + 1) + b"\n" + b"\n".join(lines),
}


@pytest.mark.parametrize("name", WHOLE)
def test_an_output_file_with_more_than_answers_gives_each_once(tmp_path: Path, name: str) -> None:
    server = Outputs()
    server.change = WHOLE[name]  # type: ignore[method-assign]
    rows = asked(tmp_path, server, budget={"tokens": 10**6})
    assert all(row["text"] and row["text"] != "B" for row in rows)
    assert len(server.batches) == 1 and server.requests == 4 == len(journal(tmp_path))


def once(change: Callable[[list[bytes]], bytes]) -> Callable[[list[bytes]], bytes]:
    """Return what changes the first file alone."""
    left = [change]
    return lambda lines: left.pop()(lines) if left else b"\n".join(lines)


BROKEN: dict[str, Callable[[list[bytes]], bytes]] = {
    "empty": lambda lines: b"",
    "one missing": lambda lines: b"\n".join(lines[1:]),
    "half a line": lambda lines: b"\n".join([lines[0][:-20], *lines[1:]]),
    "two in a line": lambda lines: lines[0] + b"".join(lines[1:]),
    "no response": lambda lines: b"\n".join([edited(lines[0], response=None), *lines[1:]]),
    "a response that is a text": lambda lines: b"\n".join(
        [edited(lines[0], response="A", error=7), *lines[1:]]
    ),
    "a status that is a text": lambda lines: b"\n".join(
        [edited(lines[0], response={"status_code": "200", "body": {}}), *lines[1:]]
    ),
    "a status of 10**30": lambda lines: b"\n".join(
        [edited(lines[0], response={"status_code": 10**30}), *lines[1:]]
    ),
    "a body that is a list": lambda lines: b"\n".join(
        [edited(lines[0], response={"status_code": 200, "body": [1]}), *lines[1:]]
    ),
    "no body": lambda lines: b"\n".join(
        [edited(lines[0], response={"status_code": 200}), *lines[1:]]
    ),
    "a line too long": lambda lines: b"\n".join(
        [lines[0] + b" " * (batch_server.MOST_REPLY + 1), *lines[1:]]
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_an_output_file_does_not_answer_is_asked_again(tmp_path: Path, name: str) -> None:
    server = Outputs()
    server.change = once(BROKEN[name])  # type: ignore[method-assign]
    rows = asked(tmp_path, server)
    assert all(row["text"] for row in rows) and len(journal(tmp_path)) == 4
    assert len(server.batches) == 2 and server.requests in (5, 8)


def test_an_output_file_without_an_end_is_read_up_to_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_server, "MOST_OUTPUT", 2**20)
    server = Outputs()
    server.change = once(lambda lines: b"{}\n" * 2**20 + b"\n".join(lines))  # type: ignore[method-assign]
    rows = asked(tmp_path, server)
    assert all(row["text"] for row in rows) and len(server.batches) == 2


STEPS = ("POST files", "POST batches", "GET batches")
NO_REPLIES: list[Any] = [b"", b"[" * 10**5, b"7", b"[]", b"null", {}, {"id": None}, {"id": [HALF]}]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("reply", NO_REPLIES, ids=range(len(NO_REPLIES)))
def test_a_reply_that_is_no_batch_stops_the_build_and_the_next_run_goes_on(
    tmp_path: Path, step: str, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "DAY_S", 0.1)

    class Odd(Server):
        def batch_api(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply:
            if f"{method} {path.split('/')[2]}" == step:
                return Reply(body=reply if isinstance(reply, bytes) else json.dumps(reply).encode())
            return super().batch_api(method, path, headers, body)

    with pytest.raises(TeacherStop, match=r"127\.0\.0\.1.*(answers with|names no id|is still)"):
        asked(tmp_path, Odd(), patience=0.2)
    if step == "POST files":
        assert all(row["text"] for row in asked(tmp_path, Server()))


ODD_ENDS: list[Line] = [
    {"status": HALF},
    {"status": ["completed"]},
    {"status": 7},
    {"status": None},
]


@pytest.mark.parametrize("end", ODD_ENDS, ids=str)
def test_a_batch_of_another_status_is_looked_at_again(tmp_path: Path, end: Line) -> None:
    odd = [end, end]

    class Odd(Server):
        def worked(self, batch: Line) -> Line:
            return {**batch, **odd.pop()} if odd else super().worked({**batch, **IN_WORK})

    assert all(row["text"] for row in asked(tmp_path, Odd()))


IN_WORK = {"status": "in_progress"}
FAILED: list[Any] = [None, 7, [], {}, {"data": None}, {"data": [7, None]}, {"data": [{"code": []}]}]


@pytest.mark.parametrize("errors", FAILED, ids=str)
def test_a_batch_that_failed_without_a_reason_stops_the_build(tmp_path: Path, errors: Any) -> None:
    class Failing(Server):
        def worked(self, batch: Line) -> Line:
            return {**batch, "status": "failed", "errors": errors}

    with pytest.raises(TeacherStop, match="failed the batch batch-0"):
        asked(tmp_path, Failing())


def test_want_of_room_ends_with_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "DAY_S", 0.1)
    with pytest.raises(TeacherStop, match="no room"):
        asked(tmp_path, Server(crowded=10**6))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_are_the_same_in_pieces_of_any_size(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_server, "MOST_REPLY", 10)
    whole = b"one\n\ntwo\r\n" + b"x" * 11 + b"\n" + b"y" * 10 + b"\nthree"
    pieces = iter([whole[i : i + size] for i in range(0, len(whole), size)])
    assert list(lines_of(pieces)) == [b"one", b"", b"two\r", b"y" * 10, b"three"]
