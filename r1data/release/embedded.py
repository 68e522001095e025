"""The config `video`: the clips and pictures themselves inside the rows, as sources have them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from r1data.errors import BuildStop, RowDrop
from r1data.grid.shards import read_shard
from r1data.media.files import locate
from r1data.release.footers import Finding
from r1data.release.layout import read_rows, shards_of

IMAGES, VIDEOS = "images", "videos"
MEDIA_FILE = pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
FIELDS = (pa.field(IMAGES, MEDIA_FILE), pa.field(VIDEOS, MEDIA_FILE))


def with_files(
    inputs: Mapping[str, Path], table: pa.Table, dealt: Sequence[Any], settings: Mapping[str, Any]
) -> Iterator[tuple[pa.Table, list[Any]]]:
    """Yield a shard's rows with their files, one at a time: a clip may be large."""
    media = read_shard(inputs["media"], columns=["id", "files"]).to_pylist()
    files = {row["id"]: row["files"] for row in media}
    kinds = table["data_type"].to_pylist()
    for i, identity in enumerate(table["id"].to_pylist()):
        found = [read_file(identity, file, settings) for file in files[identity]]
        columns = ([], found) if kinds[i] == "video" else (found, [])
        block = table.slice(i, 1)
        for field, value in zip(FIELDS, columns, strict=True):
            block = block.append_column(field, pa.array([value], field.type))
        yield block, [dealt[i]]


def read_file(
    identity: str, file: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Read a media file. Raises BuildStop where it is not the one that the build looked at."""
    try:
        data = locate(identity.partition("/")[0], file["uri"], settings).read_bytes()
    except RowDrop as drop:
        raise BuildStop(f"{identity}: {drop.detail}, and release.configs wants video") from drop
    if hashlib.sha256(data).hexdigest() != file["sha256"]:
        raise BuildStop(f"{identity}: {file['uri']} has changed: run the same build again")
    return {"bytes": data, "path": None}


def file_findings(folder: Path) -> Iterator[Finding]:
    """Yield the rows of the config `video` whose files are not those that the row names."""
    if not shards_of(folder, "video"):
        return
    columns = ["id", "media_sha256", IMAGES, VIDEOS]
    for split, row in read_rows(folder, "video", columns):
        held = [
            hashlib.sha256(each["bytes"] or b"").hexdigest() for each in row[IMAGES] + row[VIDEOS]
        ]
        if held != row["media_sha256"]:
            yield Finding(
                f"{folder.name}/{split}", f"{row['id']}: its file is not the one it names"
            )
