"""torchcodec, optional: where a training set-up decodes with it and wants the same pictures.

It seeks to what the file calls a key picture and takes what comes next. After an edit list and in
transport streams that is another picture than the one asked for, and no error says so (torchcodec
0.13, FFmpeg 5 and 8). So every time that it tells is held against the packets' own.
"""

import re
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from r1data.errors import MissingPackage, RowDrop, load_package
from r1data.frames.ask import Ask, Frames, Images
from r1data.frames.rules import Clock
from r1data.frames.shrink import resized, turning
from r1data.frames.sizes import fit, refuse_huge
from r1data.frames.streams import faults_as_drops, first_line, opened
from r1data.grid.drops import Drop

# Half a millisecond: Matroska's unit is one, so pictures lie further apart.
SAME_TIME = 0.0005


def read(ask: Ask) -> Frames:
    """Return the frames that `ask` names."""
    decoders: Any = load_decoders()
    with faults_as_drops(ask.path):
        refuse_mirrored(ask)
        clip = announced(ask)
    try:
        return from_decoder(ask, decoders, clip)
    except (RuntimeError, ValueError, IndexError, AssertionError) as problem:
        said = re.sub(r"^\w+, \S+\.cpp:\d+, ", "", first_line(problem))
        raise undecodable(ask, said) from problem


def load_decoders() -> ModuleType:
    """Import torchcodec's decoders, or say what they lack: the package, or FFmpeg's libraries."""
    try:
        return load_package("torchcodec.decoders", "torchcodec")
    except RuntimeError as problem:
        message = (
            "torchcodec is installed and cannot be loaded: it needs FFmpeg's shared libraries, "
            "version 4 to 8 (apt-get install ffmpeg), and the torch that it was built for"
        )
        raise MissingPackage(message) from problem


def refuse_mirrored(ask: Ask) -> None:
    """Drop a clip whose display matrix flips it: torchcodec reads half a turn instead."""
    with opened(ask.path) as (container, stream):
        for frame in container.decode(stream):
            _, across, down = turning(frame)
            if across != down:
                raise undecodable(ask, "the clip is mirrored, which it cannot show")
            return


class Announced(NamedTuple):
    """What a clip's packets tell: the times of its pictures, the places of its keys."""

    stream: int
    clock: Clock
    keys: NDArray[np.int64]


def announced(ask: Ask) -> Announced:
    """Read a clip's packets, without decoding them."""
    with opened(ask.path) as (container, stream):
        found = [
            (packet.pts, packet.is_keyframe)
            for packet in container.demux(stream)
            if packet.size and not packet.is_discard
        ]
        number, unit = stream.index, stream.time_base
    if not found:
        raise undecodable(ask, "the file holds no picture")
    if any(pts is None for pts, _ in found):
        raise undecodable(ask, "the file does not tell the times of its pictures")
    pts, keys = np.array(sorted(found), np.int64).T
    if np.any(np.diff(pts) <= 0):
        raise undecodable(ask, "two pictures have one time")
    return Announced(number, Clock(pts, unit), np.flatnonzero(keys))


def from_decoder(ask: Ask, decoders: Any, clip: Announced) -> Frames:
    """Take the pictures of `ask` one by one, and hold each to its time."""
    clock, indices = clip.clock, ask.indices(clip.clock, clip.keys)
    decoder = decoders.VideoDecoder(
        f"file:{ask.path}", stream_index=clip.stream, num_ffmpeg_threads=1, seek_mode="exact"
    )
    if len(decoder) != len(clock.pts):
        raise undecodable(ask, f"it counts {len(decoder)} pictures of {len(clock.pts)}")
    # Counted from the first picture: where the packets of an AVI tell decoding times only, PyAV's
    # FFmpeg and torchcodec's start one picture apart.
    begin = decoder.metadata.begin_stream_seconds
    images: list[Images] = []
    for index, time in zip(indices.tolist(), clock.seconds(indices).tolist(), strict=True):
        taken = decoder.get_frame_at(index)
        told = taken.pts_seconds - begin
        if abs(told - time) > SAME_TIME:
            raise undecodable(ask, f"it gives the picture of {told:.3f} s for that of {time:.3f} s")
        images.append(shrunk(ask, taken.data.permute(1, 2, 0).numpy()))
    return Frames(np.stack(images), clock.seconds(indices), indices, "torchcodec")


def shrunk(ask: Ask, image: Images) -> Images:
    """Return a picture at the size that is asked for."""
    height, width = image.shape[:2]
    refuse_huge(width, height)
    size = fit(width, height, ask.max_pixels, ask.min_pixels, ask.multiple)
    return resized(np.ascontiguousarray(image), size, ask.resize)


def undecodable(ask: Ask, said: str) -> RowDrop:
    """Return the drop of this row."""
    return RowDrop(Drop.UNDECODABLE, f"{ask.path.name}: torchcodec: {said}")
