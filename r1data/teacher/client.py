"""One request on the wire, through the openai package."""

import asyncio
import ctypes
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import httpx2
import openai

from r1data.teacher.faults import Kind, Outcome, Usage, read_reply, read_status, scrub
from r1data.teacher.lanes import Lane

# The package's own 5 s is too short when a thousand connections are opened at once.
CONNECT_S = 30.0
# Written in pieces, so that the transport never copies a whole body into its buffer.
PIECE = 131_072
# json.loads of a megabyte takes about 5 ms; above that it would be felt by every other request.
THREAD_ABOVE = 1_000_000
# Of malloc.h. A body of 64 frames has 2.3 MB; at most as much is kept as may wait to be sent.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
LARGEST_REUSED, MOST_KEPT = 4 * 2**20, 64 * 2**20
HEADERS = {"Content-Type": "application/json", "X-Stainless-Raw-Response": "true"}


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
        http_client=openai.DefaultAioHttpClient(
            limits=limits, timeout=timeout, follow_redirects=False
        ),
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
    except openai.APIStatusError as problem:
        return status_outcome(problem, lane)
    except (openai.APIError, aiohttp.ClientError, httpx2.HTTPError, OSError) as problem:
        return network_outcome(problem, lane)
    response = raw.http_response
    if len(response.content) > THREAD_ABOVE:
        outcome = await asyncio.to_thread(read_reply, response.content, max_tokens, context)
    else:
        outcome = read_reply(response.content, max_tokens, context)
    return with_limits(outcome, response.headers)


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
    cleaned = Outcome(outcome.kind, scrub(outcome.message, lane.key), outcome.wait, outcome.status)
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
    limits = {name: value for name, value in headers.items() if name.startswith("x-ratelimit-")}
    if not limits:
        return outcome
    return Outcome(**{**vars(outcome), "limits": limits})


async def list_models(client: openai.AsyncOpenAI, lane: Lane) -> tuple[Outcome, list[dict]]:
    """Ask GET /models: proof that somebody is there; what it lists may be nothing."""
    try:
        async with asyncio.timeout(CONNECT_S):
            raw: Any = await client.get(
                "/models",
                cast_to=object,
                options={"headers": {"X-Stainless-Raw-Response": "true"}},
            )
    except openai.APIStatusError as problem:
        return status_outcome(problem, lane), []
    except (openai.APIError, aiohttp.ClientError, httpx2.HTTPError, OSError) as problem:
        return network_outcome(problem, lane), []
    try:
        listed = raw.http_response.json().get("data")
    except (ValueError, AttributeError):
        listed = None
    models = [model for model in listed or [] if isinstance(model, dict)]
    return Outcome(Kind.ANSWER, status=200, usage=Usage()), models
