"""What a probe's figures say: how likely chance does as well, and what a threshold makes of it."""

import re
from collections.abc import Mapping, Sequence
from math import comb
from typing import Any

from r1data.grid.drops import Drop

# A guess at an open question is rarely right: of 1,017 NExT-QA truths of one word, the commonest is
# 3%. Counts are few: of 177 in NExT-QA 36% are two, of 565 in VSI-Bench 53%. So are colours.
OPEN_CHANCE, COUNT_CHANCE, COLOUR_CHANCE = 0.05, 0.4, 0.25
# What is seen in one frame, or in any order, rules answers out without settling a question: of four
# options two are left. Of 120 clean planted rows (tests/planting.py) one frame gets two right 12
# times of 20, which one guess in four does with 0.0009, and one in two with 0.25.
SEEING_CHANCE = 0.5
SEEING = frozenset({"few_frame", "shuffled"})
COUNT = re.compile(r"\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten")
COLOURS = frozenset(
    {"black", "blue", "brown", "gray", "green", "grey", "orange"}
    | {"pink", "purple", "red", "white", "yellow"}
)
YES_NO = frozenset({"yes", "no", "true", "false"})
REASONS = {
    "blind": Drop.SOLVED_BLIND,
    "few_frame": Drop.ORDER_FREE,
    "shuffled": Drop.ORDER_FREE,
}
SHOWN = {
    "blind": "without media",
    "few_frame": "from a few frames",
    "shuffled": "from shuffled frames",
    "pass_rate": "from all frames",
}
Row = Mapping[str, Any]


def guessing(sample: Row) -> float:
    """Return the share of right answers that guessing gives: 1 / k for k options.

    What is written in a picture (OCR) and measured numbers cannot be guessed, however short.
    """
    if sample["problem_type"] == "multiple choice" and sample["options"]:
        return 1 / len(sample["options"])
    truth = str(sample["solution"]).strip().lower()
    if truth in YES_NO:
        return 0.5
    read = sample["problem_type"] in ("OCR", "regression")
    if COUNT.fullmatch(truth) and not read:
        return COUNT_CHANCE
    return COLOUR_CHANCE if truth in COLOURS and not read else OPEN_CHANCE


def chance_of(probe: str, sample: Row) -> float:
    """Return the share of right answers that a model gives to a probe without knowing."""
    return max(guessing(sample), SEEING_CHANCE) if probe in SEEING else guessing(sample)


def by_chance(right: int, n: int, chance: float) -> float:
    """Return the probability that n guesses give at least so many right answers (binomial)."""
    return sum(comb(n, i) * chance**i * (1 - chance) ** (n - i) for i in range(right, n + 1))


def settled(row: Row, most: float, key: str) -> dict[str, str]:
    """Drop a row that its probe answered better than chance does with probability `most`.

    `key` is where the threshold stands in the recipe. Nothing is returned for a row that stays.
    """
    if row["by_chance"] is None or row["by_chance"] > most:
        return {}
    return drop(
        REASONS[row["probe"]],
        f"{told(row)}; chance does that with {row['by_chance']:.2g}, {key} is {most}",
    )


def outside(row: Row, band: Sequence[float], key: str) -> dict[str, str]:
    """Drop a row whose share of right answers lies outside a band."""
    low, high = band
    if row["rate"] is None or low <= row["rate"] <= high:
        return {}
    reason = Drop.TOO_HARD if row["rate"] < low else Drop.TOO_EASY
    return drop(reason, f"{told(row)}; {key} is {low} to {high}")


def told(row: Row) -> str:
    """Say what a probe found."""
    return f"probe {row['probe']}: {row['right']} of {row['n']} right {SHOWN[row['probe']]}"


def drop(reason: Drop, detail: str) -> dict[str, str]:
    """Return the two columns of a drop."""
    return {"drop_reason": reason.value, "drop_detail": detail}
