"""Docs that cannot go stale: every key of a recipe and every column of a release is told."""

from collections.abc import Iterator, Mapping
from typing import Any

from r1data.grid.drops import Drop
from r1data.places import PACKAGE
from r1data.recipe import load_recipe
from r1data.schema import load_schema

ROOT = PACKAGE.parent


def keys(schema: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """(dotted key, description) of every key that a recipe may have."""
    for key, spec in schema.get("properties", {}).items():
        yield f"{above}{key}", spec.get("description", "")
        yield from keys(spec, f"{above}{key}.")
        yield from keys(spec.get("items") or {}, f"{above}{key}.")
        if isinstance(spec.get("additionalProperties"), dict):
            yield from keys(spec["additionalProperties"], f"{above}{key}.NAME.")


def test_every_key_of_a_recipe_is_documented_as_its_schema_says() -> None:
    text = (ROOT / "docs" / "recipes.md").read_text()
    for key, description in keys(load_schema("recipe")):
        if ".mapping." not in key and ".at_least." not in key:
            assert f"| `{key}` | {description} |" in text, key


def test_every_column_and_drop_reason_stands_in_the_data_card() -> None:
    text = (ROOT / "DATA_CARD.md").read_text()
    for column in load_schema("release")["properties"]:
        assert f"| `{column}` |" in text, column
    for reason in Drop:
        assert f"`{reason.value}`" in text, reason


def test_the_recipe_in_the_readme_is_valid(tmp_path: Any) -> None:
    text = (ROOT / "README.md").read_text()
    path = tmp_path / "my.yaml"
    path.write_text(text.split("```yaml\n")[1].split("```")[0])
    assert load_recipe(path).name == "my-cot"
