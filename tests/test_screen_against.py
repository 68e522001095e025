"""Screening against other builds: what they released does not come again."""

from pathlib import Path

import pytest
from screening import clip, facts, row

import r1data
from r1data.errors import RecipeError
from r1data.screen.against import read_released
from r1data.screen.facts import Facts
from r1data.screen.stage import findings

ASKED = "Which shape enters the picture first?"
OPTIONS = {"duplicates": True, "decontaminate": []}


def elsewhere(*rows: dict[str, object]) -> Facts:
    found = facts(rows)
    return found._replace(ids=[f"{one} of b" for one in found.ids])


def test_a_row_that_another_build_released_falls_though_its_own_id_is_smaller() -> None:
    found = findings(facts([row("s/1", ASKED)]), OPTIONS, [elsewhere(row("t/9", ASKED))])
    assert found[0]["drop_reason"] == "duplicate"
    assert found[0]["drop_detail"].endswith("as in t/9 of b")


def test_what_another_build_dropped_may_come() -> None:
    other = elsewhere(row("t/9", ASKED))._replace(standing=[False])
    assert findings(facts([row("s/1", ASKED)]), OPTIONS, [other]) == {}


def test_other_builds_may_repeat_one_another() -> None:
    others = [elsewhere(row("t/9", ASKED)), elsewhere(row("t/9", ASKED))]
    rows = [row("s/1", ASKED), row("s/2", ASKED, sha256="b" * 64, hashes=clip(2))]
    assert findings(facts(rows), OPTIONS, others).keys() == {0}


def test_rows_are_only_compared_within_the_build() -> None:
    rows = [row("s/1", "Why does the boy run?"), row("s/2", "What makes the lad hurry along?")]
    found = findings(facts(rows), OPTIONS, [elsewhere(row("t/9", "Who knows?"))])
    assert found == {1: {"candidates": ["s/1"]}}


FIRST = ["sources.shapes.rows=6", "teacher.n=1"]
AGAIN = ["sources.shapes.rows=12", "teacher.n=1", "screen={duplicates: true, against: [first]}"]


def reasons(build: r1data.Build, stage: str) -> dict[str, str | None]:
    return dict(build.table(stage).select("id", "drop_reason").collect().rows())


def test_a_larger_build_releases_nothing_that_the_first_one_did() -> None:
    first = reasons(r1data.build("demo", out="first", overrides=FIRST), "selection")
    again = r1data.build("demo", out="again", overrides=AGAIN)
    released = {one for one, reason in first.items() if reason is None}
    screened = reasons(again, "screen")
    assert {one for one, reason in screened.items() if reason == "duplicate"} == released
    assert released.isdisjoint(again.table("release").collect()["id"])
    assert "of first" in str(again.table("screen").collect()["drop_detail"].drop_nulls()[0])


def test_another_choice_of_the_first_build_screens_anew() -> None:
    r1data.build("demo", out="first", overrides=FIRST)
    once = reasons(r1data.build("demo", out="again", overrides=AGAIN, until="screen"), "screen")
    r1data.build("demo", out="first", overrides=[*FIRST, "balance={rows: 2}"])
    twice = reasons(r1data.build("demo", out="again", overrides=AGAIN, until="screen"), "screen")
    assert sum(reason is not None for reason in once.values()) > 3
    assert sum(reason is not None for reason in twice.values()) == 2


@pytest.mark.parametrize(
    ("made", "said"), [(None, "there is no build at first"), ("frames", "first is not finished")]
)
def test_a_build_that_has_released_nothing_is_refused(made: str | None, said: str) -> None:
    if made:
        r1data.build("demo", out="first", overrides=FIRST, until=made)
    with pytest.raises(RecipeError, match=said):
        r1data.build("demo", out="again", overrides=AGAIN)
    assert not Path("again", "1.samples").exists()


@pytest.mark.parametrize("gone", ["3.frames", "8.selection"])
def test_a_build_whose_tables_are_gone_or_damaged_is_refused_and_harms_nothing(gone: str) -> None:
    r1data.build("demo", out="first", overrides=FIRST)
    path = min(Path("first", gone).glob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(RecipeError, match="build it again first"):
        read_released("first")
    path.unlink()
    with pytest.raises(RecipeError, match="its tables were cleaned away"):
        r1data.build("demo", out="again", overrides=AGAIN)


def test_whoever_names_other_builds_must_look_for_duplicates() -> None:
    r1data.build("demo", out="first", overrides=FIRST)
    overrides = [*AGAIN[:2], "screen={duplicates: false, against: [first]}"]
    with pytest.raises(RecipeError, match="add duplicates: true"):
        r1data.build("demo", out="again", overrides=overrides)
