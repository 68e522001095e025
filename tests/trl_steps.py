"""Four steps of TRL's SFT and of its GRPO on an export: `python trl_steps.py MODEL EXPORT OUT`.

A process of its own, since TRL imports half of the world and warns about it. Prints JSON: the
losses of SFT, and the rewards and losses of GRPO.
"""

import json
import sys
from pathlib import Path
from typing import Any

import datasets
import torch
import transformers
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

from r1data.rewards.trainers import accuracy_reward, format_reward

STEPS = 4
# TRL suppresses the tokens of pictures only; any other sampled vision token breaks the next pass.
VISION = ("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>")


class Pictures(transformers.Qwen2_5_VLProcessor):
    """Qwen2.5-VL's processor for pictures alone: that of videos needs torchvision."""

    def __init__(self, image_processor: Any = None, tokenizer: Any = None, **settings: Any) -> None:
        self.image_token, self.video_token = "<|image_pad|>", "<|video_pad|>"
        self.image_token_id = tokenizer.convert_tokens_to_ids(self.image_token)
        self.video_token_id = tokenizer.convert_tokens_to_ids(self.video_token)
        chat = tokenizer.chat_template
        transformers.ProcessorMixin.__init__(self, image_processor, tokenizer, chat_template=chat)


def of_truths(completions: list, solution: list[str], **columns: Any) -> list[float | None]:
    """Judge each row's own truth: 1.0 wherever TRL passes the export's columns on whole."""
    replies = [[{"role": "assistant", "content": truth}] for truth in solution]
    return accuracy_reward(replies, solution, **columns)


def variety(completions: list, **columns: Any) -> list[float]:
    """Reward something that random weights vary in, so that there is something to learn."""
    return [len(set(each[0]["content"])) / 8 for each in completions]


def main() -> None:
    """Train on the first rows, and print what was logged."""
    folder, export, out = sys.argv[1:]
    torch.manual_seed(0)
    processor = Pictures(
        transformers.AutoImageProcessor.from_pretrained(folder, backend="pil"),
        transformers.AutoTokenizer.from_pretrained(folder),
    )
    data = datasets.load_dataset("parquet", data_files=f"{export}/train.parquet", split="train")
    rows = data.select(range(8))
    shared = {
        "max_steps": STEPS, "per_device_train_batch_size": 2, "logging_steps": 1, "use_cpu": True,
        "bf16": False, "report_to": [], "save_strategy": "no", "learning_rate": 1e-3,
    }  # fmt: skip
    sft = SFTTrainer(
        folder,
        SFTConfig(output_dir=f"{out}/sft", max_length=None, **shared),
        train_dataset=rows.select_columns(["prompt", "completion", "images"]),
        processing_class=processor,
    )
    sft.train()
    known = processor.tokenizer.get_vocab()
    grpo = GRPOTrainer(
        folder,
        [accuracy_reward, format_reward, of_truths, variety],
        GRPOConfig(
            output_dir=f"{out}/grpo", num_generations=2, max_completion_length=8,
            generation_kwargs={"suppress_tokens": [known[token] for token in VISION]}, **shared,
        ),
        train_dataset=rows.remove_columns("completion"),
        processing_class=processor,
    )  # fmt: skip
    grpo.train()
    logged = {
        "loss": [line["loss"] for line in sft.state.log_history if "loss" in line],
        "grpo": [line for line in grpo.state.log_history if "loss" in line],
    }
    Path(out, "logged.json").write_text(json.dumps(logged))


if __name__ == "__main__":
    main()
