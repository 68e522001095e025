"""torchcodec, optional: where a training set-up decodes with it and wants the same pictures."""

from fractions import Fraction
from typing import Any

import numpy as np

from r1data.errors import RowDrop, UsageError, load_package
from r1data.frames.ask import Ask, Frames
from r1data.frames.rules import pick
from r1data.frames.shrink import resized
from r1data.frames.sizes import fit
from r1data.frames.streams import first_line
from r1data.grid.drops import Drop


def read(ask: Ask) -> Frames:
    """Return the frames that `ask` names."""
    if ask.rule == "keyframes" or ask.start is not None or ask.end is not None:
        raise UsageError("the backend torchcodec has neither keyframes nor start and end: use pyav")
    decoders: Any = load_package("torchcodec.decoders", "torchcodec")
    try:
        decoder = decoders.VideoDecoder(str(ask.path), num_ffmpeg_threads=1, seek_mode="exact")
        total, rate = decoder.metadata.num_frames, Fraction(decoder.metadata.average_fps)
        indices = pick(ask.rule, ask.count, total, np.array([0], np.int64), rate, ask.patch)
        batch = decoder.get_frames_at(indices.tolist())
    except (RuntimeError, ValueError, IndexError) as problem:
        detail = f"{ask.path.name}: torchcodec: {first_line(problem)}"
        raise RowDrop(Drop.UNDECODABLE, detail) from problem
    pictures = batch.data.permute(0, 2, 3, 1).numpy()
    height, width = pictures.shape[1:3]
    size = fit(width, height, ask.max_pixels, ask.min_pixels, ask.multiple)
    images = np.stack(
        [resized(np.ascontiguousarray(image), size, ask.resize) for image in pictures]
    )
    return Frames(images, batch.pts_seconds.numpy().astype(np.float64), indices, "torchcodec")
