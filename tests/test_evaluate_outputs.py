"""Which column of a predictions file is scored: a model's outputs, and never the ground truths."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from r1data.errors import InputError
from r1data.evaluate.alone import score_file

Row = dict[str, Any]
OPTIONS = ["A. a red ball", "B. a blue cup", "C. 3.", "D. nobody"]
TRUTHS = "BCADB"
SAID = "BADDA"  # right: rows 1, 4
RIGHT = 2 / 5


def questions(folder: Path) -> Path:
    rows = [
        {
            "problem_id": number,
            "problem": f"What is in place {number}?",
            "problem_type": "multiple choice",
            "data_type": "video",
            "options": OPTIONS,
            "solution": f"<answer>{letter}</answer>",
            "path": f"./{number}.mp4",
            "duration": "short",
        }
        for number, letter in enumerate(TRUTHS)
    ]
    path = folder / "questions.json"
    path.write_text(json.dumps(rows))
    return path


def lines(folder: Path, make: Callable[[int, str, str], Row]) -> Path:
    path = folder / "predictions.jsonl"
    rows = [make(n, *each) for n, each in enumerate(zip(TRUTHS, SAID, strict=True))]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def text_of(letter: str) -> str:
    return OPTIONS["ABCD".index(letter)]


# Rows that keep the ground truth beside what the model said; wanted is the column of the latter.
BESIDE: dict[str, tuple[Callable[[int, str, str], Row], str]] = {
    "video-llava": (
        lambda n, t, s: {"id": n, "question": "?", "answer": t, "pred": s}, "pred"),
    "response": (lambda n, t, s: {"problem_id": n, "answer": t, "response": s}, "response"),
    "wordy": (
        lambda n, t, s: {"problem_id": n, "answer": t, "response": f"The answer is ({s})."},
        "response"),
    "prediction": (lambda n, t, s: {"problem_id": n, "prediction": s, "answer": t}, "prediction"),
    "other case": (lambda n, t, s: {"id": n, "Answer": t, "Model Output": s}, "Model Output"),
    "gt": (lambda n, t, s: {"id": n, "gt": t, "model_answer": s, "answer": t}, "model_answer"),
    "label": (lambda n, t, s: {"id": n, "label": t, "Pred": s}, "Pred"),
    "llava": (lambda n, t, s: {"question_id": n, "prompt": f"? {t}", "text": s}, "text"),
    "answer only": (lambda n, t, s: {"id": n, "answer": s}, "answer"),
    "answer list": (lambda n, t, s: {"id": n, "answer": [s]}, "answer"),
    "video-r1": (
        lambda n, t, s: {
            "problem_id": n, "solution": f"<answer>{t}</answer>", "prediction": s,
            "output": f"<think>{t} is likely</think><answer>{s}</answer>"},
        "output"),
    "lmms-eval": (
        lambda n, t, s: {
            "doc_id": n + 7, "target": t, "resps": [[f"so {t}: {s}"]], "filtered_resps": [s],
            "doc": {"id": n, "answer": t, "prediction": s}},
        "output"),
    "lmms-eval without doc": (
        lambda n, t, s: {
            "doc_id": n + 7, "target": t, "filtered_resps": s,
            "score": {"question_id": n, "answer": t, "pred_answer": t}},
        "output"),
}  # fmt: skip


@pytest.mark.parametrize("form", BESIDE)
def test_a_ground_truth_beside_an_output_is_not_scored(tmp_path: Path, form: str) -> None:
    make, column = BESIDE[form]
    found = score_file(lines(tmp_path, make), "videomme", questions(tmp_path), None)
    assert found["score"]["mean"] == RIGHT and found["counts"]["scored"] == 5
    assert found["outputs"]["columns"][0] == column
    assert not found["outputs"]["equal_ground_truth"]


# Rows of which nobody can say that the output is no ground truth: refused, with what to do.
REFUSED: dict[str, tuple[Callable[[int, str, str], Row], str]] = {
    "only truths": (lambda n, t, s: {"id": n, "answer": t}, "all 5 outputs .column 'answer'"),
    "truths as texts": (lambda n, t, s: {"id": n, "answer": text_of(t)}, "equal the ground truths"),
    "bare texts": (lambda n, t, s: {"id": n, "answer": text_of(t)[3:]}, "equal the ground truths"),
    "places": (lambda n, t, s: {"id": n, "answer": "ABCD".index(t)}, "equal the ground truths"),
    "places from 1": (lambda n, t, s: {"id": n, "answer": 1 + "ABCD".index(t)}, "equal the gro"),
    "in lists": (lambda n, t, s: {"id": n, "answer": [t]}, "equal the ground truths"),
    "in tags": (
        lambda n, t, s: {"id": n, "output": f"<answer>{t}</answer>"}, "equal the ground truths"),
    "in the wrong column": (
        lambda n, t, s: {"id": n, "prediction": f"({t})"}, "add --allow-ground-truth"),
    "an unknown column": (
        lambda n, t, s: {"id": n, "answer": t, "qwen": s}, "the file has: id, answer, qwen"),
    "two columns": (
        lambda n, t, s: {"id": n, "response": t, "prediction": s},
        "'response' and 'prediction' disagree in 3 of 5 rows .the first, videomme/1: 'C' and 'A'"),
    "three columns": (
        lambda n, t, s: {"id": n, "output": s, "pred": f"{s}.", "model_answer": t},
        "'output' and 'model_answer' disagree"),
    "two wrong columns": (
        lambda n, t, s: {"id": n, "response": "A", "pred": "B"}, "disagree in 3 of 5 rows"),
    "text and answer": (
        lambda n, t, s: {"id": n, "text": "What?", "answer": s}, "may be in 'text' or 'answer'"),
    "no output": (lambda n, t, s: {"id": n, "gt": t}, "no column with an output .*name it with"),
}  # fmt: skip


@pytest.mark.parametrize("form", REFUSED)
def test_a_doubtful_output_is_refused_with_what_to_do(tmp_path: Path, form: str) -> None:
    make, told = REFUSED[form]
    with pytest.raises(InputError, match=told):
        score_file(lines(tmp_path, make), "videomme", questions(tmp_path), None)


def test_the_column_of_the_outputs_can_be_named(tmp_path: Path) -> None:
    path = lines(tmp_path, lambda n, t, s: {"id": n, "answer": t, "response": t, "qwen": s})
    asked = questions(tmp_path)
    found = score_file(path, "videomme", asked, None, column="qwen")
    assert found["score"]["mean"] == RIGHT and found["outputs"]["columns"] == ["qwen"]
    with pytest.raises(InputError, match="no column 'qwenn'; it has: id, answer, response, qwen"):
        score_file(path, "videomme", asked, None, column="qwenn")


def test_ground_truths_are_scored_where_that_is_asked_for_and_the_report_says_so(
    tmp_path: Path,
) -> None:
    from r1data.evaluate.table import report_text

    path = lines(tmp_path, lambda n, t, s: {"id": n, "answer": t})
    found = score_file(path, "videomme", questions(tmp_path), None, allow_truths=True)
    assert found["score"]["mean"] == 1.0
    assert "column 'answer'; every output is the ground truth" in report_text(found)


def test_a_row_without_an_output_does_not_fall_back_to_its_ground_truth(tmp_path: Path) -> None:
    path = lines(tmp_path, lambda n, t, s: {"id": n, "answer": t, "response": s if n else None})
    found = score_file(path, "videomme", questions(tmp_path), None)
    assert found["score"]["mean"] == 1 / 4 and found["counts"]["failed"] == 1


def test_one_of_two_columns_may_be_empty_in_a_row(tmp_path: Path) -> None:
    path = lines(
        tmp_path, lambda n, t, s: {"id": n, "output": s if n < 2 else None, "pred": s, "answer": t}
    )
    found = score_file(path, "videomme", questions(tmp_path), None)
    assert found["score"]["mean"] == RIGHT and found["outputs"]["columns"] == ["output", "pred"]


def test_a_right_model_with_words_of_its_own_is_not_taken_for_the_truths(tmp_path: Path) -> None:
    path = lines(tmp_path, lambda n, t, s: {"id": n, "output": f"I see it. The answer is {t}."})
    assert score_file(path, "videomme", questions(tmp_path), None)["score"]["mean"] == 1.0


def own(number: int, truth: str, said: str) -> Row:
    """A row in Video-MME's own form, without its clip."""
    asked = {"question_id": f"x-{number}", "question": "?", "options": OPTIONS}
    return {**asked, "answer": truth, "response": said}


