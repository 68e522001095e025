"""r1data sources probe: the first rows of every default variant, held against a recipe's quotas.

No media are fetched. A source that cannot be read is a line of the table, and the others go on.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from r1data.building import media_folder
from r1data.errors import R1DataError
from r1data.media.upstream import matching, upstream
from r1data.recipe import Recipe
from r1data.sources.catalogue import Source, card_names, load_card, load_source, matches
from r1data.sources.expected import expected_of
from r1data.sources.stage import sample_rows


class Probed(NamedTuple):
    """What the first rows of one source become, beside what a recipe wants of it.

    `drops` are rows by reason and `examples` the first of each; `fault` says why nothing was read.
    """

    source: str
    variant: str
    confidence: str
    rows: int
    kept: int
    drops: dict[str, int]
    examples: dict[str, str]
    types: dict[str, int]
    wanted: dict[str, int]
    fault: str = ""

    @property
    def lacking(self) -> list[str]:
        """Types of which a recipe wants rows and of which none is among these."""
        return [kind for kind in self.wanted if not self.types.get(kind)]


def probe(recipe: Recipe, names: Sequence[str], rows: int) -> Iterator[Probed]:
    """Yield what the first `rows` rows of each source become: all that can be fetched, or some."""
    settings = {"media": media_folder(Path("builds") / "probe")}
    for name in names or probed_names(recipe):
        entry = recipe.sources.get(name, {})
        yield probed(name, entry, rows, settings, name in recipe.sources)


def probed_names(recipe: Recipe) -> list[str]:
    """Return the sources of a recipe, then those that r1data knows beside them."""
    known = [name for name in card_names() if name not in ("own", "shapes")]
    return [*recipe.sources, *(name for name in known if name not in recipe.sources)]


def probed(
    name: str, entry: Mapping[str, Any], rows: int, settings: Mapping[str, Any], listed: bool
) -> Probed:
    """Return what the first rows of one source become."""
    try:
        source = load_source(name, entry)
        first = narrowed(source, settings)
        taken = [row for _, _, row in islice(sample_rows(first, 0, settings), rows)]
    except R1DataError as fault:
        card = load_card(entry.get("card", name))
        blank: tuple[Any, ...] = (card.route, card.confidence, 0, 0, {}, {}, {}, {})
        return Probed(name, *blank, fault=str(fault))
    drops = Counter(row["drop_reason"] for row in taken if row["drop_reason"])
    examples = {row["drop_reason"]: row["drop_detail"] for row in reversed(taken)}
    kept = [row for row in taken if not row["drop_reason"]]
    return Probed(
        name,
        source.route.name,
        source.card.confidence,
        len(taken),
        len(kept),
        dict(drops),
        {reason: examples[reason] for reason in drops},
        dict(Counter(row["problem_type"] for row in kept)),
        expected_of(source, None).problem_types if listed else {},
        "" if taken else "no row of it is in its question files",
    )


def narrowed(source: Source, settings: Mapping[str, Any]) -> Source:
    """Return a source with the first file of each pattern of its questions."""
    if source.root is not None or not source.route.repo:
        return source
    patterns = source.route.questions
    paths = matching(upstream(source, settings), patterns, "question file", source)
    first = (next((p for p in paths if p == each or matches(p, (each,))), "") for each in patterns)
    questions = tuple(filter(None, dict.fromkeys(first)))
    return replace(source, route=replace(source.route, questions=questions))


HEAD = ("source", "variant", "confidence", "rows", "kept", "dropped", "types", "wanted")


def probe_line(each: Probed) -> tuple[str, ...]:
    """One source in the table; a type that is wanted and was not met is marked."""
    if each.fault:
        fault = " ".join(each.fault.split())
        return (each.source, each.variant, each.confidence, "0", "0", f"NOT READ: {fault}", "", "")
    wanted = [f"{kind} {n:,}{'!' * (kind in each.lacking)}" for kind, n in each.wanted.items()]
    counts = (f"{each.rows:,}", f"{each.kept:,}", listed(each.drops), listed(each.types))
    return (each.source, each.variant, each.confidence, *counts, ", ".join(wanted))


def probe_text(each: Probed) -> str:
    """One source in words, as soon as it is read."""
    name = f"{each.source} ({each.variant}, {each.confidence})"
    if each.fault:
        return f"{name}: NOT READ: {' '.join(each.fault.split())}"
    parts = {
        "": listed(each.types),
        "dropped ": listed(each.drops),
        "wanted ": probe_line(each)[-1],
    }
    told = "; ".join(f"{word}{text}" for word, text in parts.items() if text)
    return f"{name}: {each.kept:,} of {each.rows:,} rows kept: {told}"


def listed(counts: Mapping[str, int]) -> str:
    """Return counts in words."""
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def probe_page(found: Sequence[Probed]) -> str:
    """The table as Markdown, and below it an example of each reason."""
    rows = [HEAD, ("---",) * len(HEAD), *(probe_line(each) for each in found)]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    details = [
        f"- {each.source}, {reason}: {' '.join(detail.split())}"
        for each in found
        for reason, detail in each.examples.items()
    ]
    marks = "A `!` marks a type that the recipe wants and that none of these rows has."
    return "\n".join([*lines, "", marks, *(["", *details] if details else [])]) + "\n"
