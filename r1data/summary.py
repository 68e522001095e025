"""What a person is told: at the end of a build, of its status, and of one sample."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from r1data.building import Build
from r1data.errors import UsageError
from r1data.grid.cleared import cleared
from r1data.grid.funnel import shard_notes, stage_folders
from r1data.grid.shards import read_note, read_shard
from r1data.grid.work import GATHER_NOTE
from r1data.release.check import Report


def as_dict(build: Build) -> dict[str, Any]:
    """The summary as data."""
    counts, tally = build.counts(), build.tally
    return {
        "build": build.name,
        "collected": counts.collected,
        "dropped": [step._asdict() for step in counts.steps],
        "left": counts.left,
        "cells_made": dict(tally.made) if tally else {},
        "cells_kept": dict(tally.kept) if tally else {},
        "set_aside": [each._asdict() for each in tally.set_aside] if tally else [],
        "release": str(build.release) if released(build) else None,
    }


def released(build: Build) -> bool:
    """Tell whether the build has a finished release."""
    return (build.release / GATHER_NOTE).is_file()


def summary(build: Build) -> str:
    """What was made, what fell out and why, and where to look."""
    if build.part and build.part.number:
        return part_summary(build)
    counts, tally = build.counts(), build.tally
    assert tally is not None
    made, kept = sum(tally.made.values()), sum(tally.kept.values())
    lines = ["", f"{build.name}: {work_done(made, kept)}", ""]
    lines += table(
        [("samples", "collected", f"{counts.collected:,}")]
        + [(step.stage, step.reason, f"-{step.rows:,}") for step in counts.steps]
        + [("", "released" if released(build) else "left", f"{counts.left:,}")]
    )
    if released(build):
        lines += ["", *where_to_look(build, counts.steps != [])]
    else:
        lines += ["", f"look      r1data report {build.name}"]
    return "\n".join(lines)


def part_summary(build: Build) -> str:
    """What a part made: its rows are counted with all others, by part 0."""
    assert build.part is not None and build.tally is not None
    made, kept = build.tally.made.total(), build.tally.kept.total()
    name = f"part {build.part.number} of {build.part.of}"
    return f"{build.name}: {name}: {work_done(made, kept)}; part 0 gathers"


def work_done(made: int, kept: int) -> str:
    """Say what this run did."""
    if not made:
        return f"nothing to do: all {kept} cells were made before"
    return f"{made} cells made" + (f", {kept} kept from before" if kept else "")


def where_to_look(build: Build, dropped: bool) -> list[str]:
    """Name the next commands."""
    release = repr(str(build.release))
    if build.address:  # the release may have been made on another machine
        release = f"str(r1data.open_build({build.address!r}, '9.release').release)"
    lines = [
        f"dataset   datasets.load_dataset({release})",
        f"card      {build.name}/{build.release.name}/README.md",
        f"check     r1data check {build.name}",
    ]
    if dropped:
        lines.append(f"why       r1data why {build.name} {first_drop(build.path)}")
    return [*lines, f"look      r1data report {build.name}"]


def first_drop(build: Path) -> str:
    """Return the id of a sample that fell out, as an example."""
    for folder in reversed(stage_folders(build)):
        for note in shard_notes(folder):
            # Of a build in a store not every shard is here.
            if note.drops and (folder / f"{note.shard}.parquet").is_file():
                table = read_shard(folder / f"{note.shard}.parquet", ["id", "drop_reason"])
                return next(row["id"] for row in table.to_pylist() if row["drop_reason"])
    return "ID"


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Align columns; the last one to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines: list[str] = []
    for row in rows:
        left = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
        lines.append("  " + "  ".join([*left, row[-1].rjust(widths[-1])]))
    return lines


def status_dict(build: Build) -> dict[str, Any]:
    """Cells and rows of each stage, and the funnel."""
    stages: list[dict[str, Any]] = []
    for folder in stage_folders(build.path):
        notes = list(shard_notes(folder))
        gathered = read_note(folder / GATHER_NOTE)
        entry = {"stage": folder.name.partition(".")[2], "shards": len(notes)}
        entry["rows"] = sum(note.rows for note in notes)
        entry["finished"] = gathered is not None
        stages.append(entry)
    total = stages[0]["shards"] if stages else 0
    for entry in stages[1:]:
        entry["finished"] = entry["finished"] or entry["shards"] == total > 0
    counts = build.counts()
    steps = [step._asdict() for step in counts.steps]
    return {
        "build": build.name,
        "stages": stages,
        "collected": counts.collected,
        "dropped": steps,
        "left": counts.left,
    }


def status_text(found: Mapping[str, Any]) -> str:
    """The same for a person."""
    rows = [
        (
            each["stage"],
            "done" if each["finished"] else f"{each['shards']} shards",
            f"{each['rows']:,}",
        )
        for each in found["stages"]
    ]
    drops = [(each["stage"], each["reason"], f"-{each['rows']:,}") for each in found["dropped"]]
    return "\n".join(
        [
            found["build"],
            *table(rows or [("no stage", "begun", "0")]),
            "",
            *table(
                [
                    ("samples", "collected", f"{found['collected']:,}"),
                    *drops,
                    ("", "left", f"{found['left']:,}"),
                ]
            ),
        ]
    )


def why_dict(build: Build, identity: str) -> dict[str, Any]:
    """Every row of every table about one sample. Raises UsageError where there is none."""
    story: dict[str, Any] = {"id": identity, "stages": {}}
    gone = cleared(build.path)
    for folder in stage_folders(build.path):
        for note in shard_notes(folder) if folder.name not in gone else ():
            columns = light_columns(folder / f"{note.shard}.parquet")
            rows = read_shard(folder / f"{note.shard}.parquet", columns).to_pylist()
            mine = [row for row in rows if row["id"] == identity]
            if mine:
                story["stages"][folder.name.partition(".")[2]] = mine
                break
    if not story["stages"]:
        raise UsageError(f"{build.name} has no sample '{identity}': ids are source/row-id")
    return story


def light_columns(path: Path) -> list[str]:
    """Return the columns of a shard without pictures."""
    import pyarrow.parquet as pq

    return [name for name in pq.read_schema(path).names if name != "frames"]


def why_text(story: Mapping[str, Any]) -> str:
    """The story of a sample for a person."""
    stages = story["stages"]
    sample = stages["samples"][0]
    lines = [story["id"], f"  question   {sample['problem']}"]
    lines += [
        f"  option     {letter}. {text}"
        for letter, text in zip("ABCDEFGHIJ", sample["options"], strict=False)
    ]
    lines.append(f"  truth      {sample['solution']} ({sample['problem_type']})")
    verdicts = {row["k"]: row for row in stages.get("verdicts", ())}
    drafts = {row["k"]: row for row in stages.get("responses", ())}
    for row in stages.get("revised") or stages.get("responses", ()):
        verdict, draft = verdicts.get(row["k"]), drafts[row["k"]]
        lines.append(f"  answer {row['k']}   {told(row, verdict)}")
        if row["request_sha256"] != draft["request_sha256"]:
            lines.append(f"             revised by {row['model']}; at first {given(draft)}")
    for stage, rows in stages.items():
        if rows[0].get("drop_reason"):
            lines.append(
                f"  dropped at {stage}: {rows[0]['drop_reason']}: {rows[0]['drop_detail']}"
            )
            return "\n".join(lines)
    lines.append(f"  {fate(stages.get('selection', ({},))[0])}")
    return "\n".join(lines)


def fate(selected: Mapping[str, Any]) -> str:
    """Say what becomes of a sample that stands."""
    if selected.get("kind") == "chain":
        numbers = [str(k) for k in selected["chains"]]
        return f"released with answer{'s' if numbers[1:] else ''} {', '.join(numbers)}"
    without = {
        "question": "released without a chain: no teacher was asked",
        "direct": "released with its truth alone: no answer was right",
    }
    return without.get(str(selected.get("kind")), "not decided yet")


def told(response: Mapping[str, Any], verdict: Mapping[str, Any] | None) -> str:
    """One answer and its verdict in a line."""
    if response["text"] is None:
        return f"none: {response['fault']}"
    if verdict is None:
        return response["text"][:80].replace("\n", " ")
    mark = {True: "right", False: "wrong", None: "not judged"}[verdict["right"]]
    rule = f"preset {verdict['preset']}, rule {verdict['rule']}"
    return f"{verdict['seen']!r} is {mark}: {verdict['why']} ({rule})"


def given(draft: Mapping[str, Any]) -> str:
    """Say what a first answer was."""
    from r1data.rewards import extract

    return f"{extract(draft['text']).answer!r} by {draft['model']}"


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
