"""VideoMMMU's knowledge gain: how much of what was wrong without the lecture it makes right.

(after - before) / (100% - before) over the questions of the Adaptation track; before, the model
sees the question's picture alone (README of EvolvingLMMs-Lab/VideoMMMU).
"""

from collections.abc import Sequence
from typing import Any

from r1data.errors import UsageError
from r1data.evaluate.records import Record
from r1data.evaluate.tally import is_scored

TRACK = "Adaptation"


def knowledge_gain(before: Sequence[Record], after: Sequence[Record]) -> dict[str, Any]:
    """Return the gain over the rows that both runs scored, by the score and the published rule.

    Raises UsageError where they share no question of the track.
    """
    first = {each["id"]: each for each in before if is_scored(each)}
    shared = [each for each in after if is_scored(each) and each["id"] in first]
    rows = [each for each in shared if each["groups"].get("track") == [TRACK]]
    if not rows:
        raise UsageError(
            f"--knowledge-gain: the runs share no scored question of the track {TRACK} "
            f"({len(shared):,} of any): both need its ids, and the second its track"
        )
    pairs = [(first[each["id"]], each) for each in rows]
    return {"n": len(pairs), **gain_of(pairs, "score"), "published_rule": by_rule(pairs)}


def by_rule(pairs: Sequence[tuple[Record, Record]]) -> dict[str, Any] | None:
    """Return the gain by the published rule, over the rows that it counts in both runs."""
    counted = [pair for pair in pairs if None not in (each["published_rule"] for each in pair)]
    return {"n": len(counted), **gain_of(counted, "published_rule")} if counted else None


def gain_of(pairs: Sequence[tuple[Record, Record]], column: str) -> dict[str, float | None]:
    """Return the accuracies before and after, and the gain; None where nothing was left to gain."""
    before, after = (sum(pair[i][column] for pair in pairs) / len(pairs) for i in (0, 1))
    gain = None if before == 1 else (after - before) / (1 - before)
    return {"before": before, "after": after, "gain": gain}
