"""Every tutorial runs as its reader would run it, and prints what it shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tutorials import TUTORIALS, agrees, run, world


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with world() as names:
        yield names


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_prints_what_it_shows(
    page: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    blocks = run(page, tmp_path, environment)
    assert blocks
    for block in blocks:
        if block.shown is not None:
            assert agrees(block.shown, block.printed), f"{block.script}printed\n{block.printed}"
        assert environment["TEACHER_KEY"] not in block.printed


def test_a_page_that_shows_other_figures_is_noticed() -> None:
    assert agrees("...\n  released   108\n...", "x\n 12 s\n  released   108\nmore\n")
    assert agrees("took 3.2 s", "took 17 s")
    assert not agrees("  released   109", "  released   108")
    assert not agrees("released 108", "released 108\nand more")
