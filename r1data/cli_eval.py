"""The verb eval: ask and score, score what is there, compare runs."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from r1data.cli_help import Commands
from r1data.console import JsonOpt, folder_to_write, say, show
from r1data.errors import UsageError

if TYPE_CHECKING:
    from r1data.evaluate.settings import Endpoint, Local


class Verbs(Commands):
    """Takes `r1data eval TEST ...` for `r1data eval run TEST ...`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Put `run` before what is no verb."""
        if args and self.get_command(ctx, args[0]) is None:
            args = ["run", *args]
        return super().resolve_command(ctx, args)


eval_app = typer.Typer(
    cls=Verbs,
    help="Score a model on a benchmark or a release: eval TEST, eval score FILE, eval table RUNS",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)

BenchmarkOpt = Annotated[
    str | None, typer.Option("--benchmark", help="whose questions and metric a path holds")
]
MediaOpt = Annotated[Path | None, typer.Option(help="folder of the clips' paths")]
RunOpt = Annotated[
    Path | None, typer.Option(help="folder of answers and scores", callback=folder_to_write)
]
PromptOpt = Annotated[
    str, typer.Option(help="direct, cot, video-r1, video-r1-original (published), a file.md")
]
SamplerOpt = Annotated[
    str, typer.Option(help="uniform; fps: 2 a second, up to --frames; or a rule of recipes")
]
SubtitlesOpt = Annotated[
    Path | None, typer.Option(help="folder of CLIP.srt: those of the frames, as Video-MME")
]
QuestionOnlyOpt = Annotated[
    bool, typer.Option(help="VideoMMMU's Adaptation with the question's picture alone")
]


@eval_app.command("run")
def run(
    test: Annotated[str, typer.Argument(help="a benchmark, a release, or a file of questions")],
    model: Annotated[Path | None, typer.Option(help="a model folder, asked here")] = None,
    url: Annotated[str | None, typer.Option(help="an OpenAI-compatible endpoint")] = None,
    name: Annotated[str | None, typer.Option(help="the model's name there")] = None,
    key_env: Annotated[str | None, typer.Option(help="variable that holds its key")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="requests at once")] = 32,
    send: Annotated[str, typer.Option(help="image_url or video_url")] = "image_url",
    benchmark: BenchmarkOpt = None,
    media: MediaOpt = None,
    split: Annotated[str | None, typer.Option(help="split of a release")] = None,
    out: RunOpt = None,
    frames: Annotated[int, typer.Option(min=1, help="frames a clip: 16, 32 or 64")] = 16,
    sampler: SamplerOpt = "uniform",
    max_pixels: Annotated[int, typer.Option(min=784, help="of each frame")] = 200_704,
    prompt: PromptOpt = "video-r1",
    temperature: Annotated[float, typer.Option(min=0, help="Video-R1's code: 0.1")] = 0.1,
    top_p: Annotated[float, typer.Option(min=0, max=1, help="Video-R1: 0.001")] = 0.001,
    max_tokens: Annotated[int, typer.Option(min=1, help="Video-R1: 1024")] = 1024,
    shuffled: Annotated[bool, typer.Option(help="show the frames in another order")] = False,
    subtitles: SubtitlesOpt = None,
    question_only: QuestionOnlyOpt = False,
    limit: Annotated[int | None, typer.Option(min=1, help="so many rows")] = None,
    judge_url: Annotated[str | None, typer.Option(help="endpoint that judges captions")] = None,
    judge_name: Annotated[str | None, typer.Option(help="the judge's model")] = None,
    judge_key_env: Annotated[str | None, typer.Option(help="variable of its key")] = None,
    device: Annotated[str, typer.Option(help="of a model folder: cpu, cuda")] = "cpu",
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or float16")] = "float32",
    batch: Annotated[int, typer.Option(min=1, help="questions at once of a model folder")] = 8,
    as_json: JsonOpt = False,
) -> None:
    """Ask a model and score its answers; the same command resumes. `run` may be left out.

    Example: r1data eval mmvu --url $URL --name my-model --media clips --prompt direct
    """
    from r1data.evaluate.run import evaluate
    from r1data.evaluate.settings import Local, Pinned
    from r1data.evaluate.table import report_text

    asked = asked_of(model, url, name, key_env, concurrency, send)
    if isinstance(asked, Local):
        asked = asked._replace(device=device, dtype=dtype, batch=batch)
    judge = endpoint(judge_url, judge_name, judge_key_env, 32, send) if judge_url else None
    pinned = Pinned(
        frames, max_pixels, prompt, temperature, top_p, max_tokens, shuffled=shuffled,
        question_only=question_only, subtitles=str(subtitles or ""), sampler=sampler,
    )  # fmt: skip
    folder = out or default_folder(test, str(name or (model.name if model else "")), pinned)
    found = evaluate(
        test,
        asked,
        folder,
        pinned=pinned,
        benchmark=benchmark,
        media=media,
        split=split,
        limit=limit,
        judge=judge,
    )
    show(found if as_json else report_text(found, folder))


def asked_of(
    model: Path | None,
    url: str | None,
    name: str | None,
    key_env: str | None,
    concurrency: int,
    send: str,
) -> "Endpoint | Local":
    """Return who is asked: a model folder or an endpoint, never both. Raises UsageError."""
    from r1data.evaluate.settings import Local

    if (model is None) == (url is None):
        given = "neither is" if model is None else "both are"
        raise UsageError(
            f"who is asked: --model FOLDER, or --url URL --name MODEL? {given} given: give one"
        )
    if model is not None:
        if not model.is_dir():
            raise UsageError(
                f"--model {model}: there is no folder of a model; name one that has config.json"
            )
        return Local(model)
    assert url is not None
    return endpoint(url, name, key_env, concurrency, send)


def endpoint(
    url: str, name: str | None, key_env: str | None, concurrency: int, send: str
) -> "Endpoint":
    """Return an endpoint; its key is read from the environment when it is asked."""
    from r1data.evaluate.settings import Endpoint

    if not name and url != "offline":
        raise UsageError(f"the endpoint {url} needs a model: --name, or --judge-name of a judge")
    if url != "offline" and not url.startswith(("http://", "https://")):
        raise UsageError(
            f"the endpoint '{url}' must begin with http:// or https://, as http://localhost:8000/v1"
        )
    if send not in ("image_url", "video_url"):
        raise UsageError(f"--send is image_url or video_url, not '{send}'")
    key = f"${key_env}" if key_env else ""
    return Endpoint(url, name or "offline", key, concurrency, send)


def default_folder(test: str, name: str, pinned: Any) -> Path:
    """Return evaluations/TEST-MODEL-PROMPT-FRAMES, and what else differs from the default."""
    order = f"-{pinned.sampler}" if pinned.sampler != "uniform" else ""
    for flag in ("shuffled", "question_only", "subtitles"):
        order += f"-{flag.replace('_', '-')}" if getattr(pinned, flag) else ""
    stem = Path(test).stem or "release"
    plain = "".join(c if c.isalnum() or c in "-._" else "-" for c in name or "offline")
    prompt = Path(pinned.prompt).stem
    return Path("evaluations") / f"{stem}-{plain}-{prompt}-{pinned.frames}{order}"


@eval_app.command("score")
def score(
    predictions: Annotated[Path, typer.Argument(help="outputs, or the folder of a run")],
    benchmark: BenchmarkOpt = None,
    questions: Annotated[
        Path | None, typer.Option(help="the questions, where the file has ids only")
    ] = None,
    output_column: Annotated[
        str | None, typer.Option(help="column of the model's outputs, where several are")
    ] = None,
    allow_ground_truth: Annotated[
        bool, typer.Option(help="score outputs that all equal the ground truths")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="folder for records and score", callback=folder_to_write)
    ] = None,
    as_json: JsonOpt = False,
) -> None:
    """Score predictions that are there; asks no model.

    Example: r1data eval score predictions.jsonl --benchmark vsi-bench
    """
    from r1data.evaluate.alone import score_file
    from r1data.evaluate.table import report_text

    found = score_file(predictions, benchmark, questions, out, output_column, allow_ground_truth)
    show(found if as_json else report_text(found, out))


@eval_app.command("table")
def table(
    runs: Annotated[list[Path], typer.Argument(help="folders of evaluations; the first is base")],
    gain: Annotated[
        bool, typer.Option("--knowledge-gain", help="VideoMMMU's: the first run had no video")
    ] = False,
    as_json: JsonOpt = False,
) -> None:
    """Compare runs: scores with intervals, and paired differences to the first.

    Example: r1data eval table runs/base-direct runs/base-cot runs/trained
    """
    from r1data.evaluate.table import compare, table_text

    blocks = compare(runs, gain)
    say(json.dumps(blocks, indent=1, ensure_ascii=False) if as_json else table_text(blocks))
