"""Lists that a server or an archive gave once, kept with a checksum: a damaged one is absent."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from r1data.grid.shards import digest_of, write_text


def keep(path: Path, rows: Sequence[Sequence[Any]]) -> None:
    """Keep a list of rows."""
    plain = [list(row) for row in rows]
    write_text(path, json.dumps({"check": digest_of(plain), "rows": plain}))


def kept(path: Path) -> list[list[Any]] | None:
    """Return the rows that are kept at `path`, or None where there are none to be believed."""
    try:
        told = json.loads(path.read_bytes())
        rows = told["rows"]
        return rows if told["check"] == digest_of(rows) else None
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
        return None
