"""From scored rows to one number, its groups, and what could not be scored."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from r1data.evaluate.benchmarks import Benchmark
from r1data.evaluate.published import RULES
from r1data.evaluate.statistics import Interval, Stratum, interval

Record = Mapping[str, Any]
# Asked and answered, or refused by the model itself: these rows have a score.
SCORED = ("answered", "refused")
# What happened to the others; they are no wrong answers.
UNSCORED = ("undecoded", "failed", "unjudged", "unasked", "left_out")


def states(records: Iterable[Record]) -> Counter[str]:
    """Count rows by what became of them."""
    return Counter(
        "unjudged" if each["state"] in SCORED and each["score"] is None else str(each["state"])
        for each in records
    )


def is_scored(record: Record) -> bool:
    """Tell whether a row counts."""
    return record["state"] in SCORED and record["score"] is not None


def strata_of(
    benchmark: Benchmark, records: Sequence[Record], column: str = "score"
) -> list[Stratum]:
    """Return the parts whose weighted means make the one number of a benchmark.

    A mean of tasks needs every row to name its task; otherwise rows are averaged.
    """
    if not benchmark.mean_of or not all(benchmark.mean_of in each["groups"] for each in records):
        return [Stratum(1.0, [each[column] for each in records])]
    tasks: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for each in records:
        level = each["groups"][benchmark.mean_of][0]
        tasks[benchmark.levels.get(level, level)][level].append(each[column])
    return [
        Stratum(1 / (len(tasks) * len(levels)), levels[level])
        for levels in tasks.values()
        for level in levels
    ]


def group_scores(benchmark: Benchmark, records: Sequence[Record]) -> dict[str, dict[str, Any]]:
    """Return the score of every group: column -> value -> {n, mean, low, high, method}."""
    found: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for each in records:
        for column, values in each["groups"].items():
            for value in values:
                found[column][value].append(each)
        for column, value in combined(benchmark, each):
            found[column][value].append(each)
    return {
        column: {value: told(benchmark, mine, column) for value, mine in sorted(values.items())}
        for column, values in found.items()
    }


def combined(benchmark: Benchmark, record: Record) -> Iterable[tuple[str, str]]:
    """Yield the groups that two others make: levels of one task, and TempCompass's aspects."""
    groups = record["groups"]
    levels = benchmark.levels
    joined = levels.get(groups[benchmark.mean_of][0]) if levels else None
    if joined is not None:
        yield benchmark.mean_of, joined
    if benchmark.name == "tempcompass" and "task" in groups and "aspect" in groups:
        yield "task, aspect", f"{groups['task'][0]}, {groups['aspect'][0]}"


def told(benchmark: Benchmark, records: Sequence[Record], column: str) -> dict[str, Any]:
    """Return the score of one group; that of joined levels is the mean of the levels."""
    if column == benchmark.mean_of and benchmark.levels:
        strata = strata_of(benchmark, records)
    else:
        strata = [Stratum(1.0, [each["score"] for each in records])]
    return {"n": len(records), **interval(strata)._asdict()}


def report(benchmark: Benchmark, records: Sequence[Record]) -> dict[str, Any]:
    """Return everything that is said of a run: the score, groups, Video-R1's, and counts.

    `lower_bound` counts rows that could not be decoded or failed as wrong, as published
    evaluations do; None where there is none.
    """
    scored = [each for each in records if is_scored(each)]
    counts = states(records)
    missing = [{**each, "score": 0.0} for each in records if each["state"] in UNSCORED[:2]]
    return {
        "benchmark": benchmark.name,
        "title": benchmark.title,
        "metric": metric_text(benchmark, scored),
        "score": whole(benchmark, scored),
        "lower_bound": whole(benchmark, [*scored, *missing]) if missing else None,
        "mean_of_rows": rows_mean(scored, "score"),
        "published_rule": published_scores(benchmark, scored),
        "video_r1": video_r1_scores(benchmark, scored),
        "groups": group_scores(benchmark, scored),
        "rows": len(records),
        "counts": {
            "scored": len(scored),
            "no_answer": sum(each["seen"] is None for each in scored),
            "truncated": sum(each["finish_reason"] == "length" for each in scored),
            "refused": counts["refused"],
            **{state: counts[state] for state in UNSCORED},
        },
        "read_by": dict(Counter(str(each["rule"]) for each in scored)),
    }


def whole(benchmark: Benchmark, records: Sequence[Record]) -> dict[str, Any] | None:
    """Return the one number of a benchmark with its interval; None without a scored row."""
    if not records:
        return None
    return {"n": len(records), **interval(strata_of(benchmark, records))._asdict()}


def published_scores(benchmark: Benchmark, records: Sequence[Record]) -> dict[str, Any] | None:
    """Return the score by the rule of the benchmark's authors alone, as they sum it up.

    None where they have no rule, or where it counts no row.
    """
    counted = [
        {**each, "score": each["published_rule"]}
        for each in records
        if each["published_rule"] is not None
    ]
    if not counted or benchmark.name not in RULES:
        return None
    found = whole(benchmark, counted)
    assert found is not None
    source = RULES[benchmark.name].source
    return {"source": source, **found, "groups": group_scores(benchmark, counted)}


def rows_mean(records: Sequence[Record], column: str) -> dict[str, Any] | None:
    """Return the mean over rows."""
    values = [each[column] for each in records if each[column] is not None]
    if not values:
        return None
    return {"n": len(values), **interval([Stratum(1.0, values)])._asdict()}


def video_r1_scores(benchmark: Benchmark, records: Sequence[Record]) -> dict[str, Any]:
    """Return what Video-R1's eval_bench.py prints: two means; and them in the benchmark's way."""
    usable = [each for each in records if each["video_r1"] is not None]
    numbers = [each for each in usable if each["problem_type"] == "regression"]
    others = [each for each in usable if each["problem_type"] != "regression"]
    overall = interval(strata_of(benchmark, usable, "video_r1")) if usable else None
    return {
        "mean_acc": mean_or_none(others),
        "mean_mra": mean_or_none(numbers),
        "score": overall.mean if isinstance(overall, Interval) else None,
        "n": len(usable),
    }


def mean_or_none(records: Sequence[Record]) -> float | None:
    """Return the mean of Video-R1's scores."""
    if not records:
        return None
    return sum(each["video_r1"] for each in records) / len(records)


def metric_text(benchmark: Benchmark, records: Sequence[Record]) -> str:
    """Say in words what the one number is, and whether part of it is missing."""
    name = benchmark.mean_of
    if not name:
        return "mean of rows"
    if not all(name in each["groups"] for each in records):
        return f"mean of rows: not every row names its {name}, so no mean of {name}s can be told"
    levels = benchmark.levels
    there = {levels.get(each["groups"][name][0], each["groups"][name][0]) for each in records}
    first = ", the levels of one averaged first" if levels else ""
    told = f"mean of {len(there)} {name}s{first}"
    if len(there) < benchmark.expected:
        told += f"; the benchmark has {benchmark.expected}"
    return told
