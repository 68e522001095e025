"""The process that asks is killed at random moments: no answer is lost, none is paid for twice."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from asking import cell, journal, lasting, shard
from endpoint import Endpoint, Reply, Server, completion, error

from r1data.teacher.stage import ask_teacher

ROWS = 60
SCRIPT = Path(__file__).parent / "asking.py"


def start(build: Path, url: str) -> subprocess.Popen[bytes]:
    root = str(Path(__file__).parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    command = [sys.executable, str(SCRIPT), str(build), url, str(ROWS)]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path})


def shoot(build: Path, url: str, server: Server, moment: float) -> None:
    """Start asking, and kill it `moment` seconds after its first request."""
    before = server.requests
    process = start(build, url)
    while server.requests == before and process.poll() is None:
        time.sleep(0.005)
    time.sleep(moment)
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    "kills", [3, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(400)])]
)
def test_sigkill_loses_nothing_and_asks_nothing_twice(tmp_path: Path, kills: int) -> None:
    rng = random.Random(kills)

    def behave(server: Server, payload: dict) -> Reply:
        return error(500, "oops") if rng.random() < 0.2 else completion()

    server = Server(behave, latency=0.2 if kills < 10 else 1.0)
    received: set[str] = set()
    with Endpoint(server) as endpoint:
        for _ in range(kills):
            shoot(tmp_path / "killed", endpoint.url, server, rng.uniform(0, 0.6))
            keys = [line["request_sha256"] for line in journal(tmp_path / "killed")]
            assert len(keys) == len(set(keys)), "an answer that the journal had was asked for again"
            assert received <= set(keys), "an answer was lost"
            received = set(keys)
        while server.active:  # what the last kill left in flight
            time.sleep(0.01)
        before = server.accepted
        table = ask_teacher(*shard(ROWS), cell=cell(tmp_path / "killed", endpoint.url))
        asked_again = server.accepted - before
    assert asked_again == 2 * ROWS - len(received)
    with Endpoint(Server()) as endpoint:
        clean = ask_teacher(*shard(ROWS), cell=cell(tmp_path / "clean", endpoint.url))
    assert lasting(table) == lasting(clean)


def test_two_processes_on_one_folder_pay_once(tmp_path: Path) -> None:
    server = Server(latency=0.05)
    with Endpoint(server) as endpoint:
        both = [start(tmp_path, endpoint.url) for _ in range(2)]
        assert [process.wait(60) for process in both] == [0, 0]
    assert server.requests == 2 * ROWS == len(journal(tmp_path))
