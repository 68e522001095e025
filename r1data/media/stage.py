"""2 media: bring, find or draw the files that the chosen samples need, and take their hashes."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from r1data.errors import RowDrop
from r1data.grid.build import Cell
from r1data.grid.drops import Drop
from r1data.grid.shards import digest_of, file_sha256, read_shard
from r1data.grid.store import bring_folder, open_store
from r1data.media.files import (
    is_fetched,
    is_generated,
    is_stored,
    locate,
    media_base,
    paths_of,
    source_of,
)
from r1data.schema import arrow_schema

Sample = Mapping[str, Any]
Faults = dict[tuple[str, str], RowDrop]
SPARE = "a row of the reserve that was not needed"


def find_media(samples: pa.Table, *, cell: Cell) -> pa.Table:
    """Return one row of files a sample; a file that is not there drops the sample, no other.

    Rows of the reserve stand in for those whose media fail, source by source; the rest of the
    reserve falls out as over quota.
    """
    rows = samples.to_pylist()
    usual = [i for i, row in enumerate(rows) if not is_spare(row)]
    found = find_rows([rows[i] for i in usual], cell)
    made = dict(zip(usual, found, strict=True))
    for name in dict.fromkeys(row["source"] for row in rows):
        spare = [i for i, row in enumerate(rows) if row["source"] == name and i not in made]
        failed = sum(made[i]["drop_reason"] is not None for i in made if rows[i]["source"] == name)
        made |= stand_in(rows, spare, failed, cell)
    return pa.Table.from_pylist([made[i] for i in range(len(rows))], arrow_schema("media"))


def is_spare(sample: Sample) -> bool:
    """Tell whether a sample is of the reserve."""
    return bool(json.loads(sample["extra"]).get("reserve"))


def stand_in(
    rows: list[dict[str, Any]], spare: list[int], failed: int, cell: Cell
) -> dict[int, dict[str, Any]]:
    """Bring rows of the reserve until as many stand as failed."""
    made: dict[int, dict[str, Any]] = {}
    for i in spare:
        if failed <= 0:
            blank = {"id": rows[i]["id"], "files": []}
            made[i] = {**blank, "drop_reason": Drop.OVER_QUOTA.value, "drop_detail": SPARE}
            continue
        made[i] = find_rows([rows[i]], cell)[0]
        failed -= made[i]["drop_reason"] is None
    return made


def find_rows(samples: list[dict[str, Any]], cell: Cell) -> list[dict[str, Any]]:
    """Bring and find the files of samples."""
    faults = bring_missing(samples, cell)
    return [find_row(sample, cell.settings, faults) for sample in samples]


def bring_missing(samples: list[dict[str, Any]], cell: Cell) -> Faults:
    """Bring what is to be fetched and is not here; return what could not be had."""
    needed: dict[str, list[str]] = {}
    for sample in samples:
        if not sample["drop_reason"] and is_fetched(sample["source"], cell.settings):
            mine = needed.setdefault(sample["source"], [])
            mine += [each["uri"] for each in sample["media"] if is_inside(each["uri"])]
    faults: Faults = {}
    for name, uris in needed.items():
        for uri, drop in bring_for(name, uris, cell).items():
            faults[name, uri] = drop
    return faults


def is_inside(uri: str) -> bool:
    """Tell whether a path stays below its folder."""
    return not uri.startswith("/") and ".." not in PurePosixPath(uri).parts


def bring_for(name: str, uris: list[str], cell: Cell) -> dict[str, RowDrop]:
    """Bring the files of one source: out of a local copy's Parquet, or from elsewhere."""
    from r1data.media import needed, stored

    source = source_of(name, cell.settings)
    if is_stored(source):
        return stored.bring(source, uris, media_base(name, cell.settings))
    if source.root is not None:
        return needed.take_out(source, uris, media_base(name, cell.settings))
    return needed.bring(source, uris, lambda: every_uri(name, cell), cell.settings)


def every_uri(name: str, cell: Cell) -> set[str]:
    """Return what the whole build needs of a source: its samples are all chosen already."""
    if cell.store:
        bring_folder(open_store(cell.store, cell.build), cell.build / "1.samples")
    uris: set[str] = set()
    for path in sorted(cell.build.glob("*.samples/*.parquet")):
        table = pq.read_table(path, columns=["source", "media", "drop_reason"])
        for row in table.to_pylist():
            if row["source"] == name and row["drop_reason"] is None:
                uris |= {each["uri"] for each in row["media"] if is_inside(each["uri"])}
    return uris


def find_row(sample: Sample, settings: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    """Find the files of one sample."""
    row = {"id": sample["id"], "files": [], "drop_reason": None, "drop_detail": None}
    if sample["drop_reason"]:
        return {**row, "drop_reason": sample["drop_reason"], "drop_detail": sample["drop_detail"]}
    name = sample["source"]
    try:
        for each in sample["media"]:
            if (name, each["uri"]) in faults:
                raise faults[name, each["uri"]]
        files = [find_file(name, each["uri"], settings) for each in sample["media"]]
    except RowDrop as drop:
        return {**row, "drop_reason": drop.reason.value, "drop_detail": drop.detail}
    return {**row, "files": files}


def find_file(source: str, uri: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is vouched for about one file."""
    path = locate(source, uri, settings)
    size = path.stat().st_size
    if size == 0:
        raise RowDrop(Drop.MISSING_MEDIA, f"{uri} is a file of zero bytes")
    return {"uri": uri, "sha256": file_sha256(path), "bytes": size, "path": uri}


def stamp_media(samples: tuple[Path, ...], *, cell: Cell) -> str:
    """Digest sizes and times of local files, so that a mended file is looked at again.

    Fetched files are vouched for by their revision, which is part of their folder's name.
    """
    table = read_shard(samples[0], columns=["source", "media"])
    stamps: list[Any] = []
    path_of = cache(lambda source: paths_of(source, cell.settings))
    for source, media in zip(table["source"].to_pylist(), table["media"].to_pylist(), strict=True):
        if is_generated(source, cell.settings):
            continue
        base = media_base(source, cell.settings)
        if is_fetched(source, cell.settings):
            stamps.append(base.name)
        else:
            inside = [entry["uri"] for entry in media if is_inside(entry["uri"])]
            stamps += [stamp(path_of(source)(uri)) for uri in inside]
    return digest_of(stamps)


def stamp(path: Path) -> list[int]:
    """Return size and time of a file; nothing where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns]
