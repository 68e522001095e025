"""Recipes: YAML, checked by JSON Schema, as frozen dataclasses. Errors name file, line and key."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from r1data.errors import InputError, RecipeError
from r1data.grid.shards import digest_of
from r1data.inert import read_yaml
from r1data.kinds import RECIPE, instead, kind_of, near
from r1data.places import place
from r1data.schema import load_schema
from r1data.schema_errors import (
    Lines,
    deepest,
    dotted,
    endless,
    explain,
    kind_said,
    locate,
    near_word,
)
from r1data.sections import (
    Balance,
    Filter,
    Frames,
    Judge,
    Probes,
    Release,
    Revise,
    Run,
    Screen,
    Teacher,
    Verify,
)


@dataclass(frozen=True)
class Recipe:
    """A checked recipe. `$NAME` values stand unexpanded, so that it can be written to disk."""

    pipeline: str
    name: str
    sources: Mapping[str, Mapping[str, Any]]
    seed: int = 0
    notes: Sequence[str] = ()
    licenses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    frames: Frames = field(default_factory=Frames)
    screen: Screen | None = None
    probes: Probes | None = None
    teacher: Teacher | None = None
    revise: Revise | None = None
    verify: Verify = field(default_factory=Verify)
    judge: Judge | None = None
    filter: Filter = field(default_factory=Filter)
    balance: Balance | None = None
    release: Release = field(default_factory=Release)
    run: Run = field(default_factory=Run)
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False)
    limit: int | None = None

    @property
    def asked(self) -> dict[str, Any]:
        """What the recipe asks for, without how it is run and where files lie."""
        sources = {name: without_places(entry) for name, entry in self.sources.items()}
        whole = {**self.raw, "sources": sources, "release": dict(self.raw.get("release", {}))}
        # A row says which recipe made it: a longer take-down list must not change the rows left.
        whole["release"].pop("take_down", None)
        return {key: value for key, value in whole.items() if key != "run" and value != {}}

    @property
    def sha256(self) -> str:
        """Digest of what the recipe asks for."""
        return digest_of([self.asked, self.limit])


PLACES = frozenset({"root", "path", "media_root"})
SECTIONS = {
    "frames": Frames,
    "screen": Screen,
    "probes": Probes,
    "teacher": Teacher,
    "revise": Revise,
    "verify": Verify,
    "judge": Judge,
    "filter": Filter,
    "balance": Balance,
    "release": Release,
    "run": Run,
}


def without_places(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry under `sources:` without what says where its files lie."""
    return {key: value for key, value in entry.items() if key not in PLACES}


def load_recipe(
    source: str | Path, overrides: Sequence[str] = (), limit: int | None = None
) -> Recipe:
    """Read and check a recipe: a path, or the name of one that r1data ships ("demo").

    Relative paths in a recipe are meant from the current folder, as on a command line. Each
    override is "a.b=value" with a YAML value; `limit` is the most rows that a source may give.
    Raises RecipeError.
    """
    path = find_recipe(source)
    text = read_text(path)
    data, lines = parse_yaml(text, str(path))
    for override in overrides:
        apply_override(data, override)
    check(data, "recipe", lines, str(path), overrides)
    refuse_ranges(data, lines, str(path), overrides)
    sections = {key: SECTIONS[key](**data[key]) for key in SECTIONS if key in data}
    return Recipe(**{**data, **sections}, raw=data, limit=limit)


def refuse_ranges(
    data: Mapping[str, Any], lines: Lines, name: str, overrides: Sequence[str]
) -> None:
    """Raise RecipeError for a range whose ends are the wrong way round: it would drop every row."""
    for key, value in data.get("filter", {}).items():
        if isinstance(value, list) and len(value) == 2 and value[0] > value[1]:
            where = locate(("filter", key), lines, name, overrides)
            raise RecipeError(f"{where}: 'filter.{key}' is {value}: write the lower end first")
    frames = Frames(**data.get("frames", {}))
    if frames.min_pixels is not None and frames.min_pixels > frames.max_pixels:
        where = locate(("frames", "min_pixels"), lines, name, overrides)
        raise RecipeError(f"{where}: 'frames.min_pixels' is above max_pixels: lower it")


