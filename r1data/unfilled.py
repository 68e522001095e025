"""Quotas under `sources:` that a source cannot fill: "wanted 500, has 91", by source and type."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from r1data.grid.funnel import BUILD_FILE, shard_notes, stage_folders
from r1data.grid.work import GATHER_NOTE
from r1data.recipe import Recipe
from r1data.sources.catalogue import Source


class Unfilled(NamedTuple):
    """One quota with the rows that there are for it; `problem_type` is "" for all types."""

    source: str
    problem_type: str
    wanted: int
    has: int


def wanted_rows(entries: Mapping[str, Any]) -> dict[tuple[str, str], int]:
    """Return the numbers of rows that entries ask for; a share and "all" are no number."""
    found: dict[tuple[str, str], int] = {}
    for name, entry in entries.items():
        want = entry.get("rows", "all")
        if isinstance(want, Mapping):
            found |= {(name, kind): count for kind, count in want.items()}
        elif isinstance(want, int):
            found[name, ""] = want
    return found


def unfilled(entries: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> list[Unfilled]:
    """Return the quotas for which there are too few usable rows among those chosen."""
    has: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if not row["drop_reason"]:
            has[row["source"], row["problem_type"]] += 1
            has[row["source"], ""] += 1
    wanted = wanted_rows(entries)
    return [Unfilled(*key, count, has[key]) for key, count in wanted.items() if has[key] < count]


def planned(
    recipe: Recipe, sources: Mapping[str, Source], rows: Iterable[Mapping[str, Any]]
) -> list[Unfilled]:
    """Return the quotas that cannot be filled, by the rows here or by a definition's count."""
    if recipe.limit is not None:
        return []
    here = {n: recipe.sources[n] for n, each in sources.items() if each.generated or each.root}
    found = unfilled(here, rows)
    for name, source in sources.items():
        want, known = source.rows, source.card.rows
        total = sum(want.values()) if isinstance(want, Mapping) else want
        if name not in here and known is not None and isinstance(total, int) and total > known:
            found.append(Unfilled(name, "", total, known))
    return found


def unfilled_of(build: Path) -> list[Unfilled]:
    """Return the quotas that a build's samples do not fill; none before all samples are made.

    A build with a limit was not meant to fill any. Of a build in a store not every table is here.
    """
    folder = next((each for each in stage_folders(build) if each.name.startswith("1.")), None)
    if folder is None or not (folder / GATHER_NOTE).is_file():
        return []
    paths = [folder / f"{note.shard}.parquet" for note in shard_notes(folder)]
    columns = ["source", "problem_type", "drop_reason"]
    try:
        entries = yaml.safe_load((build / "recipe.yaml").read_text(encoding="utf-8"))["sources"]
        limit = json.loads((build / BUILD_FILE).read_bytes())["limit"]
        if limit is not None or not wanted_rows(entries):
            return []
        tables = [pq.read_table(path, columns=columns) for path in paths]
    except (OSError, ValueError, KeyError, yaml.YAMLError, pa.ArrowException):
        return []  # not all here, or damaged, which `check` tells
    return unfilled(entries, pa.concat_tables(tables).to_pylist())


def unfilled_lines(found: Sequence[Unfilled]) -> list[str]:
    """Say what each quota wanted and what there is."""
    names = [" ".join(filter(None, (each.source, each.problem_type))) for each in found]
    return [
        f"{name}: wanted {each.wanted:,}, has {each.has:,}"
        for name, each in zip(names, found, strict=True)
    ]
