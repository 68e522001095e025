"""Probes: what is shown, what is counted, who is not asked any more."""

import json
import random
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from asking import OPTIONS, shard
from endpoint import Endpoint, Reply, Server, completion, error, parts_of

import r1data
from r1data.errors import BudgetSpent, RecipeError
from r1data.grid.build import Cell
from r1data.probes.chance import by_chance, chance_of, guessing
from r1data.probes.plan import funnel_lines, funnel_plan
from r1data.probes.showing import reordered, shuffled
from r1data.probes.stage import probe_samples
from r1data.recipe import load_recipe
from r1data.sources.shapes import ShapeRow, make_rows
from r1data.stages import selection

SAMPLE = {
    "id": "s/1",
    "problem": "What?",
    "options": ["cat", "dog", "cow", "hen"],
    "problem_type": "multiple choice",
    "solution": "B",
}


def cell(build: Path, url: str, probe: str, n: int = 4, **more: Any) -> Cell:
    options = OPTIONS | {"probe": probe, "n": n, "seed": 7, "preset": "canonical", "at_least": {}}
    settings = {"lanes": [{"url": url, "concurrency": 4}]}
    return Cell(probe, "00000", options | more, settings, build, build / f"5.{probe}")


def answering(text: str) -> Server:
    return Server(
        lambda _server, _payload: completion(f"<think>So.</think><answer>{text}</answer>")
    )


def knowing(word: str) -> Server:
    """A model that picks the option with a certain text, wherever it stands."""

    def answer(_: Server, payload: dict[str, Any]) -> Reply:
        letter = re.search(rf"^([A-Z])\. {word}$", text_of(payload), re.MULTILINE)
        assert letter is not None
        return completion(f"<think>So.</think><answer>{letter[1]}</answer>")

    return Server(answer)


def text_of(payload: dict[str, Any]) -> str:
    return parts_of(payload)[-1]["text"]


def pictures_of(payload: dict[str, Any]) -> list[str]:
    parts = parts_of(payload)
    return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]


def probed(build: Path, server: Server, probe: str, rows: int = 3, **more: Any) -> list[Any]:
    samples, frames = shard(rows, frames=more.pop("frames", 5), dropped=more.pop("dropped", ()))
    tables = (frames,) if probe == "blind" else (frames, more.pop("standing", frames))
    if "few" in more:
        more["frames"] = more.pop("few")
    with Endpoint(server) as listening:
        table = probe_samples(samples, *tables, cell=cell(build, listening.url, probe, **more))
    assert table["id"].equals(samples["id"])
    return table.to_pylist()


def test_the_blind_probe_sends_no_picture_and_nothing_of_time(tmp_path: Path) -> None:
    server = answering("A")
    probed(tmp_path, server, "blind")
    assert len(server.payloads) == 12
    assert not any(pictures_of(payload) for payload in server.payloads)
    assert not any("seconds" in text_of(payload) for payload in server.payloads)


@pytest.mark.parametrize(("few", "places"), [(1, [2]), (2, [1, 3])])
def test_the_few_frame_probe_sends_frames_spread_evenly(
    tmp_path: Path, few: int, places: list[int]
) -> None:
    whole, server = answering("A"), answering("A")
    probed(tmp_path / "all", whole, "pass_rate", rows=1, n=1)
    probed(tmp_path / "few", server, "few_frame", rows=1, n=1, few=few)
    every = pictures_of(whole.payloads[0])
    assert pictures_of(server.payloads[0]) == [every[place] for place in places]


def test_shuffled_frames_come_in_another_order_each_time_and_the_text_does_not_say_so(
    tmp_path: Path,
) -> None:
    whole, server = answering("A"), answering("A")
    probed(tmp_path / "all", whole, "pass_rate", rows=1)
    probed(tmp_path / "shuffled", server, "shuffled", rows=1)
    every = pictures_of(whole.payloads[0])
    orders = [tuple(pictures_of(payload)) for payload in server.payloads]
    assert all(sorted(order) == sorted(every) for order in orders)
    assert tuple(every) not in orders and tuple(every[::-1]) not in orders
    assert len(set(orders)) > 1
    assert Counter(map(text_of, whole.payloads)) == Counter(map(text_of, server.payloads))


