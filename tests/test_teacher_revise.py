"""The second look: what is asked, what it leaves alone, what becomes of failures, and of money."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from asking import OPTIONS, cell, shard
from endpoint import ANSWER, Endpoint, Reply, Server, completion, error, parts_of

import r1data
from r1data.building import Build
from r1data.errors import BudgetSpent, RecipeError
from r1data.grid.build import Cell
from r1data.grid.work import AGAIN
from r1data.plan import make_plan
from r1data.recipe import load_recipe
from r1data.release.check import check
from r1data.rewards.stage import judge_responses
from r1data.schema import arrow_schema
from r1data.stages import revised
from r1data.teacher.prompts import load_prompt
from r1data.teacher.revise import revise_responses
from r1data.teacher.stage import ask_teacher
from r1data.why import why_dict, why_text

MENDED = "<think>It rises.</think>\n<answer>B</answer>"


def look(build: Path, url: str, **settings: Any) -> Cell:
    asked = cell(build, url, options={"prompt": "revise", "model": "m2"}, **settings)
    return Cell("revised", "00000", asked.options, asked.settings, build, build / "6.revised")


def is_revision(payload: dict[str, Any]) -> bool:
    return "<draft>" in parts_of(payload)[-1]["text"]


def revising(server: Server, payload: dict[str, Any]) -> Reply:
    return completion(MENDED) if is_revision(payload) else completion()


def both(build: Path, server: Server, rows: int = 3, **settings: Any) -> tuple[pa.Table, pa.Table]:
    """Return the first responses and the revised ones."""
    tables = shard(rows)
    with Endpoint(server) as endpoint:
        first = ask_teacher(*tables, cell=cell(build, endpoint.url, **settings))
        return first, revise_responses(*tables, first, cell=look(build, endpoint.url, **settings))


def test_each_whole_chain_is_revised_once_and_keeps_its_place(tmp_path: Path) -> None:
    server = Server(revising)
    first, second = both(tmp_path, server)
    assert second.schema.equals(arrow_schema("response"))
    assert second.select(["id", "k"]).equals(first.select(["id", "k"]))
    assert set(second["text"].to_pylist()) == {MENDED} and server.requests == 12
    assert set(second["model"].to_pylist()) == {"m2"}
    assert set(second["prompt_sha256"].to_pylist()) == {load_prompt("revise", True).sha256}
    assert not set(second["request_sha256"].to_pylist()) & set(first["request_sha256"].to_pylist())


def test_the_model_gets_the_pictures_the_question_and_the_chain(tmp_path: Path) -> None:
    server = Server(revising)
    both(tmp_path, server, rows=1)
    first, *_, last = server.payloads
    pictures = [part for part in first["messages"][0]["content"] if part["type"] == "image_url"]
    content = last["messages"][0]["content"]
    assert content[:-1] == pictures and len(pictures) == 2
    text = content[-1]["text"]
    assert text.startswith("The 2 pictures above are frames of one video")
    assert f"<draft>\n{ANSWER}\n</draft>" in text and "A. it falls\nB. it rises" in text


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (completion("<think>and then", "length", (100, 64)), None),
        (completion(None, refusal="no"), "the model refused: no"),
        (completion(" "), None),
        (error(400, "too big"), "HTTP 400: too big"),
    ],
)
def test_what_is_no_whole_chain_stays_as_it_is(
    tmp_path: Path, reply: Reply, fault: str | None
) -> None:
    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        return reply if "clip 1?" in str(payload) else revising(server, payload)

    server = Server(behave)
    first, second = both(tmp_path, server, rows=2)
    kept = [row for row in second.to_pylist() if row["id"] == "own/1"]
    assert kept == [row for row in first.to_pylist() if row["id"] == "own/1"]
    assert kept[0]["fault"] == fault and server.requests == 6


def test_a_revision_that_fails_for_good_is_no_answer_and_never_the_first_text(
    tmp_path: Path,
) -> None:
    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        failing = is_revision(payload) and "clip 1?" in str(payload)
        return error(400, "too long") if failing else revising(server, payload)

    first, second = both(tmp_path, Server(behave))
    lost = [row for row in second.to_pylist() if row["id"] == "own/1"]
    assert [(row["text"], row["fault"]) for row in lost] == [
        (None, "its revision: HTTP 400: too long")
    ] * 2
    assert first["text"].null_count == 0, "the first texts stay where they are"
    told = OPTIONS | {"preset": "canonical", "at_least": {}}
    judging = Cell("verdicts", "00000", told, {}, tmp_path, tmp_path / "7.verdicts")
    verdicts = judge_responses(shard(3)[0], second, cell=judging).to_pylist()
    assert {row["why"] for row in verdicts if row["id"] == "own/1"} == {"failed"}


def test_a_revision_given_up_is_asked_again_by_the_next_run(tmp_path: Path) -> None:
    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        failing = is_revision(payload) and "clip 1?" in str(payload)
        return error(500, "oops") if failing else revising(server, payload)

    second = both(tmp_path, Server(behave), tries=2)[1]
    assert second.schema.metadata[AGAIN] == b"2"
    server = Server(revising)
    assert both(tmp_path, server)[1]["text"].null_count == 0 and server.requests == 2


def test_nothing_is_asked_twice_and_another_first_text_is_another_request(tmp_path: Path) -> None:
    server = Server(revising)
    both(tmp_path, server)
    again = both(tmp_path, server)[1]
    assert server.requests == 12 and again["text"].null_count == 0
    tables = shard(3)
    with Endpoint(server) as endpoint:
        first = ask_teacher(*tables, cell=cell(tmp_path, endpoint.url))
        column = first.schema.get_field_index("text")
        other = first.set_column(column, "text", pa.array(["<answer>A</answer>"] * 6))
        revise_responses(*tables, other, cell=look(tmp_path, endpoint.url))
    assert server.requests == 18


def test_one_budget_caps_both_and_can_be_raised(tmp_path: Path) -> None:
    server = Server(revising)  # 120 tokens a request, 12 requests
    with pytest.raises(BudgetSpent):
        both(tmp_path, server, budget={"tokens": 1900})
    assert 6 < server.requests < 12, "the first answers count, and so do the revisions"
    both(tmp_path, server, budget={"tokens": 5000})
    assert server.requests == 12


RECIPE = """\
pipeline: demo
name: twice
seed: 7
sources: {shapes: {rows: 24}}
teacher: {model: offline, n: 2}
revise: {temperature: 0.5}
run: {engine: pool, workers: 2, lanes: [{url: offline, concurrency: 4}]}
"""


@pytest.fixture(scope="module")
def twice(demo: Build, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The finished demo, looked at again: nothing before the second look is made anew."""
    folder = tmp_path_factory.mktemp("twice") / "build"
    shutil.copytree(demo.path, folder)
    overrides = ["sources.shapes.rows=40", "revise={temperature: 0.5}"]
    build = r1data.build("demo", out=folder, engine="inline", overrides=overrides)
    assert build.tally is not None
    assert set(build.tally.made) == {"revised", "verdicts", "selection", "release"}
    return build


