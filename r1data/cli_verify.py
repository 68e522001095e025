"""The verb that judges a file of completions: verify."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from r1data.console import file_to_write, say
from r1data.errors import UsageError


def verify(
    file: Annotated[
        Path, typer.Argument(help="JSON lines with problem_type, completion, solution")
    ],
    preset: Annotated[
        str, typer.Option(help="canonical, canonical-math or video-r1")
    ] = "canonical",
    out: Annotated[
        Path | None, typer.Option(help="write JSON lines here", callback=file_to_write)
    ] = None,
    compare: Annotated[str | None, typer.Option(help="a second preset: who judges how")] = None,
    explain: Annotated[int | None, typer.Option(min=1, help="explain this line")] = None,
    agreement: Annotated[
        bool, typer.Option("--agreement", help="error rates against each row's label")
    ] = False,
) -> None:
    """Score completions: reward, right, seen, why, rule, preset and version for each line.

    With --agreement each row has a label (true or false); --out then takes the disagreements.

    Example: r1data verify answers.jsonl --preset video-r1 --out scored.jsonl
    """
    from r1data.rewards import lines

    other = compare is not None or explain is not None
    if (agreement and other) or sum(each is not None for each in (compare, explain, out)) > 1:
        raise UsageError(
            "--agreement, --compare, --explain and --out are different commands: "
            "give one of them, or --agreement with --out"
        )
    if agreement:
        say(agreement_with(file, preset, out))
    elif compare is not None:
        say(lines.comparison_text(lines.compare(lines.read_rows(file), preset, compare)))
    elif explain is not None:
        say(explain_row(file, explain, preset))
    elif out is not None:
        say_counts(lines.score_file(file, out, preset=preset, tell=say_aside))
    else:
        for line, added in lines.judged(lines.read_rows(file), preset):
            if "fault" in added:
                say_aside(added["fault"])
            sys.stdout.buffer.write(lines.extended(line, added))


def agreement_with(file: Path, preset: str, out: Path | None) -> str:
    """Return the error rates of a preset on labelled rows; write the disagreements to `out`."""
    from r1data.grid.shards import replace_file
    from r1data.rewards.agreement import agreement, agreement_text
    from r1data.rewards.lines import read_rows

    if out is not None and out.exists() and out.samefile(file):
        raise UsageError(f"--out {out} is the file to read: name another one")
    found = agreement(read_rows(file), preset, say_aside)
    if out is not None:
        replace_file(out, lambda path: path.write_bytes(b"".join(found.disagreements)))
    return agreement_text(found)


def explain_row(file: Path, number: int, preset: str) -> str:
    """Explain how the row at a place of the file was judged."""
    from itertools import islice

    from r1data.rewards.explain import explain
    from r1data.rewards.lines import read_rows

    for line in islice(read_rows(file), number - 1, number):
        return explain(line, preset)
    raise UsageError(f"--explain {number}: {file} has fewer rows")


def say_aside(text: str) -> None:
    """Say something on standard error, beside what is written."""
    sys.stderr.write(f"r1data: {text}\n")


def say_counts(counts: Mapping[str, int]) -> None:
    """Tell on standard error how often each reason was given."""
    told = ", ".join(f"{why} {count:,}" for why, count in sorted(counts.items()))
    sys.stderr.write(f"{sum(counts.values()):,} lines: {told}\n")
