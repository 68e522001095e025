"""The sender: one event loop that keeps the lanes full and journals every answer as it comes."""

import asyncio
import heapq
import random
import time
from collections.abc import Callable
from typing import Any

from r1data.errors import BudgetSpent, Interrupted, RowDrop, TeacherStop
from r1data.teacher.client import keep_freed_pages
from r1data.teacher.faults import Kind, Outcome
from r1data.teacher.health import Running, all_dead, greet, refusal_text, start
from r1data.teacher.journal import response_record
from r1data.teacher.lanes import Lane
from r1data.teacher.limits import BACKOFF_MOST_S, BACKOFF_REPLY_S, backoff
from r1data.teacher.proof import judge, judge_silent, send_canary, to_try
from r1data.teacher.requests import Ask, gone
from r1data.teacher.work import Refusal, Work, cost, deliver, discard, estimate, shared

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


async def send_all(work: Work, lanes: list[Lane]) -> None:
    """Ask everything in `work.waiting`; answers stand in `work.results` and in the journal.

    Raises TeacherStop, BudgetSpent, Interrupted or DiskStop after all in flight has come home.
    """
    keep_freed_pages()
    work.lanes = [start(lane, work.patience) for lane in lanes]
    beside: list[asyncio.Task[Any]] = [asyncio.create_task(sync_now_and_then(work))]
    try:
        await asyncio.gather(*(greet(running) for running in work.lanes))
        canaries = [asyncio.create_task(send_canary(work, running)) for running in to_try(work)]
        beside += canaries
        followed = [running for running in work.lanes if running.window.kind == "metrics"]
        beside += [asyncio.create_task(watch_queue(work, running)) for running in followed]
        while work.left and work.fatal is None:
            dispatch(work)
            await wait_for_change(work)
        while work.tasks:
            await asyncio.wait(work.tasks)
        if work.fatal is None:
            await asyncio.gather(*canaries)
            await judge_silent(work)
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


async def shut(work: Work, beside: list[asyncio.Task[Any]]) -> None:
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
    if stopped := all_dead(work.lanes):
        work.end(stopped)
    while work.later and work.later[0][0] <= now:
        work.waiting.appendleft(heapq.heappop(work.later)[2])
    with shared(work):
        send_waiting(work, now)


def send_waiting(work: Work, now: float) -> None:
    """Send what there is room and money for; the ledger is held."""
    while work.waiting and work.fatal is None and work.unsent < READY_BYTES:
        ask = work.waiting[0]
        takers = work.takers(ask)
        if not takers:  # the lanes that might have taken it are dead
            fail(work, work.waiting.popleft(), work.refused[ask.key][-1].message)
            continue
        open_lanes = [running for running in takers if running.open_for(now)]
        if not open_lanes:
            return
        work.serial += 1
        running = min(open_lanes, key=load)
        if not reserve(work, running, ask):
            return
        work.waiting.popleft()
        running.take_sent(now)
        size = ask.question.bytes_for(running.lane.media)
        work.unsent += size
        task = asyncio.create_task(send_one(work, running, ask, work.serial, size))
        work.tasks.add(task)
        task.add_done_callback(work.tasks.discard)


def load(running: Running) -> float:
    """Return how full a lane is."""
    return running.flying / running.window.size


def reserve(work: Work, running: Running, ask: Ask) -> bool:
    """Put the cost of a request aside; False where it must wait, or where the budget is spent."""
    if work.budget is None:
        return True
    try:
        tokens_in = estimate(ask.question, running.lane)
        return work.budget.reserve(work.serial, tokens_in, work.most_output)
    except BudgetSpent as problem:
        work.end(problem)
        return False


async def send_one(work: Work, running: Running, ask: Ask, ticket: int, size: int) -> None:
    """Send one request, of `size` bytes, and book what comes back."""
    out = once(lambda: release(work, size))
    outcome = Outcome(Kind.AGAIN, "not sent")
    try:
        began = time.monotonic()
        work.sent[ask.key] = work.sent.get(ask.key, 0) + 1
        outcome = await deliver(work, running, ask.question, ask.k, out)
        await book(work, running, ask, outcome, time.monotonic() - began)
    except (RowDrop, FileNotFoundError, PermissionError) as problem:
        fail(work, ask, gone(problem))
    except Exception as problem:
        work.end(problem)
    finally:
        out()
        running.in_flight -= 1
        if work.budget is not None:
            work.budget.settle(ticket, estimate(ask.question, running.lane), outcome.usage)
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
    wait = min(wait, running.patience_left(now))
    work.counts.note_reply(outcome.usage, cost(work, outcome), outcome.message)
    spent = attempt >= work.tries or (not running.patience_left(now) and running.blames_row())
    last = outcome.kind in (Kind.AGAIN, Kind.MALFORMED, Kind.CUT) and spent
    if outcome.kind is Kind.ANSWER or (outcome.kind is Kind.CUT and last):
        keep(work, running, ask, outcome, seconds)
    elif outcome.kind is Kind.STOP:
        why = refusal_text(running, work.told, outcome)
        work.end(TeacherStop(f"{running.lane.shown} {why}; then run the same command again"))
    elif outcome.kind is Kind.REFUSED:
        work.refused.setdefault(ask.key, []).append(Refusal(running.lane.url, outcome.message))
        if work.takers(ask):
            work.waiting.appendleft(ask)
        else:
            fail(work, ask, outcome.message)
    elif last and await running.rows_fault():
        fail(work, ask, f"gave up after {attempt} tries: {outcome.message}")
    else:
        discard(work, ask.key, outcome)
        work.serial += 1
        heapq.heappush(work.later, (now + wait, work.serial, ask))
    if running.is_suspicious(now):
        await judge(work, running)
    running.check(outcome, now)


def keep(work: Work, running: Running, ask: Ask, outcome: Outcome, seconds: float) -> None:
    """Journal a response."""
    lane = running.lane.shown
    record = response_record(ask.key, ask, work.model, work.prompt_sha256, lane, outcome)
    record |= {"usd": cost(work, outcome), "seconds": round(seconds, 3)}
    record["tries"] = work.sent[ask.key]
    work.journal.append(record)
    work.counts.answered += 1
    finish(work, ask, record)


def fail(work: Work, ask: Ask, message: str) -> None:
    """End a request without a response: not journalled, so that the next run asks it."""
    record = {"text": None, "fault": message, "tries": work.sent.get(ask.key, 0), "again": True}
    work.counts.failed += 1
    finish(work, ask, record)


def finish(work: Work, ask: Ask, record: dict[str, Any]) -> None:
    work.results[ask.key] = record
    work.left -= 1
