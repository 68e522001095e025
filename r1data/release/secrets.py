"""Token-like strings: what must never leave the house, in a card or in a row."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from r1data.release.layout import named_damage

# Written without look-around, for the Arrow kernels read them too (RE2).
EDGE = r"(?:^|[^A-Za-z0-9_-])"
PATTERNS = {
    "a Hugging Face token": rf"{EDGE}(?:hf|api_org)_[A-Za-z0-9]{{20,}}",
    "an OpenAI or Anthropic key": rf"{EDGE}sk-[A-Za-z0-9_-]*[0-9][A-Za-z0-9_-]{{12,}}",
    "a GitHub token": rf"{EDGE}(?:gh[pousr]_[A-Za-z0-9]{{30,}}|github_pat_[A-Za-z0-9_]{{30,}})",
    "an AWS key": rf"{EDGE}A(?:KIA|SIA)[0-9A-Z]{{16}}",
    "a Google key": rf"{EDGE}AIza[0-9A-Za-z_-]{{35}}",
    "a Slack token": rf"{EDGE}xox[abprs]-[0-9A-Za-z-]{{10,}}",
    "a GitLab token": rf"{EDGE}glpat-[0-9A-Za-z_-]{{20,}}",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a signed token (JWT)": rf"{EDGE}eyJ[\w-]{{10,}}\.eyJ[\w-]{{10,}}\.[\w-]+",
    "a password in an address": r"[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s:@]+@[^/\s]",
}
NAMES = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD)$")
# Shorter values of such variables are words like "none", "test" or "offline".
SHORTEST = 12


def patterns() -> dict[str, str]:
    """Return all patterns: known forms, and what this machine's own environment holds."""
    own = {
        f"the value of ${name}": re.escape(value)
        for name, value in os.environ.items()
        if NAMES.search(name) and len(value) >= SHORTEST
    }
    return PATTERNS | own


def in_text(text: str) -> Iterator[str]:
    """Yield what kind of secret stands in which line; never the secret itself."""
    for kind, pattern in patterns().items():
        match = re.search(pattern, text, re.MULTILINE)
        if match:
            yield f"line {text.count(chr(10), 0, match.end()) + 1} holds {kind}"


def in_shard(path: Path) -> Iterator[str]:
    """Yield which row's which column holds what kind of secret; reads texts only."""
    import pyarrow.parquet as pq

    with named_damage(path):
        yield from shard_hits(pq.ParquetFile(path))


def shard_hits(file: Any) -> Iterator[str]:
    """Yield the secrets of an open shard."""
    texts = [name for name in file.schema_arrow.names if not holds_bytes(file, name)]
    known = patterns()
    start = 0
    for batch in file.iter_batches(batch_size=4096, columns=texts):
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            for kind, pattern in known.items():
                row = first_hit(column, pattern)
                if row is not None:
                    yield f"row {start + row}, column {name}, holds {kind}"
        start += batch.num_rows


def holds_bytes(file: Any, name: str) -> bool:
    """Tell whether a column holds pictures."""
    return "binary" in str(file.schema_arrow.field(name).type)


def first_hit(column: Any, pattern: str) -> int | None:
    """Return the first row of a column, however nested, in which `pattern` stands."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_struct(kind):
        hits = [first_hit(field, pattern) for field in column.flatten()]
        return min((hit for hit in hits if hit is not None), default=None)
    if pa.types.is_list(kind):
        hit = first_hit(column.flatten(), pattern)
        parents = pc.list_parent_indices(column)  # pyright: ignore[reportAttributeAccessIssue]
        return None if hit is None else parents[hit].as_py()
    if not pa.types.is_string(kind):
        return None
    found = pc.index(pc.match_substring_regex(column, pattern), True)  # pyright: ignore[reportAttributeAccessIssue]
    return found.as_py() if found.as_py() >= 0 else None
