"""r1data plan: rows, bytes, requests, tokens, cost and licences, before anything runs.

Sources that lie here are read. Of the others the card tells what is known: nothing is fetched.
"""

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from r1data.building import media_folder, settings_of
from r1data.media.files import is_fetched, is_generated, paths_of
from r1data.media.web import endpoint, token_for
from r1data.outlook import Fall, fall_lines, falls, refuse_template, serving, square, unsure_lines
from r1data.probes.plan import funnel_lines, funnel_plan
from r1data.recipe import Recipe
from r1data.sections import most_output
from r1data.sources.catalogue import Source, load_source
from r1data.sources.expected import Expected, expected_of
from r1data.sources.stage import chosen_samples
from r1data.stages import revise_prices
from r1data.stages import samples as samples_stage
from r1data.summary import table
from r1data.unfilled import Unfilled, planned, unfilled_lines

# A frame of 100,352 pixels at JPEG quality 90 takes about 27 kB (measured on 16 frames of a clip).
BYTES_A_PIXEL = 0.27


def read_samples(recipe: Recipe) -> tuple[list[dict[str, Any]], Mapping[str, Any]]:
    """Return the samples that a build would choose, and where their files lie."""
    settings = settings_of(recipe, Path("builds") / recipe.name, [])["samples"]
    return chosen_samples(samples_stage(recipe).options, settings), settings


def local_samples(
    recipe: Recipe, sources: Mapping[str, Source]
) -> tuple[list[dict[str, Any]], Mapping[str, Any]]:
    """Return the chosen samples of the sources that lie here."""
    settings = settings_of(recipe, Path("builds") / recipe.name, [])["samples"]
    names = [name for name, each in sources.items() if is_local(each)]
    here = {**settings, "entries": {name: settings["entries"][name] for name in names}}
    return chosen_samples(samples_stage(recipe).options, here), settings


def is_local(source: Source) -> bool:
    """Tell whether a source is drawn or read from a copy here."""
    return source.generated or source.root is not None


def make_plan(recipe: Recipe) -> dict[str, Any]:
    """Say what a build would take; reads local files and cards, sends nothing."""
    refuse_template(recipe)
    sources = {name: load_source(name, entry) for name, entry in recipe.sources.items()}
    rows, settings = local_samples(recipe, sources)
    kept, fallen = falls(rows, settings)
    plans = [source_plan(each, rows, recipe) for each in sources.values()]
    pictures_of = counted_pictures(kept, plans, sources, recipe)
    frames = sum(count * number for count, number in pictures_of.items())
    pixels = sum(count * number * area(recipe, count) for count, number in pictures_of.items())
    stored = round(pixels * BYTES_A_PIXEL)
    media = media_bytes(rows, settings, [name for name in sources if is_local(sources[name])])
    fetch = fetch_plan([each for each in sources.values() if not is_local(each)])
    token = token_for(endpoint())  # the one that a download would send
    made: dict[str, Any] = {
        "recipe": recipe.name,
        "rows": sum(each["rows"] for each in plans),
        "problem_types": added(each["problem_types"] for each in plans),
        "data_types": added(each["data_types"] for each in plans),
        "dropped_already": {each.reason: each.rows for each in fallen},
        "examples": {each.reason: {"id": each.id, "detail": each.detail} for each in fallen},
        "unfilled": [each._asdict() for each in planned(recipe, sources, rows)],
        "sources": plans,
        "licenses": added({term(each): each["rows"]} for each in plans),
        "gated_without_token": [p["source"] for p in plans if p["gated"] and not token],
        "media": media,
        "fetch": fetch,
        "frames": frames,
        # frames stand in the build, in the release and in the cache that builds share
        "disk_needed_bytes": 3 * stored + fetch["bytes"],
        "disk_free_bytes": shutil.disk_usage(existing(Path(media_folder(Path("builds/x"))))).free,
    }
    if recipe.teacher is not None:
        made["teacher"] = teacher_plan(recipe, pictures_of)
        if any(lane["url"] != "offline" for lane in recipe.run.lanes):
            made["serve"] = serving(recipe, square(recipe, max(pictures_of, default=1)))
        if recipe.revise is not None:
            made["revise"] = revise_plan(recipe, pictures_of)
    if recipe.probes is not None:
        made["funnel"] = funnel_plan(recipe, made["rows"] - sum(each.rows for each in fallen))
    return made


def added(counts: Any) -> dict[str, int]:
    """Add up counts by name."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def term(plan: Mapping[str, Any]) -> str:
    """Return the terms of a source's questions."""
    return plan["license"]["annotations"] if plan["license"] else "unknown"


