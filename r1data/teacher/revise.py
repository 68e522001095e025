"""The stage after the responses: a model holds each chain against the frames and mends it.

VideoRFT found +2.3 to +7.0 points in chains revised so (arXiv 2505.12434). Asking is that of the
responses, with their journals' folder: one budget caps both, and `reuse` finds both.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa

from r1data.grid.build import Cell
from r1data.grid.work import AGAIN
from r1data.teacher.clips import asked_whole, clip_of
from r1data.teacher.prompts import Prompt, load_prompt
from r1data.teacher.requests import Ask, read_question, request_key, request_params
from r1data.teacher.stage import answers_to, as_table

JOURNALS = "6.responses"
# What the server says of the end of a text that is no whole chain.
BROKEN_OFF = ("length", "content_filter")


def revise_responses(
    samples: pa.Table, frames: pa.Table, responses: pa.Table, *, cell: Cell
) -> pa.Table:
    """Return the table "response" again, in its order, each whole chain revised once.

    A response without text, or cut short, stays what it is: nothing is there to revise. Where a
    revision fails for good, its row has no text and says so in `fault`. The first texts stand in
    the table of the responses under the same id and k. Raises what `ask_teacher` raises.
    """
    prompt = load_prompt(str(cell.options["prompt"]), revises=True)
    params, model = request_params(cell.options), str(cell.options["model"])
    first = responses.to_pylist()
    asks = dict(list_asks(samples, frames, first, prompt, cell))
    shared = replace(cell, folder=cell.build / JOURNALS, shard=f"revised-{cell.shard}")
    found = answers_to(list(asks.values()), prompt, params, shared) if asks else {}
    revised = as_table(list(asks.values()), found, prompt, params, model)
    rows = dict(zip(asks, revised.to_pylist(), strict=True))
    whole = [told(rows[number]) if number in rows else row for number, row in enumerate(first)]
    again = {AGAIN: (revised.schema.metadata or {}).get(AGAIN, b"0")}
    return pa.Table.from_pylist(whole, schema=revised.schema.with_metadata(again))


def list_asks(
    samples: pa.Table, frames: pa.Table, first: list[dict[str, Any]], prompt: Prompt, cell: Cell
) -> Iterator[tuple[int, Ask]]:
    """Yield (row of the responses, request) for every whole chain."""
    params, model = request_params(cell.options), str(cell.options["model"])
    whole = asked_whole(cell.settings.get("lanes") or ())
    numbers = {identity: i for i, identity in enumerate(frames["id"].to_pylist())}
    by_id = {row["id"]: row for row in samples.to_pylist()}
    for number, row in enumerate(first):
        if row["text"] is None or row["finish_reason"] in BROKEN_OFF or not row["text"].strip():
            continue
        taken = frames["frames"][numbers[row["id"]]]
        sample = by_id[row["id"]]
        clip = clip_of(sample, cell.settings) if whole else None
        question = read_question(sample, taken, prompt, row["text"], clip)
        yield number, Ask(request_key(model, question, params, row["k"]), question, row["k"])


def told(row: dict[str, Any]) -> dict[str, Any]:
    """Say of a failure that it was the revision's."""
    return row if row["text"] is not None else {**row, "fault": f"its revision: {row['fault']}"}
