"""What all verbs of the command share: their arguments, and how they print."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from r1data.errors import R1DataError

RecipeArg = Annotated[str, typer.Argument(help="a recipe file, or the name of a shipped one")]
BuildArg = Annotated[Path, typer.Argument(help="the folder of a build")]
OutOpt = Annotated[Path | None, typer.Option(help="folder of the build; default builds/NAME")]
LimitOpt = Annotated[int | None, typer.Option(min=1, help="at most so many rows a source")]
EngineOpt = Annotated[str | None, typer.Option(help="pool or inline; default: the recipe's")]
WorkersOpt = Annotated[int | None, typer.Option(min=1, help="worker processes")]
SetOpt = Annotated[list[str] | None, typer.Option("--set", help="change the recipe: key.key=value")]
JsonOpt = Annotated[bool, typer.Option("--json", help="print JSON")]


def show(value: Any, compact: bool = False) -> None:
    """Print a text as it is, anything else as JSON."""
    indent = None if compact else 1
    text = json.dumps(value, indent=indent, ensure_ascii=False, default=str)
    say(value if isinstance(value, str) else text)


def say(text: str) -> None:
    """Print a text on standard output."""
    sys.stdout.write(text + "\n")


def complain(error: R1DataError) -> None:
    """Print an error for a person."""
    sys.stderr.write(f"r1data: {error}\n")
