"""The verbs for looking: report, view."""

import errno
import sys
from pathlib import Path
from typing import Annotated

import typer

from r1data.console import BuildArg, file_to_write, say
from r1data.errors import UsageError


def report(
    build: BuildArg,
    out: Annotated[
        Path | None,
        typer.Option(help="the file; default BUILD/report.html", callback=file_to_write),
    ] = None,
) -> None:
    """One HTML file about a build, to be opened from disk: figures, drop reasons, example rows.

    Example: r1data report builds/my-cot
    """
    from r1data.building import open_build
    from r1data.release.layout import named_tables
    from r1data.report.write import write_report

    with named_tables(build):
        say(str(write_report(open_build(build), out)))


def write_demo_report(out: Path | None, quiet: bool) -> None:
    """Write the demo's report, since people look before they read."""
    from r1data.building import open_build
    from r1data.report.write import write_report

    page = write_report(open_build(out or Path("builds") / "demo"))
    if not quiet:
        say(f"page      {page}")


def view(
    path: Annotated[
        str,
        typer.Argument(help="a build, a release, a folder or file of questions, or user/name"),
    ],
    against: Annotated[
        str | None, typer.Option(help="a second one: the same question with both chains")
    ] = None,
    media_root: Annotated[
        Path | None, typer.Option(help="folder of the paths in question files")
    ] = None,
    reviews: Annotated[
        Path | None,
        typer.Option(
            help="marks of a reviewer, JSON lines; default reviews.jsonl", callback=file_to_write
        ),
    ] = None,
    agreement: Annotated[
        bool, typer.Option("--agreement", help="print how far the marks agree, serve nothing")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one")] = 0,
) -> None:
    """Look at rows in a browser, of any number: filter, search, compare, mark good or bad.

    Example: r1data view builds/my-cot --against builds/other
    """
    from r1data.release.layout import named_tables
    from r1data.report import reviews as marks
    from r1data.report.asking import Viewer
    from r1data.report.opening import open_rows
    from r1data.report.serve import serve

    file = reviews or Path("reviews.jsonl")
    if agreement:
        say(marks.agreement_text(marks.agreement(marks.read_marks(file))))
        return
    with named_tables(path):
        other = open_rows(against, media_root) if against else None
        viewer = Viewer(open_rows(path, media_root), other, marks.Reviews(file))

    def told(address: str) -> None:
        say(f"{address}\nmarks go to {file}; Ctrl-C ends it")
        sys.stdout.flush()  # a pipe or a log would hold the address back until the end

    try:
        serve(viewer, port, told)
    except OSError as problem:
        if problem.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        message = f"--port {port}: {problem.strerror}; --port 0 takes any free one"
        raise UsageError(message) from problem
