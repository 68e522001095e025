"""A window that follows what the server says of its queue: vLLM never refuses, it queues.

Names of the metrics: vLLM's page of production metrics. Both are gauges, one sample an engine.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import httpx2
import openai

from r1data.errors import TeacherStop
from r1data.teacher.client import RAW, status_outcome
from r1data.teacher.health import Running
from r1data.teacher.limits import Window

POLL_S = 1.0
# So many may wait for each that runs, and at least so many: enough that no slot stays empty until
# the next look, too few for anyone to wait long.
QUEUE_SHARE, LEAST_QUEUE = 0.1, 4
# More requests than that no server has.
MOST_REQUESTS = 1e9
SAMPLE = re.compile(
    r"^vllm:num_requests_(running|waiting)(?:\{[^}]*\})?[ \t]+([0-9.eE+-]+)", re.MULTILINE
)


class Load(NamedTuple):
    """Requests that a server works at, and that wait in it; of all its clients."""

    running: float
    waiting: float


def read_load(text: str) -> Load | None:
    """Read the two gauges out of Prometheus text; None where one of them is not in it."""
    found: dict[str, float] = {}
    for name, value in SAMPLE.findall(text):
        try:
            found[name] = found.get(name, 0.0) + float(value)
        except ValueError:
            return None
    fits = len(found) == 2 and all(0 <= value < MOST_REQUESTS for value in found.values())
    return Load(**found) if fits else None


def fitting(window: Window, load: Load, flying: int) -> float:
    """Return the size that keeps a short queue: more where nobody waits, less what is too many."""
    queue = max(LEAST_QUEUE, QUEUE_SHARE * load.running)
    if load.waiting > queue:
        return max(1.0, flying - (load.waiting - queue))
    if flying < int(window.size):  # not all that is allowed is used: nothing was learned
        return window.size
    more = queue - load.waiting if load.waiting else max(queue, window.size / 4)
    return min(float(window.most), window.size + more)


def metrics_url(url: str) -> str:
    """Return where a server tells its metrics: beside /v1, not below it."""
    parts = urlsplit(url)
    root = parts.path.rstrip("/").removesuffix("/v1")
    return urlunsplit((parts.scheme, parts.netloc, f"{root}/metrics", "", ""))


async def look(running: Running) -> Load | str:
    """Ask for the load; a text says why it cannot be had."""
    where = metrics_url(running.lane.url)
    options: Any = {"headers": {RAW: "true"}}
    try:
        async with asyncio.timeout(10 * POLL_S):
            raw: Any = await running.client.get(where, cast_to=object, options=options)
    except openai.APIStatusError as problem:
        return f"{where} answers {status_outcome(problem, running.lane).message}"
    except (openai.APIError, aiohttp.ClientError, httpx2.HTTPError, OSError) as problem:
        return f"{where} does not answer ({type(problem).__name__})"
    load = read_load(raw.http_response.text)
    return load or f"{where} tells no vllm:num_requests_running and vllm:num_requests_waiting"


async def follow(running: Running) -> None:
    """Fit the window of a lane to its server's queue, now and then, for as long as it runs.

    Raises TeacherStop where the first look finds no such metrics; later a look that fails changes
    nothing, since requests tell whether the server is still there.
    """
    load = await look(running)
    if isinstance(load, str) and not running.dead:
        raise TeacherStop(f"{load}: write window: fixed, or leave it out, in run.lanes")
    while True:
        if isinstance(load, Load):
            running.news.append(fitted_to(load))
        await asyncio.sleep(POLL_S)
        load = await look(running)


def fitted_to(load: Load) -> Callable[[Window, int], None]:
    """Return what a look changes; a second cell's look at the same moment changes nothing more."""

    def change(window: Window, flying: int) -> None:
        window.size = fitting(window, load, flying)

    return change
