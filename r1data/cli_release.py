"""The verbs about releases: check, diff, export, publish."""

from pathlib import Path
from typing import Annotated

import typer

from r1data.console import BuildArg, JsonOpt, folder_to_write, say, show
from r1data.errors import UsageError

ReleaseArg = Annotated[Path, typer.Argument(help="a build or a release")]


def check(
    path: Annotated[
        str,
        typer.Argument(help="a build, a release, question files in Video-R1's form, or user/name"),
    ],
    media_root: Annotated[
        Path | None, typer.Option(help="folder of the paths in question files")
    ] = None,
    as_json: JsonOpt = False,
) -> None:
    """Prove that nothing was lost and every file is whole; exit code 1 where something is wrong.

    Example: r1data check builds/my-cot
    """
    from r1data.release.check import check as examine
    from r1data.summary import check_text

    report = examine(path, media_root)
    named = {**report._asdict(), "findings": [each._asdict() for each in report.findings]}
    show(named if as_json else check_text(report))
    if report.findings:
        raise typer.Exit(1)


def diff(
    before: ReleaseArg,
    after: ReleaseArg,
    as_json: JsonOpt = False,
) -> None:
    """Rows added, changed and removed from one release to the next.

    Example: r1data diff builds/first builds/second
    """
    from r1data.release.diff import diff as compare

    found = compare(before, after)
    show(found._asdict() if as_json else found.text())


def export(
    path: ReleaseArg,
    to: Annotated[
        str,
        typer.Option(help="video-r1, trl, verl, easyr1, llamafactory, ms-swift, webdataset, jsonl"),
    ],
    out: Annotated[Path, typer.Option(help="a new folder", callback=folder_to_write)],
    media: Annotated[str, typer.Option(help="frames, or files: the clips themselves")] = "frames",
    media_root: Annotated[Path | None, typer.Option(help="folder of the clips")] = None,
) -> None:
    """Write a release in the form that a trainer reads.

    Example: r1data export builds/my-cot --to verl --out verl
    """
    from r1data.release.exports.export import export as write

    done = write(path, to, out, media=media, media_root=media_root)
    show(done._asdict())


def publish(
    path: ReleaseArg,
    repo: Annotated[str | None, typer.Option(help="user/name on the Hub")] = None,
    to: Annotated[str | None, typer.Option(help="a folder, or an address as s3://x/y")] = None,
    tag: Annotated[str | None, typer.Option(help="name of this version")] = None,
    private: Annotated[bool, typer.Option("--private", help="leave it private")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show the plan, write nothing")
    ] = False,
) -> None:
    """Publish a release: checked, in one commit, verified, tagged last. Run it again to go on.

    Example: r1data publish builds/my-cot --repo me/my-cot --dry-run
    """
    from r1data.release.publish import publish as send

    send(path, repo=repo, to=to, tag=tag, private=private, dry_run=dry_run, say=say)


def materialise(
    path: ReleaseArg,
    out: Annotated[Path, typer.Option(help="a new folder", callback=folder_to_write)],
    recipe: Annotated[
        Path | None, typer.Option(help="a recipe that says where the sources lie")
    ] = None,
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="sources.NAME.root=FOLDER, and the like")
    ] = None,
    as_json: JsonOpt = False,
) -> None:
    """Bring back the media of a release without them; exit code 3 where rows are left out.

    Example: r1data materialise index --out whole --recipe my.yaml
    """
    from r1data.errors import SET_ASIDE
    from r1data.release.materialise import materialise as bring_back

    quiet = (lambda _: None) if as_json else say
    done = bring_back(path, out, recipe=recipe, overrides=sets or (), say=quiet)
    show({**done._asdict(), "out": str(done.out)} if as_json else done.text())
    if done.left_out:
        raise typer.Exit(SET_ASIDE)


def clean(
    build: BuildArg,
    tables: Annotated[
        bool, typer.Option("--tables", help="the tables of frames as well, of a finished build")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would go, remove nothing")
    ] = False,
    as_json: JsonOpt = False,
) -> None:
    """Remove what a build can make again: temporary files, ledgers, kept frames.

    Example: r1data clean builds/my-cot --dry-run
    """
    from r1data.building import open_build
    from r1data.clean import clean as sweep_out
    from r1data.clean import clean_text

    refuse_store(build)
    freed = sweep_out(open_build(build).path, tables, dry_run)
    show([each._asdict() for each in freed] if as_json else clean_text(freed, dry_run))


def refuse_store(build: Path) -> None:
    """Raise UsageError for a build in a store, which holds nothing but what builds go by."""
    from r1data.grid.mirror import mirror_of
    from r1data.grid.store import address_of

    address = address_of(build)
    if address:
        raise UsageError(
            f"{address}: all that is in a store counts; what may go of this machine, while no "
            f"build runs, is the folder {mirror_of(build)}"
        )
