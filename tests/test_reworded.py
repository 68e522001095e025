"""Duplicates in other words: who is compared, who is asked, who falls."""

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from asking import OPTIONS, sample
from endpoint import Endpoint, Reply, Server, completion, error, parts_of
from screening import clip, compared, row

import r1data
from r1data.building import release_digest
from r1data.errors import RecipeError
from r1data.grid.build import Cell
from r1data.grid.shards import Note, write_shard
from r1data.grid.work import Shard
from r1data.order import compares
from r1data.probes.plan import funnel_lines, funnel_plan
from r1data.probes.reworded import find_reworded
from r1data.recipe import load_recipe
from r1data.schema import arrow_schema
from r1data.sources.scenes import save_video
from r1data.sources.shapes import ask_first
from r1data.stages import reworded
from r1data.teacher.comparing import compare
from r1data.teacher.meaning import meaning

GOLDEN = Path(__file__).parent / "golden" / "shapes_reworded.tsv"
ASKED = re.compile(r"<asked>\n(.*?)\n</asked>", re.DOTALL)
LISTED = re.compile(r"^\[(\d+)\] (.*?)(?: \(.* / .*\))?$", re.MULTILINE)
WHY, REASON = "Why does the boy run?", "What makes the lad hurry along?"


# Who is compared


def test_rows_with_one_clip_and_one_truth_are_compared_and_no_others() -> None:
    rows = [
        row("s/1", WHY),
        row("s/2", REASON),
        row("s/3", REASON, "B"),
        row("s/4", REASON, sha256="b" * 64, hashes=clip(2)),
    ]
    assert compared(rows) == {"s/2": ["s/1"]}


def test_rows_that_fell_out_are_not_compared() -> None:
    rows = [row("s/1", WHY), row("s/2", WHY), row("s/3", REASON, drop_reason="undecodable")]
    assert compared(rows) == {}


def test_a_row_is_compared_with_eight_at_most_and_nearest_words_come_first() -> None:
    others = [row(f"s/{i:02}", f"What stands on shelf number {i} in room {i}?") for i in range(12)]
    found = compared([*others, row("s/99", "What stands on the shelf in the room called seven 7?")])
    assert len(found["s/99"]) == 8
    assert found["s/99"][0] == "s/07"


# Who is asked and who falls


def build_of(tmp_path: Path, rows: Mapping[str, tuple[str, Sequence[str]]]) -> tuple[Path, Path]:
    """Write the tables samples and screen: id -> what it asks, and its candidates"""
    samples = [sample(0) | {"id": key, "problem": asked} for key, (asked, _) in rows.items()]
    screen = [{"id": key, "candidates": list(listed)} for key, (_, listed) in rows.items()]
    paths = tmp_path / "1.samples" / "00000.parquet", tmp_path / "4.screen" / "00000.parquet"
    for path, name, table in zip(paths, ("sample", "screen"), (samples, screen), strict=True):
        path.parent.mkdir(exist_ok=True, parents=True)
        note = Note(stage=name, shard="00000", key="k", digest="")
        write_shard(path.parent, pa.Table.from_pylist(table, arrow_schema(name)), note, ())
    return paths


def asked(
    tmp_path: Path,
    rows: Mapping[str, tuple[str, Sequence[str]]],
    answer: Callable[[Server, dict[str, Any]], Reply],
    n: int = 1,
    part: str = "",
) -> tuple[dict[str, dict[str, Any]], Server]:
    """id -> the row's columns, and the server that was asked"""
    samples, screen = build_of(tmp_path, rows)
    options = OPTIONS | {"prompt": "reworded", "n": n, "seed": 7, "max_tokens": 512}
    server = Server(answer)
    with Endpoint(server) as listening:
        settings = {"lanes": [{"url": listening.url, "concurrency": 4}]}
        cell = Cell("reworded", "all", options, settings, tmp_path, tmp_path / "4.reworded")
        (made,) = find_reworded([samples], [screen], cell=replace(cell, part=part))
    assert isinstance(made, Shard)
    return {each["id"]: each for each in made.table.to_pylist()}, server


def naming(*wanted: str) -> Callable[[Server, dict[str, Any]], Reply]:
    """A model that names the question of these that is listed."""

    def answer(_: Server, payload: dict[str, Any]) -> Reply:
        text = parts_of(payload)[-1]["text"]
        numbers = [number for number, other in LISTED.findall(text) if other in wanted]
        return completion(f"<think>So.</think><answer>{numbers[0] if numbers else 0}</answer>")

    return answer


def test_a_row_falls_as_duplicate_and_says_which_stays_and_who_said_so(tmp_path: Path) -> None:
    rows = {"s/1": (WHY, ()), "s/2": ("Who runs?", ()), "s/3": (REASON, ("s/1", "s/2"))}
    found, server = asked(tmp_path, rows, naming(WHY), n=3)
    assert [found[key]["drop_reason"] for key in rows] == [None, None, "duplicate"]
    assert found["s/3"]["duplicate_of"] == "s/1"
    assert found["s/3"]["drop_detail"] == (
        "same question in other words (3 of 3 answers of m), same answer, same media as in s/1"
    )
    assert len(server.payloads) == 3


