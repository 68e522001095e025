"""Only the media that the chosen rows need: members of remote archives, pictures in Parquet, files.

What cannot be had drops the rows that need it, with the reason; the rest goes on.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

from r1data.errors import RowDrop
from r1data.grid.drops import Drop
from r1data.grid.shards import replace_file
from r1data.media.fetch import Remote, fetch
from r1data.media.hub import report_moved
from r1data.media.members import bring_members, hints, open_archives
from r1data.media.ranges import RangeFile
from r1data.media.upstream import Upstream, address, lock_of, matching, upstream
from r1data.media.web import Missing
from r1data.sources.catalogue import Source

# Connections of one process: pictures are small, and a far server answers in a tenth of a second.
CONNECTIONS = 4
Faults = dict[str, RowDrop]


def bring(
    source: Source, uris: Sequence[str], every: Callable[[], set[str]], settings: Any
) -> Faults:
    """Bring the files of a source that are not here yet; return what could not be had, and why.

    `every` tells what the whole build needs of this source: a packed archive is read through once
    for all of it.
    """
    found = upstream(source, settings)
    wanted = [uri for uri in dict.fromkeys(uris) if not (found.folder / uri).is_file()]
    if not wanted:
        return {}
    if source.route.repo and not source.route.revision:
        report_moved(source.route.repo, lock_of(settings))
    kind = source.route.media.get("kind", "files")
    if kind == "embedded":
        return bring_embedded(source, wanted, found)
    if kind == "archives":
        return bring_archived(source, wanted, every, found)
    if kind == "files":
        return bring_files(source, wanted, found)
    how = source.route.media.get("how", "they must be fetched by hand")
    drop = RowDrop(
        Drop.MISSING_MEDIA,
        f"media of {source.name} are not fetched ({how}): put them into {found.folder.name} of the "
        f"media folder, or set sources.{source.name}.root",
    )
    return dict.fromkeys(wanted, drop)


def bring_files(source: Source, uris: Sequence[str], found: Upstream) -> Faults:
    """Fetch files that lie beside the questions."""

    def one(uri: str) -> None:
        if source.route.repo and uri not in found.files:
            raise RowDrop(Drop.MISSING_MEDIA, f"{source.route.repo} has no file {uri}")
        remote = found.files.get(uri) or Remote(address(source.route.url, uri))
        try:
            fetch(remote, found.folder / uri)
        except Missing as problem:
            raise RowDrop(Drop.MISSING_MEDIA, str(problem)) from problem

    return each_of(uris, one)


def each_of(uris: Sequence[str], one: Callable[[str], None]) -> Faults:
    """Do something for each file on a few connections; a fault of one is no fault of others."""

    def kept(uri: str) -> RowDrop | None:
        try:
            one(uri)
        except RowDrop as drop:
            return drop
        return None

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        faults = list(pool.map(kept, uris))
    return {uri: fault for uri, fault in zip(uris, faults, strict=True) if fault is not None}


def bring_archived(
    source: Source, uris: Sequence[str], every: Callable[[], set[str]], found: Upstream
) -> Faults:
    """Take members out of archives, one archive after the other, until all are here."""
    patterns = tuple(source.route.media["archives"])
    paths = matching(found, patterns, "archive", source)
    unpack = source.route.media.get("unpack", "")
    archives = list(open_archives(paths, found, unpack))
    left, faults = list(uris), Faults()
    # An exact path in the last archive is better than one in other case in the first.
    for loose in (False, True):
        for archive in archives:
            mine = [uri for uri in left if archive.may_hold(uri)]
            if mine:
                faults |= bring_members(archive, mine, every, loose)
            left = [uri for uri in left if not (found.folder / uri).is_file() and uri not in faults]
    tried = f"{len(archives)} archive(s) of {source.route.repo or source.route.url}"
    told = {uri: f"{uri} is in none of {tried}" for uri in left}
    for archive in archives:
        for uri, text in hints(archive, [uri for uri in left if archive.may_hold(uri)]).items():
            told[uri] += f"; {text}"
    return {uri: RowDrop(Drop.MISSING_MEDIA, text) for uri, text in told.items()} | faults


def bring_embedded(source: Source, uris: Sequence[str], found: Upstream) -> Faults:
    """Take pictures out of Parquet files: the row groups that hold them are asked for."""
    files: dict[str, list[str]] = {}
    for uri in uris:
        files.setdefault(str(PurePosixPath(uri).parent) + ".parquet", []).append(uri)
    faults: Faults = {}
    for path, mine in files.items():
        if path not in found.files:
            drop = RowDrop(Drop.MISSING_MEDIA, f"{source.route.repo} has no file {path}")
            faults |= dict.fromkeys(mine, drop)
            continue
        column = source.route.media["column"]
        rows = {int(PurePosixPath(uri).stem): uri for uri in mine}
        faults |= pictures_of(RangeFile([found.files[path]]), column, rows, found.folder)
    return faults


def take_out(source: Source, uris: Sequence[str], folder: Path) -> Faults:
    """Take pictures out of the Parquet files of a local copy."""
    wanted = [uri for uri in dict.fromkeys(uris) if not (folder / uri).is_file()]
    files: dict[str, dict[int, str]] = {}
    for uri in wanted:
        path = PurePosixPath(uri)
        files.setdefault(f"{path.parent}.parquet", {})[int(path.stem)] = uri
    faults: Faults = {}
    for name, rows in files.items():
        assert source.root is not None
        with (source.root / name).open("rb") as file:
            faults |= pictures_of(file, source.route.media["column"], rows, folder)
    return faults


def pictures_of(file: Any, column: str, rows: Mapping[int, str], folder: Path) -> Faults:
    """Write the pictures of some rows (counted from 1) of an open Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.ParquetFile(pa.PythonFile(file, mode="r"), pre_buffer=True)
    faults: Faults = {}
    first = 1
    for group in range(table.num_row_groups):
        count = table.metadata.row_group(group).num_rows
        mine = {number: rows[number] for number in rows if first <= number < first + count}
        if mine:
            values = table.read_row_group(group, columns=[column])[column]
            for number, uri in mine.items():
                data = picture_bytes(values[number - first].as_py())
                if not data:
                    faults[uri] = RowDrop(Drop.MISSING_MEDIA, f"row {number} has no picture")
                    continue
                replace_file(folder / uri, lambda path, data=data: path.write_bytes(data))
        first += count
    return faults


def picture_bytes(value: Any) -> bytes:
    """Return the bytes of a picture, or of the only one of a list; b"" where there are none."""
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else None
    if isinstance(value, Mapping):
        value = value.get("bytes")
    return value if isinstance(value, bytes) else b""
