"""Scenes of moving shapes: where each shape is at any time, and how that is drawn.

All lengths are pixels of the 256 x 192 picture, x to the right and y downwards; times are seconds.
"""

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

WIDTH, HEIGHT = 256, 192

# RGB. At least 11 steps of OpenCV's hue circle (180) apart, so that JPEG and 4:2:0 chroma leave
# no doubt which is which.
COLOURS = {
    "red": (214, 40, 40),
    "orange": (240, 130, 20),
    "yellow": (240, 215, 30),
    "green": (40, 165, 70),
    "blue": (35, 90, 215),
    "purple": (145, 50, 190),
}
FORMS = ("circle", "square", "triangle")
SEEN = 3  # pixels of a shape that must show before it counts as there
EDGES = ("left", "right", "top", "bottom")


class Point(NamedTuple):
    time: float
    x: float
    y: float


class Shape(NamedTuple):
    """A shape on its way: straight between the points of `path`, at rest before and after them."""

    colour: str
    form: str
    size: float  # half of its width
    path: tuple[Point, ...]

    @property
    def name(self) -> str:
        return f"{self.colour} {self.form}"

    def at(self, time: float) -> tuple[float, float]:
        """Return the centre at `time`."""
        if time <= self.path[0].time:
            return self.path[0].x, self.path[0].y
        for a, b in pairwise(self.path):
            if time < b.time:
                part = (time - a.time) / (b.time - a.time)
                return a.x + part * (b.x - a.x), a.y + part * (b.y - a.y)
        return self.path[-1].x, self.path[-1].y


class Scene(NamedTuple):
    """What is drawn: later shapes lie over earlier ones; `word` is written over them all."""

    shapes: tuple[Shape, ...]
    backdrop: int  # seed of the background
    fps: int = 0
    frames: int = 1
    word: str = ""
    font: int = 0  # OpenCV's number of a Hershey font

    @property
    def seconds(self) -> float:
        """Time of the last frame."""
        return (self.frames - 1) / self.fps


def standing(colour: str, form: str, size: float, x: float, y: float) -> Shape:
    """Return a shape that stays where it is."""
    return Shape(colour, form, size, (Point(0.0, x, y),))


def outside(edge: str, size: float, lane: float) -> tuple[float, float]:
    """Return the centre of a shape that touches the picture's `edge` from outside."""
    return {
        "left": (-size, lane),
        "right": (WIDTH + size, lane),
        "top": (lane, -size),
        "bottom": (lane, HEIGHT + size),
    }[edge]


def inward(edge: str) -> tuple[int, int]:
    """Return the direction in which a shape enters at `edge`."""
    return {"left": (1, 0), "right": (-1, 0), "top": (0, 1), "bottom": (0, -1)}[edge]


def crossing(
    look: tuple[str, str], size: float, edge: str, lane: float, start: float, speed: float
) -> Shape:
    """Return a shape that comes in at `edge` and leaves opposite.

    The second point of its path is where it shows its first pixels, at `start`, the third where
    it shows its last.
    """
    dx, dy = inward(edge)
    span = (WIDTH if dx else HEIGHT) + 2 * size
    x, y = outside(edge, size, lane)
    path = []
    # Waiting and gone at 5 pixels outside: anti-aliasing would draw a line at 0.
    for inside in (-5, SEEN, span - SEEN, span + 5):
        time = start + (inside - SEEN) / speed
        path.append(Point(time, x + inside * dx, y + inside * dy))
    return Shape(*look, size, tuple(path))


def halted(shape: Shape, part: float) -> Shape:
    """Return a crossing shape that stops for good after this part of its way across."""
    wait, seen, leave, _ = shape.path
    time, x, y = (a + part * (b - a) for a, b in zip(seen, leave, strict=True))
    return shape._replace(path=(wait, seen, Point(time, x, y)))


