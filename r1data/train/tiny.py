"""A small Qwen2.5-VL or Qwen3-VL from nothing, as a normal model folder, made without a network.

It is what the tests and the loop on a CPU train: some 0.6 million parameters that see 32 x 32
pixels a frame. `AutoModelForImageTextToText`, `AutoTokenizer` and `AutoImageProcessor` load the
folder as they load any other.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from r1data.errors import UsageError, load_package
from r1data.train.model import INSTALL, KINDS, quiet

# 32 a head: the size that attention kernels of servers on CPUs know (24 kills vLLM 0.32's engine).
HEAD = 32
PATCH, MERGE, TEMPORAL = 8, 2, 2
SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
    "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>",
    "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
# Not special, so that decoding with skip_special_tokens keeps them.
TAGS = ("<think>", "</think>", "<answer>", "</answer>")
CHAT = (
    "{%- for message in messages %}{{ '<|im_start|>' + message.role + '\\n' }}"
    "{%- if message.content is string %}{{ message.content }}{%- else %}"
    "{%- for part in message.content %}"
    "{%- if part.type in ('image', 'image_url') %}"
    "{{ '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{%- elif part.type == 'video' %}{{ '<|vision_start|><|video_pad|><|vision_end|>' }}"
    "{%- elif part.type == 'text' %}{{ part.text }}{%- endif %}"
    "{%- endfor %}{%- endif %}{{ '<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{%- endif %}"
)


def make_tiny(
    folder: str | Path,
    texts: Iterable[str],
    kind: str = "qwen2_5_vl",
    seed: int = 0,
    layers: int = 4,
    heads: int = 3,
    vocabulary: int = 400,
) -> Path:
    """Write a model with random weights, and a tokenizer learned from `texts`, to `folder`."""
    load_package("transformers", INSTALL)
    if kind not in KINDS:
        raise UsageError(f"unknown kind '{kind}': choose one of {', '.join(KINDS)}")
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    ids = write_tokenizer(path, texts, vocabulary)
    write_preprocessors(path, kind)
    write_weights(path, kind, ids, seed, layers, heads)
    return path


def write_tokenizer(folder: Path, texts: Iterable[str], vocabulary: int) -> dict[str, int]:
    """Learn a byte-level BPE, write it as a Qwen2Tokenizer, and return the ids of its tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    learned = Tokenizer(models.BPE())
    learned.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learned.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer: Any = trainers.BpeTrainer(
        vocab_size=vocabulary, initial_alphabet=alphabet, show_progress=False
    )
    learned.train_from_iterator(texts, trainer)
    learned.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    learned.add_tokens([AddedToken(token, special=False) for token in TAGS])
    learned.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "Qwen2Tokenizer",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "model_max_length": 32768,
        "chat_template": CHAT,
    }
    write_json(folder / "tokenizer_config.json", settings)
    (folder / "chat_template.jinja").write_text(CHAT, encoding="utf-8")
    return learned.get_vocab()


def write_preprocessors(folder: Path, kind: str) -> None:
    """Write how pictures and videos are prepared, for those who use transformers' processors."""
    name = "Qwen2VL" if kind == "qwen2_5_vl" else "Qwen3VL"
    processor = "Qwen2_5_VLProcessor" if kind == "qwen2_5_vl" else "Qwen3VLProcessor"
    half = [0.5, 0.5, 0.5]
    shared = {
        "patch_size": PATCH,
        "merge_size": MERGE,
        "temporal_patch_size": TEMPORAL,
        "image_mean": half,
        "image_std": half,
        "size": {"shortest_edge": 1024, "longest_edge": 1024},
        "processor_class": processor,
    }
    write_json(
        folder / "preprocessor_config.json",
        {**shared, "image_processor_type": "Qwen2VLImageProcessor"},
    )
    video = {
        **shared,
        "video_processor_type": f"{name}VideoProcessor",
        "do_sample_frames": False,
        "cap_pixels_per_frame": False,
        # Qwen3-VL's limits are those of the whole video
        "size": {"shortest_edge": 1024, "longest_edge": 1024 * (1 if name == "Qwen2VL" else 64)},
    }
    write_json(folder / "video_preprocessor_config.json", video)
    write_json(folder / "processor_config.json", {"processor_class": processor})


def write_weights(
    folder: Path, kind: str, ids: Mapping[str, int], seed: int, layers: int, heads: int
) -> None:
    """Write configuration and random weights."""
    import torch
    import transformers

    name = "Qwen2_5_VL" if kind == "qwen2_5_vl" else "Qwen3VL"
    config = getattr(transformers, f"{name}Config")(**configuration(kind, ids, layers, heads))
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        network: Any = getattr(transformers, f"{name}ForConditionalGeneration")(config)
        network.generation_config = transformers.GenerationConfig(
            eos_token_id=ids["<|im_end|>"], pad_token_id=ids["<|endoftext|>"]
        )
        network.save_pretrained(folder)


def configuration(kind: str, ids: Mapping[str, int], layers: int, heads: int) -> dict[str, Any]:
    """Return the configuration of a small model of this kind."""
    hidden = HEAD * heads
    text: dict[str, Any] = {
        "vocab_size": len(ids),
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "max_position_embeddings": 32768,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": ids["<|im_end|>"],
        "pad_token_id": ids["<|endoftext|>"],
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 10000.0,
            "mrope_section": [4, 6, 6],  # half of HEAD
        },
    }
    vision: dict[str, Any] = {
        "depth": 1,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_heads": 4,
        "patch_size": PATCH,
        "spatial_merge_size": MERGE,
        "temporal_patch_size": TEMPORAL,
        "out_hidden_size": hidden,
    }
    if kind == "qwen2_5_vl":
        vision |= {"fullatt_block_indexes": [0], "window_size": 4 * PATCH, "tokens_per_second": 2}
    else:
        vision |= {"deepstack_visual_indexes": [0], "num_position_embeddings": 64}
        text |= {"head_dim": HEAD}
        text["rope_parameters"]["mrope_interleaved"] = True
    tokens = {
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
    }
    whole = {"tie_word_embeddings": True, "eos_token_id": ids["<|im_end|>"]}
    return {"text_config": text, "vision_config": vision, **tokens, **whole}


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
