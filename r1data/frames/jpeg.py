"""Frames as JPEG, and the hash that finds them again."""

import numpy as np

from r1data.frames.ask import Images
from r1data.frames.hues import frame_hues

# The DCT's lowest 8x8 coefficients of a 32x32 grey picture: 64 bits a frame.
SIDE, LOW = 32, 8


def encode_jpeg(images: Images, quality: int = 90) -> list[bytes]:
    """Return each RGB image as a JPEG file, 4:2:0; same pixels, same bytes."""
    import cv2

    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return [cv2.imencode(".jpg", image[..., ::-1], options)[1].tobytes() for image in images]


def frames_hash(images: Images) -> str:
    """Return the perceptual hash of a sequence, 16 hex digits a frame, in order: of the pictures in
    grey, then, after a colon, of their hues (`frame_hues`).

    Compare two hashes of the same length by the share of bits that differ (`hash_distance`).
    """
    return ":".join(
        "".join(f"{bits(image):016x}" for image in images) for bits in (frame_bits, frame_hues)
    )


def hash_distance(one: str, other: str) -> float:
    """Return the share of differing bits, 0.0 to 1.0, of two hashes of equally many frames.

    Hues do not count.
    """
    ours, theirs = (each.partition(":")[0] for each in (one, other))
    if len(ours) != len(theirs) or not ours:
        raise ValueError("hashes of different numbers of frames cannot be compared")
    return (int(ours, 16) ^ int(theirs, 16)).bit_count() / (4 * len(ours))


def frame_bits(image: Images) -> int:
    """Return 64 bits: which of the lowest DCT coefficients lie above their median."""
    import cv2

    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = np.asarray(cv2.dct(small), np.float32)[:LOW, :LOW].ravel()
    bits = low > np.median(low[1:])
    return int(np.packbits(bits).tobytes().hex(), 16)
