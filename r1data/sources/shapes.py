"""Made-up questions about moving shapes, whose answers need the order of events.

Every truth follows from the geometry of the scene and can be seen at the clip's full frame rate:
events lie at least two frames apart. Whoever looks at a few frames of it can miss some: shapes that
enter within one frame interval, a bounce between two frames, a visitor that is gone again, shapes
that hide each other.
"""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from r1data.sources import scenes
from r1data.sources.casting import (
    apart,
    bounce,
    bounces,
    clip,
    cross,
    entries,
    looks,
    make_scene,
    shown,
    stand,
)
from r1data.sources.scenes import COLOURS, FORMS, HEIGHT, WIDTH, Scene, Shape

CHOICE, NUMBER, REGRESSION, FREE, OCR = (
    "multiple choice",
    "numerical",
    "regression",
    "free-form",
    "OCR",
)
SIZE_NOTE = f"The video is {WIDTH} pixels wide and {HEIGHT} pixels high."
WORDS = ("EXIT", "OPEN", "NORTH", "STOP", "LUNCH", "TAXI", "HOTEL", "MUSEUM", "RIVER", "BAKERY")
# No O/0, I/1, S/5 or B/8 in the codes: nobody can tell them apart in every font.
CODE_SIGNS = "ACEFGHJKLMNPRTUVWXYZ234679"


class ShapeRow(NamedTuple):
    """One question; `options` are bare texts, and where there are any, `solution` is a letter."""

    row: str
    problem: str
    options: list[str]
    problem_type: str
    solution: str
    data_type: str
    uri: str
    kind: str


class Question(NamedTuple):
    kind: str
    problem: str
    problem_type: str
    solution: str
    scene: Scene
    options: tuple[str, ...] = ()


def make_rows(count: int, seed: int) -> list[ShapeRow]:
    """Return the first `count` rows of the endless list that belongs to `seed`."""
    return [make_row(index, seed) for index in range(count)]


def render(row: str, seed: int, path: Path) -> None:
    """Draw the clip (MP4) or picture (PNG) of `row` to `path`."""
    scene = ask(int(row), seed).scene
    (scenes.save_video if scene.fps else scenes.save_picture)(scene, path)


def make_row(index: int, seed: int) -> ShapeRow:
    """Return row `index`: it depends on `seed` and on no other row."""
    asked, row = ask(index, seed), f"{index:04d}"
    video = bool(asked.scene.fps)
    return ShapeRow(
        row=row,
        problem=asked.problem,
        options=list(asked.options),
        problem_type=asked.problem_type,
        solution=asked.solution,
        data_type="video" if video else "image",
        uri=f"clips/{row}.mp4" if video else f"pictures/{row}.png",
        kind=asked.kind,
    )


def ask(index: int, seed: int) -> Question:
    """Return the question and the scene of row `index`."""
    return DECK[index % len(DECK)](random.Random(f"{seed}/{index}"))


# The questions


def choose(rng: random.Random, options: Sequence[str], right: str) -> tuple[tuple[str, ...], str]:
    """Return the options in random order and the letter of the right one."""
    order = tuple(rng.sample(options, len(options)))
    return order, "ABCDEFGH"[order.index(right)]


def ask_first(rng: random.Random) -> Question:
    scene, shapes = entries(rng, rng.choice((3, 4, 4)))
    options, letter = choose(rng, [f"the {s.name}" for s in shapes], f"the {shapes[0].name}")
    problem = rng.choice(
        (
            "Which shape enters the picture first?",
            "Several shapes move through the video. Which one appears first?",
        )
    )
    return Question("first", problem, CHOICE, letter, scene, options)


def ask_colour(rng: random.Random) -> Question:
    scene, shapes = entries(rng, 3)
    place, shape = rng.choice((("first", shapes[0]), ("last", shapes[2])))
    problem = f"What colour is the shape that enters the picture {place}? Answer with one word."
    return Question("colour", problem, FREE, shape.colour, scene)


def ask_order(rng: random.Random) -> Question:
    scene, shapes = entries(rng, 3)
    names = [shape.name for shape in shapes]
    others = [rng.sample(names, 3) for _ in range(40)]
    orders = dict.fromkeys([", ".join(names), *(", ".join(other) for other in others)])
    options, letter = choose(rng, list(orders)[:4], ", ".join(names))
    problem = "In what order do the shapes enter the picture, from the first to the last?"
    return Question("order", problem, CHOICE, letter, scene, options)


