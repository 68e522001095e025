"""The Batch API: files of requests that are answered within a day, at half the price.

`NNNNN.batches.jsonl` holds what became of each file, written before the next step is taken:
`file` (uploaded, with the keys it holds), `sent` (its batch), `over`. A build that was killed
finds there what the server is working at; where it died between asking for a batch and writing
down its number, the server's list of batches tells. The requests themselves, with their pictures,
are on disk only in a file without a name while they are uploaded.
"""

import itertools
import math
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import IO, Any, TypeVar

import httpx2
import openai

from r1data.errors import Interrupted, RowDrop, TeacherStop
from r1data.teacher.batch_files import Batching, Part, open_parts, request_line
from r1data.teacher.batch_server import (
    NotBatches,
    create,
    download,
    faults_of,
    list_batches,
    retrieve,
    upload,
)
from r1data.teacher.budget import estimate_input
from r1data.teacher.faults import Kind, Outcome, Usage, billed, name_in, read_status, scrub
from r1data.teacher.journal import read_journals, response_record
from r1data.teacher.limits import backoff
from r1data.teacher.requests import Ask, gone, output_cap
from r1data.teacher.sharing import bury_dead, shared_money

T = TypeVar("T")

# Limits of one file (documentation of the Batch API). 16 frames are 585 kB: bytes bind, at 341.
MOST_BYTES, MOST_REQUESTS = 200_000_000, 50_000
# Batches of one cell at a time: accounts have a limit on the tokens that wait in all of them.
WINDOW = 4
# A try takes up to a day.
TRIES = 3
POLL_FIRST_S, POLL_MOST_S, LOOK_S = 0.5, 60.0, 0.2
# What is asked for, and the most that a batch may take before the build stops waiting for it.
DAY_S = 86_400.0
OVER = ("completed", "failed", "expired", "cancelled")
GO_ON = "batches that were sent go on: run the same command later"


def ask_in_batches(work: Batching) -> dict[str, dict[str, Any]]:
    """Ask everything in `work.asks`; return request key -> record.

    Raises TeacherStop, BudgetSpent, Interrupted or DiskStop; batches that are sent go on at the
    server, and the same command fetches them.
    """
    try:
        adopt(work)
        pause = POLL_FIRST_S
        while work.waiting or work.parts:
            moved = any([submit_all(work), collect_all(work)])
            pause = POLL_FIRST_S if moved and not work.full else min(POLL_MOST_S, 2 * pause)
            if work.waiting or work.parts:
                rest(work, pause)
        return work.results
    finally:
        with work.seat.turn() as ledger, shared_money(ledger, work.seat.name, work.budget):
            pass
        for journal in (work.journal, work.steps, work.discarded):
            journal.close()
        work.client.close()


def rest(work: Batching, seconds: float) -> None:
    """Sleep, but look out for a stop."""
    until = time.monotonic() + seconds
    while not work.stop.exists():
        left = until - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(LOOK_S, left))
    raise Interrupted(
        f"interrupted; {len(work.parts)} batches go on at the server: "
        "run the same command to fetch them"
    )


# --- what an earlier run left ---------------------------------------------------------------------


def adopt(work: Batching) -> None:
    """Go on with every batch that holds one of our questions."""
    mine = [p for p in open_parts(work.seat.folder).values() if work.asks.keys() & set(p.keys)]
    sent: dict[str, str] = {}
    if any(not part.batch for part in mine):
        sent = call(work, lambda: list_batches(work.client))
    pending: set[str] = set()
    for part in mine:
        if not part.batch and part.file in sent:
            note_sent(work, part, sent[part.file])
        if not part.batch:  # an upload that nobody asked for: its questions go into new files
            work.steps.append({"step": "over", "file": part.file, "status": "never sent"})
            continue
        part.ticket = next(work.tickets)
        if work.budget is not None:
            work.budget.hold(part.ticket, part.estimate, part.output)
        work.parts.append(part)
        pending |= set(part.keys)
    work.waiting = deque(ask for ask in work.waiting if ask.key not in pending)


# --- sending --------------------------------------------------------------------------------------


def submit_all(work: Batching) -> bool:
    """Send files as long as window and budget allow; tell whether any was."""
    sent = False
    while work.waiting and len(work.parts) < WINDOW and not (work.full and work.parts):
        if not submit(work):
            break
        sent = True
    return sent


