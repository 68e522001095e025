"""The release: loads as it is, typed, in both ways; and a check that sees what is wrong."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml
from endpoint import Endpoint, Reply, Server, completion
from PIL.Image import Image

import r1data
from r1data.building import Build
from r1data.errors import InputError, RecipeError, UsageError
from r1data.evaluate.releases import read_release
from r1data.grid.shards import binary_leaves
from r1data.release.check import check
from r1data.release.dealing import shard_count, shard_of, split_of
from r1data.release.diff import diff
from r1data.release.exports.export import export
from r1data.release.layout import known_values, scan
from r1data.release.rows import is_whole
from r1data.rewards import verify
from r1data.rewards.error_rates import card_rates
from r1data.rewards.verdict import PRESETS
from r1data.schema import load_schema
from r1data.train.rows import View, load_rows

VIDEO_R1 = [
    "problem_id",
    "problem",
    "data_type",
    "problem_type",
    "options",
    "process",
    "solution",
    "path",
    "data_source",
]


@pytest.fixture
def release(demo: Build, tmp_path: Path) -> Path:
    """A copy of the demo's release that a test may spoil."""
    copy = tmp_path / "release"
    shutil.copytree(demo.release, copy)
    return copy


def load(folder: Path, **options: Any) -> Any:
    return datasets.load_dataset(str(folder), cache_dir="cache", **options)


def test_it_loads_map_style_with_pictures_decoded(release: Path) -> None:
    data = load(release)
    assert set(data) == {"train", "validation"}
    row = data["train"][0]
    assert isinstance(row["frames"][0], Image)
    assert set(VIDEO_R1) < set(row)
    assert row["process"].startswith("<think>")
    assert row["solution"].startswith("<answer>")
    assert len(row["frame_times"]) in (0, len(row["frames"]))


def test_it_streams_and_gives_the_same_rows(release: Path) -> None:
    stream = load(release, split="train", streaming=True)
    streamed = [row["id"] for row in stream]
    assert isinstance(next(iter(stream))["frames"][0], Image)
    assert streamed == load(release, split="train")["id"]


def test_one_copied_shard_keeps_its_types(release: Path, tmp_path: Path) -> None:
    lone = tmp_path / "lone"
    lone.mkdir()
    shutil.copy(next(release.glob("data/train-*.parquet")), lone)
    data = load(lone, split="train")
    assert data.features["frames"] == datasets.List(datasets.Image())


def test_text_stands_first_pictures_last_and_uncompressed(release: Path) -> None:
    file = pq.ParquetFile(next(release.glob("data/train-*.parquet")))
    assert file.schema_arrow.names == list(load_schema("release")["properties"])
    assert file.schema_arrow.names[-1] == "frames"
    binary = binary_leaves(file.schema_arrow)
    group = file.metadata.row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    assert {c.compression for c in columns if c.path_in_schema in binary} == {"UNCOMPRESSED"}
    assert {c.compression for c in columns if c.path_in_schema not in binary} == {"ZSTD"}


def test_options_carry_letters_and_the_truth_is_one_of_them(release: Path) -> None:
    rows = [row for row in load(release, split="train", streaming=True) if row["options"]]
    assert rows
    for row in rows:
        letter = row["solution"].removeprefix("<answer>").removesuffix("</answer>")
        assert letter in [option.partition(". ")[0] for option in row["options"]]


def test_the_card_tells_the_figures_and_no_place_of_this_machine(demo: Build) -> None:
    text = (demo.release / "README.md").read_text()
    head = yaml.safe_load(text.split("---\n")[1])
    counts = demo.counts()
    for info in head["dataset_info"]:
        assert sum(split["num_examples"] for split in info["splits"]) == counts.left
    assert head["license"] == "cc0-1.0"
    assert f"| collected | | {counts.collected} |" in text
    assert "127.0.0.1" not in text
    assert str(demo.path) not in text
    assert card_rates("canonical", PRESETS["canonical"].version) in text


