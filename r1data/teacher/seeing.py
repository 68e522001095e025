"""What the offline teacher sees: coloured shapes in pictures, their ways over frames, a word.

Nothing here knows how a picture was made: hues, forms and letters are told apart by thresholds.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np

# Hues as OpenCV counts them, half degrees: 0 to 179, red on both ends.
HUES = {
    "red": ((0, 7), (170, 179)),
    "orange": ((9, 20),),
    "yellow": ((22, 34),),
    "green": ((40, 85),),
    "blue": ((98, 126),),
    "purple": ((130, 158),),
}
COLOURS = tuple(HUES)
# A square fills its bounding box, where a circle fills 0.785 and an upright triangle 0.5. How far
# down in it the centre of gravity lies tells circles (0.5) from triangles (0.667): of 10,477 whole
# patches of 24 pixels and more none lies between 0.52 and 0.58, while JPEG and H.264 fatten small
# triangles until they fill as much as some circles.
SQUARE_FILLS, TRIANGLE_SINKS = 0.9, 0.55
SMALLEST = 14  # pixels; less is a rim where two colours mix
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
CELL = (16, 24)  # letters are compared at this width and height


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float


class Blob(NamedTuple):
    """A patch of one colour; `whole` says that neither an edge nor another patch cuts it."""

    colour: str
    form: str
    whole: bool
    x: float
    y: float
    box: Box
    area: float


class Track(NamedTuple):
    """One shape over the frames: where it was seen, by frame number from 0."""

    colour: str
    form: str
    seen: dict[int, Blob]

    @property
    def name(self) -> str:
        return f"{self.colour} {self.form}"

    @property
    def first(self) -> int:
        return min(self.seen)

    @property
    def last(self) -> int:
        return max(self.seen)


@cache
def hue_table() -> np.ndarray:
    """Return the colour's number plus 1 for every hue, 0 where a hue lies between two colours."""
    table = np.zeros(256, np.uint8)
    for number, ranges in enumerate(HUES.values(), 1):
        for low, high in ranges:
            table[low : high + 1] = number
    return table


def decode(data: bytes) -> np.ndarray | None:
    """Return the picture (height, width, 3) as BGR, or None where the bytes are none."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None


def find_blobs(image: np.ndarray, saturation: int, size: tuple[float, float]) -> list[Blob]:
    """Return the coloured patches of `image`, measured as if it were `size` (width, height) large.

    `saturation` (0 to 255) is what a pixel needs to count as coloured.
    """
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    coloured = cv2.inRange(hsv, np.array((0, saturation, 70)), np.array((179, 255, 255)))
    inner = window(coloured)
    numbers = cv2.bitwise_and(cv2.LUT(hsv[..., 0][inner], hue_table()), coloured[inner])
    found = []
    for number in np.flatnonzero(np.bincount(numbers.ravel(), minlength=7)[1:] >= SMALLEST) + 1:
        mask = (numbers == number).astype(np.uint8)
        part = window(mask)
        corner = inner[1].start + part[1].start, inner[0].start + part[0].start
        found += patches(mask[part], COLOURS[number - 1], corner)
    frame = Box(0, 0, image.shape[1], image.shape[0])
    scale = size[0] / frame.right, size[1] / frame.bottom
    return [scaled(judged(blob, found, frame), scale) for blob in found]


def window(mask: np.ndarray) -> tuple[slice, slice]:
    """Return the rows and columns that hold all of `mask`, with 1 pixel around for the opening."""
    left, top, width, height = cv2.boundingRect(mask)
    return (
        slice(max(top - 1, 0), top + height + 1),
        slice(max(left - 1, 0), left + width + 1),
    )


def patches(mask: np.ndarray, colour: str, corner: tuple[int, int]) -> list[Blob]:
    """Return the connected patches of `mask`, in pixels of the whole picture."""
    # Opening by 3 x 3 removes the thin rims where a shape's edge mixes with what lies behind it.
    solid = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, _, stats, centres = cv2.connectedComponentsWithStats(solid, connectivity=4)
    blobs = []
    for (x, y, width, height, area), centre in zip(stats[1:], centres[1:], strict=True):
        if area >= SMALLEST:
            left, top = float(x + corner[0]), float(y + corner[1])
            box = Box(left, top, left + float(width), top + float(height))
            middle = (float(centre[0]) + corner[0] + 0.5, float(centre[1]) + corner[1] + 0.5)
            sinks = (float(centre[1]) + 0.5 - float(y)) / float(height)
            form = form_of(float(area) / float(width * height), sinks)
            blobs.append(Blob(colour, form, True, *middle, box, float(area)))
    return blobs


def form_of(filled: float, sinks: float) -> str:
    """Name the form by the part of its box that it fills, and how far down its centre lies."""
    if filled > SQUARE_FILLS:
        return "square"
    return "triangle" if sinks > TRIANGLE_SINKS else "circle"


def judged(blob: Blob, others: list[Blob], frame: Box) -> Blob:
    """Return `blob` with `whole` settled: 2 pixels from the picture's edges and other patches."""
    box = blob.box
    inside = box.left > 1 and box.top > 1
    inside = inside and box.right < frame.right - 1 and box.bottom < frame.bottom - 1
    free = not any(other is not blob and touching(box, other.box) for other in others)
    return blob._replace(whole=inside and free)


