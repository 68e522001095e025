"""How the offline teacher answers a canary: by the code word, and by what it sees in two images."""

import re

import cv2
import numpy as np

from r1data.teacher.canary import COLOURS

CODE = re.compile(r"The code word is (\S+)\.")
# Digits are compared at this width and height.
CELL = (16, 24)
# The digit is black; of the colours brown is the darkest, and its brightest channel has 120.
DARK, COLOURED = 60, 40
# A circle fills 0.785 of its bounding box, a square all of it.
SQUARE_FILLS = 0.9


def answer_canary(text: str, images: list[np.ndarray]) -> str | None:
    """Return the code word and what the first and the last image show; None for other texts.

    Images are BGR.
    """
    code = CODE.search(text)
    if code is None:
        return None
    ends = [images[0], images[-1]] if len(images) > 1 else images
    return f"<answer>{'; '.join([code[1], *map(describe, ends)])}</answer>"


def describe(image: np.ndarray) -> str:
    """Name the colour, the shape and the digit of an image."""
    coloured = np.ptp(image.astype(int), axis=2) > COLOURED
    if not coloured.any():
        return "nothing coloured"
    left, top, width, height = cv2.boundingRect(coloured.astype(np.uint8))
    inside = np.zeros_like(coloured)
    inside[top : top + height, left : left + width] = True
    dark = (image.max(axis=2) < DARK) & inside
    fills = (coloured | dark).sum() / (width * height)
    shape = "square" if fills > SQUARE_FILLS else "circle"
    return f"{colour_of(np.median(image[coloured], axis=0)[::-1])} {shape} {digit_of(dark)}"


def colour_of(rgb: np.ndarray) -> str:
    """Return the nearest colour."""
    return min(COLOURS, key=lambda name: float(np.abs(rgb - np.array(COLOURS[name])).sum()))


def digit_of(dark: np.ndarray) -> str:
    """Return the digit that the dark pixels resemble most."""
    if not dark.any():
        return "without a digit"
    seen = cropped(dark.astype(np.uint8) * 255)
    return min("0123456789", key=lambda digit: float(np.abs(seen - printed(digit)).sum()))


def printed(digit: str) -> np.ndarray:
    """Return a digit as a printer of plain letters draws it."""
    page = np.zeros((120, 120), np.uint8)
    cv2.putText(page, digit, (20, 100), 0, 3.0, 255, 9, cv2.LINE_AA)
    return cropped(page)


def cropped(page: np.ndarray) -> np.ndarray:
    """Return what is drawn on a page, at the size of a cell."""
    left, top, width, height = cv2.boundingRect(page)
    return cv2.resize(page[top : top + height, left : left + width], CELL).astype(int)
