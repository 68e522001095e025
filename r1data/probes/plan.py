"""What probing will take and spare, before anything is asked."""

from collections.abc import Mapping
from typing import Any

from r1data.order import compares, probe_names
from r1data.recipe import Recipe
from r1data.sections import most_output
from r1data.teacher.plan import Estimate, estimate

# Share of rows that stays. Of Video-R1's video questions 69% need the video (VidGround); a band of
# pass rates keeps about 60% (LongVILA, VITAL). Nobody has published figures for one frame or for
# shuffled ones where the blind probe came first: half of what falls blind is assumed, and told so.
STAYS = {"blind": 0.69, "few_frame": 0.85, "shuffled": 0.85, "pass_rate": 0.6}
ASSUMED = frozenset({"few_frame", "shuffled"})
# Share of rows that have clip and truth in common with another: 0.041 in NExT-QA, 0.031 in MMVU,
# 0.001 in Video-MME, 0.21 in VSI-Bench, whose questions are filled-in templates.
COMPARED = 0.04
FILTERS = {
    "blind": "blind",
    "few_frame": "few_frame",
    "shuffled": "shuffled",
    "pass_rate": "student_rate",
}
# Of a 72B teacher's first answers 57% to 63% are right (Video-R1, OneThinker).
RIGHT = 0.6


def funnel_plan(recipe: Recipe, rows: int) -> list[dict[str, Any]]:
    """Return, stage by stage, how many rows are asked about, with how many requests, and stay."""
    steps: list[dict[str, Any]] = []
    first, later = rows, 1.0
    if recipe.probes is not None and compares(recipe):
        few = costs(recipe, "reworded", recipe.probes.reworded, round(rows * COMPARED))
        steps.append({"stage": "reworded", **few, "left": rows, "assumed": True})
    for name in probe_names(recipe):
        asked = getattr(recipe.probes, name)
        settles = asked.get("settles") is not None
        if not settles and getattr(recipe.filter, FILTERS[name]) is not None:
            later *= STAYS[name]
        left = round(rows * STAYS[name]) if settles else rows
        assumed = settles and name in ASSUMED
        step = {"stage": name, **costs(recipe, name, asked, rows), "left": left, "assumed": assumed}
        steps.append(step)
        rows = left
    if recipe.teacher is not None and recipe.pipeline != "rl":
        saved = teacher_costs(recipe, first - rows)._asdict()
        left = round(rows * RIGHT)
        steps.append(
            {"stage": "teacher", "rows": rows, "left": left, "first": first, "saves": saved}
        )
        rows = left
    steps.append(
        {"stage": "selection", "rows": rows, "left": released(recipe, round(rows * later))}
    )
    return steps


def released(recipe: Recipe, rows: int) -> int:
    """Return how many rows are released at most."""
    most = recipe.balance.rows if recipe.balance else None
    return min(rows, most) if most is not None else rows


def costs(recipe: Recipe, name: str, asked: Mapping[str, Any], rows: int) -> dict[str, Any]:
    """Return requests, tokens and money of one probe about `rows` clips, low and high."""
    assert recipe.probes is not None
    every = recipe.frames.count
    pictures = {"reworded": 0, "blind": 0, "few_frame": asked.get("frames", 1)}.get(name, every)
    side = round(recipe.frames.max_pixels**0.5)
    options = {"n": asked["n"], "max_tokens": most_output(recipe.probes)}
    found = estimate(rows, pictures, side, side, options, recipe.probes.prices)
    return {"rows": rows, **found._asdict()}


def teacher_costs(recipe: Recipe, rows: int) -> Estimate:
    """Return what the teacher takes for `rows` clips."""
    assert recipe.teacher is not None
    side = round(recipe.frames.max_pixels**0.5)
    options = {"n": recipe.teacher.n, "max_tokens": most_output(recipe.teacher)}
    return estimate(rows, recipe.frames.count, side, side, options, recipe.teacher.prices)


def funnel_lines(steps: list[dict[str, Any]]) -> list[str]:
    """The funnel for a person, and what asking the teacher last spares."""
    by_name = {step["stage"]: step for step in steps}
    lines = [probe_line(step) for step in steps if "requests" in step]
    if "selection" in by_name:
        lines.append(f"selection  about {by_name['selection']['left']:,} rows are released")
    if lines and "teacher" in by_name:
        lines.append(saving_line(by_name["teacher"]))
    return lines


def probe_line(step: Mapping[str, Any]) -> str:
    """One probe: what it asks, what it takes, what stays."""
    low, high = step["tokens_in"]
    money = "" if step["usd"] is None else ", ${:,.2f} to ${:,.2f}".format(*step["usd"])
    stay = f"about {step['left']:,} rows stay"
    if step["stage"] == "reworded":
        stay = f"{COMPARED:.0%} are assumed to share clip and answer with another, as in NExT-QA"
    elif step["assumed"]:
        stay += ", as assumed: nobody has published a figure"
    return (
        f"{step['stage']:<10} {step['requests']:,} requests about {step['rows']:,} rows, "
        f"{low:,} to {high:,} tokens in{money}; {stay}"
    )


def saving_line(step: Mapping[str, Any]) -> str:
    """What asking the teacher last spares, against asking it first."""
    saves, usd = step["saves"], step["saves"]["usd"]
    money = "" if usd is None else ", ${:,.2f} to ${:,.2f}".format(*usd)
    share = 1 - step["rows"] / step["first"] if step["first"] else 0.0
    return (
        f"the teacher is then asked about {step['rows']:,} rows instead of {step['first']:,}: "
        f"{share:.0%} or {saves['requests']:,} requests{money} less than asking it first; about "
        f"{step['left']:,} get a right answer"
    )
