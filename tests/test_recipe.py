"""Recipes: what is accepted, and how an error tells where to look."""

from pathlib import Path
from typing import get_type_hints

import pytest
import yaml

from r1data import recipe as recipes
from r1data.environment import from_environment
from r1data.errors import RecipeError, UsageError
from r1data.places import place
from r1data.recipe import SECTIONS, Recipe, load_recipe
from r1data.schema import load_schema

GOOD = """\
pipeline: cot
name: mine
sources:
  own: {path: questions.jsonl}
teacher:
  model: m
  prompt: video-r1
"""


def written(text: str) -> Path:
    path = Path("mine.yaml")
    path.write_text(text)
    return path


def error(text: str, *overrides: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(written(text), overrides)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_a_good_recipe_becomes_frozen_settings_with_defaults() -> None:
    recipe = load_recipe(written(GOOD))
    assert recipe.teacher is not None
    assert (recipe.teacher.model, recipe.teacher.n) == ("m", 1)
    assert recipe.frames.max_pixels == 128 * 28 * 28
    with pytest.raises(AttributeError):
        recipe.seed = 3  # type: ignore[misc]


def test_a_typo_names_file_line_and_the_nearest_key() -> None:
    message = error(GOOD.replace("prompt:", "pormpt:"))
    assert "mine.yaml, line 7" in message
    assert "unknown key 'pormpt'" in message
    assert "did you mean 'prompt'?" in message


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (GOOD.replace("pipeline: cot\n", ""), "the key 'pipeline' is missing"),
        (
            GOOD + "verify: {preset: canonicl}\n",
            "in 'verify.preset'; did you mean 'canonical'",
        ),
        (
            GOOD + "frames: {count: many}\n",
            "line 8: 'frames.count' is the text 'many'; it",
        ),
        (GOOD + "name: again\n", "line 8: duplicate key 'name' (first at line 2)"),
        (GOOD + "  odd: [\n", "not valid YAML"),
        ("- a\n- list\n", "expected keys and values"),
        ("", "is empty: expected keys and values"),
        (
            GOOD.replace("own: {path", "own: {pth"),
            "unknown key 'pth' in 'sources.own'; did you mean",
        ),
        (
            GOOD + "run: {lanes: [{url: u, key: sk-123}]}\n",
            "line 8: 'run.lanes[0].key' is not in its form: API key",
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, wanted: str) -> None:
    assert wanted in error(text)


def test_an_override_replaces_a_value_and_its_errors_name_it() -> None:
    recipe = load_recipe(written(GOOD), ["teacher.n=4", "sources.own.rows=0.5"])
    assert recipe.teacher is not None
    assert recipe.teacher.n == 4
    assert recipe.sources["own"]["rows"] == 0.5
    assert "--set teacher.m: unknown key" in error(GOOD, "teacher.m=4")
    assert "write it as key.key=value" in error(GOOD, "teacher")
    assert "which has no keys" in error(GOOD, "name.x=1")


def test_yaml_tags_run_nothing() -> None:
    assert "not valid YAML" in error("name: !!python/object/apply:os.system ['true']\n")


def test_a_missing_recipe_names_those_that_are_shipped() -> None:
    with pytest.raises(RecipeError, match=r"r1data ships: .*demo"):
        load_recipe("nosuch")


def test_the_digest_ignores_how_and_where(tmp_path: Path) -> None:
    here = load_recipe(written(GOOD))
    there = load_recipe(written(GOOD), ["run.workers=3", "sources.own.path=/elsewhere/q.jsonl"])
    other = load_recipe(written(GOOD), ["teacher.n=3"])
    assert here.sha256 == there.sha256 != other.sha256


def test_environment_values_are_read_where_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "secret")
    assert from_environment("$MY_KEY") == "secret"
    assert from_environment("plain") == "plain"
    monkeypatch.delenv("MY_KEY")
    with pytest.raises(UsageError, match="export MY_KEY"):
        from_environment("$MY_KEY")


def test_schema_and_dataclasses_have_the_same_keys() -> None:
    properties = load_schema("recipe")["properties"]
    fields = set(get_type_hints(Recipe)) - {"raw", "limit"}
    assert set(properties) == fields
    for key, section in SECTIONS.items():
        assert set(properties[key]["properties"]) == set(get_type_hints(section)), key


@pytest.mark.parametrize("path", sorted(place("recipes").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_recipe_is_valid_and_named_as_its_file(path: Path) -> None:
    assert load_recipe(path).name == path.stem


def test_dumped_recipes_keep_their_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHER_KEY", "sk-live-secret")
    text = GOOD + "run: {lanes: [{url: http://x/v1, key: $TEACHER_KEY}]}\n"
    dumped = recipes.dump(load_recipe(written(text)).raw)
    assert "sk-live" not in dumped
    assert yaml.safe_load(dumped)["run"]["lanes"][0]["key"] == "$TEACHER_KEY"
