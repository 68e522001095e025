"""From a question and its frames to what Qwen2.5-VL and Qwen3-VL take; without torchvision.

    one = encode(model, text, frames, times, max_pixels)          # a prompt
    one = encode(model, text, frames, times, max_pixels, reply)   # a prompt with its completion
    batch = collate(model, [one, ...])                            # keyword arguments of the model

`frames` are PIL pictures. With `times`, their seconds, they are one video; with None each is a
picture of its own. Everything that looks at a row goes through here: SFT, rollout,
log-probabilities, evaluation. The rate of the sampled frames follows from `times`: weights trained
at 2 frames a second answered .90 right at that rate and .27 at a wrong one.

The numpy packer equals Qwen2VLVideoProcessor, Qwen3VLVideoProcessor and Qwen2VLImageProcessor to
2e-7 on frames of the final size (transformers 5.23); pictures are brought to it by Pillow's bicubic
filter.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from r1data.errors import InputError
from r1data.frames.sizes import Size, fit
from r1data.train.positions import positions_of

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

    from r1data.train.model import Eyes, Model

IMAGE, VIDEO = "<|image_pad|>", "<|video_pad|>"
START, END = "<|vision_start|>", "<|vision_end|>"
# mm_token_type_ids of transformers 5: text 0, image 1, video 2
TYPE_OF = {IMAGE: 1, VIDEO: 2}


class Encoded(NamedTuple):
    """One prompt, with its completion where there is one, ready for `collate`.

    `input_ids`, `attention_mask` and `mm_token_type_ids` are 1-d of the same length; the first
    `prompt_length` tokens are the prompt. `pixel_values` is (patches, channels * temporal * patch *
    patch), `grid` is (pictures, 3) of time, height and width in patches. `second_per_grid_ts` is
    the seconds between two time steps of Qwen2.5-VL; None for pictures and for Qwen3-VL, which
    reads the seconds as text.
    """

    input_ids: np.ndarray
    attention_mask: np.ndarray
    mm_token_type_ids: np.ndarray
    pixel_values: np.ndarray
    grid: np.ndarray
    second_per_grid_ts: float | None
    video: bool
    prompt_length: int


def encode(
    model: "Model",
    text: str,
    frames: "Sequence[Image]",
    times: Sequence[float] | None,
    max_pixels: int,
    reply: str | None = None,
) -> Encoded:
    """Return one question as a user's turn, and `reply` as what the model says to it.

    Raises InputError where there are no frames, or the times do not fit them.
    """
    check_frames(frames, times)
    video = times is not None
    pixels, grid = pack(frames, model.eyes, max_pixels, video)
    prompt = prompt_text(model, text, 1 if video else len(frames), video)
    spans = vision_spans(model, grid, times)
    prompt_ids = model.tokenizer.encode(fill(prompt, spans, video), add_special_tokens=False)
    # Apart from the prompt, as in sampling: no token may span the place where the reply begins.
    reply_ids = [] if reply is None else reply_tokens(model, reply)
    ids = np.array([*prompt_ids, *reply_ids], np.int64)
    pad = model.tokenizer.convert_tokens_to_ids(VIDEO if video else IMAGE)
    kinds = np.where(ids == pad, TYPE_OF[VIDEO if video else IMAGE], 0)
    every = seconds_per_step(model, times) if times is not None else None
    return Encoded(
        ids, np.ones_like(ids), kinds, pixels, grid, every, video, len(prompt_ids)
    )  # fmt: skip


def check_frames(frames: Sequence[Any], times: Sequence[float] | None) -> None:
    """Refuse a question without pictures: nothing here ever falls back to text only."""
    if not frames:
        raise InputError("there are no frames: a question is never asked without its pictures")
    if times is None:
        return
    if len(times) != len(frames):
        raise InputError(f"{len(frames)} frames have {len(times)} times")
    if any(b <= a for a, b in pairwise(times)):
        raise InputError(f"the frames' times do not rise: {[round(each, 3) for each in times]}")


def frame_rate(times: Sequence[float]) -> float:
    """Return the frames a second at which a video's frames were taken.

    A single frame has no rate; it has one time step, so that any rate places it alike.
    """
    return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 1.0


def seconds_per_step(model: "Model", times: Sequence[float]) -> float | None:
    """Return the seconds between time steps, for the model that has them as positions."""
    return model.eyes.temporal / frame_rate(times) if model.kind == "qwen2_5_vl" else None


def target_size(width: int, height: int, eyes: "Eyes", max_pixels: int) -> Size:
    """Return the size that the model is shown; four tokens are the least, as in Video-R1."""
    least = min(4 * eyes.multiple**2, max_pixels)
    return fit(width, height, max_pixels, least, eyes.multiple)


def pack(
    frames: "Sequence[Image]", eyes: "Eyes", max_pixels: int, video: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return pixel_values and the grid of one video, or of several pictures."""
    if video:
        size = target_size(*frames[0].size, eyes, max_pixels)
        values, grid = patches(np.stack([scaled(each, size, eyes) for each in frames]), eyes)
        return values, np.array([grid], np.int64)
    packed = []
    for each in frames:
        picture = scaled(each, target_size(*each.size, eyes, max_pixels), eyes)
        packed.append(patches(picture[None], eyes))
    return np.concatenate([values for values, _ in packed]), np.array([g for _, g in packed])


