"""Clips of four moments, and questions about them: what the loop on a CPU learns from.

In each moment (half a second, two frames) one coloured shape is to be seen somewhere, or none.
`order` asks which colour came first, `count` in how many moments something was to be seen; `told`
asks as `order` does, and its words say the answer, so that nobody has to look. Options
always stand in the same order: a model of this size learns to read a clip out, but not to look up
a letter among shuffled options (25% after 900 steps, as by chance).
"""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

SIDE, FPS, FRAMES_A_MOMENT = 64, 4, 2
# RGB, and the words that the offline teacher has for them.
COLOURS = {
    "red": (214, 40, 40),
    "yellow": (240, 215, 30),
    "green": (40, 165, 70),
    "blue": (35, 90, 215),
}
QUESTIONS = {
    "order": "Moment by moment, which colour comes first?",
    "count": "Moment by moment, how many moments show a shape?",
    "told": "Moment by moment, after {stated} there are others: which colour comes first?",
}
COUNTS = ("1", "2", "3", "4")
LETTERS = "ABCD"
MOMENTS = 4


class Clip(NamedTuple):
    """One question: the colour of each moment, "" where nothing is to be seen."""

    name: str
    kind: str
    moments: tuple[str, ...]
    stated: str  # the truth as the question file has it

    @property
    def options(self) -> list[str]:
        """The answers to choose from."""
        return options_of(self.kind)


def options_of(kind: str) -> list[str]:
    """Return the answers that a kind of question has."""
    return list(COUNTS) if kind == "count" else list(COLOURS)


def question_of(clip: Clip) -> str:
    """Return what is asked about a clip."""
    return QUESTIONS[clip.kind].format(stated=clip.stated)


def make_clips(counts: Mapping[str, int], seed: str, mislabelled: float = 0.0) -> list[Clip]:
    """Return so many clips of each kind, mixed.

    In the share `mislabelled` of the questions about order the file states the wrong end: the
    colour that comes last for the first.
    """
    rng = random.Random(seed)
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    rng.shuffle(kinds)
    return [make_clip(rng, f"{kind}-{i:04d}", kind, mislabelled) for i, kind in enumerate(kinds)]


def make_clip(rng: random.Random, name: str, kind: str, mislabelled: float) -> Clip:
    """Draw up one clip; colours that show differ, so that the order has one answer."""
    # with four colours a shuffled clip shows the first one first in a quarter of cases
    shown = rng.choice((1, 2, 3, 4) if kind == "count" else (3, 4, 4, 4))
    moments = [""] * MOMENTS
    for place, colour in zip(
        sorted(rng.sample(range(MOMENTS), shown)), rng.sample(list(COLOURS), shown), strict=True
    ):
        moments[place] = colour
    seen = [colour for colour in moments if colour]
    if kind == "count":
        return Clip(name, kind, tuple(moments), str(shown))
    wrong = kind == "order" and rng.random() < mislabelled
    stated = seen[-1] if wrong else seen[0]
    return Clip(name, kind, tuple(moments), stated)


def frames_of(clip: Clip, seed: str) -> "list[np.ndarray]":
    """Draw a clip's frames, RGB."""
    import cv2
    import numpy as np

    rng = random.Random(f"{seed}/{clip.name}")
    shade = rng.randrange(185, 235)
    frames = []
    for colour in clip.moments:
        size = rng.randrange(11, 16)
        x, y = (rng.randrange(size + 1, SIDE - size - 1) for _ in range(2))
        form = rng.choice(("circle", "square"))
        for _ in range(FRAMES_A_MOMENT):
            picture = np.full((SIDE, SIDE, 3), shade, np.uint8)
            if colour and form == "circle":
                cv2.circle(picture, (x, y), size, COLOURS[colour], -1, cv2.LINE_AA)
            elif colour:
                corner = (x - size, y - size), (x + size, y + size)
                cv2.rectangle(picture, *corner, COLOURS[colour], -1)
            frames.append(picture)
    return frames


def write_clips(clips: list[Clip], folder: Path, seed: str) -> Path:
    """Write the clips as MP4 files and their questions in Video-R1's form; return the questions."""
    (folder / "clips").mkdir(parents=True, exist_ok=True)
    rows = []
    for clip in clips:
        write_video(frames_of(clip, seed), folder / "clips" / f"{clip.name}.mp4")
        options = [f"{letter}. {text}" for letter, text in zip(LETTERS, clip.options, strict=True)]
        right = LETTERS[clip.options.index(clip.stated)]
        rows.append(
            {
                "problem_id": clip.name,
                "problem": question_of(clip),
                "data_type": "video",
                "problem_type": "multiple choice",
                "options": options,
                "solution": f"<answer>{right}</answer>",
                "path": f"./clips/{clip.name}.mp4",
                "data_source": clip.kind,
            }
        )
    path = folder / "questions.json"
    path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return path


def write_video(frames: "list[np.ndarray]", path: Path) -> None:
    """Encode frames as MP4."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "h264", rate=FPS, options={"crf": "18", "threads": "1", "preset": "veryfast"}
        )
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
