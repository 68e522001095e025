"""A server that this project did not write is scored end to end: the litellm proxy."""

from pathlib import Path

import pytest
from evaluating import PINNED, write_questions
from test_teacher_litellm import KEY, pytestmark

from r1data.errors import TeacherStop
from r1data.evaluate.records import read_records
from r1data.evaluate.run import evaluate
from r1data.evaluate.settings import Endpoint

__all__ = ["proxy", "pytestmark"]

from test_teacher_litellm import proxy


def test_its_answers_are_scored_end_to_end(
    proxy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITELLM_KEY", KEY)
    questions = write_questions(tmp_path, 10)
    asked = Endpoint(proxy, "m", "$LITELLM_KEY", concurrency=4)
    found = evaluate(questions, asked, tmp_path / "out", pinned=PINNED)
    assert found["score"]["mean"] == 0.5 and found["counts"]["scored"] == 10
    assert all(each["seen"] == "A" for each in read_records(tmp_path / "out"))
    written = b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert KEY.encode() not in written


def test_its_wrong_key_stops_with_one_line(
    proxy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITELLM_KEY", "sk-wrong")
    questions = write_questions(tmp_path, 4)
    with pytest.raises(TeacherStop, match=r"the key is wrong|refuses questions"):
        asked = Endpoint(proxy, "m", "$LITELLM_KEY")
        evaluate(questions, asked, tmp_path / "out", pinned=PINNED)