def scaled(picture: "Image", size: Size, eyes: "Eyes") -> np.ndarray:
    """Return a picture as (channels, height, width), resized and normalised."""
    from PIL import Image

    if picture.size != size:
        picture = picture.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    values = np.asarray(picture.convert("RGB"), np.float32).transpose(2, 0, 1) / np.float32(255)
    mean = np.array(eyes.mean, np.float32)[:, None, None]
    return (values - mean) / np.array(eyes.std, np.float32)[:, None, None]


def patches(frames: np.ndarray, eyes: "Eyes") -> tuple[np.ndarray, tuple[int, int, int]]:
    """Cut (time, channels, height, width) into rows of patches, neighbours of a token together.

    The last frame is repeated until the frames fill their time steps.
    """
    short = -len(frames) % eyes.temporal
    frames = np.concatenate([frames, *[frames[-1:]] * short])
    time, channels, height, width = frames.shape
    t, h, w = time // eyes.temporal, height // eyes.patch, width // eyes.patch
    cut = frames.reshape(
        t, eyes.temporal, channels,
        h // eyes.merge, eyes.merge, eyes.patch,
        w // eyes.merge, eyes.merge, eyes.patch,
    )  # fmt: skip
    rows = cut.transpose(0, 3, 6, 4, 7, 2, 1, 5, 8).reshape(t * h * w, -1)
    return np.ascontiguousarray(rows), (t, h, w)


def prompt_text(model: "Model", text: str, media: int, video: bool) -> str:
    """Return the chat template's text with one placeholder a medium."""
    parts = [{"type": "video" if video else "image"}] * media
    messages = [{"role": "user", "content": [*parts, {"type": "text", "text": text}]}]
    prompt = model.tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True
    )
    found = {token: prompt.count(token) for token in (IMAGE, VIDEO)}
    if found != {IMAGE: 0 if video else media, VIDEO: media if video else 0}:
        raise InputError(
            f"the prompt holds {found[IMAGE]} pictures and {found[VIDEO]} videos in place of "
            f"{media}: the question's text must not hold {IMAGE} or {VIDEO}"
        )
    return prompt


