"""Progress: a person sees what is at work, how fast the teacher answers, and what it costs."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
import yaml
from endpoint import Endpoint, Server

from r1data import progress
from r1data.progress import left_text


def slow_build(url: str) -> Path:
    """A recipe whose teacher takes its time."""
    Path("slow.yaml").write_text(
        yaml.safe_dump(
            {
                "pipeline": "demo",
                "name": "slow",
                "seed": 7,
                "sources": {"shapes": {"rows": 16}},
                "teacher": {"model": "m", "n": 4},
                "run": {"lanes": [{"url": url, "concurrency": 2}]},
            }
        )
    )
    return Path("slow.yaml")


def shown(command: list[str], columns: int) -> str:
    """What a command shows on a terminal so many columns wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    running = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    text = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:
            break
        text += piece
    os.close(ours)
    assert running.wait() == 0, text.decode()
    return text.decode()


@pytest.mark.slow
@pytest.mark.parametrize("columns", [60, 160])
def test_a_terminal_shows_stages_requests_and_money_within_its_width(
    columns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Endpoint(Server(latency=0.3)) as server:
        command = [sys.executable, "-m", "r1data", "build", str(slow_build(server.url))]
        text = shown(command, columns)
    lines = [line for line in re.split(r"[\r\n]", text) if "cells" in line and "%|" in line]
    assert lines
    assert all(len(re.sub(r"\x1b\[\w+", "", line)) <= columns for line in lines)
    if columns > 100:
        assert re.search(
            r"responses \d/\d.*; [12] in flight, \d+\.\d/s, 0 refused, [\d,]+ tok", text
        )


def test_time_left_follows_the_pace_of_this_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress.time, "monotonic", lambda: 160.0)
    assert left_text(began=100.0, made=2, missing=3) == " (01:30 left)"
    assert left_text(began=100.0, made=0, missing=3) == ""
