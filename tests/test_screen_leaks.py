"""Leaks into benchmarks: found by video, by frames and by words; others are left alone."""

import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from screening import clip, noisy, row, screened

from r1data.errors import InputError, RecipeError, UsageError
from r1data.labels import bare_texts
from r1data.recipe import load_recipe
from r1data.screen.index import make_index, read_index
from r1data.stages import screen

ITEM = {
    "question_id": "q7",
    "question": "Which decoration on the old Christmas tree has the largest number?",
    "options": ["A. Apples.", "B. Candles.", "C. Berries."],
    "videoID": "fFjv93ACGo8",
}
OPTIONS = {"options": ["berries", "apples", "candles"]}


def indexed(
    *items: dict[str, Any], frames: Sequence[Sequence[int]] = (), colours: Sequence[int] = ()
) -> list[str]:
    """Write an index of benchmark "bench"; `frames` are put in as if its videos had them, each of
    a video's with its colour.
    """
    Path("bench.json").write_text(json.dumps(items))
    path = make_index("bench.json")
    if frames:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pq.read_table(path)
        tints = colours or [0] * len(frames)
        hues = [[tint] * len(each) for each, tint in zip(frames, tints, strict=True)]
        for name, values in (("frames", frames), ("hues", hues)):
            column = pa.array(list(values), table.schema.field(name).type)
            table = table.set_column(table.column_names.index(name), name, column)
        pq.write_table(table, path)
    return ["bench"]


@pytest.mark.parametrize(
    "question",
    [
        ITEM["question"],
        ITEM["question"].upper(),
        "Which decoration on the old Christmas tree has the smallest number?",
        "In this video, which decoration on the old tree has the largest number?",
    ],
)
def test_an_items_words_are_found_and_named(question: str) -> None:
    found = screened([row("s/1", question, **OPTIONS)], indexed(ITEM))
    assert found["s/1"]["leaks_into"] == "bench:q7"
    assert found["s/1"]["drop_reason"] == "contaminated"
    assert "bench:q7" in found["s/1"]["drop_detail"]


def test_another_question_does_not_leak() -> None:
    rows = [
        row("s/1", "Which shape on the old paper has the largest number?"),
        row("s/2", "Which decoration is the largest?", options=["apples", "bells", "wires"]),
        row("s/3", "How many?", options=[]),
    ]
    assert screened(rows, indexed(ITEM, {"question": "How many?", "id": 3})) == {}


def test_all_rows_on_a_leaked_video_fall() -> None:
    rows = [
        row("s/1", "What is on the tree?", uri="yt/fFjv93ACGo8.webm"),
        row("s/2", "What colour is the tree?", uri="other-name.mp4"),
        row("s/3", "What is it?", uri="3.mp4", sha256="c" * 64, hashes=clip(3)),
    ]
    found = screened(rows, indexed(ITEM), False)
    assert found.keys() == {"s/1", "s/2"}
    assert "s/1" in found["s/2"]["drop_detail"]


def test_a_short_file_name_names_no_video() -> None:
    items = indexed({**ITEM, "videoID": None, "path": "videos/0.mp4"})
    assert screened([row("s/1", "What is it?", uri="clips/0.mp4")], items) == {}


@pytest.mark.parametrize("bits", [0, 4, 9])
def test_a_benchmarks_video_is_found_by_its_frames(bits: int) -> None:
    items = indexed(ITEM, frames=[clip(1)])
    rows = [
        row("s/1", "What is it?", hashes=noisy(clip(1), bits)),
        row("s/2", "What is it?", hashes=clip(2), sha256="b" * 64),
    ]
    assert screened(rows, items).keys() == {"s/1"}


def test_a_part_of_the_video_is_found_too() -> None:
    items = indexed(ITEM, frames=[clip(1)])
    part = [*clip(1)[8:], *clip(9)[:6]]
    assert screened([row("s/1", "What is it?", hashes=part)], items).keys() == {"s/1"}


def test_words_that_the_benchmark_uses_on_many_videos_are_left_to_the_frames() -> None:
    common = {**ITEM, "videoID": "aaaaaaaaaaa", "question_id": "q8"}
    rows = [row("s/1", ITEM["question"], **OPTIONS, hashes=clip(5))]
    assert screened(rows, indexed(ITEM, common)).keys() == {"s/1"}
    assert screened(rows, indexed(ITEM, common, frames=[clip(1), clip(2)])) == {}


def test_an_index_holds_no_text() -> None:
    indexed(ITEM)
    data = Path("indexes/bench.parquet").read_bytes().lower()
    assert not any(word in data for word in (b"christmas", b"candles", b"ffjv93acgo8"))
    assert read_index("bench").items == ["q7"]


def test_frames_of_an_index_are_those_of_its_media() -> None:
    from r1data.sources.shapes import make_rows, render

    made = next(each for each in make_rows(20, 3) if each.kind == "direction")
    Path("media").mkdir()
    render(made.row, 3, Path("media/a.mp4"))
    Path("b.jsonl").write_text(json.dumps({"problem": "q", "path": "a.mp4"}) + "\n")
    make_index("b.jsonl", name="b", media_root="media")
    assert len(read_index("b").frames[0]) == 16


