"""A decoded picture -> RGB at the stored size: turned upright, range and matrix as tagged."""

import struct
from typing import Any

import numpy as np

from r1data.errors import UsageError
from r1data.frames.ask import Ask, Images
from r1data.frames.sizes import fit, refuse_huge

RESIZES = ("fast", "parity")
WHITE = 255


class Shrink:
    """Turns decoded pictures of one clip into RGB arrays of one size."""

    def __init__(self, ask: Ask) -> None:
        from av.video.reformatter import Interpolation, VideoReformatter

        check_resize(ask.resize)
        self.ask = ask
        self.size: tuple[int, int] | None = None
        self.convert = VideoReformatter()
        self.flags = Interpolation.BICUBIC

    def __call__(self, frame: Any) -> Images:
        """Return uint8 [height, width, 3]; `frame` is an av.VideoFrame."""
        refuse_huge(frame.width, frame.height)
        turns = turning(frame)
        image = upright(self._rgb(frame), *turns)
        if self.size is None:  # a clip that changes its size in the middle keeps its first one
            self.size = self._fit(image)
        return resized(image, self.size, self.ask.resize)

    def _rgb(self, frame: Any) -> Images:
        # threads=1: a process uses one core, so that as many run as there are cores.
        opaque = not has_alpha(frame.format)
        pixels = "rgb24" if opaque else "rgba"
        image = self.convert.reformat(frame, format=pixels, interpolation=self.flags, threads=1)
        array = np.asarray(image.to_ndarray(), np.uint8)
        return array if opaque else on_white(array)

    def _fit(self, image: Images) -> tuple[int, int]:
        ask, (height, width) = self.ask, image.shape[:2]
        return fit(width, height, ask.max_pixels, ask.min_pixels, ask.multiple)


def check_resize(resize: str) -> None:
    """Refuse an unknown way of resizing."""
    if resize not in RESIZES:
        raise UsageError(f"unknown resize '{resize}': choose one of {', '.join(RESIZES)}")


def has_alpha(pixels: Any) -> bool:
    """Tell whether an av.VideoFormat carries transparency; a palette may."""
    return (
        pixels.name == "pal8"
        or pixels.name.startswith(("rgba", "bgra", "argb", "abgr"))
        or (pixels.name.startswith(("yuva", "gbrap", "ya")))
    )


def on_white(rgba: Images) -> Images:
    """Lay RGBA on white, as the original does with transparent pictures."""
    alpha = rgba[..., 3:].astype(np.uint16)
    if int(alpha.min()) == WHITE:
        return np.ascontiguousarray(rgba[..., :3])
    mixed = rgba[..., :3] * alpha + WHITE * (WHITE - alpha)
    return ((mixed + WHITE // 2) // WHITE).astype(np.uint8)


def turning(frame: Any) -> tuple[int, bool, bool]:
    """Return quarter turns to the left, then a flip from left to right, then one upside down.

    Read from the display matrix as FFmpeg's command line does. Other angles are left alone.
    """
    sides = [side for side in frame.side_data if side.type.name == "DISPLAYMATRIX"]
    if not sides:
        return 0, False, False
    a, b, _, c, d, *_ = struct.unpack("<9i", bytes(sides[0]))
    if abs(b) > abs(a):
        # [[0, b], [c, 0]]: b < 0 stands for a quarter turn to the left.
        return (1, b * c > 0, False) if b < 0 else (3, b * c > 0, False)
    return 0, a < 0, d < 0


def upright(image: Images, quarters: int, across: bool, down: bool) -> Images:
    """Turn and flip an image."""
    if quarters:
        image = np.rot90(image, quarters)
    if across:
        image = image[:, ::-1]
    if down:
        image = image[::-1]
    return np.ascontiguousarray(image)


def resized(image: Images, size: tuple[int, int], resize: str) -> Images:
    """Return the image at `size` (width, height).

    `parity` is Pillow's bicubic, 58 dB from the pixels that the original's float32 shrink gives.
    `fast` is OpenCV's area mean, 46 dB; it cannot enlarge, so that is bicubic.
    """
    height, width = image.shape[:2]
    if (width, height) == tuple(size):
        return image
    if resize == "parity":
        from PIL import Image

        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
    import cv2

    grows = size[0] > width or size[1] > height
    way = cv2.INTER_CUBIC if grows else cv2.INTER_AREA
    return np.asarray(cv2.resize(image, size, interpolation=way), np.uint8)
