"""Tables of questions as (where, row) pairs that errors can name, whatever form the file has."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import InputError
from r1data.kinds import TABLE, instead, is_table, stand_in
from r1data.schema_errors import kind_said
from r1data.sources.cells import read_delimited, read_sheet
from r1data.sources.encodings import read_text
from r1data.sources.nesting import Place, as_records, rows_below, unrolled

LINES = (".jsonl", ".ndjson", ".jsonlines")
MAGIC = {
    b"PAR1": "parquet",
    b"PK\3\4": "spreadsheet",
    b"\xd0\xcf\x11\xe0": "spreadsheet",
    b"ARROW1": "arrow",
}
LISTED = re.compile(rb"[\xef\xbb\xbf\s]*\[\s*\{")
FORMS = {
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".csv": "delimited",
    ".tsv": "delimited",
    ".txt": "delimited",
    ".json": "json",
    **dict.fromkeys(LINES, "jsonl"),
    **dict.fromkeys((".xlsx", ".xls", ".xlsb", ".xlsm", ".ods"), "spreadsheet"),
}


class Raw(NamedTuple):
    """A row as the source has it, and where it stands: "row 3", "line 7", "'82'"."""

    where: str
    row: dict[str, Any]
    fault: str = ""  # what is wrong with a row that is no object


class Layout(NamedTuple):
    """Where the rows of a file are: in which sheet, at which path, in which conversation."""

    sheet: str = ""
    rows_at: str = ""
    turns: str = ""


PLAIN = Layout()


def read_rows(path: Path, layout: Layout = PLAIN, whole: bool = True) -> Iterator[Raw]:
    """Yield the rows of a table of questions; its first bytes and its ending tell its form.

    Raises InputError naming file and row; without `whole` a row that is no object, or a line that
    is no JSON, is yielded empty, with its fault, unless all are.
    """
    count, faults = 0, list[InputError]()
    for place in placed_rows(path, layout):
        count += 1
        if isinstance(place.row, dict):
            yield Raw(*place)
            continue
        fault = place.row
        if not isinstance(fault, InputError):
            fault = InputError(
                f"{path}, {place.where}: expected an object of columns and values, found "
                f"{kind_said(place.row)}: correct or remove it"
            )
        if whole:
            raise fault
        faults.append(fault)
        yield Raw(place.where, {}, str(fault))
    if faults and len(faults) == count:
        raise faults[0]
    if count == 0:
        at = f" at '{layout.rows_at}'" if layout.rows_at else ""
        raise InputError(f"{path} holds no questions{at}")


def placed_rows(path: Path, layout: Layout) -> Iterator[Place]:
    """Yield the rows of a file at the place and in the turns that a layout names."""
    form = form_of(path)
    if form == "json":
        data = read_document(path)
        places: Iterable[Place] = json_rows(path, data, layout.rows_at)
    else:
        places = (Place(where, row) for where, row in plain_rows(path, form, layout.sheet))
        if layout.rows_at:
            places = (each for place in places for each in inside(place, layout.rows_at))
    for place in places:
        talks = layout.turns and isinstance(place.row, Mapping)
        yield from unrolled(place, layout.turns) if talks else (place,)


def inside(place: Place, path: str) -> Iterator[Place]:
    """Yield the rows inside one row, with where each is."""
    for each in rows_below([place.row], path):
        number = each.where.removeprefix("row 1").removeprefix(".")
        yield Place(f"{place.where}.{number}" if number else place.where, each.row)


def form_of(path: Path) -> str:
    """Return a file's form. Raises InputError where it is no table of questions, or is empty."""
    if not is_table(path):
        raise InputError(instead(path, TABLE))
    if path.is_dir():
        return "folder"
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty: it holds no questions")
    with path.open("rb") as file:
        head = file.read(1_000)
    if stand_in(head):
        raise InputError(f"{path} is {stand_in(head)}")
    form = next((name for magic, name in MAGIC.items() if head.startswith(magic)), "")
    form = form or FORMS[path.suffix.lower()]
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if form == "delimited" and start in (b"{", b"["):
        form = "json"
    if form == "jsonl" and LISTED.match(head) and not is_lines(path):
        return "json"
    return "jsonl" if form == "json" and start == b"{" and is_lines(path) else form


def is_lines(path: Path) -> bool:
    """Tell whether a file's first two lines are JSON each, whatever its name."""
    with path.open("rb") as file:
        lines = [line for line in (file.readline() for _ in range(3)) if line.strip()]
    try:
        whole = [json.loads(line.removeprefix(b"\xef\xbb\xbf")) for line in lines[:2]]
    except (ValueError, RecursionError):
        return False
    return len(whole) == 2


def plain_rows(path: Path, form: str, sheet: str) -> Iterator[tuple[str, Any]]:
    """Yield (where, row) of a file that is read row by row."""
    if form == "spreadsheet":
        return read_sheet(path, sheet)
    readers = {
        "jsonl": read_jsonl,
        "delimited": read_delimited,
        "parquet": read_parquet,
        "arrow": read_arrow,
        "folder": read_saved,
    }
    return readers[form](path)


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


