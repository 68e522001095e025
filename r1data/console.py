"""What all verbs of the command share: their arguments, and how they print."""

import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from r1data.errors import R1DataError, UsageError
from r1data.kinds import unwritable

RecipeArg = Annotated[str, typer.Argument(help="a recipe file, or the name of a shipped one")]
BuildArg = Annotated[Path, typer.Argument(help="the folder of a build")]


def folder_to_write(out: Path | None) -> Path | None:
    """Refuse an --out below which no folder can be, before any work is done for it."""
    return refuse_unwritable(out, out)


def file_to_write(out: Path | None) -> Path | None:
    """Refuse an --out that no file can be written to, before any work is done for it."""
    if out is not None and out.is_dir():
        raise UsageError(f"{out} is a folder: name a file")
    return refuse_unwritable(out, None if out is None else out.parent)


def refuse_unwritable(out: Path | None, folder: Path | None) -> Path | None:
    """Return `out`; raise UsageError where the folder that is to hold it cannot be written."""
    from r1data.grid.store import address_of

    if out is not None and folder is not None and not address_of(out):
        fault = unwritable(folder)
        if fault:
            raise UsageError(f"{out} cannot be written: {fault}; name another path")
    return out


OutOpt = Annotated[
    Path | None,
    typer.Option(help="folder of the build; default builds/NAME", callback=folder_to_write),
]
LimitOpt = Annotated[int | None, typer.Option(min=1, help="at most so many rows a source")]
EngineOpt = Annotated[
    str | None, typer.Option(help="pool, ray, part or inline; default: the recipe's")
]
WorkersOpt = Annotated[
    str | None,
    typer.Option(help="worker processes; default: auto, from processors and memory"),
]
SetOpt = Annotated[list[str] | None, typer.Option("--set", help="change the recipe: key.key=value")]
JsonOpt = Annotated[bool, typer.Option("--json", help="print JSON")]


# All controls but tab and line feed, and Unicode's marks of direction (its UAX 9).
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def show(value: Any, compact: bool = False) -> None:
    """Print a text as it is, anything else as JSON."""
    indent = None if compact else 1
    text = json.dumps(value, indent=indent, ensure_ascii=False, default=str)
    say(value if isinstance(value, str) else text)


def say(text: str) -> None:
    """Print a text on standard output."""
    sys.stdout.write(harmless(text) + "\n")


def complain(error: R1DataError) -> None:
    """Print an error for a person."""
    sys.stderr.write(f"r1data: {harmless(str(error))}\n")


def harmless(text: str) -> str:
    """Write out what would move the cursor, ring, recolour or turn the reading order.

    Questions, file names and answers come from strangers. The form is JSON's, so that JSON stays
    what it was; lines and tabs stay.
    """
    return UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