def test_what_is_missing_or_wrong_is_said() -> None:
    Path("r.yaml").write_text(
        "pipeline: cot\nname: r\nsources: {own: {path: q.json}}\n"
        "screen: {decontaminate: [nosuch]}\n"
    )
    with pytest.raises(RecipeError, match=r"indexes/nosuch\.parquet.*r1data screen index"):
        screen(load_recipe("r.yaml"))
    with pytest.raises(UsageError, match="there is nothing at nosuch"):
        make_index("nosuch.json")
    Path("empty.json").write_text("[]")
    with pytest.raises(InputError, match="no question"):
        make_index("empty.json")
    Path("odd.jsonl").write_text('{"text": "?"}\n')
    with pytest.raises(InputError, match="row 1: no question under problem or question"):
        make_index("odd.jsonl")
    Path("indexes").mkdir(exist_ok=True)
    Path("indexes/bad.parquet").write_text("no parquet")
    with pytest.raises(InputError, match="no index"):
        read_index("bad")


def changed(text: str, rng: random.Random, words: Sequence[str]) -> str:
    """Replace one word, or two where there are ten."""
    parts = text.split()
    for place in rng.sample(range(len(parts)), 2 if len(parts) >= 10 else 1):
        parts[place] = rng.choice(words)
    return " ".join(parts)


def test_real_benchmark_questions_are_found_among_real_questions(real_data: Path) -> None:
    files = sorted((real_data / "benchmarks").glob("*.json"))
    for path in files:
        make_index(path)
    names = [path.stem for path in files]
    with (real_data / "nextqa/val.csv").open() as file:
        real = [
            row(
                f"nextqa/{each['video']}-{each['qid']}",
                each["question"],
                options=[each[f"a{i}"] for i in range(5)],
                uri=f"{each['video']}.mp4",
                sha256=f"{int(each['video']):064x}",
                hashes=None,
            )
            for each in csv.DictReader(file)
        ]
    assert len(real) == 4996
    rng = random.Random(11)
    words = sorted({word for each in real for word in each["problem"].split()})
    items = [
        (n, each) for n, p in zip(names, files, strict=True) for each in json.loads(p.read_text())
    ]
    planted = []
    for number, (_, item) in enumerate(rng.sample(items, 500)):
        options = list(bare_texts(tuple(item["options"] or ())))
        text = item["problem"]
        text = (text, text.upper(), text, changed(text, rng, words))[number % 4]
        if number % 4 == 2:
            rng.shuffle(options)
        names_of = {"uri": "x.mp4", "sha256": f"{10**20 + number:064x}", "hashes": None}
        planted.append(row(f"planted/{number}", text, options=options, **names_of))
    found = screened([*real, *planted], names, duplicates=False)
    assert [each for each in found if each.startswith("nextqa/")] == []
    assert [each["problem"] for each in planted if each["id"] not in found] == []


def test_an_index_is_small() -> None:
    items = [{**ITEM, "question_id": i, "question": f"{ITEM['question']} {i}"} for i in range(500)]
    indexed(*items)
    assert Path("indexes/bench.parquet").stat().st_size < 100_000


def test_a_clip_that_stands_still_is_not_a_lively_one_that_looks_like_it_once() -> None:
    items = indexed(ITEM, frames=[clip(1)])
    still = [noisy(clip(1)[4:5], 10)[0]] * 16
    assert screened([row("s/1", "What is it?", hashes=still)], items) == {}
    same = [clip(1)[4]] * 16
    assert screened([row("s/1", "What is it?", hashes=same)], items).keys() == {"s/1"}


def test_a_question_in_nearly_an_items_words_on_a_clip_known_to_be_another_stays() -> None:
    asked = "How many times does the red ball bounce off the edges of the table?"
    items = indexed({"id": 1, "question": asked}, frames=[clip(1)])
    other = row("s/1", asked.replace("red", "blue"), options=[], hashes=clip(5))
    assert screened([other], items) == {}
    assert screened([{**other, "hashes": None}], items).keys() == {"s/1"}
    assert screened([{**other, "problem": asked}], items).keys() == {"s/1"}


def test_an_index_finds_a_video_that_was_cut_at_its_edges() -> None:
    import numpy as np
    from PIL import Image

    from r1data.frames.jpeg import frames_hash
    from r1data.screen.index import CUT
    from r1data.sources.shapes import make_rows, render

    made = next(each for each in make_rows(40, 3) if each.kind == "leftmost")
    Path("media").mkdir()
    render(made.row, 3, Path("media/a.png"))
    whole = np.asarray(Image.open("media/a.png").convert("RGB"))
    down, across = (side // CUT for side in whole.shape[:2])
    Path("b.jsonl").write_text(json.dumps({"problem": "q", "path": "a.png"}) + "\n")
    make_index("b.jsonl", name="b", media_root="media")
    hashed = read_index("b")
    inner = np.ascontiguousarray(whole[down:-down, across:-across])
    assert frames_hash(inner[None]) == ":".join(f"{int(each):016x}" for each in hashed.cuts[0][0])
    assert len(hashed.frames[0]) == 1
