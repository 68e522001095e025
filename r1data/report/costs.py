"""Figures about time, tokens, money, faults and throughput."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from r1data.report.pieces import Figure, Missing, bars
from r1data.report.tables import Tables

if TYPE_CHECKING:
    import polars as pl

# Fields of a journal's line that are summed; texts are passed over.
SUMS = ("tokens_in", "tokens_out", "tokens", "usd")
# Between two runs of a build may lie a weekend.
PAUSE_SECONDS = 600.0
POINTS = 120
# Letters of a message that are shown.
MOST_WORDS = 120
# Events that tell of something wrong; others tell what was done.
FAULTS = {"failed", "lost", "set aside", "damaged", "stop"}


def figures(tables: Tables) -> list[Callable[[], Figure]]:
    """Time and money by stage, throughput, faults."""
    return [
        lambda: by_stage(tables),
        lambda: seconds(tables),
        lambda: throughput(tables),
        lambda: faults(tables),
    ]


def work_seconds(tables: Tables) -> float:
    """Seconds of work over all cells, however many ran at once."""
    return sum(note.seconds for notes in tables.notes.values() for note in notes)


def spent(tables: Tables) -> dict[str, Any]:
    """Answers, tokens and money of all models together; None where nothing was asked."""
    parts = asked(tables)
    models = tables.scan(tables.answers, ["model"])
    return {
        **{key: sum(part[key] for part in parts.values()) or None for key in ("answers", *SUMS)},
        "model": ", ".join(models["model"].unique().sort()) if models is not None else None,
    }


def asked(tables: Tables) -> dict[str, dict[str, Any]]:
    """Answers, tokens and money by stage; what was paid for and thrown away stands by itself."""
    import polars as pl

    found: dict[str, dict[str, Any]] = {}
    frame = tables.scan("responses", ["text", "tokens_in", "tokens_out", "usd"])
    if frame is not None:
        both = pl.col("tokens_in").fill_null(0) + pl.col("tokens_out").fill_null(0)
        found["responses"] = sums(frame.drop_nulls("text").with_columns(tokens=both))
        folder = tables.folders["responses"]
        found |= journalled("revised", folder.glob("revised-*.journal.jsonl"))
        found |= journalled("thrown away", folder.glob("*.discarded.jsonl"))
    for name in ("reworded", "preferences", *tables.probes):
        found |= journalled(name, (tables.build / "probes").glob(f"{name}-*.jsonl"))
    return found


def sums(frame: "pl.DataFrame") -> dict[str, Any]:
    """Add up what was reported; servers that report nothing count as nothing."""
    return {"answers": frame.height, **{key: frame[key].sum() for key in SUMS}}


def journalled(stage: str, paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Add up journals, without their texts; a line that a kill tore is passed over."""
    frame = journal_lines(paths, SUMS)
    return {} if frame is None else {stage: sums(frame)}


def journal_lines(paths: Iterable[Path], columns: Sequence[str]) -> "pl.DataFrame | None":
    """Read some columns of journals; None where they hold nothing."""
    import polars as pl

    kinds = {"usd": pl.Float64, "why": pl.String}
    schema = pl.Schema({name: kinds.get(name, pl.Int64) for name in columns})
    found = [[line.get(name) for name in columns] for path in sorted(paths) for line in whole(path)]
    return pl.DataFrame(found, schema=schema, orient="row", strict=False) if found else None