def submit(work: Batching) -> bool:
    """Write, upload and send one file; False where the budget must wait for others to end."""
    with tempfile.TemporaryFile() as file:
        with work.seat.turn() as ledger:
            bury_dead(work.seat, ledger)  # what the dead put aside would keep us waiting
            with shared_money(ledger, work.seat.name, work.budget):
                part = fill(work, file)
        if part is None:
            return False
        name = f"r1data-{work.shard}.jsonl"
        part.file = call(work, lambda: upload(work.client, name, file))
    told = {"file": part.file, "keys": part.keys, "estimate": part.estimate, "output": part.output}
    work.steps.append({"step": "file", **told})
    work.steps.sync()
    note_sent(work, part, call(work, lambda: create(work.client, part.file)))
    work.parts.append(part)
    return True


def fill(work: Batching, file: IO[bytes]) -> Part | None:
    """Write as many requests as fit in one file and in the budget, and put their cost aside.

    None where the budget must wait for others to end.
    """
    if work.budget is not None and work.budget.waits():
        return None
    part = Part("", [], 0, 0, ticket=next(work.tickets))
    output = work.most_output
    size = 0
    while work.waiting and len(part.keys) < MOST_REQUESTS:
        ask = work.waiting[0]
        try:
            line = request_line(ask, work.model, work.params, work.lane.media)
        except (RowDrop, OSError) as problem:
            fail(work, ask, gone(problem))
            work.waiting.popleft()
            continue
        estimate = estimate_input(ask.question.text, ask.question.sizes_for(work.lane.media))
        if len(line) > MOST_BYTES:
            fail(work, ask, f"a request of {len(line):,} bytes: a batch takes {MOST_BYTES:,}")
            work.waiting.popleft()
            continue
        budget = work.budget
        dear = budget and not budget.affords(part.estimate + estimate, part.output + output)
        if size + len(line) > MOST_BYTES or (part.keys and dear):
            break
        file.write(line)
        size += len(line)
        part.keys.append(work.waiting.popleft().key)
        part.estimate, part.output = part.estimate + estimate, part.output + output
    if part.keys and work.budget is not None and not reserve(work, part):
        return None
    file.seek(0)
    return part if part.keys else None


def reserve(work: Batching, part: Part) -> bool:
    """Put the cost of a file aside, or give its questions back. May raise BudgetSpent."""
    assert work.budget is not None
    if work.budget.reserve(part.ticket, part.estimate, part.output):
        return True
    work.waiting.extendleft(work.asks[key] for key in reversed(part.keys))
    return False


def note_sent(work: Batching, part: Part, batch: str) -> None:
    part.batch = batch
    work.steps.append({"step": "sent", "file": part.file, "batch": batch})
    work.steps.sync()


# --- collecting -----------------------------------------------------------------------------------


def collect_all(work: Batching) -> bool:
    """Look at every open batch; tell whether any was over."""
    before = len(work.parts)
    for part in list(work.parts):
        batch = call(work, lambda part=part: retrieve(work.client, part.batch))
        if batch.get("status") in OVER:
            collect(work, part, batch)
            work.parts.remove(part)
        elif time.monotonic() - part.since > DAY_S + work.patience:
            told = scrub(f"{part.batch} is still {batch.get('status')}", work.lane.key)
            raise TeacherStop(f"{work.lane.shown}: {told} after a day; {GO_ON}")
    return len(work.parts) < before


def collect(work: Batching, part: Part, batch: Mapping[str, Any]) -> None:
    """Journal what a batch answered, and ask again for the rest."""
    status, outcomes = batch["status"], answers_of(work, part, batch)
    crowded = status == "failed" and failed_for(work, part, batch)
    work.full = crowded
    work.crowded_since = (work.crowded_since or time.monotonic()) if crowded else None
    with work.seat.turn() as ledger, shared_money(ledger, work.seat.name, work.budget):
        known = read_journals(work.seat.folder, work.seat.part).places
        new = [key for key in part.keys if key not in known]
        for key in new:
            missing = Outcome(Kind.BUSY if crowded else Kind.AGAIN, f"batch {status}")
            book(work, key, outcomes.get(key, missing))
        settle(work, part, [outcomes[key] for key in new if key in outcomes])
        ledger.seats[work.seat.name].counts = work.counts
        work.steps.append({"step": "over", "file": part.file, "status": status})
        work.journal.sync()


def answers_of(work: Batching, part: Part, batch: Mapping[str, Any]) -> dict[str, Outcome]:
    """Return request key -> outcome of a batch; an answer counts before an error."""
    outcomes: dict[str, Outcome] = {}
    keys, cap, secret = frozenset(part.keys), output_cap(work.params), work.lane.key
    tokens_in = math.ceil(part.estimate / len(part.keys))
    for field_name in ("output_file_id", "error_file_id"):
        file = name_in(batch, field_name)
        if file:
            found = call(work, lambda file=file: download(work.client, file, keys, cap, secret))
            outcomes = found | outcomes
    return {key: billed(each, tokens_in, work.most_output) for key, each in outcomes.items()}


