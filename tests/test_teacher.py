import base64
import json
import re
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from asking import JPEG, cell, journal, lasting, shard
from endpoint import ANSWER, Behaviour, Endpoint, Reply, Server, completion, error, parts_of, proper

from r1data.errors import BudgetSpent, DiskStop, Interrupted, TeacherStop, UsageError
from r1data.grid.work import AGAIN
from r1data.schema import arrow_schema
from r1data.teacher.stage import ask_teacher


def text_of(payload: dict[str, Any]) -> str:
    return parts_of(payload)[-1]["text"]


def in_turn(*replies: Reply) -> Behaviour:
    """Every request meets these replies one after the other, then proper ones."""

    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        name = text_of(payload)
        server.seen[name] += 1
        turn = server.seen[name] - 1
        return replies[turn] if turn < len(replies) else completion()

    return behave


def ask(build: Path, server: Server, rows: int = 3, **kwargs: Any) -> Any:
    tables = kwargs.pop("tables", None) or shard(rows)
    with Endpoint(server) as endpoint:
        return ask_teacher(*tables, cell=cell(build, endpoint.url, **kwargs))


def test_each_question_gets_n_responses_in_order(tmp_path: Path) -> None:
    server = Server()
    table = ask(tmp_path, server, rows=5)
    assert table.schema == arrow_schema("response")
    assert table["id"].to_pylist() == [f"own/{i}" for i in range(5) for _ in range(2)]
    assert table["k"].to_pylist() == [0, 1] * 5
    assert set(table["text"].to_pylist()) == {ANSWER}
    assert table["served_model"][0].as_py() == "served-model"
    assert server.requests == 10
    assert all("n" not in payload for payload in server.payloads)


def test_dropped_rows_are_not_asked(tmp_path: Path) -> None:
    server = Server()
    table = ask(tmp_path, server, tables=shard(4, dropped=(1, 3)))
    assert set(table["id"].to_pylist()) == {"own/0", "own/2"}
    assert server.requests == 4


def test_an_empty_shard_asks_nobody(tmp_path: Path) -> None:
    table = ask_teacher(*shard(0), cell=cell(tmp_path, "http://127.0.0.1:9/v1"))
    assert table.num_rows == 0 and table.schema == arrow_schema("response")


def test_the_message_is_pictures_then_one_text_with_their_times(tmp_path: Path) -> None:
    server = Server()
    ask(tmp_path, server, tables=shard(1, frames=3), options={"n": 1})
    content = server.payloads[0]["messages"][0]["content"]
    assert [part["type"] for part in content] == ["image_url"] * 3 + ["text"]
    encoded = content[1]["image_url"]["url"].removeprefix("data:image/jpeg;base64,")
    assert base64.b64decode(encoded) == JPEG + bytes([0, 1])
    lines = content[-1]["text"].split("\n")
    assert lines[0] == (
        "The 3 pictures above are frames of one video, in order, "
        "taken at these times in seconds: 0.00, 0.50, 1.00"
    )
    assert lines[1] == "" and lines[2:5] == [
        "What happens in clip 0?",
        "A. it falls",
        "B. it rises",
    ]
    assert server.payloads[0]["max_tokens"] == 64


def test_a_still_picture_has_no_line_of_times(tmp_path: Path) -> None:
    server = Server()
    ask(tmp_path, server, tables=shard(1, frames=1, data_type="image"), options={"n": 1})
    assert text_of(server.payloads[0]).startswith("What happens in clip 0?")


def test_the_video_form_sends_one_part_and_the_facts_of_the_frames(tmp_path: Path) -> None:
    server = Server()
    with Endpoint(server) as endpoint:
        lanes = [{"url": endpoint.url, "media": "video_url"}]
        video = ask_teacher(*shard(1, frames=3), cell=cell(tmp_path, "", lanes=lanes))
        images = ask_teacher(*shard(1, frames=3), cell=cell(tmp_path / "other", endpoint.url))
    payload = server.payloads[0]
    content = payload["messages"][0]["content"]
    assert [part["type"] for part in content] == ["video_url", "text"]
    url = content[0]["video_url"]["url"]
    assert url.startswith("data:video/jpeg;base64,") and len(url.split(",")) == 4
    facts = payload["media_io_kwargs"]["video"]
    assert facts["frames_indices"] == [0, 15, 30] and facts["fps"] == 30.0
    assert facts["num_frames"] == -1
    assert "pictures above" not in content[1]["text"]
    assert lasting(video) == lasting(images), "the form of media must not change the key"


