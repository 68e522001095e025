"""The verbs that train: train sft, train grpo, and demo --loop."""

from pathlib import Path
from typing import Annotated

import typer

from r1data.cli_help import Commands
from r1data.console import JsonOpt, SetOpt, folder_to_write, show

train_app = typer.Typer(
    cls=Commands,
    help="Train a vision model on a release: sft on its chains, grpo on its truths.",
    no_args_is_help=True,
)

ReleaseArg = Annotated[Path, typer.Argument(help="a build or a release")]
ModelOpt = Annotated[str, typer.Option(help="a model folder, or its name on the Hub")]
ConfigOpt = Annotated[
    str, typer.Option(help="tiny-cpu, qwen2.5-vl-7b-sft, qwen2.5-vl-7b-tgrpo, or a file")
]
RunOpt = Annotated[
    Path,
    typer.Option(
        "--out", help="folder of the run; the same one resumes it", callback=folder_to_write
    ),
]


@train_app.command()
def sft(
    release: ReleaseArg,
    model: ModelOpt,
    config: ConfigOpt,
    out: RunOpt,
    set_: SetOpt = None,
    as_json: JsonOpt = False,
) -> None:
    """Learn to say what the teacher said; the prompt is masked.

    Example: r1data train sft builds/my-cot --model MODEL --config qwen2.5-vl-7b-sft --out runs/sft
    """
    run("sft", release, model, config, out, set_, as_json)


@train_app.command()
def grpo(
    release: ReleaseArg,
    model: ModelOpt,
    config: ConfigOpt,
    out: RunOpt,
    set_: SetOpt = None,
    as_json: JsonOpt = False,
) -> None:
    """Answer, be judged by the truths, and get better; T-GRPO with `temporal: true`.

    Example: r1data train grpo builds/rl --model runs/sft --config tiny-cpu --out runs/grpo
    """
    run("grpo", release, model, config, out, set_, as_json)


def run(
    phase: str,
    release: Path,
    model: str,
    config: str,
    out: Path,
    overrides: list[str] | None,
    as_json: bool,
) -> None:
    """Train, and say where the model is."""
    from r1data.train.config import load_config
    from r1data.train.run import train

    done = train(phase, release, model, load_config(config, overrides or []), out)
    if as_json:
        show(done._asdict())
        return
    figures = " ".join(f"{k} {v:.4g}" for k, v in done.last.items() if isinstance(v, int | float))
    where = f"curves: {done.plot}" if done.plot else "curves need: pip install matplotlib"
    show(f"{done.model}: {done.steps} steps in {done.seconds:.0f} s\n  {figures}\n  {where}")


def demo_loop(out: Path | None, seed: int, as_json: bool) -> None:
    """Run the closed loop and print accuracies by kind of question."""
    from r1data.train.loop import close_loop, loop_text

    found = close_loop(out or Path("builds") / f"loop-{seed}", seed)
    show(found if as_json else loop_text(found))
