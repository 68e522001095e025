"""Recipes: YAML, checked by JSON Schema, as frozen dataclasses. Errors name file, line and key."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from r1data.errors import InputError, RecipeError
from r1data.grid.shards import digest_of
from r1data.inert import read_yaml
from r1data.places import place
from r1data.schema import load_schema
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
    sections = {key: SECTIONS[key](**data[key]) for key in SECTIONS if key in data}
    return Recipe(**{**data, **sections}, raw=data, limit=limit)


def find_recipe(source: str | Path) -> Path:
    """Return the path of a recipe, by path or by shipped name."""
    path = Path(source)
    shipped = place("recipes") / f"{path.stem}.yaml"
    if path.is_file():
        return path
    if shipped.is_file() and path.parent.name in {"", "recipes"}:
        return shipped
    names = sorted(each.stem for each in place("recipes").glob("*.yaml"))
    raise RecipeError(f"no recipe at {source}; r1data ships: {', '.join(names)}")


def read_text(path: Path) -> str:
    """Read a UTF-8 text or say what is wrong with it."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as problem:
        raise RecipeError(f"{path} is not UTF-8 text: {problem.reason}") from problem


Lines = dict[tuple[str, ...], int]
KeyLine = tuple[tuple[str, ...], int]


def parse_yaml(text: str, name: str) -> tuple[dict[str, Any], Lines]:
    """Return the data of a YAML text and the line of each of its keys. Inert: no tags are run."""
    try:
        node, data = read_yaml(text, name)
    except InputError as problem:
        raise RecipeError(str(problem)) from problem
    if not isinstance(data, dict) or node is None:
        raise RecipeError(f"{name}: expected keys and values, found {type(data).__name__}")
    lines: Lines = {}
    for keys, line in key_lines(node, ()):
        if keys in lines:
            raise RecipeError(f"{name}, line {line}: '{keys[-1]}' stands twice")
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
    """Set "a.b=value" in `data`."""
    name, equals, text = override.partition("=")
    keys = name.strip().split(".")
    if not equals or not all(keys):
        raise RecipeError(f"--set {override}: write it as key.key=value")
    target = data
    for key in keys[:-1]:
        target = target.setdefault(key, {})
        if not isinstance(target, dict):
            raise RecipeError(f"--set {override}: '{key}' holds a value, not keys")
    try:
        target[keys[-1]] = read_yaml(text, "--set")[1]
    except InputError as problem:
        raise RecipeError(f"--set {override}: the value is not valid YAML") from problem


def check(data: Any, schema: str, lines: Lines, name: str, overrides: Sequence[str] = ()) -> None:
    """Raise RecipeError for the first thing in `data` that schemas/SCHEMA.schema.json forbids."""
    import jsonschema

    validator = jsonschema.Draft202012Validator(load_schema(schema))
    problems = sorted(validator.iter_errors(data), key=lambda each: [str(p) for p in each.path])
    if not problems:
        return
    problem = deepest(problems[0])
    keys, message = explain(problem)
    where = locate(keys, lines, name, overrides)
    raise RecipeError(f"{where}: {message}")


def deepest(problem: Any) -> Any:
    """Of a failed choice between forms, return the failure that got furthest."""
    while problem.context:
        problem = max(problem.context, key=lambda each: (len(each.path), each.validator != "type"))
    return problem


def locate(keys: tuple[str, ...], lines: Lines, name: str, overrides: Sequence[str]) -> str:
    """Name where a key stands: in the file, or in a --set."""
    for override in overrides:
        if keys and override.partition("=")[0].strip() == ".".join(keys):
            return f"--set {override}"
    while keys and keys not in lines:
        keys = keys[:-1]
    return f"{name}, line {lines[keys]}" if keys else name


def explain(problem: Any) -> tuple[tuple[str, ...], str]:
    """Return the path of keys that a jsonschema error is about, and what is wrong, for a person."""
    path = tuple(str(part) for part in problem.absolute_path)
    here = f"in '{'.'.join(path)}'" if path else "at the top"
    if problem.validator == "additionalProperties" and isinstance(problem.instance, dict):
        known = list(problem.schema.get("properties", {}))
        key = next(key for key in problem.instance if key not in known)
        return (*path, str(key)), f"unknown key '{key}' {here}{suggestion(str(key), known)}"
    if problem.validator == "required":
        missing = next(key for key in problem.validator_value if key not in problem.instance)
        return path, f"the key '{missing}' is missing {here}"
    if problem.validator == "enum" and isinstance(problem.instance, str):
        allowed = [str(each) for each in problem.validator_value]
        near = difflib.get_close_matches(problem.instance, allowed, n=1, cutoff=0.5)
        hint = f"did you mean '{near[0]}'? It" if near else "it"
        told = f"'{problem.instance}' is no value of '{path[-1]}'; {hint} is one of: "
        return path, told + ", ".join(allowed)
    if problem.validator == "pattern":  # never the value: it may be a key
        return path, f"'{path[-1]}' is not in its form: {problem.schema['description']}"
    return path, f"{problem.message} {here}"


def suggestion(word: str, known: Sequence[str]) -> str:
    """Return "; did you mean ...?", or the known words where none is near."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; known keys: {', '.join(known)}" if known else ""


def dump(data: Mapping[str, Any]) -> str:
    """Return the data of a recipe as YAML; `$NAME` stays as it is."""
    return yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True)