def test_a_model_that_knows_is_right_each_time_and_settles_the_row(tmp_path: Path) -> None:
    rows = probed(tmp_path, knowing("it falls"), "blind", n=6, settles=0.05)
    assert all(
        (row["n"], row["right"], row["rate"], row["chance"]) == (6, 6, 1.0, 0.5) for row in rows
    )
    assert all(row["drop_reason"] == "solved_blind" for row in rows)
    assert all("6 of 6" in row["drop_detail"] and "0.05" in row["drop_detail"] for row in rows)


def test_always_the_same_letter_is_right_as_often_as_a_guess(tmp_path: Path) -> None:
    rows = probed(tmp_path, answering("A"), "blind", n=6, settles=0.4)
    assert [row["right"] for row in rows] == [3, 3, 3]
    assert all(row["drop_reason"] is None for row in rows)


def test_rows_that_fell_out_are_not_asked_about_and_keep_their_reason(tmp_path: Path) -> None:
    server = answering("A")
    rows = probed(tmp_path, server, "blind", dropped=(1,))
    assert len(server.payloads) == 8
    assert [(row["n"], row["drop_reason"]) for row in rows] == [
        (4, None),
        (0, "undecodable"),
        (4, None),
    ]
    assert rows[1]["rate"] is None


def test_asking_again_asks_nobody(tmp_path: Path) -> None:
    server = answering("A")
    first = probed(tmp_path, server, "shuffled")
    assert probed(tmp_path, server, "shuffled") == first
    assert len(server.payloads) == 12


def test_a_failed_request_is_not_counted_as_a_wrong_answer(tmp_path: Path) -> None:
    def refused(_server: Server, payload: dict[str, Any]) -> Reply:
        if "clip 1" in text_of(payload):
            return error(400, "no such picture", "invalid_image")
        return completion("<answer>A</answer>")

    rows = probed(tmp_path, Server(refused), "blind", settles=0.05)
    assert [row["n"] for row in rows] == [4, 0, 4]
    assert (rows[1]["rate"], rows[1]["drop_reason"]) == (None, None)


def test_pictures_are_not_probed_for_order(tmp_path: Path) -> None:
    samples, frames = shard(1, frames=5, data_type="image")
    for probe in ("few_frame", "shuffled"):
        asked = cell(tmp_path, "http://127.0.0.1:9/v1", probe)
        assert probe_samples(samples, frames, cell=asked).to_pylist()[0]["n"] == 0


def test_the_truth_stands_in_every_place_once() -> None:
    put = [reordered(SAMPLE, 7, k) for k in range(8)]
    assert Counter(each["solution"] for each in put) == dict.fromkeys("ABCD", 2)
    assert all(each["options"]["ABCD".index(each["solution"])] == "dog" for each in put)
    assert put == [reordered(SAMPLE, 7, k) for k in range(8)]


@pytest.mark.parametrize("last", ["None of the above", "Both A and B", "A and C", "all of these"])
def test_options_that_speak_of_others_stay_where_they_are(last: str) -> None:
    sample = {**SAMPLE, "options": ["cat", "dog", "cow", last]}
    assert all(reordered(sample, 7, k) == sample for k in range(4))


def test_shuffling_is_never_the_order_itself_nor_its_reverse() -> None:
    for count in (3, 4, 16):
        for seed in range(200):
            order = list(shuffled(count, str(seed)))
            assert sorted(order) == list(range(count))
            assert order not in (sorted(order), sorted(order, reverse=True))


def test_chance_is_what_guessing_really_gives() -> None:
    rng = random.Random(3)
    games = [sum(rng.random() < 0.25 for _ in range(4)) for _ in range(20_000)]
    for right in range(5):
        share = sum(game >= right for game in games) / len(games)
        assert by_chance(right, 4, 0.25) == pytest.approx(share, abs=0.01)
    assert guessing(SAMPLE) == 0.25
    assert (
        guessing({**SAMPLE, "options": [], "problem_type": "free-form", "solution": "Yes"}) == 0.5
    )


PROBES = """
probes: {model: m, max_tokens: 64, blind: {n: 4, settles: 0.05}, shuffled: {n: 4}}
screen: {duplicates: true}
"""


