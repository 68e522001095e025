"""The sections of a recipe as frozen dataclasses; every default stands here and nowhere else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# 128 * 28 * 28: the area at which Video-R1 trains (reference: its vision_process.py).
TRAIN_PIXELS = 100_352
# A server that loads its model needs minutes, and a quota by ten minutes as long.
PATIENCE_S = 900.0


@dataclass(frozen=True)
class Frames:
    sampler: str = "uniform"
    count: int = 16
    max_pixels: int = TRAIN_PIXELS
    min_pixels: int | None = None
    image_max_pixels: int | None = None
    quality: int = 90
    backend: str | Sequence[str] = "pyav"
    resize: str = "fast"
    multiple: int = 28
    on_error: str = "drop"


@dataclass(frozen=True)
class Screen:
    duplicates: bool = True
    decontaminate: Sequence[str] = ()
    against: Sequence[str] = ()


@dataclass(frozen=True)
class Probes:
    model: str
    prompt: str = "video-r1"
    temperature: float = 1.0
    top_p: float = 0.95
    max_tokens: int = 1024
    params: Mapping[str, Any] = field(default_factory=dict)
    prices: Mapping[str, float] | None = None
    reworded: Mapping[str, Any] = field(default_factory=lambda: {"n": 3})
    blind: Mapping[str, Any] | None = None
    few_frame: Mapping[str, Any] | None = None
    shuffled: Mapping[str, Any] | None = None
    pass_rate: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Teacher:
    model: str
    prompt: str = "video-r1"
    n: int | Mapping[str, int] = 1
    temperature: float = 1.0
    top_p: float = 0.95
    max_tokens: int = 1024
    params: Mapping[str, Any] = field(default_factory=dict)
    prices: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Revise:
    """`model` and `prices` are the teacher's where the recipe names none."""

    model: str | None = None
    prompt: str = "revise"
    temperature: float = 1.0
    top_p: float = 0.95
    max_tokens: int = 1024
    params: Mapping[str, Any] = field(default_factory=dict)
    prices: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Verify:
    preset: str = "canonical"
    at_least: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Filter:
    pass_rate: Sequence[float] = (0.0, 1.0)
    consistency: bool = False
    blind: float | None = None
    few_frame: float | None = None
    shuffled: float | None = None
    order_gain: float | None = None
    student_rate: Sequence[float] | None = None
    repetitive: float | None = None
    choose: str = "first"
    chains: int = 1
    wrong: str = "drop"
    no_thought: str = "drop"
    min_thought_words: int = 3
    reviews: str | None = None


@dataclass(frozen=True)
class Judge:
    """Of several right answers it says which reasons best."""

    model: str
    prompt: str = "judge"
    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 512
    params: Mapping[str, Any] = field(default_factory=dict)
    prices: Mapping[str, float] | None = None


def most_output(section: Probes | Teacher | Revise | Judge) -> int:
    """Return the tokens of a reply at most: the cap that is sent, else `max_tokens`."""
    params = section.params
    return params.get("max_completion_tokens") or params.get("max_tokens") or section.max_tokens


@dataclass(frozen=True)
class Balance:
    """Quotas are {value: most}: rows where it is whole, a share of the released where below 1."""

    rows: int | None = None
    problem_type: Mapping[str, float] = field(default_factory=dict)
    source: Mapping[str, float] = field(default_factory=dict)
    group: Mapping[str, float] = field(default_factory=dict)
    letter: Mapping[str, float] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    even_letters: bool = False


@dataclass(frozen=True)
class Release:
    configs: Sequence[str] = ("frames", "text")
    shard_mb: float = 400
    splits: Mapping[str, float] = field(default_factory=dict)
    take_down: str | None = None


@dataclass(frozen=True)
class Run:
    engine: str = "pool"
    workers: int | str = "auto"
    address: str | None = None
    mode: str = "live"
    lanes: Sequence[Mapping[str, Any]] = ()
    probe_lanes: Sequence[Mapping[str, Any]] = ()
    budget: Mapping[str, float] | None = None
    probe_budget: Mapping[str, float] | None = None
    allowed_drops: float = 1.0
    allowed_failed: float = 0.02
    patience: float = PATIENCE_S
