"""The r1data command: thin verbs over the Python functions."""

import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from r1data import __version__
from r1data.cli_eval import eval_app
from r1data.cli_help import Program
from r1data.cli_init import init
from r1data.cli_release import check, clean, diff, export, materialise, publish
from r1data.cli_report import report, view, write_demo_report
from r1data.cli_sources import media_app, screen_app, sources_app
from r1data.cli_train import demo_loop, train_app
from r1data.cli_verify import verify
from r1data.console import (
    BuildArg,
    EngineOpt,
    JsonOpt,
    LimitOpt,
    OutOpt,
    RecipeArg,
    SetOpt,
    WorkersOpt,
    complain,
    say,
    show,
)
from r1data.errors import DONE, FAILED, SET_ASIDE, Interrupted, R1DataError, UsageError, file_fault
from r1data.progress import after_ctrl_c

app = typer.Typer(
    name="r1data",
    cls=Program,
    help="Make verified video-reasoning datasets: from questions and clips to Parquet shards.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(sources_app, name="sources")
app.add_typer(media_app, name="media")
app.add_typer(screen_app, name="screen")
app.add_typer(eval_app, name="eval")
app.add_typer(train_app, name="train")

DEBUG = "--debug"


@app.callback(invoke_without_command=True)
def top(
    version: Annotated[bool, typer.Option("--version", help="print the version")] = False,
    debug: Annotated[bool, typer.Option(DEBUG, help="show tracebacks")] = False,
) -> None:
    """Options of all commands."""
    if version:
        say(f"r1data {__version__}")
        raise typer.Exit(DONE)


@app.command()
def build(
    recipe: RecipeArg,
    out: OutOpt = None,
    limit: LimitOpt = None,
    until: Annotated[str | None, typer.Option(help="stop after this stage")] = None,
    engine: EngineOpt = None,
    workers: WorkersOpt = None,
    reuse: Annotated[
        list[Path] | None, typer.Option(help="a build whose paid answers count here too")
    ] = None,
    part: Annotated[str | None, typer.Option(help="engine part: which of how many, as 0/8")] = None,
    wait: Annotated[
        float | None, typer.Option(min=0, help="seconds a part waits while no other is at work")
    ] = None,
    set_: SetOpt = None,
    as_json: JsonOpt = False,
) -> None:
    """Run or resume a build: the same command.

    Example: r1data build my.yaml --workers 4
    """
    more = {"reuse": reuse or (), "part": part, "wait": wait}
    run(recipe, out, limit, until, engine, workers, set_, as_json, **more)


def staged(name: str, stage: str, text: str) -> None:
    """Add the verb `name`: build until `stage`."""

    def verb(
        recipe: RecipeArg,
        out: OutOpt = None,
        limit: LimitOpt = None,
        engine: EngineOpt = None,
        workers: WorkersOpt = None,
        set_: SetOpt = None,
        as_json: JsonOpt = False,
    ) -> None:
        run(recipe, out, limit, stage, engine, workers, set_, as_json)

    app.command(name, help=f"{text}\n\nExample: r1data {name} my.yaml")(verb)


staged("download", "media", "Build until the media of the chosen rows are here.")
staged("frames", "frames", "Build until the frames are taken.")
staged("probe", "probes", "Build until the last probe has asked.")
staged("cot", "responses", "Build until the teacher has answered.")
staged("filter", "selection", "Build until right answers are chosen.")


def run(
    recipe: str,
    out: Path | None,
    limit: int | None,
    until: str | None,
    engine: str | None,
    workers: str | None,
    overrides: list[str] | None,
    as_json: bool,
    **more: Any,
) -> None:
    """Build, print the summary, and exit with 3 where the build is not all that was asked for."""
    from r1data.building import build
    from r1data.recipe import load_recipe
    from r1data.shortfall import shortfall
    from r1data.summary import as_dict, summary

    checked = load_recipe(recipe, overrides or [], limit)
    how = {"engine": engine, "workers": whole(workers), "until": until}
    done = build(checked, out=out, **how, **more)
    show(as_dict(done) if as_json else summary(done))
    soft = shortfall(done, checked.run)
    if soft is not None:
        complain(soft)
        raise typer.Exit(SET_ASIDE)


def whole(workers: str | None) -> int | str | None:
    """Read --workers: a number, or auto."""
    if workers is None or workers == "auto":
        return workers
    if not workers.isdecimal() or int(workers) < 1:
        raise UsageError(f"--workers {workers}: give a number from 1, or auto")
    return int(workers)


@app.command()
def demo(
    out: OutOpt = None,
    engine: EngineOpt = None,
    workers: WorkersOpt = None,
    loop: Annotated[
        bool, typer.Option("--loop", help="train a small model on what was built, and test it")
    ] = False,
    seed: Annotated[int | None, typer.Option(help="of --loop; default 0")] = None,
    as_json: JsonOpt = False,
) -> None:
    """Every stage on moving shapes with a teacher that looks at pixels; no key, no network.

    Example: r1data demo --out builds/demo
    """
    if loop:
        if engine is not None or workers is not None:
            raise UsageError("--loop takes neither --engine nor --workers")
        demo_loop(out, seed or 0, as_json)
        return
    if seed is not None:
        raise UsageError("--seed goes with --loop")
    run("demo", out, None, None, engine, workers, None, as_json)
    write_demo_report(out, as_json)


@app.command()
def plan(
    recipe: RecipeArg,
    limit: LimitOpt = None,
    probe: Annotated[
        int | None, typer.Option(min=1, help="ask the teacher so many, and extrapolate")
    ] = None,
    set_: SetOpt = None,
    as_json: JsonOpt = False,
) -> None:
    """Rows, bytes, requests, tokens, cost, licences; sends nothing but what --probe asks.

    Example: r1data plan my.yaml --probe 20
    """
    from r1data.plan import make_plan, plan_text
    from r1data.recipe import load_recipe

    checked = load_recipe(recipe, set_ or [], limit)
    if probe is not None and checked.teacher is None:
        raise UsageError(f"--probe asks the teacher, and {recipe} has none: leave --probe out")
    made = make_plan(checked)
    if probe is None:
        show(made if as_json else plan_text(made))
        return
    from r1data.doctor_recipe import endpoint_problems
    from r1data.teacher.trial import trial_text, try_some

    problems = endpoint_problems(checked)
    rows = made["rows"] - sum(made["dropped_already"].values())
    tried = try_some(checked, probe, rows, Path("builds") / f"{checked.name}-trial")
    both = {**made, "trial": tried._asdict(), "problems": problems}
    told = [plan_text(made), trial_text(tried), *(f"problem  {each}" for each in problems)]
    show(both if as_json else "\n".join(told))
    if problems:
        raise typer.Exit(FAILED)


@app.command()
def status(build: BuildArg, as_json: JsonOpt = False) -> None:
    """How far a build is, and what fell out so far.

    Example: r1data status builds/my-cot
    """
    from r1data.building import open_build
    from r1data.status import status_dict, status_text

    found = status_dict(open_build(build, rows=""))
    show(found if as_json else status_text(found))


@app.command()
def why(
    build: BuildArg,
    identity: Annotated[str, typer.Argument(metavar="ID", help="of a sample: source/row-id")],
    as_json: JsonOpt = False,
) -> None:
    """What became of one sample, stage by stage.

    Example: r1data why builds/demo shapes/0019
    """
    from r1data.building import open_build
    from r1data.release.layout import named_tables
    from r1data.why import why_dict, why_text

    with named_tables(build):
        story = why_dict(open_build(build), identity)
    show(story if as_json else why_text(story))


for verb in (report, view, check, clean, diff, export, init, materialise, publish, verify):
    app.command()(verb)


@app.command()
def doctor(
    recipe: Annotated[str | None, typer.Argument(help="ask the lanes of this recipe too")] = None,
    as_json: JsonOpt = False,
) -> None:
    """What this machine has and lacks, and whether a recipe's endpoints take what it sends.

    Example: r1data doctor my.yaml
    """
    from r1data.doctor import examine, findings_text

    findings = examine(recipe)
    show([each._asdict() for each in findings] if as_json else findings_text(findings))
    if any(each.state == "problem" for each in findings):
        raise typer.Exit(1)


def main() -> None:
    """Run the command; an error is one line and its exit code, a traceback only with --debug."""
    debug = DEBUG in sys.argv
    sys.argv = [each for each in sys.argv if each != DEBUG]
    try:
        app()
    except R1DataError as error:
        if debug:
            raise
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left that it could stop
        if isinstance(error, Interrupted):
            after_ctrl_c()
        complain(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(DONE)
    except OSError as problem:
        if debug:
            raise
        complain(file_fault(problem))
        sys.exit(FAILED)
