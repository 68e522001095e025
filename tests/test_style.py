"""The house rules that a tool can hold: clean for ruff and pyright, small modules, true exports."""

import ast
import shutil
import subprocess
import sys

import pytest

import r1data
from r1data.places import PACKAGE

ROOT = PACKAGE.parent
MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("arguments", [["format", "--check"], ["check"]], ids=["format", "lint"])
def test_ruff_is_clean(arguments: list[str]) -> None:
    if shutil.which("ruff", path=str(ROOT / ".venv" / "bin")) is None and not shutil.which("ruff"):
        pytest.skip("ruff is not installed")
    command = [sys.executable, "-m", "ruff", *arguments, "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_pyright_is_clean() -> None:
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr


def test_modules_and_functions_stay_small() -> None:
    large = []
    for path in MODULES:
        text = path.read_text()
        if text.count("\n") > 350:
            large.append(f"{path.name}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno
                large += [f"{path.name}:{node.name}: {length} lines"] * (length > 60)
    assert large == []


def test_every_public_name_can_be_loaded_and_every_home_is_public() -> None:
    assert sorted(r1data.__all__) == r1data.__all__ == sorted(r1data.HOMES)
    for name in r1data.__all__:
        assert getattr(r1data, name) is not None
    with pytest.raises(AttributeError, match="r1data has no 'nothing'"):
        _ = r1data.nothing


def test_pipelines_are_short_enough_to_read() -> None:
    for path in (ROOT / "pipelines").glob("*.py"):
        assert len(path.read_text().splitlines()) <= 60, path.name


def test_the_grid_knows_nothing_of_the_rooms() -> None:
    rooms = ("sources", "media", "frames", "teacher", "rewards", "release", "recipe", "selection")
    for path in (PACKAGE / "grid").rglob("*.py"):
        for room in rooms:
            assert f"r1data.{room}" not in path.read_text() or path.name == "guard.py", path
