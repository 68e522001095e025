"""The closed loop on a CPU: clips -> releases -> SFT -> GRPO -> held-out questions, in minutes.

What it shows: a teacher errs on order, and the truths that it is checked against err as it does, so
that verified chains still teach both ends of a readout. SFT on them learns to read clips out and
takes either end; rewards by right truths repair that, and more of the same SFT does not.
"""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from r1data.building import Build, build
from r1data.errors import R1DataError, load_package
from r1data.sections import Run
from r1data.shortfall import shortfall
from r1data.train.config import Config, Sft, load_config
from r1data.train.model import INSTALL, Model, generate, load_model
from r1data.train.moments import make_clips, write_clips
from r1data.train.rows import TrainRow, View, encode_row, load_rows, shuffled_order
from r1data.train.run import train
from r1data.train.scoring import accuracy_of, required
from r1data.train.tiny import make_tiny

# Questions of each kind. Of those on order with chains a quarter falls out, since neither of the
# teacher's two answers says what the file states.
SFT, RL, HELD = 350, 160, 200
# The wrong end is the likelier one. At one half neither is, and greedy answers after SFT were .59,
# .465 and .87 right for seeds 0, 1 and 2: there is no telling what SFT will have learned of a tie.
MISLABELLED = 0.6
# The share of counts that must be right before rewards can teach anything: at a loose readout 60
# steps of GRPO changed .28 to .22.
READS, ROUNDS = 0.8, 3
# As many steps of SFT as cost the CPU time of the 60 steps of GRPO.
PROLONGED = 300
# The longest answer where the config has no section grpo that says so: Video-R1's, for evaluation.
ANSWER_TOKENS = 1024


def close_loop(out: Path, seed: int) -> dict[str, Any]:
    """Run the whole loop in `out` and return accuracies by kind of question, and the seconds."""
    load_package("transformers", INSTALL)
    load_package("torch", INSTALL).set_num_threads(1)  # two threads were slower: 0.65 s for 0.36
    began, worked = time.monotonic(), cpu_seconds()
    config = replace(load_config("tiny-cpu"), seed=seed)
    chains = released(out, "sft", seed, SFT, MISLABELLED)
    questions = released(out, "rl", seed, RL, 0.0)
    held = load(config, released(out, "held-out", seed, HELD, 0.0))
    made = time.monotonic()
    taught = load(config, chains)
    base = make_tiny(out / "base", [f"{row.text} {row.reply}" for row in taught], seed=seed)
    say(f"releases are made: {len(taught)} chains; SFT begins")
    sft = learn_to_read(chains, questions, base, config, out)
    say("SFT is done; GRPO begins")
    rl = train("grpo", questions, sft, config, out / "grpo").model
    say("GRPO is done; SFT goes on for as long, to compare")
    prolonged = train("sft", chains, sft, with_steps(config, PROLONGED), out / "prolonged").model
    trained = time.monotonic()
    models = {"before": base, "after_sft": sft, "after_rl": rl, "prolonged_sft": prolonged}
    found: dict[str, Any] = {
        name: accuracy(load_model(model), held, config) for name, model in models.items()
    }
    found["shuffled"] = accuracy(load_model(rl), held, config, shuffled=True)
    ended = time.monotonic()
    spans = {"releases": made - began, "training": trained - made, "evaluation": ended - trained}
    return {
        **found,
        "held_out": {kind: sum(row.kind == kind for row in held) for kind in kinds_of(held)},
        "seed": seed,
        "settings": {"chains": len(taught), "mislabelled": MISLABELLED, "prolonged": PROLONGED},
        "seconds": round(ended - began, 1),
        "cpu_seconds": round(cpu_seconds() - worked, 1),
        "seconds_of": {name: round(value, 1) for name, value in spans.items()},
    }


def cpu_seconds() -> float:
    """Return the CPU time of this process and of those that it has waited for."""
    return sum(os.times()[:4])


def released(out: Path, name: str, seed: int, count: int, mislabelled: float) -> Path:
    """Draw clips with questions and build a release of them; return its folder."""
    folder = out / name
    clips = make_clips({"order": count, "count": count}, f"{seed}/{name}", mislabelled)
    path = write_clips(clips, folder / "source", f"{seed}/{name}")
    recipe = "loop" if name == "sft" else "loop-rl"
    places = [f"sources.own.path={path}", f"sources.own.media_root={path.parent}"]
    overrides = [*places, f"seed={seed}"]
    return build_whole(recipe, out=folder / "build", overrides=overrides).release