def existing(path: Path) -> Path:
    """Return the nearest folder above `path` that exists."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def counted_pictures(
    rows: Sequence[Mapping[str, Any]],
    plans: Sequence[Mapping[str, Any]],
    sources: Mapping[str, Source],
    recipe: Recipe,
) -> Counter[int]:
    """Count samples by how many pictures each sends at most."""
    counts: Counter[int] = Counter(pictures(row, recipe) for row in rows)
    for plan in plans:
        if not is_local(sources[plan["source"]]):
            for data_type, number in plan["data_types"].items():
                counts[1 if data_type == "image" else recipe.frames.count] += number
    return counts


def area(recipe: Recipe, pictures: int) -> int:
    """Return the pixels of a picture at most; one that comes alone is an image, not a clip's."""
    alone = recipe.frames.image_max_pixels if pictures == 1 else None
    return alone or recipe.frames.max_pixels


def sides(recipe: Recipe, pictures: int) -> tuple[int, int]:
    """Return width and height of a square picture of that area."""
    side = round(area(recipe, pictures) ** 0.5)
    return side, side


def pictures(row: Mapping[str, Any], recipe: Recipe) -> int:
    """Return how many pictures a sample sends at most."""
    return len(row["media"]) * (1 if row["data_type"] == "image" else recipe.frames.count)


def media_bytes(
    rows: Sequence[Mapping[str, Any]], settings: Mapping[str, Any], names: Sequence[str]
) -> dict[str, Any]:
    """Count the files that rows need: here and what they weigh, missing, to be drawn or brought."""
    files = {(row["source"], each["uri"]): None for row in rows for each in row["media"]}
    drawn = {name for name in names if is_generated(name, settings)}
    brought = {name for name in names if is_fetched(name, settings)}
    elsewhere = drawn | brought
    here = {name: paths_of(name, settings) for name, _ in files if name not in elsewhere}
    local = [here[name](uri) for name, uri in files if name in here]
    missing = [str(path) for path in local if not path.is_file()]
    return {
        "files": len(files),
        "bytes": sum(path.stat().st_size for path in local if path.is_file()),
        "missing": len(missing),
        "first_missing": missing[0] if missing else None,
        "drawn_here": sum(name in drawn for name, _ in files),
        "brought": sum(name in brought for name, _ in files),
    }


def fetch_plan(sources: Sequence[Source]) -> dict[str, Any]:
    """Say what is to be fetched at most; files that several sources share count once."""
    known: dict[Any, int] = {}
    unknown: list[str] = []
    for source in sources:
        route = source.route
        if route.bytes is None:
            unknown.append(source.name)
        else:
            folders = frozenset(each.rpartition("/")[0] for each in route.questions)
            known[route.repo or route.url, route.config, folders] = route.bytes
    by_hand = [each.name for each in sources if each.route.media.get("kind") == "external"]
    return {"bytes": sum(known.values()), "size_unknown": unknown, "media_by_hand": by_hand}


def source_plan(
    source: Source, rows: Sequence[Mapping[str, Any]], recipe: Recipe
) -> dict[str, Any]:
    """Rows, kinds, terms and route of one source."""
    if is_local(source):
        mine = [row for row in rows if row["source"] == source.name]
        found = Expected(
            len(mine),
            dict(Counter(row["problem_type"] for row in mine)),
            dict(Counter(row["data_type"] for row in mine)),
        )
    else:
        found = expected_of(source, recipe.limit)
    return {
        "source": source.name,
        **found._asdict(),
        "group": source.card.group,
        "license": {k: v for k, v in source.card.license.items() if k != "stated_by"},
        "gated": bool(source.card.license["gated"]),
        "confidence": source.card.confidence,
        "route": source.route.name,
        "from": "files here" if is_local(source) else source.route.repo or source.route.url,
    }


def teacher_plan(recipe: Recipe, pictures_of: Mapping[int, int]) -> dict[str, Any]:
    """Requests, tokens and cost of asking, from low to high."""
    from r1data.teacher.plan import estimate

    assert recipe.teacher is not None
    options = {"n": recipe.teacher.n, "max_tokens": most_output(recipe.teacher)}
    prices = recipe.teacher.prices
    asked = [
        estimate(count, each, *sides(recipe, each), options, prices)
        for each, count in pictures_of.items()
    ]
    return summed(asked, prices is not None)


def revise_plan(recipe: Recipe, pictures_of: Mapping[int, int]) -> dict[str, Any]:
    """The same for the second look at each chain, which carries the chain beside the pictures."""
    from r1data.teacher.plan import LEAST_OUTPUT, estimate

    assert recipe.teacher is not None and recipe.revise is not None
    longest = most_output(recipe.teacher)
    options = {"n": recipe.teacher.n, "max_tokens": most_output(recipe.revise)}
    prices, draft = revise_prices(recipe), (min(LEAST_OUTPUT, longest), longest)
    asked = [
        estimate(count, each, *sides(recipe, each), options, prices, draft)
        for each, count in pictures_of.items()
    ]
    return summed(asked, prices is not None)


def summed(asked: Sequence[Any], priced: bool) -> dict[str, Any]:
    """Add up estimates."""
    return {
        "requests": sum(each.requests for each in asked),
        "tokens_in": sum_ends([each.tokens_in for each in asked]),
        "tokens_out": sum_ends([each.tokens_out for each in asked]),
        "usd": sum_ends([each.usd for each in asked]) if priced else None,
    }


