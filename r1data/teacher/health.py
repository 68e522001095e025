"""A lane at work: its window, and whether anybody is still there."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import openai

from r1data.errors import TeacherStop
from r1data.teacher.client import list_models, open_client
from r1data.teacher.faults import Kind, Outcome, stated_rest
from r1data.teacher.lanes import Lane
from r1data.teacher.limits import BACKOFF_FIRST_S, Window, backoff

LOG = logging.getLogger(__name__)

# With half of all requests failing, eight failures in a row come about once in 250 requests.
ILL_AFTER = 8
# One bad picture may fail for ever; three different requests that fail are the server's fault.
WIDESPREAD = 3
# A server that restarts needs a minute or two; nothing is lost by stopping, only time.
PATIENCE_S = 120.0
# Hosted endpoints refuse for minutes when a quota by the minute or by ten minutes is spent.
BUSY_PATIENCE_S = 900.0
HELLO_TRIES = 3
# Limits are by the minute; a daily one is found out by its 429s.
STATED_REST_MOST_S = 60.0


@dataclass
class Running:
    """One lane with its connections. Times are those of time.monotonic.

    The window is shared with other cells: it is brought up to date before each sending, and what
    happened since waits in `news`. `elsewhere` is what the other cells have in flight.
    """

    lane: Lane
    client: openai.AsyncOpenAI
    window: Window
    in_flight: int = 0
    elsewhere: int = 0
    news: list[Callable[[Window, int], None]] = field(default_factory=list)
    failures: int = 0
    failing: set[str] = field(default_factory=set)
    failing_since: float | None = None
    busy_since: float | None = None
    rest_until: float = 0.0
    rests: int = 0
    spent_until: float = 0.0
    ever_answered: bool = False
    doubtful: bool = False
    refused: set[str] = field(default_factory=set)
    context: int | None = None
    dead: str = ""

    @property
    def flying(self) -> int:
        """How many requests of the lane are in flight, in all cells."""
        return self.in_flight + self.elsewhere

    def open_for(self, now: float) -> bool:
        """Tell whether a request may be sent now; an ill lane gets one at a time, at intervals."""
        if (
            self.dead
            or now < max(self.rest_until, self.spent_until)
            or not self.window.room(self.flying, now)
        ):
            return False
        if self.failures >= ILL_AFTER:
            self.rests += 1
            self.rest_until = now + backoff(self.rests, 1.0)
        return True

    def take(self, key: str, outcome: Outcome, wait: float, seconds: float, now: float) -> None:
        """Book the end of one request."""
        if outcome.limits:
            rest = min(STATED_REST_MOST_S, stated_rest(outcome.limits))
            self.spent_until = max(self.spent_until, now + rest)
        if outcome.kind is Kind.BUSY:
            self.busy_since = self.busy_since or now
            self.news.append(lambda window, flying: window.take_refused(flying, now, wait))
        elif outcome.kind in (Kind.AGAIN, Kind.UNREACHABLE):
            self.take_failure(key, outcome, now)
            self.news.append(lambda window, flying: window.take_failed(flying, now))
        else:
            self.failures, self.failing_since, self.busy_since = 0, None, None
            self.failing.clear()
            self.ever_answered = True
            self.doubtful = self.doubtful and outcome.kind is Kind.REFUSED
            self.refused |= {key} if self.doubtful else set()
            self.rest_until, self.rests = 0.0, 0
            self.news.append(lambda window, flying: window.take_accepted(flying, now, seconds))

    def refuses_all(self) -> bool:
        """Tell whether a doubtful lane has refused several requests and answered none."""
        return self.doubtful and len(self.refused) >= WIDESPREAD

    def take_failure(self, key: str, outcome: Outcome, now: float) -> None:
        """Book a failure: several in a row make the lane rest."""
        self.failing_since = self.failing_since or now
        self.failing.add(key)
        unreachable = outcome.kind is Kind.UNREACHABLE
        self.failures = max(self.failures + 1, ILL_AFTER if unreachable else 0)
        if self.failures >= ILL_AFTER and now >= self.rest_until:
            self.rest_until = now + BACKOFF_FIRST_S

    async def rows_fault(self) -> bool:
        """Tell whether a request that failed to the last try is to blame rather than the server."""
        if len(self.failing) < WIDESPREAD:
            return True
        return self.ever_answered and await answers(self)

    async def check(self, outcome: Outcome, now: float) -> None:
        """Give the lane up where it has failed or refused everything for too long."""
        if self.busy_since is not None and now - self.busy_since > BUSY_PATIENCE_S:
            minutes = BUSY_PATIENCE_S / 60
            self.give_up(f"has refused everything for {minutes:.0f} minutes ({outcome.message})")
        failing = self.failing_since is not None and now - self.failing_since > PATIENCE_S
        if not failing or self.failures < ILL_AFTER:
            return
        if outcome.kind is Kind.UNREACHABLE or not await self.rows_fault():
            self.give_up(f"has answered nothing for {PATIENCE_S:.0f} s ({outcome.message})")

    def give_up(self, why: str) -> None:
        """Send this lane nothing more; the others take its work."""
        if not self.dead:
            self.dead = why
            LOG.warning("the lane %s %s", self.lane.shown, why)


async def answers(running: Running) -> bool:
    """Tell whether anybody answers GET /models with less than a 5xx."""
    outcome, _ = await list_models(running.client, running.lane)
    return outcome.kind not in (Kind.UNREACHABLE, Kind.AGAIN)


def start(lane: Lane) -> Running:
    """Open the connections of a lane."""
    window = Window(lane.concurrency, lane.window, since=time.monotonic())
    return Running(lane, open_client(lane), window)


def fill(window: Window, flying: int) -> None:
    """Open a window as far as the lane allows."""
    window.size = float(window.most)


async def greet(running: Running, model: str) -> None:
    """Ask GET /models until somebody answers; a lane where nobody does is dead from the start.

    A lane that refuses even this, or lists models and not ours, is doubtful: some servers (the
    litellm proxy is one) say 400 to a wrong key or model, which else means a bad row.
    """
    outcome = Outcome(Kind.UNREACHABLE)
    for attempt in range(HELLO_TRIES):
        if attempt:
            await asyncio.sleep(backoff(attempt, 0.0))
        outcome, models = await list_models(running.client, running.lane)
        if outcome.kind is not Kind.UNREACHABLE:
            names = [entry.get("id") for entry in models]
            refused = outcome.kind is Kind.REFUSED
            running.doubtful = refused or (bool(names) and model not in names)
            lengths = [model.get("max_model_len") for model in models]
            known = [length for length in lengths if isinstance(length, int)]
            running.context = min(known) if known else None
            if any(model.get("owned_by") == "vllm" for model in models):
                # vLLM queues and never refuses: nothing would be learned by opening slowly.
                running.news.append(fill)
            return
    running.give_up(f"does not answer ({outcome.message})")


def all_dead(lanes: list[Running]) -> TeacherStop:
    """Return the error for the case that no lane is left."""
    told = "; ".join(f"{running.lane.shown} {running.dead}" for running in lanes)
    return TeacherStop(
        f"no teacher is left: {told}; what was answered is kept: "
        "start the server or correct run.lanes, and run the same command again"
    )


def stop_message(running: Running, model: str, outcome: Outcome) -> str:
    """Say in one line why no request will ever be taken, and what to do."""
    advice = {
        400: f"the key is wrong, or the server knows no model '{model}'",
        401: "set the right key in run.lanes (key: $NAME reads it from the environment)",
        403: "this key may not use the model: ask for access or take another lane",
        404: f"does the server know the model '{model}', and does the url end in /v1?",
        429: "the account is out of credit: top it up",
    }.get(outcome.status, "check run.lanes")
    return f"{running.lane.shown} answers {outcome.message}; {advice}; then run the same again"