def test_rows_without_candidates_are_not_asked_about(tmp_path: Path) -> None:
    found, server = asked(tmp_path, {"s/1": (WHY, ()), "s/2": (REASON, ())}, naming(WHY))
    assert server.payloads == []
    assert {each["n"] for each in found.values()} == {0}


def test_no_picture_is_sent_and_candidates_stand_in_another_order_each_time(tmp_path: Path) -> None:
    many = [f"s/{number}" for number in range(6)]
    rows = {key: (f"What is number {key}?", ()) for key in many} | {"s/9": (WHY, many)}
    _, server = asked(tmp_path, rows, naming(), n=4)
    parts = [parts_of(payload) for payload in server.payloads]
    assert all(len(each) == 1 for each in parts)
    orders = {tuple(other for _, other in LISTED.findall(each[0]["text"])) for each in parts}
    assert len(orders) == 4
    assert len({frozenset(each) for each in orders}) == 1


def test_a_row_stays_unless_more_than_half_of_the_answers_name_the_same(tmp_path: Path) -> None:
    def half(server: Server, payload: dict[str, Any]) -> Reply:
        return naming(WHY)(server, payload) if server.requests % 2 else naming()(server, payload)

    rows = {"s/1": (WHY, ()), "s/2": (REASON, ("s/1",))}
    found, _ = asked(tmp_path / "even", rows, half, n=4)
    assert (found["s/2"]["drop_reason"], found["s/2"]["n"], found["s/2"]["votes"]) == (None, 4, 0)
    found, _ = asked(tmp_path / "odd", rows, half, n=5)
    assert (found["s/2"]["drop_reason"], found["s/2"]["votes"]) == ("duplicate", 3)


@pytest.mark.parametrize("said", ["7", "none", "", "[0]", "1 and 2", "-1", "\u00b2", "9" * 5000])
def test_an_answer_that_names_no_candidate_says_none(tmp_path: Path, said: str) -> None:
    rows = {"s/1": (WHY, ()), "s/2": ("Who runs?", ()), "s/3": (REASON, ("s/1", "s/2"))}
    found, _ = asked(tmp_path, rows, lambda *_: completion(f"<answer>{said}</answer>"))
    assert (found["s/3"]["drop_reason"], found["s/3"]["n"]) == (None, 1)


@pytest.mark.parametrize("said", ["2", " [2]. ", "**2**", "[2] Who runs in lane 1?", "No. 2"])
def test_an_answer_names_a_candidate_by_its_number(tmp_path: Path, said: str) -> None:
    rows = {"s/1": (WHY, ()), "s/2": ("Who runs?", ()), "s/3": (REASON, ("s/1", "s/2"))}
    found, server = asked(tmp_path, rows, lambda *_: completion(f"<answer>{said}</answer>"))
    text = parts_of(server.payloads[0])[-1]["text"]
    second = dict(LISTED.findall(text))["2"]
    assert found["s/3"]["duplicate_of"] == {WHY: "s/1", "Who runs?": "s/2"}[second]


def test_a_part_of_a_build_finds_what_it_asked_before(tmp_path: Path) -> None:
    rows = {"s/1": (WHY, ()), "s/2": (REASON, ("s/1",))}
    for part in ("", "0of2", "0of4"):
        folder = tmp_path / f"b{part}"
        _, first = asked(folder, rows, naming(WHY), part=part)
        _, again = asked(folder, rows, naming(WHY), part=part)
        assert (len(first.payloads), len(again.payloads)) == (1, 0)


def test_a_failed_request_says_nothing_of_the_row(tmp_path: Path) -> None:
    rows = {"s/1": (WHY, ()), "s/2": (REASON, ("s/1",))}
    found, _ = asked(tmp_path, rows, lambda *_: error(400, "no"))
    assert (found["s/2"]["drop_reason"], found["s/2"]["n"]) == (None, 0)


def test_what_a_twin_repeats_stays_for_both(tmp_path: Path) -> None:
    rows = {"s/1": (WHY, ()), "s/2": (REASON, ("s/1",)), "s/3": ("For what does he run?", ("s/2",))}
    found, _ = asked(tmp_path, rows, naming(WHY, REASON))
    assert [found[key]["duplicate_of"] for key in rows] == [None, "s/1", "s/1"]
    assert found["s/3"]["drop_detail"].endswith("as in s/2, which repeats s/1")