def whole(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the whole lines of a journal or of events."""
    with path.open("rb") as lines:
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if isinstance(record, dict):
                yield record


def by_stage(tables: Tables) -> Figure:
    """Tokens and money of every stage that asks a model."""
    title = "Tokens and money"
    parts = asked(tables)
    if not parts:
        raise Missing(title, "no model was asked")
    keys = ("answers", "tokens_in", "tokens_out", "tokens")
    body = [
        [name, *(part[key] for key in keys), money(part["usd"])] for name, part in parts.items()
    ]
    head = ["stage", "answers", "tokens in", "tokens out", "tokens", "US dollars"]
    return {"kind": "table", "title": title, "head": head, "rows": body}


def money(usd: float | None) -> str:
    """Write an amount; the recipe may name no prices."""
    return f"{usd:,.2f}" if usd else "no prices"


def seconds(tables: Tables) -> Figure:
    """Seconds of work of every stage, summed over its cells."""
    rows = [
        {
            "name": stage,
            "values": [sum(note.seconds for note in notes)],
            "label": duration(sum(note.seconds for note in notes)),
            "cells": [len(notes), sum(note.rows for note in notes), took(notes)],
        }
        for stage, notes in everything(tables)
    ]
    note = "summed over cells, some of which ran side by side"
    figure = bars("Time of work", ["seconds"], rows, note)
    return {**figure, "head": ["stage", "cells", "rows", "seconds"]}


def took(notes: list[Any]) -> str:
    """Write the seconds of some cells."""
    return f"{sum(note.seconds for note in notes):,.1f}"


def everything(tables: Tables) -> Iterator[tuple[str, list[Any]]]:
    """Notes of every stage, the release's among them, which has one for all its files."""
    from r1data.grid.shards import read_note
    from r1data.grid.work import GATHER_NOTE

    for stage, folder in tables.folders.items():
        gathered = read_note(folder / GATHER_NOTE)
        notes = [gathered] if gathered else tables.notes.get(stage, [])
        if notes:
            yield stage, notes


def duration(seconds: float) -> str:
    """Write a time for people."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = int(seconds) // 60
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def events(build: Path) -> list[dict[str, Any]]:
    """Read what happened, by all parts of a build, in order; a torn last line is passed over."""
    found = [line for path in sorted(build.glob("events*.jsonl")) for line in whole(path)]
    return sorted(found, key=lambda each: str(each["at"]))


def throughput(tables: Tables) -> Figure:
    """Rows done by each stage over working time."""
    title = "Rows done over time"
    made = [each for each in events(tables.build) if each["event"] == "made"]
    if not made:
        raise Missing(title, "events.jsonl tells of no finished cell")
    clock, before, series = 0.0, None, {}
    for each in made:
        now = datetime.fromisoformat(each["at"]).timestamp()
        clock += min(max(0.0, now - before), PAUSE_SECONDS) if before is not None else 0.0
        before = now
        stage = each["cell"].partition("/")[0]
        if stage in tables.made:
            line = series.setdefault(stage, [[clock, 0]])
            line.append([clock, line[-1][1] + each["rows"]])
    shown = [{"name": name, "points": thinned(line)} for name, line in series.items()]
    note = "pauses over ten minutes are left out; cells made again count again"
    axes = {"x": "seconds", "y": "rows"}
    return {"kind": "lines", "title": title, "series": shown, "note": note, **axes}


def thinned(points: list[list[float]]) -> list[list[float]]:
    """Keep some points of a line, its ends among them: more cannot be told apart."""
    step = max(1, len(points) // POINTS)
    return [*points[:-1:step], points[-1]]


def faults(tables: Tables) -> Figure:
    """What went wrong on the way: answers that failed or were cut, cells that failed."""
    counts = [*answer_faults(tables), *thrown_away(tables), *cell_faults(tables.build)]
    body = [[what, why, count] for what, why, count in counts if count]
    if not body:
        raise Missing("Faults", "nothing went wrong: no answer missing, none cut, no cell failed")
    return {"kind": "table", "title": "Faults", "head": ["what", "why", "how often"], "rows": body}


def answer_faults(tables: Tables) -> Iterator[tuple[str, str, int]]:
    """Answers that are missing, unfinished, or had to be sent more than once."""
    import polars as pl

    frame = tables.scan(tables.answers, ["finish_reason", "fault", "tries"])
    if frame is None:
        return
    for why, count in (
        frame.select(shortly("fault"))["fault"].drop_nulls().value_counts(sort=True).iter_rows()
    ):
        yield "answer missing", why, count
    odd = frame.filter(pl.col("finish_reason") != "stop")["finish_reason"]
    for why, count in odd.value_counts(sort=True).iter_rows():
        yield "answer not finished", f"finish reason {why}", count
    yield "answer asked for again", "more than one try", frame.filter(pl.col("tries") > 1).height


def thrown_away(tables: Tables) -> Iterator[tuple[str, str, int]]:
    """Replies that were paid for and could not be used."""
    if "responses" not in tables.folders:
        return
    frame = journal_lines(tables.folders["responses"].glob("*.discarded.jsonl"), ["why"])
    if frame is not None:
        found = frame.select(shortly("why"))["why"].drop_nulls()
        for why, count in found.value_counts(sort=True).iter_rows():
            yield "reply thrown away", why, count


def shortly(column: str) -> "pl.Expr":
    """The beginning of a message, the same for messages that differ by a number."""
    import polars as pl

    text = pl.col(column).str.replace_all(r"\s+", " ").str.replace_all(r"\d[\d.,]*", "N")
    return text.str.slice(0, MOST_WORDS)


def cell_faults(build: Path) -> Iterator[tuple[str, str, int]]:
    """Cells that failed, lost their worker or were set aside, and stops."""
    counts: Counter[tuple[str, str]] = Counter()
    for each in events(build):
        if each["event"] in FAULTS:
            words = each.get("why") or each.get("cell") or each.get("file") or ""
            counts[f"cell {each['event']}", " ".join(str(words).split())[:MOST_WORDS]] += 1
    yield from ((what, why, count) for (what, why), count in counts.most_common())
