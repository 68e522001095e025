"""The viewer in a real browser: pages, filters, marks, two sets, no request but to its server."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from browser import browsing, looking
from test_report import HOSTILE, rewritten
from test_view import VIDEO_R1, viewer

from r1data.building import Build
from r1data.report.asking import Viewer
from r1data.report.reviews import read_marks
from r1data.report.serve import Server


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as found:
        yield found


@contextmanager
def served(shown: Viewer) -> Iterator[str]:
    with Server(shown, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.address
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("wide", "theme"), [(1280, "dark"), (390, "light")])
def test_it_is_quiet_fits_and_has_no_serious_fault(
    browser: Any, demo: Build, wide: int, theme: str
) -> None:
    with served(viewer(demo.path)) as url, looking(browser, url, wide, theme) as watched:
        assert watched.audit() == []
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= wide
        watched.quiet()


def test_pages_follow_each_other(browser: Any) -> None:
    rows = [{**VIDEO_R1[1], "problem_id": f"q{i:03d}"} for i in range(120)]
    Path("q.json").write_text(json.dumps(rows))
    with served(viewer("q.json")) as url, looking(browser, url) as watched:
        page = watched.page
        assert page.locator(".list li").count() == 50
        page.get_by_role("button", name="Page →").click()
        page.wait_for_selector("text=q050")
        page.keyboard.press("ArrowLeft")
        page.wait_for_selector("text=q049")
        page.keyboard.press("ArrowRight")
        page.wait_for_selector("text=q050")
        page.keyboard.press("/")
        page.keyboard.type("q117")
        page.wait_for_selector("text=q117")
        assert page.locator(".list li").count() == 1
        watched.quiet()


def test_marks_are_saved_by_key_and_by_hand(browser: Any, demo: Build) -> None:
    with served(viewer(demo.path)) as url, looking(browser, url) as watched:
        page = watched.page
        identity = page.locator(".story .id").first.inner_text()
        page.keyboard.press("b")
        page.wait_for_selector("text=saved")
        page.get_by_label("note").fill("<img src=x onerror=alert(1)>")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=a person agrees")
        page.keyboard.press("Escape")
        page.wait_for_timeout(200)
        assert read_marks(Path("reviews.jsonl"))[identity]["note"].startswith("<img")
        page.reload()
        page.wait_for_selector(".review [data-mark=bad][aria-pressed=true]")
        page.keyboard.press("b")
        page.wait_for_selector("text=taken back")
        assert read_marks(Path("reviews.jsonl")) == {}
        watched.quiet()


def test_two_sets_and_hostile_texts_side_by_side(browser: Any, demo: Build, tmp_path: Path) -> None:
    shutil.copytree(demo.path, tmp_path / "b", ignore=shutil.ignore_patterns("lock", ".lock"))
    rewritten(
        tmp_path / "b" / "6.responses",
        lambda row: {**row, "text": f"<think>{HOSTILE}</think><answer>{HOSTILE}</answer>"},
    )
    with served(viewer(demo.path, tmp_path / "b")) as url, looking(browser, url) as watched:
        page = watched.page
        assert page.locator(".pair > section").count() == 2
        assert HOSTILE in page.locator(".pair > section").nth(1).inner_text()
        assert page.evaluate("window.hit") is None
        assert watched.audit() == []
        page.get_by_role("combobox", name="in", exact=True).select_option("second")
        page.wait_for_selector("text=No row is like that. Clear the filters")
        watched.quiet()
