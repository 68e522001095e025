"""Scenes by chance: which shapes play, where they come from, how fast they are, when they enter."""

import random
from collections.abc import Sequence
from itertools import pairwise

from r1data.sources import scenes
from r1data.sources.scenes import COLOURS, EDGES, FORMS, HEIGHT, WIDTH, Scene, Shape

Look = tuple[str, str]  # colour and form


def clip(rng: random.Random) -> tuple[int, int]:
    """Return frames per second and number of frames of a clip of 2 to 4 seconds."""
    fps = rng.choice((12, 15, 20, 24, 25))
    return fps, round(fps * rng.uniform(2, 4))


def looks(rng: random.Random, count: int) -> list[Look]:
    """Return different looks; in one of six scenes the first two share their colour."""
    colours = rng.sample(sorted(COLOURS), count)
    forms = [rng.choice(FORMS) for _ in range(count)]
    if count > 1 and rng.random() < 1 / 6:
        colours[1] = colours[0]
        forms[1] = rng.choice([form for form in FORMS if form != forms[0]])
    return list(zip(colours, forms, strict=True))


def lane(rng: random.Random, edge: str, size: float) -> float:
    """Return where along `edge` a shape enters: wholly inside the other two edges."""
    return rng.uniform(size + 4, (HEIGHT if edge in ("left", "right") else WIDTH) - size - 4)


def cross(rng: random.Random, look: Look, start: float, speed: float) -> Shape:
    """Return a shape that crosses the picture from a random edge."""
    edge, size = rng.choice(EDGES), rng.uniform(11, 22)
    return scenes.crossing(look, size, edge, lane(rng, edge, size), start, speed)


def stand(rng: random.Random, look: Look) -> Shape:
    """Return a shape at rest somewhere in the picture."""
    size = rng.uniform(12, 24)
    x, y = rng.uniform(size, WIDTH - size), rng.uniform(size, HEIGHT - size)
    return scenes.standing(*look, size, x, y)


def bounce(rng: random.Random, look: Look, speed: float, end: float, both_axes: bool) -> Shape:
    """Return a shape that starts inside and is thrown back by the edges until `end`."""
    size = rng.uniform(11, 18)
    x, y = rng.uniform(size + 8, WIDTH - size - 8), rng.uniform(size + 8, HEIGHT - size - 8)
    across = rng.uniform(0.35, 0.9) if both_axes else rng.choice((0.0, 1.0))
    dx = speed * across * rng.choice((-1, 1))
    dy = speed * (1 - across**2) ** 0.5 * rng.choice((-1, 1))
    return scenes.bouncing(look, size, (x, y), (dx, dy), end)


def bounces(shape: Shape) -> list[float]:
    """Return the times at which a bouncing shape is thrown back."""
    return [point.time for point in shape.path[1:-1]]


def shown(scene: Scene, shape: Shape) -> int:
    """Return in how many frames the centre of `shape` is in the picture and not covered."""
    over = scene.shapes[scene.shapes.index(shape) + 1 :]
    seen = 0
    for index in range(scene.frames):
        time = index / scene.fps
        x, y = shape.at(time)
        free = all(max(abs(x - a), abs(y - b)) > o.size for o in over for a, b in [o.at(time)])
        seen += 0 < x < WIDTH and 0 < y < HEIGHT and free
    return seen


def apart(times: Sequence[float], scene: Scene) -> bool:
    """Say whether the times lie two frames from each other and from the clip's ends."""
    marks = [0.0, *sorted(times), scene.seconds]
    return all(b - a >= 2 / scene.fps for a, b in pairwise(marks))


def make_scene(rng: random.Random, shapes: Sequence[Shape], fps: int, frames: int) -> Scene:
    """Return the clip of `shapes`, one over the other in random order."""
    return Scene(tuple(rng.sample(shapes, len(shapes))), rng.randrange(2**31), fps, frames)


def entries(rng: random.Random, count: int) -> tuple[Scene, list[Shape]]:
    """Return a clip in which shapes enter one after another, and the shapes in that order."""
    while True:
        fps, frames = clip(rng)
        # Three fifths press the entries into what 16 frames, 0.13 to 0.27 s apart, hardly resolve.
        close = rng.random() < 0.6
        low, high = (2 / fps, 0.18) if close else (0.3, 0.7)
        starts = [rng.uniform(0.15, 0.6)]
        for _ in range(count - 1):
            starts.append(starts[-1] + rng.uniform(low, high))
        speeds = [rng.uniform(40, 320) for _ in starts]
        if close and rng.random() < 0.6:  # whoever is deepest in a frame need not be the first
            speeds.sort()
        shapes = [
            cross(rng, look, start, speed)
            for look, start, speed in zip(looks(rng, count), starts, speeds, strict=True)
        ]
        # Most stop on their way: otherwise whoever is deepest in the picture came first, and one
        # frame would tell.
        shapes = [
            scenes.halted(shape, rng.uniform(0.12, 0.88)) if rng.random() < 0.75 else shape
            for shape in shapes
        ]
        scene = make_scene(rng, shapes, fps, frames)
        if apart(starts, scene) and all(shown(scene, shape) > 2 for shape in shapes):
            return scene, shapes
