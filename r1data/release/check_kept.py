"""What a build keeps beside its shards: is it all there, and is it still what was written?"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from r1data.errors import InputError, R1DataError, ShardFault
from r1data.frames import cache
from r1data.frames.kept import kept_entries
from r1data.grid.cleared import cleared
from r1data.grid.funnel import shard_notes
from r1data.grid.shards import digest_of, distrust, file_sha256, read_note
from r1data.grid.work import GATHER_NOTE
from r1data.media.vouched import changed, vouched
from r1data.release.footers import Finding
from r1data.teacher.mending import damaged_lines, journals, shard_of

MOST_LINES = 5


def kept_findings(build: Path) -> Iterator[Finding]:
    """Yield what is wrong with the build's papers, its stages as a whole, journals and media."""
    papers = list(paper_findings(build))
    yield from papers
    yield from journal_findings(build)
    if papers:
        return
    yield from stage_findings(build)
    try:
        settings, frames = media_settings(build)
    except R1DataError as problem:  # a card or take-down list that the recipe names is not here
        yield Finding("recipe.yaml", f"its media cannot be looked at: {problem}")
        return
    for note in shard_notes(build / "2.media"):
        try:
            yield from media_findings(build, note.shard, settings)
            yield from frame_findings(build, note.shard, settings, frames)
        except ShardFault:  # found already, with its name
            continue


def paper_findings(build: Path) -> Iterator[Finding]:
    """Compare build.json with its own checksum, and the frozen recipe with what it says."""
    try:
        facts = json.loads((build / "build.json").read_bytes())
        sealed = facts.pop("check") == digest_of(facts)
    except (ValueError, KeyError, AttributeError):
        sealed, facts = False, {}
    if not sealed:
        yield Finding("build.json", "it is not what was written: build again")
    elif file_sha256(build / "recipe.yaml") != facts["recipe_file_sha256"]:
        yield Finding("recipe.yaml", "it is not the recipe that was built: build again")


def stage_findings(build: Path) -> Iterator[Finding]:
    """Yield the shards and notes that a finished build lacks."""
    if not (build / "9.release" / GATHER_NOTE).is_file():
        return
    names, gone = [note.shard for note in shard_notes(build / "1.samples")], cleared(build)
    for stage in json.loads((build / "build.json").read_bytes())["stages"]:
        folder = build / stage["folder"]
        if stage["gather"]:
            if not (folder / GATHER_NOTE).is_file():
                yield Finding(f"{folder.name}/{GATHER_NOTE}", "the note is missing")
            continue
        for name in names:
            note = folder / f"{name}.json"
            if not note.is_file():
                yield Finding(f"{folder.name}/{note.name}", "the note is missing")
            elif not note.with_suffix(".parquet").is_file() and folder.name not in gone:
                yield Finding(f"{folder.name}/{name}.parquet", "the file is missing")
            elif read_note(note) is None:
                yield Finding(f"{folder.name}/{note.name}", "the note is damaged")


def journal_findings(build: Path) -> Iterator[Finding]:
    """Yield the journals with damaged lines."""
    for path in journals(build):
        numbers = [str(line.number) for line in damaged_lines(path)]
        if numbers:
            distrust(path, shard_of(path).with_suffix(".json"))
            more = ", ..." if len(numbers) > MOST_LINES else ""
            what = f"damaged in line {', '.join(numbers[:MOST_LINES])}{more}"
            yield Finding(f"{path.parent.name}/{path.name}", what)


def media_settings(build: Path) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return where the build's media lie, and how its frames were taken. Raises R1DataError."""
    from r1data.building import settings_of
    from r1data.recipe import load_recipe
    from r1data.stages import frames

    recipe = load_recipe(build / "recipe.yaml")
    return settings_of(recipe, build, ())["media"], frames(recipe).options


def media_findings(build: Path, shard: str, settings: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the clips and pictures that are no longer what was hashed; those not here are none."""
    try:
        files = list(vouched(build, shard, settings))
    except InputError as problem:  # the question file of a source is not here
        yield Finding(f"2.media/{shard}", f"its files cannot be looked at: {problem}")
        return
    for each in files:
        if changed(each):
            distrust(each.path, build / "2.media" / f"{shard}.json")
            yield Finding(f"media/{each.uri}", "it is not the file that was hashed")


def frame_findings(
    build: Path, shard: str, settings: Mapping[str, Any], frames: Mapping[str, Any]
) -> Iterator[Finding]:
    """Yield the kept frames that are damaged."""
    for path in kept_entries(build, shard, settings, frames):
        if not cache.is_whole(path):
            distrust(path, build / "3.frames" / f"{shard}.json")
            where = path.relative_to(settings["media"]).as_posix()
            yield Finding(f"media/{where}", "these kept frames are damaged")