def touching(a: Box, b: Box) -> bool:
    """Say whether two boxes come within 2 pixels of each other."""
    apart = a.right + 2 < b.left or b.right + 2 < a.left
    return not (apart or a.bottom + 2 < b.top or b.bottom + 2 < a.top)


def scaled(blob: Blob, scale: tuple[float, float]) -> Blob:
    """Return `blob` in the pixels that the question speaks of."""
    (sx, sy), box = scale, blob.box
    box = Box(box.left * sx, box.top * sy, box.right * sx, box.bottom * sy)
    return blob._replace(x=blob.x * sx, y=blob.y * sy, box=box, area=blob.area * sx * sy)


def follow(frames: dict[int, list[Blob]]) -> list[Track]:
    """Join the patches of all frames to shapes, by colour, form and nearness."""
    tracks = []
    for colour in COLOURS:
        own = {n: [b for b in blobs if b.colour == colour] for n, blobs in frames.items()}
        tracks += follow_colour(colour, own)
    return sorted(tracks, key=lambda track: track.first)


def follow_colour(colour: str, frames: dict[int, list[Blob]]) -> list[Track]:
    """Return the shapes of one colour: one for each form that is seen whole at least once."""
    blobs = [blob for some in frames.values() for blob in some]
    forms = Counter(blob.form for blob in blobs if blob.whole)
    if not forms:
        forms = Counter(dict(Counter(blob.form for blob in blobs).most_common(1)))
    tracks = {form: Track(colour, form, {}) for form in forms}
    for number, some in frames.items():
        # Whole patches first: what is left of a cut one goes to a shape that is still missing.
        for blob in sorted(some, key=lambda blob: (not blob.whole, -blob.area)):
            missing = [track for track in tracks.values() if number not in track.seen]
            if blob.whole:
                missing = [track for track in missing if track.form == blob.form]
            if missing:
                min(missing, key=lambda track: gap(track, blob)).seen[number] = blob
    return [track for track in tracks.values() if track.seen]


def gap(track: Track, blob: Blob) -> float:
    """Return how far `blob` lies from where the shape was seen last; far where it never was."""
    if not track.seen:
        return 1000.0 + (track.form != blob.form)
    last = track.seen[track.last]
    return float(np.hypot(last.x - blob.x, last.y - blob.y))


@cache
def letter_shapes() -> tuple[np.ndarray, ...]:
    """Return what LETTERS look like in a thin and in a thick sans, cut out and resized to CELL."""
    cells = []
    for font, thick in ((cv2.FONT_HERSHEY_SIMPLEX, 2), (cv2.FONT_HERSHEY_TRIPLEX, 3)):
        for letter in LETTERS:
            canvas = np.zeros((80, 80), np.uint8)
            cv2.putText(canvas, letter, (20, 60), font, 1.4, 255, thick, cv2.LINE_AA)
            x, y, width, height = cv2.boundingRect(canvas)
            cells.append(letter_cell(canvas[y : y + height, x : x + width]))
    return tuple(cells)


def letter_cell(cut: np.ndarray) -> np.ndarray:
    """Return the letter resized to CELL, with its width as a part of its height as last value."""
    cell = cv2.resize(cut, CELL, interpolation=cv2.INTER_AREA).astype(np.float32).ravel() / 255
    return np.append(cell - cell.mean(), 3 * cut.shape[1] / cut.shape[0])


def read_word(image: np.ndarray) -> str:
    """Return the capital letters and digits of a word in grey ink, from left to right, or ""."""
    high, low = image.max(axis=2), image.min(axis=2)
    grey = low if np.median(low) > 128 else 255 - high
    ink = ((grey < 90) & (high.astype(int) - low < 60)).astype(np.uint8) * 255
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink)
    boxes = [(x, y, w, h) for x, y, w, h, area in stats[1:] if area > 15 and h > 9]
    return "".join(read_letter(ink[y : y + h, x : x + w]) for x, y, w, h in sorted(boxes))


def read_letter(cut: np.ndarray) -> str:
    """Return the letter that `cut` resembles most."""
    cell = letter_cell(cut)
    distances = [float(np.square(cell - other).sum()) for other in letter_shapes()]
    return LETTERS[int(np.argmin(distances)) % len(LETTERS)]


def measure(
    images: Sequence[np.ndarray], frames: Sequence[int], saturation: int, size: tuple[float, float]
) -> dict[int, list[Blob]]:
    """Return the patches of the frames with these numbers."""
    return {number: find_blobs(images[number], saturation, size) for number in frames}