def read_document(path: Path) -> Any:
    """Read a whole JSON file; a table on its side becomes a list of rows."""
    return as_records(parse_json(read_text(path), str(path)))


def json_rows(path: Path, data: Any, rows_at: str) -> Iterator[Place]:
    """A list of rows, or an object of rows by id (the field "_id"); `rows_at` leads further in."""
    if rows_at:
        yield from rows_below(data, rows_at)
    elif isinstance(data, list):
        yield from (Place(f"row {i}", row) for i, row in enumerate(data, start=1))
    elif isinstance(data, dict) and all(isinstance(row, dict) for row in data.values()):
        yield from rows_below(data, "*")
    else:
        items = data.items() if isinstance(data, Mapping) else ()
        lists = [key for key, value in items if isinstance(value, list)]
        hint = f"; for rows below a key, `r1data init` writes rows_at: {lists[0]}" if lists else ""
        raise InputError(
            f"{path}: expected a list of questions, or an object of questions by id, found "
            f"{kind_said(data)}{hint}"
        )


def read_jsonl(path: Path) -> Iterator[tuple[str, Any]]:
    """One object a line, or the error of a line that is none; empty lines are allowed."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            yield f"line {number}", json_or_error(line, f"{path}, line {number}")


def json_or_error(line: str, where: str) -> Any:
    """Parse a line of JSON; one that breaks is returned as its error, for others to go on."""
    try:
        return parse_json(line, where)
    except InputError as problem:
        return problem


def read_parquet(path: Path) -> Iterator[tuple[str, Any]]:
    """Rows of a Parquet file, batch by batch, without the bytes of pictures and clips."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        batches = file.iter_batches(batch_size=1024, columns=light_columns(file.schema))
        yield from numbered(row for batch in batches for row in batch.to_pylist())
    except (pa.ArrowException, OSError, ValueError, OverflowError) as problem:
        why = " ".join(str(problem).split())[:300]
        raise InputError(f"{path}: not a Parquet file: {why}") from problem


def light_columns(schema: Any) -> list[str]:
    """Return the leaf columns of a Parquet schema but for bytes, which rows are chosen without."""
    columns = [schema.column(i) for i in range(len(schema))]
    return [
        each.path
        for each in columns
        if not (each.physical_type == "BYTE_ARRAY" and each.logical_type.type == "NONE")
    ]


def read_arrow(path: Path) -> Iterator[tuple[str, Any]]:
    """Rows of one Arrow file."""
    yield from numbered(arrow_rows([path]))


def parts_of(path: Path) -> list[Path]:
    """Return the files that a table of questions is: itself, or those of a saved dataset."""
    return saved_files(path) if path.is_dir() else [path]


def read_saved(path: Path) -> Iterator[tuple[str, Any]]:
    """Rows of a folder that `datasets` saved to disk, in the order of its state.json."""
    yield from numbered(arrow_rows(saved_files(path)))


def saved_files(folder: Path) -> list[Path]:
    """Return the Arrow files of a saved dataset. Raises InputError where they are not its rows."""
    if not (folder / "state.json").is_file():
        splits = sorted(each.parent.name for each in folder.glob("*/state.json"))
        if len(splits) == 1:
            return saved_files(folder / splits[0])
        raise InputError(
            f"{folder} holds {len(splits)} splits ({', '.join(splits)}): name one of its folders"
        )
    state = parse_json(read_text(folder / "state.json"), str(folder / "state.json"))
    if state.get("_indices_files"):
        raise InputError(
            f"{folder}: its rows are an unwritten choice of others: call flatten_indices() on it, "
            "and save it again"
        )
    return [folder / each["filename"] for each in state["_data_files"]]


def arrow_rows(files: Iterable[Path]) -> Iterator[dict[str, Any]]:
    """Yield the rows of Arrow files without the bytes of pictures and clips."""
    import pyarrow as pa

    for path in files:
        try:
            with pa.memory_map(str(path)) as data:
                try:
                    batches: Iterable[Any] = pa.ipc.open_stream(data)
                except pa.ArrowInvalid:
                    file = pa.ipc.open_file(data)
                    batches = (file.get_batch(i) for i in range(file.num_record_batches))
                for batch in batches:
                    yield from (without_bytes(row) for row in batch.to_pylist())
        except (pa.ArrowException, OSError, ValueError) as problem:
            why = " ".join(str(problem).split())[:300]
            raise InputError(f"{path}: not an Arrow file: {why}") from problem


def without_bytes(value: Any) -> Any:
    """Return nested data without bytes."""
    if isinstance(value, Mapping):
        return {k: without_bytes(v) for k, v in value.items() if not isinstance(v, bytes)}
    return [without_bytes(each) for each in value] if isinstance(value, list) else value


def numbered(rows: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Yield rows with where they are: "row 1" is the first."""
    yield from ((f"row {number}", row) for number, row in enumerate(rows, start=1))
