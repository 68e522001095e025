"""The sender: one event loop that keeps the lanes full and journals every answer as it comes."""

import asyncio
import heapq
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from r1data.errors import BudgetSpent, Interrupted, RowDrop, TeacherStop
from r1data.teacher.budget import Budget, Prices, estimate_input
from r1data.teacher.client import keep_freed_pages, post
from r1data.teacher.faults import Kind, Outcome
from r1data.teacher.health import Running, all_dead, greet, start, stop_message
from r1data.teacher.journal import Journal, response_record
from r1data.teacher.lanes import Lane
from r1data.teacher.limits import BACKOFF_MOST_S, BACKOFF_REPLY_S, Window, backoff
from r1data.teacher.requests import Ask, encode_body, gone, hello
from r1data.teacher.sharing import Counts, Seat, shared_money

# At half of all requests failing, one in a million fails twenty times in a row.
TRIES = 20
# About 110 bodies of 16 frames: enough to keep the wire busy while the next ones are built.
READY_BYTES = 64_000_000
POLL_S = 0.2
# How often a paced lane is looked after.
PACE_S = 0.02
# How often a cell looks whether others have left it room.
SHARE_S = 0.05
SYNC_S = 2.0
BUILDERS = 2


@dataclass
class Work:
    """Everything one shard's asking needs, and how far it is."""

    model: str
    params: Mapping[str, Any]
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
    sent: dict[str, int] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    unsent: int = 0
    serial: int = 0
    fatal: BaseException | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    builders: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(BUILDERS))

    def end(self, problem: BaseException) -> None:
        """Send nothing new; the first reason counts."""
        self.fatal = self.fatal or problem
        self.changed.set()


async def send_all(work: Work, lanes: list[Lane]) -> None:
    """Ask everything in `work.waiting`; answers stand in `work.results` and in the journal.

    Raises TeacherStop, BudgetSpent, Interrupted or DiskStop after all in flight has come home.
    """
    keep_freed_pages()
    work.lanes = [start(lane) for lane in lanes]
    beside = [asyncio.create_task(sync_now_and_then(work))]
    try:
        await asyncio.gather(*(greet(running, work.model) for running in work.lanes))
        followed = [running for running in work.lanes if running.window.kind == "metrics"]
        beside += [asyncio.create_task(watch_queue(work, running)) for running in followed]
        while work.left and work.fatal is None:
            dispatch(work)
            await wait_for_change(work)
        while work.tasks:
            await asyncio.wait(work.tasks)
    finally:
        await shut(work, beside)
    if work.fatal is not None:
        raise work.fatal


async def watch_queue(work: Work, running: Running) -> None:
    """Fit a lane's window to its server's queue."""
    from r1data.teacher.following import follow

    try:
        await follow(running)
    except TeacherStop as problem:
        work.end(problem)


async def shut(work: Work, beside: list[asyncio.Task[None]]) -> None:
    """Close connections, threads and files, in whatever state the work is."""
    for task in (*beside, *work.tasks):
        task.cancel()
    await asyncio.gather(*beside, *work.tasks, return_exceptions=True)
    for running in work.lanes:
        await running.client.close()
    with shared(work):
        pass
    work.builders.shutdown()
    work.journal.close()
    work.discarded.close()


async def sync_now_and_then(work: Work) -> None:
    """Bring the journal down to the disk, away from the loop."""
    while True:
        await asyncio.sleep(SYNC_S)
        await asyncio.to_thread(work.journal.sync)


async def wait_for_change(work: Work) -> None:
    """Sleep until a request ends, an ask falls due, or it is time to look for the stop file."""
    until = POLL_S
    if work.waiting and any(not running.window.opening for running in work.lanes):
        until = PACE_S
    elif work.waiting and any(running.elsewhere for running in work.lanes):
        until = SHARE_S
    if work.later:
        until = min(until, max(0.005, work.later[0][0] - time.monotonic()))
    try:
        async with asyncio.timeout(until):
            await work.changed.wait()
    except TimeoutError:
        pass
    work.changed.clear()
    if work.stop.exists():
        work.end(Interrupted("interrupted; every answer is kept: run the same command to go on"))


def dispatch(work: Work) -> None:
    """Send as much as lanes, memory and budget allow right now."""
    now = time.monotonic()
    if all(running.dead for running in work.lanes):
        work.end(all_dead(work.lanes))
    while work.later and work.later[0][0] <= now:
        work.waiting.appendleft(heapq.heappop(work.later)[2])
    with shared(work):
        send_waiting(work, now)


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


def send_waiting(work: Work, now: float) -> None:
    """Send what there is room and money for; the ledger is held."""
    while work.waiting and work.fatal is None and work.unsent < READY_BYTES:
        open_lanes = [running for running in work.lanes if running.open_for(now)]
        if not open_lanes:
            return
        ask = work.waiting[0]
        work.serial += 1
        running = min(open_lanes, key=lambda lane: lane.flying / lane.window.size)
        if not reserve(work, running, ask):
            return
        work.waiting.popleft()
        running.in_flight += 1
        running.window.take_sent()
        size = ask.question.bytes_for(running.lane.media)
        work.unsent += size
        task = asyncio.create_task(send_one(work, running, ask, work.serial, size))
        work.tasks.add(task)
        task.add_done_callback(work.tasks.discard)


