"""The catalogue: which cards exist, and what a recipe's entry under `sources:` comes down to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from r1data.errors import RecipeError
from r1data.grid.shards import digest_of, file_sha256
from r1data.recipe import check, parse_yaml, read_text, suggestion

CARDS = Path(__file__).parent / "cards"


@dataclass(frozen=True)
class Card:
    """What a source is, where its questions lie, and how its rows become samples."""

    name: str
    title: str
    group: str
    license: Mapping[str, Any]
    confidence: str
    questions: str
    format: str
    mapping: Mapping[str, Any]
    solution_is: str = "letter"
    homepage: str = ""
    checked: str = ""
    rows: int | None = None
    media_bytes: int | None = None
    traps: tuple[str, ...] = ()
    sha256: str = field(default="", compare=False)


@dataclass(frozen=True)
class Source:
    """One entry under `sources:`: a card, how many rows, and where its files lie here."""

    name: str
    card: Card
    rows: int | float | str
    questions: Path | None
    media_root: Path | None


def card_names() -> list[str]:
    """Return the names of all cards, sorted."""
    return sorted(path.stem for path in CARDS.glob("*.yaml"))


@cache
def load_card(name: str) -> Card:
    """Read and check one card. Raises RecipeError where there is none of that name."""
    path = CARDS / f"{name}.yaml"
    if not path.is_file():
        hint = suggestion(name, card_names())
        raise RecipeError(f"no source '{name}'; own questions need 'path:'{hint}")
    data, lines = parse_yaml(read_text(path), path.name)
    check(data, "card", lines, path.name)
    traps = tuple(data.pop("traps", ()))
    return Card(**data, traps=traps, sha256=file_sha256(path))


def load_source(name: str, entry: Mapping[str, Any]) -> Source:
    """Turn an entry under `sources:` into a Source. Raises RecipeError."""
    if "path" in entry:
        return own_source(name, entry)
    for key in ("media_root", "mapping", "license"):
        if key in entry:
            raise RecipeError(f"sources.{name}.{key} is for own questions and needs 'path:' too")
    card = load_card(name)
    rows = entry.get("rows", "all")
    if card.format == "generated":
        return Source(name, card, rows, None, None)
    if "root" not in entry:
        raise RecipeError(
            f"sources.{name} has no local copy: set sources.{name}.root to a folder with "
            f"{card.questions} and its media, as {card.homepage or 'its authors'} gives it"
        )
    root = Path(entry["root"]).expanduser()
    return Source(name, card, rows, root / card.questions, root)


def own_source(name: str, entry: Mapping[str, Any]) -> Source:
    """Build the Source of a user's own question file."""
    path = Path(entry["path"]).expanduser()
    base = load_card("own")
    mapping = {**base.mapping, **entry.get("mapping", {})}
    made = {
        **{key: getattr(base, key) for key in base.__dataclass_fields__},
        "name": name,
        "questions": path.name,
        "format": own_format(name, path),
        "mapping": mapping,
        "license": entry.get("license", base.license),
    }
    card = Card(**{**made, "sha256": digest_of([base.sha256, mapping, dict(made["license"])])})
    media_root = Path(entry.get("media_root", path.parent)).expanduser()
    return Source(name, card, entry.get("rows", "all"), path, media_root)


def own_format(name: str, path: Path) -> str:
    """Tell the format of a question file by its ending."""
    formats = {".json": "json", ".jsonl": "jsonl", ".csv": "csv", ".parquet": "parquet"}
    if path.suffix.lower() not in formats:
        known = ", ".join(formats)
        raise RecipeError(f"sources.{name}.path: {path.name} is none of {known}")
    return formats[path.suffix.lower()]