def test_a_clip_never_stands_in_two_splits() -> None:
    shares = {"validation": 0.2, "test": 0.1}
    dealt = [split_of(f"clip-{i}", 7, shares) for i in range(2000)]
    assert dealt == [split_of(f"clip-{i}", 7, shares) for i in range(2000)]
    assert abs(dealt.count("validation") / 2000 - 0.2) < 0.03
    assert abs(dealt.count("test") / 2000 - 0.1) < 0.03


@pytest.mark.parametrize(
    ("value", "whole"), [(7, True), ("82", True), ("007", False), ("q-1", False), (True, False)]
)
def test_only_ids_that_read_the_same_as_numbers_become_numbers(value: object, whole: bool) -> None:
    assert is_whole(value) is whole


def test_a_whole_release_has_no_findings(release: Path) -> None:
    report = check(release)
    assert report.findings == []
    assert report.rows == sum(report.figures.values()) > 0


def spoil(release: Path, change: dict[str, Any]) -> None:
    """Write the first shard anew with its first row changed."""
    path = next(release.glob("data/train-*.parquet"))
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[0].update(change)
    pq.write_table(table.from_pylist(rows, table.schema), path)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        ({"frames": []}, "has no pictures"),
        ({"frames": [{"bytes": b"no jpeg", "path": None}]}, "picture 0 cannot be decoded"),
        ({"process": "no tags"}, "not inside think tags"),
        ({"process": "<think></think>"}, "its process holds no thought: 0 words that count, 3 are"),
        ({"process": "<think>.</think>"}, "its process holds no thought"),
        ({"process": "<think>So red.</think>"}, "its process holds no thought: 2 words that count"),
        ({"process": "<think>" + "It is red. " * 300 + "</think>"}, "its process holds no thought"),
        ({"solution": "B"}, "not inside answer tags"),
        (
            {
                "problem_type": "multiple choice",
                "options": ["A. x"],
                "solution": "<answer>C</answer>",
            },
            "'C' is none of its options",
        ),
    ],
)
def test_a_bad_row_is_found(release: Path, change: dict[str, Any], finding: str) -> None:
    spoil(release, change)
    assert any(finding in each.what for each in check(release).findings)


def test_a_row_that_stands_twice_is_found(release: Path) -> None:
    path = next(release.glob("data/train-*.parquet"))
    shutil.copy(path, path.with_name("train-00001-of-00002.parquet"))
    whats = [each.what for each in check(release).findings]
    assert any("stands twice" in what for what in whats)
    assert any("it says" in what and "the shards hold" in what for what in whats)


def test_a_cut_shard_is_found(release: Path) -> None:
    path = next(release.glob("data/train-*.parquet"))
    path.write_bytes(path.read_bytes()[:-100])
    assert any("cannot be read" in each.what for each in check(release).findings)


def test_a_build_with_a_lost_row_a_strange_reason_or_a_changed_file_is_found(
    demo: Build, tmp_path: Path
) -> None:
    copy = tmp_path / "build"
    shutil.copytree(demo.path, copy)
    (copy / "8.selection" / "00003.json").unlink()
    shard = next((copy / "9.release" / "data").glob("train-*.parquet"))
    shard.write_bytes(shard.read_bytes() + b" ")
    found = {each.where: each.what for each in check(copy).findings}
    assert "selection/00003" in {name.partition(".")[2] for name in found}
    assert found[f"9.release/data/{shard.name}"]
    json.dumps([each._asdict() for each in check(copy).findings])


def test_anything_else_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither a build"):
        check(tmp_path)


def test_text_sources_and_columns_are_configs_of_the_same_rows(release: Path) -> None:
    whole = load(release, split="train")
    text = load(release, name="text", split="train")
    assert "frames" not in text.features
    assert text["id"] == whole["id"] == load(release, name="shapes", split="train")["id"]
    stream = load(release, split="train", streaming=True, columns=["id", "problem"])
    assert [row["id"] for row in stream] == whole["id"]


