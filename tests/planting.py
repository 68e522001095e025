"""A question set with known faults, for the test that the stages find them.

What a row's fault is follows from how it was made: from the geometry of its scene and the words put
into its question, never from what a teacher says of it.
"""

import json
import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import av
import cv2
import numpy as np

from r1data.sources import scenes, shapes
from r1data.sources.casting import clip, entries, looks, make_scene, shown, stand
from r1data.sources.scenes import HEIGHT, WIDTH, Scene
from r1data.sources.shapes import CHOICE, NUMBER, Question

SHARES = {"leak": 0.30, "one_frame": 0.20, "order_free": 0.20, "duplicate": 0.10, "leaked": 0.05}
LETTERS = "ABCDEFGH"


class Planted(NamedTuple):
    """One row, and what is wrong with it."""

    fault: str
    question: Question
    like: int | None = None  # the row that it repeats


# Clean: nothing but all frames in their order tells


def clean(rng: random.Random) -> Question:
    """A question that needs the order of events.

    At half time two shapes or more can be seen, and the one that came first is not the one that is
    seen in most frames: otherwise one frame tells, or counting frames in any order.
    """
    while True:
        asked = rng.choice((shapes.ask_order, shapes.ask_bounce, shapes.ask_first))(rng)
        if asked.kind == "bounce" and asked.solution != "0":
            return asked
        two = asked.kind != "bounce" and len(seen_at_half(asked.scene)) >= 2
        if two and not told_by_length(asked.scene):
            return asked


def told_by_length(scene: Scene) -> bool:
    """Tell whether the shape that enters first is seen in most frames."""
    longest = max(scene.shapes, key=lambda shape: shown(scene, shape))
    return longest == min(scene.shapes, key=lambda shape: shape.path[1].time)  # as it shows


def seen_at_half(scene: Scene) -> list[str]:
    """Names of the shapes whose centres are in the picture at half time."""
    places = {shape.name: shape.at(scene.seconds / 2) for shape in scene.shapes}
    return [name for name, (x, y) in places.items() if 0 < x < WIDTH and 0 < y < HEIGHT]


# Faults


def leak(rng: random.Random) -> Question:
    """A question that says its own answer."""
    asked = clean(rng)
    if asked.kind == "bounce":
        name = named(asked.problem)
        problem = rng.choice(
            (
                f"The {name} hits the edges {asked.solution} times; how many times does it bounce?",
                f"How many times does the {name} bounce, given that it is thrown back "
                f"{asked.solution} times?",
            )
        )
        return asked._replace(problem=problem)
    truth = asked.options[LETTERS.index(asked.solution)]
    told = {
        "first": f"Since {truth} came in before all others, which shape entered first?",
        "order": f"With the shapes entering as {truth}, in what order do they enter the picture?",
    }
    return asked._replace(problem=told[asked.kind])


def one_frame(rng: random.Random) -> Question:
    """A question about shapes that never move: any frame tells."""
    fps, frames = clip(rng)
    while True:
        cast = sorted((stand(rng, look) for look in looks(rng, 4)), key=lambda s: s.path[0].x)
        xs, ys = ([s.path[0][i] for s in cast] for i in (1, 2))
        apart = all(
            abs(xs[i] - xs[j]) > 52 or abs(ys[i] - ys[j]) > 52 for i in range(4) for j in range(i)
        )
        if apart and xs[1] - xs[0] > 5:
            break
    scene = make_scene(rng, cast, fps, frames)
    options, letter = shapes.choose(rng, [f"the {s.name}" for s in cast], f"the {cast[0].name}")
    return Question(
        "leftmost", "Which shape is farthest to the left?", CHOICE, letter, scene, options
    )


def order_free(rng: random.Random) -> Question:
    """A question that needs many frames, in any order: not all shapes are there at half time.

    Each is in sight for a quarter of the clip.
    """
    while True:
        scene, cast = entries(rng, rng.choice((3, 4)))
        long = all(shown(scene, shape) > scene.frames / 4 for shape in cast)
        if long and len(seen_at_half(scene)) < len(cast):
            break
    problem = rng.choice(
        (
            "How many different shapes appear in the video altogether?",
            "Over the whole video, how many shapes are to be seen?",
        )
    )
    return Question("count", problem, NUMBER, str(len(cast)), scene)


# Written by people who had seen neither the screen's rules nor what the offline teacher knows.
GOLDEN = Path(__file__).parent / "golden" / "shapes_reworded.tsv"
ASKED = {"first": "which shape enters", "order": "in what order", "bounce": " bounce off"}


