"""How far a build is, in words that are true at every moment of it."""

import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from r1data.building import Build
from r1data.errors import InputError
from r1data.grid.cleared import cleared
from r1data.grid.events import holder
from r1data.grid.funnel import BUILD_FILE, Step, shard_notes, stage_folders
from r1data.grid.shards import read_note, read_shard
from r1data.grid.work import GATHER_NOTE
from r1data.summary import released, table
from r1data.unfilled import Unfilled, unfilled_lines, unfilled_of

# What the rows of a stage's table are, where they are not the samples.
ROWS = {"responses": "answers", "revised": "answers", "verdicts": "verdicts"}
DETAIL_CHARACTERS = 200


class Run(NamedTuple):
    """What a log tells of the last run, and by which recipe a run was last whole."""

    ended: bool
    until: str | None
    stopped: str | None
    failed: list[dict[str, str]]
    whole: str | None


class Example(NamedTuple):
    """A row that fell out, and the sentence that says why."""

    id: str
    detail: str


def status_dict(build: Build) -> dict[str, Any]:
    """The state of each stage, the funnel with an example a reason, and what the last run did."""
    counts, runs, facts = build.counts(), list(last_runs(build.path)), facts_of(build.path)
    stages = [stage_state(build.path, entry) for entry in stages_of(build.path, facts)]
    whole = {run.whole for run in runs if run.whole}
    done = released(build)
    return {
        "build": build.name,
        "collected": counts.collected,
        "dropped": [drop_state(build.path, step) for step in counts.steps],
        "left": counts.left,
        "unfilled": [each._asdict() for each in unfilled_of(build.path)],
        "released": counts.left if done else None,
        "released_rows": released_rows(build.release) if done else None,
        "recipe_changed": done and bool(whole) and facts.get("recipe_sha256") not in whole,
        "stages": with_totals(stages),
        "at_work": at_work(build.path),
        "failed": [each for run in runs for each in run.failed],
        "stopped": next((run.stopped for run in runs if run.stopped), None),
        "until": next((run.until for run in runs if run.until), None),
        "ended": all(run.ended for run in runs),
    }


def drop_state(build: Path, step: Step) -> dict[str, Any]:
    """One reason at one stage, with the first row that has it."""
    example = first_drop(build, step.reason)
    return {**step._asdict(), "example": example._asdict() if example else None}


def first_drop(build: Path, reason: str | None = None) -> Example | None:
    """Return a row that fell out, for `reason` or for any; None where no table with one is here."""
    gone = cleared(build)
    for folder in reversed(stage_folders(build)):
        for note in shard_notes(folder) if folder.name not in gone else ():
            path = folder / f"{note.shard}.parquet"
            # Of a build in a store not every shard is here.
            if not (note.drops.get(reason) if reason else note.drops) or not path.is_file():
                continue
            for row in read_shard(path, ["id", "drop_reason", "drop_detail"]).to_pylist():
                if row["drop_reason"] and reason in (None, row["drop_reason"]):
                    return Example(row["id"], row["drop_detail"] or "")
    return None


