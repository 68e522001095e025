"""One request on the wire, through the openai package."""

import asyncio
import ctypes
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import aiohttp
import httpx2
import openai

from r1data.teacher.faults import (
    MOST_REPLY,
    MOST_TOKENS,
    Kind,
    Outcome,
    Usage,
    parse_json,
    read_reply,
    read_status,
    scrub,
)
from r1data.teacher.lanes import Lane

# The package's own 5 s is too short when a thousand connections are opened at once.
CONNECT_S = 30.0
# Routers of hundreds of providers list about 500.
MOST_MODELS = 10_000
# Written in pieces, so that the transport never copies a whole body into its buffer.
PIECE = 131_072
# json.loads of a megabyte takes about 5 ms; above that it would be felt by every other request.
# Larger ones are read one at a time: hostile JSON takes 25 times its bytes.
THREAD_ABOVE = 1_000_000
LARGE: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
# An error may echo the pictures that it refuses; only its first words are of use.
MOST_ERROR = 2**20
# Of malloc.h. A body of 64 frames has 2.3 MB; at most as much is kept as may wait to be sent.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_REUSED, MOST_KEPT = 4 * 2**20, 64 * 2**20
RAW = "X-Stainless-Raw-Response"
HEADERS = {"Content-Type": "application/json", RAW: "stream"}
# Of a reply that was unpacked; its length is another then.
PACKED = ("content-encoding", "content-length", "transfer-encoding")


class Client(openai.DefaultAioHttpClient):
    """Reads no more than the start of what a server sends: a reply may have no end.

    aiohttp bounds the headers: 128 of 8 kB each. A body is unpacked a megabyte at a time.
    """

    async def send(self, request: httpx2.Request, **given: Any) -> httpx2.Response:
        """Send a request; the body of a proper reply is left to whoever asked to stream it."""
        response = await super().send(request, **{**given, "stream": True})
        if given.get("stream") and response.status_code == 200:
            return response
        most = MOST_REPLY if response.status_code == 200 else MOST_ERROR
        body = await start_of(response, most)
        return unpacked(response, body)


async def start_of(response: httpx2.Response, most: int) -> bytes:
    """Return the first bytes of a body, `most` and some more where there are more."""
    body = bytearray()
    try:
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > most:
                break
    finally:
        await response.aclose()
    return bytes(body)


def unpacked(response: httpx2.Response, body: bytes) -> httpx2.Response:
    """Return a response whose body was read and unpacked."""
    pairs = response.headers.multi_items()
    headers = [(name, value) for name, value in pairs if name not in PACKED]
    return httpx2.Response(
        response.status_code, headers=headers, content=body, request=response.request
    )


def open_client(lane: Lane) -> openai.AsyncOpenAI:
    """Return a client without retries of its own and with as many connections as the lane needs.

    Without a number aiohttp keeps 100 connections and everything else waits, silently.
    """
    limits = httpx2.Limits(
        max_connections=lane.concurrency + 8,
        max_keepalive_connections=lane.concurrency + 8,
        keepalive_expiry=30.0,
    )
    timeout = openai.Timeout(lane.timeout, connect=CONNECT_S)
    return openai.AsyncOpenAI(
        base_url=lane.url,
        api_key=lane.key or "none",
        max_retries=0,
        timeout=timeout,
        http_client=Client(limits=limits, timeout=timeout, follow_redirects=False),
    )


