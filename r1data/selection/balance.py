"""The stage of balance: how many rows of each kind are released."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from r1data.errors import RecipeError
from r1data.grid.build import Cell
from r1data.grid.drops import Drop
from r1data.grid.shards import read_shard
from r1data.grid.work import Output, Shard
from r1data.probes.chance import drop
from r1data.schema import arrow_schema
from r1data.screen.facts import read_columns
from r1data.selection.quotas import Quota, keep

KINDS = ("problem_type", "source", "group", "letter", "seconds")
Row = Mapping[str, Any]


def balance_rows(
    samples: Sequence[Path], frames: Sequence[Path], selection: Sequence[Path], *, cell: Cell
) -> Iterator[Output]:
    """Yield, shard by shard, the table "selection" without the rows that are over a quota."""
    options = cell.options
    quotas, places = list_quotas(options)
    standing: dict[str, list[int]] = {}
    for paths in zip(samples, frames, selection, strict=True):
        for identity, values in kinds_of(*paths, options):
            found = (place_of(places, kind, value) for kind, value in values.items())
            standing[identity] = [place for place in found if place is not None]
    over = keep(standing, quotas, options["rows"], options["seed"]).over
    for path in selection:
        rows = [fallen(row, over) for row in read_shard(path).to_pylist()]
        yield Shard(path.stem, pa.Table.from_pylist(rows, arrow_schema("selection")))


def fallen(row: Row, over: Mapping[str, str]) -> Row:
    """Drop a row that is over a quota."""
    if row["id"] not in over:
        return row
    reason = drop(Drop.OVER_QUOTA, over[row["id"]])
    return {**row, "k": None, "chains": [], "kind": None, **reason}


def list_quotas(options: Row) -> tuple[list[Quota], dict[str, dict[str, int]]]:
    """Return the recipe's quotas, and for each kind: value -> its quota's number."""
    quotas: list[Quota] = []
    places: dict[str, dict[str, int]] = {}
    for kind in KINDS:
        for value, most in options[kind].items():
            if most > 1 and most != int(most):
                raise RecipeError(f"balance.{kind}: {value}: {most} is no number of rows")
            places.setdefault(kind, {})[str(value)] = len(quotas)
            quotas.append(Quota(f"{kind} {value}", most))
    return quotas, places


def place_of(places: Mapping[str, Mapping[str, int]], kind: str, value: Any) -> int | None:
    """Return the number of the quota that a value falls under; None where there is none."""
    if kind != "seconds":
        return places.get(kind, {}).get(str(value))
    for span, place in places.get(kind, {}).items():
        low, _, high = span.partition("-")
        if value is not None and float(low) <= value < float(high or "inf"):
            return place
    return None


def kinds_of(
    samples: Path, frames: Path, selection: Path, options: Row
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (id, what its quotas go by) of the rows of one shard that stand."""
    columns = ["id", "source", "problem_type", "options", "solution"]
    rows = read_columns(samples, columns).to_pylist()
    reasons = read_columns(selection, ["drop_reason"])["drop_reason"].to_pylist()
    lengths = seconds_of(frames) if options["seconds"] else [None] * len(rows)
    for row, reason, seconds in zip(rows, reasons, lengths, strict=True):
        if reason is None:
            yield (
                row["id"],
                {
                    "problem_type": row["problem_type"],
                    "source": row["source"],
                    "group": options["groups"].get(row["source"], ""),
                    "letter": row["solution"].strip() if row["options"] else None,
                    "seconds": seconds,
                },
            )


def seconds_of(frames: Path) -> list[float | None]:
    """Return how long each clip is: the time of its last frame, which no picture has."""
    times = read_columns(frames, ["frames.list.element.time"])["frames"].to_pylist()
    return [
        max((each["time"] for each in row if each["time"] is not None), default=None)
        for row in times
    ]
