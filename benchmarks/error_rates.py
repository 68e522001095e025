"""How often the presets err on labelled answers of models: python benchmarks/error_rates.py DATA

DATA is the folder of real data (R1DATA_REAL_DATA of the tests). Writes the counts to
r1data/rewards/error_rates.json, from which dataset cards are written, and the tables into
docs/verification.md. Rows of the held-out half are counted and never shown.
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from r1data.rewards.agreement import agreement
from r1data.rewards.error_rates import (
    FILE,
    Measured,
    kinds_table,
    sets_table,
    stored_text,
    unmeasured,
)
from r1data.rewards.extract import extract
from r1data.rewards.lines import Line, Row
from r1data.rewards.verdict import PRESETS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs" / "verification.md"
LABELS = ROOT / "benchmarks" / "labels"
CORRECTED = ("mathv_qwen-vl-max-cot.jsonl", "mathv_qwen-vl-max-cot_held-out.jsonl")
TABLES = re.compile(r"(<!-- error rates -->\n).*?(<!-- end of error rates -->)", re.DOTALL)
LOOKED_AT, HELD_OUT = 0, 1


def rows_in(path: Path) -> list[Row]:
    """Return the rows of a JSON Lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def half_of(identity: str) -> int:
    """Return the half of a row, by a hash of its id: LOOKED_AT or HELD_OUT."""
    return int(hashlib.sha256(f"half|{identity}".encode()).hexdigest(), 16) % 2


def mathv(data: Path, half: int, corrected: bool = False) -> Iterator[Row]:
    """MATH-V's answers of one half, with its authors' labels or with corrected ones."""
    rows = rows_in(LABELS / CORRECTED[half]) if corrected else []
    labels = {row["id"]: row["label"] for row in rows}
    for row in rows_in(data / "verify" / "mathv_qwen-vl-max-cot.jsonl"):
        if half_of(row["pid"]) == half:
            yield row | {"label": labels.get(row["pid"], row["label"])}


def tempcompass(data: Path) -> Iterator[Row]:
    """Video-LLaVA's answers to TempCompass, with the rating of the authors' script."""
    for row in rows_in(data / "verify" / "tempcompass_multi_choice.jsonl"):
        yield {
            "problem_type": "multiple choice",
            "solution": row["gold"],
            "completion": row["prediction"],
            "options": row["options"],
            "label": row["rating"],
        }


def tabmwp(data: Path) -> Iterator[Row]:
    """GPT-3's answers to TabMWP, those that name an answer."""
    problems = json.loads((data / "tabmwp" / "problems.json").read_text(encoding="utf-8"))
    for row in rows_in(data / "tabmwp" / "recorded_replies.jsonl"):
        problem = problems[row["pid"]]
        if extract(row["reply"]).answer is not None:
            yield {
                "problem_type": "multiple choice" if problem["choices"] else "numerical",
                "solution": problem["answer"],
                "completion": row["reply"],
                "options": problem["choices"],
                "label": row["correct"],
            }


def measure(preset: str, answers: str, rows: Iterator[Row], tuned_on: bool) -> Measured:
    """Judge labelled rows by a preset."""
    texts = ((row, json.dumps(row).encode()) for row in rows)
    lines = (Line(f"{answers}:{n}", text, row) for n, (row, text) in enumerate(texts, start=1))

    def fail(fault: str) -> Any:
        raise SystemExit(fault)

    found = agreement(lines, preset, fail)
    return Measured(preset, PRESETS[preset].version, answers, tuned_on, found.kinds)


def measure_all(data: Path) -> list[Measured]:
    """Measure each preset on each set. The published preset reads no answer outside its tags."""
    held_out = "MATH-V by qwen-vl-max, held-out half"
    other = "MATH-V by qwen-vl-max, other half"
    return [
        measure("canonical", f"{held_out}, labels corrected", mathv(data, HELD_OUT, True), False),
        measure("canonical", f"{held_out}, its authors' labels", mathv(data, HELD_OUT), False),
        measure("canonical", f"{other}, its authors' labels", mathv(data, LOOKED_AT), True),
        measure("canonical", f"{other}, labels corrected", mathv(data, LOOKED_AT, True), True),
        measure("canonical", "TempCompass by Video-LLaVA", tempcompass(data), True),
        measure("canonical", "TabMWP by GPT-3", tabmwp(data), True),
        measure(
            "canonical-math", f"{held_out}, labels corrected", mathv(data, HELD_OUT, True), False
        ),
        measure("video-r1", "TabMWP by GPT-3", tabmwp(data), False),
    ]


def docs_tables(day: str, sets: list[Measured]) -> str:
    """Return the tables of docs/verification.md."""
    held_out = sets[0]
    return (
        f"`{held_out.preset}` version {held_out.version} on {held_out.answers}, measured {day}:\n\n"
        f"{kinds_table(held_out)}\n\n{unmeasured(held_out)}\n\n"
        f"All sets, by preset:\n\n{sets_table(sets)}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    sets = measure_all(parser.parse_args().data)
    day = datetime.now(UTC).date().isoformat()
    FILE.write_text(stored_text(day, sets), encoding="utf-8")
    tables = docs_tables(day, sets)
    page = DOCS.read_text(encoding="utf-8")
    DOCS.write_text(TABLES.sub(lambda m: m[1] + tables + m[2], page), encoding="utf-8")
    sys.stdout.write(tables)


if __name__ == "__main__":
    main()
