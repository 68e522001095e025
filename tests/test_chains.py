"""Builds against a real server with the habits of real ones: a chain always has its thought."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from endpoint import Endpoint, Reply, Server, completion
from PIL import Image

import r1data
from r1data.building import Build
from r1data.errors import BuildStop
from r1data.release.check import check
from r1data.train.rows import View, load_rows

SEEN = "The disc looks warm and bright."
TAGGED = f"<think>{SEEN}</think>\n<answer>A</answer>"
ANSWER = {"type": "text", "text": "<answer>A</answer>"}
ROUND = "The disc is red. "

# What a server sends, and the thought that is released; None where there is none.
Habit = tuple[dict[str, Any], str | None]
HABITS: dict[str, Habit] = {
    "letter": ({"text": "A"}, None),
    "bold letter": ({"text": "**A**"}, None),
    "labelled letter": ({"text": "Answer: A"}, None),
    "a sentence": ({"text": "The answer is A."}, None),
    "answer tag": ({"text": "<answer>A</answer>"}, None),
    "boxed": ({"text": "<answer>\\boxed{A}</answer>"}, None),
    "reason after the answer": ({"text": "<answer>A</answer> It looks warm and bright."}, None),
    "empty think": ({"text": "<think>\n\n</think>\n\n<answer>A</answer>"}, None),
    "dot": ({"text": "<think>.</think><answer>A</answer>"}, None),
    "placeholder": ({"text": "<think>...</think><answer>A</answer>"}, None),
    "two words": ({"text": "<think>Red disc.</think><answer>A</answer>"}, None),
    "one sentence 300 times": (
        {"text": f"<think>{ROUND * 300}</think><answer>A</answer>"},
        None,
    ),
    "encrypted": (
        {"text": "<answer>A</answer>", "reasoning_details": [{"type": "reasoning.encrypted"}]},
        None,
    ),
    "tags": ({"text": TAGGED}, SEEN),
    "no opening tag": ({"text": f"{SEEN}\n</think>\n\n<answer>A</answer>"}, SEEN),
    "thought, bare letter": ({"text": f"<think>{SEEN}</think>\n\nA"}, SEEN),
    "words, sentence": ({"text": f"{SEEN} The answer is A."}, SEEN),
    "words, line": ({"text": f"{SEEN}\n\nAnswer: A"}, SEEN),
    "words, bold": ({"text": f"{SEEN}\n\n**Final Answer:** **A**"}, SEEN),
    "words, tag": ({"text": f"{SEEN} <answer>A</answer>"}, SEEN),
    "empty think, words": ({"text": f"<think></think>{SEEN} <answer>A</answer>"}, SEEN),
    "Chinese": ({"text": "圆盘看起来很暖。答案：A"}, "圆盘看起来很暖。"),
    "reasoning_content": ({"text": "<answer>A</answer>", "reasoning_content": SEEN}, SEEN),
    "reasoning": ({"text": "<answer>A</answer>", "reasoning": SEEN}, SEEN),
    "reasoning beside empty tags": (
        {"text": "<think>\n</think><answer>A</answer>", "reasoning_content": SEEN},
        SEEN,
    ),
    "reasoning_details": (
        {"text": "A", "reasoning_details": [{"type": "reasoning.text", "text": SEEN}]},
        SEEN,
    ),
    "Mistral": (
        {
            "text": [
                {"type": "thinking", "thinking": [{"type": "text", "text": SEEN}]},
                ANSWER,
            ]
        },
        SEEN,
    ),
    "Anthropic": ({"text": [{"type": "thinking", "thinking": SEEN}, ANSWER]}, SEEN),
    "Gemini": ({"text": [{"text": SEEN, "thought": True}, ANSWER]}, SEEN),
    "text parts": ({"text": [{"type": "text", "text": TAGGED}]}, SEEN),
}
NAMES = list(HABITS)


def question_of(payload: dict[str, Any]) -> int:
    """Return the number of the question in a request."""
    return int(re.findall(r"disc number (\d+)\?", json.dumps(payload))[-1])


def by_habit(_server: Server, payload: dict[str, Any]) -> Reply:
    return completion(**HABITS[NAMES[question_of(payload)]][0])


def built(behave: Callable[[Server, dict[str, Any]], Reply], rows: int, *overrides: str) -> Build:
    """Build a set of `rows` questions, all with the answer A, against a server."""
    Path("img").mkdir(exist_ok=True)
    questions = []
    for i in range(rows):
        Image.new("RGB", (64, 64), (255 - i, 3 * i, 40)).save(f"img/{i}.png")
        questions.append(
            {
                "problem_id": i,
                "problem": f"Which colour is the disc number {i}?",
                "data_type": "image",
                "problem_type": "multiple choice",
                "options": ["A. red", "B. blue", "C. green"],
                "solution": "<answer>A</answer>",
                "path": f"img/{i}.png",
                "data_source": "own",
            }
        )
    Path("q.json").write_text(json.dumps(questions))
    Path("recipe.yaml").write_text(
        "pipeline: cot\nname: t\nsources: {own: {path: q.json}}\n"
        "teacher: {model: m, prompt: video-r1, max_tokens: 4096}\n"
    )
    with Endpoint(Server(behave)) as server:
        lane = f"run.lanes=[{{url: '{server.url}'}}]"
        return r1data.build(
            "recipe.yaml", out=Path("b"), engine="inline", overrides=[lane, *overrides]
        )


def released(build: Build) -> dict[int, dict[str, Any]]:
    """Return the released rows by their number."""
    rows = build.table("release").collect().to_dicts()
    return {int(row["problem_id"]): row for row in rows}


def dropped(build: Build) -> dict[int, tuple[str, str]]:
    """Return reason and detail of the rows that fell, by their number."""
    rows = build.table("selection").collect().to_dicts()
    fallen = [row for row in rows if row["drop_reason"]]
    return {
        int(row["id"].partition("/")[2]): (row["drop_reason"], row["drop_detail"]) for row in fallen
    }


@pytest.mark.parametrize("mode", ["live", "batch"])
def test_every_chain_has_its_thought_and_every_other_row_says_why(mode: str) -> None:
    build = built(by_habit, len(NAMES), f"run.mode={mode}")
    rows, fallen = released(build), dropped(build)
    for number, (_, thought) in enumerate(HABITS.values()):
        name = NAMES[number]
        if thought is None:
            assert fallen[number][0] == "no_thought", name
            assert "filter.min_thought_words is 3" in fallen[number][1], name
        else:
            assert rows[number]["process"] == f"<think>{thought}</think>", name
            assert (rows[number]["kind"], rows[number]["solution"]) == (
                "chain",
                "<answer>A</answer>",
            )
    assert len(rows) + len(fallen) == len(NAMES)
    assert check(build.path).findings == []
    assert build.counts().left == len(rows)


def test_rows_without_a_thought_stay_without_a_chain_where_the_recipe_says_so() -> None:
    build = built(by_habit, len(NAMES), "filter.no_thought=direct")
    rows = released(build)
    assert len(rows) == len(NAMES) and not dropped(build)
    for number, (_, thought) in enumerate(HABITS.values()):
        row = rows[number]
        assert row["kind"] == ("direct" if thought is None else "chain"), NAMES[number]
        assert (row["process"] is None) == (thought is None)
        assert row["solution"] == "<answer>A</answer>"
    assert check(build.path).findings == []
    taught = load_rows(build.path, View("video-r1", 4, 4096))
    assert sum(row.reply is None for row in taught) == sum(
        thought is None for _, thought in HABITS.values()
    )


@pytest.mark.parametrize(("least", "kept"), [(1, {0, 1}), (2, {0, 1}), (3, {1}), (6, {1})])
def test_the_least_length_can_be_chosen_and_check_holds_it(least: int, kept: set[int]) -> None:
    texts = ["<think>Red disc.</think><answer>A</answer>", TAGGED]
    build = built(
        lambda _, payload: completion(texts[question_of(payload)]),
        2,
        f"filter.min_thought_words={least}",
    )
    assert set(released(build)) == kept
    assert check(build.path).findings == []


def test_a_build_of_nothing_but_letters_ends_without_a_release() -> None:
    with pytest.raises(BuildStop, match="no row is left to release"):
        built(lambda *_: completion("A"), 3)
    assert not list(Path("b/9.release").glob("*/*.parquet"))


@pytest.mark.parametrize("choose", ["first", "shortest", "median"])
def test_a_right_answer_without_a_thought_is_passed_over(choose: str) -> None:
    """Asked three times, the server thinks once: in another answer of each row."""

    def sometimes(_server: Server, payload: dict[str, Any]) -> Reply:
        turn = (payload.get("seed") or 0) % 3
        thinks = turn == question_of(payload) % 3
        return completion(
            TAGGED if thinks else ["A", "<think></think>\n<answer>A</answer>"][turn % 2]
        )

    build = built(sometimes, 3, "teacher.n=3", f"filter.choose={choose}")
    rows = released(build)
    assert {row["process"] for row in rows.values()} == {f"<think>{SEEN}</think>"}
    assert len(rows) == 3 and all(row["pass_rate"] == 1.0 for row in rows.values())
    chosen = build.table("selection").collect().to_dicts()
    assert [row["k"] for row in chosen] == [0, 1, 2]


def test_several_chains_are_all_chains() -> None:
    texts = [TAGGED, "A", "<think>Its pixels have much red.</think><answer>A</answer>"]
    build = built(
        lambda _, payload: completion(texts[(payload.get("seed") or 0) % 3]),
        2,
        "teacher.n=3",
        "filter.chains=3",
    )
    rows = build.table("release").collect().to_dicts()
    assert len(rows) == 4 and all(row["kind"] == "chain" for row in rows)
    assert {row["process"] for row in rows} == {
        f"<think>{SEEN}</think>",
        "<think>Its pixels have much red.</think>",
    }


def test_a_judge_is_shown_thoughts_only() -> None:
    texts = [TAGGED, "A", f"I look closely. {SEEN} The answer is A."]
    judged: list[str] = []

    def behave(_server: Server, payload: dict[str, Any]) -> Reply:
        if payload["model"] == "judge":
            judged.append(json.dumps(payload["messages"]))
            return completion("<think>The first.</think><answer>1</answer>")
        return completion(texts[(payload.get("seed") or 0) % 3])

    build = built(behave, 1, "teacher.n=3", "judge={model: judge}", "filter.choose=judge")
    (shown,) = judged
    assert "[1]" in shown and "[2]" in shown and "[3]" not in shown
    assert "I look closely." in shown and "The answer is A." not in shown
    assert released(build)[0]["kind"] == "chain"


def test_a_revision_without_a_thought_falls_and_one_with_a_thought_is_released() -> None:
    def behave(_server: Server, payload: dict[str, Any]) -> Reply:
        if "<draft>" not in json.dumps(payload):
            return completion("A" if question_of(payload) else TAGGED)
        return completion(
            f"{SEEN} The answer is A." if question_of(payload) else "<answer>A</answer>"
        )

    build = built(behave, 2, "revise={model: m}")
    assert dropped(build)[0][0] == "no_thought"
    assert released(build)[1]["process"] == f"<think>{SEEN}</think>"


def test_filters_and_pages_read_the_thought_that_is_released() -> None:
    """Untagged words conclude with another answer, or go in circles: the filters see them."""
    circles = "I look at the disc once more and then again. " * 20
    texts = [
        "It is clearly blue. The answer is A.",
        f"{circles}Once I saw it. The answer is A.",
        f"{SEEN} The answer is A.",
    ]
    build = built(
        lambda _, payload: completion(texts[question_of(payload)]),
        3,
        "filter.consistency=true",
        "filter.repetitive=0.3",
    )
    assert {number: reason for number, (reason, _) in dropped(build).items()} == {
        0: "inconsistent",
        1: "repetitive",
    }
    page = build.sample("own/2").story["answers"][0]
    assert "".join(page["think"]) == SEEN and page["letter"] == "A"
    assert released(build)[2]["process"] == f"<think>{SEEN}</think>"
