"""Several cells ask for one folder at once: they share lanes, money and questions."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from asking import cell, grid, journal, shard
from endpoint import Endpoint, Server, completion

from r1data.errors import BudgetSpent
from r1data.grid.driver import Driver, Tally
from r1data.grid.engines.inline import Inline
from r1data.grid.engines.pool import Pool
from r1data.teacher.sharing import Ledger, Money, Row, decode, encode, seated
from r1data.teacher.stage import ask_teacher

SCRIPT = Path(__file__).parent / "asking.py"


def build(
    folder: Path, url: str, shards: int, rows: int, cells: int = 3, same: bool = False, **how: Any
) -> Tally:
    folder.mkdir(exist_ok=True)
    pool = Pool(1)
    settings = {"lanes": [{"url": url, "concurrency": 8}], **how}
    stages = grid(shards, rows, cells, same, n=1)
    try:
        return Driver(stages, folder, pool, {"responses": settings}).run()
    finally:
        pool.close()


def ledger(folder: Path) -> Ledger:
    read = decode((folder / "asking" / "ledger.json").read_bytes())
    assert read is not None
    return read


def test_cells_fill_a_lane_together_and_never_pass_its_concurrency(tmp_path: Path) -> None:
    server = Server(latency=0.5)
    with Endpoint(server) as endpoint:
        tally = build(tmp_path, endpoint.url, shards=6, rows=6)
    assert tally.made["responses"] == 6 and server.requests == 36
    assert server.peak == 8  # no shard alone has more than 6
    assert ledger(tmp_path).seats == {}


@pytest.mark.parametrize(
    "requests",
    [5, pytest.param(1, marks=pytest.mark.slow), pytest.param(13, marks=pytest.mark.slow)],
)
def test_the_budget_holds_for_all_cells_together(tmp_path: Path, requests: int) -> None:
    server = Server(lambda *_: completion(tokens=(100, 20)), latency=0.05)
    cap = 400 + requests * 120  # somewhat above one reservation
    with Endpoint(server) as endpoint:
        tally = build(tmp_path, endpoint.url, shards=4, rows=6, budget={"tokens": cap})
        assert isinstance(tally.stopped, BudgetSpent) and 0 < server.requests * 120 <= cap
        tally = build(tmp_path, endpoint.url, shards=4, rows=6, budget={"tokens": 1_000_000})
    assert tally.stopped is None and server.requests == 24
    assert ledger(tmp_path).money["6.responses"].spent == 24 * 120


def test_a_question_that_stands_in_several_shards_is_asked_once(tmp_path: Path) -> None:
    server = Server(latency=0.3)
    with Endpoint(server) as endpoint:
        tally = build(tmp_path, endpoint.url, shards=3, rows=5, same=True)
    assert tally.made["responses"] == 3 and server.requests == 5


def test_one_process_asks_for_one_shard_after_the_other_and_stops_between_them(
    tmp_path: Path,
) -> None:
    server = Server(lambda *_: completion(tokens=(100, 20)))
    with Endpoint(server) as endpoint:
        how = {"lanes": [{"url": endpoint.url}], "budget": {"tokens": 500}}
        tally = Driver(grid(3, 4, 3), tmp_path, Inline(), {"responses": how}).run()
    assert isinstance(tally.stopped, BudgetSpent)
    assert server.requests * 120 <= 500 and not (tmp_path / "6.responses" / "00001.json").exists()


def test_a_killed_cell_leaves_neither_its_seat_nor_its_money_nor_its_questions(
    tmp_path: Path,
) -> None:
    server = Server(lambda *_: completion(tokens=(100, 20)), latency=0.3)
    with Endpoint(server) as endpoint:
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
        command = [sys.executable, str(SCRIPT), str(tmp_path), endpoint.url, "40"]
        process = subprocess.Popen(command, env=environment)
        while len(journal(tmp_path)) < 10:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert ledger(tmp_path).seats["0"].in_flight
        while server.active:
            time.sleep(0.01)
        kept = len(journal(tmp_path))
        told = cell(tmp_path, endpoint.url, budget={"tokens": 1_000_000})
        ask_teacher(*shard(40), cell=told)
    assert len(journal(tmp_path)) == 80 >= kept >= 10
    assert ledger(tmp_path).money["6.responses"].spent == 80 * 120
    assert ledger(tmp_path).seats == {}


def test_what_a_dead_seat_was_paid_for_and_did_not_tell_is_found_in_its_journal(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "6.responses"
    folder.mkdir()
    with seated(folder, "00001", "tokens") as alive:
        line = {"request_sha256": "x", "tokens": 70}
        with alive.turn() as ledger:  # as a cell that died between its journal and the ledger
            ledger.seats["1"] = Row(folder.name, "00002", "tokens", 0.0, {}, 500.0, 30.0)
        written = "\n".join(json.dumps({**line, "request_sha256": key}) for key in "ab")
        (folder / "00002.journal.jsonl").write_text(written + "\n")
        with seated(folder, "00003", "tokens") as other:
            assert other.name == "1"
            with other.turn() as ledger:
                assert ledger.money[folder.name].spent == 110
                assert ledger.reserved(folder.name, but=other.name) == 0


def test_a_ledger_survives_its_text_and_a_torn_one_is_none() -> None:
    row = Row("6.responses", "00000", "usd", 1.0, {"lane": 2})
    whole = Ledger({"6.responses": Money(1.5, 2.0, True)}, {"lane": {"most": 3}}, {"0": row})
    assert decode(encode(whole)) == whole and len(encode(whole)) % 4096 == 0
    assert decode(encode(whole)[:-4000]) is None


def test_a_system_without_such_locks_is_told_in_a_line() -> None:
    code = "import sys; sys.modules['fcntl'] = None; import r1data.teacher.stage"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "MissingPackage: asking a teacher needs file locks" in done.stderr.splitlines()[-1]
