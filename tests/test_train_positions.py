"""Positions: the text after a video stands behind its last frames, as in Qwen's own code."""

import numpy as np
import pytest
from tiny_models import row, tiny

from r1data.train.encode import Encoded, collate
from r1data.train.model import Model
from r1data.train.positions import positions_of
from r1data.train.rows import encode_row


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return tiny(tmp_path_factory.mktemp("model"), "qwen2_5_vl")


def about_a_video(before: int, grid: tuple[int, int, int], every: float, after: int) -> Encoded:
    """A prompt whose tokens do not matter; `every` is the seconds of a time step."""
    kinds = np.array([0] * before + [2] * (int(np.prod(grid)) // 4) + [0] * after)
    ids, none = np.zeros(len(kinds), np.int64), np.zeros((0, 0), np.float32)
    return Encoded(ids, ids + 1, kinds, none, np.array([grid]), every, True, len(kinds))


def test_a_long_video_stands_as_published(model: Model) -> None:
    # what transformers 5.2 made of 168 frames, one a second: issue 45381 of transformers
    found = positions_of(model, about_a_video(15, (84, 24, 32), 2.0, 10))
    assert (found[:, :15] == np.arange(15)).all()
    video = found[:, 15:-10]
    assert video.min(axis=1).tolist() == [15, 15, 15]
    assert video.max(axis=1).tolist() == [347, 26, 30]
    assert (found[:, -10:] == np.arange(348, 358)).all()


@pytest.mark.parametrize(
    ("rate", "times"),
    [(4.0, [0, 1, 2, 3]), (8.0, [0, 0, 1, 1]), (2.0, [0, 2, 4, 6]), (1.25, [0, 3, 6, 9])],
)
def test_time_passes_at_the_rate_of_the_frames(model: Model, rate: float, times: list[int]) -> None:
    found = positions_of(model, about_a_video(1, (4, 4, 4), 2 / rate, 1))
    assert found[0, 1:-1:4].tolist() == [1 + each for each in times]
    assert found[:, -1].tolist() == [1 + max(1, *times) + 1] * 3


def test_a_reply_goes_on_behind_its_prompt_and_padding_moves_nobody(model: Model) -> None:
    some = [encode_row(model, row(number), 1024) for number in (0, 3)]
    batch = collate(model, some, [[7, 8, 9], [7]])["position_ids"].numpy()
    for number, one in enumerate(some):
        alone = positions_of(model, one)
        end = batch.shape[2] - 3
        assert (batch[:, number, end - one.prompt_length : end] == alone).all()
        assert (batch[:, number, end:] == alone.max() + 1 + np.arange(3)).all()


def test_pictures_stand_as_transformers_places_them(model: Model) -> None:
    one = encode_row(model, row(1, video=False), 1024)
    batch = collate(model, [one])
    named = ("input_ids", "mm_token_type_ids", "image_grid_thw", "attention_mask")
    theirs, _ = model.model.model.get_rope_index(**{name: batch[name] for name in named})
    assert (batch["position_ids"] == theirs).all()
