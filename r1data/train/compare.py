"""Compare what releases teach: the same model, budget and seeds on each, the same questions."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from r1data.errors import InputError, load_package
from r1data.train.config import Config
from r1data.train.loop import kinds_of, rewards_of
from r1data.train.model import load_model
from r1data.train.rows import View, load_rows

DRAWS, SEED = 2000, 0


class Result(NamedTuple):
    """One trained model: its recipe, how many rows it trained on, its seed, and its rewards.

    `rewards` has the reward of every question of the test, in the test's order, by kind.
    """

    recipe: str
    rows: int
    seed: int
    rewards: dict[str, list[float]]


class Score(NamedTuple):
    """A mean with its 95% interval."""

    mean: float
    low: float
    high: float

    def text(self, sign: str = "") -> str:
        """Return it as text; `sign` "+" is for differences."""
        return f"{self.mean:{sign}.3f} ({self.low:{sign}.3f} to {self.high:{sign}.3f})"


def measure(
    recipe: str,
    release: str | Path,
    model: Path,
    test: str | Path,
    config: Config,
    temperature: float = 0.0,
) -> Result:
    """Let a trained model answer a test's questions; temperature 0 is greedy."""
    view = View(config.prompt, config.frames.count, config.frames.max_pixels)
    asked = load_rows(test, view)
    taught = len(load_rows(release, view, config.split))
    loaded = load_model(model, config.device)
    rewards = rewards_of(loaded, asked, config, temperature=temperature)
    by_kind = {
        kind: [r for r, row in zip(rewards, asked, strict=True) if row.kind == kind]
        for kind in kinds_of(asked)
    }
    return Result(recipe, taught, config.seed, by_kind)


# Scores


def drawn(results: Sequence[Result], kind: str) -> np.ndarray:
    """Return a recipe's mean in each of `DRAWS` bootstrap draws, as (DRAWS,).

    Seeds are the outer draw, since questions of one model stand or fall together. The draws of
    questions are the same for every recipe, so that differences are paired.
    """
    values = np.array([each.rewards[kind] for each in results])
    runs, asked = values.shape
    questions = np.random.default_rng(SEED)
    seeds = np.random.default_rng([SEED, *results[0].recipe.encode()])
    return np.array(
        [
            values[seeds.integers(runs, size=runs)][:, questions.integers(asked, size=asked)].mean()
            for _ in range(DRAWS)
        ]
    )


def interval(mean: float, draws: np.ndarray) -> Score:
    """Return a mean with the middle 95% of its draws."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return Score(float(mean), float(low), float(high))


def score(results: Sequence[Result], kind: str) -> Score:
    """Return a recipe's mean over seeds and questions."""
    mean = np.mean([each.rewards[kind] for each in results])
    return interval(float(mean), drawn(results, kind))


def difference(results: Sequence[Result], first: Sequence[Result], kind: str) -> Score:
    """Return by how much a recipe's mean is above that of another."""
    mean = score(results, kind).mean - score(first, kind).mean
    return interval(mean, drawn(results, kind) - drawn(first, kind))


def grouped(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Return the results of each recipe, all of them on the same questions."""
    found: dict[str, list[Result]] = {}
    for each in results:
        found.setdefault(each.recipe, []).append(each)
    sizes = {tuple((k, len(v)) for k, v in each.rewards.items()) for each in results}
    if len(sizes) > 1:
        raise InputError("the results are of different questions, so they do not compare")
    return found


# What is written


def write_results(results: Sequence[Result], out: Path, settings: Mapping[str, Any]) -> str:
    """Write results.jsonl, .json, .md and .png to a folder, and return the table.

    results.jsonl holds the reward of every question, results.json scores and settings.
    """
    lines = [json.dumps(each._asdict()) for each in results]
    (out / "results.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    told = {"settings": settings, "recipes": scores(results)}
    text = json.dumps(told, indent=1, default=str)  # paths as texts
    (out / "results.json").write_text(text + "\n", encoding="utf-8")
    (out / "results.md").write_text(table(results) + "\n", encoding="utf-8")
    draw(results, out / "results.png")
    return table(results)


def scores(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return each recipe's scores, and how far they are above those of the first recipe."""
    groups = grouped(results)
    first, *_ = groups.values()
    return [
        {
            "recipe": recipe,
            "rows": some[0].rows,
            "seeds": [each.seed for each in some],
            "scores": {kind: score(some, kind)._asdict() for kind in some[0].rewards},
            "by_seed": {
                kind: [round(float(np.mean(each.rewards[kind])), 4) for each in some]
                for kind in some[0].rewards
            },
            "above_first": {
                kind: difference(some, first, kind)._asdict() for kind in some[0].rewards
            },
        }
        for recipe, some in groups.items()
    ]


def table(results: Sequence[Result]) -> str:
    """Return recipes by kinds of question as Markdown, with differences to the first recipe."""
    groups = grouped(results)
    kinds = list(results[0].rewards)
    head = ["recipe", "rows", "seeds", *kinds]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for recipe, some in groups.items():
        cells = [score(some, kind).text() for kind in kinds]
        lines.append(f"| {' | '.join([recipe, str(some[0].rows), str(len(some)), *cells])} |")
    (name, first), *others = groups.items()
    for recipe, some in others:
        cells = [difference(some, first, kind).text("+") for kind in kinds]
        lines.append(f"| {' | '.join([f'{recipe} less {name}', '', '', *cells])} |")
    return "\n".join(lines)


def draw(results: Sequence[Result], path: Path) -> None:
    """Draw the table as bars with intervals, and a dot for every seed."""
    load_package("matplotlib", "'r1data[report]'")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    groups, kinds = grouped(results), list(results[0].rewards)
    figure = Figure(figsize=(3 + 1.6 * len(kinds), 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    width = 0.8 / len(groups)
    for place, (recipe, some) in enumerate(groups.items()):
        found = [score(some, kind) for kind in kinds]
        errors = np.array([[s.mean - s.low, s.high - s.mean] for s in found]).T
        at = np.arange(len(kinds)) + (place - (len(groups) - 1) / 2) * width
        axes.bar(at, [s.mean for s in found], width, yerr=errors, capsize=3, label=recipe)
        for each in some:
            means = [float(np.mean(each.rewards[kind])) for kind in kinds]
            axes.plot(at, means, ".", color="black", markersize=3)
    axes.set_xticks(range(len(kinds)), kinds)
    axes.set_ylim(0, 1)
    axes.set_ylabel("right answers")
    axes.legend(loc="lower right", fontsize=8)
    figure.savefig(path, dpi=110)
