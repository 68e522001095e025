"""Tables of questions in the shapes that people have are read rightly, or refused by name."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tables import FILES, REFUSED, SHAPES, TIMED, Asked, Refusal, Shape, as_json, in_cells

from r1data.errors import InputError
from r1data.init import Seen, Wishes, look, recipe_text
from r1data.recipe import parse_yaml
from r1data.sources.catalogue import load_source
from r1data.sources.markers import strip_markers
from r1data.sources.reading import PLAIN
from r1data.sources.stage import normalise_all


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with clips and pictures, which is the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clips").mkdir()
    for name in FILES:
        (tmp_path / "clips" / name).write_bytes(b"x")
    return tmp_path


def built(seen: Seen, table: str) -> list[dict[str, Any]]:
    """Return the samples that the written recipe makes."""
    wishes = Wishes("x", Path(table), "m", "offline", "", "MIT")
    entry = parse_yaml(recipe_text(wishes, seen), "x.yaml")[0]["sources"]["own"]
    return normalise_all(load_source("own", entry), 0)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_a_shape_is_read_as_it_is_meant(shape: Shape, place: Path) -> None:
    shape.write(Path(shape.file))
    seen = look(Path(shape.file), Path("clips"), shape.given, PLAIN)
    made = built(seen, shape.file)
    assert [row["drop_detail"] for row in made] == [None] * len(shape.rows)
    assert [row["id"] for row in seen.kept] == [row["id"] for row in made]
    for want, row in zip(shape.rows, made, strict=True):
        files = [each["uri"] for each in row["media"]]
        assert (files, row["problem"]) == ([want.media], want.question)
        options = list(want.options) if isinstance(want, Asked) else []
        same = sorted if shape.any_order else list
        assert same(row["options"]) == same(options)
        assert answer_of(row) == (want.text if isinstance(want, Asked) else want.answer)
        assert row["media"][0]["kind"] == ("video" if want.media.endswith("mp4") else "image")


HANDED = Path(os.environ.get("R1DATA_REAL_DATA", "/nowhere")) / "tables" / "handed"
CLIPS = HANDED / "clips"


@pytest.mark.skipif(not HANDED.is_dir(), reason="R1DATA_REAL_DATA names no folder of tables")
def test_the_handed_tables_are_read_as_they_are_meant(tmp_path: Path) -> None:
    verdicts = {}
    for case in sorted(HANDED.glob("*/expected.json")):
        want = json.loads(case.read_text(encoding="utf-8"))
        verdicts[case.parent.name] = verdict(case.parent, want)
    assert len(verdicts) >= 30
    assert {name: fault for name, fault in verdicts.items() if fault} == {}


def verdict(case: Path, want: dict[str, Any]) -> str:
    """Return what is wrong with how a table is read; "" where it is fair."""
    fair = want["readings"] if want["read"] == "either" else [want]
    try:
        rows = look(case / want["table"], case / want["clips"]).rows
    except InputError as refusal:
        told = str(refusal).casefold()
        words = [each["words"] for each in fair if each["read"] == "refuse"]
        fits = any(all(any(w.casefold() in told for w in g) for g in groups) for groups in words)
        return "" if fits else f"refused: {refusal}"
    faults = [compared(each["rows"], rows) for each in fair if each["read"] == "yes"]
    return "" if "" in faults else (faults or ["read, and should be refused"])[0]


def compared(wanted: list[dict[str, Any]], rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the first row that is not as it should be; every one that should fall must."""
    made = {row["problem"]: row for row in rows if row["drop_reason"] is None}
    for want in wanted:
        fair = want["problem"] if isinstance(want["problem"], list) else [want["problem"]]
        row = next((made.pop(text) for text in fair if text in made), None)
        if want.get("drop"):
            there = row and all((CLIPS / each["uri"]).is_file() for each in row["media"])
            if there:
                return f"{fair[0]} should fall out"
            continue
        if row is None:
            return f"no row '{fair[0]}'"
        got = (row["problem_type"], sorted(row["options"]), answer_of(row))
        files = [Path(each["uri"]).name for each in row["media"]]
        if got != (want["type"], sorted(want["options"]), want["answer"]) or files != want["media"]:
            return f"{got} of {files}, not {want}"
        times = [row["media"][0][key] for key in ("start", "end")]
        if "start" in want and times != [want["start"], want["end"]]:
            return f"{times} of {want}"
    return f"too many: {list(made)}" if made else ""


