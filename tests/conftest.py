"""Fixtures that several tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub import Hub

import r1data
from r1data.building import Build
from r1data.media import web


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run each test in a folder of its own, without the network and without anybody's keys.

    A test that leaves this process with another scheduling policy slows all later ones: it fails.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("OPENAI_API_KEY", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    before = scheduling()
    yield
    assert scheduling() == before


def scheduling() -> int | None:
    """Return the scheduling policy of this thread, where the system has such."""
    return os.sched_getscheduler(0) if hasattr(os, "sched_getscheduler") else None


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real inputs, where somebody has put them."""
    folder = os.environ.get("R1DATA_REAL_DATA")
    if not folder:
        pytest.skip("R1DATA_REAL_DATA names no folder of real inputs")
    return Path(folder)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """A finished build of the demo with 40 rows."""
    folder = tmp_path_factory.mktemp("demo") / "build"
    return r1data.build(
        "demo", out=folder, engine="pool", workers=2, overrides=["sources.shapes.rows=40"]
    )


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A stand-in for the Hub, which the environment names; a fetch that fails waits shortly."""
    monkeypatch.setattr(web, "FIRST_WAIT", 0.01)
    with Hub() as stand_in:
        for key, value in stand_in.environment().items():
            monkeypatch.setenv(key, value)
        yield stand_in
