"""Every kept row of real benchmark files has the truth that the file itself gives it.

The side that is expected is read here with `json`, `csv` and a few regular expressions alone.
"""

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from r1data.sources.catalogue import load_source
from r1data.sources.stage import normalise_all

VIDEO_R1 = ("videomme", "vsibench", "mmvu-all")


def flat(value: Any) -> str:
    return re.sub(r"[\s.]+", " ", str(value)).strip().casefold()


def original_truth(options: Any, solution: str) -> str:
    """The text of the true option, or the truth itself where there are no options."""
    match = re.fullmatch(r"<answer>(.*)</answer>", solution.strip(), re.DOTALL)
    answer = (match[1] if match else solution).strip()
    if not isinstance(options, list) or not options:
        return flat(answer)
    by_letter = {str(each).lstrip(" (")[0]: str(each) for each in options}
    option = by_letter[answer[0]]
    return flat(re.sub(r"^\s*\(?[A-Z][.):]\s*", "", option))


def kept_truth(row: Mapping[str, Any]) -> str:
    """The text of the option that a sample's letter names, or its truth."""
    if row["options"]:
        return flat(row["options"]["ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(row["solution"])])
    return flat(row["solution"])


def compared(rows: list[dict[str, Any]], wanted: Mapping[str, str], least: float) -> None:
    kept = [row for row in rows if row["drop_reason"] is None]
    wrong = [
        (row["id"], kept_truth(row), wanted[row["id"].rpartition("/")[2]])
        for row in kept
        if kept_truth(row) != wanted[row["id"].rpartition("/")[2]]
    ]
    assert wrong == [], f"{len(wrong)} of {len(kept):,}"
    assert len(kept) >= least * len(rows), {
        row["drop_detail"] for row in rows if row["drop_reason"]
    }


@pytest.mark.parametrize("name", VIDEO_R1)
@pytest.mark.parametrize("source", ["own", "video-r1-data"])
def test_benchmarks_keep_their_truths(name: str, source: str, real_data: Path) -> None:
    path = real_data / "benchmarks" / f"{name}.json"
    original = json.loads(path.read_text(encoding="utf-8"))
    wanted = {
        str(row["problem_id"]): original_truth(row["options"], row["solution"]) for row in original
    }
    rows = normalise_all(load_source(source, {"path": str(path), "card": source}), 0)
    assert len(rows) == len(original)
    compared(rows, wanted, 0.99)


def test_own_and_video_r1_data_judge_a_file_alike(real_data: Path) -> None:
    path = str(real_data / "benchmarks" / "mmvu-all.json")
    one, other = (
        normalise_all(load_source(name, {"path": path, "card": name}), 0)
        for name in ("own", "video-r1-data")
    )
    columns = ("problem", "options", "problem_type", "solution", "drop_reason")
    assert [[row[c] for c in columns] for row in one] == [
        [row[c] for c in columns] for row in other
    ]


def test_nextqa_keeps_its_truths(real_data: Path) -> None:
    with (real_data / "nextqa" / "val.csv").open(encoding="utf-8", newline="") as file:
        original = list(csv.DictReader(file))
    wanted = {f"{row['video']}_{row['qid']}": flat(row[f"a{row['answer']}"]) for row in original}
    rows = normalise_all(load_source("nextqa", {"root": str(real_data / "nextqa")}), 0)
    assert len(rows) == len(original)
    compared(rows, wanted, 0.99)


def test_nextqas_columns_mapped_by_hand_keep_their_truths(real_data: Path) -> None:
    path = real_data / "nextqa" / "val.csv"
    mapping = {
        "id": {"text": "{video}_{qid}"},
        "problem": "question",
        "options": {"fields": [f"a{i}" for i in range(5)]},
        "solution": "answer",
        "problem_type": {"value": "multiple choice"},
        "data_type": {"value": "video"},
        "media": {"text": "{video}.mp4"},
    }
    with path.open(encoding="utf-8", newline="") as file:
        original = list(csv.DictReader(file))
    wanted = {f"{row['video']}_{row['qid']}": flat(row[f"a{row['answer']}"]) for row in original}
    rows = normalise_all(load_source("own", {"path": str(path), "mapping": mapping}), 0)
    compared(rows, wanted, 0.95)


def test_tempcompass_keeps_its_truths(real_data: Path, tmp_path: Path) -> None:
    original = json.loads((real_data / "videos" / "tempcompass_questions.json").read_text())
    rows = [{**row, "n": str(number)} for number, row in enumerate(original)]
    path = tmp_path / "q.json"
    path.write_text(json.dumps(rows))
    mapping = {
        "id": "n",
        "options": "options",
        "solution": "answer",
        "problem_type": {"value": "multiple choice"},
        "data_type": {"value": "video"},
        "media": "video",
    }
    wanted = {row["n"]: original_truth(row["options"], row["answer"]) for row in rows}
    compared(
        normalise_all(load_source("own", {"path": str(path), "mapping": mapping}), 0), wanted, 1
    )
