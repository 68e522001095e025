"""What a reply or an error means: by type and status, never by words inside a message."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

from r1data.teacher.messages import message_text

MESSAGE_CHARS = 300
# Longer runs than any identifier: an echoed picture or key must reach no file and no screen.
ENCODED = re.compile(r"[A-Za-z0-9+/_=-]{80,}")
# OpenRouter sends comments of server-sent events ahead of a reply that takes long.
KEEPALIVE = re.compile(rb"\A(?:\s*:[^\n]*\n)+")
# Proxies answer with a page of HTML, of which only the words are of use.
MARKUP = re.compile(r"<[^>]*>")
# A token is rarely above 16 characters; more text than that is no reply to max_tokens.
CHARS_PER_TOKEN = 64
CHARS_FLOOR = 65_536
# The longest contexts have ten million tokens; what reports more, lies.
MOST_TOKENS = 10_000_000
# A reply is read up to here, compressed or not; a longer one is none. An answer of 64k tokens with
# its thought has a megabyte.
MOST_REPLY = 16 * 2**20
# Real replies nest about eight deep; what reads them further on recurses.
DEEPEST = 64
HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")


class Kind(Enum):
    """What to do about an outcome."""

    ANSWER = "answer"  # keep it
    CUT = "cut"  # cut short though max_tokens was not reached: ask again, keep the last
    AGAIN = "again"  # ask again, counted
    MALFORMED = "malformed"  # a 200 that is not a completion: ask again, counted
    BUSY = "busy"  # 429: ask again, not counted
    UNREACHABLE = "unreachable"  # nobody took the connection: the lane's trouble, not the row's
    REFUSED = "refused"  # this request will never be taken
    STOP = "stop"  # no request will ever be taken


@dataclass(frozen=True)
class Usage:
    """Tokens as reported; None where the server says nothing. Where not `told`, an estimate."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    told: bool = True

    @property
    def total(self) -> int:
        return (self.tokens_in or 0) + (self.tokens_out or 0)


@dataclass(frozen=True)
class Outcome:
    """One request's end: an answer, or what stood in the way."""

    kind: Kind
    message: str = ""
    wait: float | None = None  # seconds the server asks for
    status: int = 0
    text: str | None = None
    finish_reason: str | None = None
    served_model: str | None = None
    usage: Usage = Usage()
    limits: Mapping[str, str] | None = None  # x-ratelimit-* headers


def parse_json(body: bytes) -> Any:
    """Return what a stranger's JSON says, in characters that can be written.

    Raises ValueError for all else: other encodings, numbers without an end, deep nesting.
    """
    text = body.decode("utf-8-sig", "replace")
    try:
        value = json.loads(text)
        if HALF_CHARACTER.search(text):
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except RecursionError as problem:
        raise ValueError("nested too deep") from problem
    level = [value]
    for _ in range(DEEPEST):
        level = [part for each in level for part in parts_of(each)]
        if not level:
            return value
    raise ValueError("nested too deep")


def parts_of(value: Any) -> Iterable[Any]:
    """Return what stands in a JSON object or list."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def read_reply(body: bytes, max_tokens: int | None, context: int | None = None) -> Outcome:
    """Judge the body of a 200: an answer, a cut one, or no proper reply at all.

    `max_tokens` is None where the request has no cap. `context` is the server's own length limit in
    tokens where it states one: a reply that ends there was cut for good.
    """
    if len(body) > MOST_REPLY:
        told = f"a reply of more than {MOST_REPLY >> 20} MB"
        return Outcome(Kind.MALFORMED, told, usage=Usage(told=False))
    try:
        reply = parse_json(KEEPALIVE.sub(b"", body))
    except ValueError:
        if body.lstrip().startswith(b"data:"):
            return Outcome(Kind.MALFORMED, "HTTP 200 with a stream, though none was asked for")
        start = body[:60].decode("utf-8", "replace")
        return Outcome(Kind.MALFORMED, scrub(f"HTTP 200 with a body that is not JSON: {start!r}"))
    if not isinstance(reply, dict):
        return Outcome(Kind.MALFORMED, "HTTP 200 with a body that is not a JSON object")
    if isinstance(reply.get("error"), dict) and not reply.get("choices"):
        return error_in_reply(reply)
    choices = reply.get("choices")
    usage = read_usage(reply.get("usage"))
    if not isinstance(choices, list) or len(choices) != 1:
        count = len(choices) if isinstance(choices, list) else 0
        return Outcome(Kind.MALFORMED, f"a reply with {count} choices instead of 1", usage=usage)
    choice = choices[0]
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        return Outcome(Kind.MALFORMED, "a choice without a message", usage=usage)
    return read_choice(choice, usage, name_in(reply, "model"), max_tokens, context)


def name_in(entry: Mapping[str, Any], field: str) -> str | None:
    """Return a short text of a reply's own, as the name of its model; None where it is none."""
    value = entry.get(field)
    return value[:MESSAGE_CHARS] if isinstance(value, str) else None


def error_in_reply(reply: Mapping[str, Any]) -> Outcome:
    """Judge an error inside a 200 by its code, as gateways pass on those of their providers."""
    code = reply["error"].get("code")
    message = scrub(f"an error in a 200: {error_text(reply)}")
    if type(code) is not int or not 400 <= code < 600:
        return Outcome(Kind.MALFORMED, message)
    return Outcome(kind_of(code, None), message, status=code)