def reserve(work: Work, running: Running, ask: Ask) -> bool:
    """Put the cost of a request aside; False where it must wait, or where the budget is spent."""
    if work.budget is None:
        return True
    try:
        tokens_in, tokens_out = estimate(ask, running.lane), int(work.params["max_tokens"])
        return work.budget.reserve(work.serial, tokens_in, tokens_out)
    except BudgetSpent as problem:
        work.end(problem)
        return False


def estimate(ask: Ask, lane: Lane) -> int:
    """Return the input tokens of a request, on the high side."""
    return estimate_input(ask.question.text, ask.question.sizes_for(lane.media))


async def send_one(work: Work, running: Running, ask: Ask, ticket: int, size: int) -> None:
    """Send one request, of `size` bytes, and book what comes back."""
    out = once(lambda: release(work, size))
    outcome = Outcome(Kind.AGAIN, "not sent")
    try:
        body = await asyncio.get_running_loop().run_in_executor(
            work.builders,
            encode_body,
            ask.question,
            work.model,
            work.params,
            running.lane.media,
            ask.k,
        )
        began = time.monotonic()
        work.sent[ask.key] = work.sent.get(ask.key, 0) + 1
        sending = post(
            running.client, running.lane, body, work.params["max_tokens"], running.context, out
        )
        del body
        outcome = await sending
        await book(work, running, ask, outcome, time.monotonic() - began)
    except (RowDrop, FileNotFoundError, PermissionError) as problem:
        fail(work, ask, gone(problem), again=True)
    except Exception as problem:
        work.end(problem)
    finally:
        out()
        running.in_flight -= 1
        if work.budget is not None:
            work.budget.settle(ticket, estimate(ask, running.lane), outcome.usage)
        work.changed.set()


def once(call: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls `call` the first time only."""
    pending = [call]
    return lambda: pending.pop()() if pending else None


def release(work: Work, size: int) -> None:
    """The body is out of memory: the next one may be built."""
    work.unsent -= size
    if work.unsent < READY_BYTES <= work.unsent + size:
        work.changed.set()


async def book(work: Work, running: Running, ask: Ask, outcome: Outcome, seconds: float) -> None:
    """Turn the end of one request into a response, another try, a fault, or a stop."""
    now = time.monotonic()
    counted = outcome.kind not in (Kind.BUSY, Kind.UNREACHABLE)
    attempt = work.attempts[ask.key] = work.attempts.get(ask.key, 0) + counted
    most = BACKOFF_REPLY_S if outcome.status in (0, 200) else BACKOFF_MOST_S
    wait = max(outcome.wait or 0.0, backoff(max(1, attempt), random.random(), most))
    running.take(ask.key, outcome, wait, seconds, now)
    work.counts.note_reply(outcome.usage, cost(work, outcome), outcome.message)
    last = outcome.kind in (Kind.AGAIN, Kind.CUT) and attempt >= work.tries
    if outcome.kind is Kind.ANSWER or (outcome.kind is Kind.CUT and last):
        keep(work, running, ask, outcome, seconds)
    elif outcome.kind is Kind.REFUSED and not await hopeless(work, running):
        fail(work, ask, outcome.message)
    elif outcome.kind in (Kind.STOP, Kind.REFUSED):
        work.end(TeacherStop(stop_message(running, work.model, outcome)))
    elif last and await running.rows_fault():
        fail(work, ask, f"gave up after {attempt} tries: {outcome.message}", again=True)
    else:
        discard(work, ask.key, outcome)
        work.serial += 1
        heapq.heappush(work.later, (now + wait, work.serial, ask))
    await running.check(outcome, now)


async def hopeless(work: Work, running: Running) -> bool:
    """Tell whether a lane that refused several rows and answered none refuses anything at all.

    A word without pictures tells a wrong model from bad rows of an alias that is not listed.
    """
    if not running.refuses_all():
        return False
    outcome = await post(running.client, running.lane, hello(work.model), 16, None, lambda: None)
    discard(work, "hello", outcome)
    if work.budget is not None:
        work.budget.settle(-1, outcome.usage.tokens_in or 1, outcome.usage)
    running.doubtful = outcome.kind not in (Kind.ANSWER, Kind.CUT)
    return outcome.kind in (Kind.STOP, Kind.REFUSED)


def keep(work: Work, running: Running, ask: Ask, outcome: Outcome, seconds: float) -> None:
    """Journal a response."""
    lane = running.lane.shown
    record = response_record(ask.key, ask, work.model, work.prompt_sha256, lane, outcome)
    record |= {"usd": cost(work, outcome), "seconds": round(seconds, 3)}
    record["tries"] = work.sent[ask.key]
    work.journal.append(record)
    work.counts.answered += 1
    finish(work, ask, record)


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


def fail(work: Work, ask: Ask, message: str, again: bool = False) -> None:
    """End a request without a response: not journalled; with `again`, the next run asks it."""
    record = {"text": None, "fault": message, "tries": work.sent.get(ask.key, 0), "again": again}
    work.counts.failed += 1
    finish(work, ask, record)


def finish(work: Work, ask: Ask, record: dict[str, Any]) -> None:
    work.results[ask.key] = record
    work.left -= 1


def cost(work: Work, outcome: Outcome) -> float | None:
    """Return the US dollars of one reply, or None without prices."""
    if work.prices is None:
        return None
    usage = outcome.usage
    return work.prices.cost(usage.tokens_in or 0, usage.tokens_out or 0)
