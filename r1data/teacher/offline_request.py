"""What the offline teacher is asked: a chat completion's body, taken apart and checked."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from r1data.teacher import seeing

MODEL = "offline"
MOST_CHOICES = 128  # what OpenAI's API allows
DATA_URI = re.compile(r"data:image/[a-z+.-]+;base64,")


class Refusal(Exception):
    """A request that cannot be answered: HTTP status, OpenAI's error code, and a sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Asked(NamedTuple):
    """What a request holds, taken apart."""

    images: list[np.ndarray]
    text: str
    choices: int
    temperature: float
    seed: str  # all that the variation may depend on
    most_tokens: int | None

    @property
    def careful(self) -> bool:
        """Whether answers do not vary."""
        return self.temperature == 0


def parse(body: bytes) -> Asked:
    """Take a request apart, or raise Refusal."""
    try:
        request = json.loads(body)
    except ValueError as problem:
        raise Refusal(400, "invalid_json", f"the body is no JSON: {problem}") from problem
    if not isinstance(request, dict):
        raise Refusal(400, "invalid_type", "the body must be a JSON object")
    if request.get("model") != MODEL:
        message = f"the model {request.get('model')!r} does not exist; there is {MODEL!r}"
        raise Refusal(404, "model_not_found", message)
    if request.get("stream"):
        raise Refusal(400, "unsupported_value", "'stream' is not supported here")
    images, texts = parts(request)
    return Asked(
        images=images,
        text="\n".join(texts),
        choices=number(request, "n", 1, MOST_CHOICES) or 1,
        temperature=temperature(request),
        seed=hashlib.sha256(body).hexdigest(),
        most_tokens=number(request, "max_completion_tokens", 1) or number(request, "max_tokens", 1),
    )


def number(request: Mapping[str, Any], key: str, least: int, most: int = 10**9) -> int | None:
    """Return a whole number of the request, None where it is absent."""
    value = request.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        message = f"'{key}' must be a whole number from {least} to {most}, not {value!r}"
        raise Refusal(400, "invalid_value", message)
    return value


def temperature(request: Mapping[str, Any]) -> float:
    """Return the temperature; 1 where the request has none, as with OpenAI."""
    value = request.get("temperature")
    if value is None:
        return 1.0
    if not isinstance(value, int | float) or not 0 <= value <= 2:
        message = f"'temperature' must be a number from 0 to 2, not {value!r}"
        raise Refusal(400, "invalid_value", message)
    return float(value)


def parts(request: Mapping[str, Any]) -> tuple[list[np.ndarray], list[str]]:
    """Return the pictures and the texts of the user's messages, in order."""
    messages = request.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refusal(400, "missing_required_parameter", "'messages' must be a list with messages")
    images, texts = [], []
    for message in messages:
        if not isinstance(message, dict) or "role" not in message:
            raise Refusal(400, "invalid_type", "each message must be an object with a 'role'")
        if message["role"] != "user":
            continue
        content = message.get("content")
        pieces = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for piece in pieces if isinstance(pieces, list) else [None]:
            kind = piece.get("type") if isinstance(piece, dict) else None
            if isinstance(piece, dict) and kind == "text" and isinstance(piece.get("text"), str):
                texts.append(piece["text"])
            elif isinstance(piece, dict) and kind == "image_url":
                images.append(picture(piece, len(images) + 1))
            else:
                raise Refusal(400, "invalid_type", f"a content part of type {kind!r} is unknown")
    if not texts:
        raise Refusal(400, "missing_required_parameter", "no user message holds any text")
    return images, texts


def picture(piece: Mapping[str, Any], place: int) -> np.ndarray:
    """Decode the data URI of an `image_url` part."""
    where = piece.get("image_url")
    uri = where.get("url") if isinstance(where, dict) else None
    head = DATA_URI.match(uri) if isinstance(uri, str) else None
    if not isinstance(uri, str) or head is None:
        message = f"picture {place}: only data:image/...;base64 URIs are read here"
        raise Refusal(400, "invalid_image_url", message)
    try:
        image = seeing.decode(base64.b64decode(uri[head.end() :], validate=True))
    except binascii.Error as problem:
        message = f"picture {place}: broken base64: {problem}"
        raise Refusal(400, "invalid_base64", message) from problem
    if image is None:
        raise Refusal(400, "invalid_image", f"picture {place}: the bytes are no picture")
    return image
