"""r1data report: everything about a build in one file that opens from disk."""

from pathlib import Path
from typing import Any

from r1data.building import Build
from r1data.grid.shards import write_text
from r1data.report.buildrows import BuildRows
from r1data.report.choosing import choose
from r1data.report.facts import build_facts
from r1data.report.page import page
from r1data.report.story import Story
from r1data.report.thumbs import thumbnails

# A page of five million bytes opens at once and goes through most mail servers.
MOST_BYTES = 5_000_000
# What is left for pictures after texts, figures, styles and scripts, at the least.
PICTURE_BYTES = 2_400_000
TEXT_BYTES = 1_900_000
LONGEST_CHAIN = 8_000


def write_report(build: Build, out: Path | None = None) -> Path:
    """Write the page of a build, BUILD/report.html where `out` says nothing; return its path."""
    path = out or build.path / "report.html"
    write_text(path, report_page(build))
    return path


def report_page(build: Build) -> str:
    """Return the page of a build."""
    rows = BuildRows(build.path)
    facts = build_facts(build, rows.tables)
    positions = choose(rows.index)
    stories = [shortened(each) for each in rows.stories(positions)]
    positions, stories = fitting(positions, stories)
    room = PICTURE_BYTES // max(1, len(stories))
    for position, story in zip(positions, stories, strict=True):
        add_pictures(rows, position, story, room)
    data = {
        "facts": facts,
        "rows": stories,
        "total": rows.index.height,
        "facets": facets(rows, stories),
        "told": told(len(stories), rows.index.height),
    }
    return page(f"{facts['head']['name']}: report of a build", data, "report.js")


def told(shown: int, total: int) -> str:
    """Say how many of the rows are shown, and how to see the others."""
    if shown == total:
        return f"All {total:,} rows of the build."
    return (
        f"{shown:,} of {total:,} rows, drawn by the hash of their ids: some of every source and "
        "type among those kept, up to six of each drop reason. r1data view shows them all."
    )


def shortened(story: Story) -> Story:
    """Cut chains that would fill the page by themselves; the page says where."""
    for answer in story["answers"]:
        answer.pop("raw", None)
        before, end, after = answer["think"]
        length = len(before) + len(end) + len(after)
        if length > LONGEST_CHAIN:
            answer["think"] = [(before + end + after)[:LONGEST_CHAIN], "", ""]
            answer["cut"] = length - LONGEST_CHAIN
    return story


def fitting(positions: list[int], stories: list[Story]) -> tuple[list[int], list[Story]]:
    """Leave out rows, kept ones first, until the texts leave room for pictures."""
    import json

    sizes = [len(json.dumps(story, ensure_ascii=False).encode()) for story in stories]
    order = sorted(range(len(stories)), key=lambda i: (stories[i]["dropped"] is None, i))
    used, taken = 0, []
    for i in order:
        if used + sizes[i] <= TEXT_BYTES:
            used += sizes[i]
            taken.append(i)
    taken.sort()
    return [positions[i] for i in taken], [stories[i] for i in taken]


def add_pictures(rows: BuildRows, position: int, story: Story, room: int) -> None:
    """Put thumbnails into a story."""
    listed = story["frames"]["list"]
    pictures = [each or b"" for each in rows.pictures(position)]
    for frame, source in zip(listed, thumbnails(pictures, room), strict=True):
        frame["src"] = source


def facets(rows: BuildRows, stories: list[Story]) -> dict[str, Any]:
    """Count what the filters choose from: how many are shown, of how many in the build."""
    found: dict[str, Any] = {}
    for field in ("source", "type"):
        totals = dict(rows.index[field].value_counts().sort("count", field).reverse().iter_rows())
        found[field] = [[name, shown(field, name, stories, n)] for name, n in totals.items()]
    reasons = dict(
        rows.index["reason"].value_counts().sort("count", "reason").reverse().iter_rows()
    )
    kept = reasons.pop("", 0)
    standing = sum(story["dropped"] is None for story in stories)
    found["kept"] = f"{standing:,} of {kept:,}"
    found["reason"] = [
        [name, of(sum(fell_for(story, name) for story in stories), n)]
        for name, n in reasons.items()
    ]
    return found


def fell_for(story: Story, reason: str) -> bool:
    """Tell whether a row fell out for a reason."""
    return story["dropped"] is not None and story["dropped"]["reason"] == reason


def shown(field: str, name: str, stories: list[Story], total: int) -> str:
    """Say how many rows with a value are on the page."""
    return of(sum(story[field] == name for story in stories), total)


def of(part: int, total: int) -> str:
    """Write a part of a number."""
    return f"{part:,} of {total:,}"
