"""Endpoints as they are: what refuses everything stops, what refuses some is asked again."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest
from asking import OPTIONS, cell, journal, shard
from endpoint import Endpoint, Reply, completion, error
from endpoint import Server as AnyServer

from r1data.errors import TeacherStop, UsageError
from r1data.grid.work import AGAIN
from r1data.teacher.advice import Sent, advice_for
from r1data.teacher.canary import Form, make_canary
from r1data.teacher.faults import Kind, Outcome, read_status
from r1data.teacher.requests import encode_body, output_cap, request_params
from r1data.teacher.sharing import decode
from r1data.teacher.stage import ask_teacher

Server = partial(AnyServer, canaries=True)
ROWS = 40
# Of 40 rows so many requests may go out before the endpoint is given up.
HANDFUL = 20


def ask(build: Path, *servers: AnyServer, rows: int = ROWS, **settings: Any) -> pa.Table:
    from contextlib import ExitStack

    with ExitStack() as stack:
        urls = [stack.enter_context(Endpoint(server)).url for server in servers]
        lanes = [{"url": url, "concurrency": 32} for url in urls]
        told = {"lanes": lanes, "canary": True, **settings}
        return ask_teacher(*shard(rows), cell=cell(build, "", options={"n": 1}, **told))


def plain(status: int, body: str) -> Reply:
    return Reply(status, body.encode(), {"Content-Type": "text/html"})


def numbered(server: AnyServer, payload: dict[str, Any]) -> Reply:
    """A context that is too short, told with numbers that differ from request to request."""
    asked = 4000 + server.requests
    return error(400, f"This model's maximum context length is 4096 tokens, you asked {asked}.")


PYDANTIC = {"detail": [{"loc": ["body", "top_p"], "msg": "Extra inputs are not permitted"}]}
REFUSING: dict[str, tuple[Callable[..., Reply], str]] = {
    "too many images": (
        lambda *_: error(400, "At most 1 image(s) may be provided in one request."),
        r"HTTP 400: At most 1 image\(s\) may be provided in one request; .*limit-mm-per-prompt "
        r"'\{\"image\": 2\}'.*lower frames.count to 1",
    ),
    "context": (numbered, r"maximum context length is 4096.*--max-model-len"),
    "max_tokens": (
        lambda *_: error(400, "'max_tokens' is not supported. Use 'max_completion_tokens'."),
        r"under teacher: params: \{max_completion_tokens: 2048\}",
    ),
    "temperature": (
        lambda *_: error(400, "Unsupported value: 'temperature' does not support 1.0."),
        r"under teacher: params: \{temperature: null\}",
    ),
    "a field by param alone": (
        lambda *_: Reply(400, b'{"error": {"message": "Unsupported parameter", "param": "top_p"}}'),
        r"Unsupported parameter \(top_p\); .*params: \{top_p: null\}",
    ),
    "a field by pydantic": (
        lambda *_: Reply(422, json.dumps(PYDANTIC).encode()),
        r"HTTP 422: .*params: \{top_p: null\}",
    ),
    "an error in a list": (
        lambda *_: Reply(400, b'[{"error": {"code": 400, "message": "image limit"}}]'),
        "HTTP 400: image limit",
    ),
    "too large": (
        lambda *_: plain(413, "<html><h1>413 Request Entity Too Large</h1></html>"),
        "HTTP 413: 413 Request Entity Too Large; .*client_max_body_size",
    ),
    "stream only": (
        lambda *_: error(400, "This model only supports streaming, set stream=true"),
        "only supports streaming.*r1data does not stream",
    ),
    "no eyes": (
        lambda *_: error(400, "m does not support image input"),
        "serve a model that takes images",
    ),
    "a page": (
        lambda *_: plain(200, "<html>login page</html>"),
        "login page.*ending in /v1",
    ),
    "a stream": (
        lambda *_: plain(200, 'data: {"choices": []}\n\ndata: [DONE]\n\n'),
        "HTTP 200 with a stream.*r1data does not stream",
    ),
    "no choices": (lambda *_: completion(choices=0), "a reply with 0 choices"),
    "null choices": (lambda *_: Reply(body=b'{"choices": null}'), "a reply with 0 choices"),
    "a redirect": (
        lambda *_: Reply(307, b"", {"Location": "http://127.0.0.1:1/v2/chat/completions"}),
        "HTTP 307: redirects to http://127.0.0.1:1/v2/chat/completions; write that address",
    ),
    "an error in a 200": (
        lambda *_: Reply(body=b'{"error": {"code": 400, "message": "no such parameter"}}'),
        "an error in a 200: no such parameter",
    ),
}


@pytest.mark.parametrize("name", REFUSING)
def test_what_refuses_everything_stops_after_a_handful_with_its_own_words(
    tmp_path: Path, name: str
) -> None:
    behave, words = REFUSING[name]
    server = Server(behave)
    with pytest.raises(TeacherStop, match=words) as stop:
        ask(tmp_path, server)
    assert server.requests <= HANDFUL and "\n" not in str(stop.value)
    assert "run the same command again" in str(stop.value)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_a_small_build_that_is_refused_stops_too(tmp_path: Path, rows: int) -> None:
    behave, words = REFUSING["too many images"]
    with pytest.raises(TeacherStop, match=words):
        ask(tmp_path, Server(behave), rows=rows)


def test_the_same_command_asks_all_after_the_limit_was_raised(tmp_path: Path) -> None:
    refuse = REFUSING["too many images"][0]
    with pytest.raises(TeacherStop):
        ask(tmp_path, Server(refuse))
    server = Server()
    assert ask(tmp_path, server)["text"].null_count == 0
    assert server.requests == ROWS + 1  # and the canary


def test_a_server_that_answered_and_then_refuses_everything_stops(tmp_path: Path) -> None:
    def behave(server: AnyServer, payload: dict[str, Any]) -> Reply:
        return completion() if server.requests <= 10 else error(400, "At most 1 image(s)")

    server = Server(behave)
    with pytest.raises(TeacherStop, match="At most 1 image"):
        ask(tmp_path, server, rows=200)
    assert server.requests < 100
    assert len(journal(tmp_path)) >= 9


def test_rows_that_are_refused_alone_are_asked_again_and_no_other(tmp_path: Path) -> None:
    def behave(server: AnyServer, payload: dict[str, Any]) -> Reply:
        bad = any(f"clip {number}?" in str(payload) for number in (3, 7))
        return error(400, "image too small") if bad else completion()

    table = ask(tmp_path, Server(behave))
    assert table["text"].null_count == 2 and table.schema.metadata[AGAIN] == b"2"
    server = Server()
    table = ask(tmp_path, server)
    assert server.requests == 2 + 1  # another address gets a canary of its own
    assert table["text"].null_count == 0
    assert table.schema.metadata[AGAIN] == b"0"


def test_what_one_endpoint_refuses_another_takes(tmp_path: Path) -> None:
    refusing, server = Server(REFUSING["too many images"][0]), Server(latency=0.02)
    table = ask(tmp_path, refusing, server)
    assert table["text"].null_count == 0
    assert server.accepted == ROWS + 1 and refusing.requests <= HANDFUL


# --- the canary -----------------------------------------------------------------------------------


def canaries(server: AnyServer) -> list[dict[str, Any]]:
    return [each for each in server.payloads if "The code word is" in str(each)]


def notes(build: Path) -> list[str]:
    ledger = decode((build / "asking" / "ledger.json").read_bytes())
    assert ledger is not None
    return list(ledger.canaries.values())


def test_the_canary_goes_out_once_in_the_builds_form_and_is_journalled(tmp_path: Path) -> None:
    server = Server()
    with Endpoint(server) as endpoint:
        told = cell(tmp_path, endpoint.url, options={"n": 1}, canary=True)
        ask_teacher(*shard(3), cell=told)
        ask_teacher(*shard(6), cell=told)
    assert server.requests == 7
    (canary,) = canaries(server)
    row = next(each for each in server.payloads if each is not canary)
    assert {key: canary[key] for key in row if key != "messages"} == {
        key: row[key] for key in row if key != "messages"
    }
    kinds = [part["type"] for part in canary["messages"][0]["content"]]
    assert kinds == ["image_url", "image_url", "text"]
    assert len([line for line in journal(tmp_path) if line["id"] is None]) == 1


def test_what_does_not_show_in_the_reply_is_a_note_and_the_build_goes_on(tmp_path: Path) -> None:
    table = ask(tmp_path, Server(), rows=3)
    assert table["text"].null_count == 0
    (note,) = notes(tmp_path)
    assert "the text and the first image" in note and "the last image" in note
    assert "I looked at it." in note


def test_a_canary_that_is_out_of_budget_is_not_sent(tmp_path: Path) -> None:
    server = Server(lambda *_: completion(tokens=(100, 20)))
    table = ask(tmp_path, server, rows=2, budget={"tokens": 5_000})
    assert table["text"].null_count == 0
    spent = decode((tmp_path / "asking" / "ledger.json").read_bytes())
    assert spent is not None and spent.money["6.responses"].spent == server.requests * 120


@pytest.mark.parametrize(
    ("reply", "lost"),
    [
        ("{code}; {first}; {last}", 0),
        ("The code word is {code}. First: {first}. Last: {last}.", 0),
        ("<think>{first}, {last}</think>\n<answer>{code}</answer>", 0),
        ("{code}", 2),
        ("{code}; {first}; I see no other image", 1),
        ("{first}; {last}", 1),
        ("A", 3),
        ("", 3),
    ],
)
def test_the_reply_tells_what_arrived(reply: str, lost: int) -> None:
    canary = make_canary(Form(16, 224, 224), "x")
    first, last = (f"{mark.colour} {mark.shape} {mark.digit}" for mark in canary.marks)
    said = reply.format(code=canary.code.upper().replace("-", " "), first=first, last=last)
    assert len(canary.lost(said)) == lost


def test_the_canary_shows_its_marks_in_its_first_and_last_image_alone() -> None:
    canary = make_canary(Form(16, 308, 224), "x")
    images = [
        cv2.imdecode(np.frombuffer(each.jpeg, np.uint8), cv2.IMREAD_COLOR)
        for each in canary.question.pictures()
    ]
    assert all(image is not None and image.shape == (224, 308, 3) for image in images)
    coloured = [bool(np.ptp(image, axis=2).max() > 30) for image in images if image is not None]
    assert coloured == [True, *[False] * 14, True]
    assert len(set(canary.question.digests)) == 16


# --- request fields -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        ({}, {"temperature": 1.0, "top_p": 0.95, "max_tokens": 64, "seed": 1}),
        (
            {"max_completion_tokens": 2048},
            {"temperature": 1.0, "top_p": 0.95, "max_completion_tokens": 2048, "seed": 1},
        ),
        (
            {"temperature": None, "top_p": None, "seed": None},
            {"max_tokens": 64},
        ),
        (
            {"max_tokens": None, "temperature": None, "top_p": None, "seed": None},
            {},
        ),
        (
            {"seed": 7, "reasoning_effort": "high", "extra": {"chat_template_kwargs": {"a": 1}}},
            {
                "temperature": 1.0,
                "top_p": 0.95,
                "max_tokens": 64,
                "seed": 7,
                "reasoning_effort": "high",
                "chat_template_kwargs": {"a": 1},
            },
        ),
    ],
)
def test_params_set_rename_and_remove_fields(params: dict[str, Any], sent: dict[str, Any]) -> None:
    question = make_canary(Form(0, 0, 0), "x").question
    fields = request_params({**OPTIONS, "params": params})
    body = json.loads(encode_body(question, "m", fields, "image_url", k=1))
    content = {"role": "user", "content": question.text}
    assert body == {"model": "m", "messages": [content], **sent}


def test_a_reply_without_a_cap_is_never_cut_short_by_ours(tmp_path: Path) -> None:
    server = Server(lambda *_: completion("long", "length", tokens=(100, 5_000)))
    options = {"n": 1, "params": {"max_tokens": None}}
    with Endpoint(server) as endpoint:
        table = ask_teacher(*shard(2), cell=cell(tmp_path, endpoint.url, options=options))
    assert table["finish_reason"].to_pylist() == ["length"] * 2 and server.requests == 2
    assert output_cap(request_params({**OPTIONS, **options})) is None


def test_a_budget_needs_a_cap(tmp_path: Path) -> None:
    options = {"n": 1, "params": {"max_tokens": None}}
    told = cell(tmp_path, "http://127.0.0.1:9/v1", options=options, budget={"tokens": 1000})
    with pytest.raises(UsageError, match=r"teacher.params.max_completion_tokens"):
        ask_teacher(*shard(2), cell=told)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *[(status, Kind.STOP) for status in (301, 308, 401, 402, 403, 404)],
        *[(status, Kind.REFUSED) for status in (400, 413, 415, 422)],
        *[(status, Kind.AGAIN) for status in (408, 409, 425, 499, 500, 503, 524, 529)],
        (429, Kind.BUSY),
    ],
)
def test_a_status_says_what_to_do(status: int, kind: Kind) -> None:
    assert read_status(status, b"", {}, 0.0).kind is kind


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("At most 4 image(s) may be provided in one request.", "lower frames.count to 4"),
        ("You can provide up to 8 images", "lower frames.count to 8"),
        ("limit_mm_per_prompt exceeded", '{"image": 16}'),
        ("request (5000 tokens) exceeds the available context size (4096)", "--max-model-len"),
        ("prompt is too long: 210000 tokens", "--max-model-len"),
        ("Unknown argument: seed", "params: {seed: null}"),
        ("The model `m` does not exist", "no model 'm': it lists a"),
    ],
)
def test_the_advice_names_the_limit_and_how_to_lift_it(message: str, words: str) -> None:
    outcome = Outcome(Kind.REFUSED, f"HTTP 400: {message}", status=400)
    assert words in advice_for(outcome, Sent("m", 16, "teacher"), ["a"])
