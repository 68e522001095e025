"""Hostile replies: bodies without an end, bombs, lies about tokens, and JSON that nobody wrote."""

import asyncio
import contextlib
import gzip
import json
import socket
import threading
import zlib
from pathlib import Path
from typing import Any

import pytest
from asking import cell, journal, shard
from endpoint import Endpoint, Reply, Server, completion, error

from r1data.errors import BudgetSpent, TeacherStop
from r1data.teacher.client import list_models, open_client
from r1data.teacher.faults import MOST_REPLY, Kind, read_reply, read_status
from r1data.teacher.following import read_load
from r1data.teacher.journal import opened
from r1data.teacher.lanes import Lane
from r1data.teacher.stage import ask_teacher

GOOD = completion().body
REPLY = json.loads(GOOD)


def ask(build: Path, url: str, rows: int = 2, **settings: Any) -> list[dict[str, Any]]:
    told = {"tries": 2, "patience": 60.0, **settings}
    return ask_teacher(*shard(rows), cell=cell(build, url, **told)).to_pylist()


def asked(build: Path, server: Server, **settings: Any) -> list[dict[str, Any]]:
    with Endpoint(server) as endpoint:
        return ask(build, endpoint.url, **settings)


def reply(**changes: Any) -> bytes:
    """Return the JSON of a reply with other fields; half a character stays half."""
    return json.dumps({**REPLY, **changes}).encode()


