"""What a person is told: at the end of a build, of a check, and of the known sources."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from r1data.building import Build
from r1data.grid.driver import Tally
from r1data.grid.work import GATHER_NOTE
from r1data.release.check import Report
from r1data.unfilled import unfilled_of


def as_dict(build: Build) -> dict[str, Any]:
    """The summary as data."""
    counts, tally = build.counts(), build.tally
    return {
        "build": build.name,
        "collected": counts.collected,
        "dropped": [step._asdict() for step in counts.steps],
        "left": counts.left,
        "unfilled": [each._asdict() for each in unfilled_of(build.path)],
        "cells_made": dict(tally.made) if tally else {},
        "cells_kept": dict(tally.kept) if tally else {},
        "set_aside": [each._asdict() for each in tally.set_aside] if tally else [],
        "release": str(build.release) if released(build) else None,
    }


def released(build: Build) -> bool:
    """Tell whether the build has a finished release."""
    return (build.release / GATHER_NOTE).is_file()


def summary(build: Build) -> str:
    """What is released, what fell out and why, what was done, and where to look."""
    from r1data import status

    if build.part and build.part.number:
        return part_summary(build)
    assert build.tally is not None
    found = status.status_dict(build)
    lines = [status.headline(found), "", *status.funnel_lines(found), "", work_line(build)]
    return "\n".join([*lines, *where_to_look(build, found)])


def part_summary(build: Build) -> str:
    """What a part made: its rows are counted with all others, by part 0."""
    assert build.part is not None and build.tally is not None
    name = f"part {build.part.number} of {build.part.of}"
    return f"{name} of {build.name}: {work_done(build.tally)}; part 0 gathers"


def work_line(build: Build) -> str:
    """Say what this run did, and where."""
    assert build.tally is not None
    return f"build     {build.name}: {work_done(build.tally)}"


def work_done(tally: Tally) -> str:
    """Say what this run did."""
    made, kept, failed = tally.made.total(), tally.kept.total(), len(tally.set_aside)
    if not made and not failed:
        return f"nothing to do: all {kept:,} tasks were done before"
    done = f"{made:,} tasks done" + (f", {kept:,} kept from before" if kept else "")
    return done + (f", {failed:,} failed" if failed else "")


def where_to_look(build: Build, found: Mapping[str, Any]) -> list[str]:
    """Name the next commands."""
    lines: list[str] = []
    if released(build):
        release = repr(str(build.release))
        if build.address:  # the release may have been made on another machine
            release = f"str(r1data.open_build({build.address!r}, '9.release').release)"
        lines += [
            f"dataset   datasets.load_dataset({release})",
            f"card      {build.name}/{build.release.name}/README.md",
            f"check     r1data check {build.name}",
        ]
    examples = [each["example"]["id"] for each in found["dropped"] if each["example"]]
    lines += [f"why       r1data why {build.name} {name}" for name in examples[-1:]]
    return [*lines, f"look      r1data report {build.name}"]


def table(rows: Sequence[tuple[str, ...]], left: bool = False) -> list[str]:
    """Align columns; the last one to the right, unless it holds words (`left`)."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines: list[str] = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        lines.append("  " + "  ".join([*cells, row[-1] if left else row[-1].rjust(widths[-1])]))
    return lines


GOOD = {
    "build": "every row is accounted for, every file is whole",
    "release": "shards, pictures, truths and card agree",
    "question set": "every row can be used",
}


def check_text(report: Report) -> str:
    """A check's result for a person."""
    lines = [f"{report.path}: a {report.kind} of {report.rows:,} rows"]
    lines += [f"  {count:>10,}  {name}" for name, count in report.figures.items()]
    if not report.findings:
        return "\n".join([*lines, f"nothing is wrong: {GOOD[report.kind]}"])
    counts = Counter(finding.where for finding in report.findings)
    lines.append(f"{len(report.findings)} faults in {len(counts)} places:")
    return "\n".join([*lines, *(f"  {each.where}: {each.what}" for each in report.findings[:50])])


def sources_dict() -> list[dict[str, Any]]:
    """All cards as data."""
    from r1data.sources.catalogue import card_names, load_card

    return [asdict(load_card(name)) for name in card_names()]


def sources_text(cards: Sequence[Mapping[str, Any]]) -> str:
    """All cards as a table."""
    head = ("source", "group", "terms of the questions", "gated", "sure", "types", "GB", "rows")
    return "\n".join(table([head, *(source_line(card) for card in cards)]))


def source_line(card: Mapping[str, Any]) -> tuple[str, ...]:
    """One card in the table: rows are those of Video-R1's release, bytes those of its route."""
    size = card["routes"][card["route"]]["bytes"]
    rows = sum(card["released"].values()) or card["rows"]
    return (
        card["name"],
        card["group"],
        card["license"]["annotations"],
        "yes" if card["license"]["gated"] else "",
        card["confidence"],
        ", ".join(card["types"]),
        f"{size / 1e9:.1f}" if size else "?",
        f"{rows:,}" if rows else "?",
    )
