"""Sources: what becomes of a row, which rows are chosen, and what bad question files say."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from r1data.errors import InputError, RecipeError
from r1data.grid.build import Cell
from r1data.plan import make_plan, plan_text
from r1data.recipe import load_recipe
from r1data.sources.catalogue import card_names, load_card, load_source
from r1data.sources.mapping import normalise
from r1data.sources.reading import Raw, read_rows
from r1data.sources.stage import chosen_samples, collect_samples, normalise_all

GOOD: dict[str, Any] = {
    "problem_id": 7,
    "problem": "Which animal is it?",
    "data_type": "image",
    "problem_type": "multiple choice",
    "options": ["A. a cat", "B. a dog"],
    "solution": "<answer>B</answer>",
    "path": "./pictures/7.png",
    "data_source": "mine",
}


def sample_of(row: dict[str, Any], **entry: Any) -> dict[str, Any]:
    source = load_source("own", {"path": "questions.jsonl", **entry})
    return normalise(source, Raw("line 1", row))


def samples_of(
    path: Path, seed: int = 0, limit: int | None = None, **entry: Any
) -> list[dict[str, Any]]:
    options = {"seed": seed, "limit": limit, "refuse": []}
    return chosen_samples(options, {"entries": {"own": {"path": str(path), **entry}}})


def jsonl(*rows: Any) -> Path:
    path = Path("questions.jsonl")
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


def test_a_row_in_video_r1s_form_is_taken_as_it_is() -> None:
    sample = sample_of(GOOD)
    assert sample["id"] == "own/7"
    assert sample["options"] == ["a cat", "a dog"]
    assert sample["solution"] == "B"
    assert sample["media"][0]["uri"] == "pictures/7.png"
    assert json.loads(sample["extra"]) == {"problem_id": 7, "data_source": "mine"}
    assert sample["drop_reason"] is None


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        ({"solution": ""}, "no_truth", "its truth is empty"),
        ({"solution": None}, "no_truth", "its truth is empty"),
        ({"solution": "<answer></answer>"}, "no_truth", "its truth is empty"),
        ({"solution": "E"}, "no_truth", "its truth 'E' is none of its 2 options"),
        ({"solution": "a horse"}, "no_truth", "none of its 2 options"),
        ({"options": []}, "no_truth", "has no options"),
        ({"problem": "  "}, "no_question", "its question is blank"),
        ({"problem": None}, "no_question", "its question is blank"),
        ({"problem": 7}, "no_question", "its question is 7, not a text"),
        ({"options": ["A. a dog", "B. a dog"]}, "ambiguous_truth", "two of its options"),
        ({"path": ""}, "missing_media", "names no media file"),
        ({"path": None}, "missing_media", "names no media file"),
        ({"path": "a\0b.mp4"}, "missing_media", r"no file can have the name 'a\x00b.mp4'"),
        ({"path": "n" * 3000}, "missing_media", "(3000 characters)"),
        ({"path": "/".join(["deep"] * 600)}, "missing_media", "(2999 characters)"),
        *(
            ({name: text}, "undecodable", r"half a character, \ud800, which UTF-8 cannot write")
            for name, text in {
                "problem": "What\ud800?",
                "problem_id": "\ud800",
                "options": ["A. a dog", "B. \ud800"],
                "path": "\ud800.mp4",
                "data_source": "\ud800",
            }.items()
        ),
    ],
)
def test_a_fault_of_one_row_is_a_reason_and_no_error(
    change: dict[str, Any], reason: str, detail: str
) -> None:
    sample = sample_of({**GOOD, **change})
    assert sample["drop_reason"] == reason
    assert detail in sample["drop_detail"]


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        ({}, None, None),
        ({"problem_type": "multiple_choice"}, "no_truth", "did you mean 'multiple choice'?"),
        ({"problem_type": "boolean"}, "no_truth", "'boolean' is no problem type; allowed: mult"),
        ({"problem_type": None}, "no_truth", "a blank is no problem type"),
        ({"problem_type": "open-ended", "options": []}, None, None),
        ({"data_type": "audio"}, "missing_media", "'audio' is no data type: image or video"),
        ({"problem": ""}, "no_question", "its question is blank"),
        ({"problem": 7}, "no_question", "its question is 7, not a text"),
        ({"options": ["A. a cat"]}, "no_truth", "it has one option only"),
        ({"solution": "<answer>(B)</answer>"}, None, None),
        ({"problem_id": 7}, "duplicate", "line 2: duplicate id 'own/7' (first seen at line 1)"),
    ],
)
def test_own_and_video_r1s_form_judge_a_row_alike_and_no_row_stops_the_others(
    change: dict[str, Any], reason: str | None, detail: str | None
) -> None:
    path = jsonl(
        GOOD, {**GOOD, "problem_id": 8, "problem": "Which?", **change}, GOOD | {"problem_id": 9}
    )
    keys = ("id", "drop_reason", "drop_detail", "problem_type", "data_type", "options", "solution")
    judged = [
        [[row[key] for key in keys] for row in normalise_all(load_source("own", entry), 0)]
        for entry in ({"path": str(path)}, {"path": str(path), "card": "video-r1-data"})
    ]
    assert judged[0] == judged[1]
    (_, one, *_), (_, told, given, *_), (_, last, *_) = judged[0]
    assert (one, told, last) == (None, reason, None)
    assert given is detail is None or (detail or "") in given


def test_a_missing_field_names_those_that_are_there() -> None:
    row = {key: value for key, value in GOOD.items() if key != "problem_type"}
    with pytest.raises(InputError, match=r"no field 'problem_type' \(the row has: problem_id, "):
        sample_of(row)


def test_letters_out_of_order_are_refused_and_never_shift_a_truth() -> None:
    sample = sample_of({**GOOD, "options": ["B. yes", "A. no"], "solution": "A"})
    assert sample["drop_reason"] == "no_truth"
    assert "B, A" in sample["drop_detail"]


@pytest.mark.parametrize(
    ("given", "kept"), [(4, "4"), (4.0, "4.0"), ("4,656", "4,656"), (-3, "-3")]
)
def test_a_truth_that_is_no_choice_stays_as_it_was_written(given: Any, kept: str) -> None:
    row = {**GOOD, "problem_type": "numerical", "options": [], "solution": given}
    assert sample_of(row)["solution"] == kept


def test_every_own_format_gives_the_same_samples(tmp_path: Path) -> None:
    rows = [GOOD, {**GOOD, "problem_id": 8, "solution": "A"}]
    paths = [jsonl(*rows), Path("q.json"), Path("byid.json"), Path("q.parquet"), Path("q.csv")]
    paths[1].write_text(json.dumps(rows))
    paths[2].write_text(json.dumps({"x": rows[0], "y": rows[1]}))
    pq.write_table(pa.Table.from_pylist(rows), paths[3])
    with paths[4].open("w", newline="") as file:
        writer = csv.DictWriter(file, list(GOOD))
        writer.writeheader()
        writer.writerows({**row, "options": json.dumps(row["options"])} for row in rows)
    bare = [
        [
            {k: s[k] for k in ("id", "problem", "options", "solution", "media")}
            for s in samples_of(path)
        ]
        for path in paths
    ]
    assert all(each == bare[0] for each in bare)
    assert [each["solution"] for each in bare[0]] == ["B", "A"]


def test_a_mapping_in_the_recipe_reads_foreign_columns() -> None:
    row = {"q": "How many?", "n": 3, "file": {"name": "x.mp4"}, "key": "k1"}
    mapping = {
        "id": "key",
        "problem": {"field": "q", "then": ["strip"]},
        "problem_type": {"value": "numerical"},
        "solution": "n",
        "data_type": {"value": "video"},
        "media": "file.name",
    }
    sample = sample_of(row, mapping=mapping)
    assert (sample["id"], sample["solution"], sample["media"][0]["uri"]) == ("own/k1", "3", "x.mp4")


def test_an_unknown_transform_is_named() -> None:
    with pytest.raises(InputError, match="no transform 'stripp'; did you mean 'strip'"):
        sample_of(GOOD, mapping={"problem": {"field": "problem", "then": ["stripp"]}})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("q.jsonl", "", "is empty"),
        ("q.jsonl", "\n\n", "holds no questions"),
        ("q.json", "[]", "holds no questions"),
        ("q.json", "{", "not valid JSON at line 1"),
        ("q.json", "3", "expected a list of questions"),
        ("q.jsonl", '{"a": 1}\n{"a": \n', "line 2: not valid JSON"),
        ("q.jsonl", "[1]\n", "line 1: expected an object of columns and values, found a list"),
        ("q.csv", "a,b\n1\n", "line 2: 1 cells where the header has 2"),
        ("q.parquet", "no parquet", "not a Parquet file"),
    ],
)
def test_a_bad_question_file_is_named_with_its_line(name: str, text: str, message: str) -> None:
    Path(name).write_text(text)
    with pytest.raises(InputError) as caught:
        list(read_rows(Path(name)))
    assert name in str(caught.value)
    assert message in str(caught.value)


def test_asking_for_more_rows_keeps_those_chosen_before() -> None:
    path = jsonl(*({**GOOD, "problem_id": i} for i in range(60)))
    few = {each["id"] for each in samples_of(path, rows=10)}
    more = {each["id"] for each in samples_of(path, rows=30)}
    share = {each["id"] for each in samples_of(path, rows=0.5)}
    assert len(few) == 10
    assert few < more == share
    assert few != {each["id"] for each in samples_of(path, rows=10, seed=1)}
    assert len(samples_of(path, rows="all", limit=5)) == 5


def test_chosen_rows_stay_in_the_order_of_their_source() -> None:
    path = jsonl(*({**GOOD, "problem_id": i} for i in range(60)))
    ids = [int(each["id"].partition("/")[2]) for each in samples_of(path, rows=20)]
    assert ids == sorted(ids)


def test_refused_terms_drop_the_row() -> None:
    path = jsonl(GOOD)
    options = {"seed": 0, "limit": None, "refuse": ["unknown"]}
    rows = chosen_samples(options, {"entries": {"own": {"path": str(path)}}})
    assert rows[0]["drop_reason"] == "license_refused"


def test_an_unknown_source_names_the_nearest_card() -> None:
    with pytest.raises(RecipeError, match=r"no source 'tabmpw'.*did you mean 'tabmwp'"):
        load_source("tabmpw", {})
    with pytest.raises(RecipeError, match=r"set sources\.tabmwp\.root"):
        load_source("tabmwp", {"route": "authors"})


@pytest.mark.parametrize("name", card_names())
def test_every_card_is_valid_and_short(name: str) -> None:
    card = load_card(name)
    assert card.name == name
    assert card.license["stated_by"]


def test_tabmwp_in_its_authors_layout(tmp_path: Path) -> None:
    problems = {
        "11": {
            "question": "How much?",
            "choices": None,
            "answer": "4,656",
            "unit": "$",
            "ques_type": "free_text",
            "split": "test",
        },
        "12": {
            "question": "Which?",
            "choices": ["linear", "nonlinear"],
            "answer": "nonlinear",
            "unit": None,
            "ques_type": "multi_choice",
            "split": "test",
        },
        "13": {
            "question": "Which?",
            "choices": ["yes", "no"],
            "answer": "maybe",
            "unit": None,
            "ques_type": "multi_choice",
            "split": "test",
        },
    }
    (tmp_path / "problems.json").write_text(json.dumps(problems))
    rows = normalise_all(load_source("tabmwp", {"root": str(tmp_path)}), seed=0)
    assert [row["id"] for row in rows] == ["tabmwp/11", "tabmwp/12", "tabmwp/13"]
    assert [row["problem_type"] for row in rows] == ["numerical", *["multiple choice"] * 2]
    assert [row["solution"] for row in rows] == ["4,656", "B", ""]
    assert rows[0]["media"][0]["uri"] == "tables/11.png"
    assert json.loads(rows[0]["extra"])["unit"] == "$"
    assert rows[2]["drop_reason"] == "no_truth"


def test_the_real_tabmwp_rows_all_become_samples(real_data: Path) -> None:
    rows = normalise_all(load_source("tabmwp", {"root": str(real_data / "tabmwp")}), seed=0)
    kinds = Counter(row["problem_type"] for row in rows)
    assert kinds == {"numerical": 338, "multiple choice": 102}
    assert not any(row["drop_reason"] for row in rows)
    raw = json.loads((real_data / "tabmwp" / "problems.json").read_text())
    for row in rows:
        problem = raw[row["id"].partition("/")[2]]
        truth = (
            row["options"]["ABCDEFGH".index(row["solution"])] if row["options"] else row["solution"]
        )
        assert truth == problem["answer"]


CHOSEN: dict[str, Any] = {**GOOD, "problem_type": "numerical", "options": []}


def many(count: int = 60) -> Path:
    return jsonl(
        *(
            {
                **CHOSEN,
                "problem_id": i,
                "problem": f"How many, in picture {i}?",
                "solution": str(i),
                "path": f"{i % 20}.png",
                "kind": "abc"[i % 7 % 3],
            }
            for i in range(count)
        )
    )


def test_where_keeps_the_rows_that_have_the_value() -> None:
    rows = samples_of(many(), where={"kind": ["a", "b"], "problem_type": "numerical"})
    assert {json.loads(row["extra"])["kind"] for row in rows} == {"a", "b"}
    with pytest.raises(InputError, match=r"sources\.own\.where: none of its 60 rows"):
        samples_of(many(), where={"kind": "z"})


def test_balance_spreads_the_rows_over_a_field() -> None:
    rows = samples_of(many(), rows=9, balance="kind")
    assert Counter(json.loads(row["extra"])["kind"] for row in rows) == {"a": 3, "b": 3, "c": 3}
    with pytest.raises(InputError, match=r"has no field 'colour' to choose by; it has: .*kind"):
        samples_of(many(), rows=9, balance="colour")


def test_by_media_takes_whole_clips() -> None:
    rows = samples_of(many(), rows=9, by="media")
    assert len({row["media"][0]["uri"] for row in rows}) == 3
    more = samples_of(many(), rows=12, by="media")
    assert {row["id"] for row in rows} < {row["id"] for row in more}


def test_a_reserve_comes_after_the_chosen_and_is_marked() -> None:
    rows = samples_of(many(), rows=10, reserve=0.2)
    spare = {row["id"] for row in rows if "reserve" in json.loads(row["extra"])}
    assert len(rows) == 12
    assert {row["id"] for row in rows} - spare == {row["id"] for row in samples_of(many(), rows=10)}


def test_one_number_written_in_two_ways_is_no_conflict() -> None:
    same = {**CHOSEN, "solution": "1,000"}
    rows = samples_of(jsonl(same, {**same, "problem_id": 8, "solution": "1000.0"}))
    assert [row["drop_reason"] for row in rows] == [None, None]


def test_rows_by_problem_type() -> None:
    mixed = [GOOD | {"problem_id": i} for i in range(9)]
    mixed += [CHOSEN | {"problem_id": i, "path": f"{i}.png"} for i in range(10, 19)]
    rows = samples_of(jsonl(*mixed), rows={"numerical": 4, "multiple choice": 2})
    assert Counter(row["problem_type"] for row in rows) == {"numerical": 4, "multiple choice": 2}


def test_rows_that_fall_out_anyway_are_chosen_last() -> None:
    path = jsonl(*({**GOOD, "problem_id": i, "solution": "A" if i % 2 else ""} for i in range(40)))
    assert not any(row["drop_reason"] for row in samples_of(path, rows=20))
    assert sum(row["drop_reason"] is not None for row in samples_of(path, rows=25)) == 5


def test_two_truths_to_one_question_drop_all_its_rows() -> None:
    rows = samples_of(
        jsonl(
            GOOD,
            {**GOOD, "problem_id": 8, "solution": "A"},
            {**GOOD, "path": "8.png", "problem_id": 9},
        )
    )
    assert [row["drop_reason"] for row in rows] == ["ambiguous_truth", "ambiguous_truth", None]
    assert "the truths 'a cat' and 'a dog'" in rows[0]["drop_detail"]


def test_the_official_nextqa_rows_all_become_samples(real_data: Path) -> None:
    rows = normalise_all(load_source("nextqa", {"root": str(real_data / "nextqa")}), seed=0)
    with (real_data / "nextqa" / "val.csv").open(newline="") as file:
        raw = list(csv.DictReader(file))
    clips = json.loads((real_data / "nextqa" / "map_vid_vidorID.json").read_text())
    assert len(rows) == len(raw) == 4996
    for row, theirs in zip(rows, raw, strict=True):
        assert row["drop_reason"] is None
        assert row["split"] == "validation"
        assert row["solution"] == "ABCDE"[int(theirs["answer"])]
        assert row["options"] == [theirs[f"a{i}"].strip() for i in range(5)]
        assert row["media"][0]["uri"] == f"{clips[theirs['video']]}.mp4"


@pytest.mark.parametrize("form", ["known", "own", "video-r1-data"])
@pytest.mark.parametrize(
    ("name", "count"), [("videomme", 2700), ("vsi-bench", 5130), ("mmvu", 1000)]
)
def test_every_real_benchmark_row_is_read_as_the_original_has_it(
    real_data: Path, name: str, count: int, form: str
) -> None:
    known = load_source(name, {"root": str(real_data / "benchmarks")})
    raw = json.loads(known.questions[0].read_text())
    card = {"card": form} if form != "own" else {}
    own = {"path": str(known.questions[0]), **card}
    rows = normalise_all(known if form == "known" else load_source("mine", own), seed=0)
    assert len(rows) == len(raw) == count
    fallen = [row for row in rows if row["drop_reason"]]
    # six questions of Video-MME have the right option twice: a benchmark is scored by its letter
    assert len(fallen) == (6 if name == "videomme" and form != "known" else 0)
    for row, theirs in zip(rows, raw, strict=True):
        if row["drop_reason"]:
            assert row["drop_reason"] == "ambiguous_truth"
            continue
        truth = theirs["solution"].removeprefix("<answer>").removesuffix("</answer>").strip()
        assert row["solution"] == truth
        assert row["problem"] == theirs["problem"].strip()
        assert row["media"][0]["uri"] == theirs["path"].removeprefix("./")
        labelled = zip("ABCDEFGHIJ", row["options"], theirs["options"] or [], strict=False)
        for letter, mine, original in labelled:
            assert original.startswith(letter)
            assert original[1:].lstrip(".:) ").strip() == mine
        assert len(row["options"]) == len(theirs["options"] or [])


def test_the_cards_add_up_to_what_was_released() -> None:
    cards = [load_card(name) for name in card_names()]
    mine = [c for c in cards if c.group not in ("released", "benchmark", "own", "generated")]
    types: Counter[str] = Counter()
    for card in mine:
        types.update(card.released)
    assert types.total() == 263_071
    assert types == {
        "multiple choice": 168_769,
        "free-form": 38_722,
        "numerical": 34_354,
        "OCR": 15_886,
        "regression": 5_340,
    }
    assert sum(sum(c.released.values()) for c in mine if c.data_type == "video") == 116_248


@pytest.mark.parametrize("name", ["video-r1-260k", "video-r1-1pct", "images", "video-r1-cot-165k"])
def test_a_plan_needs_no_download(name: str) -> None:
    made = make_plan(load_recipe(name))
    assert plan_text(made)
    assert all(each["license"] for each in made["sources"])
    if name == "video-r1-260k":
        assert made["rows"] == sum(made["problem_types"].values()) == 263_071
        assert made["data_types"] == {"video": 116_248, "image": 146_823}
        assert made["problem_types"]["multiple choice"] == 168_769


def test_a_recipe_that_chooses_no_row_says_so(tmp_path: Path) -> None:
    entry = {"path": str(jsonl(GOOD)), "rows": 0.01}
    options = {"seed": 0, "limit": None, "refuse": []}
    cell = Cell("samples", "all", options, {"entries": {"own": entry}}, tmp_path, tmp_path)
    with pytest.raises(InputError, match="no row is chosen"):
        list(collect_samples(cell=cell))
