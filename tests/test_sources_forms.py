"""Rows in the form that public programs write or read: what each variant makes of them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hub import Hub
from upstreams import zipped

from r1data.errors import RowDrop
from r1data.media.files import locate
from r1data.sources.asked import Reader
from r1data.sources.catalogue import card_names, load_card, load_source
from r1data.sources.parsers import PARSERS
from r1data.sources.reading import Raw
from r1data.sources.stage import name_apart, normalise_all

PICTURE = {"path": None}


def read(
    card: str, variant: str, row: dict[str, Any], file: str = "", folder: Path = Path()
) -> list[dict[str, Any]]:
    """What a variant's parser makes of one row."""
    known = load_card(card)
    route = known.routes[variant]
    reader = Reader(
        types=known.types,
        data_type=known.data_type,
        config=route.config,
        split=route.split,
        file=file or route.questions[0],
        folder=folder,
        arguments=route.arguments,
    )
    return list(PARSERS[route.parser](Raw("row 1", row), reader))


def cauldron(*turns: tuple[str, str]) -> dict[str, Any]:
    texts = [{"user": user, "assistant": assistant, "source": "x"} for user, assistant in turns]
    return {"images": [PICTURE], "texts": texts}


def messages(question: str, answer: str) -> dict[str, Any]:
    content = [{"index": 0, "text": None, "type": "image"}, {"text": question, "type": "text"}]
    said = [{"role": "user", "content": content}]
    said.append({"role": "assistant", "content": [{"text": answer, "type": "text"}]})
    return {"images": [PICTURE], "messages": said}


# The Cauldron


def test_scienceqas_hint_is_the_passage_that_its_question_needs() -> None:
    question = "Question: Which one is Mia's?\nHint: Mia's has stripes.\nIt eats grass.\nChoices:\n"
    row = cauldron((question + "A. cow\nB. zebra\nAnswer with the letter.", "Answer: B"))
    (found,) = read("scienceqa", "cauldron", row)
    assert found["problem"] == "Which one is Mia's?\nMia's has stripes.\nIt eats grass."
    assert (found["options"], found["solution"]) == (["cow", "zebra"], "B")


@pytest.mark.parametrize("answer", ["Ball.", "Answer: ball.\nRationale: The dog runs after it."])
def test_a_okvqas_options_stand_in_one_line(answer: str) -> None:
    question = "What does the dog want?\nPick the right answer from the four choices below.\n"
    (found,) = read(
        "a-okvqa", "cauldron", cauldron((question + "Options: Kite, ball, cup.", answer))
    )
    assert found["drop"][0] == "no_truth"  # three of four: a comma is missing or one too many
    row = cauldron((question + "Options: Kite, ball, book, cup.", answer))
    (found,) = read("a-okvqa", "cauldron", row)
    assert found["problem"] == "What does the dog want?"
    assert found["options"] == ["Kite", "ball", "book", "cup"]
    assert found["solution"] == "B"


def test_robuts_first_question_is_taken_and_never_the_whole_table() -> None:
    dump = ("Please parse this table.", "{'header': ['year', 'team'], 'rows': [['1990', 'x']]}")
    asked, later = ("Which team won?", "Texas."), ("And who came second?", "Ohio.")
    for turns in ([dump, asked, later], [asked, dump, later], [asked, later, dump]):
        (found,) = read("robut-sqa", "cauldron", cauldron(*turns))
        assert (found["problem"], found["solution"]) == ("Which team won?", "Texas.")
    (found,) = read("robut-sqa", "cauldron", cauldron(dump))
    assert found["drop"] == ("no_truth", "its conversation answers with a whole table")


def test_textvqas_answers_lose_the_full_stop_that_was_added() -> None:
    (found,) = read("textvqa", "cauldron", cauldron(("What is the brand?\nBe concise.", "Dakota.")))
    assert (found["problem"], found["solution"]) == ("What is the brand?", "Dakota")


