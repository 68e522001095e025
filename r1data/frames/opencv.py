"""OpenCV's reader: in order from the start, its header's count and its seeking never trusted.

It refuses interlaced clips: OpenCV 4.14 and 5.0 hand out stale memory for them and say all is
well. OpenCV 5.0 reads no AV1.
"""

import itertools
from fractions import Fraction
from typing import Any

import numpy as np

from r1data.errors import RowDrop, UsageError
from r1data.frames.ask import Ask, Frames, Images
from r1data.frames.rules import Clock
from r1data.frames.shrink import resized
from r1data.frames.sizes import fit, refuse_huge
from r1data.frames.streams import faults_as_drops, opened
from r1data.grid.drops import Drop

MICROSECOND = Fraction(1, 1_000_000)


def read(ask: Ask) -> Frames:
    """Return the frames that `ask` names."""
    if ask.rule == "keyframes":
        raise UsageError("the backend opencv does not know key pictures: use pyav or decord")
    with faults_as_drops(ask.path):
        refuse_interlaced(ask)
        clock = counted(ask)
        indices = ask.indices(clock, np.array([0], np.int64))
        images = picked(ask, set(indices.tolist()))
    return Frames(np.stack(images), clock.seconds(indices), indices, "opencv")


def refuse_interlaced(ask: Ask) -> None:
    """Drop a clip whose first picture is interlaced."""
    with opened(ask.path) as (container, stream):
        for frame in container.decode(stream):
            if frame.interlaced_frame:
                detail = f"{ask.path.name} is interlaced, which OpenCV decodes to garbage"
                raise RowDrop(Drop.UNDECODABLE, detail)
            return


def captured(ask: Ask) -> Any:
    """Open the file, or drop it."""
    import cv2

    capture = cv2.VideoCapture(str(ask.path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    if not capture.isOpened():
        raise RowDrop(Drop.UNDECODABLE, f"{ask.path.name}: OpenCV cannot open it")
    return capture


def counted(ask: Ask) -> Clock:
    """Walk through the clip once for the times of its pictures."""
    import cv2

    capture, times = captured(ask), []
    while capture.grab():
        times.append(round(capture.get(cv2.CAP_PROP_POS_MSEC) * 1000))
    capture.release()
    if not times:
        raise RowDrop(Drop.UNDECODABLE, f"{ask.path.name}: OpenCV finds no picture")
    if any(later <= sooner for sooner, later in itertools.pairwise(times)):
        detail = f"{ask.path.name}: OpenCV tells times that do not rise"
        raise RowDrop(Drop.UNDECODABLE, detail)
    return Clock(np.array(times, np.int64), MICROSECOND)


def picked(ask: Ask, wanted: set[int]) -> list[Images]:
    """Walk through the clip again, and keep the pictures at `wanted`."""
    capture, images = captured(ask), []
    for at in range(max(wanted) + 1):
        if not capture.grab():
            raise RowDrop(Drop.UNDECODABLE, f"{ask.path.name}: OpenCV lost picture {at}")
        if at in wanted:
            image = capture.retrieve()[1][..., ::-1]
            height, width = image.shape[:2]
            refuse_huge(width, height)
            size = fit(width, height, ask.max_pixels, ask.min_pixels, ask.multiple)
            images.append(resized(np.ascontiguousarray(image), size, ask.resize))
    capture.release()
    return images