def test_columns_that_say_types_in_our_words_are_followed(place: Path) -> None:
    rows = [
        {"problem": f"How far {i}?", "problem_type": kind, "solution": "<answer>3</answer>"}
        for i, kind in enumerate(("regression", "numerical", "OCR"))
    ]
    Path("q.json").write_text(json.dumps([{**row, "path": "a.mp4"} for row in rows]))
    made = built(look(Path("q.json"), Path("clips")), "q.json")
    assert [row["problem_type"] for row in made] == ["regression", "numerical", "OCR"]


def test_a_letter_without_options_falls_where_other_rows_have_them(place: Path) -> None:
    text = "video,question,options,answer\na.mp4,Q?,red | blue,B\na.mp4,R?,,B\na.mp4,S?,,a dot\n"
    Path("q.csv").write_text(text)
    seen = look(Path("q.csv"), Path("clips"))
    assert [row["drop_reason"] for row in seen.rows] == [None, "no_truth", None]


@pytest.mark.parametrize(("start", "end"), [("0:00.5", "0:02"), (0.5, 2), ("00:00:00.500", "2.0")])
def test_a_part_is_read_from_two_columns_or_one(start: Any, end: Any, place: Path) -> None:
    rows = [{"clip": "a.mp4", "question": "What is it?", "answer": "a dot"}]
    for more in ({"start_time": start, "end_time": end}, {"segment": f"{start}-{end}"}):
        in_cells([{**row, **more} for row in rows])(Path("q.csv"))
        media = built(look(Path("q.csv"), Path("clips")), "q.csv")[0]["media"][0]
        assert (media["start"], media["end"]) == (0.5, 2.0)


@pytest.mark.parametrize(
    ("said", "is_to_be"),
    [
        ("<image>\nWhat is it?", "What is it?"),
        ("What is it? <video>", "What is it?"),
        ("<image 1> What is in <image 2>?", "What is in image 2?"),
        ("In <image1>, what is red?", "In image 1, what is red?"),
        ("<image_1><image_2>\nWhich is larger?", "Which is larger?"),
        ("<|vision_start|><|image_pad|><|vision_end|>What colour?", "What colour?"),
        ("<|vision_start|><|video_pad|><|vision_end|>\nWhat moves?", "What moves?"),
        ("<img>clips/a.png</img> What is it?", "What is it?"),
        ("<start_of_image>What is it?", "What is it?"),
        ("Is a < b  and c > d?", "Is a < b  and c > d?"),
    ],
)
def test_markers_of_media_are_taken_out_of_questions(said: str, is_to_be: str) -> None:
    assert strip_markers(said) == is_to_be


def answer_of(row: Mapping[str, Any]) -> str:
    """Return the answer that a sample has, as a text."""
    if not row["options"]:
        return row["solution"]
    return row["options"]["ABCDEFGH".index(row["solution"])]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_shape_that_could_be_two_things_is_refused(case: Refusal, place: Path) -> None:
    case.write(Path(case.file))
    with pytest.raises(InputError) as refusal:
        look(Path(case.file), Path("clips"), {}, PLAIN)
    for words in case.says:
        assert words in str(refusal.value)


def test_a_row_with_a_bad_time_falls_and_the_others_keep_theirs(place: Path) -> None:
    starts = ["0:01", "soon", "2.5", ""]
    rows = [{**row, "start": t, "end": ""} for row, t in zip(TIMED, starts, strict=True)]
    as_json(rows)(Path("q.json"))
    made = look(Path("q.json"), Path("clips")).rows
    assert [m["media"][0]["start"] for m in made if m["media"]] == [1.0, 2.5, None]
    assert [made.index(m) for m in made if "soon" in (m["drop_detail"] or "")] == [1]
