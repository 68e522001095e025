"""Options that override a recipe: a bad value is refused with the known ones, never ignored."""

from typing import Any

import pytest
from typer.testing import CliRunner

import r1data
from r1data.cli import app
from r1data.errors import RecipeError, UsageError

ENGINES = "inline, pool, ray, part"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["build", "demo", "--engine", "dask"], ENGINES),
        (["demo", "--engine", "dask"], ENGINES),
        (["cot", "demo", "--engine", "Pool"], ENGINES),
        (["build", "demo", "--set", "run.engine=dask"], ENGINES),
        (["build", "demo", "--workers", "0"], "a number from 1, or auto"),
        (["build", "demo", "--workers", "two"], "a number from 1, or auto"),
        (["build", "demo", "--until", "nope"], "samples, media, frames, responses"),
        (["build", "demo", "--reuse", "nowhere"], "there is nothing at nowhere: a build is wanted"),
        (["build", "demo", "--part", "0/2"], "--engine part --part 0/8"),
        (["build", "demo", "--set", "teacher.model.x=1"], "teacher.model"),
        (["demo", "--loop", "--engine", "pool"], "neither --engine nor --workers"),
        (["demo", "--seed", "3"], "--loop"),
    ],
)
def test_a_bad_value_is_refused_with_the_known_ones(words: list[str], said: str) -> None:
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, UsageError), done.exception
    assert said in str(done.exception)


@pytest.mark.parametrize("options", [{"engine": "dask"}, {"workers": 0}, {"workers": "many"}])
def test_the_function_refuses_them_too(options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError):
        r1data.build("demo", out="b", **options)
