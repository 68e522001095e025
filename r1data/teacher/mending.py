"""Journals whose lines were damaged: put right in place, or given up and written from the shard.

One byte that changed is found again by the line's own checksum, whatever it held. A journal is
never written again from its begin: other cells may be appending to it.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import ShardFault
from r1data.grid.shards import read_note, read_shard
from r1data.teacher.journal import (
    GIVEN_UP,
    SEAL,
    Journal,
    forget,
    look_up,
    opened,
    read_journals,
    seal_of,
)

# Those of probes and of the judge share a folder.
FOLDERS = ("[0-9]*.*", "probes")
# Each byte of a line is tried with each value: 0.4 s for 600 bytes, and above this with each bit
# alone, since a failing memory or disk flips one.
EACH_VALUE = 1000
BITS = range(8)
# The longest line and the most lines of a journal for which that takes seconds.
MOST_BYTES, MOST_TRIED = 20_000, 50
CHECK = b',"check":"'
TAIL = len(CHECK) + 16 + len(b'"}\n')
# Where a line ends and the next one begins, with another byte than the end of line between.
JOINT = re.compile(rb'"}.(?={")')
ENDINGS = (".journal", ".discarded", ".batches")


class Line(NamedTuple):
    """A line of a journal that is not as it was written."""

    number: int
    offset: int
    text: bytes


def journals(build: Path) -> Iterator[Path]:
    """Yield every journal of a build."""
    for path in sorted(path for each in FOLDERS for path in build.glob(f"{each}/*.jsonl")):
        if path.stem.endswith(ENDINGS):
            yield path


def shard_of(journal: Path) -> Path:
    """Return the shard that a journal's answers were folded into."""
    stage, _, shard = journal.name.partition(".")[0].rpartition("-")
    folders = sorted(journal.parent.parent.glob(f"[0-9]*.{stage}")) if stage else []
    return (folders or [journal.parent])[0] / f"{shard}.parquet"


def damaged_lines(journal: Path) -> Iterator[Line]:
    """Yield the lines that are damaged.

    What a kill tore off at the end is none while the shard is not made; whoever made it would have
    asked again, and given up the torn line.
    """
    offset, made = 0, is_folded(journal)
    with journal.open("rb") as lines:
        for number, text in enumerate(lines, start=1):
            if not (opened(text) is not None or given_up(text) or (torn(text) and not made)):
                yield Line(number, offset, text)
            offset += len(text)


def is_folded(journal: Path) -> bool:
    """Tell whether the shard that a journal's answers went into is made."""
    note = shard_of(journal).with_suffix(".json")
    return journal.stem.endswith(".journal") and read_note(note) is not None


def given_up(text: bytes) -> bool:
    """Tell whether a line was given up before."""
    return text.removesuffix(b"\n").endswith(GIVEN_UP)


def torn(text: bytes) -> bool:
    """Tell a last line that a kill cut off from a whole one whose end of line was hit."""
    return not text.endswith(b"\n") and SEAL.search(text[:-1]) is None


def mend_journal(journal: Path) -> int:
    """Put the damaged lines of a journal right, or restore their answers; return how many."""
    bad = list(joined(damaged_lines(journal)))
    if not bad:
        return 0
    lost: list[Line] = []
    with journal.open("rb+") as file:
        for line in bad:
            text = put_right(line.text) if len(bad) <= MOST_TRIED else None
            if text is None:
                lost.append(line)
                text = GIVEN_UP * (len(line.text) - 1) + b"\n"
            file.seek(line.offset)
            file.write(text)
        file.flush()
        os.fsync(file.fileno())
    forget(journal.parent)
    if lost and journal.stem.endswith(".journal"):
        cut = torn(lost[-1].text)
        restore(journal, None if cut else b"".join(line.text for line in lost))
    return len(bad)


def joined(bad: Iterable[Line]) -> Iterator[Line]:
    """Yield damaged lines; two that are one, cut by a byte that became an end of line, as one."""
    last: Line | None = None
    for line in bad:
        if last is not None:
            both = Line(last.number, last.offset, last.text + line.text)
            if last.offset + len(last.text) == line.offset and put_right(both.text) is not None:
                line = both
            else:
                yield last
        last = line
    if last is not None:
        yield last


def put_right(text: bytes) -> bytes | None:
    """Return a line, or two that ran together, as it was before one of its bytes changed.

    None where more than that changed: no text fits its checksum.
    """
    for changed in one_byte_others(text):
        lines = changed.removesuffix(b"\n").split(b"\n")
        if all(SEAL.search(line) and opened(line) is not None for line in lines):
            return changed
    return None


def one_byte_others(text: bytes) -> Iterator[bytes]:
    """Yield the texts that differ from a line in one byte and that its checksum may fit."""
    yield text[:-1] + b"\n"
    for joint in JOINT.finditer(text):
        yield text[: joint.end() - 1] + b"\n" + text[joint.end() :]
    if len(text) > MOST_BYTES:
        return
    body, seal = text[:-TAIL], text[-19:-3]
    whole = body + CHECK + seal_of(body) + b'"}\n'
    if sum(mine != theirs for mine, theirs in zip(whole, text, strict=False)) == 1:
        yield whole
    before = hashlib.sha256()
    for at, byte in enumerate(body):
        for value in range(256) if len(text) <= EACH_VALUE else (byte ^ 1 << bit for bit in BITS):
            digest = before.copy()
            digest.update(bytes([value]) + body[at + 1 :])
            if digest.hexdigest()[:16].encode() == seal:
                yield body[:at] + bytes([value]) + text[at + 1 :]
        before.update(body[at : at + 1])


def restore(journal: Path, lost: bytes | None) -> None:
    """Write answers again that the shard still has and that damaged lines, `lost`, name.

    None stands for a journal that was cut: nobody knows what else it held.
    """
    index = read_journals(journal.parent)
    kept = Journal(journal)
    for row in answers_of(shard_of(journal)):
        key = row["request_sha256"]
        named = lost is None or key.encode() in lost or f'"{row["id"]}"'.encode() in lost
        if named and row["text"] is not None and look_up(index, key) is None:
            tokens = (row["tokens_in"] or 0) + (row["tokens_out"] or 0)
            kept.append({**row, "tokens": tokens})
    kept.close()


def answers_of(shard: Path) -> list[dict[str, Any]]:
    """Return the answers of a shard; none where it cannot be believed or holds no texts."""
    try:
        table = read_shard(shard)
    except ShardFault:
        return []
    if not {"request_sha256", "text"} <= set(table.column_names):
        return []
    return table.drop_columns(["params"]).to_pylist()


def unfolded(journal: Path) -> bool:
    """Tell whether a journal was written to after the shard that its answers went into."""
    note = shard_of(journal).with_suffix(".json")
    if read_note(note) is None:
        return True
    return journal.stat().st_mtime_ns > note.stat().st_mtime_ns