FAULTS = {
    "429 with Retry-After": error(429, "slow", Retry_After="0.1"),
    "429 without": error(429, "slow"),
    "500": error(500, "oops"),
    "dropped": Reply(0),
    "closed in the middle": Reply(200, completion().body, half=True),
    "HTML": Reply(body=b"<html>bad gateway</html>"),
    "empty body": Reply(body=b""),
    "JSON that is no object": Reply(body=b"[1]"),
    "no choices": completion(choices=0),
    "two choices": completion(choices=2),
    "cut short": completion("<think>I loo", "length"),
    "10 MB of text": completion("x" * 10_000_000),
    "error in a 200": Reply(body=b'{"error": {"message": "upstream"}}'),
    "502 HTML": Reply(502, b"<html>bad gateway</html>"),
    "408": error(408, "late"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_asked_again_and_change_nothing(tmp_path: Path, name: str) -> None:
    server = Server(in_turn(FAULTS[name]))
    table = ask(tmp_path / "faulty", server, rows=2)
    clean = ask(tmp_path / "clean", Server(), rows=2)
    assert lasting(table) == lasting(clean)
    assert server.requests > 4
    assert len(journal(tmp_path / "faulty")) == 4


def test_what_was_answered_is_never_asked_again(tmp_path: Path) -> None:
    server = Server()
    with Endpoint(server) as endpoint:
        first = ask_teacher(*shard(3), cell=cell(tmp_path, endpoint.url))
        again = ask_teacher(*shard(3), cell=cell(tmp_path, endpoint.url))
        assert first.equals(again) and server.requests == 6
        # Other shards, other rows in them: the journals of the whole folder are looked through.
        other = ask_teacher(*shard(4), cell=cell(tmp_path, endpoint.url, shard="00001"))
    assert server.requests == 8
    assert lasting(other)[:6] == lasting(first)


def test_journalled_answers_need_no_server(tmp_path: Path) -> None:
    first = ask(tmp_path, Server())
    again = ask_teacher(*shard(3), cell=cell(tmp_path, "http://127.0.0.1:9/v1"))
    assert again.equals(first)


def test_answers_of_another_build_are_reused_and_not_paid_again(tmp_path: Path) -> None:
    first = ask(tmp_path / "old", Server())
    server = Server()
    with Endpoint(server) as endpoint:
        settings = {"reuse": [str(tmp_path / "old")], "budget": {"tokens": 1000}}
        table = ask_teacher(*shard(4), cell=cell(tmp_path / "new", endpoint.url, **settings))
        with pytest.raises(UsageError, match="no build to reuse"):
            nowhere = cell(tmp_path / "new", endpoint.url, reuse=["/nowhere"])
            ask_teacher(*shard(4), cell=nowhere)
    assert server.requests == 2 and lasting(table)[:6] == lasting(first)


def test_another_prompt_model_or_parameter_is_another_request(tmp_path: Path) -> None:
    server = Server()
    with Endpoint(server) as endpoint:
        changes = [{}, {"prompt": "grounded"}, {"model": "m2"}, {"temperature": 0.5}]
        for change in changes:
            ask_teacher(*shard(1), cell=cell(tmp_path, endpoint.url, options=change))
    assert server.requests == 2 * len(changes)


@pytest.mark.parametrize("cut", range(1, 40, 13))
def test_a_torn_line_harms_neither_itself_nor_the_next(tmp_path: Path, cut: int) -> None:
    first = ask(tmp_path, Server())
    path = tmp_path / "6.responses" / "00000.journal.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    server = Server()
    again = ask(tmp_path, server)
    assert lasting(again) == lasting(first) and server.requests == 1
    assert ask_teacher(*shard(3), cell=cell(tmp_path, "http://127.0.0.1:9/v1")).num_rows == 6


def test_a_reply_at_the_cap_is_kept_as_it_is(tmp_path: Path) -> None:
    server = Server(lambda *_: completion("<think>and then", "length", (100, 64)))
    table = ask(tmp_path, server)
    assert set(table["finish_reason"].to_pylist()) == {"length"}
    assert set(table["text"].to_pylist()) == {"<think>and then"}
    assert server.requests == 6


def test_a_reply_always_cut_short_is_kept_in_the_end_and_says_so(tmp_path: Path) -> None:
    server = Server(lambda *_: completion("<think>and", "length", (100, 9)))
    table = ask(tmp_path, server, rows=1, tries=2)
    assert set(table["finish_reason"].to_pylist()) == {"length"}
    assert set(table["text"].to_pylist()) == {"<think>and"}
    assert server.requests == 4


def test_an_empty_text_is_a_response(tmp_path: Path) -> None:
    table = ask(tmp_path, Server(lambda *_: completion("")))
    assert set(table["text"].to_pylist()) == {""} and table["fault"].null_count == 6


def test_a_refusal_is_told_and_not_asked_again(tmp_path: Path) -> None:
    table = ask(tmp_path, Server(lambda *_: completion(None, refusal="I cannot help")))
    assert set(table["finish_reason"].to_pylist()) == {"content_filter"}
    assert table["fault"][0].as_py() == "the model refused: I cannot help"
    assert table["text"].null_count == 6


def test_a_reasoning_field_becomes_the_think_part(tmp_path: Path) -> None:
    reply = completion("<answer>A</answer>", reasoning_content="It falls.\n")
    table = ask(tmp_path, Server(lambda *_: reply))
    assert table["text"][0].as_py() == "<think>It falls.</think>\n<answer>A</answer>"


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_row_refused_for_good_carries_the_servers_message(tmp_path: Path, status: int) -> None:
    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        return error(status, "image too big") if "clip 1?" in text_of(payload) else completion()

    server = Server(behave)
    table = ask(tmp_path, server)
    assert table.schema.metadata[AGAIN] == b"2"  # the next run asks them again
    faults = {row["id"]: (row["text"], row["fault"]) for row in table.to_pylist()}
    assert faults["own/1"] == (None, f"HTTP {status}: image too big")
    assert faults["own/2"] == (ANSWER, None)
    assert server.requests == 6 and len(journal(tmp_path)) == 4


def test_a_request_that_fails_for_ever_ends_with_its_reason(tmp_path: Path) -> None:
    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        return error(500, "CUDA assert") if "clip 1?" in text_of(payload) else completion()

    table = ask(tmp_path, Server(behave), tries=3)
    rows = table.to_pylist()
    faults = [row["fault"] for row in rows if row["id"] == "own/1"]
    assert table.schema.metadata[AGAIN] == str(len(faults)).encode()  # the next run asks again
    assert faults == ["gave up after 3 tries: HTTP 500: CUDA assert"] * 2


def test_429_does_not_count_as_a_try(tmp_path: Path) -> None:
    replies = [error(429, "slow", Retry_After="0.05")] * 4
    table = ask(tmp_path, Server(in_turn(*replies)), rows=1, tries=1)
    assert table["fault"].null_count == 2


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (error(401, "Incorrect API key provided"), "set the right key"),
        (error(403, "no access"), "this key may not use the model"),
        (error(404, "The model `m` does not exist"), "does the server know the model 'm'"),
        (error(429, "you exceeded your quota", "insufficient_quota"), "out of credit"),
    ],
)
def test_what_no_row_can_pass_stops_the_build(tmp_path: Path, reply: Reply, told: str) -> None:
    with pytest.raises(TeacherStop, match=re.escape(told)) as stop:
        ask(tmp_path, Server(lambda *_: reply))
    assert json.loads(reply.body)["error"]["message"] in str(stop.value)
    assert "\n" not in str(stop.value)


