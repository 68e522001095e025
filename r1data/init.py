"""r1data init: a recipe for own clips and questions, from a look at them and a few answers."""

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import InputError, UsageError
from r1data.recipe import dump, load_recipe
from r1data.sources.catalogue import load_card
from r1data.sources.new import SAMPLE, guess, question_file
from r1data.sources.reading import read_rows

FOLDERS = ("clips", "videos", "video", "media", "images", ".")


class Wishes(NamedTuple):
    """What a person wants: where the questions and clips are, whose they are, who answers."""

    name: str
    questions: Path
    media_root: Path
    model: str
    url: str
    key: str
    license: str


class Seen(NamedTuple):
    """What the question file turned out to be: rows read, columns that need a mapping, guesses."""

    rows: int
    mapping: Mapping[str, Any]
    told: tuple[str, ...]


def question_file_here(place: Path) -> Path | None:
    """Return the only question file of a folder, if there is exactly one."""
    try:
        return question_file(place)
    except InputError:
        return None


def media_root_of(questions: Path) -> Path:
    """Return the folder below which the first row's file lies, among the usual names."""
    for name in FOLDERS:
        folder = questions.parent / name
        if folder.is_dir():
            try:
                look(questions, folder)
            except InputError:
                continue
            return folder
    return questions.parent


def look(questions: Path, media_root: Path) -> Seen:
    """Read the first rows and tell how their columns become ours.

    Raises InputError where a column or the first row's file cannot be found.
    """
    rows = [raw.row for raw in itertools.islice(read_rows(questions), SAMPLE)]
    mapping, told = guess(rows, media_root)
    usual = load_card("own").routes["path"].mapping
    return Seen(
        len(rows), {k: v for k, v in mapping.items() if usual.get(k) != v}, tuple(map(str, told))
    )


def recipe_text(wishes: Wishes, seen: Seen) -> str:
    """Return the recipe as YAML with a reason beside each choice."""
    entry: dict[str, Any] = {"path": str(wishes.questions), "media_root": f"{wishes.media_root}/"}
    if seen.mapping:
        entry["mapping"] = dict(seen.mapping)
    if wishes.license != "unknown":
        entry["license"] = license_of(wishes.license)
    lane = {"url": wishes.url, **({"key": wishes.key} if wishes.key else {}), "concurrency": 16}
    return "\n".join(
        [
            f"# Made by r1data init from {seen.rows} rows of {wishes.questions.name}.",
            f"# See what they become: r1data sources check {wishes.name}.yaml",
            dump({"pipeline": "cot", "name": wishes.name, "seed": 7}).rstrip(),
            dump({"sources": {"own": entry}}).rstrip(),
            "# 16 frames of 128 x 28 x 28 pixels, at which Video-R1 trains",
            dump({"frames": {"sampler": "uniform", "count": 16, "max_pixels": 100352}}).rstrip(),
            "# the same question about the same clip is asked once",
            dump({"screen": {"duplicates": True}}).rstrip(),
            "# four answers a question: the share of right ones is the row's pass rate",
            dump({"teacher": teacher_of(wishes)}).rstrip(),
            dump({"verify": {"preset": "canonical"}}).rstrip(),
            "# the right answer of middle length, if its thought concludes with it",
            dump({"filter": {"consistency": True, "choose": "median"}}).rstrip(),
            dump({"run": {"lanes": [lane]}}),
        ]
    )


def license_of(name: str) -> dict[str, Any]:
    """Return the terms of own questions and clips; a name says itself whether commerce is out."""
    non_commercial = "NC" in name.upper().replace("-", " ").split()
    terms = {"annotations": name, "media": name, "non_commercial": non_commercial}
    return {**terms, "gated": False, "stated_by": "their owner"}


def teacher_of(wishes: Wishes) -> dict[str, Any]:
    """Return the teacher's section: sampling as Video-R1's, room for a longer thought."""
    sampling = {"temperature": 1.0, "top_p": 0.95, "max_tokens": 1024}
    return {"model": wishes.model, "prompt": "grounded", "n": 4, **sampling}


def write_recipe(wishes: Wishes, seen: Seen, folder: Path = Path()) -> Path:
    """Write NAME.yaml and read it back as a build would; never over a file that is there."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", wishes.name):
        raise UsageError(f"'{wishes.name}' is no name: letters, digits, '.', '_' and '-' only")
    path = folder / f"{wishes.name}.yaml"
    if path.exists():
        raise UsageError(f"{path} is there already: remove it, or give another --name")
    path.write_text(recipe_text(wishes, seen), encoding="utf-8")
    load_recipe(path)
    return path
