"""Figures about answers, rewards and probes."""

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from r1data.labels import LETTERS
from r1data.report.pieces import Figure, Missing, bars, histogram, place_in, share
from r1data.report.tables import Tables
from r1data.rewards.thought import MIN_WORDS, thought_of

if TYPE_CHECKING:
    import polars as pl

PROBE_WORDS = {
    "pass_rate": "all frames, in order",
    "shuffled": "all frames, shuffled",
    "few_frame": "few frames",
    "blind": "no frames",
}
# Words of a chain; the last bin is open. Video-R1's chains have about 200.
WORDS = (0, 25, 50, 100, 150, 200, 300, 400, 600, 800)
NO_TEACHER = "no teacher has answered yet, or this pipeline asks none"


def figures(tables: Tables, rows: "pl.DataFrame") -> list[Callable[[], Figure]]:
    """Rewards, pass rates, chain lengths, letters, reasons of verdicts."""
    return [
        lambda: rewards(tables),
        lambda: pass_rates(tables),
        lambda: chains(tables),
        lambda: letters(tables, rows),
        lambda: reasons(tables),
    ]


def tenth(column: str) -> "pl.Expr":
    """The bin of a share: 0 to 9 for the tenths, 10 for exactly one."""
    import polars as pl

    return (pl.col(column) * 10 + 1e-9).floor().clip(0, 10).cast(pl.Int32)


TENTHS = ["0 - 0.1", *(f"0.{i} - {(i + 1) / 10:.1f}" for i in range(1, 10)), "1"]


def counted(values: "pl.Series", bins: int) -> list[int]:
    """Count how often each of 0 .. bins-1 stands in a column."""
    found = dict(values.drop_nulls().value_counts().iter_rows())
    return [found.get(i, 0) for i in range(bins)]


def rewards(tables: Tables) -> Figure:
    """How far answers were right."""
    title = "Reward of every answer"
    frame = tables.scan("verdicts", ["reward", "right"])
    if frame is None:
        raise Missing(title, NO_TEACHER)
    import polars as pl

    binned = frame.with_columns(bin=tenth("reward"))
    parts = {
        name: counted(binned.filter(test)["bin"], 11)
        for name, test in (("right", pl.col("right")), ("not right", ~pl.col("right")))
    }
    none = frame["reward"].null_count()
    note = f"{none:,} of {frame.height:,} answers could not be judged" if none else ""
    return histogram(title, TENTHS, parts, note, x="reward")


def pass_rates(tables: Tables) -> Figure:
    """How many of a question's answers were right."""
    title = "Share of right answers to a question"
    frame = tables.scan(tables.chosen, ["pass_rate"])
    if frame is None:
        raise Missing(title, "rows are not selected yet")
    if frame["pass_rate"].null_count() == frame.height:
        raise Missing(title, "no question of this build has judged answers")
    none = frame["pass_rate"].null_count()
    note = f"{none:,} of {frame.height:,} rows fell out before they were asked" if none else ""
    values = counted(frame.select(tenth("pass_rate"))["pass_rate"], 11)
    return histogram(title, TENTHS, {"questions": values}, note, x="right answers / answers")


def thought_lengths(tables: Tables) -> "pl.DataFrame":
    """Return id, k, words: how many words the thought of every answer has.

    What stands in think tags is counted by polars, 50 times as fast as `thought_of` reads the rest.
    """
    import polars as pl

    inside = pl.col("text").str.extract(r"(?s)<think>(.*)</think>", 1)
    words = inside.str.count_matches(r"\S+").fill_null(0)
    answers = pl.scan_parquet(tables.paths(tables.answers)).drop_nulls("text")
    frame = answers.select("id", "k", words=words, text=pl.col("text")).collect()
    tagged = pl.col("words") >= MIN_WORDS
    samples = pl.scan_parquet(tables.paths("samples")).select("id", "problem_type", "options")
    rest = frame.lazy().filter(~tagged).join(samples, on="id").collect()
    counts = [
        len(thought_of(row["problem_type"], row["text"], row["options"]).split())
        for row in rest.iter_rows(named=True)
    ]
    read = rest.select("id", "k").with_columns(words=pl.Series(counts, dtype=pl.UInt32))
    return pl.concat([frame.filter(tagged).select("id", "k", "words"), read])


def chains(tables: Tables) -> Figure:
    """Words of a chain of thought, of those that were chosen and of the others."""
    title = "Length of chains"
    if not tables.paths(tables.answers):
        raise Missing(title, NO_TEACHER)
    frame = thought_lengths(tables)
    chosen = tables.chosen_answers()
    labels = [
        *(f"{a} - {b - 1}" for a, b in pairwise(WORDS)),
        f"{WORDS[-1]} -",
    ]
    places = frame.with_columns(bin=place_in("words", [edge - 1 for edge in WORDS[1:]]))
    series = {"answers": counted(places["bin"], len(labels))}
    if chosen is not None:
        picked = places.join(chosen, on=["id", "k"], how="semi")
        rest = places.join(chosen, on=["id", "k"], how="anti")
        series = {
            "chosen": counted(picked["bin"], len(labels)),
            "others": counted(rest["bin"], len(labels)),
        }
    middle = frame["words"].median()
    note = (
        f"half of the answers have at most {middle:,.0f} words"
        if isinstance(middle, float | int)
        else ""
    )
    return histogram(title, labels, series, note, x="words")


