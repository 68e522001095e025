"""Shards and their notes: keys, atomic writes, checked reads. The only file that renames.

A shard is a Parquet file; its note is the JSON file of the same name. The note is written last and
holds the key of everything that could change the shard, so a shard without a matching note
does not exist for anybody.
"""

import contextlib
import errno
import hashlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from r1data.errors import DiskStop, ShardFault

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NO_ACCESS = {errno.EROFS, errno.EACCES, errno.EPERM}
TEMPORARY = ".part"
# A row with frames is about 0.3 MB; 100 rows make the 32 MB row groups that stream best.
MEDIA_ROW_GROUP = 100
TEXT_ROW_GROUP = 50_000


class ShardDamaged(ShardFault):
    """A shard's bytes are not those that its note vouches for."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path}: its bytes are not those that its note vouches for")
        self.path = path

    def __reduce__(self) -> tuple[type["ShardDamaged"], tuple[Path]]:
        return ShardDamaged, (self.path,)


@dataclass(frozen=True)
class Note:
    """What is vouched for about one shard, or about all files of one gather stage.

    `digest` identifies the content without its volatile columns and enters the keys of later cells;
    `sha256` is that of the file. `mtime_ns` spares hashing a file that nobody touched. `again`
    counts the rows that may come out better in another run, which therefore makes the cell again.
    `lineage` is what a gather stage and those before it were asked for: parts that have not read
    all its inputs go by it.
    """

    stage: str
    shard: str
    key: str
    digest: str
    sha256: str = ""
    bytes: int = 0
    mtime_ns: int = 0
    rows: int = 0
    again: int = 0
    drops: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    shards: tuple[str, ...] = ()
    lineage: str = ""
    seconds: float = 0.0
    made: Mapping[str, Any] = field(default_factory=dict)


def digest_of(value: Any) -> str:
    """Return the sha256 of `value` as canonical JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def named_disk_faults(path: Path) -> Iterator[None]:
    """Turn a full disk or a read-only folder into one clear line that stops the build."""
    try:
        yield
    except OSError as problem:
        if problem.errno in NO_ROOM:
            raise DiskStop(
                f"no space left for {path}: free some and run the same again"
            ) from problem
        if problem.errno in NO_ACCESS:
            raise DiskStop(f"cannot write {path}: {problem.strerror}") from problem
        raise


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then put it in place in one step."""
    stem = f".{path.name}.{os.getpid()}-{time.monotonic_ns():x}{TEMPORARY}"
    temporary = path.with_name(stem + path.suffix)
    with named_disk_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write(temporary)
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut; Windows has no handle for folders and needs none."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Put `text` into `path` in one step."""
    replace_file(path, lambda temporary: temporary.write_bytes(text.encode("utf-8")))


def sweep(folder: Path, untouched: float = 0.0) -> None:
    """Remove the temporary files that killed processes left anywhere below `folder`.

    Where others may be at work there, only those `untouched` for so many seconds.
    """
    for leftover in folder.rglob(f".*{TEMPORARY}*"):
        with contextlib.suppress(FileNotFoundError):  # another part sweeps, too
            if time.time() - leftover.stat().st_mtime >= untouched:
                leftover.unlink()


def write_table(path: Path, table: pa.Table) -> None:
    """Write a table of one shard."""
    rows = MEDIA_ROW_GROUP if binary_leaves(table.schema) else TEXT_ROW_GROUP
    pq.write_table(table, path, row_group_size=rows, **parquet_settings(table.schema))


def parquet_settings(schema: pa.Schema) -> dict[str, Any]:
    """Text as zstd, bytes as they are: zstd takes 1.6 times as long to save 2% of JPEG."""
    binary = binary_leaves(schema)
    names = leaf_names(schema)
    return {
        "compression": {name: "none" if name in binary else "zstd" for name in names},
        "use_dictionary": [name for name in names if name not in binary],
        "write_page_index": True,
    }


def leaf_names(schema: pa.Schema) -> list[str]:
    """Return the Parquet paths of all leaf columns, as "frames.list.element.bytes"."""
    return [path for entry in schema for path, _ in leaves(entry.name, entry.type)]


def binary_leaves(schema: pa.Schema) -> set[str]:
    """Return the Parquet paths of the leaf columns that hold bytes."""
    every = [leaf for entry in schema for leaf in leaves(entry.name, entry.type)]
    return {path for path, kind in every if pa.types.is_binary(kind)}


