"""Questions over real clips for the evaluation's tests; run as a script it asks about them."""

import json
import sys
from pathlib import Path
from typing import Any

from clips import Clip, make

from r1data.evaluate.run import evaluate
from r1data.evaluate.settings import Endpoint, Pinned

PINNED = Pinned(frames=4, max_pixels=784 * 4, temperature=0.1, max_tokens=64)


def write_questions(folder: Path, rows: int, clips: int = 2) -> Path:
    """Write multiple-choice questions about a few short clips, in Video-R1's form."""
    for number in range(clips):
        make(Clip(f"clip{number}.mp4", frames=12 + number, size=(64, 64)), folder)
    path = folder / "questions.json"
    path.write_text(json.dumps([row(number, clips) for number in range(rows)]))
    return path


def row(number: int, clips: int) -> dict[str, Any]:
    return {
        "problem_id": number,
        "problem": f"What happens in place {number}?",
        "problem_type": "multiple choice",
        "data_type": "video",
        "options": ["A. it falls", "B. it rises"],
        "solution": f"<answer>{'AB'[number % 2]}</answer>",
        "path": f"./clip{number % clips}.mp4",
        "data_source": "test",
    }


if __name__ == "__main__":
    evaluate(sys.argv[1], Endpoint(sys.argv[2], "m", concurrency=8), sys.argv[3], pinned=PINNED)
