"""A lane at work: its window, and whether anybody is still there."""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import openai

from r1data.errors import TeacherStop
from r1data.teacher.advice import Sent, advice_for
from r1data.teacher.client import list_models, open_client
from r1data.teacher.faults import Kind, Outcome, stated_rest
from r1data.teacher.lanes import Lane
from r1data.teacher.limits import BACKOFF_FIRST_S, Window, backoff

LOG = logging.getLogger(__name__)

# With half of all requests failing, eight failures in a row come about once in 250 requests.
ILL_AFTER = 8
# One bad picture may fail for ever; three different requests that fail are the server's fault.
WIDESPREAD = 3
HELLO_TRIES = 3
# Limits are by the minute; a daily one is found out by its 429s.
STATED_REST_MOST_S = 60.0
# Until a lane has answered, so many requests are in flight: a limit that refuses all of them is
# met by a handful. Servers check a request within milliseconds; one that is silent for a second
# works at it.
CAUTIOUS, CAUTIOUS_S = 4, 1.0
# So many different requests refused in the same words are suspicious; many more where the lane has
# answered others, since those may be the ones that it cannot take.
HANDFUL, MANY = 4, 24
# A gateway may answer with its own page while the server behind it restarts.
MALFORMED_S = 3.0
# Numbers and ids in an error differ from request to request.
VARYING = re.compile(r"\S*\d\S*")


@dataclass
class Streak:
    """Requests that met the same fault, with no answer and no other fault between them."""

    words: str = ""
    keys: set[str] = field(default_factory=set)
    count: int = 0
    since: float = 0.0

    def add(self, key: str, outcome: Outcome, now: float) -> None:
        """Count a fault; another one than before begins a new streak."""
        words = f"{outcome.kind.value} {outcome.status} {VARYING.sub('#', outcome.message)}"
        if words != self.words:
            self.words, self.count, self.since = words, 0, now
            self.keys.clear()
        self.keys.add(key)
        self.count += 1

    def clear(self) -> None:
        self.words, self.count = "", 0
        self.keys.clear()


@dataclass
class Running:
    """One lane with its connections. Times are those of time.monotonic.

    The window is shared with other cells: it is brought up to date before each sending, and what
    happened since waits in `news`. `elsewhere` is what the other cells have in flight.
    """

    lane: Lane
    client: openai.AsyncOpenAI
    window: Window
    patience: float
    in_flight: int = 0
    elsewhere: int = 0
    news: list[Callable[[Window, int], None]] = field(default_factory=list)
    failures: int = 0
    failing: set[str] = field(default_factory=set)
    silent_since: float | None = None
    rest_until: float = 0.0
    rests: int = 0
    spent_until: float = 0.0
    first_sent: float | None = None
    ever_answered: bool = False
    streak: Streak = field(default_factory=Streak)
    listed: tuple[str, ...] = ()
    context: int | None = None
    judging: asyncio.Lock = field(default_factory=asyncio.Lock)
    dead: str = ""
    told: bool = False

    @property
    def flying(self) -> int:
        """How many requests of the lane are in flight, in all cells."""
        return self.in_flight + self.elsewhere

    @property
    def answered(self) -> bool:
        """Whether the lane has answered any request of this run, in any cell."""
        return self.ever_answered or self.window.answers > 0

    def open_for(self, now: float) -> bool:
        """Tell whether a request may be sent now; an ill lane gets one at a time, at intervals."""
        if (
            self.dead
            or now < max(self.rest_until, self.spent_until)
            or (self.in_flight >= CAUTIOUS and self.is_unproven(now))
            or not self.window.room(self.flying, now)
        ):
            return False
        if self.failures >= ILL_AFTER:
            self.rests += 1
            self.rest_until = now + backoff(self.rests, 1.0)
        return True

    def is_unproven(self, now: float) -> bool:
        """Tell whether nothing shows yet that the lane takes what it is sent."""
        if self.answered:
            return False
        waited = self.first_sent is not None and now - self.first_sent > CAUTIOUS_S
        return bool(self.streak.count) or not waited

    def take_sent(self, now: float) -> None:
        """Book that a request is on its way."""
        self.in_flight += 1
        self.window.take_sent()
        self.first_sent = self.first_sent or now

    def take(self, key: str, outcome: Outcome, wait: float, seconds: float, now: float) -> None:
        """Book the end of one request."""
        if outcome.limits:
            rest = min(STATED_REST_MOST_S, self.patience, stated_rest(outcome.limits))
            self.spent_until = max(self.spent_until, now + rest)
        if outcome.kind in (Kind.REFUSED, Kind.MALFORMED):
            self.streak.add(key, outcome, now)
        if outcome.kind is Kind.BUSY:
            self.silent_since = self.silent_since or now
            self.news.append(lambda window, flying: window.take_refused(flying, now, wait))
        elif outcome.kind in (Kind.AGAIN, Kind.MALFORMED, Kind.UNREACHABLE):
            self.take_failure(key, outcome, now)
            self.news.append(lambda window, flying: window.take_failed(flying, now))
        else:
            self.take_reply(outcome, seconds, now)

    def take_reply(self, outcome: Outcome, seconds: float, now: float) -> None:
        """Book a reply that the server meant, be it an answer or a refusal."""
        self.failures, self.silent_since = 0, None
        self.failing.clear()
        self.rest_until, self.rests = 0.0, 0
        if outcome.kind in (Kind.ANSWER, Kind.CUT):
            self.streak.clear()
            self.ever_answered = True
            self.news.append(lambda window, flying: window.take_answered())
        self.news.append(lambda window, flying: window.take_accepted(flying, now, seconds))

    def take_failure(self, key: str, outcome: Outcome, now: float) -> None:
        """Book a failure: several in a row make the lane rest."""
        self.silent_since = self.silent_since or now
        self.failing.add(key)
        unreachable = outcome.kind is Kind.UNREACHABLE
        self.failures = max(self.failures + 1, ILL_AFTER if unreachable else 0)
        if self.failures >= ILL_AFTER and now >= self.rest_until:
            self.rest_until = now + BACKOFF_FIRST_S

    def is_suspicious(self, now: float) -> bool:
        """Tell whether the lane seems to refuse everything in the same way."""
        least = MANY if self.answered else HANDFUL
        if self.streak.words.startswith(Kind.MALFORMED.value):
            return self.streak.count >= least and now - self.streak.since > MALFORMED_S
        return len(self.streak.keys) >= least

    def blames_row(self) -> bool:
        """Tell whether so few requests fail that they are to blame rather than the server."""
        return self.answered and len(self.failing) < WIDESPREAD

    async def rows_fault(self) -> bool:
        """Tell whether a request that failed to the last try is to blame rather than the server."""
        return self.blames_row() or (self.answered and await answers(self))

    def patience_left(self, now: float) -> float:
        """Return the seconds that the lane may still go without an answer.

        No wait is longer, whatever the server asks for: one more request ends each silence.
        """
        since = now if self.silent_since is None else self.silent_since
        return max(0.0, self.patience - (now - since))

    def check(self, outcome: Outcome, now: float) -> None:
        """Give the lane up where it has failed or refused everything for too long."""
        if self.silent_since is None or self.patience_left(now) > 0:
            return
        if outcome.kind in (Kind.BUSY, Kind.UNREACHABLE) or not self.blames_row():
            did = "refused everything" if outcome.kind is Kind.BUSY else "answered nothing"
            self.give_up(f"has {did} for {self.patience:.0f} s ({outcome.message})")

    def give_up(self, why: str) -> None:
        """Send this lane nothing more; the others take its work."""
        self.dead = self.dead or why


