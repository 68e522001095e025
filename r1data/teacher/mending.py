"""Journals whose lines were damaged: given up in place, and written anew from the shard.

A journal is never written again from its begin: other cells may be appending to it.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import ShardFault
from r1data.grid.shards import read_note, read_shard
from r1data.teacher.journal import GIVEN_UP, SEAL, Journal, look_up, opened, read_journals

JOURNALS = "[0-9]*.*/*.jsonl"
ENDINGS = (".journal", ".discarded", ".batches")


class Line(NamedTuple):
    """A line of a journal that is not as it was written."""

    number: int
    offset: int
    text: bytes


def journals(build: Path) -> Iterator[Path]:
    """Yield every journal of a build."""
    for path in sorted(build.glob(JOURNALS)):
        if path.stem.endswith(ENDINGS):
            yield path


def shard_of(journal: Path) -> Path:
    """Return the shard that a journal's answers were folded into."""
    stage, _, shard = journal.name.partition(".")[0].rpartition("-")
    folder = journal.parent.parent / f"6.{stage}" if stage else journal.parent
    return folder / f"{shard}.parquet"


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
    """Give up the damaged lines of a journal, and restore their answers; return how many."""
    bad = list(damaged_lines(journal))
    if not bad:
        return 0
    with journal.open("rb+") as file:
        for line in bad:
            file.seek(line.offset)
            file.write(GIVEN_UP * (len(line.text) - 1) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    if journal.stem.endswith(".journal"):
        cut = torn(bad[-1].text)
        restore(journal, None if cut else b"".join(line.text for line in bad))
    return len(bad)


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