def test_a_400_stops_where_the_model_is_not_listed_and_nothing_was_answered(
    tmp_path: Path,
) -> None:
    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        server.seen["all"] += 1
        return completion() if server.seen["all"] <= answered else error(400, "no such model")

    answered = 0
    with pytest.raises(TeacherStop, match="knows no model 'other'"):
        ask(tmp_path / "none", Server(behave, canaries=True), options={"model": "other"})
    answered = 1  # an alias that the server does not list: these rows are bad
    lanes = [{"concurrency": 1}]
    with Endpoint(Server(behave)) as endpoint:
        lanes[0]["url"] = endpoint.url
        told = cell(tmp_path / "some", "", options={"model": "other"}, lanes=lanes)
        table = ask_teacher(*shard(3), cell=told)
    assert table["fault"].null_count == 1


def test_bad_rows_before_any_answer_are_no_wrong_model(tmp_path: Path) -> None:
    """An alias that the server takes and does not list; the canary settles it."""

    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        bad = any(f"clip {number}?" in str(payload) for number in range(4))
        return error(400, "image too small") if bad else completion()

    server = Server(behave, canaries=True)
    lanes = [{"concurrency": 1}]
    with Endpoint(server) as endpoint:
        lanes[0]["url"] = endpoint.url
        told = cell(tmp_path, "", options={"model": "other", "n": 1}, lanes=lanes)
        table = ask_teacher(*shard(6), cell=told)
    assert [row["fault"] is None for row in table.to_pylist()] == [False] * 4 + [True] * 2
    canaries = [p for p in server.payloads if "The code word is" in str(p)]
    assert len(canaries) == 1 and server.requests == 7