def as_dict(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        pairs = enumerate(zip(TRUTHS, SAID, strict=True))
        texts = {n: s if name == "texts" else {"answer": t, "pred": s} for n, (t, s) in pairs}
        (folder / "p.json").write_text(json.dumps(texts))
        return folder / "p.json"

    return write


@pytest.mark.parametrize("form", ["texts", "objects"])
def test_outputs_may_be_an_object_by_id(tmp_path: Path, form: str) -> None:
    path = as_dict(form)(tmp_path)
    assert score_file(path, "videomme", questions(tmp_path), None)["score"]["mean"] == RIGHT


def test_video_mmes_own_results_have_a_row_a_clip(tmp_path: Path) -> None:
    pairs = enumerate(zip(TRUTHS, SAID, strict=True))
    rows = [{"video_id": "x", "duration": "long", "questions": [own(n, *p)]} for n, p in pairs]
    (tmp_path / "p.json").write_text(json.dumps(rows))
    found = score_file(tmp_path / "p.json", "videomme", None, None)
    assert found["score"]["mean"] == RIGHT
    assert found["groups"]["duration"]["long"]["n"] == 5


@pytest.mark.parametrize("options", ["columns", "list"])
def test_vlmevalkits_tables_have_prediction_beside_answer(tmp_path: Path, options: str) -> None:
    path = tmp_path / "p.tsv"
    with path.open("w", newline="") as file:
        table = csv.writer(file, delimiter="\t")
        names = ["A", "B", "C", "D"] if options == "columns" else ["candidates"]
        table.writerow(["index", "duration", "question", *names, "answer", "prediction"])
        for n, (truth, said) in enumerate(zip(TRUTHS, SAID, strict=True)):
            bare = [each[3:] for each in OPTIONS]
            given = bare if options == "columns" else [str(OPTIONS)]
            table.writerow([n, "short", "What?", *given, truth, said])
    found = score_file(path, "videomme", None, None)
    assert found["score"]["mean"] == RIGHT and found["outputs"]["columns"] == ["prediction"]


def test_several_responses_to_a_question_are_not_one_output(tmp_path: Path) -> None:
    path = lines(tmp_path, lambda n, t, s: {"doc": {"id": n}, "filtered_resps": [s, t] if n else s})
    found = score_file(path, "videomme", questions(tmp_path), tmp_path / "out", allow_truths=True)
    assert found["counts"]["scored"] == 1 and found["counts"]["left_out"] == 4
    assert "2 responses: keep one" in (tmp_path / "out" / "records.jsonl").read_text()


def test_two_columns_that_may_be_the_ground_truth_are_told_apart_by_the_user(
    tmp_path: Path,
) -> None:
    def both(n: int, truth: str, said: str) -> Row:
        row = {"duration": "short", "Options": OPTIONS, "Answer": truth, "answer": said}
        return {**row, "response": f"I take {said}."}

    path = lines(tmp_path, both)
    with pytest.raises(
        InputError, match=r"line 2: the ground truth may be in 'Answer' or 'answer'"
    ):
        score_file(path, "videomme", None, None)
    found = score_file(path, "videomme", None, None, column="answer")
    assert found["score"]["mean"] == RIGHT


def test_records_of_a_run_have_one_column_of_outputs(tmp_path: Path) -> None:
    path = lines(tmp_path, lambda n, t, s: {"id": n, "output": s})
    score_file(path, "videomme", questions(tmp_path), tmp_path / "out")
    with pytest.raises(InputError, match="its outputs are in 'output'"):
        score_file(tmp_path / "out", None, None, None, column="answer")
