"""Tables of questions in the shapes that people have are read rightly, or refused by name."""

import json
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tables import FILES, REFUSED, SHAPES, Asked, Open, Refusal, Shape

from r1data.errors import InputError
from r1data.init import Seen, Wishes, look, recipe_text
from r1data.recipe import parse_yaml
from r1data.sources.reading import PLAIN
from r1data.sources.stage import normalise_all
from r1data.sources.catalogue import load_source


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with clips and pictures, which is the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clips").mkdir()
    for name in FILES:
        (tmp_path / "clips" / name).write_bytes(b"x")
    return tmp_path


def built(seen: Seen, table: str) -> list[dict[str, Any]]:
    """Return the samples that the written recipe makes."""
    wishes = Wishes("x", Path(table), "m", "offline", "", "MIT")
    entry = parse_yaml(recipe_text(wishes, seen), "x.yaml")[0]["sources"]["own"]
    return normalise_all(load_source("own", entry), 0)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_shape_is_read_as_it_is_meant(shape: Shape, place: Path) -> None:
    shape.write(Path(shape.file))
    seen = look(Path(shape.file), Path("clips"), shape.given, PLAIN)
    made = built(seen, shape.file)
    assert [row["drop_detail"] for row in made] == [None] * len(shape.rows)
    assert [row["id"] for row in seen.kept] == [row["id"] for row in made]
    for want, row in zip(shape.rows, made, strict=True):
        files = [each["uri"] for each in row["media"]]
        assert (files, row["problem"]) == ([want.media], want.question)
        options = list(want.options) if isinstance(want, Asked) else []
        same = sorted if shape.any_order else list
        assert same(row["options"]) == same(options)
        assert answer_of(row) == (want.text if isinstance(want, Asked) else want.answer)
        assert row["media"][0]["kind"] == ("video" if want.media.endswith("mp4") else "image")


def answer_of(row: dict[str, Any]) -> str:
    """Return the answer that a sample has, as a text."""
    if not row["options"]:
        return row["solution"]
    return row["options"]["ABCDEFGH".index(row["solution"])]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_shape_that_could_be_two_things_is_refused(case: Refusal, place: Path) -> None:
    case.write(Path(case.file))
    with pytest.raises(InputError) as refusal:
        look(Path(case.file), Path("clips"), {}, PLAIN)
    for words in case.says:
        assert words in str(refusal.value)
