"""Question files: JSON, JSON lines, CSV and Parquet, as (where, row) pairs that errors can name."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import InputError
from r1data.kinds import TABLE, instead
from r1data.schema_errors import kind_said


class Raw(NamedTuple):
    """A row as the source has it, and where it stands: "row 3", "line 7", "'82'"."""

    where: str
    row: dict[str, Any]


def read_rows(path: Path, form: str = "") -> Iterator[Raw]:
    """Yield the rows of a question file; its ending tells its form where `form` does not.

    Raises InputError naming file and row.
    """
    readers = {
        "json": read_json,
        "json-by-id": read_json,
        "jsonl": read_jsonl,
        "csv": read_csv,
        "parquet": read_parquet,
    }
    form = form or path.suffix.lower().removeprefix(".")
    if not path.is_file() or form not in readers:
        raise InputError(instead(path, TABLE))
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty: it holds no questions")
    count = 0
    for raw in readers[form](path):
        count += 1
        if not isinstance(raw.row, dict):
            raise InputError(
                f"{path}, {raw.where}: expected an object of columns and values, found "
                f"{kind_said(raw.row)}: correct or remove it"
            )
        yield raw
    if count == 0:
        raise InputError(f"{path} holds no questions")


def read_text(path: Path) -> str:
    """Read UTF-8, with or without a byte order mark."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise InputError(
            f"{path}, line {line}: not UTF-8 text (byte {problem.start}): save it as UTF-8"
        ) from problem


def parse_json(text: str, where: str) -> Any:
    """Parse JSON or say where it breaks."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as problem:
        place = f"line {problem.lineno}, column {problem.colno}"
        cut = "; the text ends there: was it cut?" if not text[problem.pos :].strip() else ""
        raise InputError(f"{where}: not valid JSON at {place}: {problem.msg}{cut}") from problem
    except ValueError as problem:  # a number of more than 4,300 digits
        raise InputError(f"{where}: not valid JSON: {problem}") from problem
    except RecursionError as problem:
        raise InputError(f"{where}: nested too deeply") from problem


def read_json(path: Path) -> Iterator[Raw]:
    """A list of rows, or an object of rows by id; the id is then the field "_id"."""
    data = parse_json(read_text(path), str(path))
    if isinstance(data, list):
        yield from (Raw(f"row {i}", row) for i, row in enumerate(data, start=1))
    elif isinstance(data, dict) and all(isinstance(row, dict) for row in data.values()):
        yield from (Raw(f"'{key}'", {"_id": key, **row}) for key, row in data.items())
    else:
        raise InputError(
            f"{path}: expected a list of questions, or an object of questions by id, found "
            f"{kind_said(data)}"
        )


def read_jsonl(path: Path) -> Iterator[Raw]:
    """One object a line; empty lines are allowed."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            yield Raw(f"line {number}", parse_json(line, f"{path}, line {number}"))


def read_csv(path: Path) -> Iterator[Raw]:
    """A header and rows; a row with more or fewer cells than the header is an error."""
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), restkey="_more", restval=None)
    try:
        refuse_header(path, list(reader.fieldnames or ()))
        for row in reader:
            if "_more" in row or None in row.values():
                more = row.get("_more") or ()
                count = sum(value is not None for value in row.values()) - bool(more) + len(more)
                raise InputError(
                    f"{path}, line {reader.line_num}: {count} cells where the header has "
                    f"{len(reader.fieldnames or ())}: put quotes around a text with commas"
                )
            yield Raw(f"line {reader.line_num}", dict(row))
    except csv.Error as problem:
        raise InputError(f"{path}, line {reader.line_num + 1}: {problem}") from problem


def refuse_header(path: Path, names: list[str]) -> None:
    """Raise InputError for columns that commas do not part, or that share a name."""
    for mark, word in ((";", "semicolons"), ("\t", "tabs")):
        if len(names) == 1 and mark in names[0]:
            raise InputError(f"{path}, line 1: its columns are parted by {word}: save with commas")
    for name in names:
        if name and names.count(name) > 1:
            raise InputError(f"{path}, line 1: two columns are named '{name}': rename one")


def read_parquet(path: Path) -> Iterator[Raw]:
    """Rows of a Parquet file, batch by batch, without the bytes of pictures and clips."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        yield from parquet_rows(pq.ParquetFile(path))
    except (pa.ArrowException, OSError, ValueError, OverflowError) as problem:
        why = " ".join(str(problem).split())[:300]
        raise InputError(f"{path}: not a Parquet file: {why}") from problem


def parquet_rows(file: Any) -> Iterator[Raw]:
    """Yield the rows of an open Parquet file without its binary columns."""
    number = 0
    for batch in file.iter_batches(batch_size=1024, columns=light_columns(file.schema)):
        for row in batch.to_pylist():
            number += 1
            yield Raw(f"row {number}", row)


def light_columns(schema: Any) -> list[str]:
    """Return the leaf columns of a Parquet schema but for bytes, which rows are chosen without."""
    columns = [schema.column(i) for i in range(len(schema))]
    return [
        each.path
        for each in columns
        if not (each.physical_type == "BYTE_ARRAY" and each.logical_type.type == "NONE")
    ]
