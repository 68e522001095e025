"""Small pictures for a page that carries everything itself."""

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

# Widths that are tried, widest first, until a row's pictures fit their share of the page. Frames of
# a clip stand beside each other; a still picture may hold a table that has to be read.
CLIP_WIDTHS = (224, 176, 144, 112, 80)
STILL_WIDTHS = (640, 560, 448, 336, 224)
QUALITY = 62
# A WebP encoder tries harder with a higher method; 2 takes a third of the default's time.
METHOD = 2
# Frames of one clip are alike: the size of a few tells that of all.
TRIED = 3


def thumbnails(frames: Sequence[bytes], room: int) -> list[str]:
    """Return pictures as data URLs of about `room` characters together, smaller where needed.

    A picture that cannot be decoded becomes "", so that the others keep their places.
    """
    opened = [decoded(frame) for frame in frames]
    whole = [picture for picture in opened if picture is not None]
    some = whole[:: max(1, len(whole) // TRIED)]
    width = 0
    for width in STILL_WIDTHS if len(frames) == 1 else CLIP_WIDTHS:
        tried = sum(len(encoded(picture, width)) for picture in some)
        if tried * len(whole) <= room * len(some):
            break
    return ["" if picture is None else encoded(picture, width) for picture in opened]


def decoded(frame: bytes) -> "Image.Image | None":
    """Decode one picture, or tell that it cannot be decoded."""
    from PIL import Image

    try:
        return Image.open(io.BytesIO(frame)).convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def encoded(picture: "Image.Image", width: int) -> str:
    """Return one picture as a WebP data URL, no wider than told."""
    small = picture.copy()
    small.thumbnail((width, width * 4))
    out = io.BytesIO()
    small.save(out, "WEBP", quality=QUALITY, method=METHOD)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()
