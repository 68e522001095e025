"""The stage: a shard of questions in, n responses a question out, none paid for twice."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock
import pyarrow as pa

from r1data.errors import Interrupted, UsageError
from r1data.grid.build import Cell
from r1data.schema import arrow_schema
from r1data.teacher.budget import read_budget, read_prices
from r1data.teacher.journal import Index, Journal, look_up, read_journals
from r1data.teacher.lanes import read_lanes
from r1data.teacher.prompts import Prompt, load_prompt
from r1data.teacher.requests import Ask, read_questions, request_key, request_params

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


def ask_teacher(samples: pa.Table, frames: pa.Table, *, cell: Cell) -> pa.Table:
    """Ask each standing question `n` times; return the table "response" in the order of samples.

    Answers in any journal of the stage's folder, or of the builds in settings["reuse"], are not
    asked for again. Raises TeacherStop, BudgetSpent, Interrupted or DiskStop, after everything in
    flight has come home and is journalled.
    """
    prompt = load_prompt(str(cell.options["prompt"]))
    params = request_params(cell.options)
    asks = list(list_asks(samples, frames, prompt, cell.options, params))
    with asking_alone(cell):
        index = read_journals(cell.folder)
        reused = [read_journals(folder) for folder in reused_folders(cell)]
        found = look_up_all([index, *reused], asks)
        missing = {ask.key: ask for ask in asks if ask.key not in found}
        if missing:
            found |= ask_missing(list(missing.values()), prompt, params, index, cell)
    return as_table(asks, found, prompt, params, str(cell.options["model"]))


def list_asks(
    samples: pa.Table,
    frames: pa.Table,
    prompt: Prompt,
    options: Mapping[str, Any],
    params: Mapping[str, Any],
) -> Iterator[Ask]:
    """Yield n requests for every standing question, in the order of rows."""
    for question in read_questions(samples, frames, prompt):
        for k in range(int(options["n"])):
            yield Ask(request_key(str(options["model"]), question, params, k), question, k)


def reused_folders(cell: Cell) -> list[Path]:
    """Return the same stage's folders of the builds in settings["reuse"], whose answers count."""
    builds = [Path(build) for build in cell.settings.get("reuse") or []]
    for build in builds:
        if not build.is_dir():
            raise UsageError(f"there is no build to reuse at {build}")
    return [build / cell.folder.name for build in builds]


def look_up_all(indexes: list[Index], asks: list[Ask]) -> dict[str, dict[str, Any]]:
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
    asks: list[Ask], prompt: Prompt, params: Mapping[str, Any], index: Index, cell: Cell
) -> dict[str, dict[str, Any]]:
    """Ask what no journal holds; return request key -> record."""
    from r1data.teacher.sender import TRIES, Work, send_all

    lanes = read_lanes(cell.settings)
    prices = read_prices(cell.settings)
    work = Work(
        model=str(cell.options["model"]),
        params=params,
        prompt_sha256=prompt.sha256,
        tries=int(cell.settings.get("tries") or TRIES),
        prices=prices,
        budget=read_budget(cell.settings, prices, index.usd, index.tokens),
        journal=Journal(cell.folder / f"{cell.shard}.journal.jsonl"),
        discarded=Journal(cell.folder / f"{cell.shard}.discarded.jsonl"),
        stop=cell.build / "stop",
        waiting=deque(asks),
        left=len(asks),
        results={},
    )
    asyncio.run(send_all(work, lanes))
    return work.results


@contextmanager
def asking_alone(cell: Cell) -> Iterator[None]:
    """Let one process at a time ask for a folder: two would pay twice and pass the budget together.

    Nothing is gained by two: how much is in flight is up to the lanes. A killed process frees it.
    """
    cell.folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(cell.folder / "asking.lock")
    while True:
        try:
            lock.acquire(timeout=0.0)
            break
        except filelock.Timeout:
            if stop_asked(cell.build):
                raise Interrupted("interrupted before anything was asked") from None
            time.sleep(0.2)
    try:
        yield
    finally:
        lock.release()


def stop_asked(build: Path) -> bool:
    return (build / "stop").exists()


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
    return pa.Table.from_pylist(rows, schema=arrow_schema("response"))
