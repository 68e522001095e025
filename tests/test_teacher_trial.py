"""A few rows are asked, and what all of them take is told from their answers."""

import random
from pathlib import Path

import pytest

from r1data.building import build
from r1data.recipe import load_recipe
from r1data.teacher.trial import extrapolate, trial_text, try_some

SMALL = ["sources.shapes.rows=12", "run.engine=inline"]


def answers(count: int, seed: int) -> list[dict]:
    rng = random.Random(seed)
    return [
        {"id": str(i), "text": "x", "seconds": 2.0, "tokens_in": 1000, "tokens_out": out}
        for i in range(count)
        for out in (rng.randint(50, 400), rng.randint(50, 400))
    ]


def test_the_ends_hold_what_all_rows_took_in_most_cases() -> None:
    everything = answers(2000, 0)
    took = sum(row["tokens_out"] for row in everything)
    rng = random.Random(1)
    inside = 0
    for _ in range(100):
        names = set(rng.sample(range(2000), 20))
        some = [row for row in everything if int(row["id"]) in names]
        found = extrapolate(some, 2000, 100, {"input": 1.0, "output": 2.0})
        inside += found.tokens_out[0] <= took <= found.tokens_out[1]
        assert found.tokens_in == (4_000_000, 4_000_000)
        assert found.hours == pytest.approx(4000 * 2 / 100 / 3600)
    assert inside >= 88


def test_one_row_or_no_price_is_told_as_it_is() -> None:
    found = extrapolate(answers(1, 0), 10, 1, None)
    assert found.usd is None and found.tokens_out[0] == 0.0
    assert "no prices" in trial_text(found)


def test_what_a_trial_paid_for_is_not_paid_again(tmp_path: Path) -> None:
    recipe = load_recipe("demo", SMALL)
    found = try_some(recipe, 4, 12, tmp_path / "trial")
    assert found.asked == 4 and found.answered == 1.0
    build(recipe, out=tmp_path / "all", until="responses", reuse=[tmp_path / "trial"])
    journal = (tmp_path / "all" / "6.responses" / "00000.journal.jsonl").read_text()
    trial = (tmp_path / "trial" / "6.responses" / "00000.journal.jsonl").read_text()
    keys = [line.split('"')[3] for line in trial.splitlines()]
    assert keys and not any(key in journal for key in keys)
