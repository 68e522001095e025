"""decord, for parity with Video-R1: one thread, its own count and order of pictures.

Its default threads hang on transport streams and refuse AV1 and VP9. It counts wrong on some AVI
files and edit lists and gives other pictures without saying so: `sampling` holds it against `pyav`.
"""

import re
from fractions import Fraction
from typing import Any

import numpy as np

from r1data.errors import RowDrop, load_package
from r1data.frames.ask import Ask, Frames
from r1data.frames.rules import Clock
from r1data.frames.shrink import resized
from r1data.frames.sizes import fit, refuse_huge
from r1data.frames.streams import first_line, opened
from r1data.grid.drops import Drop

# Seconds: it makes FFmpeg's mark for "no time", -2**63, a time like any other.
NO_TIME = 1e9
# Where in its own source decord noticed a fault: "[17:02:11] /io/decord/src/video/reader.cc:151: ".
SOURCE_LINE = re.compile(r"^\[[\d:]+\] \S+:\d+: ")
MICROSECOND = Fraction(1, 1_000_000)


def read(ask: Ask) -> Frames:
    """Return the frames that `ask` names, as decord numbers them."""
    decord = load_package("decord", "decord (wheels for Linux x86-64 and Windows only)")
    with opened(ask.path):  # refuses what is no video, or too large, before decord sees it
        pass
    try:
        reader = decord.VideoReader(str(ask.path), num_threads=1)
        return from_reader(ask, reader)
    except (decord.DECORDError, RuntimeError, ValueError) as problem:
        said = SOURCE_LINE.sub("", first_line(problem)).replace(str(ask.path), ask.path.name)
        said = said.partition(" You may override")[0]  # its advice is to take substitutes
        raise RowDrop(Drop.UNDECODABLE, f"{ask.path.name}: decord: {said}") from problem


def from_reader(ask: Ask, reader: Any) -> Frames:
    """Sample an open decord.VideoReader."""
    seconds = np.asarray(reader.get_frame_timestamp(range(len(reader))))[:, 0]
    if not (np.abs(seconds) < NO_TIME).all():
        raise ValueError("it does not tell the times of its pictures")
    clock = Clock((seconds * 1_000_000).round().astype(np.int64), MICROSECOND)
    keys = np.asarray(reader.get_key_indices(), np.int64)
    indices = ask.indices(clock, keys[keys < len(seconds)])
    batch = reader.get_batch(indices.tolist()).asnumpy()
    height, width = batch.shape[1:3]
    refuse_huge(width, height)
    size = fit(width, height, ask.max_pixels, ask.min_pixels, ask.multiple)
    images = np.stack([resized(image, size, ask.resize) for image in batch])
    return Frames(images, clock.seconds(indices), indices, "decord")
