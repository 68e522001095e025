"""Why a finished build is not all that was asked for."""

from pathlib import Path

from r1data.building import Build
from r1data.errors import ShardFault
from r1data.grid.drops import Drop
from r1data.grid.funnel import Funnel, shard_notes, stage_folders
from r1data.grid.shards import read_shard
from r1data.sections import Run


def shortfall(build: Build, run: Run) -> ShardFault | None:
    """Return why a finished build is not all that was asked for: exit code 3."""
    tally, counts = build.tally, build.counts()
    assert tally is not None
    if tally.set_aside:
        first = tally.set_aside[0]
        return ShardFault(
            f"{len(tally.set_aside)} shard(s) set aside, the first is {first.cell}: {first.why}"
        )
    if tally.waiting:
        cell = next(iter(tally.waiting.values()))
        parts = " ".join(map(str, tally.waiting))
        return ShardFault(f"what is left waits for part {parts}: run it ({cell} is not made)")
    if failed := failed_text(build, counts, run.allowed_failed):
        return ShardFault(failed)
    share = 1 - counts.left / counts.collected if counts.collected else 0.0
    if share > run.allowed_drops:
        return ShardFault(
            f"{share:.0%} of the rows fell out; run.allowed_drops is {run.allowed_drops:.0%}"
        )
    return None


def failed_text(build: Build, counts: Funnel, allowed: float) -> str:
    """Say how many of the rows asked about got no answer, where those are more than `allowed`."""
    stages = [step.stage for step in counts.steps]
    first = next((i for i, step in enumerate(counts.steps) if step.reason == Drop.FAILED), None)
    if first is None:
        return ""
    before = sum(step.rows for step in counts.steps[: stages.index(stages[first])])
    failed, asked = counts.steps[first].rows, counts.collected - before
    if failed <= allowed * asked:
        return ""
    fault = first_detail(build.path / folder_of(build.path, stages[first]), Drop.FAILED)
    return (
        f"{failed:,} of {asked:,} rows got no answer (run.allowed_failed is {allowed:.0%}), "
        f"the first: {fault}; fix the cause and run the same command again: it asks only those"
    )


def first_detail(folder: Path, reason: Drop) -> str:
    """Return the sentence of the first row that fell out for `reason` in a stage's tables."""
    for note in shard_notes(folder):
        if note.drops.get(reason):
            rows = read_shard(folder / f"{note.shard}.parquet", ["drop_reason", "drop_detail"])
            return next(r["drop_detail"] for r in rows.to_pylist() if r["drop_reason"] == reason)
    return "no table holds it"


def folder_of(build: Path, stage: str) -> str:
    """Return the name of a stage's folder."""
    return next(f.name for f in stage_folders(build) if f.name.partition(".")[2] == stage)
