"""The stage of one probe: n cheap answers a sample, judged and counted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pyarrow as pa

from r1data.grid.build import Cell
from r1data.probes.chance import by_chance, chance_of, outside, settled
from r1data.probes.showing import reordered, shot_of, show
from r1data.rewards.stage import judge
from r1data.schema import arrow_schema
from r1data.teacher.prompts import Prompt, load_prompt
from r1data.teacher.requests import Ask, read_question, request_key, request_params
from r1data.teacher.stage import answers_to, with_failed

# All probes of a build write their journals here, so that one budget holds for all of them.
JOURNALS = "probes"
NOTHING = pa.scalar([], arrow_schema("frames").field("frames").type)
Row = Mapping[str, Any]


class Trial(NamedTuple):
    """One request, and the sample as it was put: its options may stand in another order."""

    ask: Ask
    sample: Row


def probe_samples(samples: pa.Table, *tables: pa.Table, cell: Cell) -> pa.Table:
    """Ask `n` times about each row that stands; return the table "probe", one row a sample.

    `tables` are the frames, which the probe without media does without, and the table that says
    which rows stand, where that is another one. Raises what the teacher's client raises.
    """
    prompt = load_prompt(str(cell.options["prompt"]))
    params = request_params(cell.options)
    standing = tables[-1].select(["id", "drop_reason", "drop_detail"]).to_pylist()
    frames = None if cell.options["probe"] == "blind" else tables[0]["frames"]
    rows = samples.to_pylist()
    trials = [
        [] if state["drop_reason"] else list(try_out(row, number, frames, prompt, params, cell))
        for number, (row, state) in enumerate(zip(rows, standing, strict=True))
    ]
    asks = [trial.ask for each in trials for trial in each]
    shared = replace(
        cell, folder=cell.build / JOURNALS, shard=f"{cell.options['probe']}-{cell.shard}"
    )
    found = answers_to(asks, prompt, params, shared) if asks else {}
    counted = [
        count(row, state, each, found, cell.options)
        for row, state, each in zip(rows, standing, trials, strict=True)
    ]
    return with_failed(pa.Table.from_pylist(counted, arrow_schema("probe")), asks, found)


def try_out(
    sample: Row,
    number: int,
    frames: pa.ChunkedArray | None,
    prompt: Prompt,
    params: Row,
    cell: Cell,
) -> Iterator[Trial]:
    """Yield the requests about one sample; none where the probe says nothing of it."""
    taken = NOTHING if frames is None else frames[number]
    question = read_question(sample, taken, prompt)
    options = cell.options
    for k in range(int(options["n"])):
        shot = shot_of(options["probe"], sample, len(question.sizes), options, k)
        if shot is None:
            return
        put = reordered(sample, options["seed"], k)
        shown = show(question, put, prompt, shot)
        yield Trial(Ask(request_key(str(options["model"]), shown, params, k), shown, k), put)


def count(
    sample: Row, state: Row, trials: Sequence[Trial], found: Mapping[str, Row], options: Row
) -> dict[str, Any]:
    """Count the right answers, and drop the row where they settle it.

    A request that failed says nothing of the sample and is not counted.
    """
    records = [(trial, found[trial.ask.key]) for trial in trials]
    verdicts = [
        judge(trial.sample, {"finish_reason": None, **record, **named(trial)}, options)["right"]
        for trial, record in records
        if record["text"] is not None
    ]
    n, right = len(verdicts), sum(map(bool, verdicts))
    chance = chance_of(options["probe"], sample)
    row = {
        "id": sample["id"],
        "probe": options["probe"],
        "model": options["model"],
        "n": n,
        "right": right,
        "rate": right / n if n else None,
        "chance": chance,
        "by_chance": by_chance(right, n, chance) if n else None,
        "drop_reason": state["drop_reason"],
        "drop_detail": state["drop_detail"],
    }
    return {**row, **fallen(row, options)}


def named(trial: Trial) -> dict[str, Any]:
    """Return what a response says of its request."""
    return {"id": trial.ask.question.id, "k": trial.ask.k}


def fallen(row: Row, options: Row) -> dict[str, str]:
    """Return the drop of a row that this probe settles; nothing asks about it after that."""
    limit, key = options.get("settles"), f"probes.{row['probe']}.settles"
    if limit is None or row["drop_reason"]:
        return {}
    return outside(row, limit, key) if row["probe"] == "pass_rate" else settled(row, limit, key)