def recipe(url: str) -> Path:
    path = Path("r.yaml")
    path.write_text(
        "pipeline: cot\nname: r\nsources: {shapes: {rows: 10}}\n"
        "teacher: {model: m, max_tokens: 64}\n"
        f"{PROBES}run: {{engine: inline, lanes: [{{url: '{url}'}}]}}\n"
    )
    return path


@cache
def shapes() -> list[ShapeRow]:
    """The questions that the recipe asks."""
    return list(make_rows(10, 0))


def by_truth(_: Server, payload: dict[str, Any]) -> Reply:
    """Answer every blind question about a shape as if its words told: by the truth of the scene."""
    text = text_of(payload)
    row = next((each for each in shapes() if each.problem in text), None)
    if row is None or not row.options:
        return completion("<think>So it is here.</think><answer>none</answer>")
    truth = row.options["ABCDEFGH".index(row.solution)]
    letter = re.search(rf"^([A-Z])\. {re.escape(truth)}$", text, re.MULTILINE)
    return completion(
        f"<think>So it is here.</think><answer>{letter[1] if letter else 'A'}</answer>"
    )


def test_the_teacher_is_not_asked_what_a_probe_settled_and_thresholds_ask_nobody() -> None:
    with Endpoint(Server(by_truth)) as server:
        build = r1data.build(recipe(server.url), out="b")
        rows = build.table("blind").collect()
        fallen = set(rows.filter(rows["drop_reason"] == "solved_blind")["id"])
        assert 0 < len(fallen) < 10
        asked = set(build.table("responses").collect()["id"])
        assert asked == set(rows["id"]) - fallen
        assert set(build.table("shuffled").collect().filter(pl_n_above_zero())["id"]) <= asked
        assert {step.reason for step in build.counts().steps if step.stage == "blind"} == {
            "solved_blind"
        }
        paid = server.server.requests
        again = r1data.build(recipe(server.url), out="b", overrides=["filter.shuffled=0.2"])
        assert server.server.requests == paid
        assert again.tally is not None
        assert set(again.tally.made) == {"selection", "release"}


def pl_n_above_zero() -> Any:
    import polars as pl

    return pl.col("n") > 0


def test_a_filter_without_its_probe_is_refused() -> None:
    loaded = load_recipe(recipe("http://127.0.0.1:9/v1"), ["filter.student_rate=[0.1, 0.9]"])
    with pytest.raises(RecipeError, match=r"filter\.student_rate needs the probe 'pass_rate'"):
        selection(loaded)


def test_all_probes_share_one_budget_and_lanes_of_their_own() -> None:
    stage_settings = r1data.building.settings_of
    loaded = load_recipe(
        recipe("http://127.0.0.1:9/v1"),
        ["run.probe_lanes=[{url: 'http://127.0.0.1:8/v1'}]", "run.probe_budget={tokens: 9}"],
    )
    found = stage_settings(loaded, Path("b"), loaded.run.lanes, [], loaded.run.probe_lanes)
    assert found["blind"]["lanes"][0]["url"].endswith(":8/v1")
    assert found["responses"]["lanes"][0]["url"].endswith(":9/v1")
    assert found["blind"]["budget"] == found["shuffled"]["budget"] == {"tokens": 9}
    assert "budget" not in found["responses"]


def test_a_table_of_probes_keeps_row_order() -> None:
    samples, frames = shard(2, dropped=(0, 1))
    asked = cell(Path("b"), "http://127.0.0.1:9/v1", "blind")
    table = probe_samples(samples, frames, cell=asked)
    assert isinstance(table, pa.Table)
    assert table["id"].to_pylist() == samples["id"].to_pylist()


def test_asking_the_teacher_last_pays_less_for_the_same_rows() -> None:
    first = ["probes.blind={n: 4}", "filter.blind=0.05"]
    released, paid = [], []
    for overrides in (first, []):
        with Endpoint(Server(by_truth)) as server:
            build = r1data.build(
                recipe(server.url), out=f"b{len(paid)}", overrides=[*overrides, "teacher.n=4"]
            )
        released.append(build.table("release").select("id").collect()["id"].to_list())
        paid.append(len(build.table("responses").collect()))
    assert released[0] == released[1] != []
    assert paid[1] <= 0.7 * paid[0]