def test_a_row_that_fell_out_before_keeps_its_reason(tmp_path: Path) -> None:
    samples, screen = build_of(tmp_path, {"s/1": (WHY, ())})
    table = [{"id": "s/1", "candidates": [], "drop_reason": "contaminated", "drop_detail": "d"}]
    note = Note(stage="screen", shard="00000", key="k", digest="")
    write_shard(screen.parent, pa.Table.from_pylist(table, arrow_schema("screen")), note, ())
    options = OPTIONS | {"prompt": "reworded", "seed": 7}
    cell = Cell("reworded", "all", options, {"lanes": []}, tmp_path, tmp_path / "4.reworded")
    (made,) = find_reworded([samples], [screen], cell=cell)
    assert isinstance(made, Shard)
    assert made.table["drop_reason"].to_pylist() == ["contaminated"]


# In a build


RECIPE = """
pipeline: rl
name: reworded
seed: 7
sources: {own: {path: questions.jsonl, media_root: clips}}
screen: {duplicates: true}
probes: {model: offline, max_tokens: 512, reworded: {n: 1}, blind: {n: 2}}
run: {lanes: [{url: offline, concurrency: 4}]}
"""
QUESTIONS = (
    "Which shape enters the picture first?",
    "Whose arrival in the frame comes before that of all other shapes?",
    "Of all shapes, which one moves fastest?",
)


def own_questions() -> None:
    """Three questions with one answer about one clip; the second is the first in other words."""
    made = ask_first(random.Random(3))
    Path("clips").mkdir()
    save_video(made.scene, Path("clips/a.mp4"))
    rows = [
        {"problem_id": number, "problem": asked, "path": "a.mp4", "data_type": "video"}
        | {"problem_type": "multiple choice", "options": lettered(made.options)}
        | {"solution": f"<answer>{made.solution}</answer>", "data_source": "own"}
        for number, asked in enumerate(QUESTIONS)
    ]
    Path("questions.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    Path("r.yaml").write_text(RECIPE, encoding="utf-8")


def lettered(options: Sequence[str]) -> list[str]:
    return [f"{letter}. {text}" for letter, text in zip("ABCDE", options, strict=False)]


def test_a_build_drops_the_reworded_row_and_asks_nothing_more_about_it() -> None:
    own_questions()
    build = r1data.build("r.yaml", out="b")
    rows = {row["id"]: row for row in build.table("selection").collect().to_dicts()}
    reasons = [rows[f"own/{number}"]["drop_reason"] for number in range(3)]
    assert reasons == [None, "duplicate", None]
    assert "1 of 1 answers of offline" in rows["own/1"]["drop_detail"]
    blind = {row["id"]: row["n"] for row in build.table("blind").collect().to_dicts()}
    assert blind == {"own/0": 2, "own/1": 0, "own/2": 2}


def test_engines_release_the_same_bytes(tmp_path: Path) -> None:
    own_questions()
    for engine in ("inline", "pool"):
        r1data.build("r.yaml", out=engine, engine=engine)
    assert len({release_digest(tmp_path / each / "9.release") for each in ("inline", "pool")}) == 1


def test_the_recipe_must_screen_for_duplicates() -> None:
    own_questions()
    Path("r.yaml").write_text(RECIPE.replace("screen: {duplicates: true}\n", ""))
    with pytest.raises(RecipeError, match="add screen: "):
        r1data.build("r.yaml", out="b")


@pytest.mark.parametrize(("probes", "asks"), [("{n: 1}", True), ("{n: 0}", False), (None, True)])
def test_whoever_looks_for_duplicates_and_has_a_model_asks_it(
    probes: str | None, asks: bool
) -> None:
    line = "" if probes is None else f"reworded: {probes}, "
    Path("r.yaml").write_text(RECIPE.replace("reworded: {n: 1}, ", line), encoding="utf-8")
    assert compares(load_recipe("r.yaml")) is asks
    assert bool(reworded(load_recipe("r.yaml"))) is asks


def test_a_plan_tells_what_comparing_takes() -> None:
    Path("r.yaml").write_text(RECIPE)
    first, blind, *_ = funnel_plan(load_recipe("r.yaml"), 1000)
    assert (first["stage"], first["rows"], first["requests"]) == ("reworded", 40, 40)
    assert blind["rows"] == 1000
    assert "as in NExT-QA" in funnel_lines([first])[0]


# What the offline teacher understands


def is_same(one: str, other: str) -> bool:
    said = compare(f"<asked>\n{one}\n</asked>\n\n<others>\n[1] {other} (a / b)\n</others>")
    assert said is not None
    return "<answer>1</answer>" in said


def test_most_rewordings_mean_the_same_and_near_misses_do_not() -> None:
    pairs = [line.split("\t") for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
    for label, least, most in (("same", 0.95, 1.0), ("other", 0.0, 0.02)):
        told = [is_same(one, other) for kind, one, other in pairs if kind == label]
        assert len(told) > 150
        assert least <= sum(told) / len(told) <= most


def test_what_is_not_understood_is_never_the_same() -> None:
    assert meaning("Why do birds sing?") == frozenset()
    assert not is_same("Why do birds sing?", "Why do birds sing?")