def test_every_reader_gets_types_in_words(release: Path) -> None:
    pattern = str(release / "data" / "*.parquet")
    for column, words in known_values().items():
        for values in (
            load(release, split="train")[column],
            pl.read_parquet(pattern)[column].to_list(),
            pd.read_parquet(next(release.glob("data/*.parquet")), columns=[column])[column],
            scan(release).select(column).collect()[column],
        ):
            assert set(values) <= set(words)
    row = load(release, split="train")[0]
    completion = f"{row['process']}{row['solution']}"
    judged = verify(
        row["problem_type"], solution=row["solution"], completion=completion, options=row["options"]
    )
    assert judged.right is True


@pytest.mark.parametrize("column", ["problem_type", "data_type"])
def test_a_row_of_an_unknown_type_is_found_and_nobody_works_on_it(
    release: Path, tmp_path: Path, column: str
) -> None:
    spoil(release, {column: "other"})
    assert any(f"{column} 'other' is unknown" in each.what for each in check(release).findings)
    for use in (
        lambda: load_rows(release, View("grounded", 4, 10_000)),
        lambda: export(release, "verl", tmp_path / "out"),
        lambda: read_release(release, None),
    ):
        with pytest.raises(InputError, match=f"train-.*{column} 'other' is unknown; known are"):
            use()


def test_one_more_shard_splits_one_shard_and_leaves_the_others() -> None:
    ids = [f"source/{i}" for i in range(4000)]
    for count in range(1, 40):
        moved = [(shard_of(each, count), shard_of(each, count + 1)) for each in ids]
        assert all(after < count + 1 for _, after in moved)
        assert len({before for before, after in moved if before != after}) <= 1
    assert shard_count(1, 400) == 1
    assert shard_count(401_000_000, 400) == 2


def rows_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.parquet")}