def keep_freed_pages() -> None:
    """Let glibc keep the pages that sent bodies leave, instead of fetching zeroed ones each time.

    Of the CPU that a body of 585 kB took to build, 0.8 of 1.2 ms were page faults (measured). Other
    C libraries have no such switch and stay as fast as they are.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(M_MMAP_THRESHOLD, LARGEST_REUSED)
    mallopt(M_TRIM_THRESHOLD, MOST_KEPT)


async def post(
    client: openai.AsyncOpenAI,
    lane: Lane,
    body: bytes,
    max_tokens: int | None,
    context: int | None,
    sent: Callable[[], None],
) -> Outcome:
    """Send one request and judge what comes back; `sent` is called once the body is out.

    Never raises for what a server or the network does.
    """
    headers = {**HEADERS, "Content-Length": str(len(body))}
    content = pieces(body, sent)
    del body  # the pieces hold it, and drop it when it is out
    try:
        async with asyncio.timeout(lane.timeout):
            raw: Any = await client.post(
                "/chat/completions", cast_to=object, content=content, options={"headers": headers}
            )
            response = raw.http_response
            outcome = await read_whole(response, max_tokens, context)
    except openai.APIStatusError as problem:
        return status_outcome(problem, lane)
    except (openai.APIError, aiohttp.ClientError, httpx2.HTTPError, OSError) as problem:
        return network_outcome(problem, lane)
    return with_limits(outcome, response.headers)


async def read_whole(
    response: httpx2.Response, max_tokens: int | None, context: int | None
) -> Outcome:
    """Read and judge the body of a 200, as far as a reply may reach."""
    body = bytearray()
    pieces = response.aiter_bytes()
    try:
        async for piece in pieces:
            body += piece
            if len(body) > THREAD_ABOVE:
                break
        else:
            return read_reply(bytes(body), max_tokens, context)
        async with LARGE.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            async for piece in pieces:
                body += piece
                if len(body) > MOST_REPLY:
                    break
            return await asyncio.to_thread(read_reply, bytes(body), max_tokens, context)
    finally:
        await response.aclose()


async def pieces(body: bytes, sent: Callable[[], None]) -> AsyncIterator[Any]:
    """Yield `body` in pieces and let go of it, so that nothing of it waits with the reply."""
    view = memoryview(body)
    for start in range(0, len(view), PIECE):
        yield view[start : start + PIECE]
    del body, view
    sent()


def status_outcome(problem: openai.APIStatusError, lane: Lane) -> Outcome:
    """Judge an error status."""
    response = problem.response
    outcome = read_status(response.status_code, response.content, response.headers, time.time())
    cleaned = replace(outcome, message=scrub(outcome.message, lane.key))
    return with_limits(cleaned, response.headers)


def network_outcome(problem: BaseException, lane: Lane) -> Outcome:
    """Tell a server that cannot be reached from a connection that broke under way.

    The package reports both as a timeout; the cause at the bottom of the chain tells them apart.
    """
    causes = [problem]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None:
        if cause in causes:
            break
        causes.append(cause)
    unreachable = any(isinstance(cause, aiohttp.ClientConnectorError) for cause in causes)
    late = any(isinstance(cause, TimeoutError) for cause in causes)
    root = scrub(str(causes[-1]) or type(causes[-1]).__name__, lane.key)
    if unreachable:
        return Outcome(Kind.UNREACHABLE, f"no connection: {root}")
    if late:
        return Outcome(Kind.AGAIN, f"no reply within {lane.timeout:g} s")
    return Outcome(Kind.AGAIN, f"the connection broke: {root}")


def with_limits(outcome: Outcome, headers: httpx2.Headers) -> Outcome:
    """Add the x-ratelimit-* headers where the server sends any."""
    told = {name: value for name, value in headers.items() if name.startswith("x-ratelimit-")}
    limits = {scrub(name): scrub(value) for name, value in told.items()}
    return replace(outcome, limits=limits) if limits else outcome


class Model(NamedTuple):
    """A model that a server lists; `length` is its context in tokens, where it states one."""

    id: str
    length: int | None
    owner: str


async def list_models(client: openai.AsyncOpenAI, lane: Lane) -> tuple[Outcome, list[Model]]:
    """Ask GET /models: proof that somebody is there; what it lists may be nothing."""
    try:
        async with asyncio.timeout(CONNECT_S):
            raw: Any = await client.get(
                "/models",
                cast_to=object,
                options={"headers": {RAW: "true"}},
            )
    except openai.APIStatusError as problem:
        return status_outcome(problem, lane), []
    except (openai.APIError, aiohttp.ClientError, httpx2.HTTPError, OSError) as problem:
        return network_outcome(problem, lane), []
    models = await asyncio.to_thread(read_models, raw.http_response.content)
    return Outcome(Kind.ANSWER, status=200, usage=Usage()), models


def read_models(body: bytes) -> list[Model]:
    """Return what a reply of GET /models lists; nothing where it is none."""
    try:
        reply = parse_json(body)
    except ValueError:
        return []
    listed = reply.get("data") if isinstance(reply, dict) else None
    entries = listed[:MOST_MODELS] if isinstance(listed, list) else []
    return [model_of(each) for each in entries if isinstance(each, dict)]


def model_of(entry: Mapping[str, Any]) -> Model:
    """Read one entry of GET /models."""
    length = entry.get("max_model_len")
    known = type(length) is int and 0 < length <= MOST_TOKENS
    return Model(scrub(str(entry.get("id"))), length if known else None, str(entry.get("owned_by")))
