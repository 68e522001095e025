"""The verbs about sources, files and indexes: `r1data sources | media | screen ...`."""

from pathlib import Path
from typing import Annotated

import typer

from r1data.cli_help import Commands
from r1data.console import JsonOpt, RecipeArg, SetOpt, file_to_write, say, show
from r1data.errors import SET_ASIDE

sources_app = typer.Typer(cls=Commands, help="The sources that r1data knows.", no_args_is_help=True)
media_app = typer.Typer(cls=Commands, help="Clips and pictures.", no_args_is_help=True)
screen_app = typer.Typer(
    cls=Commands, help="Indexes of benchmarks, to keep them out.", no_args_is_help=True
)


@sources_app.command("list")
def sources_list(as_json: JsonOpt = False) -> None:
    """All sources: rows, types, size, terms, gate, and how sure we are of each mapping.

    Example: r1data sources list
    """
    from r1data.summary import sources_dict, sources_text

    found = sources_dict()
    show(found if as_json else sources_text(found))


@sources_app.command("show")
def sources_show(name: str) -> None:
    """One card with everything that its routes come down to.

    Example: r1data sources show nextqa
    """
    from dataclasses import asdict

    from r1data.recipe import dump
    from r1data.sources.catalogue import load_card

    say(dump(plain(asdict(load_card(name)))).rstrip())


def plain(value: object) -> dict[str, object]:
    """Return nested data without tuples, which YAML would tag."""
    import json

    return json.loads(json.dumps(value, default=str))


@sources_app.command("check")
def sources_check(
    recipe: RecipeArg,
    rows: Annotated[int, typer.Option(min=1, help="rows to show of each source")] = 3,
    set_: SetOpt = None,
    as_json: JsonOpt = False,
) -> None:
    """Read (or fetch) the sources of a recipe: what rows become; exit code 3 where some fall out.

    Example: r1data sources check my.yaml --rows 5
    """
    from r1data.outlook import falls, first_rows, refuse_template, samples_text
    from r1data.plan import read_samples
    from r1data.recipe import load_recipe
    from r1data.sources.catalogue import load_source
    from r1data.sources.stage import counting

    loaded = load_recipe(recipe, set_ or [])
    refuse_template(loaded)
    samples, settings = read_samples(loaded)
    fallen = falls(samples, settings)[1]
    given = {name: load_source(name, entry) for name, entry in loaded.sources.items()}
    bases = {name: counting(source, settings) for name, source in given.items()}
    show(first_rows(samples, rows) if as_json else samples_text(samples, fallen, rows, bases))
    if fallen:
        raise typer.Exit(SET_ASIDE)


@sources_app.command("probe")
def sources_probe(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="sources; default: all")
    ] = None,
    recipe: Annotated[
        str, typer.Option(help="whose quotas the types are held against")
    ] = "video-r1-260k",
    rows: Annotated[int, typer.Option(min=1, help="rows to read of each source")] = 200,
    out: Annotated[
        Path, typer.Option(help="the table, as Markdown", callback=file_to_write)
    ] = Path("sources-probe.md"),
    set_: SetOpt = None,
    as_json: JsonOpt = False,
) -> None:
    """Fetch the first rows of each source: rows kept, reasons, types beside a recipe's quotas.

    Example: r1data sources probe nextqa clevrer
    """
    from r1data.recipe import load_recipe
    from r1data.sources.probe import Probed, probe, probe_page, probe_text

    found: list[Probed] = []
    for each in probe(load_recipe(recipe, set_ or []), names or [], rows):
        found.append(each)
        if not as_json:
            say(probe_text(each))
    out.write_text(probe_page(found), encoding="utf-8")
    if as_json:
        show([each._asdict() for each in found])
    else:
        say(f"table: {out}")
    if any(each.fault or each.drops for each in found):
        raise typer.Exit(SET_ASIDE)


@media_app.command("check")
def media_check(
    folder: Annotated[Path, typer.Argument(help="a folder of clips and pictures")],
) -> None:
    """What every clip and picture in a folder is; exit code 3 where one is broken.

    Example: r1data media check clips
    """
    from r1data.media.facts import check

    text, code = check(folder)
    say(text)
    raise typer.Exit(code)


@screen_app.command("index")
def screen_index(
    questions: Annotated[Path, typer.Argument(help="a benchmark's questions: JSON, JSONL, CSV")],
    name: Annotated[str | None, typer.Option(help="of the benchmark")] = None,
    media_root: Annotated[
        Path | None, typer.Option(help="folder of its clips, to hash their frames too")
    ] = None,
) -> None:
    """Make an index of a benchmark (hashes only) that screen.decontaminate can name.

    Example: r1data screen index test.jsonl --name test
    """
    from r1data.screen.index import make_index

    say(str(make_index(questions, name, media_root)))
