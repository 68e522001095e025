"""Releases without chains, with several a question, and with truths alone."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import pytest
from endpoint import Endpoint, Reply, Server, completion, parts_of

import r1data
from r1data.building import Build
from r1data.errors import RecipeError, UsageError
from r1data.recipe import load_recipe
from r1data.release.diff import diff
from r1data.release.exports.export import export
from r1data.stages import questions, selection
from r1data.why import why_dict, why_text

RL = """
pipeline: rl
name: rl
seed: 7
sources: {shapes: {rows: 24}}
probes: {model: offline, max_tokens: 512, blind: {n: 2}, pass_rate: {n: 2}}
filter: {student_rate: [0.0, 0.5]}
release: {splits: {validation: 0.3}}
run: {engine: inline, lanes: [{url: offline, concurrency: 8}]}
"""


@pytest.fixture(scope="module")
def rl(tmp_path_factory: pytest.TempPathFactory) -> Build:
    folder = tmp_path_factory.mktemp("rl")
    (folder / "rl.yaml").write_text(RL)
    return r1data.build(folder / "rl.yaml", out=folder / "b")


def test_questions_are_released_without_chains_and_with_what_probes_found(rl: Build) -> None:
    data: Any = datasets.load_dataset(str(rl.release), split="train")
    assert len(data) > 0
    for row in data:
        assert (row["kind"], row["chain"]) == ("question", 0)
        assert row["process"] is row["reward"] is row["teacher"] is row["verdict"] is None
        found = {probe["probe"]: probe for probe in row["probes"]}
        assert found.keys() == {"blind", "pass_rate"}
        assert row["pass_rate"] == found["pass_rate"]["rate"] <= 0.5
        assert found["blind"]["model"] == "offline"
        assert row["frames"]


def test_a_build_without_a_teacher_accounts_for_every_row(rl: Build) -> None:
    assert r1data.check(rl.path).findings == []
    card = (rl.release / "README.md").read_text()
    assert "without chains of thought" in card
    assert "- probe pass_rate: `offline`, 2 answers to each of" in card
    assert "chain-of-thought" not in card
    released = rl.table("release").collect()["id"][0]
    assert "no teacher was asked" in why_text(why_dict(rl, released))


@pytest.mark.parametrize("form", ["video-r1", "trl", "verl", "easyr1", "ms-swift", "webdataset"])
def test_forms_for_reinforcement_learning_take_questions(rl: Build, form: str) -> None:
    made = export(rl.path, form, "out")
    assert made.rows == len(rl.table("release").collect())
    assert not any(word in name for name in made.files for word in ("sft", "COT"))


def test_forms_for_chains_refuse_questions(rl: Build) -> None:
    with pytest.raises(UsageError, match="holds questions without chains"):
        export(rl.path, "llamafactory", "out")
    assert not list(Path().iterdir())


def test_filters_of_answers_are_refused_where_nobody_answers(tmp_path: Path) -> None:
    (tmp_path / "rl.yaml").write_text(RL)
    recipe = load_recipe(tmp_path / "rl.yaml", ["filter.consistency=true"])
    with pytest.raises(RecipeError, match=r"filter\.consistency is about a teacher's answers"):
        questions(recipe)


# Several chains, and none


WAYS = (
    "The clip begins with nothing in it, and then something comes from the left.",
    "Frame by frame I note what is new; the third one settles it beyond doubt.",
    "The clip begins with nothing in it, and then something comes from the right.",
    "Counting back from the end, each mover leaves but the one that is asked about.",
)
TRUTHS: dict[str, str] = {}


def thinking(_: Server, payload: dict[str, Any]) -> Reply:
    """Answer as the truth has it, in one of four ways by the number of the answer; or wrongly."""
    text = parts_of(payload)[-1]["text"]
    if "Several people" in text:
        places = [number for number, way in re.findall(r"\[(\d)\]\n(.*)", text) if way == WAYS[3]]
        return completion(f"<think>It is clear.</think><answer>{(places or ['1'])[0]}</answer>")
    truth = next((t for problem, t in TRUTHS.items() if problem in text), "nothing")
    way = WAYS[payload.get("seed", 0) % 4]
    return completion(f"<think>{way}</think><answer>{truth}</answer>")


COT = """
pipeline: cot
name: chains
seed: 7
sources: {shapes: {rows: 12}}
teacher: {model: m, n: 4, max_tokens: 64}
"""


def built(out: str, *overrides: str) -> tuple[Build, int]:
    """A build whose every second question the teacher gets wrong; how often it was asked."""
    from r1data.sources.shapes import make_rows

    TRUTHS.clear()
    for number, row in enumerate(make_rows(12, 7)):
        TRUTHS.setdefault(row.problem, row.solution if number % 2 else "wrong")
    Path("cot.yaml").write_text(COT)
    with Endpoint(Server(thinking)) as server:
        lanes = f"run={{engine: inline, lanes: [{{url: '{server.url}', concurrency: 4}}]}}"
        build = r1data.build("cot.yaml", out=out, overrides=[*overrides, lanes])
        return build, server.server.requests


def test_distinct_chains_are_rows_of_their_own_and_questions_are_conserved() -> None:
    build, _ = built("b", "filter.chains=3")
    released = build.table("release").collect().sort("id", "chain")
    chains = Counter(released["id"].to_list())
    assert set(chains.values()) == {3}  # two of the four ways are one
    assert released["chain"].to_list() == [0, 1, 2] * len(chains)
    assert released["process"].n_unique() == 3
    report = r1data.check(build.path)
    assert report.findings == []
    assert report.figures["collected"] == 12
    questions = r1data.check(build.release).figures["questions"]
    assert (len(chains), 3 * len(chains)) == (questions, report.figures["released"])
    assert "may have several chains" in (build.release / "README.md").read_text()


def test_exports_hold_each_question_once_for_reinforcement_learning() -> None:
    build, _ = built("b", "filter.chains=3")
    questions = build.table("release").collect()["id"].n_unique()
    export(build.path, "ms-swift", "out")
    lengths = {
        name: len(Path(f"out/{name}_train.jsonl").read_text().splitlines())
        for name in ("sft", "rl")
    }
    assert lengths == {"sft": 3 * questions, "rl": questions}
    export(build.path, "webdataset", "tars")


def test_more_chains_of_a_question_are_rows_added() -> None:
    one, _ = built("one")
    three, _ = built("three", "filter.chains=3")
    questions = one.table("release").collect()["id"].n_unique()
    found = diff(one.path, three.path)
    assert (len(found.added), len(found.removed)) == (2 * questions, 0)
    assert found.unchanged == questions


def test_questions_that_are_always_answered_wrongly_may_stay_with_their_truth() -> None:
    dropped, paid = built("b")
    wrong = dropped.counts().steps[-1].rows
    kept, more = built("b", "filter.wrong=direct")
    assert more == 0 < paid
    rows = kept.table("release").collect()
    direct = rows.filter(rows["kind"] == "direct")
    assert len(direct) == wrong > 0
    assert direct["process"].null_count() == len(direct)
    assert r1data.check(kept.path).findings == []
    assert "since no chain was right" in (kept.release / "README.md").read_text()
    export(kept.path, "llamafactory", "out")
    turns = [each["messages"] for each in json.loads(Path("out/train.json").read_text())]
    plain = [turn for turn in turns if "<think>" not in turn[1]["content"]]
    assert len(plain) == len(direct)
    assert all("Think first" not in turn[0]["content"] for turn in plain)
    assert "truth alone" in why_text(why_dict(kept, direct["id"][0]))


def test_a_judge_is_asked_once_where_there_is_a_choice_and_its_choice_is_taken() -> None:
    build, paid = built("b", "judge={model: m}", "filter.choose=judge")
    rows = build.table("preferences").collect()
    asked = rows.filter(rows["said"].is_not_null())
    assert paid == len(build.table("responses").collect()) + len(asked)
    released = build.table("release").collect()
    assert set(released["id"]) == set(asked["id"])
    assert all(WAYS[3] in process for process in released["process"])
    _, again = built("b", "judge={model: m}", "filter.choose=shortest")
    assert again == 0


def test_choosing_by_judge_needs_a_judge(tmp_path: Path) -> None:
    (tmp_path / "cot.yaml").write_text(COT)
    with pytest.raises(RecipeError, match="add judge:"):
        selection(load_recipe(tmp_path / "cot.yaml", ["filter.choose=judge"]))
