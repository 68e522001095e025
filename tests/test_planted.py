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
sources: {{planted: {{path: q{seed}/questions.jsonl, media_root: q{seed}/clips}}}}
screen: {{duplicates: true, decontaminate: [benchmark{seed}]}}
probes:
  model: offline
  max_tokens: 512
  reworded: {{n: 1}}
  blind: {{n: 20, settles: 0.006}}
  few_frame: {{n: 20, settles: 0.006}}
  shuffled: {{n: 20}}
filter: {{shuffled: 0.006}}
run: {{engine: pool, workers: 2, lanes: [{{url: offline, concurrency: 8}}]}}
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


def tally(count: int, seed: int) -> tuple[Counter[str], Counter[str]]:
    """fault -> its rows that fell out for it, clean -> those that stayed; and all rows of each"""
    q = Path(f"q{seed}")
    made = plant(count, seed, q)
    make_index(q / "benchmark.jsonl", f"benchmark{seed}", q / "benchmark")
    recipe = Path(f"r{seed}.yaml")
    recipe.write_text(RECIPE.format(seed=seed))
    rows = r1data.build(recipe, out=f"b{seed}").table("selection").collect()
    reasons = dict(zip(rows["id"], rows["drop_reason"], strict=True))
    right, every = Counter[str](), Counter[str]()
    for number, (fault, _, _) in enumerate(made):
        every[fault] += 1
        right[fault] += reasons[f"planted/{number}"] in FOUND_AS[fault]
    return right, every


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_at_least_95_of_100_of_each_fault_are_found_and_2_of_100_clean_rows_fall() -> None:
    right, every = Counter[str](), Counter[str]()
    for seed in (5, 6):
        some, of = tally(100, seed)
        right, every = right + some, every + of
    found = {fault: right[fault] / count for fault, count in every.items()}
    assert found.pop("clean") >= 0.98
    assert all(share >= 0.95 for share in found.values()), found
