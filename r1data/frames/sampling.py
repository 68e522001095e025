"""The one way in: which pictures, at which size, by which decoder."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from r1data.errors import RowDrop, UsageError
from r1data.frames import decord, opencv, pyav, stills, torchcodec
from r1data.frames.ask import Ask, Frames, Images
from r1data.frames.cut import missing_bytes
from r1data.frames.rules import RULES
from r1data.frames.shrink import check_resize
from r1data.frames.sizes import LEAST_PIXELS, TRAIN_PIXELS
from r1data.frames.streams import refuse_missing
from r1data.grid.drops import Drop

# Levels of 255. Two decoders differ by 0.6 at most (10 bits), two readings of a colour tag by 3;
# images of the test clips that lie one apart by 5 and more.
ALIKE = 4.0
BACKENDS: dict[str, Callable[[Ask], Frames]] = {
    "pyav": pyav.read,
    "decord": decord.read,
    "opencv": opencv.read,
    "torchcodec": torchcodec.read,
}


def sample(
    path: str | Path,
    rule: str = "uniform",
    count: int = 16,
    max_pixels: int = TRAIN_PIXELS,
    backend: str | Sequence[str] = "pyav",
    resize: str = "fast",
    start: float | None = None,
    end: float | None = None,
    *,
    min_pixels: int = LEAST_PIXELS,
    multiple: int = 28,
    patch: int = 1,
    on_error: str = "drop",
) -> Frames:
    """Return the frames that `rule` takes from a video, an animation or a still picture.

    A clip with fewer than `count` pictures gives each once; a still gives one, with NaN as its
    time. `start` and `end` are seconds after the clip's first picture. A list of backends is tried
    in order. `on_error="salvage"` passes over damage and says so in `backend`.

    Raises RowDrop for anything wrong with the file: MISSING_MEDIA, UNDECODABLE or TOO_SHORT.
    """
    chain = [backend] if isinstance(backend, str) else list(backend)
    check_options(rule, count, resize, chain, on_error)
    ask = Ask(
        Path(path), rule, count, max_pixels, min_pixels, multiple, patch, resize, start, end,
        on_error == "salvage",
    )  # fmt: skip
    refuse_missing(ask.path)
    if stills.is_picture(ask.path):
        return stills.read(ask)
    lacking = missing_bytes(ask.path)
    if lacking and not ask.salvage:
        detail = f"{ask.path.name} is cut short: {lacking:,} bytes are missing"
        raise RowDrop(Drop.UNDECODABLE, detail)
    return first_that_reads(ask, chain)


def first_that_reads(ask: Ask, chain: Sequence[str]) -> Frames:
    """Try the backends in order; if none reads the file, say what each found."""
    found: list[str] = []
    for name in chain:
        try:
            frames = BACKENDS[name](ask)
            return frames if name == "pyav" else held_against(pyav.read(ask), frames, ask, name)
        except RowDrop as drop:
            if drop.reason is not Drop.UNDECODABLE or len(chain) == 1:
                raise
            found.append(f"{name}: {drop.detail}")
    raise RowDrop(Drop.UNDECODABLE, "; ".join(found))


def held_against(witness: Frames, frames: Frames, ask: Ask, name: str) -> Frames:
    """Return the frames of another backend with `pyav`'s times, where its images are the same.

    The other decoders pass over damage and seek to what a file calls a key frame: 13 of the 57
    clips of the tests come out of decord with images of another time, and without an error.
    """
    if frames.indices.tolist() != witness.indices.tolist():
        told = f"it counts other images than pyav: {frames.indices[-1] + 1} to the last one taken"
        raise RowDrop(Drop.UNDECODABLE, f"{ask.path.name}: {name}: {told}")
    if frames.images.shape != witness.images.shape:
        told = f"its images are {frames.images.shape[1:3]}, pyav's {witness.images.shape[1:3]}"
        raise RowDrop(Drop.UNDECODABLE, f"{ask.path.name}: {name}: {told} pixels")
    differences = (
        mean_difference(*each) for each in zip(frames.images, witness.images, strict=True)
    )
    for difference, time in zip(differences, witness.times.tolist(), strict=True):
        if difference > ALIKE:
            told = f"the image that it gives for {time:.3f} s is another one than pyav's"
            raise RowDrop(Drop.UNDECODABLE, f"{ask.path.name}: {name}: {told}")
    backend = witness.backend.replace("pyav", name)
    return frames._replace(times=witness.times, backend=backend)


def mean_difference(one: Images, other: Images) -> float:
    """Return by how many of 255 levels two images differ in the mean."""
    return float(np.abs(one.astype(np.int16) - other).mean())


def check_options(rule: str, count: int, resize: str, chain: Sequence[str], on_error: str) -> None:
    """Refuse options that no file could satisfy."""
    check_resize(resize)
    if rule not in RULES:
        raise UsageError(f"unknown sampling rule '{rule}': choose one of {', '.join(RULES)}")
    if count < 1:
        raise UsageError(f"count is {count}: it must be at least 1")
    if on_error not in ("drop", "salvage"):
        raise UsageError(f"unknown on_error '{on_error}': choose drop or salvage")
    for name in chain or [""]:
        if name not in BACKENDS:
            raise UsageError(f"unknown backend '{name}': choose one of {', '.join(BACKENDS)}")