def ask_last(rng: random.Random) -> Question:
    while True:
        fps, frames = clip(rng)
        shapes = [
            cross(rng, look, rng.uniform(-0.6, 0.9), rng.uniform(120, 320))
            for look in looks(rng, 3)
        ]
        scene = make_scene(rng, shapes, fps, frames)
        leaves = [shape.path[2].time for shape in shapes]
        if apart(leaves, scene) and all(shown(scene, shape) > 2 for shape in shapes):
            break
    last = max(shapes, key=lambda shape: shape.path[2].time)
    options, letter = choose(rng, [f"the {s.name}" for s in shapes], f"the {last.name}")
    problem = "All shapes leave the picture. Which one leaves last?"
    return Question("last", problem, CHOICE, letter, scene, options)


DIRECTIONS = {(1, 0): "to the right", (-1, 0): "to the left", (0, 1): "down", (0, -1): "up"}


def ask_direction(rng: random.Random) -> Question:
    """Ask for the way at the start or the end of a path that turns once, at a right angle."""
    while True:
        fps, frames = clip(rng)
        (look, *rest), seconds = looks(rng, rng.choice((1, 2, 3))), (frames - 1) / fps
        size, speed = rng.uniform(11, 18), rng.uniform(50, 160)
        ways = rng.sample(sorted(DIRECTIONS), 2)
        # Half turn before the second of 16 frames: 2 frames of the clip are at most 0.17 s.
        turn = rng.choice((rng.uniform(2 / fps, 0.17), rng.uniform(0.5, seconds - 0.15)))
        at_first = rng.random() < 0.5
        turn = turn if at_first else seconds - turn
        x, y = rng.uniform(40, WIDTH - 40), rng.uniform(40, HEIGHT - 40)
        path = [scenes.Point(0.0, x, y)]
        for (dx, dy), length in zip(ways, (turn, seconds - turn), strict=True):
            x, y = x + dx * speed * length, y + dy * speed * length
            path.append(scenes.Point(path[-1].time + length, x, y))
        target = Shape(*look, size, tuple(path))
        others = [cross(rng, other, rng.uniform(-0.3, 1), rng.uniform(50, 200)) for other in rest]
        scene = make_scene(rng, [target, *others], fps, frames)
        inside = all(size < p.x < WIDTH - size and size < p.y < HEIGHT - size for p in path)
        if (
            inside
            and apart([turn], scene)
            and ways[0][0] * ways[1][0] + ways[0][1] * ways[1][1] == 0
        ):
            break
    way = DIRECTIONS[ways[0] if at_first else ways[1]]
    options, letter = choose(rng, list(DIRECTIONS.values()), way)
    when = "at the start" if at_first else "at the end"
    problem = f"In which direction does the {target.name} move {when} of the video?"
    return Question("direction", problem, CHOICE, letter, scene, options)


def ask_bounce(rng: random.Random) -> Question:
    while True:
        fps, frames = clip(rng)
        (look, *rest), seconds = looks(rng, rng.choice((1, 2, 2, 3))), (frames - 1) / fps
        speed = rng.choice((rng.uniform(40, 200), rng.uniform(200, 480)))
        target = bounce(rng, look, speed, seconds, rng.random() < 0.5)
        others = [stand(rng, other) for other in rest]
        scene = make_scene(rng, [target, *others], fps, frames)
        if apart(bounces(target), scene) and len(bounces(target)) <= 6:
            break
    problem = f"How many times does the {target.name} bounce off the edges of the picture?"
    return Question("bounce", problem, NUMBER, str(len(bounces(target))), scene)


def ask_count(rng: random.Random) -> Question:
    """Ask for the number of shapes, of which some only dart through."""
    while True:
        fps, frames = clip(rng)
        count = rng.choice((2, 3, 4, 4))
        chosen, standing = looks(rng, count), rng.randrange(2)
        shapes = [stand(rng, look) for look in chosen[:standing]]
        for look in chosen[standing:]:
            speed = rng.choice((rng.uniform(70, 200), rng.uniform(500, 1300)))
            shapes.append(cross(rng, look, rng.uniform(0.1, (frames - 1) / fps - 0.3), speed))
        scene = make_scene(rng, shapes, fps, frames)
        if all(shown(scene, shape) > 2 for shape in shapes):
            break
    problem = rng.choice(
        (
            "How many different shapes appear in the video altogether?",
            "Counting from the first to the last moment, how many different shapes can be seen?",
        )
    )
    return Question("count", problem, NUMBER, str(count), scene)