def letters(tables: Tables, rows: "pl.DataFrame") -> Figure:
    """How often each letter is right, and how often it was answered, beside what chance gives."""
    import polars as pl

    title = "Balance of letters"
    choice = rows.filter((pl.col("problem_type") == "multiple choice") & (pl.col("options") > 0))
    if not choice.height:
        raise Missing(title, "no question is multiple choice")
    chance = [
        choice.filter(pl.col("options") > i).select((1 / pl.col("options")).sum()).item()
        for i in range(26)
    ]
    most = max(i for i in range(26) if chance[i]) + 1
    truth = dict(choice["solution"].value_counts().iter_rows())
    kept = dict(
        choice.filter(pl.col("drop_reason").is_null())["solution"].value_counts().iter_rows()
    )
    left = sum(kept.values())
    body = [
        [
            LETTERS[i],
            share(truth.get(LETTERS[i], 0), choice.height),
            share(kept.get(LETTERS[i], 0), left),
            f"{chance[i] / choice.height:.1%}",
        ]
        for i in range(most)
    ]
    listed = [
        {
            "name": LETTERS[i],
            "values": [truth.get(LETTERS[i], 0) / choice.height],
            "mark": chance[i] / choice.height,
            "label": f"{body[i][1]} right, {body[i][2]} of kept, {body[i][3]} by chance",
            "cells": body[i][1:],
        }
        for i in range(most)
    ]
    note = (
        "share of multiple-choice questions whose right answer has the letter; the line is chance"
    )
    return {
        **bars(title, ["right answer"], listed, note),
        "head": ["letter", "collected", "kept", "chance"],
    }


def reasons(tables: Tables) -> Figure:
    """By which reason answers were judged right or not."""
    import polars as pl

    title = "Why answers were judged as they were"
    frame = tables.scan("verdicts", ["rule", "why", "right"])
    if frame is None:
        raise Missing(title, NO_TEACHER)
    told = pl.col("right").replace_strict(
        {True: "right", False: "wrong"}, default="not judged", return_dtype=pl.String
    )
    found = (
        frame.group_by("rule", "why", told.alias("right"))
        .len()
        .sort("len", "rule", "why", descending=[True, False, False])
    )
    return {
        "kind": "table",
        "title": title,
        "head": ["rule", "reason", "verdict", "answers"],
        "rows": [list(row) for row in found.iter_rows()],
    }


def probe_figures(tables: Tables) -> list[Callable[[], Figure]]:
    """What a model makes of questions with all, few, shuffled or no frames."""
    return [lambda: ordered(tables), lambda: gains(tables)]


def ordered(tables: Tables) -> Figure:
    """Accuracy of each probe on the rows that all of them asked about."""
    import polars as pl

    title = "Right answers, by what the model was shown"
    names = [name for name in PROBE_WORDS if name in tables.probes]
    if not names:
        raise Missing(title, "the recipe asks for no probes")
    frames = {name: tables.scan(name, ["id", "n", "rate", "chance", "model"]) for name in names}
    asked = {
        name: frame.filter(pl.col("n") > 0) for name, frame in frames.items() if frame is not None
    }
    listed: list[dict[str, Any]] = []
    for name, frame in asked.items():
        if not frame.height:
            continue
        rate, chance = float(frame["rate"].mean()), float(frame["chance"].mean())  # pyright: ignore[reportArgumentType]
        listed.append(
            {
                "name": PROBE_WORDS[name],
                "values": [rate],
                "mark": chance,
                "label": f"{rate:.1%} of {frame.height:,} questions",
                "cells": [frame.height, f"{rate:.1%}", f"{chance:.1%}"],
            }
        )
    if not listed:
        raise Missing(title, "no probe has asked about a row yet")
    models = sorted({str(each) for frame in asked.values() for each in frame["model"].unique()})
    note = f"asked: {', '.join(models)}; the line is what guessing gives"
    return {
        **bars(title, ["right answers"], listed, note),
        "most": 1.0,
        "head": ["shown", "questions", "right", "chance"],
    }


def gains(tables: Tables) -> Figure:
    """How much the order of frames adds, question by question."""
    import polars as pl

    title = "What the order of frames adds"
    pair = [tables.scan(name, ["id", "rate"]) for name in ("pass_rate", "shuffled")]
    if pair[0] is None or pair[1] is None:
        raise Missing(title, "this needs the probes pass_rate and shuffled")
    both = pair[0].join(pair[1], on="id", suffix="_shuffled").drop_nulls()
    if not both.height:
        raise Missing(title, "no question was asked both ways")
    gain = both.select(
        bin=((pl.col("rate") - pl.col("rate_shuffled")) * 4).round().cast(pl.Int32) + 4
    )
    labels = [f"{(i - 4) / 4:+.2f}" for i in range(9)]
    ordered, shuffled = both["rate"].mean(), both["rate_shuffled"].mean()
    told = f"{ordered:.1%} right in order, {shuffled:.1%} shuffled"
    note = f"{both.height:,} questions asked both ways: {told}"
    return histogram(
        title,
        labels,
        {"questions": counted(gain["bin"], 9)},
        note,
        x="share right in order less shuffled",
    )
