"""The dataset card: it says only what is so, of releases of every kind."""

import json
from pathlib import Path

import pytest
import yaml
from PIL import Image

import r1data
from r1data.release.card_words import kinds_text

SHAPES = "pipeline: rl\nname: some\nsources: {shapes: {rows: 8}}\n"
LICENSE = "{annotations: MIT, media: MIT, non_commercial: false, gated: false%s}"


def card_of(recipe: str, *overrides: str) -> str:
    """Build a recipe and return its card; `check` must agree with it."""
    Path("r.yaml").write_text(recipe)
    build = r1data.build("r.yaml", out="b", engine="inline", overrides=list(overrides))
    assert r1data.check(build.path).findings == []
    return (build.release / "README.md").read_text()


@pytest.fixture
def images() -> str:
    """Own questions about images, from sources whose terms differ in who stated them."""
    rows = [
        {
            "problem_id": i,
            "problem": f"What is the number {i}?",
            "data_type": "image",
            "problem_type": "numerical",
            "options": [],
            "solution": f"<answer>{i}</answer>",
            "path": f"{i}.png",
        }
        for i in range(2)
    ]
    for i in range(2):
        Image.new("RGB", (64, 64), (60 * i + 20, 9, 9)).save(f"{i}.png")
    Path("q.json").write_text(json.dumps(rows))
    own = "{path: q.json, media_root: ., license: %s}"
    return (
        "pipeline: rl\nname: pics\nsources:\n"
        f"  own: {own % (LICENSE % ', stated_by: the page of the lab')}\n"
        f"  nextqa: {own % (LICENSE % '')}\n"
        "  third: {path: q.json, media_root: .}\n"
    )


def test_the_card_says_who_stated_the_terms_as_the_recipe_says_it(images: str) -> None:
    text = card_of(images)
    assert "| own | MIT | MIT | no | the page of the lab |" in text
    assert "| nextqa | MIT | MIT | no | the recipe |" in text  # its own, not the known set
    assert "| third | unknown | unknown | not stated | nobody |" in text
    assert "VidOR" not in text


def test_a_card_of_images_without_a_teacher_speaks_of_neither(images: str) -> None:
    text = card_of(images)
    assert "6 questions about images, with their truths and without chains of thought" in text
    assert "No model was queried." in text
    head = yaml.safe_load(text.split("---\n")[1])
    assert head["task_categories"] == ["visual-question-answering"]
    body = text.split("---\n", 2)[2].replace("without chains of thought", "")
    for word in ("video", "chain", "teacher", "probe", "run.lanes", "seconds"):
        assert word not in body, word


def test_every_source_has_its_hash_where_they_differ(images: str) -> None:
    text = card_of(images)
    assert text.count(": recipe ") == 3 and "made with r1data 0.1.0. Cite" in text


def test_a_card_names_whom_the_probes_asked_and_no_teacher() -> None:
    probes = "probes: {model: offline, blind: {n: 1}}\nrun: {lanes: [{url: offline}]}\n"
    text = card_of(SHAPES + probes)
    assert "- probe blind: `offline`, 1 answers to each of" in text and "answers of" not in text
    assert "judged by preset" not in text and "Add `run.lanes`, then" in text


def test_an_index_claims_no_words_truths_or_frames() -> None:
    text = card_of(SHAPES, "release.configs=[index-only]", "release.splits={test: 0.9999}")
    assert "an index, without their words, truths and frames, of 8 questions" in text
    assert (
        "with their truths and" not in text
        and 'split="test"' in text
        and 'split="train"' not in text
    )


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ({"chain": 5}, "each with a chain of thought"),
        ({"chain": 5, "direct": 2}, "5 of them with a chain of thought"),
        ({"direct": 2}, "with their truths and without chains of thought"),
        ({"question": 2}, "with their truths and without chains of thought"),
    ],
)
def test_chains_are_claimed_for_the_questions_that_have_one(
    kinds: dict[str, int], said: str
) -> None:
    text = ", ".join(kinds_text(kinds))
    assert said in text
    assert ("2 with their truth alone" in text) is (len(kinds) > 1)