def bouncing(
    look: tuple[str, str],
    size: float,
    start: tuple[float, float],
    velocity: tuple[float, float],
    end: float,
) -> Shape:
    """Return a shape that is reflected by the picture's edges until `end`.

    Each inner point of its path is one bounce.
    """
    (x, y), (dx, dy), now = start, velocity, 0.0
    path = [Point(now, x, y)]
    while True:
        wait_x = ((WIDTH - size if dx > 0 else size) - x) / dx if dx else end
        wait_y = ((HEIGHT - size if dy > 0 else size) - y) / dy if dy else end
        step = min(wait_x, wait_y, end - now)
        x, y, now = x + dx * step, y + dy * step, now + step
        path.append(Point(now, x, y))
        if now >= end:
            return Shape(*look, size, tuple(path))
        dx, dy = (-dx if wait_x <= wait_y else dx), (-dy if wait_y <= wait_x else dy)


def background(seed: int) -> "np.ndarray":
    """Return a grey picture (height, width, 3), plain, shaded, striped or speckled."""
    import numpy as np

    rng = np.random.default_rng(seed)
    kind, base = rng.integers(4), (rng.integers(35, 70) if rng.random() < 0.3 else 225)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    texture = (
        np.zeros_like(x),
        rng.uniform(-25, 25) * x / WIDTH + rng.uniform(-25, 25) * y / HEIGHT,
        8 * np.sin((x + rng.uniform(-1, 1) * y) * rng.uniform(0.08, 0.3)),
        rng.normal(0, 5, x.shape),
    )[kind]
    grey = np.clip(base + texture, 0, 255).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def outline(shape: Shape, x: float, y: float) -> "np.ndarray":
    """Return the corners of a square or of an upright triangle around (x, y)."""
    import numpy as np

    s = shape.size
    if shape.form == "square":
        return np.array([(x - s, y - s), (x + s, y - s), (x + s, y + s), (x - s, y + s)])
    return np.array([(x, y - s), (x + s, y + s), (x - s, y + s)])


def draw(scene: Scene, canvas: "np.ndarray", time: float) -> None:
    """Draw the scene at `time` on `canvas` (BGR)."""
    import cv2

    for shape in scene.shapes:
        x, y = shape.at(time)
        if not (-shape.size < x < WIDTH + shape.size and -shape.size < y < HEIGHT + shape.size):
            continue
        colour = COLOURS[shape.colour][::-1]
        # 16ths of a pixel: whole pixels would make slow shapes jerk.
        if shape.form == "circle":
            centre = (round(x * 16), round(y * 16))
            cv2.circle(canvas, centre, round(shape.size * 16), colour, -1, cv2.LINE_AA, 4)
        else:
            corners = (outline(shape, x, y) * 16).round().astype("int32")
            cv2.fillPoly(canvas, [corners], colour, cv2.LINE_AA, 4)
    if scene.word:
        write(scene, canvas)


def write(scene: Scene, canvas: "np.ndarray") -> None:
    """Write the scene's word across `canvas`, dark on light or light on dark."""
    import cv2

    rng = random.Random(scene.backdrop)
    scale, thick = rng.uniform(0.9, 1.5), rng.choice((1, 2, 2, 3))
    (width, height), _ = cv2.getTextSize(scene.word, scene.font, scale, thick)
    left = round(rng.uniform(6, max(7, WIDTH - width - 6)))
    base = round(rng.uniform(height + 8, HEIGHT - 12))
    ink = (15, 15, 15) if canvas[0, 0, 0] > 128 else (245, 245, 245)
    cv2.putText(canvas, scene.word, (left, base), scene.font, scale, ink, thick, cv2.LINE_AA)


def pictures(scene: Scene) -> Iterator["np.ndarray"]:
    """Yield every frame of the scene, BGR."""
    backdrop = background(scene.backdrop)
    for index in range(scene.frames):
        canvas = backdrop.copy()
        draw(scene, canvas, index / scene.fps if scene.fps else 0.0)
        yield canvas


def save_video(scene: Scene, path: Path) -> None:
    """Encode the scene as H.264 in MP4, with the same bytes each time on one machine."""
    import av

    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=scene.fps)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        # One thread: x264 cuts its slices by the number of threads, hence other bytes.
        stream.options = {"preset": "veryfast", "crf": "18", "threads": "1"}
        for picture in pictures(scene):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))


def save_picture(scene: Scene, path: Path) -> None:
    """Write the scene's only frame as PNG."""
    import cv2

    cv2.imwrite(str(path), next(pictures(scene)))