def failed_for(work: Batching, part: Part, batch: Mapping[str, Any]) -> bool:
    """Tell whether a batch was turned away for want of room; what else stops the build.

    So does want of room that has lasted for a day.
    """
    faults = faults_of(batch)
    lasts = time.monotonic() - (work.crowded_since or time.monotonic()) > DAY_S
    if any(fault.get("code") == "token_limit_exceeded" for fault in faults) and not lasts:
        return True
    told = scrub("; ".join(str(each.get("message")) for each in faults), work.lane.key)
    work.steps.append({"step": "over", "file": part.file, "status": "failed"})
    raise TeacherStop(f"{work.lane.shown} failed the batch {part.batch}: {told or 'no reason'}")


def settle(work: Batching, part: Part, outcomes: list[Outcome]) -> None:
    """Replace what was put aside for a file by what its answers cost."""
    if work.budget is not None:
        tokens_in = sum(each.usage.tokens_in or 0 for each in outcomes)
        tokens_out = sum(each.usage.tokens_out or 0 for each in outcomes)
        told = all(each.usage.told for each in outcomes)
        reported = Usage(tokens_in, tokens_out, told) if outcomes else Usage()
        work.budget.settle(part.ticket, part.estimate, reported)


def book(work: Batching, key: str, outcome: Outcome) -> None:
    """Turn one outcome into a response, another try, a fault, or a stop."""
    ask = work.asks.get(key)
    work.counts.note_reply(outcome.usage, usd(work, outcome.usage), outcome.message)
    work.attempts[key] += outcome.kind is not Kind.BUSY
    last = work.attempts[key] >= TRIES
    if outcome.kind is Kind.ANSWER or (outcome.kind is Kind.CUT and last):
        keep(work, key, outcome)
    elif ask is None:
        return  # of a shard that was cut otherwise; its own cell asks again
    elif outcome.kind is Kind.STOP:
        raise TeacherStop(f"{work.lane.shown} answers {outcome.message}; check run.lanes")
    elif outcome.kind is Kind.REFUSED:
        fail(work, ask, outcome.message)
    elif last:
        fail(work, ask, f"gave up after {TRIES} batches: {outcome.message}")
    else:
        if outcome.usage.total:
            cost = {"tokens": outcome.usage.total, "usd": usd(work, outcome.usage)}
            work.discarded.append({"request_sha256": key, "why": outcome.message, **cost})
        work.waiting.append(ask)


def keep(work: Batching, key: str, outcome: Outcome) -> None:
    """Journal a response."""
    ask, lane = work.asks.get(key), work.lane.shown
    record = response_record(key, ask, work.model, work.prompt_sha256, lane, outcome)
    record |= {"usd": usd(work, outcome.usage), "seconds": None, "tries": work.attempts[key]}
    work.journal.append(record)
    work.counts.answered += 1
    work.results[key] = record


def fail(work: Batching, ask: Ask, message: str) -> None:
    """End a request without a response; it is not journalled, so the next run asks it."""
    work.counts.failed += 1
    record = {"text": None, "fault": message, "tries": work.attempts[ask.key], "again": True}
    work.results[ask.key] = record


def usd(work: Batching, usage: Usage) -> float | None:
    if work.prices is None:
        return None
    return work.prices.cost(usage.tokens_in or 0, usage.tokens_out or 0)


# --- the server -----------------------------------------------------------------------------------


def call(work: Batching, ask: Callable[[], T]) -> T:
    """Call the server, again for as long as it is merely away or busy."""
    began = time.monotonic()
    for tried in itertools.count(1):
        try:
            return ask()
        except openai.APIStatusError as problem:
            status, content = problem.status_code, problem.response.content
            outcome = read_status(status, content, problem.response.headers, time.time())
            told = scrub(f"{work.lane.shown} answers {outcome.message}", work.lane.key)
            if outcome.kind not in (Kind.AGAIN, Kind.BUSY):
                raise TeacherStop(f"{told}; check run.lanes, or write run.mode: live") from problem
            wait = outcome.wait or 0.0
        except (openai.APIConnectionError, httpx2.HTTPError, NotBatches) as problem:
            cause = problem if isinstance(problem, NotBatches) else problem.__cause__ or problem
            told, wait = scrub(f"{work.lane.shown}: {cause}", work.lane.key), 0.0
        left = work.patience - (time.monotonic() - began)
        if left <= 0:
            raise TeacherStop(f"{told}; {GO_ON}")
        rest(work, min(left, max(wait, backoff(tried, 1.0))))
    raise AssertionError
