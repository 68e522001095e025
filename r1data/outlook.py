"""What becomes of chosen rows before anything is asked: which fall out, and why."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import RowDrop, UsageError
from r1data.grid.drops import Drop
from r1data.media.files import is_fetched, is_generated, locate
from r1data.places import place
from r1data.recipe import Recipe, parse_yaml
from r1data.sections import most_output
from r1data.teacher.budget import PATCH
from r1data.teacher.canary import Form
from r1data.teacher.plan import serve_line

Row = Mapping[str, Any]
DETAIL_CHARACTERS = 160


class Fall(NamedTuple):
    """Rows that fall out for one reason, and the first of them with its sentence."""

    reason: str
    rows: int
    id: str
    detail: str


def falls(rows: Iterable[Row], settings: Row) -> tuple[list[Row], list[Fall]]:
    """Return the rows that stay, and those that fall out by reason, the most first.

    Files that are to be fetched are not looked for.
    """
    counts: Counter[str] = Counter()
    first: dict[str, Fall] = {}
    stay: list[Row] = []
    elsewhere = {name for name in settings["entries"] if is_elsewhere(name, settings)}
    for row in rows:
        drop = drop_of(row, settings, elsewhere)
        if drop is None:
            stay.append(row)
            continue
        reason = drop.reason.value
        counts[reason] += 1
        first.setdefault(reason, Fall(reason, 0, row["id"], drop.detail))
    return stay, [first[reason]._replace(rows=count) for reason, count in counts.most_common()]


def is_elsewhere(name: str, settings: Row) -> bool:
    """Tell whether the media of a source are yet to come: drawn, fetched, or taken out."""
    return is_generated(name, settings) or is_fetched(name, settings)


def drop_of(row: Row, settings: Row, elsewhere: set[str]) -> RowDrop | None:
    """Return why a row falls out, as far as can be told before its media are opened."""
    if row["drop_reason"]:
        return RowDrop(Drop(row["drop_reason"]), row["drop_detail"])
    if row["source"] in elsewhere:
        return None
    try:
        for each in row["media"]:
            if not locate(row["source"], each["uri"], settings).stat().st_size:
                return RowDrop(Drop.MISSING_MEDIA, f"{each['uri']} is a file of zero bytes")
    except RowDrop as drop:
        return drop
    return None


def fall_lines(found: Sequence[Fall], rows: int) -> list[str]:
    """Say how many rows fall out, and why, with an example a reason."""
    if not found:
        return []
    total = sum(each.rows for each in found)
    lines = [f"drops    {total:,} of {rows:,} rows fall out before anybody is asked:"]
    return lines + [
        f"         {each.reason} {each.rows:,}, the first is {each.id}: {shortened(each.detail)}"
        for each in found
    ]


def unsure_lines(plans: Sequence[Row]) -> list[str]:
    """Name sources elsewhere whose mapping is a guess, whose rows nobody read, of unknown terms."""
    known = [each for each in plans if each["from"] != "files here"]
    terms = [(each, {each["license"]["annotations"], each["license"]["media"]}) for each in known]
    unsure = {
        "mapping is a guess": [p["source"] for p in known if p["confidence"] == "guess"],
        "no real row was read": [p["source"] for p in known if p["confidence"] == "likely"],
        "terms unknown": [p["source"] for p, words in terms if "unknown" in words],
    }
    told = [f"{what}: {', '.join(names)}" for what, names in unsure.items() if names]
    return [f"{'unknown' if not i else '':<8} {line}" for i, line in enumerate(told)]


def shortened(text: str, most: int = DETAIL_CHARACTERS) -> str:
    """Return a text in one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 3]}..."


def refuse_template(recipe: Recipe) -> None:
    """Raise UsageError for a shipped recipe whose questions are to be brought by its user."""
    shipped = place("recipes") / f"{recipe.name}.yaml"
    if not shipped.is_file():
        return
    text = shipped.read_text(encoding="utf-8")
    listed = parse_yaml(text, str(shipped))[0]["sources"]
    for name, entry in recipe.sources.items():
        path = str(entry.get("path", ""))
        if path and path == listed.get(name, {}).get("path") and not Path(path).exists():
            raise UsageError(
                f"the recipe {recipe.name} is a template, to be run where its questions lie, and "
                f"there is no {path} here. {description(text)} For your own questions: "
                "r1data init FILE"
            )


def description(text: str) -> str:
    """Return what the comment at the head of a shipped recipe says of it."""
    head = takewhile(lambda line: line.startswith("#"), text.splitlines())
    return " ".join(line.lstrip("# ") for line in head if "yaml-language-server" not in line)


def first_rows(samples: Sequence[Row], count: int) -> list[Row]:
    """Return the first samples of each source."""
    seen: Counter[str] = Counter()
    found: list[Row] = []
    for row in samples:
        seen[row["source"]] += 1
        if seen[row["source"]] <= count:
            found.append(row)
    return found


def samples_text(
    samples: Sequence[Row], fallen: Sequence[Fall], count: int, bases: Mapping[str, Sequence[str]]
) -> str:
    """What the first rows of each source become, and which of all rows fall out.

    `bases` says of a source what numbers as its answer keys count from.
    """
    from r1data.summary import table

    lines: list[str] = []
    totals = Counter(row["source"] for row in samples)
    for name, total in totals.items():
        first = first_rows([row for row in samples if row["source"] == name], count)
        lines += [f"{name}: {total:,} rows; the first {len(first)} become", ""]
        head = ("id", "type", "media", "options", "truth", "question")
        lines += [each.rstrip() for each in table([head, *map(sample_line, first)], left=True)]
        lines += [*bases.get(name, ()), ""]
    every = f"all {len(samples):,} rows can be used, as far as can be told before media are opened"
    return "\n".join([*lines, *(fall_lines(fallen, len(samples)) or [every])])


def sample_line(row: Row) -> tuple[str, ...]:
    """One sample in the table: what is asked, about what, and the truth or why it falls out."""
    truth = f"{row['drop_reason']}!" if row["drop_reason"] else shortened(row["solution"], 30)
    media = row["media"][0]["uri"] if row["media"] else ""
    more = f" +{len(row['media']) - 1}" if len(row["media"]) > 1 else ""
    options = str(len(row["options"] or ())) if row["options"] else ""
    question = shortened(row["problem"], 60)
    return row["id"], row["problem_type"], f"{media}{more}", options, truth, question


def square(recipe: Recipe, count: int) -> Form:
    """Return a form with square images of as many pixels as the recipe allows."""
    side = max(PATCH, int(recipe.frames.max_pixels**0.5) // PATCH * PATCH)
    return Form(count, side, side)


def serving(recipe: Recipe, form: Form) -> str:
    """Return the command that starts vLLM for the recipe's teacher and its largest request."""
    assert recipe.teacher is not None
    media = {str(lane.get("media") or "image_url") for lane in recipe.run.lanes}
    return serve_line(recipe.teacher.model, form, most_output(recipe.teacher), media)
