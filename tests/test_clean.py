"""r1data clean: what it removes, what it never touches, and that a build can go on."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import r1data
from r1data.building import Build, release_digest
from r1data.clean import clean
from r1data.cli import app
from r1data.errors import Locked
from r1data.grid import events
from r1data.release.check import check

ROWS = ["sources.shapes.rows=40"]


@pytest.fixture
def copy(demo: Build, tmp_path: Path) -> Path:
    return Path(shutil.copytree(demo.path, tmp_path / "build"))


def sizes(folder: Path) -> dict[str, int]:
    """Every file with its bytes."""
    return {
        str(path.relative_to(folder)): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".lock")
    }


def test_a_dry_run_removes_nothing_and_says_what_would_go(copy: Path) -> None:
    before = sizes(copy)
    freed = clean(copy, tables=True, dry_run=True)
    assert sizes(copy) == before
    assert sum(each.bytes for each in freed) > 0


def test_only_what_can_be_made_again_goes_and_the_sum_is_right(copy: Path) -> None:
    (copy / "3.frames/.00001.parquet.99-ab.part.parquet").write_bytes(b"x" * 100)
    before = sizes(copy)
    freed = clean(copy)
    gone = {name: size for name, size in before.items() if name not in sizes(copy)}
    assert sum(gone.values()) == sum(each.bytes for each in freed)
    assert all(name.startswith(("asking/", "media/frames/")) or ".part" in name for name in gone)
    assert any(".part" in name for name in gone)
    assert check(copy).findings == []
    assert clean(copy) == []


def test_cleared_tables_are_told_by_check_and_come_back_with_the_same_release(copy: Path) -> None:
    good = release_digest(copy / "9.release")
    clean(copy, tables=True)
    assert not list(copy.glob("3.frames/*.parquet"))
    report = check(copy)
    assert report.findings == []
    assert any("cleared" in figure for figure in report.figures)
    again = r1data.build("demo", out=copy, engine="inline", overrides=ROWS)
    assert again.tally is not None
    assert set(again.tally.made) == {"frames"}
    assert release_digest(again.release) == good
    assert not any("cleared" in figure for figure in check(copy).figures)


def test_a_build_at_work_is_left_alone(copy: Path) -> None:
    with events.locked(copy), pytest.raises(Locked):
        clean(copy)


def test_the_verb_says_what_it_freed(copy: Path) -> None:
    told = CliRunner().invoke(app, ["clean", str(copy)])
    assert told.exit_code == 0, told.output
    assert "kept frames" in told.output and "MB removed" in told.output
    assert "nothing to remove" in CliRunner().invoke(app, ["clean", str(copy)]).output
