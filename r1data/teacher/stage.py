"""The stage: a shard of questions in, n responses a question out, none paid for twice."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from r1data.errors import Interrupted, UsageError
from r1data.grid.build import Cell
from r1data.grid.work import AGAIN
from r1data.schema import arrow_schema
from r1data.sections import PATIENCE_S
from r1data.teacher.budget import read_budget, read_prices
from r1data.teacher.canary import Canary, Form, canary_key, make_canary
from r1data.teacher.clips import WHOLE
from r1data.teacher.counts import Counts
from r1data.teacher.journal import Index, Journal, look_up, read_journals
from r1data.teacher.lanes import Lane, read_lanes
from r1data.teacher.prompts import Prompt, load_prompt
from r1data.teacher.requests import (
    Ask,
    Question,
    output_cap,
    read_questions,
    read_rounds,
    request_key,
    request_params,
)
from r1data.teacher.sharing import Ledger, Seat, seated

# The sections of a recipe that name the models of stages; an evaluation has no recipe, and all
# others are probes.
SECTIONS = {"responses": "teacher", "revised": "revise", "preferences": "judge", "eval": ""}
# How often a cell looks for the answers that another one is waiting for.
WAIT_S = 0.2

COPIED = (
    "served_model",
    "text",
    "finish_reason",
    "tokens_in",
    "tokens_out",
    "usd",
    "seconds",
    "tries",
    "fault",
)


def ask_teacher(
    samples: pa.Table, frames: pa.Table, standing: pa.Table | None = None, *, cell: Cell
) -> pa.Table:
    """Ask each standing question `n` times; return the table "response" in the order of samples.

    `standing` is the table of the last stage before this one that drops rows, where that is not
    `frames`. Where `n` is {first, most}, the first answers come first, and the others only to
    questions of which they are not all right. Answers in any journal of the stage's folder, or
    of the builds in settings["reuse"], are not asked for again. Raises TeacherStop, BudgetSpent,
    Interrupted or DiskStop, after everything in flight has come home and is journalled.
    """
    prompt = load_prompt(str(cell.options["prompt"]))
    params = request_params(cell.options)
    model = str(cell.options["model"])
    if standing is not None:
        column = frames.schema.get_field_index("drop_reason")
        frames = frames.set_column(column, "drop_reason", standing["drop_reason"])
    questions = list(read_questions(samples, frames, prompt, cell.settings))
    rounds = read_rounds(cell.options["n"])
    asks = list_asks(questions, rounds.first, model, params)
    found = answers_to(asks, prompt, params, cell)
    if rounds.more:
        harder = unsettled(asks, found, samples, cell.options["verify"])
        more = list_asks(harder, rounds.more, model, params)
        found |= answers_to(more, prompt, params, cell)
        place = {question.id: number for number, question in enumerate(questions)}
        asks = sorted([*asks, *more], key=lambda ask: (place[ask.question.id], ask.k))
    return as_table(asks, found, prompt, params, model)


def unsettled(
    asks: list[Ask],
    found: Mapping[str, Mapping[str, Any]],
    samples: pa.Table,
    verify: Mapping[str, Any],
) -> list[Question]:
    """Return the questions whose answers disagree or fail: not all of them are right."""
    from r1data.rewards.stage import judge

    columns = ["id", "problem", "problem_type", "solution", "options"]
    by_id = {sample["id"]: sample for sample in samples.select(columns).to_pylist()}
    harder: dict[str, Question] = {}
    for ask in asks:
        answer = {**found[ask.key], "id": ask.question.id, "k": ask.k}
        if not judge(by_id[ask.question.id], answer, verify)["right"]:
            harder[ask.question.id] = ask.question
    return list(harder.values())


def answers_to(
    asks: list[Ask], prompt: Prompt, params: Mapping[str, Any], cell: Cell
) -> dict[str, dict[str, Any]]:
    """Return request key -> record for every ask, from the journals where they have it."""
    cell.folder.mkdir(parents=True, exist_ok=True)
    found = journalled(asks, cell)
    unit = "usd" if "usd" in (cell.settings.get("budget") or {}) else "tokens"
    counts = Counts(tasks=1, wanted=len(asks))
    note_found(counts, asks, found)
    with seated(cell.folder, cell.shard, unit, cell.part, counts) as seat:
        while missing := {ask.key: ask for ask in asks if ask.key not in found}:
            if cell.stop.exists():
                raise Interrupted("interrupted before everything was asked")
            with seat.turn() as ledger:
                canaries = canary_keys(asks, params, ledger, cell)
                mine = seat.claim(ledger, [*missing, *canaries])
                found |= journalled(missing.values(), cell)
            claimed = canaries.intersection(mine)
            mine = [missing[key] for key in mine if key in missing and key not in found]
            note_found(counts, asks, found)
            if mine:
                found |= ask_missing(mine, prompt, params, seat, counts, claimed, cell)
                seat.withdraw()
            else:  # another cell asks the same questions
                time.sleep(WAIT_S)
    return found


def canary_keys(
    asks: list[Ask], params: Mapping[str, Any], ledger: Ledger, cell: Cell
) -> frozenset[str]:
    """Return the keys of the canaries that nobody has sent to these lanes.

    What the journals say of earlier ones goes into the ledger, for whoever watches.
    """
    if not cell.settings.get("canary") or cell.settings.get("mode") == "batch":
        return frozenset()
    images = max(len(ask.question.sizes) for ask in asks)
    model = str(cell.options["model"])
    keys = {
        canary_key(lane.shown, lane.media, model, params, images)
        for lane in read_lanes(cell.settings)
    }
    index = read_journals(cell.folder, cell.part)
    for key in keys - ledger.canaries.keys():
        if (record := look_up(index, key)) is not None:
            ledger.canaries[key] = record["note"]
    return frozenset(keys - ledger.canaries.keys())


def note_found(counts: Counts, asks: Iterable[Ask], found: Collection[str]) -> None:
    """Count the answers that journals have and this task did not ask for."""
    new = sum(ask.key in found for ask in asks) - counts.answered - counts.failed
    counts.found += new
    counts.answered += new


def journalled(asks: Iterable[Ask], cell: Cell) -> dict[str, dict[str, Any]]:
    """Return request key -> record for every request that some journal answers."""
    own = read_journals(cell.folder, cell.part)
    return look_up_all([own, *map(read_journals, reused_folders(cell))], asks)


def list_asks(
    questions: Iterable[Question], numbers: range, model: str, params: Mapping[str, Any]
) -> list[Ask]:
    """Return the requests for the answers `numbers` to every question, in the order of rows."""
    return [Ask(request_key(model, q, params, k), q, k) for q in questions for k in numbers]


def reused_folders(cell: Cell) -> list[Path]:
    """Return the same stage's folders of the builds in settings["reuse"], whose answers count."""
    builds = [Path(build) for build in cell.settings.get("reuse") or []]
    for build in builds:
        if not build.is_dir():
            raise UsageError(f"there is no build to reuse at {build}")
    return [build / cell.folder.name for build in builds]