def test_the_offline_teacher_mends_what_the_pixels_contradict(twice: Build) -> None:
    first, second = (twice.table(name).collect() for name in ("responses", "revised"))
    options = {"preset": "canonical", "at_least": {}}
    judging = Cell("verdicts", "00000", options, {}, twice.path, twice.path)
    samples = twice.table("samples").collect().to_arrow()
    before, after = (
        judge_responses(samples, table.to_arrow(), cell=judging)["right"].to_pylist()
        for table in (first, second)
    )
    kept = sum(a == b for a, b in zip(first["text"], second["text"], strict=True))
    assert sum(after) > sum(before), "careless looks are mended"
    assert 0.5 < kept / len(first) < 1, "and what was right is left in its words"
    assert twice.table("verdicts").collect()["right"].sum() == sum(after)


def test_the_release_and_why_tell_what_was_revised_from_what(twice: Build) -> None:
    assert check(twice.path).findings == []
    first = {(row["id"], row["text"]): row for row in twice.table("responses").collect().to_dicts()}
    for row in twice.table("release").collect().to_dicts():
        origin = row["teacher"]["revised_from"]
        draft = first[row["id"], origin["response"]]
        assert (draft["model"], draft["prompt_sha256"]) == ("offline", origin["prompt_sha256"])
        assert origin["prompt_sha256"] != row["teacher"]["prompt_sha256"]
        assert json.loads(row["teacher"]["params"])["temperature"] == 0.5
    one = twice.table("release").collect()["id"][0]
    assert "revised by offline; at first '" in why_text(why_dict(twice, one))
    card = (twice.release / "README.md").read_text()
    assert card.count("80 answers of `offline`") == 2


def test_the_plan_counts_revisions(twice: Build) -> None:
    made = make_plan(load_recipe(twice.path / "recipe.yaml"))
    assert made["revise"]["requests"] == made["teacher"]["requests"] == 80
    assert made["revise"]["tokens_in"][0] > made["teacher"]["tokens_in"][0]


def test_a_recipe_without_revise_has_no_such_stage(tmp_path: Path) -> None:
    assert revised(load_recipe("demo")) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("revise.prompt=video-r1", "must hold {draft} exactly once"),
        ("teacher.prompt=revise", "name this prompt in revise.prompt"),
        ("revise.n=3", "unknown key 'n' in 'revise'"),
    ],
)
def test_a_wrong_revision_is_told(tmp_path: Path, change: str, told: str) -> None:
    (tmp_path / "twice.yaml").write_text(RECIPE)
    with pytest.raises(RecipeError) as problem:
        r1data.build("twice.yaml", out="x", overrides=[change])
    assert told in str(problem.value)


def test_another_models_money_needs_its_price(tmp_path: Path) -> None:
    (tmp_path / "twice.yaml").write_text(RECIPE)
    changes = ["run.budget={usd: 1}", "teacher.prices={input: 1, output: 1}", "revise.model=other"]
    with pytest.raises(RecipeError, match=r"add revise\.prices"):
        r1data.build("twice.yaml", out="x", overrides=changes)