def sum_ends(pairs: Sequence[tuple[float, float]]) -> list[float]:
    """Add up low ends and high ends."""
    return [sum(low for low, _ in pairs), sum(high for _, high in pairs)]


def plan_text(made: Mapping[str, Any]) -> str:
    """The plan for a person."""
    types = ", ".join(f"{name} {count:,}" for name, count in made["problem_types"].items())
    kinds = ", ".join(f"{name} {count:,}" for name, count in made["data_types"].items())
    lines = [f"{made['recipe']}: {made['rows']:,} rows ({kinds}; {types})"]
    head = ("source", "questions", "media", "rows", "sure", "from")
    lines += table([head, *(source_line(each) for each in made["sources"])])
    lines += unsure_lines(made["sources"])
    fallen = [Fall(why, n, **made["examples"][why]) for why, n in made["dropped_already"].items()]
    lines += fall_lines(fallen, made["rows"])
    short = unfilled_lines([Unfilled(**each) for each in made["unfilled"]])
    lines += [f"{'quota' if not i else '':<8} {line}" for i, line in enumerate(short)]
    lines += [*media_lines(made["media"]), *fetch_lines(made), disk_line(made)]
    first = "at most " if made.get("funnel") else ""  # rows that probes drop are not put to it
    for name in ("teacher", "revise"):
        if name in made:
            lines.append(asking_line(name, made[name], first))
    if "serve" in made:
        lines.append(f"serve    {made['serve']}")
    lines += funnel_lines(made.get("funnel", []))
    return "\n".join(lines)


def media_lines(media: Mapping[str, Any]) -> list[str]:
    """The files of sources that lie here, and the first that is missing."""
    if not media["files"]:
        return []
    parts = [f"{bytes_text(media['bytes'])} here"] if media["bytes"] else []
    parts += [f"{media['drawn_here']:,} to be drawn"] if media["drawn_here"] else []
    parts += [f"{media['brought']:,} to be brought"] if media["brought"] else []
    parts += [f"{media['missing']:,} missing"] if media["missing"] else []
    first = f": {media['first_missing']}" if media["missing"] else ""
    return [f"media    {media['files']:,} files, {', '.join(parts)}{first}"]


def fetch_lines(made: Mapping[str, Any]) -> list[str]:
    """What is fetched, what nobody knows the size of, what needs a person."""
    fetch = made["fetch"]
    lines = [f"fetch    {size_text(fetch['bytes'], fetch)} to be fetched"] if is_any(fetch) else []
    told = {
        "size unknown": fetch["size_unknown"],
        "media by hand": fetch["media_by_hand"],
        "gated, no token": made["gated_without_token"],
    }
    return lines + [f"         {what}: {', '.join(names)}" for what, names in told.items() if names]


def is_any(fetch: Mapping[str, Any]) -> bool:
    """Tell whether anything is to be fetched."""
    return bool(fetch["bytes"] or fetch["size_unknown"])


def size_text(known: int, fetch: Mapping[str, Any]) -> str:
    """Say how many bytes: at most so many, or at least, where the size of some is unknown."""
    count = len(fetch["size_unknown"])
    if not count:
        return f"at most {bytes_text(known)}"
    unknown = f"{count} source{'s' if count > 1 else ''} of unknown size"
    return f"at least {bytes_text(known)} + {unknown}" if known else unknown


def bytes_text(count: float) -> str:
    """Say how many bytes, in GB or, of less than a tenth of one, in MB."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e8 else f"{count / 1e6:,.1f} MB"


def disk_line(made: Mapping[str, Any]) -> str:
    """What the build needs on disk and what is free; marked where it is too little."""
    need, free = made["disk_needed_bytes"], made["disk_free_bytes"]
    short = f": {bytes_text(need - free)} TOO LITTLE" if need > free else ""
    return f"disk     {size_text(need, made['fetch'])} needed, {bytes_text(free)} free{short}"


def source_line(each: Mapping[str, Any]) -> tuple[str, ...]:
    """One source in the plan's table."""
    terms = each["license"]
    rows = f"{each['rows']:,}"
    shown = (each["source"], terms["annotations"], terms["media"], rows)
    where = each["from"].rpartition("://")[2]
    return (*shown, each["confidence"], where.partition("/")[0] if "://" in each["from"] else where)


def asking_line(name: str, asked: Mapping[str, Any], first: str = "") -> str:
    """Requests, tokens and cost in a line."""
    cost = f"no prices: set {name}.prices"
    if asked["usd"] is not None:
        cost = "${:,.2f} to ${:,.2f}".format(*asked["usd"])
    tokens_in, tokens_out = asked["tokens_in"], asked["tokens_out"]
    return (
        f"{name:<8} {first}{asked['requests']:,} requests, {tokens_in[0]:,} to "
        f"{tokens_in[1]:,} tokens in, {tokens_out[0]:,} to {tokens_out[1]:,} out, {cost}"
    )
