"""What progress says: facts in a line that fits, rates, times, and a fault in its own words."""

import sys
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from r1data.console import harmless

if TYPE_CHECKING:
    from r1data.teacher.counts import Counts

STOPPING = "stopping, Ctrl-C again stops now"
# Of a line that is too short for everything, a fault gets half, and no less than this.
LEAST_FAULT = 26
# With less room than this a fault is told without quotation marks.
SHORT = 36


class Line(NamedTuple):
    """Facts, the most important first, and the last fault with how often it came in a row."""

    facts: tuple[str, ...]
    fault: str = ""
    times: int = 0


class Share(NamedTuple):
    """So much of `wanted` is done; `about` is "", "about " or "at least ", as `wanted` is known.

    `failed` will never be done.
    """

    done: int
    wanted: int
    failed: int = 0
    about: str = ""

    @property
    def missing(self) -> int:
        """How many are still to come."""
        return max(0, self.wanted - self.done - self.failed)

    def text(self, unit: str) -> str:
        """Say it: "96 of about 480 answers"."""
        return f"{self.done:,} of {self.about}{self.wanted:,} {unit}"


def fit(line: Line, room: int) -> str:
    """Return a line of at most `room` cells; the least important facts are left out first."""
    facts = [plain(fact) for fact in line.facts]
    if not line.fault:
        return joined(facts, room)
    fault = fault_text(plain(line.fault), line.times, 1_000)
    wanted = cells(fault) + 2
    if cells(", ".join(facts)) + wanted > room:
        wanted = min(wanted, max(room // 2, LEAST_FAULT))
    told = joined(facts, room - wanted)
    rest = room - cells(told) - 2
    return "; ".join(filter(None, [told, fault_text(plain(line.fault), line.times, rest)]))


def joined(facts: list[str], room: int) -> str:
    """Join as many facts as there is room for; of the first one as many words."""
    text = ""
    for fact in facts:
        longer = f"{text}, {fact}" if text else fact
        if cells(longer) > room:
            break
        text = longer
    words = facts[0].split() if facts and not text else []
    while words and cells(" ".join(words)) > room:
        words.pop()
    return text or " ".join(words)


def fault_text(fault: str, times: int, room: int) -> str:
    """Return the fault in its own words, quoted after its HTTP status, cut to `room` cells."""
    count = f" x {times:,}" if times > 1 else ""
    if room < SHORT:
        return cut(cut(fault, room - len(count)) + count, room)
    status, colon, words = fault.partition(": ")
    if not colon or not status.startswith("HTTP "):
        return f"last: {cut(fault, room - 6 - len(count))}{count}"
    head, tail = f'last: {status} "', f'"{count}'
    return f"{head}{cut(words, room - len(head) - len(tail))}{tail}"


def plain(text: str) -> str:
    """Return a text in one line, as this terminal's encoding can say it."""
    encoding = sys.stderr.encoding or "utf-8"
    seen = harmless(" ".join(text.split()))
    return seen.encode(encoding, "backslashreplace").decode(encoding)


def cells(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(map(width, text))


def width(character: str) -> int:
    """Return how many columns a character takes: 2 for Chinese and emoji, 0 for added marks."""
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, room: int) -> str:
    """Return a text of at most `room` cells; "..." stands for what is left out."""
    if cells(text) <= room:
        return text
    end = len(text)
    while end and cells(text[:end]) > room - 3:
        end -= 1
    return (text[:end].rstrip() + "...")[: max(0, room)]


def clock(seconds: float) -> str:
    """Return a span of time as 00:07, 12:30 or 3:05:00."""
    from tqdm import tqdm

    return tqdm.format_interval(seconds)


class Rate:
    """How many a second: over the last 30 seconds, or longer where there were fewer than 20."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, int]] = []

    def take(self, count: int) -> float | None:
        """Take note of a count that grows; return the rate, None while it is not known."""
        now = time.monotonic()
        self.marks.append((now, count))
        while len(self.marks) > 2 and self.is_old(self.marks[1], now, count):
            self.marks.pop(0)
        began, before = self.marks[0]
        return (count - before) / (now - began) if count > before else None

    def is_old(self, mark: tuple[float, int], now: float, count: int) -> bool:
        """Tell whether the rate since a mark says enough, so that none before it is needed."""
        return now - mark[0] > 30.0 and count - mark[1] >= 20


def rate_text(rate: float) -> str:
    """Return a rate as a person says it: by the second, or by the minute where it is slow."""
    if rate >= 10:
        return f"{rate:,.0f}/s"
    return f"{rate:.1f}/s" if rate >= 1 else f"{60 * rate:.1f}/min"


def answer_facts(shares: Mapping[str, Share], counts: "Counts", rate: float | None) -> list[str]:
    """Say how many answers have come by stage, how long the rest takes, how fast, at what price."""
    if not any(share.wanted for share in shares.values()):
        return []
    missing = sum(share.missing for share in shares.values())
    return [
        *(answers_text(stage, share) for stage, share in shares.items() if share.wanted),
        *([f"{counts.failed:,} failed"] if counts.failed else []),
        *([f"{clock(missing / rate)} left"] if rate and missing else []),
        *([rate_text(rate)] if rate else []),
        *([f"{counts.tokens:,} tokens"] if counts.tokens else []),
        *([f"${counts.usd:,.2f}"] if counts.usd else []),
    ]


def answers_text(stage: str, share: Share) -> str:
    """Say how many answers of a stage have come; the teacher's need no name."""
    return share.text("answers") if stage == "responses" else f"{stage} {share.text('answers')}"


@dataclass
class Steps:
    """So many steps of a known number are done; whoever takes them raises `done`."""

    unit: str
    total: int
    done: int = 0
    facts: tuple[str, ...] = ()
    rate: Rate = field(default_factory=Rate)

    def line(self) -> Line:
        """Return what is told now."""
        share, rate = Share(self.done, self.total), self.rate.take(self.done)
        left = [f"{clock(share.missing / rate)} left"] if rate and share.missing else []
        return Line((share.text(self.unit), *left, *self.facts))