def look_up_all(indexes: list[Index], asks: Iterable[Ask]) -> dict[str, dict[str, Any]]:
    """Return request key -> record for every request that some journal answers."""
    found: dict[str, dict[str, Any]] = {}
    for ask in asks:
        for index in indexes:
            record = look_up(index, ask.key)
            if record is not None:
                found[ask.key] = record
                break
    return found


def ask_missing(
    asks: list[Ask],
    prompt: Prompt,
    params: Mapping[str, Any],
    seat: Seat,
    counts: Counts,
    claimed: frozenset[str],
    cell: Cell,
) -> dict[str, dict[str, Any]]:
    """Ask what no journal holds; return request key -> record."""
    lanes = read_lanes(cell.settings)
    prices = read_prices(cell.settings)
    budget, cap = read_budget(cell.settings, prices), output_cap(params)
    if budget is not None and cap is None:
        section = SECTIONS.get(cell.stage, "probes")
        raise UsageError(
            f"a budget needs a cap on each reply: set {section}.params.max_completion_tokens, "
            "or keep max_tokens"
        )
    common = {
        "model": str(cell.options["model"]),
        "params": params,
        "most_output": cap or int(cell.options["max_tokens"]),
        "prompt_sha256": prompt.sha256,
        "prices": prices,
        "budget": budget,
        "seat": seat,
        "counts": counts,
        "journal": Journal(cell.folder / f"{cell.shard}.journal.jsonl"),
        "discarded": Journal(cell.folder / f"{cell.shard}.discarded.jsonl"),
        "stop": cell.stop,
        "patience": float(cell.settings.get("patience") or PATIENCE_S),
        "waiting": deque(asks),
    }
    if cell.settings.get("mode") == "batch":
        return batched(asks, lanes, cell, common)
    refuse_open_batches(asks, cell)
    return live(asks, lanes, claimed, cell, common)


