"""What a release without media tells about them: rows, recipe, revisions; and its new card."""

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from r1data.errors import InputError, R1DataError, RecipeError
from r1data.grid.build import Cell
from r1data.grid.shards import write_text
from r1data.recipe import Recipe, apply_override, dump, load_recipe, parse_yaml, read_text
from r1data.release.card import FIGURE, Row, config_entries, loading
from r1data.release.layout import read_head, read_rows
from r1data.release.made_by import card_recipe
from r1data.release.terms import terms_of
from r1data.sources.stage import chosen_samples, load_sources, normalise_all
from r1data.stages import samples as samples_stage

LOADING = re.compile(r"^## Load it$.*?(?=^## )", re.MULTILINE | re.DOTALL)
NOT_FOUND = "missing_media: its source has no such row any more"


class Wanted(NamedTuple):
    """What a row tells about its pictures."""

    source: str
    data_type: str
    media_sha256: list[str]
    sampler: str
    decoder: str
    frame_times: list[float]
    frames_sha256: list[str] | None
    repo: str | None
    revision: str | None

    def differs(self, pictures: Sequence[bytes]) -> bool:
        """Tell whether pictures are known to have other bytes than those of the row had."""
        found = [hashlib.sha256(each).hexdigest() for each in pictures]
        return self.frames_sha256 is not None and found != self.frames_sha256


def wanted_rows(folder: Path, config: str) -> dict[str, Wanted]:
    """Return what the rows of a release tell about their pictures, by id."""
    names = ("data_type", "media_sha256", "sampler", "decoder", "frame_times")
    found: dict[str, Wanted] = {}
    for _, row in read_rows(folder, config):
        facts = {name: row[name] for name in names}
        origin = {name: row["origin"][name] for name in ("repo", "revision")}
        hashes = row.get("frames_sha256")
        source = row["id"].partition("/")[0]
        found[row["id"]] = Wanted(source=source, **facts, **origin, frames_sha256=hashes)
    return found


def load_card_recipe(folder: Path, given: str | Path | None, overrides: Sequence[str]) -> Recipe:
    """Return the recipe in a release's card, with the places of `given` and of the overrides."""
    text = card_recipe(folder)
    if text is None:
        raise InputError(f"{folder / 'README.md'} holds no recipe under 'Build it again'")
    data, _ = parse_yaml(text, str(folder / "README.md"))
    if given is not None:
        told, _ = parse_yaml(read_text(Path(given)), str(given))
        for name, entry in (told.get("sources") or {}).items():
            if name in data["sources"]:
                data["sources"][name] = {**data["sources"][name], **(entry or {})}
    for override in overrides:
        apply_override(data, override)
    return checked(data)


def checked(data: Mapping[str, Any]) -> Recipe:
    """Check a recipe that was put together here, as a file of its own would be."""
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "recipe.yaml"
        path.write_text(dump(data), encoding="utf-8")
        return load_recipe(path)


def pin_revisions(wanted: Mapping[str, Wanted], work: Path) -> None:
    """Pin every repository to the revision that the rows name: heads move."""
    pins = {row.repo: row.revision for row in wanted.values() if row.repo and row.revision}
    if pins:
        write_text(work / "sources.lock", json.dumps(dict(sorted(pins.items())), indent=1) + "\n")


def samples_of(
    wanted: Mapping[str, Wanted], recipe: Recipe, cell: Cell
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Read the questions of the wanted rows from their sources; say of which there are none.

    Where letters were dealt anew all chosen rows decide, so they are chosen as in the build.
    """
    every: list[dict[str, Any]] = []
    faults: dict[str, str] = {}
    options = samples_stage(recipe).options
    if options.get("even_letters"):
        every = chosen_samples(options, cell.settings)
    else:
        needed = {row.source for row in wanted.values()}
        for source in load_sources(cell.settings):
            if source.name not in needed:
                continue
            try:
                every += normalise_all(source, recipe.seed, cell.settings)
            except RecipeError:
                raise
            except R1DataError as problem:
                mine = [name for name, row in wanted.items() if row.source == source.name]
                faults |= dict.fromkeys(mine, f"missing_media: {problem}")
    by_id = {row["id"]: row for row in every if row["id"] in wanted}
    found = {name: by_id[name] for name in wanted if name in by_id}
    lost = {name: NOT_FOUND for name in wanted if name not in found}
    return found, {**lost, **faults}


def write_card(
    folder: Path,
    out: Path,
    counts: Mapping[str, int],
    features: Mapping[str, Any],
    left_out: int,
    back: int,
) -> None:
    """Write the card of a release whose pictures are back: the old one with its new configs."""
    rows: Counter[Row] = Counter()
    for _, row in read_rows(out, "text", ["id", "data_type", "problem_type", "license"]):
        source = row["id"].partition("/")[0]
        rows[source, row["data_type"], row["problem_type"], terms_of(row["license"])] += 1
    head = {**read_head(folder), **config_entries(rows, counts, features, out)}
    body = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)[2]
    split = next(iter(head["configs"][0]["data_files"]))["split"]
    told = f"## Load it\n\n{loading(rows, features, split)}\n\n## Pictures\n\n{back:,} rows "
    told += "have pictures "
    told += "that were taken anew from media whose hashes are those of the rows"
    told += (
        f"; {left_out:,} questions are left out: left_out.tsv says why.\n\n"
        if left_out
        else ".\n\n"
    )
    body = LOADING.sub(lambda _: told, body)
    write_text(out / "README.md", f"---\n{yaml.safe_dump(head, sort_keys=False)}---\n{body}")
    if (folder / FIGURE).is_file():
        shutil.copy(folder / FIGURE, out / FIGURE)
