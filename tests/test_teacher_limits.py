"""The parts of the teacher's client that need no server: windows, faults, budget, plan."""

import heapq
import json
from email.utils import formatdate

import pytest

from r1data.errors import BudgetSpent
from r1data.teacher.budget import Budget, Prices, estimate_input
from r1data.teacher.faults import Kind, Usage, read_reply, read_status, scrub, stated_rest
from r1data.teacher.limits import BACKOFF_MOST_S, Window, backoff
from r1data.teacher.plan import estimate

STEP_S = 0.02


def drive(
    window: Window, seconds: float, takes: int, latency: float = 0.5, start: float = 0.0
) -> list[float]:
    """Let a server that takes `takes` at once answer for a while; return the sizes over time."""
    serving: list[float] = []
    sizes = []
    for step in range(int(seconds / STEP_S)):
        now = start + step * STEP_S
        while serving and serving[0] <= now:
            serving.pop(0)
            window.take_accepted(len(serving), now, latency)
        while window.room(len(serving), now):
            window.take_sent()
            if len(serving) < takes:
                serving.append(now + latency)
            else:
                window.take_refused(len(serving), now, 1.0)
        sizes.append(window.size)
    return sizes


def test_a_window_opens_to_what_the_lane_allows() -> None:
    window = Window(256)
    assert drive(window, 20, takes=1000)[-1] == 256


@pytest.mark.parametrize("takes", [3, 40, 200])
def test_a_window_settles_near_what_the_server_takes(takes: int) -> None:
    sizes = drive(Window(512), 60, takes)[-1000:]
    assert 0.8 * takes <= sum(sizes) / len(sizes) <= 1.35 * takes + 2
    assert min(sizes) >= 1


def test_a_window_grows_back_when_the_server_takes_more() -> None:
    window = Window(512)
    drive(window, 30, takes=8)
    assert drive(window, 30, takes=400, start=40)[-1] > 300


def test_failures_stop_growth_and_do_not_shrink() -> None:
    window = Window(512, size=100, opening=False)
    for now in range(1, 60):
        window.room(100, now)
        window.take_failed(100, now)
    assert window.size == 100


def test_a_few_refusals_whatever_the_window_do_not_close_it() -> None:
    window = Window(512, size=64, opening=False)
    for now in range(1, 400):
        window.room(64, now)
        for _ in range(11):
            window.take_accepted(64, now, 1.0)
        window.take_refused(64, now + 0.6, 1.0)
        window.holds.clear()
    assert window.size >= 16


def test_a_refused_lane_is_sent_evenly() -> None:
    window = Window(100, size=100, opening=False, round_trip=2.0)
    sent = 0
    for step in range(100):  # one second
        while window.room(0, 5 + step / 100):
            window.take_sent()
            sent += 1
    assert 55 <= sent <= 70, "100 in 2 seconds, a tenth faster"


def limited(latency: float, rate: float = 150.0, asks: int = 6000) -> tuple[float, float]:
    """Ask a server that takes `rate` a second; return refused for accepted, and the share of it."""
    window, ends, later, taken = Window(512), [], [], []
    waiting, tokens, now, refused = asks, 10.0, 0.0, 0
    while len(taken) < asks or ends:
        now, tokens = now + STEP_S, min(10.0, tokens + rate * STEP_S)
        while ends and ends[0][0] <= now:
            _, began, accepted = heapq.heappop(ends)
            if accepted:
                window.take_accepted(len(ends), now, now - began)
                continue
            refused += 1
            window.take_refused(len(ends), now, 1.0)
            heapq.heappush(later, now + 1.0)
        while later and later[0] <= now:
            heapq.heappop(later)
            waiting += 1
        while waiting and window.room(len(ends), now):
            window.take_sent()
            waiting -= 1
            accepted = tokens >= 1
            heapq.heappush(ends, (now + (latency if accepted else STEP_S), now, accepted))
            if accepted:
                tokens -= 1
                taken.append(now)
    middle = taken[asks // 4 : 3 * asks // 4]
    return refused / asks, (len(middle) - 1) / (middle[-1] - middle[0]) / rate


@pytest.mark.parametrize("latency", [0.1, 0.3, 1.0, 2.0, 3.0])
def test_a_server_with_a_rate_is_used_and_seldom_refuses(latency: float) -> None:
    refused, share = limited(latency)
    assert refused < 0.1 and share > 0.9


def test_backoff_doubles_and_is_capped() -> None:
    waits = [backoff(tries, 1.0) for tries in range(1, 2000)]
    assert waits[:3] == [0.5, 1.0, 2.0] and max(waits) == BACKOFF_MOST_S
    assert backoff(3, 0.0) == 1.0


def test_an_opening_window_after_the_first_refusal_never_passes_the_lane() -> None:
    window = Window(10)
    assert max(drive(window, 60, takes=1000)) <= 10


NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "2.5"}, 2.5),
        ({"retry-after": formatdate(NOW + 30, usegmt=True)}, 30.0),
        ({"retry-after": formatdate(NOW - 30, usegmt=True)}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "120", "retry-after": "9"}, 0.12),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], wait: float | None) -> None:
    outcome = read_status(429, b"{}", headers, NOW)
    assert outcome.kind is Kind.BUSY and outcome.wait == wait


