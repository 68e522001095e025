"""docs/commands.md, drawn from the commands: `python tests/command_docs.py` writes it anew."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from r1data.cli import app
from r1data.cli_help import GROUPS

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
HEAD = """\
# Commands

Every verb with what it takes, drawn from the program itself.

Exit codes: 0 done · 1 failed · 2 wrong usage or recipe · 3 finished, but tasks were set aside, or
more rows fell out or failed than `run.allowed_drops` and `run.allowed_failed` say, or
`sources check` met rows that fall out · 4 budget spent · 130 stopped by Ctrl-C. `--debug` shows
tracebacks, `--json` prints what a verb reads as JSON.

Ctrl-C once lets the answers in flight come home, twice stops now; either way the same command goes
on. On a terminal one line tells answers done of answers wanted, failures, time left, rate, tokens,
money where there are prices, and the last fault in the server's own words. In a pipe or on a
terminal with `TERM=dumb` there is one line at the start and one a minute.
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
    return "\n\n".join([HEAD.rstrip(), *overview(top), *found]) + "\n"


def overview(top: Any) -> Iterator[str]:
    """The groups of `r1data --help` as tables."""
    for title, names in GROUPS.items():
        rows = [
            f"| `{name}` | {' '.join((each.help or '').partition('Example: ')[0].split())} |"
            for verb in names
            for name, each in commands(top.commands[verb], f"r1data {verb}")
        ]
        yield "\n".join([f"| {title} | |", "|---|---|", *rows])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
