"""What a media file really is: its pictures counted, not its header believed."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from r1data.errors import DONE, SET_ASIDE, InputError, RowDrop
from r1data.frames.cut import missing_bytes
from r1data.frames.jpeg import frames_hash
from r1data.frames.losses import Losses
from r1data.frames.rules import Clock, mean_rate
from r1data.frames.sampling import sample
from r1data.frames.sequential import clock_of, pictures
from r1data.frames.shrink import turning
from r1data.frames.stills import is_picture, opened_picture, upright
from r1data.frames.streams import faults_as_drops, opened, refuse_missing
from r1data.grid.drops import Drop
from r1data.grid.guard import GuardCrash, Guarded, GuardTimeout
from r1data.kinds import kind_of

# FFmpeg's blackdetect: a picture is black where 98 % of its pixels lie under 10 % of white.
BLACK_PIXEL, BLACK_SHARE = 25, 0.98
# FFmpeg's freezedetect: -60 dB of difference to the picture before.
FROZEN_LEVELS = 0.255
# Both are judged on small grey pictures: a hundredth of the decoder's own cost.
SIDE = 32
# A full pass of an hour of 1080p takes about half an hour of one core.
DEADLINE = 3600.0
VIDEOS = "3gp avi flv h264 hevc m2ts m4v mkv mov mp4 mpeg mpg mts ogv ts vob webm wmv"
PICTURES = "apng avif bmp gif jpeg jpg png tif tiff webp"
SUFFIXES = frozenset(f".{suffix}" for suffix in f"{VIDEOS} {PICTURES}".split())


class Facts(NamedTuple):
    """What is true of one file; `seconds` and `rate` are None for a still picture."""

    path: Path
    sha256: str
    bytes: int
    container: str
    codec: str
    frames: int
    seconds: float | None
    width: int
    height: int
    rate: float | None
    audio: bool
    phash: str
    black: float
    frozen: float


class Checked(NamedTuple):
    """One file of a folder: its facts, or what is wrong with it."""

    path: Path
    facts: Facts | None
    problem: str


def facts(path: str | Path) -> Facts:
    """Decode a file once from end to end, and say what it is. Raises RowDrop for a broken one."""
    path = Path(path)
    refuse_missing(path)
    lacking = missing_bytes(path)
    if lacking:
        raise RowDrop(Drop.UNDECODABLE, f"{path.name} is cut short: {lacking:,} bytes are missing")
    return still_facts(path) if is_picture(path) else video_facts(path)


def still_facts(path: Path) -> Facts:
    """Return the facts of what Pillow reads: a still picture, or an animated WebP."""
    taken = sample(path)
    with opened_picture(path) as picture:
        count = getattr(picture, "n_frames", 1)
        seconds = animation_seconds(picture) if count > 1 else None
        width, height = upright(picture).size
        name = (picture.format or "").lower()
    levels = taken.images.mean(axis=3)
    black = float((np.mean(levels < BLACK_PIXEL, axis=(1, 2)) >= BLACK_SHARE).mean())
    rate = count / seconds if seconds else None
    return Facts(
        path, sha256_of(path), path.stat().st_size, name, name, count, seconds, width, height,
        rate, False, frames_hash(taken.images), black, 0.0,
    )  # fmt: skip


def animation_seconds(picture: Any) -> float:
    """Add up the durations that an animation's pictures carry."""
    total = 0
    for number in range(picture.n_frames):
        picture.seek(number)
        picture.load()
        total += max(1, int(picture.info.get("duration", 0)))
    picture.seek(0)
    return total / 1000


def video_facts(path: Path) -> Facts:
    """Return the facts of a clip."""
    with faults_as_drops(path), opened(path) as (container, stream):
        audio = len(container.streams.audio) > 0
        names = container.format.name.split(",")[0], stream.codec_context.codec.canonical_name
        seen = Walked(path)
        found = pictures(container, stream, Losses(stream), salvage=False)
        clock = clock_of(list(seen.through(found)), stream)
    if seen.count == 0:
        raise RowDrop(Drop.UNDECODABLE, f"{path.name} holds no picture that can be decoded")
    rate = mean_rate(clock)
    taken = sample(path)
    return Facts(
        path, sha256_of(path), path.stat().st_size, *names, seen.count, length(clock), seen.width,
        seen.height, float(rate), audio, frames_hash(taken.images), seen.black / seen.count,
        seen.frozen / max(1, seen.count - 1),
    )  # fmt: skip


