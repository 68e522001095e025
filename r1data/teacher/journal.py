"""The journal: one flushed line a response, so that no answer is paid for twice.

`NNNNN.journal.jsonl` holds the responses, `NNNNN.discarded.jsonl` what was paid for and thrown away
(a reply cut short, say): only the budget reads that one. Both are append-only and never deleted.
Each line ends with a checksum of itself; one that ends with `~` is given up: torn by a kill, or
damaged and mended.
"""

import errno
import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import DiskStop
from r1data.grid.parts import read_part
from r1data.teacher.faults import Outcome
from r1data.teacher.requests import Ask

GIVEN_UP = b"~"
SEAL = re.compile(rb',"check":"([0-9a-f]{16})"}$')
# Lines of earlier versions have no seal; one whose seal's name was hit has a key of no version.
KNOWN = """
request_sha256 id k model served_model prompt_sha256 text finish_reason tokens_in tokens_out tokens
fault lane usd seconds tries again why step file keys estimate output batch status
"""
KEYS = frozenset(KNOWN.split())


class Place(NamedTuple):
    """Where a line stands; texts stay on disk, since a large build has gigabytes of them."""

    path: Path
    offset: int
    length: int


@dataclass
class Index:
    """What is known of the journals of one folder; `read` says how far each file was read."""

    places: dict[str, Place] = field(default_factory=dict)
    read: dict[Path, tuple[int, int]] = field(default_factory=dict)
    usd: float = 0.0
    tokens: int = 0


# Several shards are asked one after the other in one process: each file is read just once, and
# after that only what was appended.
INDEXES: dict[tuple[Path, str], Index] = {}


def read_journals(folder: Path, part: str = "") -> Index:
    """Return the index over all journals of `folder`, bringing the one in memory up to date.

    Of a build that is made in parts, only those of the shards of one.
    """
    folder = folder.resolve()
    files = [*sorted(folder.glob("*.journal.jsonl")), *sorted(folder.glob("*.discarded.jsonl"))]
    if part:
        mine = read_part(part)  # the journals of probes are named blind-00012
        files = [each for each in files if mine.owns(each.name.split(".")[0].split("-")[-1])]
    index = INDEXES.get((folder, part))
    if index is None or not grown_only(index, files):
        index = INDEXES[folder, part] = Index()
    for path in files:
        read_tail(index, path)
    return index


def forget(folder: Path) -> None:
    """Read the journals of a folder anew the next time: some line of them was put right."""
    for key in [key for key in INDEXES if key[0] == folder.resolve()]:
        del INDEXES[key]


def grown_only(index: Index, files: list[Path]) -> bool:
    """Tell whether every file read before is still the same file, and no shorter."""
    if not set(index.read) <= set(files):
        return False
    facts = {path: path.stat() for path in index.read}
    return all(
        facts[path].st_ino == inode and facts[path].st_size >= size
        for path, (inode, size) in index.read.items()
    )


def read_tail(index: Index, path: Path) -> None:
    """Index the lines that `path` gained; a torn last line is left for the next time."""
    inode, start = index.read.get(path, (path.stat().st_ino, 0))
    if path.stat().st_size == start:
        return
    offset = start
    with path.open("rb") as lines:
        lines.seek(start)
        for line in lines:
            if line.endswith(b"\n"):
                read_line(index, path, offset, line)
                offset += len(line)
    index.read[path] = (inode, offset)


def read_line(index: Index, path: Path, offset: int, line: bytes) -> None:
    """Index one whole line; what a kill tore in the middle is no JSON and is passed over."""
    record = parse_line(line)
    if record is None:
        return
    index.usd += record.get("usd") or 0.0
    index.tokens += record.get("tokens") or 0
    if path.name.endswith(".journal.jsonl"):
        index.places.setdefault(record["request_sha256"], Place(path, offset, len(line)))


def parse_line(line: bytes) -> dict[str, Any] | None:
    """Return the response of a line, or None where the line is torn or damaged."""
    record = opened(line)
    return record if record is not None and "request_sha256" in record else None


def sealed(record: dict[str, Any]) -> bytes:
    """Return a record as a line that ends with its own checksum."""
    body = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()[:-1]
    return body + b',"check":"' + seal_of(body) + b'"}\n'


def seal_of(body: bytes) -> bytes:
    """Return the checksum of a line's text before its seal."""
    return hashlib.sha256(body).hexdigest()[:16].encode()


def opened(line: bytes) -> dict[str, Any] | None:
    """Return what a line holds, or None where it is not as it was written."""
    text = line.removesuffix(b"\n")
    seal = SEAL.search(text)
    if seal and seal_of(text[: seal.start()]) != seal[1]:
        return None
    try:
        record = json.loads(text)
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    if seal:
        del record["check"]
    return record if seal or record.keys() <= KEYS else None


def look_up(index: Index, key: str) -> dict[str, Any] | None:
    """Return the journalled response to the request `key`, or None."""
    place = index.places.get(key)
    if place is None:
        return None
    with place.path.open("rb") as lines:
        lines.seek(place.offset)
        record = parse_line(lines.read(place.length))
    return record if record is not None and record["request_sha256"] == key else None


def response_record(
    key: str, ask: Ask | None, model: str, prompt_sha256: str, lane: str, outcome: Outcome
) -> dict[str, Any]:
    """Return the line of a response; its cost, seconds and tries are for the caller to add."""
    usage = outcome.usage
    return {
        "request_sha256": key,
        "id": ask.question.id if ask else None,
        "k": ask.k if ask else None,
        "model": model,
        "served_model": outcome.served_model,
        "prompt_sha256": prompt_sha256,
        "text": outcome.text,
        "finish_reason": outcome.finish_reason,
        "tokens_in": usage.tokens_in if usage.told else None,
        "tokens_out": usage.tokens_out if usage.told else None,
        "tokens": usage.total,
        "fault": outcome.message if outcome.text is None else None,
        "lane": lane,
    }


class Journal:
    """Appends to one file, a line at a time, each in one write that a kill cannot interleave."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor: int | None = None
        self.unsynced = False

    def append(self, record: dict[str, Any]) -> None:
        """Write one line. Raises DiskStop where the disk does not take it."""
        line = sealed(record)
        try:
            if self.descriptor is None:
                self.descriptor = open_for_append(self.path)
            written = os.write(self.descriptor, line)
            if written < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as problem:
            raise DiskStop(
                f"{self.path}: the answer just received cannot be written: {problem.strerror}; "
                "make room and run the same command again"
            ) from problem
        self.unsynced = True

    def sync(self) -> None:
        """Bring what was written down to the disk: against power cuts, a kill needs no sync."""
        if self.descriptor is not None and self.unsynced:
            self.unsynced = False
            os.fsync(self.descriptor)

    def close(self) -> None:
        if self.descriptor is not None:
            self.sync()
            os.close(self.descriptor)
            self.descriptor = None


def open_for_append(path: Path) -> int:
    """Open `path`, giving up a line that a kill left torn so that the next starts on its own."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        os.write(descriptor, GIVEN_UP + b"\n")
    return descriptor