def leaves(path: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    """Walk the leaf columns below `path`."""
    if pa.types.is_list(kind):
        yield from leaves(f"{path}.list.element", kind.value_type)
    elif pa.types.is_struct(kind):
        for entry in kind:
            yield from leaves(f"{path}.{entry.name}", entry.type)
    else:
        yield path, kind


def content_digest(table: pa.Table, volatile: Sequence[str]) -> str:
    """Return the digest of a table without the columns that only tell how it came about."""
    sink = pa.BufferOutputStream()
    pq.write_table(table.drop_columns(list(volatile)), sink, compression="none")
    return hashlib.sha256(sink.getvalue()).hexdigest()


def write_shard(folder: Path, table: pa.Table, note: Note, volatile: Sequence[str]) -> Note:
    """Write a shard and then its note; return the note with what was measured of the file."""
    path = folder / f"{note.shard}.parquet"
    replace_file(path, lambda temporary: write_table(temporary, table))
    sha256, stat = file_sha256(path), path.stat()
    whole = replace(
        note,
        sha256=sha256,
        digest=content_digest(table, volatile) if volatile else sha256,
        bytes=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
        rows=table.num_rows,
        drops=count_drops(table),
    )
    write_note(folder / f"{note.shard}.json", whole)
    return whole


def count_drops(table: pa.Table) -> dict[str, int]:
    """Count the reasons in a table's `drop_reason`; empty where it has no such column."""
    if "drop_reason" not in table.column_names:
        return {}
    pairs = table["drop_reason"].value_counts().to_pylist()
    found = {pair["values"]: pair["counts"] for pair in pairs if pair["values"]}
    return dict(sorted(found.items()))


def write_note(path: Path, note: Note) -> None:
    """Write a note with a checksum of its own, so that a flipped bit in it is seen."""
    write_text(path, note_text(asdict(note)))


def note_text(body: Mapping[str, Any]) -> str:
    """Return the text of a note."""
    return json.dumps({**body, "check": digest_of(body)}, indent=1) + "\n"


def read_note(path: Path) -> Note | None:
    """Return the note at `path`, or None where there is none that can be believed."""
    try:
        text = path.read_bytes()
        body = json.loads(text)
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    # The text is compared and not the checksum alone: a flipped bit may leave the meaning as it is.
    if not isinstance(body, dict) or body.pop("check", None) is None:
        return None
    if note_text(body).encode() != text:
        return None
    return Note(**{**body, "shards": tuple(body["shards"])})


def distrust(path: Path, beside: Path) -> None:
    """Let the next build look at a file again: its time becomes later than that of `beside`.

    A disk that loses a bit leaves the times as they are, and builds go by times.
    """
    with contextlib.suppress(OSError):  # whoever may not write here may still check
        late = max(time.time_ns(), path.stat().st_mtime_ns, beside.stat().st_mtime_ns) + 1_000_000
        os.utime(path, ns=(late, late))


def is_fresh(path: Path, note: Note) -> bool:
    """Tell whether the file at `path` is still the one that `note` vouches for."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return False
    if stat.st_size != note.bytes:
        return False
    return stat.st_mtime_ns == note.mtime_ns or file_sha256(path) == note.sha256


def read_shard(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read a shard whose bytes match its note, or raise ShardDamaged."""
    note = read_note(path.with_suffix(".json"))
    # In Arrow's own memory: one time in five a thread of Arrow's is the last to let go of it, and
    # for Python's memory it needs the interpreter, whose end then aborts the process.
    try:
        with pa.OSFile(str(path)) as file:
            data = file.read_buffer()
    except FileNotFoundError as problem:
        raise ShardDamaged(path) from problem
    if note is None or hashlib.sha256(data).hexdigest() != note.sha256:
        raise ShardDamaged(path)
    # `read_table` goes through Arrow's datasets, which takes 2 ms a file: as long as the rest.
    return pq.ParquetFile(pa.BufferReader(data)).read(columns=columns)


def remove_stray(folder: Path, keep: Iterable[Path]) -> None:
    """Remove the shards, notes and pages of an earlier gather that the new one did not write."""
    kept = set(keep)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path not in kept and path.suffix in {".parquet", ".json", ".md"}:
            path.unlink()


def made_here() -> dict[str, Any]:
    """Say who makes a shard: host, process, time and versions."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"host": socket.gethostname(), "pid": os.getpid(), "at": now, **packages()}


@cache
def packages() -> dict[str, str]:
    """Return the versions of what writes shards; looking them up takes 0.5 ms each time."""
    from importlib.metadata import version

    return {name: version(name) for name in ("pyarrow", "numpy")}
