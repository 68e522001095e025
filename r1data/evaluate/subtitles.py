"""Subtitles in the question, as Video-MME's setting with subtitles has them.

Its authors put the subtitles of the sampled frames before the question, and only those (README of
MME-Benchmarks/Video-MME; the files are in the data set's subtitle.zip, one `VIDEOID.srt` a clip).
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from r1data.errors import InputError, UsageError
from r1data.evaluate.rows import Item
from r1data.grid.shards import digest_of, file_sha256
from r1data.sources.encodings import read_text

HEAD = "This video's subtitles are listed below:"
# lmms-eval's words for a clip without a file; 156 of Video-MME's 900 clips have none.
NOTHING = "No subtitles available"
TIME = r"(\d+):(\d\d):(\d\d)[,.](\d{1,3})"
SPAN = re.compile(rf"{TIME}\s*-->\s*{TIME}")
MARKUP = re.compile(r"<[^<>]*>|\{\\[^{}]*\}")


class Line(NamedTuple):
    """One subtitle, shown from `start` until before `end`, in seconds."""

    start: float
    end: float
    text: str


def subtitle_file(item: Item, folder: Path) -> Path:
    """Return where the subtitles of an item's clip are."""
    clip = PurePosixPath(item.sample["media"][0]["uri"])
    return folder / f"{clip.stem}.srt"


def digest_subtitles(items: Sequence[Item], folder: Path) -> str:
    """Return a digest of the subtitles of all clips. Raises UsageError where there are none."""
    if not folder.is_dir():
        raise UsageError(
            f"--subtitles {folder}: no folder is there; unzip subtitle.zip and name it"
        )
    files = sorted({subtitle_file(item, folder) for item in items if item.sample["media"]})
    found = [path for path in files if path.is_file()]
    if not found:
        wanted = files[0].name if files else "CLIP.srt"
        raise UsageError(f"--subtitles {folder}: no file is named after a clip, as {wanted}")
    return digest_of([[path.name, file_sha256(path)] for path in found])[:16]


def subtitled(item: Item, folder: Path, times: Sequence[float | None]) -> str:
    """Return a question with the subtitles of the frames at `times` before it."""
    path = subtitle_file(item, folder)
    lines = read_srt(path) if path.is_file() else ()
    said = [line for line in lines if any(shows(line, time) for time in times)]
    told = "\n".join(line.text for line in said) or NOTHING
    return f"{HEAD}\n{told}\n{item.sample['problem']}"


def shows(line: Line, time: float | None) -> bool:
    """Tell whether a subtitle is on the screen at a time."""
    return time is not None and line.start <= time < line.end


# Three questions ask about one clip, and a shuffled set returns to each of 900.
@lru_cache(maxsize=1_000)
def read_srt(path: Path) -> tuple[Line, ...]:
    """Return the subtitles of a file without their markup. Raises InputError."""
    text = read_text(path).replace("\r\n", "\n")
    spans = list(SPAN.finditer(text))
    if text.strip() and not spans:
        raise InputError(f"{path}: no time as '00:00:01,000 --> 00:00:02,000': it is not an .srt")
    ends = [*(match.start() for match in spans[1:]), len(text)][: len(spans)]
    lines = []
    for match, end in zip(spans, ends, strict=True):
        numbers = [int(each.ljust(3, "0")) if i % 4 == 3 else int(each)
                   for i, each in enumerate(match.groups())]  # fmt: skip
        # Behind the text are an empty line and the next one's number
        words = text[match.end() : end].split("\n\n")[0]
        told = " ".join(MARKUP.sub("", words).split())
        if told:
            lines.append(Line(seconds(*numbers[:4]), seconds(*numbers[4:]), told))
    return tuple(lines)


def seconds(hours: int, minutes: int, whole: int, thousandths: int) -> float:
    """Return a time in seconds."""
    return 3600 * hours + 60 * minutes + whole + thousandths / 1000
