"""One shard's asking: what it needs, how far it is, and how one request goes out."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from r1data.teacher.advice import Sent
from r1data.teacher.budget import Budget, Prices, estimate_input
from r1data.teacher.canary import Canary
from r1data.teacher.client import post
from r1data.teacher.counts import Counts
from r1data.teacher.faults import Outcome, billed
from r1data.teacher.health import Running
from r1data.teacher.journal import Journal
from r1data.teacher.lanes import Lane
from r1data.teacher.limits import Window
from r1data.teacher.requests import Ask, Question, encode_body, output_cap
from r1data.teacher.sharing import Seat, shared_money

BUILDERS = 2


class Refusal(NamedTuple):
    """A lane that will never take a request, and what it said."""

    url: str
    message: str


@dataclass
class Work:
    """Everything one shard's asking needs, and how far it is.

    `section` is that of the recipe which names the model. `claimed` are the keys of the canaries
    that this cell sends.
    """

    model: str
    section: str
    params: Mapping[str, Any]
    most_output: int
    patience: float
    canary: Canary
    claimed: frozenset[str]
    prompt_sha256: str
    tries: int
    prices: Prices | None
    budget: Budget | None
    seat: Seat
    journal: Journal
    discarded: Journal
    stop: Path
    waiting: deque[Ask]
    left: int
    results: dict[str, dict[str, Any]]
    counts: Counts
    lanes: list[Running] = field(default_factory=list)
    later: list[tuple[float, int, Ask]] = field(default_factory=list)
    attempts: dict[str, int] = field(default_factory=dict)
    refused: dict[str, list[Refusal]] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    unsent: int = 0
    serial: int = 0
    fatal: BaseException | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    builders: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(BUILDERS))

    @property
    def told(self) -> Sent:
        """What advice about a refused request needs to know of it."""
        return Sent(self.model, len(self.canary.question.sizes), self.section)

    def takers(self, ask: Ask) -> list[Running]:
        """Return the lanes that may still take a request: alive, and not those that refused it."""
        refused = {refusal.url for refusal in self.refused.get(ask.key, ())}
        return [each for each in self.lanes if not each.dead and each.lane.url not in refused]

    def end(self, problem: BaseException) -> None:
        """Send nothing new; the first reason counts."""
        self.fatal = self.fatal or problem
        self.changed.set()


@contextmanager
def shared(work: Work) -> Iterator[None]:
    """Learn what other cells have in flight and have spent, and tell them the same of this one."""
    mine = work.seat.name
    with work.seat.turn() as ledger:
        told = [(each.lane.shown, each.window.most, each.window.kind) for each in work.lanes]
        names = [f"{i} {shown} {most} {kind}" for i, (shown, most, kind) in enumerate(told)]
        for name, running in zip(names, work.lanes, strict=True):
            running.elsewhere = ledger.flying(name, mine)
            if name in ledger.windows:
                running.window = Window(**ledger.windows[name])
            for change in running.news:
                change(running.window, running.flying)
            running.news.clear()
        with shared_money(ledger, mine, work.budget):
            yield
        for name, running in zip(names, work.lanes, strict=True):
            ledger.windows[name] = vars(running.window)
            ledger.seats[mine].in_flight[name] = running.in_flight
        ledger.seats[mine].counts = work.counts


async def deliver(
    work: Work, running: Running, question: Question, k: int, out: Callable[[], None]
) -> Outcome:
    """Put a request together and send it; `out` is called once the body has left."""
    body = await asyncio.get_running_loop().run_in_executor(
        work.builders, encode_body, question, work.model, work.params, running.lane.media, k
    )
    cap = output_cap(work.params)
    sending = post(running.client, running.lane, body, cap, running.context, out)
    del body
    factor = work.budget.factor if work.budget else 1.0
    tokens_in = math.ceil(estimate(question, running.lane) * factor)
    return billed(await sending, tokens_in, work.most_output)


def estimate(question: Question, lane: Lane) -> int:
    """Return the input tokens of a request, on the high side."""
    return estimate_input(question.text, question.sizes_for(lane.media))


def cost(work: Work, outcome: Outcome) -> float | None:
    """Return the US dollars of one reply, or None without prices."""
    if work.prices is None:
        return None
    usage = outcome.usage
    return work.prices.cost(usage.tokens_in or 0, usage.tokens_out or 0)


def discard(work: Work, key: str, outcome: Outcome) -> None:
    """Book what a thrown-away reply cost: the budget must know it after a restart, too."""
    if outcome.usage.total:
        work.discarded.append(
            {
                "request_sha256": key,
                "why": outcome.message,
                "tokens": outcome.usage.total,
                "usd": cost(work, outcome),
            }
        )
