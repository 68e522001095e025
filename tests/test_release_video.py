"""The config of clips: their bytes inside the rows, typed, readable without a decoder of clips."""

import hashlib
import importlib.util
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest
from test_release import build_own, write_questions

import r1data
from r1data.building import Build
from r1data.errors import R1DataError
from r1data.release.check import check
from r1data.release.exports.export import export
from r1data.release.layout import read_rows


@pytest.fixture(scope="module")
def release(demo: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo again, with its clips."""
    copy = tmp_path_factory.mktemp("video") / "build"
    shutil.copytree(demo.path, copy)
    sets = ["sources.shapes.rows=40", "release.configs=[frames, video, text]"]
    return r1data.build("demo", out=copy, engine="inline", overrides=sets).release


def load(folder: Path, **options: Any) -> Any:
    return datasets.load_dataset(str(folder), "video", split="train", cache_dir="cache", **options)


def test_clips_are_typed_and_their_bytes_are_those_of_the_row(release: Path) -> None:
    data = load(release)
    assert data.features["videos"] == datasets.List(datasets.Video())
    assert data.features["images"] == datasets.List(datasets.Image())
    assert list(data.features)[-2:] == ["images", "videos"]
    plain = data.cast_column("videos", datasets.List(datasets.Video(decode=False)))
    plain = plain.cast_column("images", datasets.List(datasets.Image(decode=False)))
    for row in plain:
        held = [each["bytes"] for each in row["images"] + row["videos"]]
        assert [hashlib.sha256(each).hexdigest() for each in held] == row["media_sha256"]
    assert check(release).findings == []


def test_text_streams_and_clips_come_undecoded_without_a_decoder(release: Path) -> None:
    stream = load(release, streaming=True, columns=["id", "problem"])
    assert set(next(iter(stream))) == {"id", "problem"}
    clips = [row for row in load(release, streaming=True).decode(False) if row["videos"]]
    assert clips[0]["videos"][0]["bytes"][4:8] == b"ftyp"


def test_a_missing_decoder_is_named(release: Path) -> None:
    if importlib.util.find_spec("torchcodec"):
        pytest.skip("torchcodec is installed")
    data = load(release)
    row = next(i for i, each in enumerate(data["data_type"]) if each == "video")
    with pytest.raises(ImportError, match="torchcodec"):
        data[row]


def test_a_clip_that_is_not_the_rows_is_found(release: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    path = next(copy.glob("video/train-*.parquet"))
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[0]["media_sha256"] = ["0" * 64]
    pq.write_table(table.from_pylist(rows, table.schema), path)
    found = [each.what for each in check(copy).findings]
    assert found == [f"{rows[0]['id']}: its file is not the one it names"]


@pytest.mark.parametrize("form", ["video-r1", "jsonl", "webdataset"])
def test_exports_take_clips_out_of_the_release_itself(
    release: Path, tmp_path: Path, form: str
) -> None:
    out = tmp_path / form
    done = export(release, form, out, media="files")
    for tar in out.glob("*.tar"):
        with tarfile.open(tar) as members:
            members.extractall(out, filter="data")
    rows = [row for _, row in read_rows(release, "text")]
    due = {digest for row in rows for digest in row["media_sha256"]}
    made = (path for path in out.rglob("*") if path.is_file())
    assert done.rows == len(rows)
    assert due <= {hashlib.sha256(path.read_bytes()).hexdigest() for path in made}


def test_a_row_that_names_a_file_outside_is_not_written(release: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(release, copy)
    path = next(copy.glob("video/train-*.parquet"))
    table = pq.read_table(path)
    rows = [{**row, "path": "../../../out.mp4"} for row in table.to_pylist()]
    pq.write_table(table.from_pylist(rows, table.schema), path)
    with pytest.raises(R1DataError, match="outside of the export"):
        export(copy, "jsonl", tmp_path / "e", media="files")
    assert not (tmp_path / "out.mp4").exists()


def test_a_picture_that_is_gone_drops_its_row(tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    write_questions(questions, rows=3)
    release = build_own(questions, "release.configs=[video, text]").release
    assert check(release).findings == []
    assert json.loads(questions.read_text().splitlines()[0])["path"] == "./0.png"
    data = load(release)
    assert [len(row["images"]) for row in data] == [1, 1, 1]
    (tmp_path / "0.png").unlink()
    later = build_own(questions, "release.configs=[video]")
    assert later.counts().left == 2
    assert check(later.path).findings == []
