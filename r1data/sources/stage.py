"""1 samples: read the question files, normalise every row, choose, and deal them into shards."""

import hashlib
import heapq
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from r1data.errors import InputError
from r1data.grid.build import Cell
from r1data.grid.drops import Drop
from r1data.grid.shards import digest_of, file_sha256
from r1data.grid.work import Shard
from r1data.schema import arrow_schema
from r1data.sources.catalogue import Source, load_source
from r1data.sources.mapping import normalise
from r1data.sources.reading import Raw, read_rows

# 256 rows of 16 frames are about 110 MB, which every worker can hold; eight shards or more let two
# workers run ahead of each other on a small build.
MOST_ROWS, FEWEST_SHARDS = 256, 8


def collect_samples(*, cell: Cell) -> Iterator[Shard]:
    """Yield the shards of chosen samples."""
    rows = chosen_samples(cell.options, cell.settings)
    size = max(1, min(MOST_ROWS, -(-len(rows) // FEWEST_SHARDS)))
    schema = arrow_schema("sample")
    for number, start in enumerate(range(0, len(rows), size)):
        yield Shard(f"{number:05d}", pa.Table.from_pylist(rows[start : start + size], schema))


def stamp_questions(*, cell: Cell) -> str:
    """Digest the question files: an edited file makes the samples anew."""
    paths = [source.questions for source in load_sources(cell.settings)]
    for path in paths:
        if path is not None and not path.is_file():
            raise InputError(f"no question file at {path}")
    return digest_of([file_sha256(path) if path else None for path in paths])


def load_sources(settings: Mapping[str, Any]) -> list[Source]:
    """Return the sources of a recipe in its order."""
    return [load_source(name, entry) for name, entry in settings["entries"].items()]


def chosen_samples(options: Mapping[str, Any], settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Normalise and choose; the order is that of the recipe, then of the source."""
    every: list[dict[str, Any]] = []
    for source in load_sources(settings):
        rows = normalise_all(source, options["seed"])
        every += choose(rows, source.rows, options["limit"], options["seed"])
    for row in every:
        refuse_license(row, options["refuse"])
    return every


def normalise_all(source: Source, seed: int) -> list[dict[str, Any]]:
    """Normalise the rows of a source. Raises InputError where two have the same id."""
    rows: list[dict[str, Any]] = []
    seen: dict[str, str] = {}
    for raw in raw_rows(source, seed):
        row = normalise(source, raw)
        if row["id"] in seen:
            first = seen[row["id"]]
            where = f"{source.card.questions}, {raw.where}"
            raise InputError(f"{where}: the id '{row['id']}' stands already at {first}")
        seen[row["id"]] = raw.where
        rows.append(row)
    return rows


def raw_rows(source: Source, seed: int) -> Iterator[Raw]:
    """Yield the rows of a source as it has them; generated ones are drawn up here."""
    if source.questions is not None:
        yield from read_rows(source.questions, source.card.format)
        return
    from r1data.sources.shapes import make_rows

    if not isinstance(source.rows, int):
        raise InputError(f"sources.{source.name}.rows: a generated source needs a number of rows")
    for row in make_rows(source.rows, seed):
        yield Raw(f"row {row.row}", row._asdict())


def choose(
    rows: Sequence[dict[str, Any]], want: int | float | str, limit: int | None, seed: int
) -> list[dict[str, Any]]:
    """Choose rows by a hash of seed and id: asking for more keeps those chosen before."""
    count = wanted(want, len(rows))
    if limit is not None:
        count = min(count, limit)
    if count >= len(rows):
        return list(rows)
    ranks = {i: rank(seed, row["id"]) for i, row in enumerate(rows)}
    return [rows[i] for i in sorted(heapq.nsmallest(count, ranks, key=ranks.__getitem__))]


def wanted(want: int | float | str, available: int) -> int:
    """Turn `rows:` (a number, a share below 1, or "all") into a number."""
    if isinstance(want, str):
        return available
    return round(available * want) if isinstance(want, float) else want


def rank(seed: int, identity: str) -> bytes:
    """Return the place of a row in the order of choice."""
    return hashlib.sha256(f"{seed}|{identity}".encode()).digest()


def refuse_license(row: dict[str, Any], refused: Sequence[str]) -> None:
    """Drop a row whose terms the recipe refuses."""
    terms = row["license"]
    words = {str(terms["annotations"]).casefold(), str(terms["media"]).casefold()}
    words |= {"non-commercial"} if terms["non_commercial"] else set()
    words |= {"gated"} if terms["gated"] else set()
    hit = sorted(word for word in words if word in {each.casefold() for each in refused})
    if hit and row["drop_reason"] is None:
        detail = f"its terms are '{hit[0]}', which licenses.refuse names"
        row.update(drop_reason=Drop.LICENSE_REFUSED.value, drop_detail=detail)
