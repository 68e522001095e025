"""What the guarded child does: sample one file, and send JPEGs instead of arrays over the pipe."""

from pathlib import Path
from typing import Any, NamedTuple

from r1data.frames.jpeg import encode_jpeg, frames_hash
from r1data.frames.sampling import sample


class Taken(NamedTuple):
    """The frames of one file as they are stored; `times` has None for a still picture."""

    jpegs: list[bytes]
    times: list[float | None]
    indices: list[int]
    sizes: list[tuple[int, int]]
    hash: str
    backend: str


def take_frames(path: str | Path, quality: int = 90, **options: Any) -> Taken:
    """Sample a file with the options of `sample`, and encode what it gives."""
    frames = sample(path, **options)
    height, width = frames.images.shape[1:3]
    return Taken(
        encode_jpeg(frames.images, quality),
        [None if time != time else time for time in frames.times.tolist()],
        frames.indices.tolist(),
        [(width, height)] * len(frames.images),
        frames_hash(frames.images),
        frames.backend,
    )
