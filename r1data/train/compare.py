"""Compare what releases teach: the same model, budget and seeds on each, the same questions."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from r1data.errors import InputError, load_package
from r1data.train.config import Config
from r1data.train.loop import rewards_of
from r1data.train.model import load_model
from r1data.train.rows import View, load_rows

DRAWS, SEED = 2000, 0


class Result(NamedTuple):
    """One trained model: its recipe, its seed, and the reward of every question by kind."""

    recipe: str
    seed: int
    rewards: dict[str, list[float]]


class Score(NamedTuple):
    """A mean with its 95% interval."""

    mean: float
    low: float
    high: float


def measure(recipe: str, seed: int, model: Path, test: str | Path, config: Config) -> Result:
    """Let a trained model answer a release's questions greedily."""
    view = View(config.prompt, config.frames.count, config.frames.max_pixels)
    rows = load_rows(test, view)
    rewards = rewards_of(load_model(model, config.device), rows, config)
    kinds = sorted({row.kind for row in rows})
    by_kind = {
        kind: [r for r, row in zip(rewards, rows, strict=True) if row.kind == kind]
        for kind in kinds
    }
    return Result(recipe, seed, by_kind)


def score(results: Sequence[Result], kind: str) -> Score:
    """Return a recipe's mean over seeds and questions; both are drawn anew for the interval.

    Seeds are the outer draw, since questions of one model stand or fall together.
    """
    values = np.array([each.rewards[kind] for each in results])
    rng = np.random.default_rng(SEED)
    runs, asked = values.shape
    means = [
        values[rng.integers(runs, size=runs)][:, rng.integers(asked, size=asked)].mean()
        for _ in range(DRAWS)
    ]
    low, high = np.quantile(means, [0.025, 0.975])
    return Score(float(values.mean()), float(low), float(high))


def grouped(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Return the results of each recipe, all of them on the same questions."""
    found: dict[str, list[Result]] = {}
    for each in results:
        found.setdefault(each.recipe, []).append(each)
    sizes = {tuple((k, len(v)) for k, v in each.rewards.items()) for each in results}
    if len(sizes) > 1:
        raise InputError("the results are of different questions, so they do not compare")
    return found


def table(results: Sequence[Result]) -> str:
    """Return recipes by kinds of question as Markdown."""
    groups = grouped(results)
    kinds = list(results[0].rewards)
    lines = ["| recipe | seeds | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 2) + "|"]
    for recipe, some in groups.items():
        scores = [score(some, kind) for kind in kinds]
        cells = " | ".join(f"{s.mean:.3f} ({s.low:.3f} to {s.high:.3f})" for s in scores)
        lines.append(f"| {recipe} | {len(some)} | {cells} |")
    return "\n".join(lines)


def draw(results: Sequence[Result], path: Path) -> None:
    """Draw the table as bars with intervals."""
    load_package("matplotlib", "'r1data[report]'")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    groups, kinds = grouped(results), list(results[0].rewards)
    figure = Figure(figsize=(2 + 1.6 * len(kinds), 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    width = 0.8 / len(groups)
    for place, (recipe, some) in enumerate(groups.items()):
        scores = [score(some, kind) for kind in kinds]
        errors = np.array([[s.mean - s.low, s.high - s.mean] for s in scores]).T
        at = np.arange(len(kinds)) + (place - (len(groups) - 1) / 2) * width
        axes.bar(at, [s.mean for s in scores], width, yerr=errors, capsize=3, label=recipe)
    axes.set_xticks(range(len(kinds)), kinds)
    axes.set_ylim(0, 1)
    axes.set_ylabel("right answers")
    axes.legend()
    figure.savefig(path, dpi=110)
