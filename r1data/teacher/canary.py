"""The canary: one request in a build's own form that proves what of it reaches the model.

Its text names a code word; its first and last image show a coloured shape with a digit. Text,
images and request fields go out exactly as those of the build, so it meets the same limits.
"""

import hashlib
import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from r1data.schema import arrow_schema
from r1data.teacher.clips import Clip
from r1data.teacher.faults import Outcome
from r1data.teacher.requests import Question, image_digests

WORDS = ("lantern", "harbour", "walnut", "copper", "meadow", "saddle", "violin", "marble")
# Named by few who guess: blind models say red or blue. Values are RGB.
COLOURS = {"orange": (255, 140, 0), "purple": (128, 0, 160), "green": (0, 150, 60)}
COLOURS |= {"yellow": (250, 220, 0), "pink": (255, 105, 180), "brown": (120, 70, 20)}
ALSO = {"purple": "purple|violet|magenta", "brown": "brown|maroon"}
SHAPES = ("circle", "square")
FRAMES_A_SECOND = 2
SHOWN_CHARS = 120


class Mark(NamedTuple):
    """What an image shows: a shape of a colour, with a digit in it."""

    colour: str
    shape: str
    digit: int

    def __str__(self) -> str:
        article = "an" if self.colour == "orange" else "a"
        return f"{article} {self.colour} {self.shape} with {self.digit}"


class Form(NamedTuple):
    """What a build sends in one request: images and their sides in pixels."""

    images: int
    width: int
    height: int


@dataclass(frozen=True)
class Canary:
    """A question, and what a model that got all of it must name."""

    question: Question
    code: str
    marks: tuple[Mark, ...]

    def lost(self, reply: str) -> list[str]:
        """Return what of the request the reply gives no sign of; empty where all arrived."""
        said = reply.casefold()
        # a model of 135M says "the code word is 8920"
        lost = [] if any(part in said for part in self.code.split("-")) else ["the text"]
        names = ("the first image", "the last image") if len(self.marks) > 1 else ("the image",)
        return lost + [
            f"{name} ({mark})"
            for name, mark in zip(names, self.marks, strict=False)
            if not shows(said, mark)
        ]


def shows(said: str, mark: Mark) -> bool:
    """Tell whether a reply names the colour and the digit of a mark."""
    colour = ALSO.get(mark.colour, mark.colour)
    return bool(re.search(rf"\b({colour})", said)) and bool(re.search(rf"\b{mark.digit}\b", said))