def ask_faster(rng: random.Random) -> Question:
    while True:
        fps, frames = clip(rng)
        low, high = rng.choice(((50, 200), (300, 500), (450, 800)))
        chosen = looks(rng, rng.choice((2, 3, 3)))
        speeds = sorted((rng.uniform(low, high) for _ in chosen), reverse=True)
        shapes = [
            cross(rng, look, rng.uniform(0, 1), speed)
            for look, speed in zip(chosen, speeds, strict=True)
        ]
        scene = make_scene(rng, shapes, fps, frames)
        if speeds[0] > 1.05 * speeds[1] and all(shown(scene, shape) > 3 for shape in shapes):
            break
    options, letter = choose(rng, [f"the {s.name}" for s in shapes], f"the {shapes[0].name}")
    problem = "Which shape moves fastest?" if len(shapes) > 2 else "Which shape moves faster?"
    return Question("faster", problem, CHOICE, letter, scene, options)


def ask_speed(rng: random.Random) -> Question:
    fps, frames = clip(rng)
    look, *rest = looks(rng, rng.choice((1, 2, 3)))
    speed = rng.choice((rng.uniform(40, 160), rng.uniform(160, 400)))
    target = bounce(rng, look, speed, (frames - 1) / fps, rng.random() < 0.5)
    scene = make_scene(rng, [target, *(stand(rng, other) for other in rest)], fps, frames)
    problem = f"{SIZE_NOTE} How fast does the {target.name} move, in pixels per second?"
    return Question("speed", problem, REGRESSION, f"{speed:.1f}", scene)


def ask_distance(rng: random.Random) -> Question:
    """Ask for a distance at the end of a clip in which both shapes are still on their way."""
    while True:
        fps, frames = clip(rng)
        chosen, end = looks(rng, rng.choice((2, 3, 4))), (frames - 1) / fps
        a, b, *rest = [bounce(rng, look, rng.uniform(20, 180), end, True) for look in chosen]
        scene = make_scene(rng, [a, b, *rest], fps, frames)
        (ax, ay), (bx, by) = a.at(end), b.at(end)
        distance = ((ax - bx) ** 2 + (ay - by) ** 2) ** 0.5
        if distance > 20 and all(shown(scene, shape) > 2 for shape in (a, b)):
            break
    problem = (
        f"{SIZE_NOTE} At the end of the video, how many pixels apart are the centres of "
        f"the {a.name} and the {b.name}?"
    )
    return Question("distance", problem, REGRESSION, f"{distance:.1f}", scene)


def ask_picture_count(rng: random.Random) -> Question:
    """Ask for the number of shapes of one form; they may overlap by up to a third."""
    form, count, shapes = rng.choice(FORMS), rng.choice((4, 6, 8)), []
    while len(shapes) < count:
        new = stand(rng, (rng.choice(sorted(COLOURS)), rng.choice((form, *FORMS))))
        near = [
            max(abs(new.path[0].x - s.path[0].x), abs(new.path[0].y - s.path[0].y)) for s in shapes
        ]
        if all(d > (new.size + s.size) * 0.7 for d, s in zip(near, shapes, strict=True)):
            shapes.append(new)
    right = sum(shape.form == form for shape in shapes)
    problem = f"How many {form}s are there in the picture?"
    return Question(
        "picture-count", problem, NUMBER, str(right), Scene(tuple(shapes), rng.randrange(2**31))
    )


def ask_leftmost(rng: random.Random) -> Question:
    while True:
        shapes = sorted((stand(rng, look) for look in looks(rng, 4)), key=lambda s: s.path[0].x)
        over = [abs(s.path[0].y - t.path[0].y) for s in shapes for t in shapes if s is not t]
        if shapes[1].path[0].x - shapes[0].path[0].x > 3 and min(over) > 14:
            break
    options, letter = choose(rng, [f"the {s.name}" for s in shapes], f"the {shapes[0].name}")
    scene = Scene(tuple(rng.sample(shapes, 4)), rng.randrange(2**31))
    return Question(
        "leftmost", "Which shape is farthest to the left?", CHOICE, letter, scene, options
    )


def ask_word(rng: random.Random) -> Question:
    code = "".join(rng.choice(CODE_SIGNS) for _ in range(rng.randint(4, 6)))
    word = rng.choice((rng.choice(WORDS), code))
    shapes = tuple(stand(rng, look) for look in looks(rng, rng.choice((0, 1, 2))))
    scene = Scene(shapes, rng.randrange(2**31), word=word, font=rng.choice((0, 4, 6, 7)))
    return Question("word", "What is written in the picture?", OCR, word, scene)


# One pass: 20 questions about videos, 4 about pictures, each kind spread over the pass.
DECK: tuple[Callable[[random.Random], Question], ...] = (
    ask_first, ask_direction, ask_bounce, ask_count, ask_picture_count, ask_faster,
    ask_distance, ask_order, ask_first, ask_colour, ask_leftmost, ask_bounce,
    ask_direction, ask_speed, ask_order, ask_last, ask_picture_count, ask_count,
    ask_first, ask_distance, ask_bounce, ask_word, ask_faster, ask_direction,
)  # fmt: skip