class Walked:
    """What one pass over a clip's pictures adds up to."""

    def __init__(self, path: Path) -> None:
        from av.video.reformatter import VideoReformatter

        self.path = path
        self.grey = VideoReformatter()
        self.count = self.black = self.frozen = self.width = self.height = 0
        self.before: NDArray[np.int16] | None = None

    def through(self, frames: Iterator[Any]) -> Iterator[int | None]:
        """Look at each picture, and yield its time."""
        for frame in frames:
            if frame.is_corrupt:
                detail = f"{self.path.name}: picture {self.count} is damaged"
                raise RowDrop(Drop.UNDECODABLE, detail)
            if self.count == 0:
                turned = turning(frame)[0] % 2 == 1
                size = frame.width, frame.height
                self.width, self.height = size[::-1] if turned else size
            self._look(frame)
            yield frame.pts

    def _look(self, frame: Any) -> None:
        small = self.grey.reformat(frame, width=SIDE, height=SIDE, format="gray", threads=1)
        levels = np.asarray(small.to_ndarray(), np.int16)
        self.count += 1
        self.black += bool(np.mean(levels < BLACK_PIXEL) >= BLACK_SHARE)
        if self.before is not None:
            self.frozen += bool(np.abs(levels - self.before).mean() < FROZEN_LEVELS)
        self.before = levels


def length(clock: Clock) -> float:
    """Return from the first picture's start to the last one's end, in seconds."""
    shown = int(clock.pts[-1] - clock.pts[0]) * clock.unit
    return float(shown + 1 / mean_rate(clock)) if len(clock.pts) > 1 else 0.0


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_folder(folder: Path) -> Iterator[Checked]:
    """Yield what each media file below a folder is, in the order of their paths."""
    if not folder.is_dir():
        kind = kind_of(folder) or "missing"
        raise InputError(f"{folder} is {kind}, not a folder: name one that holds clips or images")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise InputError(f"{folder} holds no clip and no image: name the folder that holds them")
    with Guarded("r1data.media.facts:facts") as guarded:
        for path in found:
            try:
                yield Checked(path, guarded(path, deadline=DEADLINE), "")
            except RowDrop as drop:
                yield Checked(path, None, drop.detail)
            except (GuardTimeout, GuardCrash) as fault:
                yield Checked(path, None, str(fault))


def check(folder: Path) -> tuple[str, int]:
    """Return the table of a folder's media files, and the exit code: 3 where one is broken."""
    rows = list(check_folder(folder))
    broken = sum(row.facts is None for row in rows)
    lines = [HEADER, *(line(row, folder) for row in rows)]
    lines.append(f"{len(rows)} files, {broken} broken")
    return "\n".join(lines), SET_ASIDE if broken else DONE


HEADER = (
    f"{'file':<40} {'container':<10} {'codec':<10} {'size':>9} {'frames':>6} {'seconds':>8} "
    f"{'rate':>6} {'audio':<5} {'black':>5} {'frozen':>6}"
)


def line(row: Checked, folder: Path) -> str:
    """Return one row of the table."""
    name, found = str(row.path.relative_to(folder)), row.facts
    if found is None:
        return f"{name:<40} BROKEN: {row.problem}"
    seconds = "-" if found.seconds is None else f"{found.seconds:.2f}"
    rate = "-" if found.rate is None else f"{found.rate:.2f}"
    return (
        f"{name:<40} {found.container:<10} {found.codec:<10} {found.width}x{found.height:<4} "
        f"{found.frames:>6} {seconds:>8} {rate:>6} {'yes' if found.audio else 'no':<5} "
        f"{found.black:>5.0%} {found.frozen:>6.0%}"
    )
