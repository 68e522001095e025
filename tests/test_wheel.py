"""The wheel is the product: installed alone, it does what a clone does."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from r1data.places import PACKAGE

ROOT = PACKAGE.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_it_carries_pipelines_schemas_recipes_prompts_and_cards(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for folder, ending in (("pipelines", "*.py"), ("schemas", "*.json"), ("recipes", "**/*.*")):
        for path in (ROOT / folder).glob(ending):
            assert f"r1data/{path.relative_to(ROOT).as_posix()}" in names
    for path in (ROOT / "r1data" / "sources" / "cards").glob("*.yaml"):
        assert f"r1data/sources/cards/{path.name}" in names
    assert "r1data/py.typed" in names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


def test_the_demo_runs_from_an_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    # A clean environment: its own r1data, and this environment's packages for everything else.
    # A path file names them, so that the editable r1data that stands there is not seen.
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-index", str(wheel)], check=True)
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    inside = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    here = sysconfig.get_path("purelib")
    (Path(inside.stdout.strip()) / "dependencies.pth").write_text(here + "\n")
    code = "import r1data; print(r1data.__file__)"
    where = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert Path(where.stdout.strip()).is_relative_to(home)
    command = [str(python.with_name("r1data")), "demo"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    assert "released" in done.stdout
    assert (tmp_path / "builds" / "demo" / "9.release" / "README.md").is_file()
