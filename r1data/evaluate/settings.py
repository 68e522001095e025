"""What a score depends on: who is asked, and the settings that every report prints."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from r1data import __version__
from r1data.errors import UsageError
from r1data.evaluate import local
from r1data.evaluate.gain import TRACK
from r1data.evaluate.rows import Item, TestSet
from r1data.evaluate.subtitles import digest_subtitles
from r1data.frames.rules import RULES
from r1data.grid.shards import digest_of, file_sha256
from r1data.teacher.prompts import Prompt

# 256 * 28 * 28: the area at which Video-R1 evaluates (its README; 16, 32 and 64 frames).
PIXELS = 200_704
# What its eval_bench.py asks with. The paper and README say 0.01: with top_p .001 nothing but the
# likeliest token is left either way.
TEMPERATURE, TOP_P, MAX_TOKENS = 0.1, 0.001, 1024


@dataclass(frozen=True)
class Pinned:
    """What a score depends on beside the model; printed with every score."""

    frames: int = 16
    max_pixels: int = PIXELS
    prompt: str = "video-r1"
    temperature: float = TEMPERATURE
    top_p: float = TOP_P
    max_tokens: int = MAX_TOKENS
    shuffled: bool = False
    question_only: bool = False  # VideoMMMU's Adaptation without its lectures
    subtitles: str = ""  # folder of a .srt a clip
    sampler: str = "uniform"
    quality: int = 90
    backend: str = "pyav"
    resize: str = "fast"
    multiple: int = 28
    on_error: str = "drop"
    seed: int = 0

    def taking(self) -> dict[str, Any]:
        """Return the options by which frames are taken."""
        names = ("sampler", "max_pixels", "quality", "backend", "resize", "multiple", "on_error")
        options = {"count": self.frames, **{name: getattr(self, name) for name in names}}
        # Of two uniform frames the second is the clip's last, which holds the question's picture
        return options | ({"count": 2, "sampler": "uniform"} if self.question_only else {})

    def params(self) -> dict[str, Any]:
        """Return the sampling parameters, in a fixed order."""
        return {
            "temperature": float(self.temperature),
            "top_p": float(self.top_p),
            "max_tokens": int(self.max_tokens),
        }


class Endpoint(NamedTuple):
    """An OpenAI-compatible endpoint; `key` is "$NAME", and "offline" is the built-in teacher."""

    url: str
    model: str
    key: str = ""
    concurrency: int = 32
    media: str = "image_url"

    def lane(self) -> dict[str, Any]:
        """Return the endpoint as the teacher's client takes it."""
        return {name: value for name, value in self._asdict().items() if value and name != "model"}


class Local(NamedTuple):
    """A model folder on this machine."""

    folder: Path
    device: str = "cpu"
    dtype: str = "float32"
    batch: int = 8


def refuse_unfit(test_set: TestSet, pinned: Pinned) -> None:
    """Raise UsageError for settings that do not fit the test set."""
    if pinned.sampler not in RULES:
        raise UsageError(f"--sampler is one of {', '.join(RULES)}, not '{pinned.sampler}'")
    if pinned.question_only and not any(map(adapts, test_set.items)):
        raise UsageError("--question-only is for VideoMMMU: no question is of its track Adaptation")
    if test_set.places is None:
        return
    for option, given in (
        ("--sampler", pinned.sampler != "uniform"),
        ("--subtitles", pinned.subtitles),
    ):
        if given:
            raise UsageError(f"{option} is for clips: a release brings its frames along")


def adapts(item: Item) -> bool:
    """Tell whether an item is of VideoMMMU's track Adaptation."""
    return item.groups.get("track") == [TRACK]


def settings_of(
    test_set: TestSet,
    asked: Endpoint | Local,
    pinned: Pinned,
    prompt: Prompt,
    judge: Endpoint | None,
    split: str | None,
) -> dict[str, Any]:
    """Return what the score depends on, for people and for the next run in the same folder."""
    files = [[path.name, file_sha256(path)] for path in test_set.files]
    model: dict[str, Any]
    if isinstance(asked, Local):
        model = {"model": str(asked.folder), "weights": local.weights_digest(asked.folder)}
        model |= {"device": asked.device, "dtype": asked.dtype}
    else:
        model = {"model": asked.model, "url": asked.url, "media": asked.media}
    return {
        "benchmark": test_set.benchmark.name,
        "questions": [path.name for path in test_set.files],
        "questions_sha256": digest_of(files),
        **({"split": split} if split else {}),
        **model,
        **asdict(pinned),
        "subtitles": subtitles_digest(test_set, pinned),
        **(as_released(asked) if test_set.places is not None else {}),
        "prompt_sha256": prompt.sha256,
        "judge": judge.model if judge else None,
        "r1data": __version__,
    }


def subtitles_digest(test_set: TestSet, pinned: Pinned) -> str | None:
    """Return what tells one set of subtitles from another; None without."""
    if not pinned.subtitles:
        return None
    return digest_subtitles(test_set.items, Path(pinned.subtitles))


def as_released(asked: Endpoint | Local) -> dict[str, Any]:
    """Return what a release settles, which brings its frames along; a model here still resizes."""
    names = ["sampler", "quality", "backend", "resize"]
    names += [] if isinstance(asked, Local) else ["max_pixels"]
    return dict.fromkeys(names, "as released")


def refuse_other(out: Path, told: Mapping[str, Any]) -> None:
    """Raise UsageError where the folder holds an evaluation with other settings."""
    path = out / "settings.json"
    if not path.is_file():
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    passing = ("r1data", "url", "judge", "device")
    other = [key for key in told if key not in passing and before.get(key) != told[key]]
    if other:
        key = other[0]
        raise UsageError(
            f"{out} holds an evaluation with {key} {before.get(key)!r}, not {told[key]!r}: "
            "take another --out"
        )
