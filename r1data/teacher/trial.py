"""Ask about a few rows, and tell from their answers what all of them will take."""

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from r1data.errors import UsageError
from r1data.recipe import Recipe
from r1data.teacher.budget import Prices
from r1data.teacher.lanes import CONCURRENCY


class Trial(NamedTuple):
    """What was measured on `asked` rows, and low and high ends for all of them.

    `usd` is None without prices; `hours` is with every lane full and replies no slower than here.
    """

    asked: int
    answered: float
    seconds: float
    tokens_in: tuple[float, float]
    tokens_out: tuple[float, float]
    usd: tuple[float, float] | None
    hours: float


def try_some(recipe: Recipe, count: int, rows: int, out: Path) -> Trial:
    """Build `count` rows up to the teacher's answers in the folder `out`; tell of `rows` rows.

    It is paid for; a later build with reuse=[out] does not pay again for the same rows. Raises
    what stops a build, and UsageError where no row got as far as the teacher.
    """
    from dataclasses import replace

    from r1data.building import build

    each = math.ceil(count / len(recipe.sources))
    done = build(replace(recipe, limit=each), out=out, until="responses")
    paths = sorted((done.path / "6.responses").glob("*.parquet"))
    answers = [row for path in paths for row in pq.read_table(path).to_pylist()]
    if not answers:
        raise UsageError(f"none of {count} rows got as far as the teacher: r1data status {out}")
    assert recipe.teacher is not None
    flying = sum(int(lane.get("concurrency", CONCURRENCY)) for lane in recipe.run.lanes)
    return extrapolate(answers, rows, flying, recipe.teacher.prices)


def extrapolate(
    answers: Sequence[Mapping[str, Any]],
    rows: int,
    flying: int,
    prices: Mapping[str, float] | None,
) -> Trial:
    """Tell from the answers to a few rows what `rows` rows take with `flying` requests at once."""
    by_row: dict[str, list[Mapping[str, Any]]] = {}
    for answer in answers:
        by_row.setdefault(answer["id"], []).append(answer)
    takes = [sum(each["tokens_in"] or 0 for each in row) for row in by_row.values()]
    gives = [sum(each["tokens_out"] or 0 for each in row) for row in by_row.values()]
    seconds = [each["seconds"] for each in answers if each["seconds"] is not None]
    usd = None
    if prices is not None:
        price = Prices(prices["input"], prices["output"])
        costs = [price.cost(came, went) for came, went in zip(takes, gives, strict=True)]
        usd = ends(costs, rows)
    mean = statistics.fmean(seconds) if seconds else 0.0
    requests = rows * len(answers) / len(by_row)
    return Trial(
        asked=len(by_row),
        answered=sum(each["text"] is not None for each in answers) / len(answers),
        seconds=mean,
        tokens_in=ends(takes, rows),
        tokens_out=ends(gives, rows),
        usd=usd,
        hours=requests * mean / flying / 3600,
    )


def ends(values: Sequence[float], rows: int) -> tuple[float, float]:
    """Return where the sum over `rows` lies in 19 of 20 cases: the mean and two standard errors."""
    mean = statistics.fmean(values)
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else mean
    return rows * max(0.0, mean - 2 * error), rows * (mean + 2 * error)


def trial_text(found: Trial) -> str:
    """The findings for a person."""
    cost = "no prices: set teacher.prices"
    if found.usd is not None:
        cost = "${:,.2f} to ${:,.2f}".format(*found.usd)
    tokens = "{:,.0f} to {:,.0f} tokens in".format(*found.tokens_in)
    written = "{:,.0f} to {:,.0f} out".format(*found.tokens_out)
    share, seconds = f"{found.answered:.0%}", f"{found.seconds:.1f} s"
    return (
        f"asked    {found.asked} rows: {share} answered in {seconds} each; all of them: {tokens}, "
        f"{written}, {cost}, {found.hours:,.1f} hours at full lanes"
    )