def find_recipe(source: str | Path) -> Path:
    """Return the path of a recipe, by path or by shipped name."""
    path = Path(source)
    kind = kind_of(path)
    shipped = place("recipes") / f"{path.stem}.yaml"
    if kind in (RECIPE, "a file"):
        return path
    if shipped.is_file() and path.parent.name in {"", "recipes"}:
        return shipped
    if kind or not str(source).strip():
        raise RecipeError(instead(source, RECIPE))
    names = sorted(each.stem for each in place("recipes").glob("*.yaml"))
    hint = near(path) or near_word(path.stem, names, 0.7)
    raise RecipeError(
        f"no recipe at {source}{hint}; r1data ships: {', '.join(names)}; "
        "`r1data init QUESTIONS` writes one for own questions"
    )


def read_text(path: Path) -> str:
    """Read a UTF-8 text or say what is wrong with it."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise RecipeError(
            f"{path}, line {line}: not UTF-8 text ({problem.reason}): save it as UTF-8"
        ) from problem


KeyLine = tuple[tuple[str, ...], int]


def parse_yaml(text: str, name: str) -> tuple[dict[str, Any], Lines]:
    """Return the data of a YAML text and the line of each of its keys. Inert: no tags are run."""
    try:
        node, data = read_yaml(text, name)
    except InputError as problem:
        raise RecipeError(str(problem)) from problem
    if node is None:
        raise RecipeError(f"{name} is empty: expected keys and values, as in `name: my-cot`")
    if not isinstance(data, dict):
        raise RecipeError(f"{name}: expected keys and values at the top, found {kind_said(data)}")
    lines: Lines = {}
    for keys, line in key_lines(node, ()):
        if keys in lines:
            raise RecipeError(
                f"{name}, line {line}: duplicate key '{keys[-1]}' (first at line {lines[keys]}): "
                "remove one"
            )
        lines[keys] = line
    return data, lines


def key_lines(node: yaml.Node, above: tuple[str, ...]) -> Iterator[KeyLine]:
    """Walk a YAML tree: (path of keys, line from 1)."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            keys = (*above, str(key.value))
            yield keys, key.start_mark.line + 1
            yield from key_lines(value, keys)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            yield from key_lines(value, (*above, str(i)))


def apply_override(data: dict[str, Any], override: str) -> None:
    """Set "a.b=value" in `data`. A message shows no value: it may hold a key."""
    name, equals, text = override.partition("=")
    keys = name.strip().split(".")
    if not equals or not all(keys):
        raise RecipeError(f"--set {name}: write it as key.key=value")
    target = data
    for i, key in enumerate(keys[:-1], start=1):
        target = target.setdefault(key, {})
        if not isinstance(target, dict):
            held = ".".join(keys[:i])
            raise RecipeError(
                f"--set {name}: '{held}' is {kind_said(target)}, which has no keys: set '{held}' "
                "as a whole"
            )
    try:
        target[keys[-1]] = read_yaml(text, "--set")[1]
    except InputError as problem:
        raise RecipeError(f"--set {name}: its value is not valid YAML: quote it") from problem


def check(data: Any, schema: str, lines: Lines, name: str, overrides: Sequence[str] = ()) -> None:
    """Raise RecipeError for the first thing in `data` that schemas/SCHEMA.schema.json forbids."""
    import jsonschema

    for keys in endless(data, ()):
        where = locate(keys, lines, name, overrides)
        raise RecipeError(f"{where}: '{dotted(keys)}' is not a finite number: write a plain one")
    validator = jsonschema.Draft202012Validator(load_schema(schema))
    problems = sorted(validator.iter_errors(data), key=lambda each: [str(p) for p in each.path])
    if not problems:
        return
    problem = deepest(problems[0])
    keys, message = explain(problem)
    where = locate(keys, lines, name, overrides)
    raise RecipeError(f"{where}: {message}")


def dump(data: Mapping[str, Any]) -> str:
    """Return the data of a recipe as YAML; `$NAME` stays as it is."""
    return yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True)
