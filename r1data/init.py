"""r1data init: a recipe for own clips and questions, from a look at them and a few answers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import InputError, RecipeError, UsageError
from r1data.recipe import check, dump, parse_yaml
from r1data.sources.catalogue import load_card
from r1data.sources.new import first_rows, guess, refuse_name

FOLDERS = ("clips", "videos", "video", "media", "images", ".")


class Wishes(NamedTuple):
    """What a person wants: where the questions and clips are, whose they are, who answers."""

    name: str
    questions: Path
    model: str
    url: str
    key: str
    license: str


class Seen(NamedTuple):
    """What a question file turned out to be.

    `root` is the folder that its paths are below, `rows` are those read, `mapping` has the columns
    that need one, `told` says what was guessed.
    """

    rows: int
    mapping: Mapping[str, Any]
    told: tuple[str, ...]
    root: Path


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

    Paths that begin with the name of `media_root` itself are below its parent. Raises InputError
    where a column cannot be found, or no row's file.
    """
    rows = first_rows(questions)
    folder = media_root.resolve()
    try:
        (mapping, told), root = guess(rows, media_root), media_root
    except InputError as problem:
        if not any(starts_with(row, folder.name) for row in rows):
            raise
        try:
            (mapping, told), root = guess(rows, media_root.parent), media_root.parent
        except InputError:
            raise problem from None
    usual = load_card("own").routes["path"].mapping
    needed = {k: v for k, v in mapping.items() if usual.get(k) != v}
    return Seen(len(rows), needed, tuple(map(str, told)), root)


def starts_with(row: Mapping[str, Any], name: str) -> bool:
    """Tell whether a row holds a path that begins with the name of a folder."""
    texts = [str(value).removeprefix("./") for value in row.values()]
    return any(text.startswith(f"{name}/") for text in texts)


def recipe_text(wishes: Wishes, seen: Seen) -> str:
    """Return the recipe as YAML with a reason beside each choice."""
    entry: dict[str, Any] = {"path": str(wishes.questions), "media_root": f"{seen.root}/"}
    if seen.mapping:
        entry["mapping"] = dict(seen.mapping)
    if wishes.license not in ("", "unknown"):
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
    """Write NAME.yaml once it is what a build takes; never over a file that is there."""
    path = recipe_path(wishes.name, folder)
    text = recipe_text(wishes, seen)
    data, _ = parse_yaml(text, str(path))
    try:
        check(data, "recipe", {}, "init")
    except RecipeError as problem:
        said = str(problem).removeprefix("init: ")
        raise UsageError(f"{option_of(said)}: {said}") from problem
    path.write_text(text, encoding="utf-8")
    return path


def recipe_path(name: str, folder: Path = Path()) -> Path:
    """Return where a recipe is written. Raises UsageError where it cannot be, or one is there."""
    refuse_name(name)
    path = folder / f"{name}.yaml"
    if path.exists():
        raise UsageError(f"{path} is there already: remove it, or give another --name")
    return path


def option_of(problem: str) -> str:
    """Return the option whose value a message about the new recipe is about."""
    options = {
        ".url'": "--url",
        ".key'": "--key",
        ".model'": "--model",
    }
    return next((name for field, name in options.items() if field in problem), "init")