def facts_of(build: Path) -> dict[str, Any]:
    """Return build.json; nothing where it cannot be read, which `check` tells."""
    try:
        return dict(json.loads((build / BUILD_FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def stages_of(build: Path, facts: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Return (folder, is it made in one piece) of each stage of the pipeline."""
    listed = [(entry["folder"], bool(entry["gather"])) for entry in facts.get("stages", ())]
    there = [(path.name, (path / GATHER_NOTE).is_file()) for path in stage_folders(build)]
    return listed or there


def stage_state(build: Path, stage: tuple[str, bool]) -> dict[str, Any]:
    """The shards and rows of one stage."""
    folder, gather = stage
    notes = list(shard_notes(build / folder)) if (build / folder).is_dir() else []
    done = gather and read_note(build / folder / GATHER_NOTE) is not None
    return {
        "stage": folder.partition(".")[2],
        "begun": (build / folder).is_dir(),
        "cleared": folder in cleared(build),
        "gather": gather,
        "shards": len(notes),
        "rows": sum(note.rows for note in notes),
        "finished": done,
    }


def with_totals(stages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Say of each stage how many shards it will have, and whether it is finished."""
    total = stages[0]["shards"] if stages and stages[0]["finished"] else 0
    for each in stages:
        if not each["gather"]:
            each["of"] = total
            each["finished"] = each["shards"] == total > 0
    return stages


def released_rows(release: Path) -> int | None:
    """Return how many rows a release has, as its card says; a question may have several."""
    from r1data.release.layout import read_configs

    try:
        return sum(read_configs(release)[0].rows.values())
    except InputError:  # `check` tells what is wrong with the card
        return None


def last_runs(build: Path) -> Iterator[Run]:
    """Yield what the logs tell of the last run: of the build, or of each of its parts."""
    for path in sorted(build.glob("events*.jsonl")):
        run = Run(False, None, None, [], None)
        for line in path.read_bytes().splitlines():
            try:
                run = after(run, json.loads(line))
            except ValueError:  # a line that a full disk cut short
                continue
        yield run


def after(run: Run, event: Mapping[str, Any]) -> Run:
    """Return what is known of the last run after one more event."""
    if event["event"] == "engine":  # a run begins
        return Run(False, None, None, [], run.whole)
    if event["event"] == "done":
        whole = run.whole if event["until"] else event["recipe"]
        return run._replace(ended=True, until=event["until"], whole=whole)
    if event["event"] == "stop":
        return run._replace(ended=True, stopped=event["why"])
    if event["event"] == "set aside":
        return run._replace(failed=[*run.failed, {"task": event["cell"], "why": event["why"]}])
    return run


def at_work(build: Path) -> list[str]:
    """Name the processes that drive the build now; one that died on this machine does not."""
    return [holder(path) for path in sorted(build.glob("lock*")) if is_alive(path)]


def is_alive(told: Path) -> bool:
    """Tell whether the process in a lock's file may still be there."""
    try:
        who = json.loads(told.read_bytes())
        if who["host"] == socket.gethostname():
            os.kill(int(who["pid"]), 0)
    except PermissionError:  # it is there, and somebody else's
        return True
    except (OSError, ValueError, KeyError):
        return False
    return True


def status_text(found: Mapping[str, Any]) -> str:
    """The same for a person."""
    lines = [f"{found['build']}: {headline(found)}", *run_lines(found), ""]
    stages = [stage_line(each, found) for each in found["stages"]]
    units = [ROWS.get(each["stage"], "rows") for each in found["stages"]]
    lines += [f"{line} {unit}" for line, unit in zip(table(stages), units, strict=True)]
    if found["collected"]:
        lines += ["", *funnel_lines(found)]
    return "\n".join(lines)


def headline(found: Mapping[str, Any]) -> str:
    """Say in one line what came of it so far."""
    collected, left = found["collected"], found["left"]
    samples = found["stages"][0]["finished"] if found["stages"] else False
    if found["released"] is not None:
        rows = found["released_rows"] or left
        several = f", in {rows:,} rows" if rows != left else ""
        unit = "questions" if several else "rows"
        changed = " with an earlier recipe" if found["recipe_changed"] else ""
        return f"{left:,} of {collected:,} {unit} released{changed}{several}"
    if not samples:
        return "no row is collected yet"
    if not collected:
        return "the sources gave no row"
    if not left:
        return f"none of {collected:,} rows is left to release"
    return f"not released yet; {left:,} of {collected:,} rows are left so far"


def run_lines(found: Mapping[str, Any]) -> list[str]:
    """Say who is at work, or how the last run ended, and what to do next."""
    lines = [f"at work: {each}" for each in found["at_work"]]
    again = "run the same `r1data build` again to go on"
    if found["at_work"]:
        return lines
    if found["stopped"]:
        lines.append(f"the last run stopped: {found['stopped']}")
    elif not found["ended"] and (found["released"] is None or found["recipe_changed"]):
        lines.append(f"the last run ended early, as if it was killed: {again}")
    elif found["until"] and found["released"] is None:
        lines.append(f"the last run went until {found['until']}, as it was asked to")
    if found["failed"]:
        first, count = found["failed"][0], len(found["failed"])
        tasks = f"{count:,} task{'s' if count > 1 else ''}"
        lines.append(f"{tasks} failed, the first is {first['task']}: {first['why']}: {again}")
    if found["recipe_changed"]:
        lines.append(f"the recipe has changed since; tables below may be of either: {again}")
    return lines


def stage_line(each: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, str, str]:
    """One stage: its name, its state, its rows."""
    name = each["stage"]
    state = "done" if each["finished"] else "not done" if each["begun"] else "not begun"
    if each["begun"] and not each["gather"] and not each["finished"]:
        state = f"{each['shards']:,} of {each['of']:,} shards"
    if each["finished"] and each["cleared"]:
        state = "done, tables removed by `r1data clean`"
    rows = found["released_rows"] or 0 if name == "release" else each["rows"]
    return name, state, f"{rows:,}"


def funnel_lines(found: Mapping[str, Any]) -> list[str]:
    """Rows collected, fallen out by stage and reason, left; and an example a reason."""
    last = "released" if found["released"] is not None else "left"
    rows = [("samples", "collected", f"{found['collected']:,}")]
    rows += [(each["stage"], each["reason"], f"-{each['rows']:,}") for each in found["dropped"]]
    lines = table([*rows, ("", last, f"{found['left']:,}")])
    examples = [
        f"  {each['reason']}, as {each['example']['id']}: {shortened(each['example']['detail'])}"
        for each in found["dropped"]
        if each["example"]
    ]
    lines += ["", *examples] if examples else []
    short = unfilled_lines([Unfilled(**each) for each in found["unfilled"]])
    return (
        [*lines, "", "quotas that are not filled:", *(f"  {each}" for each in short)]
        if short
        else lines
    )


def shortened(text: str) -> str:
    """Return a sentence in one line, cut where it is very long."""
    line = " ".join(text.split())
    return line if len(line) <= DETAIL_CHARACTERS else f"{line[:DETAIL_CHARACTERS]}..."
