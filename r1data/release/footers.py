"""Do the footers of a release's shards say what its card says? Read by check and by publish."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import InputError
from r1data.release.layout import FOLDERS, Config, read_configs, read_head, read_rows
from r1data.release.terms import Terms, license_of, terms_of

# What `datasets` raises for features that nobody wrote on purpose.
UNTYPED = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


class Finding(NamedTuple):
    """Something that is not as it must be: where, and what."""

    where: str
    what: str


class Footer(NamedTuple):
    """What the end of a shard says of it; `fault` where it cannot be read."""

    rows: int
    features: dict[str, Any] | None
    fault: str | None


def read_footer(path: Path) -> Footer:
    """Read a shard's footer; a cut shard has none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        blob = (file.schema_arrow.metadata or {}).get(b"huggingface")
        rows = file.metadata.num_rows
    except (pa.ArrowException, OSError) as problem:
        return Footer(0, None, f"cannot be read: {' '.join(str(problem).split())}")
    if blob is None:
        return Footer(rows, None, "its footer has no typed features")
    try:
        return Footer(rows, dict(json.loads(blob)["info"]["features"]), None)
    except UNTYPED:
        return Footer(rows, None, "its footer's features cannot be read")


def footer_findings(folder: Path) -> Iterator[Finding]:
    """Yield where shards are broken, and where card and shards disagree."""
    footers = {
        path.relative_to(folder).as_posix(): read_footer(path)
        for name in FOLDERS.values()
        for path in sorted((folder / name).glob("*.parquet"))
    }
    for path, footer in footers.items():
        if footer.fault:
            yield Finding(f"{folder.name}/{path}", footer.fault)
    where = f"{folder.name}/README.md"
    try:
        configs = read_configs(folder)
    except InputError as problem:
        yield Finding(where, str(problem))
        return
    covered: set[str] = set()
    for config in configs:
        for split, pattern in config.files.items():
            paths = sorted(path.relative_to(folder).as_posix() for path in folder.glob(pattern))
            covered.update(paths)
            found = {path: footers[path] for path in paths if path in footers}
            yield from (Finding(where, what) for what in disagreements(config, split, found))
    for path in footers.keys() - covered:
        yield Finding(f"{folder.name}/{path}", "no config of the card names it")


def disagreements(config: Config, split: str, footers: dict[str, Footer]) -> Iterator[str]:
    """Yield what the card says wrongly of one split of one config."""
    from datasets import Features

    here = f"config {config.name}, split {split}"
    if not footers:
        yield f"{here}: its pattern {config.files[split]} matches no shard"
        return
    rows = sum(each.rows for each in footers.values())
    if config.rows.get(split) != rows:
        yield f"{here}: it says {config.rows.get(split)} rows, the shards hold {rows}"
    try:
        told = Features._from_yaml_list(config.features)
        differ = [
            path
            for path, footer in footers.items()
            if footer.features is not None and Features.from_dict(footer.features) != told
        ]
    except UNTYPED as problem:
        yield f"{here}: its features cannot be read: {' '.join(str(problem).split())[:200]}"
        return
    for path in differ:
        yield f"{here}: its features are not those of {path}"


def sources_terms(folder: Path, config: str) -> set[tuple[str, Terms]]:
    """Return the terms of every source in a release."""
    rows = read_rows(folder, config, ["id", "license"])
    return {(row["id"].partition("/")[0], terms_of(row["license"])) for _, row in rows}


def license_findings(folder: Path, terms: set[tuple[str, Terms]]) -> Iterator[Finding]:
    """Yield where the card claims another licence than its rows come to."""
    head = read_head(folder)
    due = license_of(each for _, each in terms).head()
    told = {key: head[key] for key in ("license", "license_name") if key in head}
    if told != due:
        what = f"it calls itself {told}, its rows come to {due}"
        yield Finding(f"{folder.name}/README.md", what)
