"""The report in a real browser: quiet, readable, accessible, and no text of a dataset runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import PICTURES, browsing, looking
from test_report import HOSTILE, page_data, rewritten

from r1data.building import Build, open_build
from r1data.report.write import write_report

VIEWS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def url(demo: Build, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("report") / "report.html"
    return write_report(demo, out).as_uri()


@pytest.mark.parametrize(("wide", "theme"), VIEWS)
def test_it_is_quiet_fits_and_has_no_serious_fault(
    browser: Any, url: str, wide: int, theme: str
) -> None:
    with looking(browser, url, wide, theme) as watched:
        page = watched.page
        for summary in page.locator("figure details summary").all():
            summary.click()
        assert watched.audit() == []
        assert page.evaluate("document.documentElement.scrollWidth") <= wide
        images = page.locator(".strip img")
        assert images.count() > 0 and all(images.evaluate_all("all => all.map((i) => i.alt)"))
        watched.quiet()


def test_filters_search_and_reasons_lead_to_rows(browser: Any, url: str) -> None:
    with looking(browser, url) as watched:
        page = watched.page
        whole = page.locator(".list li").count()
        page.get_by_role("button", name="wrong", exact=True).first.click()
        page.wait_for_selector(".story .badge.bad")
        fell = page.locator(".list li").count()
        assert 0 < fell < whole
        assert set(page.locator(".list .state").all_inner_texts()) == {"wrong"}
        page.get_by_role("combobox", name="type").select_option("numerical")
        assert page.locator(".list li").count() <= fell
        page.get_by_role("button", name="Clear").click()
        page.keyboard.press("/")
        page.keyboard.type("circle")
        watched.until(lambda: page.locator(".list li").count() < whole)
        assert page.locator(".list li").count() > 0
        page.get_by_role("searchbox").fill("no such words anywhere")
        page.wait_for_selector("text=No row is like that. Clear the filters")
        page.get_by_role("button", name="Clear").click()
        page.get_by_role("combobox", name="reward").select_option("1")
        page.wait_for_selector("text=/reward 1 /")
        watched.quiet()


def test_the_keyboard_moves_between_rows_and_the_theme_switches(browser: Any, url: str) -> None:
    with looking(browser, url) as watched:
        page = watched.page
        first = page.locator(".story .id").first.inner_text()
        page.keyboard.press("ArrowRight")
        page.wait_for_selector('[data-i="1"][aria-current=true]')
        assert page.locator(".story .id").first.inner_text() != first
        page.keyboard.press("ArrowLeft")
        page.wait_for_selector('[data-i="0"][aria-current=true]')
        assert page.locator(".story .id").first.inner_text() == first
        page.keyboard.press("/")
        page.keyboard.press("ArrowRight")  # inside the search it moves the cursor, not the row
        page.keyboard.press("Escape")
        assert page.locator(".story .id").first.inner_text() == first
        before = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.get_by_role("button", name="Dark colours").click()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
        watched.quiet()


def test_html_in_any_text_is_shown_as_text(browser: Any, demo: Build, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(demo.path, tmp_path / "b", ignore=shutil.ignore_patterns("lock", ".lock"))
    build = open_build(tmp_path / "b")

    def sample(row: dict[str, Any]) -> dict[str, Any]:
        media = [{**each, "uri": HOSTILE} for each in row["media"]]
        origin = {**row["origin"], "file": HOSTILE, "url": "javascript:window.hit=1"}
        options = [HOSTILE for _ in row["options"]]
        words = {
            "problem": HOSTILE,
            "source": HOSTILE,
            "problem_type": HOSTILE,
            "solution": HOSTILE,
        }
        return {**row, **words, "media": media, "origin": origin, "options": options}

    chain = f"<think>{HOSTILE}</think><answer>{HOSTILE}</answer>"
    rewritten(build.path / "1.samples", sample)
    rewritten(build.path / "6.responses", lambda row: {**row, "text": chain, "model": HOSTILE})
    rewritten(build.path / "7.verdicts", lambda row: {**row, "why": HOSTILE, "seen": HOSTILE})
    rewritten(
        build.path / "8.selection",
        lambda row: {**row, "drop_detail": HOSTILE} if row["drop_reason"] else row,
    )
    path = write_report(build)
    total = len(page_data(path.read_text())["rows"])
    with looking(browser, path.as_uri()) as watched:
        page = watched.page
        assert page.locator(".story .question").inner_text() == HOSTILE
        assert HOSTILE in page.locator(".chain").first.inner_text()
        for summary in page.locator("summary").all():
            summary.click()
        for _ in range(min(total, 12)):
            page.keyboard.press("ArrowRight")
        assert page.evaluate("window.hit") is None
        assert page.locator("img[src=x]").count() == 0
        assert page.locator("a[href^=javascript]").count() == 0
        assert page.locator("script").count() == 2
        watched.quiet()


@pytest.mark.slow
def test_the_pictures_of_the_docs_can_be_made(browser: Any, url: str, tmp_path: Path) -> None:
    for wide, theme in ((1280, "light"), (390, "dark")):
        with looking(browser, url, wide, theme) as watched:
            page = watched.page
            page.screenshot(path=tmp_path / f"top-{wide}.png")
            page.locator("#rows").scroll_into_view_if_needed()
            page.screenshot(path=tmp_path / f"rows-{wide}.png")
    for made in tmp_path.glob("*.png"):
        assert made.stat().st_size > 5_000
    assert {each.name for each in PICTURES.glob("*.png")} >= {"report-1280.png", "report-390.png"}
