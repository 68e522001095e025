"""Lanes: one teacher endpoint each, with its own limits, as a recipe's `run.lanes` names them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from r1data.environment import from_environment
from r1data.errors import UsageError

# Each picture in a part of its own, all of them as one video, or the clip itself (see clips).
FORMS = ("image_url", "video_url", "video_mp4", "video_file")
# How many requests are in flight: learned from refusals, as many as `concurrency` says, or as the
# queue that vLLM tells at /metrics asks for.
WINDOWS = ("adaptive", "fixed", "metrics")

# A reply of 1,024 tokens takes under a minute; ten minutes leave room for long thoughts in a queue.
TIMEOUT_S = 600.0
# Half of what vLLM batches by default (256 sequences); the window stays below where a server says.
CONCURRENCY = 128


@dataclass(frozen=True)
class Lane:
    """One endpoint. `shown` is its URL without user, password and query: fit for messages."""

    url: str
    shown: str
    key: str = field(repr=False, default="")
    concurrency: int = CONCURRENCY
    media: str = "image_url"
    timeout: float = TIMEOUT_S
    window: str = "adaptive"


def read_lanes(settings: Mapping[str, Any]) -> list[Lane]:
    """Read settings["lanes"]; "$NAME" values are taken from the environment here and go no further.

    Raises UsageError where there is no lane or one cannot be right.
    """
    lanes = settings.get("lanes")
    if not lanes:
        raise UsageError("the recipe names no teacher: add run.lanes: [{url: http://...}]")
    return [read_lane(lane, number) for number, lane in enumerate(lanes)]


def read_lane(lane: Mapping[str, Any], number: int) -> Lane:
    """Read one entry of run.lanes."""
    if not lane.get("url"):
        raise UsageError(f"run.lanes[{number}] has no url")
    url = from_environment(str(lane["url"]))
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"run.lanes[{number}].url is no http(s) address: '{without_secrets(url)}'")
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise UsageError(
            f"run.lanes[{number}].url holds a password or a query, which are not sent: write "
            f"{without_secrets(url)} and put the secret into key: $NAME"
        )
    media = str(lane.get("media") or "image_url")
    if media not in FORMS:
        raise UsageError(f"run.lanes[{number}].media: '{media}' is none of {', '.join(FORMS)}")
    concurrency = int(lane.get("concurrency") or CONCURRENCY)
    if concurrency < 1:
        raise UsageError(f"run.lanes[{number}].concurrency must be at least 1, not {concurrency}")
    window = str(lane.get("window") or "adaptive")
    if window not in WINDOWS:
        raise UsageError(f"run.lanes[{number}].window: '{window}' is none of {', '.join(WINDOWS)}")
    return Lane(
        url=url,
        shown=without_secrets(url),
        key=from_environment(str(lane["key"])) if lane.get("key") else "",
        concurrency=concurrency,
        media=media,
        timeout=float(lane.get("timeout") or TIMEOUT_S),
        window=window,
    )


def without_secrets(url: str) -> str:
    """Return `url` without user, password, query and fragment."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))
