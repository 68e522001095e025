"""Does an endpoint take what a build sends, and does the model see it? The canary tells."""

import time

from r1data.errors import BudgetSpent
from r1data.teacher.canary import canary_key, finding
from r1data.teacher.faults import Kind, Outcome
from r1data.teacher.health import Running, all_dead, refusal_text
from r1data.teacher.journal import response_record
from r1data.teacher.work import Work, cost, deliver, estimate, shared


def to_try(work: Work) -> list[Running]:
    """Return the lanes to which this cell sends the canary."""
    return [running for running in work.lanes if key_of(work, running) in work.claimed]


def key_of(work: Work, running: Running) -> str:
    """Return the key of a lane's canary."""
    images = len(work.canary.question.sizes)
    lane = running.lane
    return canary_key(lane.shown, lane.media, work.model, work.params, images)


async def send_canary(work: Work, running: Running) -> Outcome | None:
    """Send the canary, journal its answer, and tell what it does not prove; None if unaffordable.

    A refusal is told, too: whether the build can go on is for its own requests to say.
    """
    work.serial += 1
    ticket, question = work.serial, work.canary.question
    tokens_in = estimate(question, running.lane)
    try:
        with shared(work):
            if work.budget and not work.budget.reserve(ticket, tokens_in, work.most_output):
                return None
    except BudgetSpent:  # the first request of a row meets the same
        return None
    began = time.monotonic()
    running.in_flight += 1
    outcome = Outcome(Kind.AGAIN, "not sent")
    try:
        outcome = await deliver(work, running, question, 0, lambda: None)
    finally:
        running.in_flight -= 1
        if work.budget is not None:
            work.budget.settle(ticket, tokens_in, outcome.usage)
    seconds = time.monotonic() - began
    running.take("canary", outcome, 0.0, seconds, time.monotonic())
    work.counts.note_reply(outcome.usage, cost(work, outcome), outcome.message)
    report_canary(work, running, outcome, seconds)
    work.changed.set()
    return outcome


def report_canary(work: Work, running: Running, outcome: Outcome, seconds: float) -> None:
    """Journal what the canary was answered, and leave a note for whoever watches."""
    key, lane = key_of(work, running), running.lane.shown
    if outcome.kind in (Kind.ANSWER, Kind.CUT):
        lost = finding(work.canary, outcome)
        note = f"{lane}: {lost}" if lost else ""
        record = response_record(key, None, work.model, work.prompt_sha256, lane, outcome)
        record |= {"usd": cost(work, outcome), "seconds": round(seconds, 3), "tries": 1}
        work.journal.append(record | {"note": note})
    elif outcome.kind is Kind.REFUSED:
        note = f"{lane}: a test request in the form of this build was refused: {outcome.message}"
    else:
        return
    with work.seat.turn() as ledger:
        ledger.canaries[key] = note


async def judge(work: Work, running: Running) -> None:
    """Give up a lane that refuses the canary as it refused requests: it refuses everything."""
    async with running.judging:
        if running.dead or not running.streak.count:
            return
        outcome = await send_canary(work, running)
        if outcome is not None and outcome.kind in (Kind.REFUSED, Kind.MALFORMED, Kind.STOP):
            running.give_up(refusal_text(running, work.told, outcome))


async def judge_silent(work: Work) -> None:
    """Judge the lanes that answered nothing: a small build has too few rows to be suspicious."""
    for running in work.lanes:
        if not running.answered and running.streak.count:
            await judge(work, running)
    if stopped := all_dead(work.lanes):
        raise stopped
