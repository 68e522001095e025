"""Positions and sizes, held against the published formulas."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1data.errors import RecipeError, RowDrop, UsageError
from r1data.frames.rules import RULES, Clock, fps_count, mean_rate, pick, window
from r1data.frames.sizes import EVALUATION_PIXELS, LEAST_PIXELS, TRAIN_PIXELS, fit, refuse_huge
from r1data.frames.stage import asked
from r1data.grid.drops import Drop
from r1data.recipe import load_recipe
from r1data.stages import frames

RATE = Fraction(25)


def keys_of(total: int) -> np.ndarray:
    return np.arange(0, total, 7)


@given(st.sampled_from(RULES), st.integers(1, 70), st.integers(1, 3000), st.sampled_from([1, 2]))
def test_positions_rise_and_lie_in_the_clip(rule: str, count: int, total: int, patch: int) -> None:
    if rule == "fps" and count < 2:
        return
    taken = pick(rule, count, total, keys_of(total), RATE, patch)
    assert 1 <= len(taken) <= count
    assert taken[0] >= 0 and taken[-1] < total and np.all(np.diff(taken) > 0)
    assert len(taken) % patch == 0 or len(taken) == 1


@given(st.integers(16, 5000))
def test_uniform_and_model_card_are_their_formulas(total: int) -> None:
    for n in (8, 16):
        uniform = pick("uniform", n, total, keys_of(total), RATE)
        assert uniform.tolist() == [round(i * (total - 1) / (n - 1)) for i in range(n)]
        card = pick("model-card", n, total, keys_of(total), RATE)
        assert card.tolist() == [int(i * total / n) for i in range(n)]


def test_middle_takes_the_middle_of_each_segment() -> None:
    assert pick("middle", 4, 100, keys_of(100), RATE).tolist() == [12, 37, 62, 87]
    assert pick("middle", 1, 9, keys_of(9), RATE).tolist() == [4]


def test_keyframes_are_spread_over_the_keys() -> None:
    keys = np.array([0, 10, 30, 70, 90])
    assert pick("keyframes", 3, 100, keys, RATE).tolist() == [0, 30, 90]
    assert pick("keyframes", 16, 100, keys, RATE).tolist() == keys.tolist()


@pytest.mark.parametrize(
    "total, rate, most, expected",
    [
        (491, Fraction(491, 22), 16, 16),  # 44 wanted, at most 16
        (250, RATE, 16, 16),  # 20 wanted
        (150, RATE, 16, 12),  # 6 s
        (137, RATE, 16, 10),  # 10.96 wanted, cut to even
        (25, RATE, 16, 4),  # 2 wanted, at least 4
        (3, RATE, 16, 2),  # no more than there are, and even
        (1, RATE, 16, 1),
        (240, Fraction(30000, 1001), 16, 16),  # 16.016 wanted
    ],
)
def test_fps_takes_two_a_second_as_the_training_does(
    total: int, rate: Fraction, most: int, expected: int
) -> None:
    assert fps_count(total, rate, most) == expected


def test_fps_forgives_times_rounded_to_milliseconds() -> None:
    times = np.array([round(i * 1000 / 29.97) for i in range(180)])
    assert fps_count(180, mean_rate(Clock(times, Fraction(1, 1000))), 16) == 12


def test_window_is_closed_on_both_sides() -> None:
    clock = Clock(np.arange(100), Fraction(1, 25))
    assert window(clock, None, None) == (0, 100)
    assert window(clock, 1.0, 2.0) == (25, 51)
    late = Clock(np.arange(100) + 777, Fraction(1, 25))
    assert window(late, 1.0, 2.0) == (25, 51)
    with pytest.raises(RowDrop) as caught:
        pick("uniform", 4, 0, keys_of(1), RATE)
    assert caught.value.reason is Drop.TOO_SHORT


@pytest.mark.parametrize(
    "start, end, why",
    [
        (3.0, 1.0, "reversed part"), (2.0, 2.0, "empty part"), (None, 0.0, "empty part"),
        (None, -1.0, "reversed part"), (-2.0, 1.0, "starts before 0 s"),
        (math.nan, 1.0, "not a number"), (0.0, math.nan, "not a number"),
        (4.0, None, "4 s to the end of a clip of 3.96 s"), (1.01, 1.03, "1.01 s to 1.03 s"),
    ],
)  # fmt: skip
def test_a_part_that_no_clip_has_is_refused_by_name(
    start: float | None, end: float | None, why: str
) -> None:
    with pytest.raises(RowDrop, match=why) as caught:
        window(Clock(np.arange(100) + 50, Fraction(1, 25)), start, end)
    assert caught.value.reason is Drop.TOO_SHORT


def test_unknown_rule_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="model-card"):
        pick("random", 4, 10, keys_of(10), RATE)


def published(height: int, width: int, factor: int, low: int, high: int) -> tuple[int, int]:
    """qwen-vl-utils' smart_resize, as published: (height, width)."""
    h_bar = max(factor, round(height / factor) * factor)
    w_bar = max(factor, round(width / factor) * factor)
    if h_bar * w_bar > high:
        beta = math.sqrt((height * width) / high)
        h_bar = math.floor(height / beta / factor) * factor
        w_bar = math.floor(width / beta / factor) * factor
    elif h_bar * w_bar < low:
        beta = math.sqrt(low / (height * width))
        h_bar = math.ceil(height * beta / factor) * factor
        w_bar = math.ceil(width * beta / factor) * factor
    return h_bar, w_bar


