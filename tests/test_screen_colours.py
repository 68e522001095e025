"""Colours speak against two clips being one, and never for it."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import planting
import pytest
from screening import clip, hues, noisy, row, screened
from test_screen_leaks import ITEM, indexed

from r1data.errors import InputError
from r1data.frames.hues import frame_hues
from r1data.frames.take import take_frames
from r1data.screen.colours import other_colours, other_colours_near
from r1data.screen.index import read_index
from r1data.screen.pictures import near_groups, read_hash, same_in_grey
from r1data.sources import scenes
from r1data.sources.scenes import Scene, bouncing

RED, BLUE, GREEN = hues((0, 3)), hues((20, 3)), hues((11, 3))


def ball(colour: str) -> Scene:
    path = bouncing((colour, "circle"), 20, (60, 90), (95, 70), 3)
    return Scene((path,), backdrop=2, fps=12, frames=36)


def pale(picture: Any, saturation: float) -> Any:
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return cv2.addWeighted(picture, saturation, grey, 1 - saturation, 0)


def with_logo(picture: Any) -> Any:
    return cv2.rectangle(picture.copy(), (205, 8), (245, 24), (40, 200, 60), -1)


def taken(pictures: list[Any], crf: int = 20) -> Any:
    planting.encode(pictures, 12, Path("clip.mp4"), crf)
    return read_hash(take_frames("clip.mp4").hash)


def test_a_red_ball_and_a_green_one_on_one_path_are_two_clips() -> None:
    clips = [taken([*scenes.pictures(ball(colour))]) for colour in ("red", "green", "blue")]
    grey = [each[:, 0] for each in clips]
    assert same_in_grey(grey[0], grey[1]) and same_in_grey(grey[0], grey[2])
    assert near_groups([*clips]).tolist() == [0, 1, 2]


@pytest.mark.parametrize("bits", [0, 1, 3])
def test_copies_find_one_another_among_look_alikes_in_other_colours(bits: int) -> None:
    grey = clip(1)
    clips = [
        np.array([noisy(grey, bits, number), [colour] * 16], np.uint64).T
        for number, colour in enumerate([RED, BLUE, GREEN] * 3)
    ]
    assert near_groups([*clips]).tolist() == [0, 1, 2] * 3


@pytest.mark.parametrize("how", ["again", "half", "cropped", "grey", "pale", "logo"])
def test_a_copy_is_the_same_clip_in_whatever_colours_are_left(how: str) -> None:
    scene = ball("red")
    copies = planting.changed(scene, how)
    if how in ("grey", "pale"):
        copies = [pale(each, 0 if how == "grey" else 0.15) for each in copies]
    if how == "logo":
        copies = [with_logo(each) for each in copies]
    own, copy = taken([*scenes.pictures(scene)]), taken(copies, crf=34)
    assert not other_colours(own[None, :, 1], copy[None, :, 1])[0]
    near = np.bitwise_count(own[:, None, 0] ^ copy[None, :, 0]) <= 12
    assert not other_colours_near(own[:, 1], copy[:, 1], near)


def test_a_lamp_that_turns_from_red_to_green_in_a_still_picture_is_its_copy() -> None:
    lamp = np.array([RED] * 8 + [GREEN] * 8, np.uint64)
    late = np.array([RED] * 9 + [GREEN] * 7, np.uint64)
    near = np.ones((16, 16), bool)
    assert not other_colours_near(lamp, late, near)
    assert not other_colours(lamp[None], late[None])[0]
    assert other_colours_near(lamp, np.full(16, BLUE, np.uint64), near)


@pytest.mark.parametrize(
    ("one", "other", "two"),
    [
        (hues((0, 3)), hues((11, 3)), True),
        (hues((0, 3)), hues((1, 3)), False),
        (hues((0, 3)), hues((31, 3)), False),
        (hues((0, 2), (20, 3)), hues((0, 2), (11, 3)), True),
        (hues((0, 2), (20, 1)), hues((0, 2), (11, 1)), True),
        (hues((0, 3), (20, 1)), hues((0, 3), (11, 1)), False),
        (hues((0, 3), (20, 3)), hues((0, 3)), False),
        (hues((0, 3)), 0, False),
    ],
)
def test_each_must_have_a_considerable_hue_that_the_other_lacks(
    one: int, other: int, two: bool
) -> None:
    pair = [np.array([[each] * 16], np.uint64) for each in (one, other)]
    assert other_colours(*pair)[0] == other_colours(*reversed(pair))[0] == two
    assert other_colours_near(pair[0][0], pair[1][0], np.eye(16, dtype=bool)) == two


def test_one_frame_of_sixteen_tells_nothing() -> None:
    one, other = np.zeros((2, 1, 16), np.uint64)
    one[0, 5], other[0, 5] = RED, GREEN
    assert not other_colours(one, other)[0]
    assert not other_colours_near(one[0], other[0], np.eye(16, dtype=bool))


def test_a_benchmarks_video_in_other_colours_is_another() -> None:
    frames = noisy(clip(1), 3)
    items = indexed(ITEM, frames=[clip(1)], colours=[RED])
    found = [
        screened([row("s/1", "What is it?", hashes=frames, hues=[tint] * 16)], items) != {}
        for tint in (RED, 0, GREEN)
    ]
    assert found == [True, True, False]


def test_rows_on_one_path_in_two_colours_are_no_duplicates() -> None:
    one = row("s/1", "Which shape enters the picture first?", hues=[RED] * 16)
    other = {**one, "id": "s/2", "sha256": "b" * 64}
    assert screened([one, {**other, "hues": [RED] * 16}]).keys() == {"s/2"}
    assert screened([one, {**other, "hues": [GREEN] * 16}]) == {}


@pytest.mark.parametrize(("rgb", "hue"), [((255, 0, 0), 0), ((0, 255, 0), 11), ((255, 0, 9), 0)])
def test_hues_of_a_picture_count_from_red(rgb: tuple[int, int, int], hue: int) -> None:
    assert frame_hues(np.full((90, 120, 3), rgb, np.uint8)) == hues((hue, 3))
    assert frame_hues(np.full((90, 120, 3), 130, np.uint8)) == 0


def test_hashes_and_indexes_without_hues_are_refused() -> None:
    with pytest.raises(InputError, match="without their hues"):
        read_hash("0123456789abcdef" * 16)
    import pyarrow.parquet as pq

    indexed(ITEM)
    table = pq.read_table("indexes/bench.parquet")
    earlier = {"benchmark": "bench", "version": "2"}
    pq.write_table(table.replace_schema_metadata(earlier), "indexes/bench.parquet")
    with pytest.raises(InputError, match="another version"):
        read_index("bench")