@cache
def wordings(kind: str) -> list[str]:
    """Return the other wordings of a kind of question, with {name} for the shape it names."""
    pairs = [line.split("\t") for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
    asked = [(base, said) for label, base, said in pairs if label == "same"]
    found = [(base, said) for base, said in asked if ASKED[kind] in base.lower()]
    if kind != "bounce":
        return [said for _, said in found]
    return [said.replace(named(base), "{name}") for base, said in found if named(base) in said]


def named(problem: str) -> str:
    """Return the shape that a question about bounces names."""
    return problem.split(" the ")[1].split(" bounce")[0]


def reworded(question: Question, rng: random.Random) -> Question:
    """The same question in other words; its options in another order."""
    problem = rng.choice(wordings(question.kind))
    if question.kind == "bounce":
        problem = problem.format(name=named(question.problem))
    if not question.options:
        return question._replace(problem=problem)
    truth = question.options[LETTERS.index(question.solution)]
    options, letter = shapes.choose(rng, question.options, truth)
    return question._replace(problem=problem, options=options, solution=letter)


def plan(count: int, seed: int) -> list[Planted]:
    """Return the rows with their faults; those that repeat another name it."""
    rng = random.Random(seed)
    made: list[Planted] = []
    ways: dict[str, Callable[[random.Random], Question]] = {
        "leak": leak,
        "one_frame": one_frame,
        "order_free": order_free,
        "leaked": clean,
    }
    for fault, way in ways.items():
        made += [Planted(fault, way(rng)) for _ in range(round(count * SHARES[fault]))]
    twins = round(count * SHARES["duplicate"])
    first = len(made)
    made += [Planted("clean", clean(rng)) for _ in range(count - first - twins)]
    for number in range(twins):
        like = first + number % (len(made) - first)
        words = number % 2 == 0
        asked = reworded(made[like].question, rng) if words else made[like].question
        made.append(Planted("duplicate words" if words else "duplicate clip", asked, like))
    return made


# Files


def encode(pictures: list[Any], fps: int, path: Path, crf: int) -> None:
    """Write pictures (BGR) as H.264."""
    height, width = (side // 2 * 2 for side in pictures[0].shape[:2])
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=fps, options={"crf": str(crf), "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for picture in pictures:
            whole = np.ascontiguousarray(picture[:height, :width])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(whole, format="bgr24")))
        out.mux(stream.encode(None))


def changed(scene: Scene, how: str) -> list[Any]:
    """The pictures of a scene re-encoded only, at half size, or cut by 5% on all sides."""
    found = list(scenes.pictures(scene))
    if how == "half":
        size = (WIDTH // 2, HEIGHT // 2)
        return [cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in found]
    if how == "cropped":
        across, down = round(WIDTH * 0.05), round(HEIGHT * 0.05)
        return [each[down:-down, across:-across] for each in found]
    return found


def row(number: int, planted: Planted) -> dict[str, Any]:
    """One row in Video-R1's form."""
    asked = planted.question
    clip_of = number
    if planted.fault == "duplicate words" and planted.like is not None:
        clip_of = planted.like
    return {
        "problem_id": number,
        "problem": asked.problem,
        "data_type": "video",
        "problem_type": asked.problem_type,
        "options": [
            f"{letter}. {text}" for letter, text in zip(LETTERS, asked.options, strict=False)
        ],
        "solution": f"<answer>{asked.solution}</answer>",
        "path": f"{clip_of:05d}.mp4",
        "data_source": "planted",
    }


def plant(count: int, seed: int, folder: Path) -> list[Planted]:
    """Write folder/questions.jsonl, folder/clips/ and a benchmark; return what was planted."""
    made = plan(count, seed)
    clips, benchmark = folder / "clips", folder / "benchmark"
    for each in (clips, benchmark):
        each.mkdir(parents=True)
    lines = [json.dumps(row(number, planted)) for number, planted in enumerate(made)]
    (folder / "questions.jsonl").write_text("\n".join(lines))
    items = [json.dumps(item) for item in write_clips(made, clips, benchmark)]
    (folder / "benchmark.jsonl").write_text("\n".join(items))
    return made


def write_clips(made: list[Planted], clips: Path, benchmark: Path) -> Iterator[dict[str, Any]]:
    """Write every clip; yield the benchmark's items, whose own clips are the clean ones."""
    ways = ("again", "half", "cropped")
    for number, (fault, asked, like) in enumerate(made):
        path = clips / f"{number:05d}.mp4"
        if fault == "duplicate clip" and like is not None:
            encode(changed(asked.scene, ways[number // 2 % 2]), asked.scene.fps, path, 34)
        elif fault == "leaked":
            scenes.save_video(asked.scene, benchmark / f"b{number}.mp4")
            encode(changed(asked.scene, ways[number % 3]), asked.scene.fps, path, 30)
            other = asked._replace(problem="Describe how the shapes move.", options=())
            item = asked if number % 2 else other
            about = {"problem": item.problem, "options": list(item.options)}
            yield {"id": number, **about, "path": f"b{number}.mp4"}
        elif fault != "duplicate words":
            scenes.save_video(asked.scene, path)
