"""The verb `r1data init`: asks what is not said on the command line."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from r1data.console import say
from r1data.errors import UsageError


def init(
    questions: Annotated[
        Path | None,
        typer.Argument(help="CSV, Excel, JSON, JSON lines or Parquet; default: the only one"),
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
        str | None, typer.Option("--license", help="of your questions and clips, as CC-BY-4.0")
    ] = None,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="ROLE=COLUMN",
            help="which column is what, as ground_truth=A, options=A,B,C; may be repeated",
        ),
    ] = None,
    sheet: Annotated[str, typer.Option(help="of a spreadsheet with several")] = "",
    rows_at: Annotated[str, typer.Option(help="path of the rows in nested JSON")] = "",
) -> None:
    """Write a recipe for own clips and questions; asks for what is not given.

    Example: r1data init questions.csv --clips clips --model Qwen2.5-VL-72B-Instruct --url $URL
    """
    from r1data import init as making
    from r1data.sources.reading import Layout, form_of

    if name is not None:
        making.recipe_path(name)
    path = making.question_file(questions or table_asked())
    form_of(path)  # a file that cannot be read is said before the next question is asked
    root = Path(asked("Folder of the clips", clips or making.media_root_of(path), clips))
    seen = making.look(path, root, given_columns(map_ or []), Layout(sheet, rows_at))
    say("\n".join(["", *seen.told, "", making.shown_row(seen), ""]))
    say("\n".join([f"kept     {len(seen.kept):,} of {len(seen.rows):,} rows", *seen.fallen, ""]))
    named = asked("Name", name or path.absolute().parent.name, name)
    teacher = asked("Teacher's model", model or "Qwen2.5-VL-72B-Instruct", model)
    endpoint = asked("Endpoint", url or "$TEACHER_URL", url)
    wishes = making.Wishes(
        name=named,
        questions=path,
        model=teacher,
        url=endpoint,
        key="" if endpoint == "offline" else asked("Variable of its key", "$TEACHER_KEY", key),
        license=asked("Their licence", license_ or "unknown", license_),
    )
    written = making.write_recipe(wishes, seen)
    say(
        f"wrote {written}\n\n"
        f"look      r1data sources check {written}\n"
        f"cost      r1data plan {written}\n"
        f"build     r1data build {written}"
    )


def given_columns(given: list[str]) -> dict[str, str]:
    """Return what `--map ROLE=COLUMN` says. Raises UsageError."""
    for each in given:
        if "=" not in each:
            raise UsageError(f"--map {each}: write it as ground_truth=COLUMN")
    return dict(each.split("=", 1) for each in given)


def table_asked() -> Path:
    """Return the table of questions where none is named: the only one here, or what is typed."""
    from r1data.errors import InputError
    from r1data.init import question_file

    try:
        return Path(
            asked("Questions (CSV, Excel, JSON, JSON lines, Parquet)", question_file(Path()))
        )
    except InputError as problem:
        if not sys.stdin.isatty():
            raise UsageError(f"{problem}: r1data init QUESTIONS") from problem
        return Path(str(typer.prompt("Questions (CSV, Excel, JSON, JSON lines, Parquet)")))


def asked(question: str, default: object, given: object = None) -> str:
    """Return what was given; else ask on a terminal; else take what was found."""
    if given is not None:
        return str(given)
    if sys.stdin.isatty():
        return str(typer.prompt(question, default=str(default)))
    return str(default)
