"""Training configs: YAML, checked by schemas/train.schema.json, as frozen dataclasses.

Every default stands here and nowhere else. `r1data train` looks a name up in recipes/train/.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from r1data.errors import RecipeError
from r1data.places import place
from r1data.recipe import apply_override, check, parse_yaml, read_text
from r1data.schema_errors import near_word
from r1data.sections import TRAIN_PIXELS


@dataclass(frozen=True)
class Shown:
    """How rows are shown to the model."""

    count: int = 16
    max_pixels: int = TRAIN_PIXELS


@dataclass(frozen=True)
class Lora:
    """Low-rank adapters on the language model's linear layers."""

    rank: int = 64
    alpha: int = 128


@dataclass(frozen=True)
class Optimizer:
    """AdamW and its learning rate over the steps; `warmup` is in steps."""

    lr: float
    schedule: str = "cosine"
    warmup: int = 0
    betas: Sequence[float] = (0.9, 0.999)
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0


@dataclass(frozen=True)
class Sft:
    """Supervised fine-tuning on chains; `batch` rows a step over all processes."""

    steps: int
    batch: int
    optimizer: Optimizer
    micro_batch: int = 8
    save_every: int = 100


@dataclass(frozen=True)
class Grpo:
    """GRPO, and with `temporal` T-GRPO; `prompts` questions a step over all processes."""

    steps: int
    prompts: int
    optimizer: Optimizer
    samples: int = 8
    temporal: bool = False
    preset: str = "video-r1-paper"
    scale_rewards: str = "group"
    format_reward: float = 1.0
    length_reward: bool = False
    verify: str = "canonical"
    beta: float = 0.04
    clip: float = 0.2
    updates: int = 1
    drop_uniform: bool = False
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 768
    rollout_batch: int = 64
    micro_batch: int = 8
    save_every: int = 50


@dataclass(frozen=True)
class Config:
    """A checked training config."""

    prompt: str = "video-r1"
    seed: int = 0
    split: str = "train"
    frames: Shown = field(default_factory=Shown)
    precision: str = "float32"
    device: str = "cpu"
    gradient_checkpointing: bool = False
    lora: Lora | None = None
    sft: Sft | None = None
    grpo: Grpo | None = None

    def facts(self) -> dict[str, Any]:
        """Return everything that is set, for the run's folder."""
        return asdict(self)


def load_config(source: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read and check a config: a path, or the name of one that r1data ships ("tiny-cpu")."""
    path = find_config(source)
    data, lines = parse_yaml(read_text(path), str(path))
    for override in overrides:
        apply_override(data, override)
    check(data, "train", lines, str(path), overrides)
    return make_config(data)


def make_config(data: Mapping[str, Any]) -> Config:
    """Return checked data as dataclasses."""
    parts: dict[str, Any] = dict(data)
    for key, kind in (("frames", Shown), ("lora", Lora)):
        if data.get(key) is not None:
            parts[key] = kind(**data[key])
    for key, kind in (("sft", Sft), ("grpo", Grpo)):
        if data.get(key) is not None:
            section = dict(data[key])
            parts[key] = kind(**{**section, "optimizer": Optimizer(**section["optimizer"])})
    return Config(**parts)


def find_config(source: str | Path) -> Path:
    """Return the path of a config, by path or by shipped name."""
    path = Path(source)
    shipped = place("recipes") / "train" / f"{path.name.removesuffix('.yaml')}.yaml"
    if path.is_file():
        return path
    if shipped.is_file() and len(path.parts) == 1:
        return shipped
    names = sorted(each.stem for each in (place("recipes") / "train").glob("*.yaml"))
    hint = near_word(path.stem, names)
    raise RecipeError(f"no training config at {source}{hint}; r1data ships: {', '.join(names)}")
