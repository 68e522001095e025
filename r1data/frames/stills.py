"""Still pictures and animated WebP, by Pillow."""

import contextlib
import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from r1data.errors import RowDrop
from r1data.frames.ask import Ask, Frames, Images
from r1data.frames.rules import Clock
from r1data.frames.shrink import check_resize, on_white, resized
from r1data.frames.sizes import fit, refuse_huge
from r1data.grid.drops import Drop

MILLISECOND = Fraction(1, 1000)


def is_picture(path: Path) -> bool:
    """Tell by the first bytes, not by the name, whether Pillow should read a file."""
    with path.open("rb") as file:
        head = file.read(32)
    if head[4:8] == b"ftyp":
        return head[8:12] in (b"avif", b"mif1")
    if head[:4] == b"RIFF":
        return head[8:12] == b"WEBP"
    if head[:3] == b"\xff\xd8\xff":
        return path.suffix.lower() not in (".mjpg", ".mjpeg")  # a row of JPEGs is a clip
    if head[:4] == b"\x89PNG":
        return not is_animated_png(path)
    starts = (b"BM", b"II*\0", b"MM\0*", b"GIF8")
    if head.startswith(b"GIF8"):
        return not is_animated(path)
    return head.startswith(starts) or (head[:1] == b"P" and head[1:2] in b"123456")


def is_animated_png(path: Path) -> bool:
    """Tell an APNG by its acTL chunk, which stands before the pixels."""
    with path.open("rb") as file:
        head = file.read(4096)
    return b"acTL" in head.split(b"IDAT")[0]


def is_animated(path: Path) -> bool:
    """Tell whether Pillow finds more than one picture."""
    with opened_picture(path) as picture:
        return getattr(picture, "n_frames", 1) > 1


def read(ask: Ask) -> Frames:
    """Return a still as one frame without a time, or the asked frames of an animation."""
    check_resize(ask.resize)
    with opened_picture(ask.path) as picture:
        if getattr(picture, "n_frames", 1) > 1 and picture.format == "WEBP":
            return read_animation(ask, picture)
        image = shrunk(ask, rgb_of(upright(picture)))
    return Frames(image[None], np.array([np.nan]), np.array([0], np.int64), "pillow")


@contextlib.contextmanager
def opened_picture(path: Path) -> Iterator[Any]:
    """Open a picture; what is wrong with it becomes RowDrop."""
    from PIL import Image

    bombs = (Image.DecompressionBombWarning, Image.DecompressionBombError)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                refuse_huge(*picture.size)
                yield picture
    except bombs as problem:
        raise RowDrop(Drop.UNDECODABLE, f"{path.name}: {problem}") from problem
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError) as problem:
        text = " ".join(str(problem).split()) or type(problem).__name__
        raise RowDrop(Drop.UNDECODABLE, f"{path.name}: {text}") from problem


def read_animation(ask: Ask, picture: Any) -> Frames:
    """Read an animated WebP; its times are the sums of the durations before."""
    times, at = [], 0
    for number in range(picture.n_frames):
        picture.seek(number)
        picture.load()
        times.append(at)
        at += max(1, int(picture.info.get("duration", 0)))
    clock = Clock(np.array(times, np.int64), MILLISECOND)
    indices = ask.indices(clock, np.array([0], np.int64))
    images = []
    for number in indices:
        picture.seek(int(number))
        images.append(shrunk(ask, rgb_of(picture)))
    return Frames(np.stack(images), clock.seconds(indices), indices, "pillow")


def upright(picture: Any) -> Any:
    """Apply the EXIF orientation."""
    from PIL import ImageOps

    return ImageOps.exif_transpose(picture)


def rgb_of(picture: Any) -> Images:
    """Return RGB: 16 bits to 8, palettes and CMYK resolved, transparency on white."""
    if picture.mode.startswith("I"):
        levels = np.asarray(picture).astype(np.int64)
        if levels.min() < 0 or levels.max() > 65535:
            raise RowDrop(Drop.UNDECODABLE, "a picture with more than 16 bits")
        return np.repeat((levels >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if picture.mode == "F":
        raise RowDrop(Drop.UNDECODABLE, "a picture of floating point numbers has no known white")
    if picture.has_transparency_data:
        return on_white(np.asarray(picture.convert("RGBA")))
    return np.asarray(picture.convert("RGB"))


def shrunk(ask: Ask, image: Images) -> Images:
    """Bring an image to the size that `ask` allows."""
    height, width = image.shape[:2]
    size = fit(width, height, ask.max_pixels, ask.min_pixels, ask.multiple)
    return resized(image, size, ask.resize)
