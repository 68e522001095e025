"""Tables of cells: delimited text (CSV, TSV), and the sheets of Excel and OpenDocument files."""

import csv
import datetime
import io
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import InputError
from r1data.sources.encodings import read_any_text

DELIMITERS = (",", ";", "\t", "|")
# Records by which a delimiter is told, and rows above the header (a title, a date) that may be.
SAMPLE, TITLES = 200, 5
# Excel writes "sep=;" as the first line of a CSV file for itself.
SEPARATOR = "sep="


class Record(NamedTuple):
    """The cells of one line or row, and where it is: "line 7", "row 3"."""

    where: str
    cells: list[Any]


def read_delimited(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (where, row) of a CSV or TSV file. Raises InputError for a row of another width."""
    text, _ = read_any_text(path)
    yield from rows_of(path, delimited(path, text, delimiter_of(text)), strict=True)


def delimiter_of(text: str) -> str:
    """Return the sign that parts most records into as many cells as their header has."""
    first = text.lstrip("\ufeff").split("\n", 1)[0].strip()
    if first.casefold().startswith(SEPARATOR) and len(first) == len(SEPARATOR) + 1:
        return first[-1]
    return max(DELIMITERS, key=lambda mark: fit(text, mark))


def fit(text: str, mark: str) -> tuple[float, int]:
    """Return the share of records that are as wide as their header, and that width."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    widths: list[int] = []
    try:
        for cells in reader:
            widths += [len(cells)] if any(cells) else []
            if len(widths) == SAMPLE:
                break
    except csv.Error:
        return 0.0, 0
    wide = next((width for width in widths[:TITLES] if width > 1), 0)
    return (widths.count(wide) / len(widths), wide) if wide else (0.0, 0)


def delimited(path: Path, text: str, mark: str) -> list[Record]:
    """Return the records of delimited text.

    Where quotes are no frames of cells ('"Stop" says what?'), every quote is a part of its text if
    all records are as wide then; a frame read into it would swallow rows. Raises InputError.
    """
    csv.field_size_limit(sys.maxsize)  # pictures in base64 are longer than the 131,072 of old
    try:
        records = list(records_of(path, text, mark, csv.QUOTE_MINIMAL))
        swallowed = [each.where for each in records if any(map(holds_rows, each.cells))]
        if mark != "\t" or not swallowed:
            return records
        raise InputError(
            f"{path}: a quote opens a cell that ends at {swallowed[0]} only: remove it"
        )
    except InputError as problem:
        found = list(records_of(path, text, mark, csv.QUOTE_NONE))
        framed = any(re.fullmatch(r'\s*".*"\s*', cell) for each in found for cell in each.cells)
        if framed or len({len(each.cells) for each in found if any(each.cells)}) > 1:
            raise problem
        return found


def holds_rows(cell: str) -> bool:
    """Tell whether a cell holds tabs and lines, which are parts of rows and not of a text."""
    return "\t" in cell and "\n" in cell


def records_of(path: Path, text: str, mark: str, quoting: Any) -> Iterator[Record]:
    """Yield the records of delimited text. Raises InputError for a quote in the wrong place."""
    lines = io.StringIO(text.lstrip("\ufeff"), newline="")
    reader = csv.reader(lines, delimiter=mark, quoting=quoting, strict=True)
    last = 0
    try:
        for cells in reader:
            last = reader.line_num
            if not (last == 1 and cells[:1] == [SEPARATOR.strip() + mark]):
                yield Record(f"line {last}", cells)
    except csv.Error as problem:
        raise InputError(
            f"{path}, line {last + 1}: {problem}: a quote inside a cell in quotes is written twice"
        ) from problem


def rows_of(
    path: Path, records: Sequence[Record], strict: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (where, row) below the header; blank records are left out.

    Where `strict`, a record with fewer cells than the header, or more, is an error.
    """
    start = header_of(records)
    names = [str(cell).strip() for cell in records[start].cells] if records else []
    body = [record for record in records[start + 1 :] if any(map(filled, record.cells))]
    names = named(path, names, body, records[start].where if records else "line 1")
    width = max((i for i, name in enumerate(names, start=1) if name), default=0)
    for where, cells in body:
        extra = [cell for cell in cells[len(names) :] if filled(cell)]
        if strict and (extra or len(cells) < width):
            raise InputError(
                f"{path}, {where}: {len(cells)} cells where the header has "
                f"{width}: put quotes around a text with commas"
            )
        padded = [*cells, *[""] * (len(names) - len(cells))]
        yield where, {name: cell for name, cell in zip(names, padded, strict=False) if name}


def header_of(records: Sequence[Record]) -> int:
    """Return which record has the columns' names: the first as wide as most, below any title."""
    counts = [sum(map(filled, record.cells)) for record in records[:SAMPLE]]
    usual = sorted(count for count in counts if count) or [0]
    wide = usual[len(usual) // 2]
    for i, count in enumerate(counts[: TITLES + 1]):
        if count > 1 and 2 * count > wide:
            return i
    return next((i for i, count in enumerate(counts) if count), 0)


def named(path: Path, names: list[str], body: Iterable[Record], where: str) -> list[str]:
    """Name the columns that have values and no name; "" stays one with neither.

    Raises InputError where two share a name.
    """
    used = {i for record in body for i, cell in enumerate(record.cells) if filled(cell)}
    for name in names:
        if name and names.count(name) > 1:
            raise InputError(f"{path}, {where}: two columns are named '{name}': rename one")
    return [name or (f"column {i + 1}" if i in used else "") for i, name in enumerate(names)]


def filled(cell: Any) -> bool:
    """Tell whether a cell holds anything."""
    return cell is not None and cell == cell and str(cell).strip() != ""  # NaN is no value


def read_sheet(path: Path, sheet: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (where, row) of a sheet: the one that is named, or the only one. Raises InputError."""
    names = sheet_names(path)
    if sheet and sheet not in names:
        raise InputError(f"{path} has no sheet '{sheet}', only {', '.join(names)}")
    if not sheet and len(names) > 1:
        raise InputError(f"{path} has {len(names)} sheets ({', '.join(names)}): name one in sheet:")
    with open_workbook(path) as book:
        tab = book.get_sheet_by_name(sheet or names[0])
        grid = [list(cells) for cells in tab.to_python(skip_empty_area=False)]
        for (top, left), (bottom, _) in tab.merged_cell_ranges or ():
            for row in range(top + 1, min(bottom + 1, len(grid))):
                grid[row][left] = grid[top][left]
    records = [Record(f"row {i}", cells) for i, cells in enumerate(plain_cells(grid), start=1)]
    yield from rows_of(path, records, strict=False)


def sheet_names(path: Path) -> list[str]:
    """Return the names of the sheets that are shown and hold something."""
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    with open_workbook(path) as book:
        shown = [
            each.name
            for each in book.sheets_metadata
            if each.visible == SheetVisibleEnum.Visible and each.typ == SheetTypeEnum.WorkSheet
        ]
        full = [name for name in shown if book.get_sheet_by_name(name).to_python()]
    if not full:
        raise InputError(f"{path} holds no questions: its sheets are empty")
    return full


def open_workbook(path: Path) -> Any:
    """Open a workbook. Raises InputError for what is none, or has a password."""
    import python_calamine

    try:
        return python_calamine.CalamineWorkbook.from_path(str(path))
    except (python_calamine.CalamineError, OSError) as problem:
        why = " ".join(str(problem).split())[:200]
        raise InputError(f"{path}: not a spreadsheet that can be read: {why}") from problem


def plain_cells(grid: Sequence[list[Any]]) -> Iterator[list[Any]]:
    """Yield rows as texts and numbers: 3.0 as 3, times of day as they are shown.

    Excel takes "0:07" for 7 minutes past midnight and shows it as it was typed; a clip's time is
    meant. Only a column with seconds is shown with hours. It takes "3/4" for a day, too, and what
    was typed is lost: among other values a day stays one, which no option or key can be.
    """
    width = max(map(len, grid), default=0)
    columns = [[row[i] for row in grid if i < len(row)] for i in range(width)]
    timed = [any(isinstance(c, datetime.time) and c.second for c in column) for column in columns]
    dated = [2 * sum(map(is_day, column)) >= sum(map(filled, column)) for column in columns]
    for row in grid:
        yield [
            cell if is_day(cell) and not dated[i] else plain_cell(cell, timed[i])
            for i, cell in enumerate(row)
        ]


def is_day(cell: Any) -> bool:
    """Tell whether a cell of a sheet is a day, with a time or without."""
    return isinstance(cell, datetime.date)


def plain_cell(cell: Any, seconds: bool) -> Any:
    """Return a cell as a person reads it."""
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, datetime.time):
        return cell.isoformat() if seconds else cell.strftime("%H:%M")
    if isinstance(cell, datetime.timedelta):
        return cell.total_seconds()
    return cell.isoformat() if isinstance(cell, datetime.date) else cell
