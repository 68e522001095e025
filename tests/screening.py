"""Rows for the tests of screening, without a build around them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from r1data.schema import arrow_schema
from r1data.screen.facts import Facts, facts_of
from r1data.screen.stage import findings


def clip(seed: int, frames: int = 16) -> list[int]:
    """Hashes of the frames of a made-up clip, each with half of its bits set."""
    rng = np.random.default_rng(seed)
    return [int(sum(1 << int(b) for b in rng.choice(64, 32, replace=False))) for _ in range(frames)]


def noisy(hashes: Sequence[int], bits: int, seed: int = 0) -> list[int]:
    """The same frames with some bits of each turned over."""
    rng = np.random.default_rng(seed)
    flips = (rng.choice(64, bits, replace=False) for _ in hashes)
    return [each ^ sum(1 << int(b) for b in flip) for each, flip in zip(hashes, flips, strict=True)]


def hues(*levels: tuple[int, int]) -> int:
    """A frame's colours: pairs of a hue (of 32) and its level (1 to 3)."""
    return sum(level << 2 * hue for hue, level in levels)


def phash(each: Mapping[str, Any]) -> str | None:
    """The column of that name: frames in grey, and their hues (none where there is no `hues`)."""
    frames = each["hashes"] or ()
    parts = (frames, each.get("hues") or [0] * len(frames))
    return ":".join("".join(f"{one:016x}" for one in part) for part in parts) if frames else None


def row(identity: str, problem: str, solution: str = "A", **more: Any) -> dict[str, Any]:
    """A question with the clip `hashes`, in the file `sha256`."""
    return {
        "id": identity,
        "problem": problem,
        "options": ["the red circle", "the blue square", "the green triangle"],
        "problem_type": "multiple choice",
        "solution": solution,
        "uri": "clip.mp4",
        "sha256": "a" * 64,
        "hashes": clip(1),
        "drop_reason": None,
        **more,
    }


def facts(rows: Sequence[Mapping[str, Any]]) -> Facts:
    samples = [
        {key: each[key] for key in ("id", "problem", "options", "problem_type", "solution")}
        | {"media": [{"uri": each["uri"], "start": None, "end": None}]}
        for each in rows
    ]
    media = [{"id": each["id"], "files": [{"sha256": each["sha256"]}]} for each in rows]
    frames = [
        {
            "id": each["id"],
            "phash": phash(each),
            "drop_reason": each["drop_reason"],
        }
        for each in rows
    ]
    return facts_of(
        pa.Table.from_pylist(samples, arrow_schema("sample")),
        pa.Table.from_pylist(media, arrow_schema("media")),
        pa.Table.from_pylist(frames, arrow_schema("frames")),
    )


def screened(
    rows: Sequence[Mapping[str, Any]], indexes: Sequence[str] = (), duplicates: bool = True
) -> dict[str, dict[str, str]]:
    """id -> columns of the rows that fall out"""
    options = {"duplicates": duplicates, "decontaminate": list(indexes)}
    found = findings(facts(rows), options)
    return {rows[i]["id"]: columns for i, columns in found.items() if "drop_reason" in columns}


def compared(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """id -> the rows that a model would be asked to compare it with"""
    found = findings(facts(rows), {"duplicates": True, "decontaminate": []})
    return {rows[i]["id"]: each["candidates"] for i, each in found.items() if "candidates" in each}
