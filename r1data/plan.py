"""r1data plan: rows, bytes, requests, tokens, cost and licences, before anything runs."""

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from r1data.building import media_folder, settings_of
from r1data.media.files import is_generated, media_base
from r1data.recipe import Recipe
from r1data.sources.stage import chosen_samples
from r1data.stages import samples as samples_stage
from r1data.summary import table

# A frame of 100,352 pixels at JPEG quality 90 takes about 27 kB (measured on 16 frames of a clip).
BYTES_A_PIXEL = 0.27


def read_samples(recipe: Recipe) -> tuple[list[dict[str, Any]], Mapping[str, Any]]:
    """Return the samples that a build would choose, and where their files lie."""
    settings = settings_of(recipe, Path("builds") / recipe.name, [])["samples"]
    return chosen_samples(samples_stage(recipe).options, settings), settings


def first_samples(recipe: Recipe) -> list[dict[str, Any]]:
    """Return what the first chosen rows of each source become."""
    return read_samples(recipe)[0]


def make_plan(recipe: Recipe) -> dict[str, Any]:
    """Say what a build would take; reads question files and file sizes, sends nothing."""
    rows, settings = read_samples(recipe)
    kept = [row for row in rows if row["drop_reason"] is None]
    media = media_bytes(kept, settings)
    frames = sum(pictures(row, recipe) for row in kept)
    stored = round(frames * recipe.frames.max_pixels * BYTES_A_PIXEL)
    made: dict[str, Any] = {
        "recipe": recipe.name,
        "rows": len(rows),
        "dropped_already": dict(Counter(r["drop_reason"] for r in rows if r["drop_reason"])),
        "sources": [source_plan(name, rows) for name in recipe.sources],
        "media": media,
        "frames": frames,
        "disk_needed_bytes": 2 * stored,
        "disk_free_bytes": shutil.disk_usage(existing(Path(media_folder(Path("builds/x"))))).free,
    }
    if recipe.teacher is not None:
        made["teacher"] = teacher_plan(recipe, kept)
    return made


def existing(path: Path) -> Path:
    """Return the nearest folder above `path` that exists."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path


def pictures(row: Mapping[str, Any], recipe: Recipe) -> int:
    """Return how many pictures a sample sends at most."""
    return len(row["media"]) * (1 if row["data_type"] == "image" else recipe.frames.count)


def media_bytes(rows: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> dict[str, int]:
    """Count the files that the rows need, what they weigh, and which are not there."""
    files = {(row["source"], each["uri"]) for row in rows for each in row["media"]}
    generated = {name for name in settings["entries"] if is_generated(name, settings)}
    local = [media_base(source, settings) / uri for source, uri in files if source not in generated]
    sizes = [path.stat().st_size for path in local if path.is_file()]
    return {
        "files": len(files),
        "bytes": sum(sizes),
        "missing": len(local) - len(sizes),
        "drawn_here": len(files) - len(local),
    }


def source_plan(name: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows, kinds and terms of one source."""
    mine = [row for row in rows if row["source"] == name]
    return {
        "source": name,
        "rows": len(mine),
        "problem_types": dict(Counter(row["problem_type"] for row in mine)),
        "license": mine[0]["license"] if mine else None,
    }


def teacher_plan(recipe: Recipe, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Requests, tokens and cost of asking about `rows`, from low to high."""
    from r1data.teacher.plan import estimate

    assert recipe.teacher is not None
    side = round(recipe.frames.max_pixels**0.5)
    options = {"n": recipe.teacher.n, "max_tokens": recipe.teacher.max_tokens}
    asked = [
        estimate(count, each, side, side, options, recipe.teacher.prices)
        for each, count in Counter(pictures(row, recipe) for row in rows).items()
    ]
    costs = [each.usd for each in asked if each.usd is not None]
    return {
        "requests": sum(each.requests for each in asked),
        "tokens_in": sum_ends([each.tokens_in for each in asked]),
        "tokens_out": sum_ends([each.tokens_out for each in asked]),
        "usd": sum_ends(costs) if recipe.teacher.prices else None,
    }


def sum_ends(pairs: Sequence[tuple[float, float]]) -> list[float]:
    """Add up low ends and high ends."""
    return [sum(low for low, _ in pairs), sum(high for _, high in pairs)]


def plan_text(made: Mapping[str, Any]) -> str:
    """The plan for a person."""
    lines = [f"{made['recipe']}: {made['rows']:,} rows"]
    head = ("source", "questions", "media", "rows")
    lines += table([head, *(source_line(each) for each in made["sources"])])
    media = made["media"]
    lines.append(
        f"media    {media['files']:,} files, {media['bytes'] / 1e6:,.1f} MB here, "
        f"{media['drawn_here']:,} to be drawn, {media['missing']:,} missing"
    )
    need, free = made["disk_needed_bytes"] / 1e9, made["disk_free_bytes"] / 1e9
    lines.append(f"disk     {need:,.1f} GB needed at most, {free:,.1f} GB free")
    if "teacher" in made:
        lines.append(teacher_line(made["teacher"]))
    return "\n".join(lines)


def source_line(each: Mapping[str, Any]) -> tuple[str, ...]:
    """One source in the plan's table."""
    terms = each["license"] or {"annotations": "-", "media": "-"}
    return each["source"], terms["annotations"], terms["media"], f"{each['rows']:,}"


def teacher_line(asked: Mapping[str, Any]) -> str:
    """Requests, tokens and cost in a line."""
    cost = "no prices: set teacher.prices"
    if asked["usd"] is not None:
        cost = "${:,.2f} to ${:,.2f}".format(*asked["usd"])
    tokens_in, tokens_out = asked["tokens_in"], asked["tokens_out"]
    return (
        f"teacher  {asked['requests']:,} requests, {tokens_in[0]:,} to {tokens_in[1]:,} tokens in, "
        f"{tokens_out[0]:,} to {tokens_out[1]:,} out, {cost}"
    )
