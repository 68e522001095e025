"""`r1data train`: from a release, a model and a config to a trained model folder."""

import json
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import RecipeError
from r1data.progress import Watched, shown
from r1data.progress_text import Steps
from r1data.train.config import Config, Grpo, Sft
from r1data.train.metrics import NAME, draw_metrics, open_metrics, read_metrics
from r1data.train.model import quiet
from r1data.train.rows import TrainRow, View, load_rows, release_stamp, with_chains

WEIGHTS = ("*.safetensors", "*.bin", "*.pth", "*.pt", "*.index.json", "original/*")


class Trained(NamedTuple):
    """What a run left: the model's folder, the steps done, and the figures of the last one."""

    model: Path
    steps: int
    seconds: float
    last: dict[str, Any]
    plot: Path | None


def train(
    phase: str, release: str | Path, model: str | Path, config: Config, out: str | Path
) -> Trained:
    """Run or resume one phase, "sft" or "grpo": the same command.

    The folder `out` gets metrics.jsonl, checkpoints/ and, at the end, model/. Raises InputError for
    a release or model that cannot be used, UsageError for a folder of another run.
    """
    section = section_of(phase, config)
    warn_of_lost_bonus(section)
    view = View(config.prompt, config.frames.count, config.frames.max_pixels)
    rows = load_rows(release, view, config.split)
    if phase == "sft":
        rows = with_chains(rows, release)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    facts = facts_of(phase, release, model, config, section)
    return run(str(model), config, section, rows, folder, facts)


def section_of(phase: str, config: Config) -> Sft | Grpo:
    """Return the config's section of a phase."""
    section = {"sft": config.sft, "grpo": config.grpo}.get(phase)
    if section is None:
        others = [name for name in ("sft", "grpo") if getattr(config, name) is not None]
        told = " and ".join(others) or "none"
        raise RecipeError(
            f"the training config has no section '{phase}:', only {told}: name another --config"
        )
    return section


def facts_of(
    phase: str, release: str | Path, model: str | Path, config: Config, section: Sft | Grpo
) -> dict[str, Any]:
    """Return all that the result depends on; a checkpoint of other facts is refused."""
    settings = {key: value for key, value in config.facts().items() if key not in ("sft", "grpo")}
    chosen = {key: value for key, value in asdict(section).items() if key != "save_every"}
    return {
        "phase": phase,
        "release": release_stamp(release),
        "model": str(model),
        "config": {**settings, phase: chosen},
    }


def run(
    name: str,
    config: Config,
    section: Sft | Grpo,
    rows: Sequence[TrainRow],
    out: Path,
    facts: dict[str, Any],
) -> Trained:
    """Take the steps that are not done yet, and write the model."""
    from r1data.train.grpo import grpo_step
    from r1data.train.session import open_session, resume, save_checkpoint
    from r1data.train.sft import sft_step

    began = time.monotonic()
    session = open_session(name, config, section, out, facts)
    done = resume(session)
    take: Callable[..., dict[str, Any]] = sft_step if isinstance(section, Sft) else grpo_step
    steps = Steps("steps", section.steps, done)
    begin = f"{out.name}: {section.steps:,} steps, log in {out / NAME}"
    show = shown(Watched(out.name, lambda: begin, steps.line)) if session.lead else nullcontext()
    with show, open_metrics(out, done, session.lead) as log:
        for step in range(done, section.steps):
            started = time.monotonic()
            figures = take(session, rows, step)
            log(step, {**figures, "seconds": round(time.monotonic() - started, 3)})
            steps.done, steps.facts = step + 1, told(figures)
            if (step + 1) % section.save_every == 0 or step + 1 == section.steps:
                save_checkpoint(session, step + 1)
    plot = finish(session, name, out) if session.lead else None
    session.accelerator.wait_for_everyone()
    last = read_metrics(out)[-1]
    return Trained(out / "model", section.steps, round(time.monotonic() - began, 1), last, plot)


def told(figures: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the figures of a step that progress shows."""
    names = ("loss", "accuracy", "accuracy_shuffled")
    return tuple(f"{name} {figures[name]:.3f}" for name in names if figures.get(name) is not None)


def finish(session: Any, name: str, out: Path) -> Path | None:
    """Write the trained model as a folder that loads like any other, and draw the curves."""
    network = session.accelerator.unwrap_model(session.network)
    temporary, final = out / ".model", out / "model"
    for each in (temporary, final):
        if each.exists():
            shutil.rmtree(each)
    copy_settings(name, temporary)
    with quiet():
        if session.config.lora is not None:
            network.save_pretrained(out / "adapter")
            network = network.merge_and_unload()
        network.save_pretrained(temporary)
    facts = json.dumps(session.facts, indent=1) + "\n"
    (temporary / "r1data.json").write_text(facts, encoding="utf-8")
    temporary.rename(final)
    return draw_metrics(out, f"{out.name}: {session.facts['phase']} of {Path(name).name}")


def copy_settings(name: str, target: Path) -> None:
    """Copy everything of a model but its weights: tokenizer, chat template, preprocessors."""
    source = Path(name)
    if not source.is_dir():
        from huggingface_hub import snapshot_download

        from r1data.release.hub_errors import cap_waits

        cap_waits()
        source = Path(snapshot_download(name, ignore_patterns=list(WEIGHTS)))
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(*WEIGHTS, ".*"))


def warn_of_lost_bonus(section: Sft | Grpo) -> None:
    """Say where T-GRPO's bonus cancels out.

    Of a group with only right and wrong answers, 0 and 1 or 0 and 1.3 give the same advantages:
    both are 1.2074 and -0.7245 for 3 right of 8, with and without the bonus.
    """
    if isinstance(section, Sft) or not section.temporal or section.scale_rewards != "group":
        return
    sys.stderr.write(
        "r1data: grpo.temporal with scale_rewards: group: where only right and wrong vary in a "
        "group, dividing by its standard deviation divides the bonus out again; with `batch` or "
        "`none` it counts\n"
    )