def live(
    asks: list[Ask],
    lanes: list[Lane],
    claimed: frozenset[str],
    cell: Cell,
    common: dict[str, Any],
) -> dict[str, dict[str, Any]]:
    """Ask one request at a time, many at once."""
    from r1data.teacher.sender import TRIES, Work, send_all

    work = Work(
        **common,
        section=SECTIONS.get(cell.stage, "probes"),
        canary=canary_like(asks, lanes, cell),
        claimed=claimed,
        tries=int(cell.settings.get("tries") or TRIES),
        left=len(asks),
        results={},
    )
    asyncio.run(send_all(work, lanes))
    return work.results


def canary_like(asks: list[Ask], lanes: list[Lane], cell: Cell) -> Canary:
    """Return a canary with as many and as large images as any of the requests has."""
    largest = max((ask.question for ask in asks), key=lambda each: (len(each.sizes), each.sizes))
    width, height = max(largest.sizes, key=lambda sides: sides[0] * sides[1], default=(0, 0))
    clip = None
    if largest.clip is not None and any(lane.media in WHOLE for lane in lanes):
        clip = Path(cell.settings["files"]["media"]) / f".canary-{cell.shard}.mp4"
    return make_canary(Form(len(largest.sizes), width, height), cell.stage, clip)


def batched(
    asks: list[Ask], lanes: list[Lane], cell: Cell, common: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Ask by files that the server works through within a day."""
    from r1data.teacher.batch import ask_in_batches
    from r1data.teacher.batch_files import Batching
    from r1data.teacher.batch_server import open_account

    if len(lanes) != 1:
        raise UsageError("run.mode: batch takes one lane, since a batch belongs to one server")
    lane = lanes[0]
    work = Batching(
        **common,
        lane=lane,
        shard=cell.shard,
        asks={ask.key: ask for ask in asks},
        client=open_account(lane),
        steps=Journal(cell.folder / f"{cell.shard}.batches.jsonl"),
    )
    return ask_in_batches(work)


def refuse_open_batches(asks: list[Ask], cell: Cell) -> None:
    """Raise UsageError where a batch is at work at what would be paid a second time."""
    from r1data.teacher.batch_files import open_parts

    sent = [part for part in open_parts(cell.folder).values() if part.batch]
    pending = {key for part in sent for key in part.keys} & {ask.key for ask in asks}
    if pending:
        raise UsageError(
            f"{len(pending)} of these requests are in a batch that is still at work: "
            "go on with run.mode: batch, which fetches it"
        )


def as_table(
    asks: list[Ask],
    found: Mapping[str, Mapping[str, Any]],
    prompt: Prompt,
    params: Mapping[str, Any],
    model: str,
) -> pa.Table:
    """Lay the records out as rows of the table "response"."""
    told = json.dumps(params, separators=(",", ":"))
    rows = [
        {
            "id": ask.question.id,
            "k": ask.k,
            "model": model,
            "params": told,
            "prompt_sha256": prompt.sha256,
            "request_sha256": ask.key,
            **{column: found[ask.key].get(column) for column in COPIED},
        }
        for ask in asks
    ]
    return with_failed(pa.Table.from_pylist(rows, schema=arrow_schema("response")), asks, found)


def with_failed(
    table: pa.Table, asks: Iterable[Ask], found: Mapping[str, Mapping[str, Any]]
) -> pa.Table:
    """Say in the table's metadata how many requests failed: the next run asks those again."""
    failed = sum(bool(found[ask.key].get("again")) for ask in asks)
    return table.replace_schema_metadata({AGAIN: str(failed)})
