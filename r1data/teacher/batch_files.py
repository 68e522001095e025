"""What the Batch API's files and the journal of its steps say."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import openai

from r1data.teacher.faults import Kind, Outcome, read_reply, read_status, scrub
from r1data.teacher.journal import opened
from r1data.teacher.requests import Ask, encode_body

LOG = logging.getLogger(__name__)


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


def read_lines(content: bytes, max_tokens: int | None, secret: str) -> dict[str, Outcome]:
    """Read an output or an error file: request key -> outcome. Their order means nothing."""
    outcomes = {}
    for line in content.splitlines():
        try:
            entry = json.loads(line)
            outcomes[str(entry["custom_id"])] = read_entry(entry, max_tokens, secret)
        except (ValueError, KeyError, TypeError, AttributeError):
            LOG.warning("a line of a batch that cannot be read: its question is asked again")
    return outcomes


def read_entry(entry: Mapping[str, Any], max_tokens: int | None, secret: str) -> Outcome:
    """Judge one line: a reply with its status, or why there was none."""
    response, problem = entry.get("response"), entry.get("error")
    if not response:
        told = f"{problem.get('code')}: {problem.get('message')}" if problem else "no response"
        return Outcome(Kind.AGAIN, scrub(told, secret))
    body = json.dumps(response["body"]).encode()
    if response["status_code"] == 200:
        return read_reply(body, max_tokens)
    outcome = read_status(response["status_code"], body, {}, 0.0)
    return Outcome(outcome.kind, scrub(outcome.message, secret), status=outcome.status)


def upload(client: openai.OpenAI, name: str, file: IO[bytes]) -> str:
    file.seek(0)
    return client.files.create(file=(name, file), purpose="batch").id


def create(client: openai.OpenAI, file: str) -> str:
    """Ask for a batch; a server that knows the header makes no second one for the same file."""
    return client.batches.create(
        completion_window="24h",
        endpoint="/v1/chat/completions",
        input_file_id=file,
        extra_headers={"Idempotency-Key": file},
    ).id