@given(
    st.integers(20, 4000), st.integers(20, 4000), st.sampled_from([14, 28, 32]),
    st.sampled_from([TRAIN_PIXELS, EVALUATION_PIXELS]),
)  # fmt: skip
def test_sizes_are_the_published_ones(width: int, height: int, factor: int, high: int) -> None:
    if max(width, height) > 60 * min(width, height):
        return  # there the published function returns a side of 0
    size = fit(width, height, high, 3136, factor)
    assert (size.height, size.width) == published(height, width, factor, 3136, high)
    assert size.width % factor == size.height % factor == 0


def test_ribbons_and_giants_are_refused() -> None:
    for refused in (lambda: fit(4020, 20), lambda: refuse_huge(10_000, 9_000)):
        with pytest.raises(RowDrop) as caught:
            refused()
        assert caught.value.reason is Drop.UNDECODABLE


@pytest.mark.parametrize("name", ["video-r1-260k", "video-r1-cot-165k", "video-r1-1pct"])
@pytest.mark.parametrize(
    ("kind", "shape", "size"),
    [
        # vision_process.py of Video-R1: images 3,136 to 200,704 pixels, clips 100,352 to 105,369.
        ("image", (320, 240), (308, 252)),
        ("image", (1920, 1080), (588, 336)),
        ("video", (320, 240), (392, 280)),
        ("video", (1920, 1080), (420, 224)),
    ],
)
def test_the_recipes_called_video_r1s_take_frames_as_it_does(
    name: str, kind: str, shape: tuple[int, int], size: tuple[int, int]
) -> None:
    options = frames(load_recipe(name)).options
    assert (options["sampler"], options["count"], options["resize"]) == ("fps", 16, "parity")
    taken = asked(kind, {"start": None, "end": None}, options)
    least = taken.get("min_pixels", LEAST_PIXELS)
    assert tuple(fit(*shape, taken["max_pixels"], least)) == size


def test_frames_that_a_recipe_says_nothing_about_keep_the_options_they_had() -> None:
    options = frames(load_recipe("demo")).options
    assert not {"min_pixels", "image_max_pixels"} & options.keys()
    for kind in ("image", "video"):
        taken = asked(kind, {"start": None, "end": None}, options)
        assert taken["max_pixels"] == TRAIN_PIXELS
        assert "min_pixels" not in taken


def test_a_least_area_above_the_largest_is_refused_with_its_line() -> None:
    with pytest.raises(RecipeError, match=r"'frames.min_pixels' is above max_pixels"):
        load_recipe("demo", ["frames.min_pixels=200704"])
