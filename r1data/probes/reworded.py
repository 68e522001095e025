"""The probe of rewordings: does a row ask in other words what another one on the same clip asks?"""

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from r1data.grid.build import Cell
from r1data.grid.drops import Drop
from r1data.grid.work import Output, Shard
from r1data.probes.chance import drop
from r1data.probes.stage import JOURNALS, NOTHING
from r1data.rewards import extract
from r1data.schema import arrow_schema
from r1data.screen.facts import read_columns
from r1data.teacher.prompts import Prompt, load_prompt
from r1data.teacher.requests import Ask, read_question, request_key, request_params
from r1data.teacher.stage import answers_to, with_failed

SCREEN = ["id", "candidates", "drop_reason", "drop_detail"]
SAMPLE = ["id", "problem", "options", "problem_type", "data_type"]
# "[2] Why does he run?" names the second, whatever numbers the question holds.
BRACKETED = re.compile(r"\s*\[(\d+)\]", re.ASCII)
NUMBER = re.compile(r"-?\d+", re.ASCII)
Row = Mapping[str, Any]


class Trial(NamedTuple):
    """One request, and the rows it lists, in their order there."""

    ask: Ask
    listed: list[str]


class Named(NamedTuple):
    """What a model made of a row's candidates."""

    answers: int
    votes: int
    twin: str | None  # the row that most answers named; None where that is none of them


def find_reworded(
    samples: Sequence[Path], screen: Sequence[Path], *, cell: Cell
) -> Iterator[Output]:
    """Ask `n` times about each row that has candidates; yield the table "reworded", shard by shard.

    A row falls out where more than half of the answers name the same candidate: the one with the
    smaller id stays, or what that one repeats. Raises what the teacher's client raises.
    """
    prompt = load_prompt(str(cell.options["prompt"]), revises=True)
    params = request_params(cell.options)
    tables = [read_columns(path, SCREEN) for path in screen]
    candidates = dict(pair for table in tables for pair in with_candidates(table))
    told = read_told(samples, {*candidates, *(one for each in candidates.values() for one in each)})
    trials = {
        row: list(try_out(told, row, listed, prompt, params, cell.options))
        for row, listed in candidates.items()
    }
    asks = [trial.ask for each in trials.values() for trial in each]
    shared = replace(cell, folder=cell.build / JOURNALS, shard=f"{cell.stage}-{cell.shard}")
    found = answers_to(asks, prompt, params, shared) if asks else {}
    named = {row: count(each, found) for row, each in trials.items()}
    kept = settle({row: each.twin for row, each in named.items() if each.twin})
    for path, table in zip(screen, tables, strict=True):
        rows = [row_of(row, named.get(row["id"]), kept, cell.options) for row in table.to_pylist()]
        asked = [trial.ask for row in rows for trial in trials.get(row["id"], ())]
        made = pa.Table.from_pylist(rows, arrow_schema("reworded"))
        yield Shard(path.stem, with_failed(made, asked, found))


def with_candidates(table: pa.Table) -> Iterator[tuple[str, list[str]]]:
    """Yield the rows of a shard that have candidates, with them."""
    for row, listed in zip(table["id"].to_pylist(), table["candidates"].to_pylist(), strict=True):
        if listed:
            yield row, listed


def read_told(samples: Iterable[Path], wanted: set[str]) -> dict[str, Row]:
    """Return what the wanted samples ask, by id."""
    return {
        row["id"]: row
        for path in samples
        for row in read_columns(path, SAMPLE).to_pylist()
        if row["id"] in wanted
    }


def try_out(
    told: Mapping[str, Row],
    row: str,
    candidates: Sequence[str],
    prompt: Prompt,
    params: Row,
    options: Row,
) -> Iterator[Trial]:
    """Yield the requests about one row, which list its candidates in another order each time."""
    for k in range(int(options["n"])):
        listed = list(candidates)
        random.Random(f"{options['seed']}|{row}|{k}").shuffle(listed)
        others = "\n".join(numbered(told[one] for one in listed))
        question = read_question(told[row], NOTHING, prompt, f"<others>\n{others}\n</others>")
        yield Trial(
            Ask(request_key(str(options["model"]), question, params, k), question, k), listed
        )


def numbered(rows: Iterable[Row]) -> Iterator[str]:
    """Yield questions with their numbers, from 1, and with their options, where there are any."""
    for number, row in enumerate(rows, start=1):
        offered = f" ({' / '.join(map(on_one_line, row['options']))})" if row["options"] else ""
        yield f"[{number}] {on_one_line(row['problem'])}{offered}"


def on_one_line(text: str) -> str:
    """Return a text without line breaks, which would begin another entry of a list."""
    return " ".join(text.split())


def count(trials: Sequence[Trial], found: Mapping[str, Row]) -> Named:
    """Count which candidate the answers name; a request that failed says nothing."""
    said = [(trial.listed, found[trial.ask.key]["text"]) for trial in trials]
    named = Counter(named_in(text, listed) for listed, text in said if text is not None)
    twin, votes = named.most_common(1)[0] if named else (None, 0)
    return Named(named.total(), votes, twin if 2 * votes > named.total() else None)


def named_in(text: str, listed: Sequence[str]) -> str | None:
    """Return the row whose number a reply gives, None where it gives none of them."""
    answer = extract(text).answer or ""
    first = BRACKETED.match(answer)
    numbers = {first[1]} if first else set(NUMBER.findall(answer))
    places = {str(place): row for place, row in enumerate(listed, start=1)}
    return places.get(numbers.pop()) if len(numbers) == 1 else None


def settle(twins: Mapping[str, str]) -> dict[str, str]:
    """Return row -> the row that stays in its place: its twin may itself repeat another."""
    kept = dict(twins)
    for row, twin in twins.items():
        while twin in kept:
            twin = kept[twin]
        kept[row] = twin
    return kept


def row_of(row: Row, named: Named | None, kept: Mapping[str, str], options: Row) -> dict[str, Any]:
    """Return the row of a sample, with its drop where it repeats another."""
    twin = kept.get(row["id"])
    alike = named.twin if named else None
    made = {
        **row,
        "model": options["model"],
        "n": named.answers if named else 0,
        "votes": named.votes if named and twin else 0,
        "duplicate_of": twin,
    }
    if named is None or twin is None:
        return made
    said = f"{named.votes} of {named.answers} answers of {options['model']}"
    detail = f"same question in other words ({said}), same answer, same media as in {alike}"
    if alike != twin:
        detail += f", which repeats {twin}"
    return {**made, **drop(Drop.DUPLICATE, detail)}
