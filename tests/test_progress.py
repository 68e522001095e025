"""Progress: a line that fits, says what is known and nothing else, and is in nobody's way."""

import re
import sys
import time
import unicodedata
import zlib
from pathlib import Path

import pytest
import yaml
from endpoint import Endpoint, Server
from hypothesis import given
from hypothesis import strategies as st

import r1data
from r1data import progress
from r1data.progress_text import Line, Rate, cells, clock, fit, rate_text
from r1data.teacher.counts import Counts, read_asking
from r1data.teacher.sharing import Ledger, Row, begin_run, decode, encode

FAULT = "HTTP 400: At most 4 image(s) may be provided in one request."


@given(
    st.lists(st.text(max_size=60), max_size=6), st.text(max_size=300), st.integers(0, 10**6),
    st.integers(1, 160),
)  # fmt: skip
def test_a_line_never_passes_its_room_and_controls_no_terminal(
    facts: list[str], fault: str, times: int, room: int
) -> None:
    text = fit(Line(tuple(facts), fault, times), room)
    assert cells(text) <= room
    assert not [c for c in text if unicodedata.category(c) == "Cc"]


@pytest.mark.parametrize(
    ("room", "text"),
    [
        (79, '96 of 480 answers, 0:11 left, 35/s; last: HTTP 400 "At most 4 image(s)..." x 12'),
        (59, "96 of 480 answers, 0:11 left; HTTP 400: At most 4 i... x 12"),
        (39, "96 of 480; HTTP 400: At most 4... x 12"),
    ],
)  # fmt: skip
def test_a_fault_keeps_its_words_where_the_line_is_short(room: int, text: str) -> None:
    line = Line(("96 of 480 answers", "0:11 left", "35/s", "41,204 tokens"), FAULT, 12)
    told = fit(line, room)
    assert len(told) <= room
    assert told == text


def test_the_least_important_facts_go_first() -> None:
    line = Line(("96 of 480 answers", "2 failed", "0:11 left"))
    assert fit(line, 80) == "96 of 480 answers, 2 failed, 0:11 left"
    assert fit(line, 30) == "96 of 480 answers, 2 failed"
    assert fit(line, 10) == "96 of 480"


def sealed(body: bytes) -> bytes:
    """A ledger's text around any body."""
    return b"%08x %s" % (zlib.crc32(body), body)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"half of it",
        encode(Ledger(ended={"6.responses": Counts(answered=3)}))[:40],
        sealed(b"[]"),
        sealed(b'{"ended'),
        sealed(b'{"ended": 3, "seats": [1]}'),
        sealed(b'{"seats": {"0": 7, "1": {"folder": 2, "in_flight": {"a": "b"}, "counts": []}}}'),
        sealed(
            b'{"ended": {"6.responses": {"answered": "3", "tokens": -1, "usd": NaN, "fault": 4}}}'
        ),
        sealed(b'{"windows": {"0 http://x": {"most": 4, "kind": "adaptive", "size": 4.0}}}'),
    ],
)
def test_what_a_ledger_does_not_say_is_unknown(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "ledger.json"
    path.write_bytes(text)
    asking = read_asking(path)
    total = asking.total() if asking else Counts()
    assert total == Counts()
    begin_run(tmp_path)
    assert decode(path.read_bytes()) == Ledger()


def test_a_ledger_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert read_asking(tmp_path / "ledger.json") is None
    assert read_asking(tmp_path) is None


def test_ended_tasks_and_those_at_work_are_counted_together(tmp_path: Path) -> None:
    done = Counts(tasks=2, wanted=8, found=3, answered=8, tokens=50)
    busy = Counts(tasks=1, wanted=4, answered=1, failed=1, tokens=9, fault=FAULT, faults=2)
    row = Row("6.responses", "00002", "usd", 0.0, {"0 http://x": 2}, counts=busy)
    ledger = Ledger(ended={"6.responses": done}, seats={"0": row})
    (tmp_path / "ledger.json").write_bytes(encode(ledger))
    asking = read_asking(tmp_path / "ledger.json")
    assert asking is not None
    assert asking.in_flight == 2
    assert asking.total() == Counts(3, 12, 3, 9, 1, 59, 0.0, FAULT, 2)


def test_a_rate_is_that_of_the_last_half_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("r1data.progress_text.time.monotonic", lambda: now[0])
    rate = Rate()
    told = []
    for count in (0, 0, 10, 10, 400, 800):
        told.append(rate.take(count))
        now[0] += 20.0
    assert told[:3] == [None, None, pytest.approx(10 / 40)]
    assert told[-1] == pytest.approx(790 / 40)
    assert rate_text(35.2) == "35/s" and rate_text(3.25) == "3.2/s" and rate_text(0.2) == "12.0/min"
    assert clock(7.4) == "00:07" and clock(750) == "12:30" and clock(11_100) == "3:05:00"


def recipe(url: str) -> str:
    """A small build that takes some seconds."""
    body = {
        "pipeline": "demo",
        "name": "slow",
        "seed": 7,
        "sources": {"shapes": {"rows": 6}},
        "teacher": {"model": "m", "n": 2},
        "run": {"lanes": [{"url": url, "concurrency": 2}], "engine": "inline"},
    }
    Path("slow.yaml").write_text(yaml.safe_dump(body))
    return "slow.yaml"


def test_a_log_has_one_line_at_the_start_and_then_one_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", 1.0)
    began = time.monotonic()
    with Endpoint(Server(latency=0.5)) as server:
        r1data.build(recipe(server.url), until="responses")
    seconds = time.monotonic() - began
    lines = capfd.readouterr().err.splitlines()
    assert lines.count("slow: 6 rows, log in builds/slow/events.jsonl") == 1
    assert 2 <= len(lines) <= 1 + seconds  # one at the start, and one each QUIET_SECONDS
    assert any(re.search(r"of (about )?12 answers, .*/s", line) for line in lines), lines


def test_progress_that_cannot_be_drawn_ends_no_build(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

        def fileno(self) -> int:
            raise OSError(5, "Input/output error")

        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    with Endpoint(Server()) as server, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", Gone())
        done = r1data.build(recipe(server.url), until="responses")
    assert done.counts().collected == 6