def test_a_plan_tells_what_probing_takes_and_spares() -> None:
    loaded = load_recipe(recipe("http://127.0.0.1:9/v1"))
    _, blind, shuffled, teacher, last = funnel_plan(loaded, 1000)
    assert (blind["requests"], blind["left"]) == (4000, 690)
    assert (shuffled["requests"], shuffled["left"], teacher["rows"]) == (2760, 690, 690)
    assert (teacher["saves"]["requests"], last["left"]) == (310, 414)
    lines = funnel_lines([blind, shuffled, teacher, last])
    assert "690 rows instead of 1,000: 31% or 310 requests less" in lines[-1]
    assert blind["tokens_in"][1] < shuffled["tokens_in"][0]


@pytest.mark.parametrize(("name", "settles"), [("few_frame", 0.01), ("shuffled", 0.01)])
def test_a_plan_says_where_it_assumes(name: str, settles: float) -> None:
    loaded = load_recipe(
        recipe("http://127.0.0.1:9/v1"), [f"probes.{name}={{n: 4, settles: {settles}}}"]
    )
    steps = {step["stage"]: step for step in funnel_plan(loaded, 1000)}
    assert steps[name]["left"] < steps[name]["rows"]
    assert "nobody has published a figure" in "".join(funnel_lines([steps[name]]))


