"""Planted faults: the stages find them, and let the clean rows be."""

from collections import Counter
from pathlib import Path

import pytest
from planting import plant

import r1data
from r1data.screen.index import make_index

# The probes ask as often, and settle at the same levels, as those of recipes/grounded-20k.yaml.
RECIPE = """
pipeline: rl
name: planted
seed: 7
sources: {planted: {path: q/questions.jsonl, media_root: q/clips}}
screen: {duplicates: true, decontaminate: [benchmark]}
probes:
  model: offline
  max_tokens: 512
  blind: {n: 12, settles: 0.01}
  few_frame: {n: 12, settles: 0.0003}
  shuffled: {n: 12}
filter: {shuffled: 0.01}
run: {engine: pool, workers: 2, lanes: [{url: offline, concurrency: 8}]}
"""
FOUND_AS = {
    "leak": {"solved_blind"},
    "one_frame": {"order_free"},
    "order_free": {"order_free"},
    "duplicate words": {"duplicate"},
    "duplicate clip": {"duplicate"},
    "leaked": {"contaminated"},
    "clean": {None},
}


def shares(count: int, seed: int) -> dict[str, float]:
    """fault -> share of its rows that fell out for it; clean -> share that stayed"""
    made = plant(count, seed, Path("q"))
    make_index("q/benchmark.jsonl", "benchmark", "q/benchmark")
    Path("r.yaml").write_text(RECIPE)
    build = r1data.build("r.yaml", out="b")
    rows = build.table("selection").collect()
    reasons = dict(zip(rows["id"], rows["drop_reason"], strict=True))
    right, every = Counter[str](), Counter[str]()
    for number, (fault, _, _) in enumerate(made):
        every[fault] += 1
        right[fault] += reasons[f"planted/{number}"] in FOUND_AS[fault]
    return {fault: right[fault] / count for fault, count in every.items()}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_at_least_95_of_100_of_each_fault_are_found_and_2_of_100_clean_rows_fall() -> None:
    found = shares(200, 5)
    assert found.pop("clean") >= 0.98
    assert all(share >= 0.95 for share in found.values()), found
