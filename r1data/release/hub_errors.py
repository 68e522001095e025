"""What the Hub and the wires to it refuse, in one line each, with what helps."""

import importlib
import importlib.util
import re
from functools import cache
from typing import Any

from r1data.errors import R1DataError, UsageError
from r1data.sections import PATIENCE_S

# The Hub's client waits so often for one request.
HUB_TRIES = 5
# What to do about a refusal; 5xx and what a wire does may be better the next time.
STEPS = {
    401: "log in anew with `hf auth login`",
    403: "this token may not write there: take one that may, or a --repo of your own",
    404: "check the name, and that this token may see it",
    409: "somebody else writes there, or the name is taken: wait and run it again, or take another "
    "--repo",
    413: "make the release's shards smaller with release.shard_mb",
    429: "it asks for a pause: run the same again later",
}


@cache
def cap_waits() -> None:
    """Keep the Hub's client from waiting as long as the Hub asks, be it a year.

    Without a wait that it was asked for it tries again within half a minute, five times.
    """
    from huggingface_hub import get_session, set_client_factory

    session = get_session()
    hooks = {**session.event_hooks, "response": [*session.event_hooks["response"], forget_wait]}
    client = type(session)
    set_client_factory(lambda: client(follow_redirects=True, timeout=None, event_hooks=hooks))


def forget_wait(response: Any) -> None:
    """Take out of a response the headers that ask for more seconds than we wait."""
    for name in ("retry-after", "ratelimit"):
        numbers = re.findall(r"[0-9]+", response.headers.get(name, ""))
        if any(len(number) > 9 or int(number) > PATIENCE_S / HUB_TRIES for number in numbers):
            del response.headers[name]


def client_errors() -> tuple[type[Exception], ...]:
    """Return what the client raises: the Hub's replies, and what its HTTP library says of wires."""
    from huggingface_hub.errors import HfHubHTTPError

    wires = importlib.import_module("httpx2" if importlib.util.find_spec("httpx2") else "httpx")
    return (HfHubHTTPError, OSError, wires.HTTPError)


def failed(doing: str, problem: Exception) -> R1DataError:
    """Return an error of the Hub as one line, with what helps: what it refuses is not asked again.

    The Hub's own words are in `server_message`; the text around them is its client's.
    """
    from huggingface_hub.errors import HfHubHTTPError

    said = str(getattr(problem, "server_message", None) or problem)
    first = " ".join(said.split())[:300].rstrip(".")
    if not isinstance(problem, HfHubHTTPError) or problem.response is None:
        return R1DataError(f"{doing} failed: {first}; run the same again to go on")
    status = problem.response.status_code
    again = "run the same again to go on"
    step = STEPS.get(status, again if status >= 500 else "see to it before you run it again")
    return R1DataError(f"{doing} failed: the Hub says {status}: {first}; {step}")


def refuse_names(repo: str, tag: str | None) -> None:
    """Raise UsageError for a name of a repository or a tag that the Hub has for none."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo)
    except HFValidationError:
        repo_fits = False
    else:
        repo_fits = repo.count("/") == 1
    if not repo_fits:
        raise UsageError(
            f"--repo '{repo}': write it as user/name, in letters, digits, '-', '_' and '.', "
            "96 at most, as me/my-cot"
        )
    if tag is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", tag):
        raise UsageError(f"--tag '{tag}': letters, digits, '.', '_' and '-' only, as v1")