def build_whole(recipe: str | Path, **options: Any) -> Build:
    """Build, and raise ShardFault where shards were set aside: half a release teaches less."""
    done = build(recipe, **options)
    fault = shortfall(done, Run())
    if fault is not None:
        raise fault
    return done


def load(config: Config, release: Path) -> list[TrainRow]:
    """Read the rows of a release as training does."""
    return load_rows(release, View(config.prompt, config.frames.count, config.frames.max_pixels))


def with_steps(config: Config, steps: int) -> Config:
    """Return the config with other steps of SFT."""
    assert config.sft is not None
    return replace(config, sft=replace(config.sft, steps=steps))


def learn_to_read(chains: Path, questions: Path, base: Path, config: Config, out: Path) -> Path:
    """Train on the chains until counts are read out right on questions that GRPO trains on.

    Between 250 and 500 steps a model learns to read, all of a sudden, which seeds it depends on;
    the rounds go on from each other.
    """
    assert isinstance(config.sft, Sft)
    gate = [row for row in load(config, questions) if row.kind == "count"]
    model = base
    for number in range(1, ROUNDS + 1):
        model = train("sft", chains, model, config, out / f"sft-{number}").model
        reads = accuracy(load_model(model), gate, config)["count"]
        say(f"round {number} of SFT: {reads:.0%} of counts are right")
        if reads > READS:
            return model
    raise R1DataError(f"after {ROUNDS} rounds of SFT the model cannot count: try another --seed")


def accuracy(
    model: Model, rows: Sequence[TrainRow], config: Config, shuffled: bool = False
) -> dict[str, float]:
    """Return the share of right greedy answers by kind of question."""
    rewards = rewards_of(model, rows, config, shuffled)
    return {
        kind: round(mean([r for r, row in zip(rewards, rows, strict=True) if row.kind == kind]), 4)
        for kind in kinds_of(rows)
    }


def rewards_of(
    model: Model,
    rows: Sequence[TrainRow],
    config: Config,
    shuffled: bool = False,
    temperature: float = 0.0,
) -> list[float]:
    """Return the verifier's reward of an answer to each row, frames in order or shuffled.

    Temperature 0 is greedy; above it answers follow from the config's seed.
    """
    orders = [shuffled_order(row, f"eval/{row.id}") if shuffled else None for row in rows]
    prompts = [
        encode_row(model, row, config.frames.max_pixels, order)
        for row, order in zip(rows, orders, strict=True)
    ]
    most = config.grpo.max_tokens if config.grpo is not None else ANSWER_TOKENS
    texts = generate(model, prompts, most, temperature, config.seed)
    pairs = zip(rows, texts, strict=True)
    return [required(row, accuracy_of(row, text, "canonical")) for row, text in pairs]


def kinds_of(rows: Sequence[TrainRow]) -> list[str]:
    """Return the kinds of question, sorted."""
    return sorted({row.kind for row in rows})


def mean(values: Sequence[float]) -> float:
    """Return the mean."""
    return sum(values) / len(values)


def loop_text(found: Mapping[str, Any]) -> str:
    """Return the result as a table for a person."""
    kinds = list(found["held_out"])
    told = {
        "before": "before training",
        "after_sft": "after SFT on the chains",
        "prolonged_sft": "after as much SFT again",
        "after_rl": "after GRPO on the truths",
        "shuffled": "the same, frames shuffled",
    }
    lines = [f"{'right answers to held-out questions':38}" + "".join(f"{k:>9}" for k in kinds)]
    for name, text in told.items():
        lines.append(f"  {text:36}" + "".join(f"{found[name][kind]:9.2f}" for kind in kinds))
    asked = ", ".join(f"{count} on {kind}" for kind, count in found["held_out"].items())
    return "\n".join([*lines, f"questions: {asked}; seconds: {found['seconds']:.0f}"])


def say(text: str) -> None:
    """Tell on standard error how far the loop is."""
    sys.stderr.write(f"loop: {text}\n")
