"""2 media: find (or draw) the files that the chosen samples need, and take their hashes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from r1data.errors import RowDrop
from r1data.grid.build import Cell
from r1data.grid.drops import Drop
from r1data.grid.shards import digest_of, file_sha256, read_shard
from r1data.media.files import is_generated, locate, media_base
from r1data.schema import arrow_schema


def find_media(samples: pa.Table, *, cell: Cell) -> pa.Table:
    """Return one row of files a sample; a file that is not there drops the sample, no other."""
    rows = [find_row(sample, cell.settings) for sample in samples.to_pylist()]
    return pa.Table.from_pylist(rows, arrow_schema("media"))


def find_row(sample: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Find the files of one sample."""
    row = {"id": sample["id"], "files": [], "drop_reason": None, "drop_detail": None}
    if sample["drop_reason"]:
        return {**row, "drop_reason": sample["drop_reason"], "drop_detail": sample["drop_detail"]}
    try:
        files = [find_file(sample["source"], each["uri"], settings) for each in sample["media"]]
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
    """Digest sizes and times of local files, so that a mended file is looked at again."""
    table = read_shard(samples[0], columns=["source", "media"])
    stamps: list[Any] = []
    for source, media in zip(table["source"].to_pylist(), table["media"].to_pylist(), strict=True):
        if not is_generated(source, cell.settings):
            base = media_base(source, cell.settings)
            stamps += [stamp(base / entry["uri"]) for entry in media]
    return digest_of(stamps)


def stamp(path: Path) -> list[int]:
    """Return size and time of a file; nothing where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return []
    return [stat.st_size, stat.st_mtime_ns]
