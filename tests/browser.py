"""A real browser for tests: the machine's own Chromium, driven through its DevTools.

It watches what a page does: what it logs, what it asks the network for, whether it runs a script
that it should not.
"""

import importlib.resources
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PICTURES = Path(__file__).parent.parent / "docs" / "pictures"


def chromium() -> str:
    """Return the program, or skip the test."""
    named = os.environ.get("R1DATA_CHROMIUM")
    found = named or next((path for path in map(shutil.which, NAMES) if path), None)
    if not found:
        pytest.skip("no Chromium here: install it (Debian: apt-get install chromium)")
    return found


@dataclass
class Watched:
    """A page, and what it did."""

    page: Any
    home: str
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def quiet(self) -> None:
        """Assert that nothing was logged, nothing failed and nothing was asked elsewhere."""
        assert self.said == []
        strangers = [url for url in self.asked if not url.startswith(("data:", self.home))]
        assert strangers == []

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for something; the page's policy forbids the driver's own way, which evaluates."""
        for _ in range(400):
            if holds():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("it never came about")

    def audit(self) -> list[str]:
        """Return the serious and critical faults that axe finds."""
        source = (importlib.resources.files("axe_core_python") / "axe.min.js").read_text("utf-8")
        self.page.evaluate(source + "; null")
        found = json.loads(self.page.evaluate("axe.run().then(JSON.stringify)"))
        assert len(found["passes"]) > 10
        return [
            f"{each['impact']} {each['id']}: {node['target']} {node['failureSummary']}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]


@contextmanager
def browsing() -> Iterator[Any]:
    """Start the browser."""
    program = chromium()
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync.sync_playwright() as playing:
        browser = playing.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def looking(browser: Any, url: str, wide: int = 1280, theme: str = "light") -> Iterator[Watched]:
    """Open a page and watch it."""
    high = 900 if wide > 600 else 844
    page = browser.new_page(viewport={"width": wide, "height": high}, color_scheme=theme)
    watched = Watched(page, url)
    page.on("console", lambda said: watched.said.append(f"{said.type}: {said.text}"))
    page.on("pageerror", lambda problem: watched.said.append(f"error: {problem}"))
    page.on("dialog", lambda dialog: (watched.said.append("a dialog opened"), dialog.dismiss()))
    page.on("request", lambda request: watched.asked.append(request.url))
    page.goto(url)
    page.wait_for_selector(".story header")
    try:
        yield watched
    finally:
        page.close()
