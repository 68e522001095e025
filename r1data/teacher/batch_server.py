"""Calls of the Batch API: each is bounded in size and time, and its reply is a stranger's."""

import logging
import time
from collections.abc import Collection, Iterator, Mapping
from typing import IO, Any

import httpx2
import openai

from r1data.teacher.batch_files import read_line
from r1data.teacher.client import MOST_ERROR, unpacked
from r1data.teacher.faults import MOST_REPLY, Outcome, name_in, parse_json
from r1data.teacher.lanes import Lane

LOG = logging.getLogger(__name__)

# A file of 50,000 answers of 2,048 tokens has half of it; OpenAI takes no file above 512 MB.
MOST_OUTPUT = 2**30
# The slowest line that is worth waiting for brings such a file in an hour.
DOWNLOAD_S = 3600.0
# The list begins with the newest; what was lost was sent by the run before.
PAGES, PAGE = 20, 100


class NotBatches(ValueError):
    """A reply that is none of the Batch API's."""


class Client(openai.DefaultHttpxClient):
    """Reads no more than the start of what a server sends, and for no longer than its timeout."""

    def send(self, request: httpx2.Request, **given: Any) -> httpx2.Response:
        """Send a request; the body of a file is left to whoever asked to stream it."""
        response = super().send(request, **{**given, "stream": True})
        if given.get("stream") and response.status_code == 200:
            return response
        most = MOST_REPLY if response.status_code == 200 else MOST_ERROR
        seconds = self.timeout.read or DOWNLOAD_S
        return unpacked(response, b"".join(pieces_of(response, most, seconds)))


def pieces_of(response: httpx2.Response, most: int, seconds: float) -> Iterator[bytes]:
    """Yield a body in pieces, up to `most` bytes and some more; raises ReadTimeout after a time."""
    until, size = time.monotonic() + seconds, 0
    try:
        for piece in response.iter_bytes():
            yield piece
            size += len(piece)
            if size > most:
                return
            if time.monotonic() > until:
                raise httpx2.ReadTimeout(f"not all of it came in {seconds:g} s")
    finally:
        response.close()


def open_account(lane: Lane) -> openai.OpenAI:
    """Return a client without retries of its own that follows no redirects."""
    return openai.OpenAI(
        base_url=lane.url,
        api_key=lane.key or "none",
        max_retries=0,
        http_client=Client(timeout=lane.timeout, follow_redirects=False),
    )


def read_object(raw: Any) -> dict[str, Any]:
    """Return the JSON object of a reply. Raises NotBatches."""
    try:
        reply = parse_json(raw.http_response.content)
    except ValueError as problem:
        raise NotBatches("answers with a body that is not JSON") from problem
    if not isinstance(reply, dict):
        raise NotBatches("answers with a body that is not a JSON object")
    return reply


def read_id(reply: Mapping[str, Any]) -> str:
    """Return the id of a file or a batch. Raises NotBatches."""
    found = name_in(reply, "id")
    if not found:
        raise NotBatches("names no id of what it was sent")
    return found


def upload(client: openai.OpenAI, name: str, file: IO[bytes]) -> str:
    """Upload a file of requests; return its id."""
    file.seek(0)
    raw = client.files.with_raw_response.create(file=(name, file), purpose="batch")
    return read_id(read_object(raw))


def create(client: openai.OpenAI, file: str) -> str:
    """Ask for a batch; a server that knows the header makes no second one for the same file."""
    raw = client.batches.with_raw_response.create(
        completion_window="24h",
        endpoint="/v1/chat/completions",
        input_file_id=file,
        extra_headers={"Idempotency-Key": file},
    )
    return read_id(read_object(raw))


def retrieve(client: openai.OpenAI, batch: str) -> dict[str, Any]:
    """Return what a server says of a batch."""
    return read_object(client.batches.with_raw_response.retrieve(batch))


def faults_of(batch: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return why a batch failed."""
    errors = batch.get("errors")
    data = errors.get("data") if isinstance(errors, dict) else None
    return [each for each in data if isinstance(each, dict)] if isinstance(data, list) else []


def list_batches(client: openai.OpenAI) -> dict[str, str]:
    """Return file -> batch of the newest batches."""
    found: dict[str, str] = {}
    after: Any = openai.NOT_GIVEN
    for _ in range(PAGES):
        page = read_object(client.batches.with_raw_response.list(limit=PAGE, after=after))
        data = page.get("data")
        entries = [each for each in data if isinstance(each, dict)] if type(data) is list else []
        for entry in entries:
            file, batch = name_in(entry, "input_file_id"), name_in(entry, "id")
            if file and batch:
                found.setdefault(file, batch)
        if not entries or page.get("has_more") is not True:
            break
        after = name_in(entries[-1], "id") or ""
    return found


def download(
    client: openai.OpenAI, file: str, keys: Collection[str], max_tokens: int | None, secret: str
) -> dict[str, Outcome]:
    """Read an output or an error file: request key -> outcome, of `keys` alone; the first counts.

    A line that cannot be read, or is too long, says nothing of any request.
    """
    outcomes: dict[str, Outcome] = {}
    unread = 0
    with client.files.with_streaming_response.content(file) as raw:
        response = raw.http_response
        for line in lines_of(pieces_of(response, MOST_OUTPUT, DOWNLOAD_S)):
            found = read_line(line, max_tokens, secret)
            unread += found is None and bool(line.strip())
            if found is not None and found[0] in keys:
                outcomes.setdefault(*found)
    if unread:
        LOG.warning("%d lines of a batch cannot be read: their questions are asked again", unread)
    return outcomes


def lines_of(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the lines of a body that comes in pieces; a line that is too long is left out."""
    line, too_long = bytearray(), False
    for piece in pieces:
        *ends, rest = piece.split(b"\n")
        for end in ends:
            if not too_long and len(line) + len(end) <= MOST_REPLY:
                yield bytes(line + end)
            line.clear()
            too_long = False
        too_long = too_long or len(line) + len(rest) > MOST_REPLY
        if too_long:
            line.clear()
        else:
            line += rest
    if line and not too_long:
        yield bytes(line)
