"""Score a predictions file without asking anybody."""

import json
from pathlib import Path
from typing import Any

from r1data.errors import UsageError
from r1data.evaluate.benchmarks import Benchmark, load_benchmark
from r1data.evaluate.outputs import equal_truths
from r1data.evaluate.predictions import read_predictions
from r1data.evaluate.records import NAME, scored, write_records
from r1data.evaluate.releases import is_release, read_release
from r1data.evaluate.rows import TestSet, read_test_set
from r1data.evaluate.tally import report
from r1data.grid.shards import write_text
from r1data.sources.reading import read_rows


def score_file(
    path: Path,
    benchmark: str | None,
    questions: Path | None,
    out: Path | None,
    column: str | None = None,
    allow_truths: bool = False,
) -> dict[str, Any]:
    """Return the report on the predictions at `path`; `out` keeps records and score.

    `column` names the outputs; outputs that equal the ground truths need `allow_truths`.

    Raises UsageError or InputError, which names the row and its columns.
    """
    file = path / NAME if path.is_dir() else path
    if not file.is_file():
        raise UsageError(f"there are no predictions at {file}")
    metric = load_benchmark(benchmark or benchmark_of(file))
    test_set = questions_of(metric, questions) if questions else None
    told = read_predictions(metric, file, test_set, column, allow_truths)
    records = [scored(each) for each in told.records]
    found = report(metric, records)
    if told.columns:
        truths = equal_truths(told.records)
        found["outputs"] = {"columns": list(told.columns), "equal_ground_truth": truths}
    if out is not None:
        write_records(out / NAME, records)
        text = json.dumps(found, indent=1, ensure_ascii=False)
        write_text(out / "score.json", f"{text}\n")
    return found


def benchmark_of(path: Path) -> str:
    """Return the benchmark that records name. Raises UsageError where they name none."""
    first = next(iter(read_rows(path))).row if path.suffix == ".jsonl" else {}
    if not isinstance(first.get("benchmark"), str):
        raise UsageError(f"name the benchmark whose metric scores {path}: --benchmark NAME")
    return first["benchmark"]


def questions_of(benchmark: Benchmark, path: Path) -> TestSet:
    """Return the questions that predictions are about; their clips are not looked for."""
    if is_release(path):
        return read_release(path, None, benchmark)
    return read_test_set(benchmark, path, None, Path("media"))
