"""Balance: quotas hold, say which was full, and do not depend on the order of rows."""

import json
import random
from collections import Counter
from typing import Any

import pytest

import r1data
from r1data.building import Build, release_digest
from r1data.errors import RecipeError
from r1data.selection.balance import list_quotas, place_of
from r1data.selection.letters import even_letters
from r1data.selection.quotas import Quota, keep
from r1data.why import why_dict, why_text

KINDS = (Quota("problem_type free-form", 0.3), Quota("source nextqa", 25))


def rows(count: int = 200, seed: int = 1) -> dict[str, list[int]]:
    """Rows of which about half fall under each quota."""
    rng = random.Random(seed)
    return {f"s/{i}": [number for number in (0, 1) if rng.random() < 0.5] for i in range(count)}


def test_quotas_hold_for_what_is_kept() -> None:
    given = rows()
    kept = keep(given, KINDS, None, 7)
    counts = Counter(number for identity in kept.ids for number in given[identity])
    assert counts[1] == 25
    assert counts[0] <= 0.3 * len(kept.ids)
    assert kept.ids | kept.over.keys() == given.keys()
    assert not kept.ids & kept.over.keys()


def test_a_share_keeps_as_many_rows_as_it_can() -> None:
    given = {f"a/{i}": [0] for i in range(90)} | {f"b/{i}": [] for i in range(10)}
    kept = keep(given, [Quota("source a", 0.75)], None, 7)
    assert len(kept.ids) == 40
    assert sum(identity.startswith("a/") for identity in kept.ids) == 30


def test_neither_the_order_of_rows_nor_of_their_arrival_decides() -> None:
    given = rows()
    first = keep(given, KINDS, 60, 7)
    assert len(first.ids) == 60
    for seed in range(5):
        mixed = list(given.items())
        random.Random(seed).shuffle(mixed)
        assert keep(dict(mixed), KINDS, 60, 7) == first
    assert keep(given, KINDS, 60, 8).ids != first.ids


def test_every_row_over_a_quota_says_which() -> None:
    given = rows()
    over = keep(given, KINDS, 60, 7).over
    assert {told.split(" is ")[0] for told in over.values()} <= {
        "the quota of problem_type free-form",
        "the quota of source nextqa",
        "balance.rows",
    }
    assert any("18 rows, 0.3 of 60" in told for told in over.values())


def test_shares_that_leave_nothing_are_refused() -> None:
    with pytest.raises(RecipeError, match="no row can stay"):
        keep({"a/1": [0], "a/2": [0]}, [Quota("source a", 0.4)], None, 7)


def test_lengths_fall_into_spans() -> None:
    none = {kind: {} for kind in ("problem_type", "source", "group", "letter")}
    quotas, places = list_quotas({**none, "seconds": {"0-30": 5, "30-": 0.5}})
    found = [place_of(places, "seconds", each) for each in (0.0, 29.9, 30.0, 900.0, None)]
    assert found == [0, 0, 1, 1, None]
    assert quotas[1] == Quota("seconds 30-", 0.5)


# Letters


def question(number: int, count: int = 4, **more: Any) -> dict[str, Any]:
    options = [f"thing {number} {i}" for i in range(count)]
    sample = {"id": f"s/{number}", "problem_type": "multiple choice", "solution": "A"}
    return {**sample, "options": options, "extra": "{}", **more}


def test_every_letter_is_right_equally_often_and_says_what_it_said() -> None:
    given = [question(i, 3 + i % 3) for i in range(120)]
    moved = even_letters(given, 7)
    counts = Counter((len(row["options"]), row["solution"]) for row in moved)
    assert all(max(counts[n, x] for x in "ABCDE"[:n]) - 40 // n <= 1 for n in (3, 4, 5))
    for before, after in zip(given, moved, strict=True):
        order = json.loads(after["extra"])["options_order"]
        assert after["options"] == [before["options"][i] for i in order]
        assert after["options"]["ABCDE".index(after["solution"])] == before["options"][0]


def test_letters_do_not_depend_on_the_order_of_rows() -> None:
    given = [question(i) for i in range(50)]
    first = {row["id"]: row for row in even_letters(given, 7)}
    assert {row["id"]: row for row in even_letters(given[::-1], 7)} == first


def test_options_that_speak_of_others_and_open_questions_stay() -> None:
    given = [
        question(1, options=["cat", "dog", "none of the above"]),
        question(2, problem_type="numerical", options=[], solution="3"),
    ]
    assert even_letters(given, 7) == given


# Builds


BALANCE = "balance={rows: 8, problem_type: {numerical: 0.25}, even_letters: true}"


@pytest.fixture(scope="module")
def balanced(tmp_path_factory: pytest.TempPathFactory) -> Build:
    out = tmp_path_factory.mktemp("balanced") / "b"
    return r1data.build("demo", out=out, engine="inline", overrides=overrides())


def overrides() -> list[str]:
    return ["sources.shapes.rows=24", "teacher.n=1", BALANCE]


def test_a_balanced_build_accounts_for_every_row(balanced: Build) -> None:
    assert r1data.check(balanced.path).findings == []
    released = balanced.table("release").collect()
    assert len(released) == 8
    assert (released["problem_type"] == "numerical").sum() <= 2
    steps = [(step.stage, step.reason) for step in balanced.counts().steps]
    assert ("balance", "over_quota") in steps


def test_why_names_the_quota_that_was_full(balanced: Build) -> None:
    rows = balanced.table("balance").collect()
    fallen = rows.filter(rows["drop_reason"] == "over_quota")["id"][0]
    told = why_text(why_dict(balanced, fallen))
    assert "dropped at balance: over_quota: " in told
    assert "quota of" in told or "balance.rows is 8" in told


def test_engines_and_workers_choose_the_same_rows(balanced: Build) -> None:
    other = r1data.build("demo", out="pool", engine="pool", workers=2, overrides=overrides())
    assert release_digest(other.release) == release_digest(balanced.release)


def test_without_its_quotas_a_build_asks_nobody_and_forgets_them(balanced: Build) -> None:
    again = r1data.build(
        "demo", out=balanced.path, engine="inline", overrides=[*overrides(), "balance.rows=5"]
    )
    assert again.tally is not None
    assert set(again.tally.made) == {"balance", "release"}
    assert len(again.table("release").collect()) == 5