def test_visual7ws_official_file_holds_its_rows_under_images(tmp_path: Path) -> None:
    pair = {
        "qa_id": 7,
        "question": "Who?",
        "answer": "A man.",
        "multiple_choices": ["A cat.", "No."],
    }
    whole = {"images": [{"filename": "v7w_1.jpg", "split": "train", "qa_pairs": [pair]}]}
    path = tmp_path / "dataset_v7w_telling.json"
    path.write_text(json.dumps({"dataset": "v7w_telling", **whole}))
    source = load_source("visual7w", {"root": str(tmp_path), "route": "official"})
    (row,) = normalise_all(source, 0)
    assert row["options"]["ABC".index(row["solution"])] == "A man."
    assert row["media"][0]["uri"] == "v7w_1.jpg"


# Spatial questions


@pytest.mark.parametrize(
    ("question", "answer", "options", "solution"),
    [
        ("Is the red crate left of the cart?", "Indeed, the red crate is.", ["Yes", "No"], "A"),
        ("Does the cart seem taller than it?", "That is True.", ["Yes", "No"], "A"),
        ("Can you confirm if the cart is wide?", "Correct, it is.", ["Yes", "No"], "A"),
        (
            "Is the cart behind the crate?",
            "In fact, the cart may be before it.",
            ["Yes", "No"],
            "B",
        ),
        ("Is the cart above the crate?", "Actually, it is below.", ["Yes", "No"], "B"),
        ("Is the cart above the crate?", "Incorrect, the cart is not.", ["Yes", "No"], "B"),
        ("Is the red box wider?", "Yes, the red box is 2.5 feet wider.", ["Yes", "No"], "A"),
        ("Which is lower, the cart or the red crate?", "red crate is.", ["cart", "red crate"], "B"),
        ("Who is left, the crate or the red crate?", "Left is crate.", ["crate", "red crate"], "A"),
        ("Which is left, the crate or the red crate?", "red crate.", ["crate", "red crate"], "B"),
        (
            "Between the cup, plate and fork and the row of 3 pans, which one is higher?",
            "The row of 3 pans is higher.",
            ["cup, plate and fork", "row of 3 pans"],
            "B",
        ),
    ],
)
def test_a_verdict_or_one_of_two_objects_becomes_a_choice(
    question: str, answer: str, options: list[str], solution: str
) -> None:
    (found,) = read("openspaces", "hub", messages(question, answer))
    assert (found["options"], found["solution"]) == (options, solution)
    assert found["problem_type"] == "multiple choice"
    assert found["problem"] == question


@pytest.mark.parametrize(
    ("question", "answer", "kind", "solution"),
    [
        ("How far is the cart?", "It is 2.5 feet away.", "regression", "0.762"),
        ("Can you tell me the width?", "30.0 centimeters", "regression", "0.3"),
        ("How far is the row of 3 pans?", "The row of 3 pans is 2 m away.", "regression", "2"),
        ("How far is the hill?", "It is 1,200 meters away.", "regression", "1200"),
        ("How tall is it?", "It is 5 feet 2 inches tall.", "free-form", None),
        ("Is the cart new?", "The cart has fresh paint.", "free-form", None),
    ],
)
def test_a_length_becomes_metres_and_the_rest_stays_a_text(
    question: str, answer: str, kind: str, solution: str | None
) -> None:
    (found,) = read("spacellava", "hub", messages(question, answer))
    assert (found["problem_type"], found["solution"]) == (kind, solution or answer)


def test_a_choice_whose_answer_names_neither_object_or_both_falls() -> None:
    for answer in ("The blue one.", "The cart is left of the crate."):
        row = messages("Which is left, the cart or the crate?", answer)
        assert read("openspaces", "hub", row)[0]["drop"][0] == "ambiguous_truth"


# Clips