def test_one_edited_row_changes_one_shard_of_each_config(tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    write_questions(questions)
    before = rows_of(build_own(questions).release)
    assert sum(path.startswith("data/") for path in before) >= 15
    assert rows_of(build_own(questions, out="again").release) == before
    lines = questions.read_text().splitlines()
    questions.write_text("\n".join([lines[0].replace("How many", "What number of"), *lines[1:]]))
    after = rows_of(build_own(questions).release)
    assert after.keys() == before.keys()
    assert len([path for path in before if after[path] != before[path]]) == 2


def test_another_version_and_other_wishes_leave_the_shards_of_unchanged_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = tmp_path / "questions.jsonl"
    write_questions(questions, rows=12)
    before = rows_of(build_own(questions).release)
    recipe = datasets.Dataset.from_parquet(str(tmp_path / "own/9.release/text/*.parquet"))[0]
    monkeypatch.setattr(r1data, "__version__", "9.9.9")
    extra = tmp_path / "more"
    extra.mkdir()
    write_questions(extra / "questions.jsonl", rows=2)
    more = [f"sources.more.path={extra / 'questions.jsonl'}", "filter.pass_rate=[0.5, 1.0]"]
    later = build_own(questions, *more)
    assert "9.9.9" in (later.release / "README.md").read_text()
    after = rows_of(later.release)
    assert {path: data for path, data in after.items() if "-more-" not in path} == before
    assert check(later.release).findings == []
    other = build_own(questions, "frames.quality=50").release
    changed = datasets.Dataset.from_parquet(str(other / "text/*.parquet"))[0]
    assert changed["recipe"] != recipe["recipe"]
    card = other / "README.md"
    card.write_text(card.read_text().replace("quality: 50", "quality: 51"))
    found = [each.what for each in check(other).findings]
    assert found[0] == "its recipe is not the one that made the rows of own"


def test_the_card_prints_the_hash_that_its_rows_have_and_check_proves_it(release: Path) -> None:
    card = release / "README.md"
    text, made = card.read_text(), load(release, split="train")[0]["recipe"]
    printed = re.findall(r"recipe ([0-9a-f]+)", text)
    assert printed == [made[:12], made, made[:12]]
    card.write_text(text.replace(made, "0" * 64))
    assert sum("hash" in each.what for each in check(release).findings) == 2
    card.write_text(text.replace(f"recipe {made[:12]}.", "recipe 0123456789ab.", 1))
    assert ["hash 0123456789ab" in each.what for each in check(release).findings] == [True]


def test_a_taken_down_row_and_clip_are_never_released_and_no_other_row_changes(
    tmp_path: Path,
) -> None:
    questions = tmp_path / "questions.jsonl"
    write_questions(questions, rows=12)
    before = build_own(questions)
    (tmp_path / "old").mkdir()
    shutil.copytree(before.release, tmp_path / "old" / "release")
    taken = tmp_path / "taken.txt"
    taken.write_text("own/3   # asked for by its owner\n\nown/7.png\n")
    after = build_own(questions, f"release.take_down={taken}")
    changes = diff(tmp_path / "old" / "release", after.path)
    assert changes.removed == ["own/3", "own/7"]
    assert (changes.added, changes.changed, changes.unchanged) == ([], {}, 10)
    assert ("selection", "license_refused", 2) in after.funnel().rows()
    assert check(after.path).findings == []
    with pytest.raises(RecipeError, match="cannot be read"):
        build_own(questions, "release.take_down=no/such/list.txt")


def test_a_diff_names_added_removed_and_changed_rows_with_their_columns(
    demo: Build, release: Path
) -> None:
    assert diff(demo.path, release).unchanged == demo.counts().left
    spoil(release, {"problem": "Which one?", "frames": [{"bytes": b"x", "path": None}]})
    changes = diff(demo.path, release)
    assert list(changes.changed.values()) == [["problem", "frames"]]
    whole = load(demo.release, split="train")["id"]
    spoil(release, {"id": "shapes/new"})
    changes = diff(demo.path, release)
    assert changes.added == ["shapes/new"]
    assert changes.removed == [whole[0]]
    assert "+ shapes/new" in changes.text()


def test_an_index_only_release_holds_neither_question_nor_media(tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    write_questions(questions, rows=4)
    release = build_own(questions, "release.configs=[index-only]", out="index").release
    assert check(release).findings == []
    data = load(release, split="train")
    assert not {"problem", "options", "solution", "frames"} & set(data.features)
    assert all(len(each) == 64 for each in data[0]["frames_sha256"])
    assert b"How many" not in next(release.glob("index/*.parquet")).read_bytes()


def write_questions(path: Path, rows: int = 40) -> None:
    """Questions on pictures of noise, which do not shrink, so that few rows make many shards."""
    import numpy as np
    from PIL import Image as Pictures

    for i in range(rows):
        noise = np.random.default_rng(i).integers(0, 255, (112, 112, 3), dtype=np.uint8)
        Pictures.fromarray(noise).save(path.parent / f"{i}.png")
    questions = [
        {
            "problem_id": i,
            "problem": f"How many dots has picture {i}?",
            "data_type": "image",
            "problem_type": "numerical",
            "options": [],
            "solution": f"<answer>{i}</answer>",
            "path": f"./{i}.png",
            "data_source": "noise",
        }
        for i in range(rows)
    ]
    path.write_text("\n".join(json.dumps(each) for each in questions))


def build_own(questions: Path, *overrides: str, out: str = "own") -> Build:
    """Build from own questions; the teacher is an endpoint that knows the answers."""
    recipe = questions.with_name("recipe.yaml")
    data = {
        "pipeline": "cot",
        "name": "own",
        "sources": {"own": {"path": str(questions)}},
        "teacher": {"model": "m", "prompt": "video-r1"},
        "release": {"shard_mb": 0.02},
    }

    def knows(_server: Server, payload: dict[str, Any]) -> Reply:
        number = re.findall(r"picture (\d+)", json.dumps(payload))[-1]
        return completion(f"<think>I counted them all.</think><answer>{number}</answer>")

    with Endpoint(Server(knows)) as endpoint:
        data["run"] = {"lanes": [{"url": endpoint.url}]}
        recipe.write_text(yaml.safe_dump(data))
        return r1data.build(
            recipe, out=questions.with_name(out), engine="inline", overrides=overrides
        )
