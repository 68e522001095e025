"""A byte of a journal changes: check finds it, the line is put right, and nothing is paid again."""

import random
import shutil
from pathlib import Path

import pytest
from endpoint import Endpoint, Server, completion

import r1data
from r1data.building import Build
from r1data.release.check import check
from r1data.teacher.journal import opened, read_journals, sealed
from r1data.teacher.mending import journals, mend_journal, put_right

LINE = sealed({"request_sha256": "a" * 64, "id": "own/1", "text": "It rises é.", "tokens": 7})
NEXT = sealed({"request_sha256": "b" * 64, "id": "own/2", "text": "It falls.", "tokens": 7})


@pytest.mark.parametrize("at", range(len(LINE)))
def test_any_byte_of_a_line_is_found_again(at: int) -> None:
    chance = random.Random(at)
    for value in {LINE[at] ^ 1 << bit for bit in range(8)} | {0, 255, chance.randrange(256)}:
        if value != LINE[at] and value != 10:
            damaged = LINE[:at] + bytes([value]) + LINE[at + 1 :]
            assert opened(damaged) is None or at == len(LINE) - 1
            assert put_right(damaged) == LINE


def test_two_lines_that_ran_together_are_two_again() -> None:
    assert put_right(LINE[:-1] + b"J" + NEXT) == LINE + NEXT


def test_a_line_that_was_cut_in_two_is_one_again(tmp_path: Path) -> None:
    path = tmp_path / "00000.journal.jsonl"
    at = LINE.index(b"rises")
    path.write_bytes(NEXT + LINE[:at] + b"\n" + LINE[at + 1 :] + NEXT)
    mend_journal(path)
    assert path.read_bytes() == NEXT + LINE + NEXT


def test_a_long_line_gets_one_bit_back_and_a_longer_one_is_given_up() -> None:
    for size, comes_back in ((5_000, True), (30_000, False)):
        line = sealed({"request_sha256": "a" * 64, "text": "x" * size})
        damaged = line[:2000] + bytes([line[2000] ^ 16]) + line[2001:]
        assert put_right(damaged) == (line if comes_back else None)


def test_more_than_a_byte_is_given_up() -> None:
    assert put_right(b"\x00" * len(LINE)) is None
    assert put_right(LINE[:50] + b"\x00\x00" + LINE[52:]) is None
    assert put_right(b"\n") is None and put_right(b"x") is None


def test_an_index_in_memory_learns_what_was_put_right(tmp_path: Path) -> None:
    folder = tmp_path / "probes"
    folder.mkdir()
    path = folder / "blind-00000.journal.jsonl"
    path.write_bytes(LINE[:100] + b"#" + LINE[101:] + NEXT)
    assert list(read_journals(folder).places) == ["b" * 64]
    assert mend_journal(path) == 1 and path.read_bytes() == LINE + NEXT
    assert len(read_journals(folder).places) == 2


def build(out: Path, url: str, *more: str) -> Build:
    """Build a few rows with probes of a stand-in."""
    asked = [
        "sources.shapes.rows=4",
        "teacher={model: m, n: 1}",
        "probes={model: m, max_tokens: 64, blind: {n: 1}, shuffled: {n: 1}}",
        f"run.lanes=[{{url: '{url}', concurrency: 4}}]",
    ]
    return r1data.build("demo", out=out, engine="inline", overrides=[*asked, *more])


@pytest.fixture(scope="module")
def endpoint() -> Endpoint:
    return Endpoint(Server(lambda *_: completion("<think>So it is.</think><answer>A</answer>")))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[200] ^= 4
    path.write_bytes(data)


def test_a_flipped_byte_in_any_journal_is_found_and_its_answer_is_not_paid_again(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    with endpoint:
        out = build(tmp_path / "b", endpoint.url).path
        kinds = {path.name.partition(".")[0].rpartition("-")[0]: path for path in journals(out)}
        assert {"", "blind", "shuffled"} <= set(kinds)
        before, asked = (
            {path: path.read_bytes() for path in journals(out)},
            endpoint.server.requests,
        )
        for path in before:
            flip(path)
        found = {finding.where for finding in check(out).findings}
        assert found == {f"{path.parent.name}/{path.name}" for path in before}
        for folder in *out.glob("*.blind"), *out.glob("*.shuffled"):  # made again, from journals
            shutil.rmtree(folder)
        build(out, endpoint.url)
        assert {path: path.read_bytes() for path in journals(out)} == before
        assert check(out).findings == [] and endpoint.server.requests == asked