class Flood:
    """A server that sends `pieces` to every request but the first `answers`, and counts them."""

    def __init__(self, head: bytes, piece: bytes, answers: int = 0) -> None:
        self.head, self.piece, self.answers = head, piece, answers
        self.sent: list[int] = []
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=64)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}/v1"

    def __enter__(self) -> "Flood":
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listening.close()

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                taken, _ = self.listening.accept()
                threading.Thread(target=self.serve, args=(taken,), daemon=True).start()

    def serve(self, taken: socket.socket) -> None:
        with taken, contextlib.suppress(OSError):
            lines = taken.makefile("rb")
            first, length = lines.readline(), 0
            while (line := lines.readline().strip().lower()) and line:
                if line.startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            body = lines.read(length)
            if b" /v1/models" in first:
                taken.sendall(b"HTTP/1.1 404 -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            if b"The code word" in body or self.answers > 0:
                self.answers -= b"The code word" not in body
                head = f"HTTP/1.1 200 -\r\nContent-Length: {len(GOOD)}\r\nConnection: close\r\n\r\n"
                taken.sendall(head.encode() + GOOD)
                return
            self.sent.append(0)
            number = len(self.sent) - 1
            taken.sendall(self.head)
            while True:
                taken.sendall(self.piece)
                self.sent[number] += len(self.piece)


def packed_zeros(wbits: int) -> bytes:
    """Return 64 MB of blanks in some kilobytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return b"".join(packer.compress(b" " * 2**20) for _ in range(64)) + packer.flush()


BODY = b"HTTP/1.1 200 -\r\nContent-Type: application/json\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 -\r\nTransfer-Encoding: chunked\r\n\r\n"
FLOODS = {
    "plain": (BODY, b" " * 65536),
    "chunked": (CHUNKED, b"10000\r\n" + b"x" * 65536 + b"\r\n"),
    "deep": (BODY, b"[" * 65536),
    "headers": (b"HTTP/1.1 200 -\r\n", b"".join(b"x-%d: y\r\n" % i for i in range(4096))),
    "one header": (b"HTTP/1.1 200 -\r\nx: ", b"y" * 65536),
    "status line": (b"HTTP/1.1 200 ", b"y" * 65536),
    "error": (b"HTTP/1.1 500 -\r\n\r\n", b"x" * 65536),
    "lie": (b"HTTP/1.1 200 -\r\nContent-Length: 99999999999999\r\n\r\n", b" " * 65536),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_reply_without_an_end_is_read_up_to_its_limit(tmp_path: Path, name: str) -> None:
    """What the sockets hold beside is a few megabytes."""
    with Flood(*FLOODS[name], answers=2) as flood:
        rows = ask(tmp_path, flood.url)
    assert len(flood.sent) >= 2 and max(flood.sent) < MOST_REPLY + 16 * 2**20
    assert all(row["text"] or row["fault"] for row in rows)
    assert sum(bool(row["text"]) for row in rows) == 2


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_a_bomb_is_unpacked_up_to_the_limit(tmp_path: Path, encoding: str) -> None:
    bomb = packed_zeros(31 if encoding.startswith("gzip") else 15)
    bomb = gzip.compress(bomb) if encoding == "gzip, gzip" else bomb

    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        if "clip 1?" in str(payload):
            return Reply(200, bomb, {"Content-Encoding": encoding})
        return completion()

    rows = asked(tmp_path, Server(behave))
    assert {row["id"] for row in rows if row["text"]} == {"own/0"}
    if "gzip" in encoding or encoding == "deflate":
        assert all("more than 16 MB" in row["fault"] for row in rows if row["id"] == "own/1")


def test_a_packed_reply_is_read(tmp_path: Path) -> None:
    packed = Reply(200, gzip.compress(GOOD), {"Content-Encoding": "gzip"})
    assert all(row["text"] for row in asked(tmp_path, Server(lambda *_: packed)))
    refused = error(400, "no such field")
    refused = Reply(400, gzip.compress(refused.body), {"Content-Encoding": "gzip"})
    rows = asked(tmp_path / "refused", Server(lambda *_: refused))
    assert {row["fault"] for row in rows} == {"HTTP 400: no such field"}


LIES: list[Any] = [
    {"prompt_tokens": 10**30, "completion_tokens": 10**30},
    {"prompt_tokens": -(10**6), "completion_tokens": -5},
    {"prompt_tokens": 100, "completion_tokens": -5},
    {"prompt_tokens": 0, "completion_tokens": 0},
    {"prompt_tokens": 100, "completion_tokens": 0},
    {"prompt_tokens": 1.5, "completion_tokens": 0.1},
    {"prompt_tokens": "100", "completion_tokens": "20"},
    {"prompt_tokens": True, "completion_tokens": True},
    {"prompt_tokens": [100], "completion_tokens": {"a": 1}},
    {"prompt_tokens": 100},
    {"prompt_tokens": None, "completion_tokens": None},
    {"prompt_tokens": float("nan"), "completion_tokens": float("inf")},
    {},
    "many",
    [1, 2],
    None,
]


@pytest.mark.parametrize("mode", ["live", "batch"])
@pytest.mark.parametrize("usage", LIES, ids=str)
def test_a_lie_about_tokens_is_ignored_and_estimated(tmp_path: Path, usage: Any, mode: str) -> None:
    """A request is put at 121 tokens in, or more, and at most 64 out."""
    server = Server(lambda *_: Reply(body=reply(usage=usage)))
    budget = {"tokens": 1000}
    with pytest.raises(BudgetSpent):
        asked(tmp_path, server, rows=10, budget=budget, mode=mode)
    assert 2 <= server.requests <= 1000 // 120, "a lie gains nothing"
    kept = journal(tmp_path)
    for line in [line for line in kept if line["id"]]:
        assert line["tokens_in"] is None and line["tokens_out"] is None
        assert 64 < line["tokens"] < 1000
    before = server.requests
    rows = asked(tmp_path, server, rows=10, mode=mode)
    assert all(row["text"] for row in rows) and server.requests == 20
    assert before == len([line for line in kept if line["id"]]), "none is paid for twice"


HALF = "\ud800"
ODD: dict[str, Any] = {
    "model is half a character": {"model": HALF},
    "model is a number": {"model": 7},
    "model without an end": {"model": "m" * 10**6},
    "id": {"id": [HALF]},
    "reason is half a character": {"reason": HALF},
    "reason is a list": {"reason": [1]},
    "reason without an end": {"reason": "stop" * 10**5},
    "text is half a character": {"text": f"{HALF} A"},
    "text with NUL": {"text": "\x00A\x00"},
    "text is a number": {"text": 42},
    "text is a list of lists": {"text": [[["A"]]]},
    "text is true": {"text": True},
    "text is an object": {"text": {"text": {"text": "A"}}},
    "refusal is an object": {"text": None, "refusal": {"a": HALF}},
    "reasoning is half a character": {"reasoning_content": HALF},
    "reasoning is a number": {"reasoning": 5},
    "tool calls": {"text": None, "tool_calls": [{"function": HALF}]},
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_reply_is_one_response_that_can_be_written(tmp_path: Path, name: str) -> None:
    changes = dict(ODD[name])
    message: dict[str, Any] = {"content": changes.pop("text", "<answer>A</answer>")}
    message |= {
        key: value for key, value in changes.items() if key not in ("model", "reason", "id")
    }
    choice = {"message": message, "finish_reason": changes.get("reason", "stop")}
    beside = {key: changes[key] for key in ("model", "id") if key in changes}
    body = reply(choices=[choice], **beside)
    rows = asked(tmp_path, Server(lambda *_: Reply(body=body)))
    assert [row["id"] for row in rows] == ["own/0", "own/0", "own/1", "own/1"]
    lines = (tmp_path / "6.responses" / "00000.journal.jsonl").read_bytes().splitlines(True)
    records = [opened(line) for line in lines]
    assert None not in records and len(records) >= 4
    assert all(len(json.dumps(record)) < 5000 for record in records)
    server = Server()
    assert asked(tmp_path, server) == rows and server.requests == 0, "asked again"


BAD: dict[str, bytes] = {
    "no choices": reply(choices=[]),
    "choices doubled": reply(choices=REPLY["choices"] * 2),
    "choices null": reply(choices=None),
    "choices a text": reply(choices="A"),
    "choices an object": reply(choices={"0": REPLY["choices"][0]}),
    "a choice that is a list": reply(choices=[[1]]),
    "message a text": reply(choices=[{"message": "A"}]),
    "message null": reply(choices=[{"message": None}]),
    "deep list": b"[" * 10**5,
    "deep object": b'{"a":' * 10**5,
    "deep but whole": b"[" * 500 + b"]" * 500,
    "deep in a field": reply(id=json.loads("[" * 500 + "]" * 500)),
    "a long number": b'{"choices":' + b"9" * 5000 + b"}",
    "not UTF-8": b'{"choices": "\xff\xfe"}',
    "nothing": b"",
    "NUL": b"\x00" * 100,
    "a number": b"7",
    "NaN": b"NaN",
    "error deep": b'{"error":' * 500 + b"1" + b"}" * 500,
    "error is a list": b'{"error": [1, 2]}',
    "error code 10**30": b'{"error": {"code": 1000000000000000000000000000000}}',
    "error message is an object": b'{"error": {"message": {"a": ["\\ud800"]}, "code": null}}',
}


@pytest.mark.parametrize("name", BAD)
def test_a_reply_that_is_none_costs_its_row_alone(tmp_path: Path, name: str) -> None:
    def behave(_: Server, payload: dict[str, Any]) -> Reply:
        return Reply(body=BAD[name]) if "clip 1?" in str(payload) else completion()

    rows = asked(tmp_path, Server(behave))
    assert {row["id"] for row in rows if row["text"]} == {"own/0"}
    assert all("gave up after 2 tries" in row["fault"] for row in rows if row["id"] == "own/1")


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_no_body_of_an_error_is_more_than_words(status: int, body: bytes) -> None:
    outcome = read_status(status, body, {}, 0.0)
    assert outcome.kind is not Kind.ANSWER and len(outcome.message) < 320
    outcome.message.encode()


LISTS: list[Any] = [
    b"[" * 10**5,
    b"7",
    b'"\\ud800"',
    b"{}",
    {"data": None},
    {"data": 5},
    {"data": {"id": "m"}},
    {"data": "m"},
    {"data": [None, 7, "m", [], {}]},
    {"data": [{"id": HALF, "owned_by": HALF, "max_model_len": HALF}]},
    {"data": [{"id": ["m"], "max_model_len": -1}]},
    {"data": [{"id": None, "max_model_len": 10**30}]},
    {"data": [{"id": "m", "max_model_len": True, "owned_by": [1]}]},
    {"data": [{"id": "m", "max_model_len": 1.5}]},
    {"data": [{"id": "\x1b]0;x\x07\u202e\x00" + "m" * 10**5}] * 2},
    {"data": [{"id": "m"}] * 10**5},
]


@pytest.mark.parametrize("listed", LISTS, ids=range(len(LISTS)))
def test_whatever_models_are_listed_the_build_goes_on(tmp_path: Path, listed: Any) -> None:
    class Listing(Server):
        async def answer(
            self, method: str, path: str, headers: dict[str, str], body: bytes
        ) -> Reply:
            if path == "/v1/models":
                whole = isinstance(listed, bytes)
                return Reply(body=listed if whole else json.dumps(listed).encode())
            return await super().answer(method, path, headers, body)

    with Endpoint(Listing()) as endpoint:
        assert all(row["text"] for row in ask(tmp_path, endpoint.url))
        models = models_of(endpoint.url)
    assert len(models) <= 10_000
    assert all(len(each.id) <= 300 and each.id.encode() for each in models)
    assert all(each.length is None or 0 < each.length < 10**8 for each in models)


def models_of(url: str) -> list[Any]:
    async def look() -> list[Any]:
        client = open_client(Lane(url, url))
        try:
            return (await list_models(client, Lane(url, url)))[1]
        finally:
            await client.close()

    return asyncio.run(look())


@pytest.mark.parametrize("mode", ["live", "batch"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_refused_and_said(
    tmp_path: Path, status: int, mode: str
) -> None:
    other = Server()
    with Endpoint(other) as elsewhere:
        away = Reply(status, b"", {"Location": f"{elsewhere.url}/chat/completions"})

        class Away(Server):
            async def answer(
                self, method: str, path: str, headers: dict[str, str], body: bytes
            ) -> Reply:
                return away

        with pytest.raises(TeacherStop, match=f"redirects to {elsewhere.url}"):
            asked(tmp_path, Away(), mode=mode)
    assert not other.requests and not other.seen


@pytest.mark.parametrize("value", ["inf", "nan", "-1", "1e999", "..", "1.2.3", "1e5e5", "9" * 400])
def test_a_queue_that_cannot_be_is_not_followed(value: str) -> None:
    text = f"vllm:num_requests_running 1\nvllm:num_requests_waiting {value}\n"
    assert read_load(text) is None


def test_a_long_reply_is_judged_as_any_other() -> None:
    outcome = read_reply(b" " * (MOST_REPLY + 1), 10)
    assert outcome.kind is Kind.MALFORMED and "more than 16 MB" in outcome.message
    assert read_reply(b" " * 2**20 + GOOD, 64).kind is Kind.ANSWER
