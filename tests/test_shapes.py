"""The made-up clips: the same each time, real files, and truths that the pixels bear out."""

from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from r1data.sources.scenes import COLOURS, HEIGHT, WIDTH
from r1data.sources.shapes import ShapeRow, ask, make_rows, render

SEED, COUNT = 3, 96
ROWS = make_rows(COUNT, SEED)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shapes")


@cache
def frames(row: str, folder: Path) -> list[np.ndarray]:
    """Render the row and decode every frame of it, RGB."""
    uri = next(one.uri for one in ROWS if one.row == row)
    path = folder / Path(uri).name
    render(row, SEED, path)
    if path.suffix == ".png":
        picture = cv2.imread(str(path))
        assert picture is not None
        return [picture[..., ::-1]]
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def rows_of(*kinds: str) -> list[ShapeRow]:
    return [row for row in ROWS if row.kind in kinds]


def said(row: ShapeRow) -> str:
    """The solution in words: the text of the right option where there are options."""
    return row.options["ABCDEFGH".index(row.solution)] if row.options else row.solution


def colour_map(frame: np.ndarray) -> np.ndarray:
    """Number of the nearest named colour of each pixel, -1 where none is near."""
    table = np.array(list(COLOURS.values()), float)
    numbers = np.full(frame.shape[:2], -1)
    vivid = np.ptp(frame, axis=2) > 60
    distance = np.linalg.norm(frame[vivid][:, None, :].astype(float) - table, axis=2)
    numbers[vivid] = np.where(distance.min(axis=1) < 60, distance.argmin(axis=1), -1)
    return numbers


def centres(row: ShapeRow, folder: Path, colour: str) -> list[tuple[float, float]]:
    """Centre of all pixels of one colour in every frame that has 30 of them."""
    number, found = list(COLOURS).index(colour), []
    for frame in frames(row.row, folder):
        y, x = np.nonzero(colour_map(frame) == number)
        if len(x) >= 30:
            found.append((float(x.mean()), float(y.mean())))
    return found


def plain(row: ShapeRow) -> bool:
    """Whether every shape has a colour of its own, so that a colour names it."""
    colours = [shape.colour for shape in ask(int(row.row), SEED).scene.shapes]
    return len(set(colours)) == len(colours)


def test_rows_are_the_same_each_time_and_do_not_depend_on_their_number():
    assert make_rows(COUNT, SEED) == ROWS
    assert make_rows(30, SEED) == ROWS[:30]
    assert make_rows(30, SEED + 1) != ROWS[:30]
    assert make_rows(0, SEED) == []


def test_rows_hold_to_the_words_of_the_sample_table():
    kinds = {row.problem_type for row in ROWS}
    assert kinds == {"multiple choice", "numerical", "regression", "free-form", "OCR"}
    for row in ROWS:
        assert bool(row.options) == (row.problem_type == "multiple choice")
        assert len(set(row.options)) == len(row.options)
        assert not row.options or row.solution in "ABCDEFGH"[: len(row.options)]
        folder = {"video": "clips/{}.mp4", "image": "pictures/{}.png"}[row.data_type]
        assert row.uri == folder.format(row.row)
    assert 0.15 <= sum(row.data_type == "image" for row in ROWS) / COUNT <= 0.2


def test_right_letters_and_numbers_are_spread():
    letters = Counter(row.solution for row in ROWS if row.options)
    assert min(letters[letter] for letter in "ABC") >= 5
    assert len({row.solution for row in rows_of("bounce")}) >= 4


@pytest.mark.parametrize("index", [0, 4])
def test_rendering_gives_the_same_bytes_each_time(index: int, tmp_path: Path):
    suffix = Path(ROWS[index].uri).suffix
    paths = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for path in paths:
        render(ROWS[index].row, SEED, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_clips_are_h264_with_every_frame_of_their_scene(tmp_path: Path):
    for row in rows_of("first", "speed")[:6]:
        scene = ask(int(row.row), SEED).scene
        render(row.row, SEED, tmp_path / "clip.mp4")
        with av.open(str(tmp_path / "clip.mp4")) as container:
            stream = container.streams.video[0]
            assert stream.codec_context.name in ("h264", "libopenh264")
            assert (stream.width, stream.height) == (WIDTH, HEIGHT)
            assert stream.average_rate == scene.fps
            times = [frame.time for frame in container.decode(video=0)]
        assert len(times) == scene.frames
        assert 1.9 <= scene.frames / scene.fps <= 4.1
        assert all(b > a for a, b in pairwise(times))


def test_the_first_colour_in_the_pixels_is_the_first_shape(folder: Path):
    checked = 0
    for row in [one for one in rows_of("first") if plain(one)]:
        for frame in frames(row.row, folder):
            present = np.bincount(colour_map(frame).ravel() + 1, minlength=7)[1:]
            if present.max() >= 6:
                assert list(COLOURS)[int(present.argmax())] in said(row), row
                checked += 1
                break
    assert checked >= 6


def test_as_many_colours_as_shapes_are_counted(folder: Path):
    for row in [one for one in rows_of("count") if plain(one)]:
        most = np.zeros(6)
        for frame in frames(row.row, folder):
            most = np.maximum(most, np.bincount(colour_map(frame).ravel() + 1, minlength=7)[1:])
        assert str(int((most > 60).sum())) == row.solution, row


def test_bounces_are_turns_of_the_centre_at_full_frame_rate(folder: Path):
    checked = 0
    for row in [one for one in rows_of("bounce") if plain(one)]:
        colour = row.problem.split(" does the ")[1].split()[0]
        if ask(int(row.row), SEED).scene.shapes[-1].colour != colour:
            continue  # something may cover it
        way = centres(row, folder, colour)
        steps = np.diff(np.array(way), axis=0)
        count = 0
        for axis in (0, 1):
            signs = [np.sign(step) for step in steps[:, axis] if abs(step) > 0.7]
            count += sum(a != b for a, b in pairwise(signs))
        assert str(count) == row.solution, row
        checked += 1
    assert checked >= 2


def test_directions_and_distances_are_those_of_the_pixels(folder: Path):
    for row in [one for one in rows_of("direction", "distance") if plain(one)]:
        names = [part.split()[0] for part in row.problem.split(" the ")[1:]]
        colours = [name for name in names if name in COLOURS]
        if len(ask(int(row.row), SEED).scene.shapes) > len(colours):
            continue  # a third shape may cover them: their centre is not that of their pixels
        ends = [np.array(centres(row, folder, colour)) for colour in colours]
        if row.kind == "direction":
            dx, dy = (
                ends[0][1] - ends[0][0] if "start" in row.problem else ends[0][-1] - ends[0][-2]
            )
            across = "to the right" if dx > 0 else "to the left"
            assert said(row) == (across if abs(dx) > abs(dy) else "down" if dy > 0 else "up"), row
        elif np.linalg.norm(ends[0][-1] - ends[1][-1]) > 50:  # nearer, one may cover the other
            assert np.linalg.norm(ends[0][-1] - ends[1][-1]) == pytest.approx(
                float(row.solution), abs=2
            )