async def answers(running: Running) -> bool:
    """Tell whether anybody answers GET /models with less than a 5xx."""
    outcome, _ = await list_models(running.client, running.lane)
    return outcome.kind not in (Kind.UNREACHABLE, Kind.AGAIN)


def start(lane: Lane, patience: float) -> Running:
    """Open the connections of a lane."""
    window = Window(lane.concurrency, lane.window, since=time.monotonic())
    return Running(lane, open_client(lane), window, patience)


def fill(window: Window, flying: int) -> None:
    """Open a window as far as the lane allows."""
    window.size = float(window.most)


async def greet(running: Running) -> None:
    """Ask GET /models until somebody answers; a lane where nobody does is dead from the start."""
    outcome = Outcome(Kind.UNREACHABLE)
    for attempt in range(HELLO_TRIES):
        if attempt:
            await asyncio.sleep(backoff(attempt, 0.0))
        outcome, models = await list_models(running.client, running.lane)
        if outcome.kind is not Kind.UNREACHABLE:
            running.listed = tuple(model.id for model in models)
            running.context = min((each.length for each in models if each.length), default=None)
            if any(model.owner == "vllm" for model in models):
                # vLLM queues and never refuses: nothing would be learned by opening slowly.
                running.news.append(fill)
            return
    running.give_up(
        f"does not answer ({outcome.message}): start the server, or correct its url in run.lanes"
    )


def all_dead(lanes: list[Running]) -> TeacherStop | None:
    """Return the error for the case that no lane is left; warn once of each that is lost."""
    lost = [running for running in lanes if running.dead]
    if len(lost) == len(lanes):
        told = "; ".join(f"{running.lane.shown} {running.dead}" for running in lanes)
        return TeacherStop(f"{told}; what was answered is kept: run the same command again")
    for running in lost:
        if not running.told:
            running.told = True
            LOG.warning("the other endpoints go on: %s %s", running.lane.shown, running.dead)
    return None


def refusal_text(running: Running, sent: Sent, outcome: Outcome) -> str:
    """Say why no request will ever be taken, in the server's words, and what to do."""
    advice = advice_for(outcome, sent, running.listed)
    return f"answers {outcome.message.rstrip('.')}; {advice}"