GROUNDED = """
pipeline: demo
name: grounded
seed: 7
sources: {shapes: {rows: 24}}
teacher: {model: offline, n: 2, max_tokens: 512}
"""
SETTLING = """
probes:
  model: offline
  max_tokens: 512
  blind: {n: 4, settles: 0.01}
  few_frame: {n: 8, settles: 0.01}
  pass_rate: {n: 4, settles: [0.1, 0.9]}
run: {engine: pool, workers: 2, lanes: [{url: offline, concurrency: 8}]}
"""
TEACHER_FIRST = """
probes: {model: offline, max_tokens: 512, blind: {n: 4}, few_frame: {n: 8}, pass_rate: {n: 4}}
filter: {blind: 0.01, few_frame: 0.01, student_rate: [0.1, 0.9]}
run: {engine: pool, workers: 2, lanes: [{url: offline, concurrency: 8}]}
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_demo_pays_at_least_30_of_100_less_when_its_teacher_is_asked_last() -> None:
    paid, released = [], []
    for name, text in (("last", SETTLING), ("first", TEACHER_FIRST)):
        Path(f"{name}.yaml").write_text(GROUNDED + text)
        build = r1data.build(f"{name}.yaml", out=name)
        paid.append(len(build.table("responses").collect()))
        released.append(sorted(build.table("release").collect()["id"].to_list()))
    assert released[0] == released[1] != []
    assert paid[0] <= 0.7 * paid[1]


def guessing_server(seed: int, knows: float) -> Server:
    """A model that knows the answer at a known rate, and guesses one of two letters otherwise."""
    rng = random.Random(seed)

    def answer(_: Server, payload: dict[str, Any]) -> Reply:
        letter = re.search(r"^([A-Z])\. it falls$", text_of(payload), re.MULTILINE)
        assert letter is not None
        said = letter[1] if rng.random() < knows else rng.choice("AB")
        return completion(f"<think>So it is here.</think><answer>{said}</answer>")

    return Server(answer)


@pytest.mark.parametrize(
    ("probe", "chance"), [("blind", 0.25), ("few_frame", 0.5), ("shuffled", 0.5)]
)
def test_pictures_that_rule_options_out_settle_nothing(probe: str, chance: float) -> None:
    assert chance_of(probe, SAMPLE) == chance
    assert by_chance(16, 20, chance) <= 0.006
    assert (by_chance(12, 20, chance) <= 0.006) == (probe == "blind")


@pytest.mark.parametrize(("knows", "low", "high"), [(0.0, 0.0, 0.05), (1.0, 1.0, 1.0)])
def test_no_more_guessers_are_taken_for_knowing_than_the_bound_allows(
    tmp_path: Path, knows: float, low: float, high: float
) -> None:
    rows = probed(tmp_path, guessing_server(5, knows), "blind", rows=150, n=7, settles=0.02)
    fallen = sum(row["drop_reason"] == "solved_blind" for row in rows) / len(rows)
    assert low <= fallen <= high


@pytest.mark.parametrize(
    ("truth", "kind", "chance"),
    [
        ("3", "numerical", 0.4),
        ("blue", "free-form", 0.25),
        ("no", "free-form", 0.5),
        ("because he fell", "free-form", 0.05),
        ("44.3", "regression", 0.05),
        ("12", "OCR", 0.05),
    ],
)
def test_what_is_easily_guessed_needs_more_right_answers(
    truth: str, kind: str, chance: float
) -> None:
    asked = {**SAMPLE, "options": [], "problem_type": kind, "solution": truth}
    assert guessing(asked) == chance


TOLD = {
    "blind=0.05": ("solved_blind", r"probe blind: 4 of 4 right without media; chance .*"),
    "few_frame=0.1": ("order_free", r"probe few_frame: 4 of 4 right from a few frames; chance .*"),
    "shuffled=0.1": ("order_free", r"probe shuffled: 4 of 4 right from shuffled frames; chance .*"),
    "student_rate=[0.1, 1.0]": ("too_hard", r"probe pass_rate: 0 of 4 right from all frames; .*"),
    "student_rate=[0.0, 0.9]": ("too_easy", r"probe pass_rate: 4 of 4 right from all frames; .*"),
}


def test_why_tells_probe_figure_and_threshold_of_every_row_and_moving_one_asks_nobody() -> None:
    from r1data.why import why_dict, why_text

    four = ["blind", "few_frame", "shuffled", "pass_rate"]
    asked = [f"probes.{name}={{n: 4}}" for name in four]
    with Endpoint(Server(by_truth)) as server:
        r1data.build(recipe(server.url), out="b", overrides=asked)
        paid = server.server.requests
        for threshold, (reason, told) in TOLD.items():
            overrides = [*asked, f"filter.{threshold}"]
            moved = r1data.build(recipe(server.url), out="b", overrides=overrides)
            assert server.server.requests == paid
            assert moved.tally is not None and "selection" in moved.tally.made
            assert set(moved.tally.made) <= {"selection", "release"}
            rows = moved.table("selection").collect()
            fallen = rows.filter(rows["drop_reason"] == reason)["id"].to_list()
            key, value = (re.escape(part) for part in threshold.split("="))
            level = value.removeprefix(r"\[").removesuffix(r"\]").replace(r",\ ", " to ")
            assert fallen
            for identity in fallen:
                line = why_text(why_dict(moved, identity))
                assert re.search(rf"{told}filter\.{key} is {level}", line), line


def test_probe_cells_that_ask_side_by_side_keep_to_one_budget_and_ask_nothing_twice() -> None:
    text = "probes: {model: m, max_tokens: 64, blind: {n: 2}}\n"
    with Endpoint(answering("A")) as server:
        path = recipe(server.url)
        path.write_text(path.read_text().replace(PROBES, f"\n{text}"))
        side_by_side = ["run.engine=pool", "run.workers=3", "sources.shapes.rows=24"]
        build = r1data.build(path, out="b", overrides=side_by_side, until="probes")
        asked = Counter(json.dumps(payload) for payload in server.server.payloads)
        # Some of the 24 questions say the same words: without their clips those are one question.
        same = {(row.problem, *row.options) for row in make_rows(24, 0)}
        assert len(same) < 24 and len(asked) == 2 * len(same)
        assert set(asked.values()) == {1}
        assert len(build.table("samples").collect()) == 24
        assert build.table("blind").collect()["n"].to_list() == [2] * 24
        tight = [*side_by_side, "run.probe_budget={tokens: 3000}"]
        with pytest.raises(BudgetSpent):
            r1data.build(path, out="tight", overrides=tight, until="probes")
    lines = [
        json.loads(line)
        for journal in Path("tight/probes").glob("*.journal.jsonl")
        for line in journal.read_text().splitlines()
    ]
    assert 0 < sum(line["tokens_in"] + line["tokens_out"] for line in lines) <= 3000
