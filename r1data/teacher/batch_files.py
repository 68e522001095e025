"""What the Batch API's files and the journal of its steps say."""

import itertools
import json
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import openai

from r1data.teacher.budget import Budget, Prices
from r1data.teacher.counts import Counts
from r1data.teacher.faults import (
    Kind,
    Outcome,
    name_in,
    parse_json,
    read_reply,
    read_status,
    scrub,
)
from r1data.teacher.journal import Journal, opened
from r1data.teacher.lanes import Lane
from r1data.teacher.requests import Ask, encode_body
from r1data.teacher.sharing import Seat


def request_line(ask: Ask, model: str, params: Mapping[str, Any], media: str) -> bytes:
    """Return one line of a file of requests. Raises RowDrop or OSError where a clip is gone."""
    body = encode_body(ask.question, model, params, media, ask.k)
    head = f'{{"custom_id":"{ask.key}","method":"POST","url":"/v1/chat/completions","body":'
    return head.encode() + body + b"}\n"


@dataclass
class Part:
    """One file of requests; `estimate` and `output` are the tokens put aside for it.

    `since` is when this run began to wait for it, in seconds of time.monotonic.
    """

    file: str
    keys: list[str]
    estimate: int
    output: int
    batch: str = ""
    ticket: int = 0
    since: float = field(default_factory=time.monotonic)


@dataclass
class Batching:
    """Everything one shard's batches need, and how far they are."""

    lane: Lane
    model: str
    params: Mapping[str, Any]
    most_output: int
    prompt_sha256: str
    prices: Prices | None
    budget: Budget | None
    seat: Seat
    shard: str
    stop: Path
    patience: float
    asks: dict[str, Ask]
    waiting: deque[Ask]
    client: openai.OpenAI
    journal: Journal
    steps: Journal
    discarded: Journal
    counts: Counts
    parts: list[Part] = field(default_factory=list)
    results: dict[str, dict[str, Any]] = field(default_factory=dict)
    attempts: Counter[str] = field(default_factory=Counter)
    tickets: Iterator[int] = field(default_factory=itertools.count)
    full: bool = False
    crowded_since: float | None = None


def open_parts(folder: Path) -> dict[str, Part]:
    """Return the files that some journal of steps holds and none calls over, by their id."""
    parts: dict[str, Part] = {}
    over: set[str] = set()
    for path in sorted(folder.glob("*.batches.jsonl")):
        for line in path.read_bytes().splitlines():
            step = opened(line)
            if step is None:  # torn by a kill
                continue
            if step["step"] == "file":
                names = ("file", "keys", "estimate", "output")
                parts[step["file"]] = Part(**{name: step[name] for name in names})
            elif step["step"] == "sent" and step["file"] in parts:
                parts[step["file"]].batch = step["batch"]
            else:
                over.add(step["file"])
    return {file: part for file, part in parts.items() if file not in over}


def read_line(line: bytes, max_tokens: int | None, secret: str) -> tuple[str, Outcome] | None:
    """Read a line of an output or an error file: the request's key, and what became of it."""
    try:
        entry = parse_json(line)
    except ValueError:
        entry = None
    key = name_in(entry, "custom_id") if isinstance(entry, dict) else None
    return (key, read_entry(entry or {}, max_tokens, secret)) if key else None


def read_entry(entry: Mapping[str, Any], max_tokens: int | None, secret: str) -> Outcome:
    """Judge one line: a reply with its status, or why there was none."""
    response, problem = entry.get("response"), entry.get("error")
    response = response if isinstance(response, dict) else {}
    status = response.get("status_code")
    if type(status) is not int or not 200 <= status < 600:
        told = "no response"
        if isinstance(problem, dict):
            told = f"{problem.get('code')}: {problem.get('message')}"
        return Outcome(Kind.AGAIN, scrub(told, secret))
    body = json.dumps(response.get("body")).encode()
    if status == 200:
        return read_reply(body, max_tokens)
    outcome = read_status(status, body, {}, 0.0)
    return replace(outcome, message=scrub(outcome.message, secret))
