"""Small models and rows that several tests of training share."""

from pathlib import Path

from real_processors import TEXT, frames

from r1data.train.config import Config, Grpo, Optimizer, Sft, Shown
from r1data.train.model import Model, load_model
from r1data.train.rows import TrainRow
from r1data.train.run import Trained, run
from r1data.train.tiny import make_tiny

WORDS = [f"{TEXT} A. red B. green <think>red none green so first is red.</think><answer>A</answer>"]
RATE = Optimizer(1e-3)
REPLY = "<think>red none green so first is red.</think>\n<answer>A</answer>"


def tiny(folder: Path, kind: str, seed: int = 0) -> Model:
    """Make and load a small model of one kind."""
    return load_model(make_tiny(folder / kind, WORDS * 20, kind, seed, layers=2, heads=2))


def row(number: int, video: bool = True, reply: str | None = None) -> TrainRow:
    """Return a row about three frames."""
    import io

    jpegs = []
    for each in frames():
        buffer = io.BytesIO()
        each.save(buffer, "JPEG", quality=95)
        jpegs.append(buffer.getvalue())
    return TrainRow(
        id=f"own/{number}",
        kind="order",
        text=f"{TEXT} {'now ' * number}",
        jpegs=jpegs if video else jpegs[:1],
        times=[0.0, 0.5, 1.0] if video else None,
        problem_type="multiple choice",
        options=["red", "green"],
        solution="A",
        reply=reply,
    )


def config(**changes) -> Config:
    """Return a config of a few small steps."""
    sections = {
        "sft": Sft(4, 2, RATE, micro_batch=2, save_every=2),
        "grpo": Grpo(
            2, 2, RATE, samples=4, max_tokens=6, rollout_batch=8, micro_batch=4, save_every=1
        ),
    }
    return Config(**{"prompt": "brief", "frames": Shown(4, 1024), **sections, **changes})


ROWS = [row(i, video=i % 3 != 2, reply=REPLY) for i in range(5)]


def phase(name: str, model: str, out: Path, settings: Config) -> Trained:
    """Run a phase on five rows, videos and pictures mixed."""
    out.mkdir(exist_ok=True)
    return run(model, settings, getattr(settings, name), ROWS, out, {"phase": name})
