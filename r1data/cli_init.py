"""The verb `r1data init`: asks what is not said on the command line."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from r1data.console import say
from r1data.errors import UsageError


def init(
    questions: Annotated[
        Path | None, typer.Argument(help="JSON, JSON lines, CSV or Parquet; default: the only one")
    ] = None,
    clips: Annotated[Path | None, typer.Option(help="folder of the clips or pictures")] = None,
    name: Annotated[str | None, typer.Option(help="of the recipe and its build")] = None,
    model: Annotated[str | None, typer.Option(help="the teacher's name at its endpoint")] = None,
    url: Annotated[
        str | None, typer.Option(help="of the endpoint, $NAME from the environment, or offline")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="variable that holds its key, as $NAME; '' for none")
    ] = None,
    license_: Annotated[
        str | None, typer.Option("--license", help="of your questions and clips: CC-BY-4.0, ...")
    ] = None,
) -> None:
    """Write a recipe for own clips and questions; asks for what is not given.

    Example: r1data init questions.csv --clips clips --model Qwen2.5-VL-72B-Instruct --url $URL
    """
    from r1data import init as making

    found = questions or making.question_file_here(Path())
    path = Path(asked("Questions (JSON, JSON lines, CSV, Parquet)", found, "QUESTIONS"))
    root = Path(asked("Folder of the clips", clips or making.media_root_of(path), "--clips", clips))
    seen = making.look(path, root)
    say("\n".join(["", f"{seen.rows} rows read:", *(f"  {each}" for each in seen.told), ""]))
    wishes = making.Wishes(
        name=asked("Name", name or path.absolute().parent.name, "--name", name),
        questions=path,
        media_root=root,
        model=asked("Teacher's model", model or "Qwen2.5-VL-72B-Instruct", "--model", model),
        url=asked("Endpoint", url or "$TEACHER_URL", "--url", url),
        key=key_of(asked("Variable of its key", key or "$TEACHER_KEY", "--key", key), url),
        license=asked("Their licence", license_ or "unknown", "--license", license_),
    )
    written = making.write_recipe(wishes, seen)
    say(
        f"wrote {written}\n\n"
        f"look      r1data sources check {written}\n"
        f"cost      r1data plan {written}\n"
        f"build     r1data build {written}"
    )


def asked(question: str, default: object, option: str, given: object = None) -> str:
    """Return what was given; else ask on a terminal; else take what was found, or complain."""
    if given is not None:
        return str(given)
    if sys.stdin.isatty():
        return str(typer.prompt(question, default=None if default is None else str(default)))
    if default is None:
        raise UsageError(f"{question.split(' (')[0].lower()}: none found here; give {option}")
    return str(default)


def key_of(key: str, url: str | None) -> str:
    """Return the lane's key; the offline teacher has none."""
    return "" if url == "offline" else key
