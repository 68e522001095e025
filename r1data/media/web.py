"""HTTP as downloads need it: ranges, redirects that keep tokens at home, patience with faults."""

import http.client
import os
import random
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import IO, Any, NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit, urlunsplit

from r1data import __version__
from r1data.errors import InputError, ShardFault
from r1data.sections import PATIENCE_S

# A stalled connection is given up after a minute; eight tries with these waits take about a minute.
TIMEOUT_SECONDS, TRIES, FIRST_WAIT, LONGEST_WAIT = 60.0, 8, 0.25, 20.0
# A listing is a page of 1,000 files.
MOST_BODY = 1 << 28
MAY_PASS = frozenset({408, 425, 429, 500, 502, 503, 504})
NUMBER = re.compile("[0-9]{1,15}")
T = TypeVar("T")


class Reply(NamedTuple):
    """An answer whose body is still to be read; `url` is where the redirects led."""

    status: int
    headers: Mapping[str, str]
    body: IO[bytes]
    url: str


class Passing(Exception):
    """A fault that may pass; `wait` is what the server asked for."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


class Missing(Exception):
    """The server has no such file."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Redirects are followed by `ask`, which decides what goes along."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


OPENER = urllib.request.build_opener(NoRedirect)


def endpoint() -> str:
    """Return the address of the Hub, or of the mirror that HF_ENDPOINT names."""
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def token_for(url: str) -> str | None:
    """Return the Hub's token for an address of the Hub, and for no other host."""
    if urlsplit(url).netloc != urlsplit(endpoint()).netloc:
        return None
    from huggingface_hub import get_token

    return get_token()


def ask(url: str, start: int | None = None, stop: int | None = None, etag: str = "") -> Reply:
    """Ask once for a file, or for its bytes from `start` to before `stop`, through redirects.

    Raises Passing for what may pass, Missing for what is not there, InputError for what is refused.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").casefold() in ("1", "true", "yes", "on"):
        told = f"{shown(url)} is not here: unset it, or set root:"
        raise InputError(f"HF_HUB_OFFLINE is set, and {told}")
    for _ in range(6):
        reply = ask_one(url, headers_for(url, start, stop, etag))
        if reply.status not in (301, 302, 303, 307, 308):
            return reply
        reply.body.close()
        url = urljoin(url, reply.headers.get("location", ""))
    raise InputError(f"{shown(url)}: it leads from address to address without an end")


def headers_for(url: str, start: int | None, stop: int | None, etag: str) -> dict[str, str]:
    """Return the headers of one request; the token goes to its own host only."""
    headers = {"User-Agent": f"r1data/{__version__}", "Accept-Encoding": "identity"}
    token = token_for(url)
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if start is not None:
        headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        if etag:
            headers["If-Range"] = etag
    return headers


def ask_one(url: str, headers: Mapping[str, str]) -> Reply:
    """Send one request and sort its answer."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise InputError(f"{shown(url)} is no address on the web")
    try:
        request = urllib.request.Request(url, headers=dict(headers))
        answer = OPENER.open(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as problem:
        if problem.code in (301, 302, 303, 307, 308, 416):
            return Reply(problem.code, lower(problem.headers), problem, url)
        raise sorted_fault(url, problem) from problem
    except (OSError, http.client.HTTPException) as problem:
        raise Passing(f"{urlsplit(shown(url)).netloc} does not answer: {problem}") from problem
    return Reply(answer.status, lower(answer.headers), answer, url)


def whole_number(text: str) -> int | None:
    """Return a header's whole number; None where it is none, or one that no file has."""
    return int(text) if NUMBER.fullmatch(text) else None


def shown(url: str) -> str:
    """Return an address fit for messages: without user, password, signature and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def lower(headers: Any) -> dict[str, str]:
    """Return headers by their names in small letters."""
    return {key.casefold(): value for key, value in headers.items()}


def sorted_fault(url: str, problem: urllib.error.HTTPError) -> Exception:
    """Tell what an error status means for going on."""
    headers, code, url = lower(problem.headers), problem.code, shown(url)
    problem.close()
    if code in MAY_PASS:
        asked = whole_number(headers.get("retry-after", ""))
        return Passing(f"{url} answers {code}", asked)
    place = url.partition("/resolve/")[0].partition("/api/")[0]
    if headers.get("x-error-code") == "GatedRepo" or code == 403:
        return InputError(
            f"{url} is gated ({code}): accept its terms at {place}, then export HF_TOKEN, or set "
            f"root: to a copy"
        )
    if code == 401:
        return InputError(f"{url} asks for a login (401): does it exist? If so, export HF_TOKEN")
    if code in (404, 410):
        return Missing(f"there is no {url} ({code})")
    return InputError(f"{url} answers {code} {problem.reason}")


def patiently(what: str, once: Callable[[], T]) -> T:
    """Call `once` until it succeeds; waits grow. Raises ShardFault when patience ends.

    Nothing is waited for longer than the patience with a teacher, whatever the server asks for.
    """
    until = time.monotonic() + PATIENCE_S
    for tried in range(TRIES):
        try:
            return once()
        except (Passing, OSError, http.client.HTTPException) as problem:
            if isinstance(problem, OSError) and is_local(problem):
                raise
            left = until - time.monotonic()
            if tried + 1 == TRIES or left <= 0:
                raise ShardFault(f"{shown(what)}: {problem} ({tried + 1} tries)") from problem
            pause(tried, problem, left)
    raise AssertionError


def is_local(problem: OSError) -> bool:
    """Tell a full disk from a broken connection."""
    import errno

    return problem.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


def pause(tried: int, problem: Exception, most: float) -> None:
    """Wait before another try: as long as the server asks, else longer each time, with chance."""
    asked = problem.wait if isinstance(problem, Passing) else None
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2**tried)
    time.sleep(min(most, random.uniform(wait / 2, wait) if asked is None else asked))


def get(url: str) -> tuple[bytes, Mapping[str, str]]:
    """Return a small body and its headers, patiently."""

    def once() -> tuple[bytes, Mapping[str, str]]:
        reply = ask(url)
        with reply.body as body:
            data = body.read(MOST_BODY + 1)
        if len(data) > MOST_BODY:
            raise InputError(f"{shown(url)} sends more than {MOST_BODY >> 20} MB for a listing")
        return data, reply.headers

    return patiently(url, once)
