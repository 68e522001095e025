"""Question files as Parquet: JSON, JSON lines and CSV of any size, read piece by piece."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from r1data.errors import InputError
from r1data.sources.reading import read_rows

# A JSON list is read so many characters at a time.
PIECE = 4_000_000
# Rows of one row group: what a page of the viewer has to read.
ROWS = 2_000
TEXTS = (
    *("id", "problem", "problem_type", "data_type", "path", "drop_reason", "source"),
    *("row", "rest"),
)
BLANK = re.compile(r"[\s,]*")


def as_parquet(path: Path, out: Path) -> None:
    """Write a question file as Parquet with the columns of the index, and `row`: the whole row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([*((name, pa.string()) for name in TEXTS), ("reward", pa.float64())])
    # read once or twice and thrown away: quick to write matters more than small
    how: dict[str, Any] = {"compression": "lz4", "use_dictionary": False, "write_statistics": False}
    with pq.ParquetWriter(out, schema, **how) as writer:
        for rows in pieces(path):
            columns = dict(zip(schema.names, zip(*rows, strict=True), strict=True))
            writer.write_table(pa.table(columns, schema), row_group_size=ROWS)


def pieces(path: Path) -> Iterator[list[tuple[Any, ...]]]:
    """Yield rows, some thousand at a time."""
    held: list[tuple[Any, ...]] = []
    for text, row in rows_of(path):
        held.append(entry(text, row, path))
        if len(held) == ROWS:
            yield held
            held = []
    if held:
        yield held


def rows_of(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (JSON, row) of a question file, a JSON list in pieces. Raises InputError."""
    if path.suffix.lower() == ".json":
        with path.open(encoding="utf-8-sig") as file:
            start = file.read(64).lstrip()
        if start.startswith("["):
            yield from listed(path)
            return
    for raw in read_rows(path):
        yield json.dumps(raw.row, ensure_ascii=False, default=str), raw.row


def listed(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the objects of a JSON list without holding all of it."""
    decoder = json.JSONDecoder()
    number = 0
    with path.open(encoding="utf-8-sig") as file:
        text = file.read(PIECE)
        at = text.index("[") + 1
        while True:
            at = BLANK.match(text, at).end()  # pyright: ignore[reportOptionalMemberAccess]
            if text.startswith("]", at):
                return
            try:
                row, end = decoder.raw_decode(text, at)
            except json.JSONDecodeError as problem:
                more = file.read(max(PIECE, len(text) - at))
                if not more:
                    told = f"{path}, row {number + 1}: not valid JSON: {problem.msg}"
                    raise InputError(told) from problem
                text, at = text[at:] + more, 0
                continue
            number += 1
            if not isinstance(row, dict):
                raise InputError(f"{path}, row {number}: expected an object")
            yield text[at:end], row
            at = end


def entry(text: str, row: dict[str, Any], path: Path) -> tuple[Any, ...]:
    """The columns of one row, as TEXTS has them, and its reward."""
    reward, identity = row.get("reward"), row.get("id")
    rest = [str(row.get(name) or "") for name in ("problem_id", "options", "solution", "process")]
    return (
        worded(row.get("problem_id") if identity is None else identity),
        worded(row.get("problem")) or "",
        *(worded(row.get(name)) for name in ("problem_type", "data_type", "path", "drop_reason")),
        worded(row.get("data_source") or row.get("source")) or path.stem,
        worded(text),
        worded("\n".join(rest)),
        float(reward) if isinstance(reward, int | float) else None,
    )


def worded(value: Any) -> str | None:
    """A value as text; None stays none. A lone half of a UTF-16 pair, which JSON may hold, is ?."""
    if value is None:
        return None
    text = value if isinstance(value, str) else str(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
