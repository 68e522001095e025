"""Parts: independent processes that share one build's folder, each with shards of its own.

A part makes the cells of its shards; part 0 makes the gather stages, too. Nothing passes between
parts but files: notes, and one file that every part touches while it has work.
"""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from r1data.errors import UsageError

# The name of a gather stage's one cell.
ALL = "all"
BEAT_FILE = ".beat"
BEAT_SECONDS = 5.0
# NFS clients may believe for a minute that a file has not changed.
WAIT_SECONDS = 120.0


class Part(NamedTuple):
    """Part `number` of `of`; its name stands in file names."""

    number: int
    of: int

    @property
    def name(self) -> str:
        return f"{self.number}of{self.of}"

    def owns(self, shard: str) -> bool:
        """Tell whether a shard is this part's to make."""
        return owner(shard, self.of) == self.number

    def sees(self, shard: str) -> bool:
        """Tell whether a shard is any of this part's business: all are part 0's, who gathers."""
        return self.number == 0 or self.owns(shard)


def owner(shard: str, of: int) -> int:
    """Return the part that makes a shard, the same for all its stages.

    Shards are numbered, so dealing them in turn gives every part as many, give or take one; a hash
    would give the unluckiest of three parts twice the work of the luckiest at ten shards. What
    stands before the number, as in the journal blind-00007, says only what was asked; what a gather
    stage asked, as in reworded-all, is part 0's.
    """
    number = shard.rpartition("-")[2]
    if number == ALL:
        return 0
    return (int(number) if number.isdecimal() else crc32(shard.encode())) % of


def read_part(text: str) -> Part:
    """Read "i/n", counted from 0, or a part's name. Raises UsageError."""
    found = re.fullmatch(r"(\d+)(?:/|of)(\d+)", text)
    if found is None or not int(found[1]) < int(found[2]):
        raise UsageError(f"--part {text}: write it as i/n with i from 0 to n-1, as 0/8")
    return Part(int(found[1]), int(found[2]))


def part_file(build: Path, name: str, part: str) -> Path:
    """Return a file of one part, or of a whole build: "events.jsonl", "events.3of8.jsonl"."""
    stem, dot, ending = name.partition(".")
    return build / (f"{stem}.{part}{dot}{ending}" if part else name)


@dataclass
class Patience:
    """How long a part with nothing to make waits for the others: until all have been idle long.

    What other parts did is seen in the time of one file. Only its change counts, by our own
    clock, so no two clocks are compared.
    """

    build: Path
    seconds: float
    beaten: float = 0.0
    stamp: int = 0
    since: float | None = None

    def beat(self) -> None:
        """Tell the others that this part has work."""
        self.since = None
        now = time.monotonic()
        if now - self.beaten > BEAT_SECONDS:
            self.beaten = now
            (self.build / BEAT_FILE).touch()

    def lasts(self) -> bool:
        """Tell whether waiting on makes sense."""
        path, now = self.build / BEAT_FILE, time.monotonic()
        stamp = path.stat().st_mtime_ns if path.exists() else 0
        if self.since is None or stamp != self.stamp:
            self.since, self.stamp = now, stamp
        return now - self.since < self.seconds
