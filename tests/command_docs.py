"""docs/commands.md, drawn from the commands: `python tests/command_docs.py` writes it anew."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from r1data.cli import app

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
HEAD = """\
# Commands

Every verb with what it takes, drawn from the program itself. Exit codes: 0 done, 1 failed, 2 wrong
usage or recipe, 3 finished but not all that was asked for, 4 budget spent, 130 stopped by Ctrl-C.
"""


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command below one, with its full name."""
    if hasattr(command, "commands"):
        for below in sorted(command.commands):
            yield from commands(command.commands[below], f"{name} {below}")
    else:
        yield name, command


def section(name: str, command: Any) -> str:
    """One command: its line, what it does, its options."""
    context = command.context_class(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    rows = [each.get_help_record(context) for each in command.params if each.name != "help"]
    lines = [f"| `{what}` | {text} |" for what, text in filter(None, rows)]
    table = "\n".join(["| | |", "|---|---|", *lines]) if lines else ""
    return f"## {name}\n\n{(command.help or '').strip()}\n\n```\n{usage}\n```\n\n{table}".rstrip()


def page() -> str:
    """The whole page."""
    top = get_command(app)
    found = [section(name, command) for name, command in commands(top, "r1data")]
    return "\n\n".join([HEAD.rstrip(), *found]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