def make_canary(form: Form, seed: str, clip: Path | None = None) -> Canary:
    """Draw a canary of `form`; the same seed gives the same one.

    `clip` is where its images are written as a clip, for endpoints that take whole clips.
    """
    rng = random.Random(seed)
    code = f"{rng.choice(WORDS)}-{rng.randint(1000, 9999)}"
    colours, digits = rng.sample(sorted(COLOURS), 2), rng.sample(range(2, 10), 2)
    kinds = zip(colours, rng.sample(SHAPES, 2), digits, strict=True)
    marks = tuple(Mark(*kind) for kind in kinds)[: min(2, form.images)]
    images = [draw(form, mark_at(i, form.images, marks), i) for i in range(form.images)]
    frames = frames_of(images, form)
    question = Question(
        id="canary",
        text=text_of(code, form.images),
        bare=text_of(code, form.images),
        frames=frames,
        sizes=((form.width, form.height),) * form.images,
        digests=image_digests(frames),
        body_bytes=sum(4 * len(image) // 3 + 80 for image in images) + 1000,
        clip=write_clip(images, clip, form) if clip and images else None,
    )
    return Canary(question, code, marks)


def text_of(code: str, images: int) -> str:
    """Return what the canary asks."""
    lines = [f"This is a test of the connection. The code word is {code}."]
    if images == 1:
        lines.append("The image shows a coloured shape with a digit in it.")
        lines.append("Answer with the code word, then the colour, the shape and the digit.")
    elif images:
        lines.append("The first and the last image each show a coloured shape with a digit in it.")
        lines.append("Answer with the code word, then colour, shape and digit of the first image,")
        lines.append("then colour, shape and digit of the last image.")
    else:
        lines.append("Answer with the code word alone.")
    return "\n".join(lines)


def mark_at(place: int, images: int, marks: tuple[Mark, ...]) -> Mark | None:
    """Return what the image at `place` shows: a mark on the first and the last, else nothing."""
    if place == 0:
        return marks[0]
    return marks[1] if place == images - 1 else None


def draw(form: Form, mark: Mark | None, shade: int) -> bytes:
    """Draw one image as JPEG: a mark, or a grey that no other image has."""
    import cv2
    import numpy as np

    width, height = form.width, form.height
    grey = 235 if mark else 60 + 7 * shade % 160
    image = np.full((height, width, 3), grey, np.uint8)
    if mark is not None:
        centre, reach = (width // 2, height // 2), int(min(width, height) * 0.4)
        colour = COLOURS[mark.colour][::-1]
        if mark.shape == "circle":
            cv2.circle(image, centre, reach, colour, -1)
        else:
            x, y = centre
            cv2.rectangle(image, (x - reach, y - reach), (x + reach, y + reach), colour, -1)
        size, thick = reach / 22, max(2, reach // 8)
        (wide, high), _ = cv2.getTextSize(str(mark.digit), 0, size, thick)
        left_foot = (centre[0] - wide // 2, centre[1] + high // 2)
        cv2.putText(image, str(mark.digit), left_foot, 0, size, (0, 0, 0), thick, cv2.LINE_AA)
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


def frames_of(images: list[bytes], form: Form) -> pa.ListScalar:
    """Return images as the column `frames` of one row has them."""
    rows = [
        {
            "bytes": image,
            "time": number / FRAMES_A_SECOND,
            "index": number,
            "width": form.width,
            "height": form.height,
        }
        for number, image in enumerate(images)
    ]
    return pa.scalar(rows, arrow_schema("frames").field("frames").type)


@dataclass(frozen=True)
class DrawnClip(Clip):
    """The canary's own file, wherever it was written."""

    file: Path = Path()

    def path(self) -> Path:
        return self.file.resolve()


def write_clip(images: list[bytes], path: Path, form: Form) -> Clip:
    """Write images as a clip of two frames a second, each held for half a second."""
    import av
    import cv2
    import numpy as np

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(path, "w") as out:
        stream: Any = out.add_stream("libx264", rate=FRAMES_A_SECOND)
        stream.width, stream.height = form.width // 2 * 2, form.height // 2 * 2
        stream.pix_fmt = "yuv420p"
        for image in images:
            pixels: Any = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
        out.mux(stream.encode(None))
    seconds = len(images) / FRAMES_A_SECOND
    return DrawnClip("", "", {}, seconds, form.width, form.height, path)


def canary_key(lane: str, media: str, model: str, params: Mapping[str, Any], images: int) -> str:
    """Return the sha256 that names a canary: endpoint, form, model and fields of its requests."""
    count = min(images, 2)  # none, one, several: the number varies with a clip's length
    text = json.dumps(["canary", lane, media, model, params, count], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def finding(canary: Canary, outcome: Outcome) -> str:
    """Say in one sentence what a reply does not prove; empty where it proves all."""
    reply = outcome.text or ""
    lost = canary.lost(reply)
    if not lost:
        return ""
    start = " ".join(reply.split())
    start = start if len(start) <= SHOWN_CHARS else start[: SHOWN_CHARS - 3] + "..."
    cut = " (cut by max_tokens)" if outcome.finish_reason == "length" else ""
    return (
        f"a test request gave no sign that {' and '.join(lost)} arrived; "
        f"it was answered{cut}: {start!r}"
    )
