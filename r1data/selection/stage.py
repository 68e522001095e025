"""The stages of selection: filters and the choice of responses, sample by sample."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from r1data.grid.build import Cell
from r1data.grid.drops import Drop
from r1data.probes.chance import drop
from r1data.release.takedown import take_down
from r1data.schema import arrow_schema
from r1data.selection.choosing import Answer, choose, without_right
from r1data.selection.filters import filtered
from r1data.selection.reviewed import reviewed

NOTHING: Mapping[str, Any] = {"k": None, "chains": [], "kind": None, "pass_rate": None}
Row = Mapping[str, Any]


def select(
    samples: pa.Table,
    standing: pa.Table,
    responses: pa.Table,
    verdicts: pa.Table,
    *probes: pa.Table,
    cell: Cell,
) -> pa.Table:
    """Return what became of each sample; `standing` says which have fallen out before.

    Where options["choose"] is "judge", the last of `probes` is the table "preference".
    """
    judged: dict[str, list[Answer]] = {}
    for pair in zip(responses.to_pylist(), verdicts.to_pylist(), strict=True):
        judged.setdefault(pair[0]["id"], []).append(Answer(*pair))
    best: dict[str, int] = {}
    if cell.options["choose"] == "judge":
        best = {row["id"]: row["best"] for row in probes[-1].to_pylist()}
        probes = probes[:-1]
    rows = [
        decide(sample, row, judged.get(row["id"], []), cell.options, best.get(row["id"]))
        for sample, row in looked_at(samples, standing, probes, cell.options)
    ]
    return pa.Table.from_pylist(rows, arrow_schema("selection"))


def select_questions(
    samples: pa.Table, standing: pa.Table, *probes: pa.Table, cell: Cell
) -> pa.Table:
    """Return what became of each sample where no teacher is asked: probes alone decide."""
    rows: list[Row] = []
    for _, row in looked_at(samples, standing, probes, cell.options):
        rates = {probe["probe"]: probe["rate"] for probe in row["probes"]}
        kind = None if row["drop_reason"] else "question"
        rows.append({**row, **NOTHING, "kind": kind, "pass_rate": rates.get("pass_rate")})
    return pa.Table.from_pylist(rows, arrow_schema("selection"))


def looked_at(
    samples: pa.Table, standing: pa.Table, probes: Sequence[pa.Table], options: Row
) -> Iterator[tuple[Row, Row]]:
    """Yield each sample and what the take-down list and its probes make of it."""
    columns = standing.select(["id", "drop_reason", "drop_detail"]).to_pylist()
    probed = list(zip(*(table.to_pylist() for table in probes), strict=True)) or [()] * len(columns)
    entries = frozenset(options.get("take_down", ()))
    for sample, row, found in zip(samples.to_pylist(), columns, probed, strict=True):
        standing_row = reviewed(take_down(row, sample, entries), options.get("reviews") or {})
        yield sample, filtered(standing_row, found, options)


def decide(
    sample: Row, row: Row, answers: Sequence[Answer], options: Row, best: int | None = None
) -> Row:
    """Choose right responses of a sample, or name the reason why it falls out."""
    result = {**row, **NOTHING}
    if row["drop_reason"]:
        return result
    if not answers:
        return {**result, **drop(Drop.FAILED, "the teacher was never asked about it")}
    right = [answer for answer in answers if answer.verdict["right"]]
    result["pass_rate"] = len(right) / len(answers)
    low, high = options["pass_rate"]
    told = f"{len(right)} of {len(answers)} answers are right, filter.pass_rate"
    if not right and low <= 0.0:
        return {**result, **without_right(answers, options["wrong"])}
    if result["pass_rate"] < low:
        return {**result, **drop(Drop.TOO_HARD, f"{told} asks for {low}")}
    if result["pass_rate"] > high:
        return {**result, **drop(Drop.TOO_EASY, f"{told} allows {high}")}
    return {**result, **choose(sample, right, options, best)}
