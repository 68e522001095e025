"""The catalogue: which cards exist, and what a recipe's entry under `sources:` comes down to."""

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from r1data.errors import RecipeError
from r1data.grid.shards import digest_of, file_sha256
from r1data.grid.store import address_of
from r1data.kinds import QUESTIONS, TABLE, instead, is_table
from r1data.recipe import check, parse_yaml, read_text
from r1data.schema_errors import near_word
from r1data.sources.reading import Layout

CARDS = Path(__file__).parent / "cards"
FAMILIES = Path(__file__).parent / "families"
# Keys of an entry that say where in a file the rows are.
LAYOUT = ("sheet", "rows_at", "turns")


@dataclass(frozen=True)
class Route:
    """One way to get a source: where its files lie, and how its rows are read."""

    name: str
    repo: str = ""
    url: str = ""
    revision: str = ""
    config: str = ""
    split: str = ""
    format: str = ""
    questions: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    parser: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    mapping: Mapping[str, Any] = field(default_factory=dict)
    solution_is: str = "letter"
    media: Mapping[str, Any] = field(default_factory=dict)
    sheet: str = ""
    rows_at: str = ""
    turns: str = ""
    bytes: int | None = None
    note: str = ""

    @property
    def layout(self) -> Layout:
        """Where in its files the rows are."""
        return Layout(self.sheet, self.rows_at, self.turns)

    @property
    def finds(self) -> bool:
        """Are its media looked for among the files below a folder."""
        rule = self.mapping.get("media")
        return isinstance(rule, Mapping) and bool(rule.get("find"))

    @property
    def remote(self) -> bool:
        """Can its files be fetched."""
        return bool(self.repo or self.url)


@dataclass(frozen=True)
class Card:
    """What a source is, under which terms, and the routes to it."""

    name: str
    title: str
    group: str
    license: Mapping[str, Any]
    confidence: str
    unverified: str
    types: tuple[str, ...]
    data_type: str
    route: str
    routes: Mapping[str, Route]
    homepage: str = ""
    checked: str = ""
    released: Mapping[str, int] = field(default_factory=dict)
    paper: int | None = None
    rows: int | None = None
    path: str = ""
    traps: tuple[str, ...] = ()
    witness: tuple[Mapping[str, str], ...] = ()
    sha256: str = field(default="", compare=False)


@dataclass(frozen=True)
class Source:
    """One entry under `sources:`: a card, one of its routes, what is wanted, and where it lies.

    `root` is None where nothing lies here: the files are then fetched, or drawn.
    """

    name: str
    card: Card
    route: Route
    rows: int | float | str | Mapping[str, int]
    root: Path | None
    media_root: Path | None
    questions: tuple[Path, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict)
    balance: str = ""
    by: str = "row"
    reserve: float = 0.0
    own: bool = False

    @property
    def generated(self) -> bool:
        """Are its rows and media drawn here."""
        return self.route.format == "generated"


def card_names() -> list[str]:
    """Return the names of all cards, sorted."""
    return sorted(path.stem for path in CARDS.glob("*.yaml"))


@cache
def load_card(name: str) -> Card:
    """Read and check one card: one of r1data's by name, or a user's own by a path to its YAML.

    Raises RecipeError where there is none.
    """
    path = Path(name).expanduser() if name.endswith((".yaml", ".yml")) else CARDS / f"{name}.yaml"
    if not path.is_file():
        hint = near_word(name, card_names())
        raise RecipeError(
            f"no source '{name}'{hint}; `r1data sources list` shows all; own questions need 'path:'"
        )
    data, lines = parse_yaml(read_text(path), str(path))
    if "pipeline" in data and "routes" not in data:
        raise RecipeError(f"{path} is a recipe, not a card: `r1data sources check {path}` takes it")
    check(data, "card", lines, str(path))
    families = sorted({r["family"] for r in data["routes"].values() if "family" in r})
    routes = {key: make_route(key, each) for key, each in data.pop("routes").items()}
    if data["route"] not in routes:
        known = ", ".join(routes)
        raise RecipeError(f"{path.name}: no route '{data['route']}'; there are: {known}")
    data |= {key: tuple(data.get(key, ())) for key in ("types", "traps", "witness")}
    digest = digest_of([file_sha256(path), *(file_sha256(family_path(f)) for f in families)])
    return Card(**data, routes=routes, sha256=digest)


def family_path(name: str) -> Path:
    """Return the file of a family. Raises RecipeError where there is none."""
    path = FAMILIES / f"{name}.yaml"
    if not path.is_file():
        raise RecipeError(f"no family '{name}' of sources")
    return path


def make_route(name: str, given: Mapping[str, Any]) -> Route:
    """Return a route; what it does not say, its family says."""
    data = dict(given)
    if "family" in data:
        path = family_path(data.pop("family"))
        base, _ = parse_yaml(read_text(path), path.name)
        mixed = {"with": {**base.get("with", {}), **data.get("with", {})}}
        data = {**base, **data, **mixed}
    data["arguments"] = data.pop("with", {})
    config = data.get("config", "")
    questions = tuple(text.replace("{config}", config) for text in data.pop("questions", ()))
    beside = tuple(data.pop("beside", ()))
    return Route(**{**data, "name": name, "questions": questions, "beside": beside})