def test_perceptiontests_cup_games_end_where_the_authors_cut_them(tmp_path: Path) -> None:
    question = {"id": 0, "question": "Where?", "options": ["a", "b", "c"], "answer_id": 1}
    facts = {"is_cup_game": 1, "frame_rate": 30.0}
    row = {"_id": "video_7", "metadata": facts, "mc_question": [question]}
    assert read("perceptiontest", "official", row, folder=tmp_path)[0]["drop"][0] == "no_truth"
    (tmp_path / "cut_frame_mapping_train.json").write_text(json.dumps({"video_7": 61}))
    (found,) = read("perceptiontest", "official", row, folder=tmp_path)
    assert found["solution"] == "B"
    assert 60 / 30 < found["end"] < 61 / 30
    (found,) = read("perceptiontest", "official", {**row, "_id": "video_8"}, folder=tmp_path)
    assert "end" not in found


def test_questions_come_out_of_a_zip_with_the_file_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = {"id": 0, "question": "Where?", "options": ["a", "b", "c"], "answer_id": 1}
    rows = {"video_7": {"metadata": {"frame_rate": 30.0}, "mc_question": [question]}}
    with Hub() as hub:
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        packed = zipped({"mc_question_train.json": json.dumps(rows).encode()})
        hub.files["/pt/zip_data/mc_question_train_annotations.zip"] = packed
        hub.files["/pt/misc/cut_frame_mapping_train.json"] = b'{"video_7": 61}'
        source = load_source("perceptiontest", {"route": "official", "url": f"{hub.url}/pt/"})
        (row,) = normalise_all(source, 0, {"media": str(tmp_path / "media")})
    assert (row["solution"], row["drop_reason"]) == ("B", None)
    assert row["media"][0]["end"] == pytest.approx(60.5 / 30)


@pytest.mark.parametrize(
    ("track", "image", "clip"),
    [
        ("Perception", None, "validation_Art_Theory_1"),
        ("Adaptation", PICTURE, "test_Architecture_and_Engineering_206"),
    ],
)
def test_videommmus_rows_name_their_track_and_their_fields_folder(
    track: str, image: Any, clip: str
) -> None:
    row = {"id": clip, "question": "What?", "options": ["a", "b"], "answer": "B", "image": image}
    file = f"{track}/test-00000-of-00001.parquet"
    (found,) = read("videommmu", "hub", {**row, "question_type": "multiple-choice"}, file)
    folder = {"Perception": "Art", "Adaptation": "Engineering"}[track]
    assert (found["id"], found["track"]) == (f"{track}/{clip}", track)
    assert found["media"] == [f"{folder}/{clip}.mp4"]
    assert found["problem"].startswith("What?")
    assert ("end of the video" in found["problem"]) is (track == "Adaptation")
    assert "drop" not in found


def test_video_holmes_ids_count_within_a_clip() -> None:
    row = {"Question ID": 1, "Question": "Who?", "Options": {"A": "x", "B": "y"}, "Answer": "B"}
    (one,) = read("video-holmes", "hub", {**row, "video ID": "a"})
    (two,) = read("video-holmes", "hub", {**row, "video ID": "b"})
    assert (one["id"], two["id"]) == ("a_1", "b_1")


def test_ids_that_a_source_uses_twice_do_not_depend_on_the_files_order() -> None:
    rows = [
        {"id": "s/1", "problem": text, "options": [], "solution": "3", "media": [{"uri": "a.mp4"}]}
        for text in ("How many cups?", "How many pans?", "How many pans?")
    ]
    one, two = [dict(row) for row in rows], [dict(row) for row in reversed(rows)]
    name_apart(one)
    name_apart(two)
    assert {row["id"]: row["problem"] for row in one} == {row["id"]: row["problem"] for row in two}
    assert len({row["id"] for row in one}) == 3


def test_mvbenchs_other_branch_has_clips_that_are_cut_already() -> None:
    row = {"video": "a.mp4", "question": "Who?", "candidates": ["x", "y"], "answer": "y"}
    row |= {"start": 3.0, "end": 9.0}
    (found,) = read("mvbench", "hub", row, "json/action_sequence.json")
    assert (found["start"], found["end"]) == (3.0, 9.0)
    for task, folder in {
        "episodic_reasoning": "tvqa/video_fps3_hq_segment",
        "action_sequence": "star/Charades_segment",
        "moving_count": "clevrer/video_validation",
    }.items():
        (found,) = read("mvbench", "video-branch", row, f"json/{task}.json")
        assert found["media"] == [f"{folder}/a.mp4"]
        assert "start" not in found


