"""Encode by transformers' own processors: `python real_processors.py MODEL... FILE.npz`.

They need torchvision, which has CUDA wheels only for some versions of torch. With a CPU torch such
a wheel asks for two operators at its import that are never called here; they are announced first.
"""

import sys

import numpy as np
from PIL import Image

TEXT = "Which colour comes first?"
TIMES = (0.0, 0.5, 1.0)


def frames() -> list[Image.Image]:
    """Return three pictures with a gradient in every channel."""
    y, x = np.mgrid[0:32, 0:32]
    return [
        Image.fromarray(
            np.stack([x * 8 % 256, y * 7 % 256, (x + y + 40 * i) % 256], -1).astype("u1")
        )
        for i in range(3)
    ]


def main() -> None:
    """Write pixels, grids, tokens and rates of a video and of pictures, for each model folder."""
    import torch

    if torch.version.cuda is None:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision  # noqa: F401  # pyright: ignore[reportMissingImports]
    from transformers import AutoProcessor
    from transformers.video_utils import VideoMetadata

    *folders, target = sys.argv[1:]
    found = {}
    for folder in folders:
        processor = AutoProcessor.from_pretrained(folder)
        kind = "qwen3" if "Qwen3" in type(processor).__name__ else "qwen2"
        count, pictures = len(TIMES), frames()
        metadata = VideoMetadata(total_num_frames=count, fps=2.0, frames_indices=[*range(count)])
        video = processor(
            text=[prompt(processor, ["video"])],
            videos=[np.stack([np.asarray(each) for each in pictures])],
            video_metadata=[metadata],
            do_sample_frames=False,
            return_tensors="pt",
        )
        images = processor(
            text=[prompt(processor, ["image"] * 3)], images=pictures, return_tensors="pt"
        )
        for name, batch in (("video", video), ("images", images)):
            found |= {f"{kind}/{name}/{key}": value.numpy() for key, value in batch.items()}
    np.savez_compressed(target, **found)


def prompt(processor, media: list[str]) -> str:
    """Return the chat template's text."""
    content = [*({"type": each} for each in media), {"type": "text", "text": TEXT}]
    messages = [{"role": "user", "content": content}]
    return processor.tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=True
    )


if __name__ == "__main__":
    main()
