"""What probing will take and spare, before anything is asked."""

from collections.abc import Mapping
from typing import Any

from r1data.recipe import Recipe
from r1data.stages import probe_names
from r1data.teacher.plan import estimate

# Share of rows that stays. Of Video-R1's video questions 69% need the video (VidGround); a band of
# pass rates keeps about 60% (LongVILA, VITAL). Nobody published figures for few or shuffled frames,
# so all rows are expected to stay there: the estimate is on the high side.
STAYS = {"blind": 0.69, "few_frame": 1.0, "shuffled": 1.0, "pass_rate": 0.6}
# Of a 72B teacher's first answers 57% to 63% are right (Video-R1, OneThinker).
RIGHT = 0.6


def funnel_plan(recipe: Recipe, rows: int) -> list[dict[str, Any]]:
    """Return, stage by stage, how many rows are asked about, with how many requests, and stay."""
    steps: list[dict[str, Any]] = []
    for name in probe_names(recipe):
        asked = getattr(recipe.probes, name)
        stays = STAYS[name] if asked.get("settles") is not None else 1.0
        steps.append(
            {"stage": name, **costs(recipe, name, asked, rows), "left": round(rows * stays)}
        )
        rows = steps[-1]["left"]
    if recipe.teacher is not None:
        steps.append({"stage": "teacher", "rows": rows, "left": round(rows * RIGHT)})
    return steps


def costs(recipe: Recipe, name: str, asked: Mapping[str, Any], rows: int) -> dict[str, Any]:
    """Return requests, tokens and money of one probe about `rows` clips, low and high."""
    assert recipe.probes is not None
    every = recipe.frames.count
    pictures = {"blind": 0, "few_frame": asked.get("frames", 1)}.get(name, every)
    side = round(recipe.frames.max_pixels**0.5)
    options = {"n": asked["n"], "max_tokens": recipe.probes.max_tokens}
    found = estimate(rows, pictures, side, side, options, recipe.probes.prices)
    return {"rows": rows, **found._asdict()}


def funnel_lines(steps: list[dict[str, Any]]) -> list[str]:
    """The funnel for a person, and what asking the teacher last spares."""
    lines: list[str] = []
    for step in steps[:-1] if steps and steps[-1]["stage"] == "teacher" else steps:
        low, high = step["tokens_in"]
        money = "" if step["usd"] is None else ", ${:,.2f} to ${:,.2f}".format(*step["usd"])
        lines.append(
            f"{step['stage']:<10} {step['requests']:,} requests about {step['rows']:,} rows, "
            f"{low:,} to {high:,} tokens in{money}; about {step['left']:,} rows stay"
        )
    if len(steps) > 1 and steps[-1]["stage"] == "teacher":
        first, last = steps[0]["rows"], steps[-1]
        lines.append(
            f"the teacher is then asked about {last['rows']:,} rows instead of {first:,}, and "
            f"about {last['left']:,} get a right answer"
        )
    return lines
