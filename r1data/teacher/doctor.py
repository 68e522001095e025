"""What an endpoint takes and what reaches its model: asked with a canary in the build's form."""

import asyncio
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import urlsplit

from r1data.teacher.advice import Sent, advice_for
from r1data.teacher.canary import Canary, Form, finding, make_canary
from r1data.teacher.clips import WHOLE
from r1data.teacher.faults import Kind, Outcome
from r1data.teacher.lanes import Lane
from r1data.teacher.requests import encode_body, output_cap

if TYPE_CHECKING:
    from r1data.teacher.client import Model

HERE = ("127.0.0.1", "localhost", "::1")
State = Literal["ok", "note", "problem"]


class Finding(NamedTuple):
    """One thing learned of an endpoint."""

    state: State
    what: str


class Asked(NamedTuple):
    """What a build asks of a model: its name, request fields, the form, the recipe's section."""

    model: str
    params: Mapping[str, Any]
    form: Form
    section: str
    budgeted: bool = False


def examine(lane: Lane, asked: Asked, folder: Path | None = None) -> list[Finding]:
    """Ask a lane for its models, and send it a canary in each form of media.

    A clip to be read as a file is put below `folder` for a moment. Never raises for what the
    server does; costs one request a form, each as large as one of the build.
    """
    below = folder if folder is not None and folder.is_dir() else None
    with tempfile.TemporaryDirectory(dir=below) as place:
        return asyncio.run(ask_all(lane, asked, Path(place) / "canary.mp4"))


def other_forms(lane: Lane, images: int) -> list[str]:
    """Return the forms of media besides the lane's own; only servers on this host read files."""
    if images < 2:  # a still is sent as an image in every form
        return []
    local = urlsplit(lane.url).hostname in HERE
    forms = ["image_url", "video_url", "video_mp4", *(["video_file"] if local else [])]
    return [form for form in forms if form != lane.media]


async def ask_all(lane: Lane, asked: Asked, clip: Path) -> list[Finding]:
    """Ask everything of one lane, one question after the other."""
    from r1data.teacher.client import list_models, open_client

    client = open_client(lane)
    try:
        outcome, models = await list_models(client, lane)
        findings = [about_models(lane, asked.model, outcome, models)]
        if outcome.kind is Kind.UNREACHABLE:
            return findings
        listed = [model.id for model in models]
        canary, outcome = await try_form(client, lane, asked, lane.media, clip)
        findings += own_form(lane, asked, canary, outcome, listed)
        if outcome.kind in (Kind.STOP, Kind.UNREACHABLE):
            return findings
        others = [
            f"{form} {await verdict_on(client, lane, asked, form, clip)}"
            for form in other_forms(lane, asked.form.images)
        ]
        return findings + ([Finding("note", f"other forms: {'; '.join(others)}")] if others else [])
    finally:
        await client.close()


def about_models(lane: Lane, model: str, outcome: Outcome, models: "list[Model]") -> Finding:
    """Say whether somebody is there and whether the model is listed."""
    if outcome.kind is Kind.UNREACHABLE:
        return Finding(
            "problem",
            f"{lane.shown} does not answer ({outcome.message}): start the server, or correct the "
            "url in run.lanes",
        )
    names = [each.id for each in models]
    if model in names:
        length = models[names.index(model)].length
        return Finding("ok", f"lists {model}" + (f", {length} tokens long" if length else ""))
    if names:
        return Finding("note", f"does not list {model}; it lists {', '.join(sorted(names)[:8])}")
    return Finding("note", f"lists no models ({outcome.message or 'an empty list'})")


async def try_form(
    client: Any, lane: Lane, asked: Asked, form: str, clip: Path
) -> tuple[Canary, Outcome]:
    """Send the canary in one form of media."""
    from r1data.teacher.client import post

    canary = make_canary(asked.form, asked.section, clip if form in WHOLE else None)
    body = encode_body(canary.question, asked.model, asked.params, form)
    cap = output_cap(asked.params)
    return canary, await post(client, lane, body, cap, None, lambda: None)


async def verdict_on(client: Any, lane: Lane, asked: Asked, form: str, clip: Path) -> str:
    """Say in a few words whether a form that the lane does not use would do."""
    canary, outcome = await try_form(client, lane, asked, form, clip)
    if outcome.kind not in (Kind.ANSWER, Kind.CUT):
        return f"is not taken ({outcome.message})"
    lost = canary.lost(outcome.text or "")
    return "is taken, but " + " and ".join(lost) + " did not show" if lost else "is taken"


def own_form(
    lane: Lane, asked: Asked, canary: Canary, outcome: Outcome, listed: list[str]
) -> Iterator[Finding]:
    """Say what became of the canary in the lane's own form, and what the reply tells beside."""
    name = form_name(lane.media, asked.form)
    if outcome.kind not in (Kind.ANSWER, Kind.CUT):
        sent = Sent(asked.model, asked.form.images, asked.section)
        advice = advice_for(outcome, sent, listed)
        yield Finding("problem", f"{name}: {outcome.message.rstrip('.')}; {advice}")
        return
    lost = finding(canary, outcome)
    if lost:
        yield Finding("problem", f"{name}: {lost}")
    else:
        yield Finding("ok", f"{name}: taken, and all of it reached the model")
    yield from about_reply(outcome, asked)


def form_name(form: str, size: Form) -> str:
    """Name a form as a person reads it: "16 images of 308 x 308 as image_url"."""
    if not size.images:
        return "text alone"
    images = "1 image" if size.images == 1 else f"{size.images} images"
    return f"{images} of {size.width} x {size.height} as {form}"


def about_reply(outcome: Outcome, asked: Asked) -> Iterator[Finding]:
    """Say what a reply tells beside its text."""
    if outcome.usage.tokens_in is None:
        told = "reports no usage: neither budget nor cost can be told"
        yield Finding("problem" if asked.budgeted else "note", told)
    else:
        yield Finding("ok", f"reports usage: {outcome.usage.tokens_in:,} tokens in")
    if outcome.limits:
        limits = sorted(outcome.limits.items())
        told = ", ".join(f"{name[12:]} {value}" for name, value in limits)
        yield Finding("note", f"states limits: {told}")