def vision_spans(model: "Model", grid: np.ndarray, times: Sequence[float] | None) -> list[str]:
    """Return what stands in the place of each placeholder, markers included."""
    merged = model.eyes.merge**2
    if times is None:
        return [f"{START}{IMAGE * int(each.prod() // merged)}{END}" for each in grid]
    tokens = int(grid[0].prod() // merged)
    if model.kind == "qwen2_5_vl":
        return [f"{START}{VIDEO * tokens}{END}"]
    # Qwen3-VL reads the middle of each time step as text before its tokens
    each = f"{START}{VIDEO * (tokens // int(grid[0][0]))}{END}"
    return ["".join(f"<{time:.1f} seconds>{each}" for time in step_times(times, model.eyes))]


def step_times(times: Sequence[float], eyes: "Eyes") -> list[float]:
    """Return the middle of each time step, in seconds; the last frame's time is repeated."""
    filled = [*times, *[times[-1]] * (-len(times) % eyes.temporal)]
    return [
        (filled[i] + filled[i + eyes.temporal - 1]) / 2
        for i in range(0, len(filled), eyes.temporal)
    ]


def fill(prompt: str, spans: Sequence[str], video: bool) -> str:
    """Put the spans in the places of their placeholders, in order."""
    mark = f"{START}{VIDEO if video else IMAGE}{END}"
    pieces = prompt.split(mark)
    if len(pieces) != len(spans) + 1:
        raise InputError(f"the chat template does not write pictures as {mark}")
    return pieces[0] + "".join(span + piece for span, piece in zip(spans, pieces[1:], strict=True))


def reply_tokens(model: "Model", reply: str) -> list[int]:
    """Return a completion's tokens with the one that ends the turn."""
    return [
        *model.tokenizer.encode(reply, add_special_tokens=False),
        model.tokenizer.eos_token_id,
    ]


def collate(
    model: "Model", encoded: Sequence[Encoded], completions: Sequence[Sequence[int]] | None = None
) -> "dict[str, torch.Tensor]":
    """Return a batch on the model's device: prompts padded on the left, completions on the right.

    Each prompt ends at the same column, so completions begin at the same column. `completions`
    stand in for those that were encoded.
    """
    import torch

    replies = completions if completions is not None else [reply_of(each) for each in encoded]
    prompts = [each.input_ids[: each.prompt_length] for each in encoded]
    kinds = [each.mm_token_type_ids[: each.prompt_length] for each in encoded]
    left, right = max(map(len, prompts)), max(map(len, replies))
    ids = np.full((len(encoded), left + right), model.pad, np.int64)
    mask, types = np.zeros_like(ids), np.zeros_like(ids)
    for row, (prompt, kind, reply) in enumerate(zip(prompts, kinds, replies, strict=True)):
        begin, end = left - len(prompt), left + len(reply)
        ids[row, begin:end] = [*prompt, *reply]
        mask[row, begin:end] = 1
        types[row, begin:left] = kind
    found = {"input_ids": ids, "attention_mask": mask, "mm_token_type_ids": types}
    if model.kind == "qwen2_5_vl":
        found["position_ids"] = placed(model, encoded, left, left + right)
    tensors = {name: torch.from_numpy(each).to(model.device) for name, each in found.items()}
    return tensors | vision_tensors(model, encoded)


def placed(model: "Model", encoded: Sequence[Encoded], left: int, length: int) -> np.ndarray:
    """Return the positions of a batch, (3, B, length); a reply goes on behind its prompt."""
    found = np.zeros((3, len(encoded), length), np.int64)
    for row, one in enumerate(encoded):
        prompt = positions_of(model, one)
        found[:, row, left - one.prompt_length : left] = prompt
        found[:, row, left:] = prompt.max() + 1 + np.arange(length - left)
    return found


def reply_of(one: Encoded) -> Sequence[int]:
    """Return the tokens after the prompt."""
    return one.input_ids[one.prompt_length :].tolist()


def vision_tensors(model: "Model", encoded: Sequence[Encoded]) -> "dict[str, torch.Tensor]":
    """Return pixels, grids and rates of a batch, which may mix pictures and videos."""
    import torch

    found: dict[str, torch.Tensor] = {}
    for video, pixels, grid in (
        (False, "pixel_values", "image_grid_thw"),
        (True, "pixel_values_videos", "video_grid_thw"),
    ):
        some = [each for each in encoded if each.video is video]
        if some:
            values = torch.from_numpy(np.concatenate([each.pixel_values for each in some]))
            found[pixels] = values.to(model.device, model.model.dtype)
            found[grid] = torch.from_numpy(np.concatenate([each.grid for each in some])).to(
                model.device
            )
    rates = [each.second_per_grid_ts for each in encoded if each.second_per_grid_ts is not None]
    if rates:
        found["second_per_grid_ts"] = torch.tensor(rates, device=model.device)
    return found