def test_clips_of_a_local_copy_are_found_below_one_more_folder_and_by_any_media_suffix(
    tmp_path: Path,
) -> None:
    root = tmp_path / "copy"
    settings = {"entries": {"mvbench": {"root": str(root)}}, "media": str(tmp_path), "seed": 0}
    for path in ("data0613/clevrer/a.mp4", "clevrer/b.MP4", "x/c.webm", "y/c.mkv", "clevrer/e.jpg"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"a clip")
    (root / "tvqa/d").mkdir(parents=True)
    for uri, path in (
        ("clevrer/a.mp4", "data0613/clevrer/a.mp4"),
        ("clevrer/b.mp4", "clevrer/b.MP4"),
    ):
        assert locate("mvbench", uri, settings) == root / path
    for uri, told in (
        ("c.mp4", "no file c.mp4"),  # two files that it may mean
        ("star/a.mp4", "no file star/a.mp4"),  # of another folder
        ("clevrer/e.mp4", "no file clevrer/e.mp4"),  # an image is no clip
        ("tvqa/d", "tvqa/d is a folder, not a clip"),
    ):
        with pytest.raises(RowDrop, match=told):
            locate("mvbench", uri, settings)


def test_a_file_of_own_questions_is_meant_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "q.json").write_text("[]")
    (tmp_path / "more").mkdir()
    (tmp_path / "more/a.mp4").write_bytes(b"another clip")
    entry = {"path": str(tmp_path / "q.json")}
    settings = {"entries": {"own": entry}, "media": str(tmp_path), "seed": 0}
    with pytest.raises(RowDrop, match=r"no file a\.mp4"):
        locate("own", "a.mp4", settings)


# Definitions


@pytest.mark.parametrize("name", card_names())
def test_a_definition_says_what_its_confidence_stands_on(name: str) -> None:
    card = load_card(name)
    assert all(each["route"] in card.routes for each in card.witness)
    if card.confidence == "verified":
        assert re.search(r"\d|one|two|three|all", card.checked), "verified: which rows were read?"
    if card.confidence == "guess" or not card.witness:
        assert card.unverified or name in ("own", "shapes")


def test_no_revision_is_a_short_hash() -> None:
    routes = [route for name in card_names() for route in load_card(name).routes.values()]
    pinned = [route.revision for route in routes if re.fullmatch(r"[0-9a-f]+", route.revision)]
    assert pinned
    assert all(len(revision) == 40 for revision in pinned)


def test_nextqas_official_files_keep_their_splits_apart(tmp_path: Path) -> None:
    head = "video,frame_count,width,height,question,answer,qid,type,a0,a1,a2,a3,a4\n"
    for name in ("train", "val", "test"):
        (tmp_path / f"{name}.csv").write_text(f"{head}1,9,4,4,who {name},1,0,CW,a,b,c,d,e\n")
    (tmp_path / "map_vid_vidorID.json").write_text('{"1": "00/1"}')
    splits = {"official": "train", "validation": "validation", "test": "test", "": "train"}
    for route, split in splits.items():
        entry = {"root": str(tmp_path), **({"route": route} if route else {})}
        (row,) = normalise_all(load_source("nextqa", entry), 0)
        assert (row["split"], row["solution"]) == (split, "B")


def test_videommmus_rows_in_video_r1s_form_say_where_their_picture_is() -> None:
    row = {"problem_id": 1, "problem": "What is in <image 1>?", "problem_type": "multiple choice"}
    row |= {"options": ["A. x", "B. y"], "solution": "<answer>B</answer>", "path": "./a/b.mp4"}
    (found,) = read("videommmu", "local", {**row, "data_type": "video"})
    assert "end of the video" in found["problem"]
    assert found["solution"] == "B"
