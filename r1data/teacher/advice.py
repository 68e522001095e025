"""What to do about a refusal: the limit that a server names, and how to lift it.

Words decide here only what a person is told; what happens to a request is decided by its status.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from r1data.teacher.faults import Kind, Outcome

# Fields of a request that r1data sets and a server may not know.
FIELDS = ("max_tokens", "temperature", "top_p", "seed", "media_io_kwargs")
IMAGES = re.compile(
    r"(?:at most|maximum of|up to|limit of|more than)\W+(?P<most>\d+)\W+(?:image|picture|video)"
    r"|limit.mm.per.prompt|too many images|number of images|multiple images",
    re.IGNORECASE,
)
CONTEXT = re.compile(
    r"context (?:length|window|size)|max_model_len|context_length_exceeded|exceed_context_size"
    r"|input (?:is )?too long|prompt (?:is )?too long|maximum (?:number of )?tokens",
    re.IGNORECASE,
)
BLIND = re.compile(
    r"(?:not|n't) (?:support|take|accept|allow)\w* (?:\w+ )?(?:image|vision|multi-?modal)"
    r"|not (?:a )?multi-?modal|image input|mmproj",
    re.IGNORECASE,
)
STREAM = re.compile(r"\bstream(?:ing)?\b", re.IGNORECASE)
BY_STATUS = {
    401: "set the right key in run.lanes (key: $NAME reads it from the environment)",
    402: "the account is out of credit: top it up",
    403: "this key may not use the model: ask for access or take another lane",
    413: "the request is too large: raise the body limit of the server or its proxy "
    "(nginx: client_max_body_size), or lower frames.count, frames.max_pixels or frames.quality",
    429: "the account is out of credit: top it up",
}


class Sent(NamedTuple):
    """What a refused request was: its model and images, and the recipe's section that names it."""

    model: str
    images: int
    section: str


def advice_for(outcome: Outcome, sent: Sent, listed: Sequence[str] = ()) -> str:
    """Return in one clause what to do about a request that no retry can help.

    `listed` are the models that the server lists; it may list none.
    """
    if 300 <= outcome.status < 400:
        return "write that address, without /chat/completions, as the url in run.lanes"
    if outcome.kind is Kind.MALFORMED and not STREAM.search(outcome.message):
        return "is the url in run.lanes that of an OpenAI-compatible endpoint, ending in /v1?"
    if outcome.status in BY_STATUS:
        return BY_STATUS[outcome.status]
    if outcome.status == 404:
        return f"does the server know the model '{sent.model}', and does the url end in /v1?"
    return refusal_advice(outcome.message, sent, listed)


def refusal_advice(message: str, sent: Sent, listed: Sequence[str]) -> str:
    """Return what to do about a refusal, by the limit or the field that its words name."""
    section, model = sent.section, sent.model
    if limit := IMAGES.search(message):
        most = int(limit["most"] or 0)
        fewer = f", or lower frames.count to {most}" if 0 < most < sent.images else ""
        return (
            "start the server with a higher limit (vllm serve ... --limit-mm-per-prompt "
            f"'{{\"image\": {sent.images}}}'){fewer}"
        )
    if CONTEXT.search(message):
        cap = f"{section}.max_tokens" if section else "--max-tokens"
        return (
            "start the server with a longer context (vllm serve ... --max-model-len N), "
            f"or lower {cap}, frames.count or frames.max_pixels"
        )
    if BLIND.search(message):
        return "serve a model that takes images (llama.cpp: with --mmproj)"
    for name in FIELDS:
        if re.search(rf"\b{name}\b", message):
            if not section:
                return f"take an endpoint that knows the field {name}"
            return f"add to the recipe, under {section}: params: {{{replacement(name, message)}}}"
    if STREAM.search(message):
        return "r1data does not stream: take an endpoint that answers whole"
    if listed and model not in listed:
        return f"the key is wrong, or the server knows no model '{model}': it lists {listed[0]}"
    return (
        f"the key is wrong, the server knows no model '{model}', or it takes no such request: "
        "r1data doctor RECIPE tries it out"
    )


def replacement(name: str, message: str) -> str:
    """Return the entry of `params` that a refusal of the field `name` asks for."""
    if name == "max_tokens" and "max_completion_tokens" in message:
        return "max_completion_tokens: 2048"
    return f"{name}: null"