@pytest.mark.parametrize(
    ("remaining", "reset", "rest"),
    [("0", "120ms", 0.12), ("0", "6m1.5s", 361.5), ("3", "6m0s", 0.0), ("0", "?", 0.0)],
)
def test_a_limit_that_is_used_up_says_how_long(remaining: str, reset: str, rest: float) -> None:
    names = ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens")
    assert stated_rest(dict(zip(names, (remaining, reset), strict=True))) == pytest.approx(rest)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        *((status, Kind.AGAIN) for status in (408, 409, 500, 502, 503, 504, 529)),
        *((status, Kind.REFUSED) for status in (400, 413, 415, 422)),
        *((status, Kind.STOP) for status in (401, 402, 403, 404, 405)),
    ],
)
def test_errors_are_told_apart_by_status(status: int, kind: Kind) -> None:
    assert read_status(status, b"rate limit 429 timeout", {}, NOW).kind is kind


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": {"message": "too big"}}',
        b'{"detail": "too big"}',
        b'{"message": "too big"}',
        b"too big",
        b'{"error": "too big"}',
    ],
)
def test_the_words_of_the_server_are_found(body: bytes) -> None:
    assert read_status(400, body, {}, NOW).message == "HTTP 400: too big"


def reply(**changes: object) -> bytes:
    choice = {"message": {"content": "hi"}, "finish_reason": "length"} | changes
    usage = {"prompt_tokens": 90, "completion_tokens": 10}
    return json.dumps({"choices": [choice], "usage": usage}).encode()


def test_length_is_ours_at_the_cap_or_at_the_end_of_the_context() -> None:
    assert read_reply(reply(), 10).kind is Kind.ANSWER
    assert read_reply(reply(), 11).kind is Kind.CUT
    assert read_reply(reply(), 11, context=100).kind is Kind.ANSWER
    assert read_reply(reply(), 11, context=101).kind is Kind.CUT
    assert read_reply(reply(finish_reason="stop"), 11).kind is Kind.ANSWER


@pytest.mark.parametrize("message", [None, [], "x", {"content": 3}, {"content": [{"text": 1}]}])
def test_an_odd_message_is_never_a_crash(message: object) -> None:
    assert read_reply(reply(message=message), 10).kind in (Kind.MALFORMED, Kind.ANSWER)


@pytest.mark.parametrize("body", [b"", b"null", b"3", b"[]", b"{", b"\xff", b'{"choices": 3}'])
def test_an_odd_body_is_asked_again(body: bytes) -> None:
    assert read_reply(body, 10).kind is Kind.MALFORMED


def test_messages_lose_keys_pictures_and_line_ends() -> None:
    told = scrub("bad key sk-1\nfor " + "A1b/" * 50 + " picture", "sk-1")
    assert told == "bad key *** for [...] picture"
    assert len(scrub("word " * 1000)) == 300


def test_a_budget_asks_one_first_and_learns_how_the_server_counts() -> None:
    budget = Budget("tokens", 10_000, None)
    assert budget.reserve(1, 100, 50) and not budget.reserve(2, 100, 50)
    budget.settle(1, 100, Usage(700, 20))
    assert budget.spent == 720 and budget.factor == 7
    assert budget.reserve(2, 100, 50) and budget.reserved == 750
    assert budget.reserve(3, 100, 50) and budget.reserved == 1500


def test_a_budget_waits_for_what_is_in_flight_before_it_is_spent() -> None:
    budget = Budget("usd", 0.01, Prices(10, 30), seen=True)
    assert budget.reserve(1, 100, 100)  # 0.004
    assert budget.reserve(2, 100, 100)
    assert not budget.reserve(3, 100, 100)
    for ticket in (1, 2):
        budget.settle(ticket, 100, Usage(100, 100))
    with pytest.raises(BudgetSpent, match=r"0\.0080 USD of 0\.0100 USD"):
        budget.reserve(3, 100, 100)
    assert budget.reserved == 0


def test_the_estimate_of_a_request_lies_above_what_qwen_counts() -> None:
    sizes = ((448, 224),) * 16
    assert estimate_input("", sizes) >= 16 * (448 * 224 // 784 + 2)
    assert estimate_input("ab" * 100, sizes) - estimate_input("", sizes) == 100


def test_the_plan_grows_with_rows_frames_and_n() -> None:
    options = {"n": 4, "max_tokens": 512}
    small = estimate(100, 8, 280, 280, options, {"input": 1.0, "output": 2.0})
    assert small.requests == 400
    assert small.tokens_in[0] < small.tokens_in[1] and small.tokens_out == (60_000, 204_800)
    assert small.usd is not None and 0 < small.usd[0] < small.usd[1]
    more = estimate(100, 16, 280, 280, options | {"n": 8}, None)
    assert more.tokens_in[0] > 3 * small.tokens_in[0] and more.usd is None
