"""What an endpoint takes: asked with one tiny picture, told in plain findings."""

import asyncio
import base64
import json
from typing import Any, NamedTuple

from r1data.teacher.faults import Kind, Outcome
from r1data.teacher.lanes import Lane

# 28 x 28 grey pixels: one patch of Qwen's vision tower, which refuses anything smaller.
TINY_JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1td"
    "hbWGkJ6jq62rZ4C8ybqmx5moq6T/wAALCAAcABwBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQAQAAAAAAAAAA"
    "AAAAAAAAAAD/2gAIAQEAAD8AAAAAAP/Z"
)
MAX_TOKENS = 16
TIMEOUT_S = 60.0


class Finding(NamedTuple):
    """One thing learned: `good` is None where it is neither good nor bad."""

    good: bool | None
    what: str


def examine(lane: Lane, model: str) -> list[Finding]:
    """Ask the lane for its models, and `model` about a tiny picture in each form of media.

    Never raises for what the server does; costs two requests of sixteen tokens.
    """
    return asyncio.run(ask_all(lane, model))


async def ask_all(lane: Lane, model: str) -> list[Finding]:
    from r1data.teacher.client import list_models, open_client

    client = open_client(lane)
    try:
        outcome, models = await list_models(client, lane)
        findings = [about_models(lane, model, outcome, models)]
        if outcome.kind is Kind.UNREACHABLE:
            return findings
        for form in ("image_url", "video_url"):
            found = await try_form(client, lane, model, form)
            findings += found
            if found[0].good is False:
                break  # wrong key or model: the next form would only meet the same
        return findings
    finally:
        await client.close()


def about_models(lane: Lane, model: str, outcome: Outcome, models: list[dict[str, Any]]) -> Finding:
    """Say whether somebody is there and whether the model is listed."""
    if outcome.kind is Kind.UNREACHABLE:
        return Finding(False, f"{lane.shown} does not answer ({outcome.message})")
    names = [str(entry.get("id")) for entry in models]
    if model in names:
        entry = models[names.index(model)]
        length = entry.get("max_model_len")
        return Finding(True, f"lists {model}" + (f", {length} tokens long" if length else ""))
    if names:
        return Finding(None, f"does not list {model}; it lists {', '.join(sorted(names)[:8])}")
    return Finding(None, f"lists no models ({outcome.message or 'an empty list'})")


async def try_form(client: Any, lane: Lane, model: str, form: str) -> list[Finding]:
    """Ask about the tiny picture in one form of media."""
    from r1data.teacher.client import post

    body = tiny_body(model, form)
    outcome = await post(client, lane, body, MAX_TOKENS, None, lambda: None)
    if outcome.kind not in (Kind.ANSWER, Kind.CUT):
        missing = form == "video_url" and outcome.kind is Kind.REFUSED
        told = f"media: {form} is not taken: {outcome.message}"
        return [Finding(None if missing else False, told)]
    findings = [Finding(True, f"media: {form} is taken")]
    if form != lane.media:
        return findings
    if outcome.usage.tokens_in is None:
        told = "reports no usage: neither budget nor cost can be told"
        findings.append(Finding(False, told))
    else:
        told = f"reports usage: {outcome.usage.tokens_in} tokens in for an 28 x 28 picture"
        findings.append(Finding(True, told))
    limits = dict(outcome.limits or {})
    if limits:
        told = ", ".join(f"{name[12:]} {value}" for name, value in sorted(limits.items()))
        findings.append(Finding(None, f"states limits: {told}"))
    return findings


def tiny_body(model: str, form: str) -> bytes:
    """Return a request about the tiny picture."""
    encoded = base64.b64encode(TINY_JPEG).decode()
    url = f"data:image/jpeg;base64,{encoded}"
    if form == "video_url":
        url = f"data:video/jpeg;base64,{encoded},{encoded}"
    text = {"type": "text", "text": "Which colour is this? One word."}
    content = [{"type": form, form: {"url": url}}, text]
    request = {
        "model": model,
        "messages": [{"role": "user", "content": content}],
        "max_tokens": MAX_TOKENS,
    }
    return json.dumps(request).encode()