def load_source(name: str, entry: Mapping[str, Any]) -> Source:
    """Turn an entry under `sources:` into a Source. Raises RecipeError."""
    if "path" in entry:
        return own_source(name, entry)
    for key in ("media_root", "mapping", "license", *LAYOUT):
        if key in entry:
            raise RecipeError(f"sources.{name}.{key} is for own questions and needs 'path:' too")
    card = load_card(entry.get("card", name))
    root = Path(entry["root"]).expanduser() if "root" in entry else None
    route = pick_route(name, card, entry.get("route"), root)
    route = replace(route, **{key: entry[key] for key in ("repo", "url") if key in entry})
    refuse_password(name, route.url)
    source = Source(name, card, route, entry.get("rows", "all"), root, root, **choosing(entry))
    if source.generated:
        return replace(source, root=None, media_root=None)
    if root is None:
        if not route.remote:
            raise RecipeError(
                f"sources.{name} cannot be fetched by its route '{route.name}': set "
                f"sources.{name}.root to a folder with {' or '.join(route.questions)} and its "
                f"media, as {card.homepage or 'its authors'} gives it"
            )
        return source
    return replace(source, questions=local_questions(route, root))


def refuse_password(name: str, url: str) -> None:
    """An address becomes the name of a folder and part of messages: it may hold no password."""
    host = urlsplit(url).netloc
    if "@" in host:
        shown = host.rpartition("@")[2]
        raise RecipeError(f"sources.{name}: the address at {shown} holds a password: remove it")


def choosing(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an entry says about choosing rows."""
    return {key: entry[key] for key in ("where", "balance", "by", "reserve") if key in entry}


def pick_route(name: str, card: Card, asked: str | None, root: Path | None) -> Route:
    """Return the route asked for; with a local copy, the first one whose files are there."""
    if asked is not None:
        if asked not in card.routes:
            known = ", ".join(card.routes)
            raise RecipeError(f"sources.{name}.route: {card.name} has no '{asked}', only {known}")
        return card.routes[asked]
    default = card.routes[card.route]
    if root is None:
        return default
    ordered = [default, *(route for key, route in card.routes.items() if key != card.route)]
    return next((r for r in ordered if any(found(root, q) for q in r.questions)), default)


def local_questions(route: Route, root: Path) -> tuple[Path, ...]:
    """Return the annotation files of a local copy; a missing one is named when it is read."""
    files = [path for pattern in route.questions for path in found(root, pattern)]
    if not files:  # copied without their folder
        bare = [pattern.rpartition("/")[2] for pattern in route.questions]
        files = [path for pattern in bare for path in found(root, pattern)]
    return tuple(dict.fromkeys(files)) or tuple(root / text for text in route.questions[:1])


def found(root: Path, pattern: str) -> list[Path]:
    """Return the files under `root` that match, sorted; brackets in names mean themselves."""
    plain = root / pattern
    if "*" not in pattern and "?" not in pattern:
        return [plain] if plain.is_file() else []
    return sorted(path for path in root.glob(pattern.replace("[", "[[]")) if path.is_file())


def matches(path: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether a file of a repository is one of those that a route names."""
    return any(fnmatch.fnmatchcase(path, text.replace("[", "[[]")) for text in patterns)


def own_source(name: str, entry: Mapping[str, Any]) -> Source:
    """Build the Source of a user's own question file, in Video-R1's form or that of a card."""
    path = Path(entry["path"]).expanduser()
    base = load_card(entry.get("card", "own"))
    route = pick_route(name, base, entry.get("route"), None)
    mapping = {**route.mapping, **entry.get("mapping", {})} if not route.parser else {}
    if "mapping" in entry and route.parser:
        raise RecipeError(f"sources.{name}.mapping: the card {base.name} reads rows by a parser")
    known_form(name, path)
    terms = entry.get("license", base.license)
    layout = {key: entry[key] for key in LAYOUT if key in entry}
    digest = digest_of([base.sha256, mapping, dict(terms), route.name, layout])
    card = replace(base, name=name, license=terms, sha256=digest)
    route = replace(route, questions=(path.name,), mapping=mapping, **layout)
    media_root = Path(entry.get("media_root", path.parent)).expanduser()
    if route.finds and address_of(media_root):
        raise RecipeError(
            f"sources.{name}.mapping.media.find looks into a folder on this machine, and "
            f"{media_root} is an address: write the paths as they are below it"
        )
    rows = entry.get("rows", "all")
    chosen = choosing(entry)
    return Source(name, card, route, rows, path.parent, media_root, (path,), own=True, **chosen)


def known_form(name: str, path: Path) -> None:
    """Raise RecipeError where a path is no form of table that is read."""
    if path.exists() and path.is_dir() and not is_table(path):
        raise RecipeError(f"sources.{name}.path: {instead(path, TABLE)}")
    formats = (*QUESTIONS, ".txt")
    if not path.is_dir() and path.suffix.lower() not in formats:
        known = ", ".join(formats)
        raise RecipeError(f"sources.{name}.path: {path.name} is none of {known}")
