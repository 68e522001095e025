"""7 verdicts: is each response right, and by which rule."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from r1data.grid.build import Cell
from r1data.rewards import PRESETS, Verdict, verify
from r1data.schema import arrow_schema

# Why a response is no answer, by what the server said of its end.
NO_ANSWER = {"length": "truncated", "content_filter": "refused"}


def judge_responses(samples: pa.Table, responses: pa.Table, *, cell: Cell) -> pa.Table:
    """Return one verdict a response, in the order of the responses."""
    by_id = {sample["id"]: sample for sample in samples.to_pylist()}
    rows = [judge(by_id[each["id"]], each, cell.options) for each in responses.to_pylist()]
    return pa.Table.from_pylist(rows, arrow_schema("verdict"))


def judge(
    sample: Mapping[str, Any], response: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Judge one response. What never arrived whole is no text to be judged."""
    verdict = unfinished(response, options["preset"]) or verify(
        sample["problem_type"],
        solution=sample["solution"],
        completion=response["text"],
        options=sample["options"],
        preset=options["preset"],
        at_least=options["at_least"],
        question=sample["problem"],
    )
    return {
        "id": response["id"],
        "k": response["k"],
        "preset": verdict.preset,
        "rule": verdict.rule,
        "version": verdict.version,
        "reward": verdict.reward,
        "right": verdict.right,
        "seen": verdict.seen,
        "why": verdict.why,
    }


def unfinished(response: Mapping[str, Any], preset: str) -> Verdict | None:
    """Return the verdict on a response that is no whole answer, or None where it is one."""
    if response["text"] is None:
        why = "failed"
    elif response["finish_reason"] in NO_ANSWER:
        why = NO_ANSWER[response["finish_reason"]]
    else:
        return None
    version = PRESETS[preset].version
    return Verdict(None, None, None, why, "unfinished", preset, version)