def test_an_address_that_nobody_answers_stops_within_seconds(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    began = time.monotonic()
    with pytest.raises(TeacherStop, match="does not answer") as stop:
        ask_teacher(*shard(2), cell=cell(tmp_path, url))
    assert time.monotonic() - began < 8 and url in str(stop.value)


def test_a_dead_lane_leaves_its_work_to_the_others(tmp_path: Path) -> None:
    server, broken = Server(), Server(lambda *_: Reply(0))
    with Endpoint(server) as endpoint, Endpoint(broken) as dropping:
        urls = [endpoint.url, "http://127.0.0.1:9/v1", dropping.url]
        lanes = [{"url": url, "concurrency": 4} for url in urls]
        table = ask_teacher(*shard(10), cell=cell(tmp_path, "", lanes=lanes))
    assert table["text"].null_count == 0 and server.requests == 20
    assert 0 < broken.requests < 20, "a lane that only fails must rest"


def test_lanes_share_the_work(tmp_path: Path) -> None:
    first, second = Server(latency=0.05), Server(latency=0.05)
    with Endpoint(first) as one, Endpoint(second) as two:
        lanes = [{"url": one.url, "concurrency": 4}, {"url": two.url, "concurrency": 4}]
        ask_teacher(*shard(10), cell=cell(tmp_path, "", lanes=lanes))
    assert first.requests + second.requests == 20
    assert min(first.requests, second.requests) >= 5 and max(first.peak, second.peak) <= 4


def test_a_server_that_restarts_is_waited_for(tmp_path: Path) -> None:
    server = Server(latency=0.05)
    endpoint = Endpoint(server)
    result: list[Any] = []
    with endpoint:
        target = cell(tmp_path, endpoint.url)
        asking = threading.Thread(
            target=lambda: result.append(ask_teacher(*shard(20), cell=target))
        )
        asking.start()
        while server.accepted < 10:
            time.sleep(0.01)
    time.sleep(0.5)
    with Endpoint(server, endpoint.port):
        asking.join(30)
    assert result and result[0]["text"].null_count == 0
    assert len(journal(tmp_path)) == 40


def test_the_window_finds_what_a_server_takes(tmp_path: Path) -> None:
    server = Server(latency=0.05, most=16, retry_after=False)
    with Endpoint(server) as endpoint:
        lanes = [{"url": endpoint.url, "concurrency": 512}]
        table = ask_teacher(*shard(150), cell=cell(tmp_path, "", lanes=lanes))
    assert table["text"].null_count == 0
    assert server.refused < 0.3 * server.accepted


@pytest.mark.parametrize(("owner", "least"), [("vllm", 95), ("somebody", 30)])
def test_a_server_that_queues_is_filled_at_once(tmp_path: Path, owner: str, least: int) -> None:
    """At once: after the second that a silent endpoint is watched for refusals."""
    server = Server(latency=2.0, owner=owner)
    with Endpoint(server) as endpoint:
        lanes = [{"url": endpoint.url, "concurrency": 100}]
        ask_teacher(*shard(60), cell=cell(tmp_path, "", lanes=lanes))
    # a busy machine sends a few more before it looks: 76 of 100 were seen once where 30 are due
    assert least <= server.peak <= least + 60


def test_a_lane_whose_stated_limit_is_used_up_rests_until_it_opens(tmp_path: Path) -> None:
    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        reply = completion()
        names = ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests")
        reply.headers = dict(zip(names, ("0" if server.requests == 1 else "9", "1s"), strict=True))
        return reply

    server = Server(behave)
    lanes = {"concurrency": 1}
    with Endpoint(server) as endpoint:
        ask_teacher(*shard(2), cell=cell(tmp_path, "", lanes=[lanes | {"url": endpoint.url}]))
    assert server.times[1] - server.times[0] > 0.9 and server.times[3] - server.times[1] < 0.9


PRICES = {"input": 10.0, "output": 30.0}


@pytest.mark.parametrize("requests", range(1, 11))
def test_the_budget_is_never_passed_and_can_be_raised(tmp_path: Path, requests: int) -> None:
    cost = (100 * 10 + 20 * 30) / 1e6
    cap = 0.0135 + requests * cost  # somewhat above one reservation
    server = Server(lambda *_: completion(tokens=(100, 20)))
    with Endpoint(server) as endpoint:
        with pytest.raises(BudgetSpent, match=r"raise run\.budget\.usd") as spent:
            budget = {"prices": PRICES, "budget": {"usd": cap}}
            ask_teacher(*shard(12), cell=cell(tmp_path, endpoint.url, **budget))
        assert 0 < server.requests * cost <= cap and spent.value.exit_code == 4
        asked = server.requests
        budget = {"prices": PRICES, "budget": {"usd": 10.0}}
        table = ask_teacher(*shard(12), cell=cell(tmp_path, endpoint.url, **budget))
    assert server.requests == 24 and asked == len(table) - (24 - asked)
    assert sum(table["usd"].to_pylist()) == pytest.approx(24 * cost)


def test_what_other_shards_spent_counts(tmp_path: Path) -> None:
    server = Server()
    with Endpoint(server) as endpoint:
        budget = {"budget": {"tokens": 1800}}
        ask_teacher(*shard(5), cell=cell(tmp_path, endpoint.url, **budget))
        with pytest.raises(BudgetSpent):
            second = cell(tmp_path, endpoint.url, shard="00001", **budget)
            ask_teacher(*shard(5, first=5), cell=second)
    assert 10 < server.requests <= 1800 / 120


def test_replies_thrown_away_are_paid_for(tmp_path: Path) -> None:
    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        return completion("<think>", "length", (100, 9))

    server = Server(behave)
    with pytest.raises(BudgetSpent):
        ask(tmp_path, server, budget={"tokens": 900}, rows=1)
    assert 1 < server.requests <= 900 / 109


def test_a_budget_in_money_needs_prices(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"teacher\.prices"):
        ask(tmp_path, Server(), budget={"usd": 1.0})


def test_a_stop_file_ends_after_what_is_in_flight(tmp_path: Path) -> None:
    server = Server(latency=0.6)
    with Endpoint(server) as endpoint:
        timer = threading.Timer(0.3, (tmp_path / "stop").touch)
        timer.start()
        began = time.monotonic()
        with pytest.raises(Interrupted):
            ask_teacher(*shard(50), cell=cell(tmp_path, endpoint.url))
        assert time.monotonic() - began < 3
        timer.join()
    assert len(journal(tmp_path)) == server.requests == server.accepted < 100


def test_a_full_disk_stops_with_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "6.responses"
    folder.mkdir()
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    (folder / "00000.journal.jsonl").symlink_to("/dev/full")
    with pytest.raises(DiskStop, match="make room"):
        ask(tmp_path, Server())


def test_neither_key_nor_picture_reaches_a_file_or_a_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-very-secret")
    encoded = base64.b64encode(JPEG).decode()

    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        if "clip 1?" in text_of(payload):
            return error(400, f"bad picture {encoded} for key sk-very-secret")
        return proper(server, payload)

    server = Server(behave, key="sk-very-secret")
    with Endpoint(server) as endpoint:
        lanes = [{"url": endpoint.url, "key": "$SOME_KEY"}]
        table = ask_teacher(*shard(3), cell=cell(tmp_path, "", lanes=lanes))
        told = json.dumps(table.to_pylist()) + "".join(capfd.readouterr())
        with pytest.raises(TeacherStop) as stop:
            wrong = [{"url": endpoint.url, "key": "sk-very-wrong"}]
            ask_teacher(*shard(5), cell=cell(tmp_path, "", lanes=wrong))
    told += str(stop.value)
    for path in tmp_path.rglob("*"):
        told += path.read_text() if path.is_file() else ""
    assert "bad picture" in told
    assert "sk-very" not in told and encoded[:40] not in told


def test_two_rows_with_the_same_question_and_pictures_share_one_request(tmp_path: Path) -> None:
    samples, frames = shard(1)
    import pyarrow as pa

    twice = pa.concat_tables([samples, samples]), pa.concat_tables([frames, frames])
    server = Server()
    table = ask(tmp_path, server, tables=twice)
    assert table.num_rows == 4 and server.requests == 2


def test_a_text_with_lone_surrogates_can_be_written(tmp_path: Path) -> None:
    body = completion("S").body.replace(b'"S"', rb'"\ud800 ok"')
    table = ask(tmp_path, Server(lambda *_: Reply(body=body)))
    assert table["text"][0].as_py() == "? ok"


def test_a_wrong_lane_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    for lanes in (
        [],
        [{"url": "http://me:hidden@host/v1"}],
        [{"url": "http://host/v1?token=hidden"}],
        [{"key": "x"}],
        [{"url": "localhost:8000"}],
        [{"url": "http://x", "media": "gif"}],
    ):
        with pytest.raises(UsageError) as problem:
            ask_teacher(*shard(1), cell=cell(tmp_path, "", lanes=lanes))
        assert "hidden" not in str(problem.value)
