"""The release: loads as it is, typed, in both ways; and a check that sees what is wrong."""

import json
import shutil
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest
import yaml
from PIL.Image import Image

from r1data.building import Build
from r1data.errors import UsageError
from r1data.grid.shards import binary_leaves
from r1data.release.check import check
from r1data.release.rows import is_whole
from r1data.release.stage import split_of
from r1data.schema import load_schema

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
    assert sum(s["num_examples"] for s in head["dataset_info"]["splits"]) == counts.left
    assert head["license"] == "cc0-1.0"
    assert f"| collected | | {counts.collected} |" in text
    assert "127.0.0.1" not in text
    assert str(demo.path) not in text


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
    assert any("it says" in what for what in whats)


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
