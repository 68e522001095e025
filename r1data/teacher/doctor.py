"""What an endpoint takes: asked with a tiny picture and a tiny clip, told in plain findings."""

import asyncio
import base64
import json
import tempfile
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from r1data.teacher.clips import WHOLE
from r1data.teacher.faults import Kind, Outcome
from r1data.teacher.lanes import Lane

# 28 x 28 grey pixels: one patch of Qwen's vision tower, which refuses anything smaller.
TINY_JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1td"
    "hbWGkJ6jq62rZ4C8ybqmx5moq6T/wAALCAAcABwBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQAQAAAAAAAAAA"
    "AAAAAAAAAAD/2gAIAQEAAD8AAAAAAP/Z"
)
MAX_TOKENS = 16
HERE = ("127.0.0.1", "localhost", "::1")
# Eight pictures of 56 x 56 in two seconds: as few as video readers take without complaint.
CLIP_FRAMES, CLIP_RATE, CLIP_SIDE = 8, 4, 56


class Finding(NamedTuple):
    """One thing learned: `good` is None where it is neither good nor bad."""

    good: bool | None
    what: str


def examine(lane: Lane, model: str, folder: Path | None = None) -> list[Finding]:
    """Ask the lane for its models, and `model` about a tiny picture or clip in each form of media.

    A clip to be read as a file is put below `folder` for a moment. Never raises for what the
    server does; costs three requests of sixteen tokens, four to a server on this machine.
    """
    below = folder if folder is not None and folder.is_dir() else None
    with tempfile.TemporaryDirectory(dir=below) as place:
        clip = tiny_clip(Path(place) / "tiny.mp4")
        return asyncio.run(ask_all(lane, model, clip))


def forms_for(lane: Lane) -> list[str]:
    """Return the forms to try; a file is told only to servers that can see it."""
    local = lane.media == "video_file" or urlsplit(lane.url).hostname in HERE
    return ["image_url", "video_url", "video_mp4", *(["video_file"] if local else [])]


async def ask_all(lane: Lane, model: str, clip: Path) -> list[Finding]:
    """Ask everything of one lane, one question after the other."""
    from r1data.teacher.client import list_models, open_client

    client = open_client(lane)
    try:
        outcome, models = await list_models(client, lane)
        findings = [about_models(lane, model, outcome, models)]
        if outcome.kind is Kind.UNREACHABLE:
            return findings
        for form in forms_for(lane):
            found, hopeless = await try_form(client, lane, model, form, clip)
            findings += found
            if hopeless:
                break
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


async def try_form(
    client: Any, lane: Lane, model: str, form: str, clip: Path
) -> tuple[list[Finding], bool]:
    """Ask in one form of media; also tell whether no other form could do any better."""
    from r1data.teacher.client import post

    body = tiny_body(model, form, clip)
    outcome = await post(client, lane, body, MAX_TOKENS, None, lambda: None)
    if outcome.kind not in (Kind.ANSWER, Kind.CUT):
        # a wrong key or model, or nobody there: the next form would only meet the same
        hopeless = outcome.kind in (Kind.STOP, Kind.UNREACHABLE)
        told = f"media: {form} is not taken: {outcome.message}"
        return [Finding(False if hopeless or form == lane.media else None, told)], hopeless
    where = f", below {clip.parent.parent} at least" if form == "video_file" else ""
    findings = [Finding(True, f"media: {form} is taken{where}")]
    return findings + (about_reply(outcome) if form == lane.media else []), False


def about_reply(outcome: Outcome) -> list[Finding]:
    """Say what the reply in the lane's own form tells beside its text."""
    findings = []
    if outcome.usage.tokens_in is None:
        told = "reports no usage: neither budget nor cost can be told"
        findings.append(Finding(False, told))
    else:
        told = f"reports usage: {outcome.usage.tokens_in} tokens in for something tiny"
        findings.append(Finding(True, told))
    limits = dict(outcome.limits or {})
    if limits:
        told = ", ".join(f"{name[12:]} {value}" for name, value in sorted(limits.items()))
        findings.append(Finding(None, f"states limits: {told}"))
    return findings


def tiny_clip(path: Path) -> Path:
    """Write a grey clip of two seconds."""
    import av
    import numpy as np

    with av.open(path, "w") as out:
        stream: Any = out.add_stream("libx264", rate=CLIP_RATE)
        stream.width = stream.height = CLIP_SIDE
        stream.pix_fmt = "yuv420p"
        grey = np.full((CLIP_SIDE, CLIP_SIDE, 3), 128, np.uint8)
        for _ in range(CLIP_FRAMES):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        out.mux(stream.encode(None))
    return path


def tiny_body(model: str, form: str, clip: Path) -> bytes:
    """Return a request about the tiny picture or clip."""
    picture, film = (base64.b64encode(data).decode() for data in (TINY_JPEG, clip.read_bytes()))
    url = {
        "image_url": f"data:image/jpeg;base64,{picture}",
        "video_url": f"data:video/jpeg;base64,{picture},{picture}",
        "video_mp4": f"data:video/mp4;base64,{film}",
        "video_file": clip.resolve().as_uri(),
    }[form]
    text = {"type": "text", "text": "Which colour is this? One word."}
    part = "video_url" if form in WHOLE else form
    content = [{"type": part, part: {"url": url}}, text]
    request = {
        "model": model,
        "messages": [{"role": "user", "content": content}],
        "max_tokens": MAX_TOKENS,
    }
    return json.dumps(request).encode()
