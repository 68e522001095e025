"""Two rounds: more answers only where the first ones disagree or fail."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from asking import cell, lasting, shard
from endpoint import Endpoint, Reply, Server, completion, error, parts_of

from r1data.errors import RecipeError
from r1data.grid.build import Cell
from r1data.recipe import Filter, load_recipe
from r1data.rewards.stage import judge_responses
from r1data.selection import select
from r1data.stages import responses
from r1data.teacher.plan import estimate
from r1data.teacher.stage import ask_teacher

ROUNDS = {
    "n": {"first": 2, "most": 5},
    "verify": {"preset": "canonical", "at_least": {}},
}
# Clip 0 is easy, clip 1 is answered in two ways, clip 2 is too hard; the truth is A throughout.
LETTERS = {0: "AAAAA", 1: "ABABA", 2: "BBBBB"}


def behave(server: Server, payload: dict[str, Any]) -> Reply:
    text = parts_of(payload)[-1]["text"]
    clip = next(number for number in range(4) if f"clip {number}?" in text)
    if clip == 3:
        return error(400, "this picture is no picture")
    letter = LETTERS[clip][payload.get("seed", 0)]
    return completion(f"<think>So it is.</think>\n<answer>{letter}</answer>")


def ask(build: Path, server: Server, rows: int = 3, **options: Any) -> pa.Table:
    with Endpoint(server) as endpoint:
        return ask_teacher(*shard(rows), cell=cell(build, endpoint.url, options=ROUNDS | options))


def test_more_is_asked_only_where_the_first_answers_are_not_all_right(tmp_path: Path) -> None:
    server = Server(behave)
    table = ask(tmp_path, server)
    asked = [(row["id"], row["k"]) for row in table.to_pylist()]
    expected = {0: 2, 1: 5, 2: 5}
    assert asked == [(f"own/{i}", k) for i, count in expected.items() for k in range(count)]
    assert server.requests == 12


def test_the_second_round_is_the_same_after_a_restart_and_pays_nothing_twice(
    tmp_path: Path,
) -> None:
    first = ask(tmp_path, Server(behave))
    server = Server(behave)
    assert lasting(ask(tmp_path, server)) == lasting(first) and server.requests == 0
    path = tmp_path / "6.responses" / "00000.journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:7]))
    assert lasting(ask(tmp_path, server)) == lasting(first) and server.requests == 5


def test_two_rounds_give_the_first_answers_of_one_round(tmp_path: Path) -> None:
    two = lasting(ask(tmp_path / "two", Server(behave)))
    one = lasting(ask(tmp_path / "one", Server(behave), n=5))
    assert [row for row in one if row in two] == two and len(one) == 15


def test_pass_rates_are_shares_of_what_was_asked(tmp_path: Path) -> None:
    samples, frames = shard(3)
    table = ask(tmp_path, Server(behave))
    verdicts = judge_responses(samples, table, cell=cell(tmp_path, "", options=ROUNDS["verify"]))
    kept = Cell("selection", "00000", asdict(Filter()), {}, tmp_path, tmp_path)
    rows = select(samples, frames, table, verdicts, cell=kept).to_pylist()
    assert [row["pass_rate"] for row in rows] == [1.0, 0.6, 0.0]
    assert [row["drop_reason"] for row in rows] == [None, None, "wrong"]


def test_a_row_that_the_server_refuses_ends_with_its_reason(tmp_path: Path) -> None:
    table = ask(tmp_path, Server(behave), rows=4)
    faults = [row["fault"] for row in table.to_pylist() if row["id"] == "own/3"]
    assert len(faults) == 5 and all("no picture" in fault for fault in faults)


RECIPE = """\
pipeline: cot
name: mine
sources:
  own: {path: questions.jsonl}
teacher: {model: m, n: {first: 2, most: 8}}
"""


def test_two_rounds_change_with_the_rules_and_refuse_pass_rates(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE)
    stage = responses(load_recipe(path))
    other = responses(load_recipe(path, ["verify.preset=video-r1"]))
    assert stage.options["verify"] != other.options["verify"]
    assert "verify" not in responses(load_recipe(path, ["teacher.n=8"])).options
    with pytest.raises(RecipeError, match=r"write teacher\.n: 8"):
        responses(load_recipe(path, ["filter.pass_rate=[0.25, 0.75]"]))
    with pytest.raises(RecipeError, match="above"):
        responses(load_recipe(path, ["teacher.n={first: 3, most: 2}"]))
    with pytest.raises(RecipeError, match=r"'mots' .*did you mean 'most'"):
        load_recipe(path, ["teacher.n={first: 3, most: 4, mots: 5}"])
    with pytest.raises(RecipeError, match="must be at least 1"):
        load_recipe(path, ["teacher.n=0"])


def test_the_plan_spans_from_the_first_round_to_both() -> None:
    options = {"n": {"first": 2, "most": 8}, "max_tokens": 512}
    both = estimate(100, 1, 280, 280, options, None)
    low = estimate(100, 1, 280, 280, options | {"n": 2}, None)
    high = estimate(100, 1, 280, 280, options | {"n": 8}, None)
    assert both.requests == 800
    assert both.tokens_in == (low.tokens_in[0], high.tokens_in[1])
    assert both.tokens_out == (low.tokens_out[0], high.tokens_out[1])