def read_choice(
    choice: Mapping[str, Any],
    usage: Usage,
    served: str | None,
    max_tokens: int | None,
    context: int | None,
) -> Outcome:
    """Judge the one choice of a reply."""
    message = choice["message"]
    reason = name_in(choice, "finish_reason")
    text = message_text(message)
    if usage.tokens_out is not None and usage.tokens_out * CHARS_PER_TOKEN < len(text):
        usage = Usage(told=False)
    if max_tokens is not None and len(text) > CHARS_FLOOR + CHARS_PER_TOKEN * max_tokens:
        told = f"a reply of {len(text)} characters to max_tokens {max_tokens}"
        return Outcome(Kind.MALFORMED, told, usage=usage)
    if message.get("refusal") and not text:
        told = scrub(f"the model refused: {message['refusal']}")
        return Outcome(Kind.ANSWER, told, 0, 200, None, "content_filter", served, usage)
    cut = reason == "length" and below_cap(usage, max_tokens, context)
    told = f"cut short at {usage.tokens_out} of {max_tokens} tokens" if cut else ""
    return Outcome(
        Kind.CUT if cut else Kind.ANSWER,
        told,
        status=200,
        text=text,
        finish_reason=reason,
        served_model=served,
        usage=usage,
    )


def below_cap(usage: Usage, max_tokens: int | None, context: int | None) -> bool:
    """Tell whether a reply that ended by length was cut by something else than our cap."""
    if max_tokens is None or usage.tokens_out is None or usage.tokens_out >= max_tokens:
        return False
    return context is None or usage.total < context


def read_usage(usage: Any) -> Usage:
    """Read the usage block; one that cannot be true is not told, and tells no number at all."""
    if not isinstance(usage, dict):
        return Usage()
    took, gave = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if took is None and gave is None:
        return Usage()
    if type(took) is int and type(gave) is int and 0 < took <= MOST_TOKENS >= gave >= 0:
        return Usage(took, gave)
    return Usage(told=False)


def billed(outcome: Outcome, tokens_in: int, tokens_out: int) -> Outcome:
    """Return an outcome with these tokens where its own report lies, or an answer has none.

    They are what was put aside for the request, so that a lie never leaves more to spend.
    """
    usage = outcome.usage
    answered = outcome.kind in (Kind.ANSWER, Kind.CUT)
    if usage.tokens_in is not None or (usage.told and not answered):
        return outcome
    return replace(outcome, usage=Usage(tokens_in, tokens_out, told=False))


def read_status(status: int, body: bytes, headers: Mapping[str, str], now: float) -> Outcome:
    """Judge a status other than 200. `now` is Unix time, for a Retry-After that is a date."""
    if 300 <= status < 400:
        target = headers.get("location", "an address that it does not name")
        return Outcome(Kind.STOP, scrub(f"HTTP {status}: redirects to {target}"), status=status)
    message = f"HTTP {status}: {scrub(body_text(body))}"
    kind = kind_of(status, error_code(body))
    wait = retry_after(headers, now) if kind in (Kind.BUSY, Kind.AGAIN) else None
    return Outcome(kind, message, wait, status)


def kind_of(status: int, code: str | None) -> Kind:
    """Return what a status means; `code` is the error's own, which tells a spent account."""
    if status == 429:
        return Kind.STOP if code == "insufficient_quota" else Kind.BUSY
    if status in (400, 413, 415, 422):
        return Kind.REFUSED
    if status in (408, 409, 425, 499) or status >= 500:
        return Kind.AGAIN
    return Kind.STOP


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that a server asks to wait: Retry-After as number or date, or -ms."""
    if "retry-after-ms" in headers:
        return as_seconds(headers["retry-after-ms"], 0.001)
    value = headers.get("retry-after", "")
    seconds = as_seconds(value)
    if seconds is not None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, TypeError, OverflowError, IndexError):  # what that raises for no date
        return None


def as_seconds(number: str, unit: float = 1.0) -> float | None:
    """Return a server's number in seconds; None for what is no number from 0, as NaN."""
    try:
        value = float(number) * unit
    except ValueError:
        return None
    return value if value >= 0 else None


DURATION = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ms|s|m|h)")
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def stated_rest(limits: Mapping[str, str]) -> float:
    """Return the seconds until a limit that x-ratelimit-* headers call used up opens again."""
    rests = [0.0]
    for kind in ("requests", "tokens"):
        if limits.get(f"x-ratelimit-remaining-{kind}") == "0":
            reset = limits.get(f"x-ratelimit-reset-{kind}", "")
            rests.append(sum(float(n) * SECONDS[unit] for n, unit in DURATION.findall(reset)))
    return max(rests)


def body_text(body: bytes) -> str:
    """Return the message in an error body: OpenAI's form, FastAPI's, or the bare text."""
    try:
        reply = parse_json(body)
    except ValueError:
        text = body[: 4 * MESSAGE_CHARS].decode("utf-8", "replace")
        return MARKUP.sub(" ", text) if text.lstrip().startswith("<") else text
    if isinstance(reply, list) and reply:  # Gemini's endpoint puts its error into a list
        reply = reply[0]
    return error_text(reply) if isinstance(reply, dict) else str(reply)


def error_text(reply: Mapping[str, Any]) -> str:
    """Return the words of an error object."""
    error = reply.get("error", reply.get("detail", reply.get("message", reply)))
    if not isinstance(error, dict):
        return str(error)
    message, field = str(error.get("message") or error), error.get("param")
    return f"{message} ({field})" if isinstance(field, str) and field not in message else message


def error_code(body: bytes) -> str | None:
    """Return error.code, which tells a spent account from a busy server."""
    try:
        return parse_json(body)["error"]["code"]
    except (ValueError, KeyError, TypeError):
        return None


def scrub(text: str, secret: str = "") -> str:
    """Bring a message into one line that is fit for files and screens."""
    if secret:
        text = text.replace(secret, "***")
    text = ENCODED.sub("[...]", " ".join(text.split()))
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= MESSAGE_CHARS else text[: MESSAGE_CHARS - 3] + "..."
