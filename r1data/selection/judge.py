"""The stage of the judge: a model is shown all right answers and names the best one."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import pyarrow as pa

from r1data.grid.build import Cell
from r1data.rewards import extract
from r1data.rewards.thought import MIN_WORDS, thought_of, thought_words
from r1data.schema import arrow_schema
from r1data.teacher.prompts import Prompt, load_prompt
from r1data.teacher.requests import Ask, read_question, request_key, request_params
from r1data.teacher.stage import answers_to, with_failed

# Its journal stands beside those of the probes, so that one budget holds for all of them.
JOURNALS = "probes"
Row = Mapping[str, Any]


class Thought(NamedTuple):
    """The thought of a right answer, and the number of that answer."""

    k: int
    text: str


class Case(NamedTuple):
    """One request, and the numbers of the answers in the order in which they are shown."""

    ask: Ask
    shown: list[int]


def judge_chains(
    samples: pa.Table,
    frames: pa.Table,
    responses: pa.Table,
    verdicts: pa.Table,
    *,
    cell: Cell,
) -> pa.Table:
    """Ask once about each sample with two right thoughts or more; return the table "preference".

    Raises what the teacher's client raises.
    """
    prompt = load_prompt(str(cell.options["prompt"]), revises=True)
    params = request_params(cell.options)
    rows = samples.to_pylist()
    by_id = {row["id"]: row for row in rows}
    right: dict[str, list[Thought]] = {}
    for response, verdict in zip(responses.to_pylist(), verdicts.to_pylist(), strict=True):
        identity = response["id"]
        if verdict["right"] and (thought := thought_in(by_id[identity], response)):
            right.setdefault(identity, []).append(Thought(response["k"], thought))
    cases = {
        row["id"]: case_of(row, frames["frames"][number], right[row["id"]], prompt, params, cell)
        for number, row in enumerate(rows)
        if len(right.get(row["id"], ())) > 1
    }
    shared = replace(cell, folder=cell.build / JOURNALS, shard=f"{cell.stage}-{cell.shard}")
    asks = [case.ask for case in cases.values()]
    found = answers_to(asks, prompt, params, shared) if asks else {}
    named = [preference(row["id"], cases.get(row["id"]), found, cell.options) for row in rows]
    return with_failed(pa.Table.from_pylist(named, arrow_schema("preference")), asks, found)


def case_of(
    sample: Row,
    frames: pa.ListScalar,
    right: Sequence[Thought],
    prompt: Prompt,
    params: Row,
    cell: Cell,
) -> Case:
    """Put the thoughts of the right answers to a question side by side.

    Their order is random, and the same every time: judges prefer what stands first.
    """
    shown = list(right)
    random.Random(f"{cell.options['seed']}|{sample['id']}").shuffle(shown)
    question = read_question(sample, frames, prompt, "\n\n".join(numbered(shown)))
    key = request_key(str(cell.options["model"]), question, params, 0)
    return Case(Ask(key, question, 0), [thought.k for thought in shown])


def thought_in(sample: Row, response: Row) -> str:
    """Return the thought of a response, or "" where it is too short to be one."""
    thought = thought_of(sample["problem_type"], response["text"], sample["options"])
    return thought if thought_words(thought) >= MIN_WORDS else ""


def numbered(shown: Sequence[Thought]) -> Iterator[str]:
    """Yield the thoughts with their numbers, from 1."""
    for number, thought in enumerate(shown, start=1):
        yield f"[{number}]\n{thought.text}"


def preference(identity: str, case: Case | None, found: Mapping[str, Row], options: Row) -> Row:
    """Return the row of a sample: which of its answers the judge named."""
    row = {"id": identity, "model": options["model"], "candidates": [], "best": None, "said": None}
    if case is None:
        return row
    said = found[case.ask.key]["text"]
    named = (extract(said).answer or "").strip(" []().") if said else ""
    place = int(named) - 1 if named.isascii() and named.isdigit() else -1
    best = case.shown[place] if 0 <= place < len(case.shown) else None
    return {**row, "candidates": case.shown, "best": best, "said": said}
