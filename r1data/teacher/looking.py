"""What lies before the offline teacher, and the words for it."""

import random
import re
from typing import NamedTuple

from r1data.teacher.seeing import COLOURS, Blob, Track

FORMS = ("circle", "square", "triangle")
NAME = re.compile(rf"\b({'|'.join(COLOURS)})\s+({'|'.join(FORMS)})\b", re.IGNORECASE)
OPTION = re.compile(r"^\s*\(?([A-J])[.):]\s+(\S.*?)\s*$", re.MULTILINE)
TIMES = re.compile(r"seconds:[ \t]*((?:\d+(?:\.\d+)?[, \t]*)+)", re.IGNORECASE)


class Look(NamedTuple):
    """What the teacher has before it: the question's words and what it measured."""

    question: str
    options: dict[str, str]  # by letter
    tracks: tuple[Track, ...]
    frames: tuple[int, ...]  # numbers of the frames it looked at
    times: tuple[float, ...]  # seconds of all frames; empty where unknown
    blobs: tuple[Blob, ...]  # patches of the first frame
    word: str  # what is written in the first frame
    size: tuple[float, float]
    rng: random.Random
    temperature: float


def times_in(text: str) -> tuple[float, ...]:
    """Return the times of the frames, in seconds, where the text gives them."""
    found = TIMES.search(text)
    return tuple(float(value) for value in re.findall(r"\d+(?:\.\d+)?", found[1])) if found else ()


def question_in(text: str) -> str:
    """Return the first sentence that asks something, the whole text where none does."""
    questions = re.findall(r"[^.?!\n]*\?", text)
    return questions[0].strip() if questions else text


def options_in(text: str) -> dict[str, str]:
    """Return the options by their letters, one a line: "A. the red circle"."""
    return dict(OPTION.findall(text))


def pick(look: Look, *wordings: str) -> str:
    """Return one of several ways to say the same."""
    return look.rng.choice(wordings)


def guess(look: Look) -> str:
    """Return something that could be an answer, found without looking."""
    if look.options:
        return look.rng.choice(list(look.options.values()))
    if re.search(r"how many times|how many \w+s\b(?! apart)", look.question, re.IGNORECASE):
        return str(look.rng.randint(1, 4))
    if re.search(r"pixels|how (far|fast|much|long)|distance|number", look.question, re.IGNORECASE):
        return str(look.rng.randint(40, 180))
    return look.rng.choice(COLOURS)


def opening(look: Look) -> str:
    """Say what is being looked at."""
    count = len(look.frames)
    if count == 1:
        return pick(
            look, "Let me look at the picture.", "I look closely at the one picture I have."
        )
    if look.frames[1] - look.frames[0] > 1:
        return f"Let me glance over the frames; {count} of them should do, every second one."
    return pick(
        look,
        f"Let me go through the {count} frames one after another.",
        f"I have {count} frames, so I follow each shape from frame to frame.",
        f"Let me think about what happens over these {count} frames.",
    )


def when(look: Look, number: int) -> str:
    """Name a frame, counting from 1, with its time where that is known."""
    if len(look.frames) == 1:
        return "the picture"
    if number < len(look.times):
        return f"frame {number + 1} ({look.times[number]:.2f} s)"
    return f"frame {number + 1}"


def edge_of(look: Look, blob: Blob) -> tuple[str, float]:
    """Return the picture's edge that is nearest to a patch, and how far the patch reaches in."""
    width, height = look.size
    reach = {
        "left": blob.box.right,
        "right": width - blob.box.left,
        "top": blob.box.bottom,
        "bottom": height - blob.box.top,
    }
    edge = min(reach, key=lambda name: reach[name])
    return edge, reach[edge]


def place(look: Look, blob: Blob) -> str:
    """Say where a patch is: at an edge that cuts it, or at its centre's coordinates."""
    edge, reach = edge_of(look, blob)
    if not blob.whole and reach < 1.5 * max(blob.area**0.5, 12):
        return f"at the {edge} edge"
    return f"at ({blob.x:.0f}, {blob.y:.0f})"


def appearance(look: Look, track: Track) -> str:
    """Say when and where a shape is seen for the first time."""
    where = place(look, track.seen[track.first])
    if track.first == look.frames[0]:
        return f"The {track.name} is there from the start, {where}."
    article = "an" if track.name.startswith("o") else "a"
    if pick(look, "frame first", "shape first") == "frame first":
        return f"In {when(look, track.first)} {article} {track.name} appears {where}."
    return f"{article.capitalize()} {track.name} comes in {where} in {when(look, track.first)}."


def survey(look: Look) -> list[str]:
    """Say which shapes are seen at all."""
    if not look.tracks:
        return ["I see no coloured shape in what I am shown."]
    return [appearance(look, track) for track in look.tracks]


def missing(look: Look, name: str) -> tuple[list[str], str]:
    """Say that the shape in question is not to be seen, and guess."""
    return [*survey(look), f"I cannot find the {name} anywhere, so I have to guess."], guess(look)


def named(look: Look) -> list[tuple[str, Track | None]]:
    """Return the shapes that the question names, with what was seen of them."""
    seen = {track.name: track for track in look.tracks}
    names = [" ".join(match).lower() for match in NAME.findall(look.question)]
    return [(name, seen.get(name)) for name in dict.fromkeys(names)]


def target(look: Look) -> tuple[str, Track | None]:
    """Return the one shape that the question is about."""
    return next(iter(named(look)), ("shape in question", None))
