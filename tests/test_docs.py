"""Docs that cannot go stale: every key of a recipe and every column of a release is told."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_docs import PAGE, commands, page
from typer.main import get_command

from r1data.building import Build
from r1data.cli import app
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


def test_the_page_of_commands_is_what_the_program_says() -> None:
    assert PAGE.read_text() == page(), "run: python tests/command_docs.py"


def test_every_command_of_the_readme_is_one_that_the_program_takes() -> None:
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line.partition(" #")[0] for _, block in blocks for line in block.splitlines()]
    told = [line for line in lines if line.startswith("r1data ")]
    assert len(told) == 6, "the six that a person needs"
    told += re.findall(r"`(r1data [^`\s]+ [^`\n]+)`", text)
    known = dict(commands(get_command(app), "r1data"))
    for line in told:
        words = shlex.split(line)
        name = next(n for n in known if words[: len(n.split())] == n.split())
        known[name].make_context(name, words[len(name.split()) :])


def test_the_row_in_the_readme_is_one_that_the_demo_releases(demo: Build) -> None:
    text = (ROOT / "README.md").read_text()
    shown = json.loads(text.split("```json\n")[1].split("```")[0])
    row = demo.table("release").filter(id=shown["id"]).collect().to_dicts()[0]
    assert {key: row[key] for key in shown} == shown


def markdown() -> list[Path]:
    """Every page for people."""
    return [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site make them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", markdown(), ids=lambda path: path.name)
def test_no_link_is_dead(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = page.parent / path if path else page
        assert found.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(found), f"{page.name}: {target}"


def test_every_page_can_be_reached_from_the_site() -> None:
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    listed = set(re.findall(r"[\w\-/]+\.md", json.dumps(site["nav"])))
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert listed == pages


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    mkdocs = Path(sys.executable).with_name("mkdocs")
    done = subprocess.run(
        [mkdocs, "build", "--strict", "--quiet", "--site-dir", tmp_path],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "fonts.g" not in (tmp_path / "index.html").read_text(), "no request to a font server"


@pytest.mark.parametrize(("name", "command"), [*commands(get_command(app), "r1data")])
def test_every_command_shows_an_example_that_it_takes(name: str, command: Any) -> None:
    example = " ".join((command.help or "").partition("Example: ")[2].split())
    words = shlex.split(example.partition(" > ")[0])
    known = name.split() if words[: len(name.split())] == name.split() else name.split()[:-1]
    assert words[: len(known)] == known, name
    command.make_context(name, words[len(known) :])
