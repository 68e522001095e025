"""Encoding: equal to the real processors, one rate for all, and pixels that only order moves."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from real_processors import TEXT, TIMES, frames
from tiny_models import row, tiny

from r1data.errors import InputError, UsageError
from r1data.train.encode import collate, encode, frame_rate
from r1data.train.model import Model, generate, load_model, sample
from r1data.train.rows import encode_row, shuffled_order

GOLDEN = Path(__file__).parent / "golden" / "processors.npz"
KINDS = ("qwen2_5_vl", "qwen3_vl")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """A small model of each kind."""
    return {kind: tiny(tmp_path_factory.mktemp("models"), kind) for kind in KINDS}


def compare(models: dict[str, Model], file: Path) -> None:
    """Hold what `encode` makes against what the real processors made."""
    real = np.load(file)
    for kind, name in zip(KINDS, ("qwen2", "qwen3"), strict=True):
        model = models[kind]
        video = encode(model, TEXT, frames(), TIMES, 1024)
        images = encode(model, TEXT, frames(), None, 1024)
        for one, part in ((video, "video"), (images, "images")):
            pixels = "pixel_values_videos" if one.video else "pixel_values"
            grid = "video_grid_thw" if one.video else "image_grid_thw"
            assert np.abs(one.pixel_values - real[f"{name}/{part}/{pixels}"]).max() < 2e-7
            assert (one.grid == real[f"{name}/{part}/{grid}"]).all()
            ids = real[f"{name}/{part}/input_ids"][0]
            kinds = real[f"{name}/{part}/mm_token_type_ids"][0]
            if kind == "qwen3_vl" and one.video:
                ids, kinds = without_outer(model, ids), without_outer(model, ids, kinds)
            assert one.input_ids.tolist() == ids.tolist()
            assert one.mm_token_type_ids.tolist() == kinds.tolist()
        seconds = real["qwen2/video/second_per_grid_ts"][0]
        assert video.second_per_grid_ts == (pytest.approx(seconds) if name == "qwen2" else None)


def without_outer(model: Model, ids: np.ndarray, values: np.ndarray | None = None) -> np.ndarray:
    """Take out the markers around a whole video, which transformers 5.12 began to leave there.

    4.57, with which Qwen3-VL came out, replaced them, and so did vLLM (its issue 46817).
    """
    known = model.tokenizer.get_vocab()
    start = int(np.flatnonzero(ids == known["<|vision_start|>"])[0])
    end = int(np.flatnonzero(ids == known["<|vision_end|>"])[-1])
    return np.delete(ids if values is None else values, [start, end])


def test_the_packer_equals_what_the_real_processors_made(models: dict[str, Model]) -> None:
    compare(models, GOLDEN)


@pytest.mark.slow
def test_the_packer_equals_the_real_processors_that_are_installed(
    models: dict[str, Model], tmp_path: Path
) -> None:
    place = os.environ.get("R1DATA_TORCHVISION", "")
    if not place and importlib.util.find_spec("torchvision") is None:
        pytest.skip("no torchvision here; R1DATA_TORCHVISION may name a folder that holds it")
    command = [sys.executable, str(Path(__file__).with_name("real_processors.py"))]
    command += [models[kind].name for kind in KINDS]
    environment = {**os.environ, "PYTHONPATH": place}
    subprocess.run([*command, str(tmp_path / "real.npz")], check=True, env=environment)
    compare(models, tmp_path / "real.npz")


def test_the_rate_follows_from_the_times_of_the_frames(models: dict[str, Model]) -> None:
    assert frame_rate([0.0, 0.5, 1.0]) == 2.0
    slow = encode(models["qwen2_5_vl"], TEXT, frames(), [0.0, 2.0, 4.0], 1024)
    assert slow.second_per_grid_ts == 4.0  # two frames, two seconds each
    later = encode(models["qwen3_vl"], TEXT, frames(), [30.0, 31.0, 32.0], 1024)
    assert "<30.5 seconds>" in models["qwen3_vl"].tokenizer.decode(later.input_ids)


@pytest.mark.parametrize("kind", KINDS)
def test_shuffling_changes_the_pixels_and_nothing_else(kind: str, models: dict[str, Model]) -> None:
    question = row(1)
    order = shuffled_order(question, "a seed")
    assert order is not None and sorted(order) == [0, 1, 2] and order != [0, 1, 2]
    plain = encode_row(models[kind], question, 1024)
    mixed = encode_row(models[kind], question, 1024, order)
    assert not np.array_equal(plain.pixel_values, mixed.pixel_values)
    for field in ("input_ids", "attention_mask", "mm_token_type_ids", "grid"):
        assert np.array_equal(getattr(plain, field), getattr(mixed, field))
    assert plain.second_per_grid_ts == mixed.second_per_grid_ts


def test_pictures_cannot_be_shuffled() -> None:
    assert shuffled_order(row(1, video=False), "a seed") is None


@pytest.mark.parametrize("kind", KINDS)
def test_answers_do_not_depend_on_what_stands_beside_them(
    kind: str, models: dict[str, Model]
) -> None:
    model = models[kind]
    video, picture = encode_row(model, row(5), 1024), encode_row(model, row(1, False), 1024)
    alone = generate(model, [video], 8)
    assert generate(model, [picture, video, video], 8)[1:] == alone * 2


def test_vision_tokens_are_never_sampled(models: dict[str, Model]) -> None:
    model = models["qwen2_5_vl"]
    bias = [(name, each) for name, each in model.model.named_parameters() if "lm_head" in name]
    assert not bias  # the head is the embedding: its rows can be made likely
    rows = model.model.get_input_embeddings().weight
    before = rows.detach().clone()
    rows.data[list(model.forbidden)] *= 50
    try:
        done = sample(model, [encode_row(model, row(1), 1024)] * 8, 12, 1.0, seed=1)
    finally:
        rows.data.copy_(before)
    assert not {token for each in done for token in each.tokens} & set(model.forbidden)


def test_a_seed_decides_what_is_sampled_and_leaves_others_alone(models: dict[str, Model]) -> None:
    import torch

    model = models["qwen2_5_vl"]
    prompts = [encode_row(model, row(1), 1024)] * 4
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = generate(model, prompts, 8, 1.0, seed=3)
    assert torch.equal(torch.get_rng_state(), state)
    assert first == generate(model, prompts, 8, 1.0, seed=3)
    assert first != generate(model, prompts, 8, 1.0, seed=4)


def test_large_pictures_are_made_small_enough(models: dict[str, Model]) -> None:
    large = [each.resize((640, 480)) for each in frames()]
    one = encode(models["qwen2_5_vl"], TEXT, large, TIMES, max_pixels=8192)
    _, high, wide = one.grid[0]
    assert 4096 < high * 8 * wide * 8 <= 8192 and wide > high
    assert one.mm_token_type_ids.sum() == 2 * one.grid[0].prod() // 4


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ([0.0, 0.5], "3 frames have 2 times"),
        ([0.0, 0.5, 0.5], "do not rise"),
    ],
)
def test_times_that_cannot_be_right_are_refused(
    times: list[float], told: str, models: dict[str, Model]
) -> None:
    with pytest.raises(InputError, match=told):
        encode(models["qwen2_5_vl"], TEXT, frames(), times, 1024)


def test_a_question_is_never_encoded_without_its_pictures(models: dict[str, Model]) -> None:
    with pytest.raises(InputError, match="there are no frames"):
        encode(models["qwen2_5_vl"], TEXT, [], [], 1024)
    with pytest.raises(InputError, match="must not hold"):
        encode(models["qwen2_5_vl"], f"{TEXT} <|video_pad|>", frames(), TIMES, 1024)


def test_mixed_batches_keep_every_prompt_in_its_place(models: dict[str, Model]) -> None:
    model = models["qwen2_5_vl"]
    some = [encode_row(model, row(i, video=i % 2 == 0), 1024) for i in range(4)]
    batch = collate(model, some, [[7], [8, 9], [7], [7]])
    assert batch["input_ids"].shape[1] == max(each.prompt_length for each in some) + 2
    assert batch["input_ids"][1, -2:].tolist() == [8, 9]
    assert batch["attention_mask"][0, -2:].tolist() == [1, 0]
    assert len(batch["video_grid_thw"]) == len(batch["image_grid_thw"]) == 2
    assert len(batch["second_per_grid_ts"]) == 2


def test_what_is_no_vision_model_is_refused(tmp_path: Path) -> None:
    from transformers import Qwen2Config

    Qwen2Config(vocab_size=32).save_pretrained(tmp_path / "text")
    with pytest.raises(InputError, match="is a 'qwen2', no vision model"):
        load_model(tmp_path / "text")
    with pytest.raises(InputError, match="is no model folder"):
        load_model(tmp_path / "nothing")
    with pytest.raises(UsageError, match="unknown dtype"):
        load_model(tmp_path / "text", dtype="int8")
