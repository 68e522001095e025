"""How large a picture is stored: Qwen's smart resize (qwen-vl-utils, vision_process.py)."""

import math
from typing import NamedTuple

from r1data.errors import RowDrop
from r1data.grid.drops import Drop

TRAIN_PIXELS = 128 * 28 * 28
EVALUATION_PIXELS = 256 * 28 * 28
LEAST_PIXELS = 4 * 28 * 28
# qwen-vl-utils refuses pictures that are more than 200 times as long as wide.
LARGEST_RATIO = 200
# Pillow's own limit for a decompression bomb. 8K video has 33 million pixels.
LARGEST_PICTURE = 89_478_485


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


def fit(
    width: int,
    height: int,
    max_pixels: int = TRAIN_PIXELS,
    min_pixels: int = LEAST_PIXELS,
    multiple: int = 28,
) -> Size:
    """Return the size nearest to the given shape, in multiples, within the pixel limits."""
    if max(width, height) > LARGEST_RATIO * min(width, height):
        detail = (
            f"the picture is {width}x{height}: one side is over {LARGEST_RATIO} times the other"
        )
        raise RowDrop(Drop.UNDECODABLE, detail)
    wide = max(multiple, round(width / multiple) * multiple)
    high = max(multiple, round(height / multiple) * multiple)
    if wide * high > max_pixels:
        scale = math.sqrt(width * height / max_pixels)
        wide = max(multiple, math.floor(width / scale / multiple) * multiple)
        high = max(multiple, math.floor(height / scale / multiple) * multiple)
    elif wide * high < min_pixels:
        scale = math.sqrt(min_pixels / (width * height))
        wide = math.ceil(width * scale / multiple) * multiple
        high = math.ceil(height * scale / multiple) * multiple
    return Size(wide, high)


def refuse_huge(width: int, height: int) -> None:
    """Drop a picture whose header announces more than LARGEST_PICTURE pixels."""
    if width * height > LARGEST_PICTURE:
        detail = f"the picture is {width}x{height}: more than {LARGEST_PICTURE:,} pixels"
        raise RowDrop(Drop.UNDECODABLE, detail)
