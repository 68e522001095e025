"""Golden pairs, judged by their meaning and not by what the code does: how often it errs."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from r1data.rewards import verify

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.jsonl"))

# A wrong answer that passes poisons a dataset; a right one that is refused costs a little money
FALSE_ACCEPTS_ALLOWED = 0.01
FALSE_REJECTS_ALLOWED = {
    "choice": 0.03,
    "numerical": 0.03,
    "regression": 0.03,
    "ocr": 0.05,
    "free_form": 0.15,
}


def rows_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def judged(row: dict, preset: str = "canonical") -> bool | None:
    verdict = verify(
        row["problem_type"],
        solution=row["solution"],
        completion=row["completion"],
        options=row.get("options", ()),
        preset=preset,
        question=row.get("question", ""),
    )
    return verdict.right


def rates(rows: list[dict], preset: str = "canonical") -> tuple[float, float]:
    """Return the shares of wrong pairs that are accepted and of right pairs that are not."""
    cells = Counter((row["right"], judged(row, preset)) for row in rows)
    wrong = sum(count for (wanted, _), count in cells.items() if wanted is False)
    right = sum(count for (wanted, _), count in cells.items() if wanted is True)
    return cells[False, True] / wrong, 1 - cells[True, True] / right


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_errors_on_golden_pairs_stay_rare(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = rows_of(path)
    accepts, rejects = rates(rows)
    with capsys.disabled():
        published = rates(rows, "video-r1")
        sys.stdout.write(
            f"\n{path.stem}: {len(rows)} pairs, false accepts {accepts:.1%}, false rejects"
            f" {rejects:.1%} (video-r1: {published[0]:.1%}, {published[1]:.1%})\n"
        )
    assert len(rows) >= 150
    assert all(row["why"] for row in rows)
    assert accepts <= FALSE_ACCEPTS_ALLOWED
    assert rejects <= FALSE_REJECTS_ALLOWED[path.stem]


def test_there_is_a_golden_file_for_each_problem_type() -> None:
    kinds = {row["problem_type"] for path in GOLDEN for row in rows_of(path)}
    assert kinds == {"multiple choice", "numerical", "regression", "OCR", "free-form"}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_what_has_no_verdict_is_exactly_what_cannot_be_judged(path: Path) -> None:
    for row in rows_of(path):
        assert (judged(row) is None) == (row["right"] is None), row
