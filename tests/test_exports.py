"""Exports: every trainer's own loading code gives back the rows of the release.

The loaders run in processes of their own, because they import half of the world and warn about it.
One that is not installed is skipped; the forms themselves are checked in any case.
"""

import hashlib
import importlib.util
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest
from PIL import Image

from r1data.building import Build
from r1data.errors import R1DataError, UsageError
from r1data.release.exports.clips import clip_of, rate_of
from r1data.release.exports.export import FORMS, export
from r1data.release.exports.rows import name_of, question, without_tags
from r1data.release.layout import read_rows

# What stands before every loader: torchvision built for a GPU needs two operators that a torch
# without one does not have.
BEFORE = """
import importlib.util, json, sys, types
if importlib.util.find_spec("torchvision"):
    import torch
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
OUT = sys.argv[1]
"""


@pytest.fixture(scope="session")
def rows(demo: Build) -> list[dict[str, Any]]:
    return [row for split, row in read_rows(demo.release, "frames") if split == "train"]


@pytest.fixture(scope="session")
def exported(demo: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All forms, each in a folder of its name."""
    folder = tmp_path_factory.mktemp("exports")
    for form in FORMS:
        assert export(demo.path, form, folder / form).rows == demo.counts().left
    return folder


def loaded(out: Path, script: str, *needs: str) -> Any:
    """Run a loader on an export; return what it prints last."""
    for module in needs:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed")
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BEFORE + script, str(out)],
        capture_output=True,
        text=True,
        timeout=110,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(out.parent / "home")},
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout.splitlines()[-1])


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def hashes(row: dict[str, Any]) -> list[str]:
    return [sha(each["bytes"]) for each in row["frames"]]


def file_hashes(folder: Path, paths: list[str]) -> list[str]:
    return [sha((folder / path).read_bytes()) for path in paths]


def answer(row: dict[str, Any]) -> str:
    return f"{row['process']}\n{row['solution']}"


VIDEO_R1 = """
import os
from datasets import Dataset
os.chdir(OUT)
found = []
for name in ("COT", "RL"):
    data = Dataset.from_json(f"./Video-R1-data/Video-R1-{name}.json")
    for row in data:
        path = os.getcwd() + "/Video-R1-data" + row["path"][1:]
        assert os.path.isfile(path), path
        text = row["problem"]
        if row["problem_type"] == "multiple choice":
            text += "Options:\\n" + "".join(option + "\\n" for option in row["options"])
        whole = row["process"] + "\\n" + row["solution"] if name == "COT" else row["solution"]
        found.append([name, row["problem_id"], row["data_type"], text, whole])
print(json.dumps(found))
"""


def test_video_r1s_scripts_find_every_file_and_say_every_answer(
    exported: Path, rows: list[dict[str, Any]]
) -> None:
    found = loaded(exported / "video-r1", VIDEO_R1)
    due = []
    for name in ("COT", "RL"):
        for row in rows:
            text = row["problem"]
            if row["problem_type"] == "multiple choice":
                text += "Options:\n" + "".join(f"{option}\n" for option in row["options"])
            whole = answer(row) if name == "COT" else row["solution"]
            due.append([name, row["problem_id"], row["data_type"], text, whole])
    assert found == due


QWEN = """
from qwen_vl_utils import process_vision_info
rows = json.load(open(OUT + "/Video-R1-data/Video-R1-COT.json"))
found = {}
for row in rows:
    kind = row["data_type"]
    path = OUT + "/Video-R1-data" + row["path"][1:]
    turn = {"role": "user", "content": [{"type": kind, kind: path}]}
    images, videos = process_vision_info([turn])
    found[kind] = len(images) if images else len(videos[0])
print(json.dumps(found))
"""


def test_the_reader_of_qwen_decodes_pictures_and_clips(exported: Path) -> None:
    found = loaded(exported / "video-r1", QWEN, "qwen_vl_utils")
    assert found["image"] == 1
    assert found["video"] >= 4


TRL = """
import datasets, hashlib
from trl.data_utils import is_conversational, prepare_multimodal_messages
data = datasets.load_dataset("parquet", data_files=OUT + "/train.parquet", split="train")
raw = data.cast_column("images", datasets.List(datasets.Image(decode=False)))
row = data[0]
assert is_conversational(row)
turns = prepare_multimodal_messages(row["prompt"] + row["completion"], row["images"])
print(json.dumps({
    "user": [part.get("text", part["type"]) for part in turns[0]["content"]],
    "assistant": [part["text"] for part in turns[1]["content"]],
    "size": row["images"][0].size,
    "images": [hashlib.sha256(each["bytes"]).hexdigest() for each in raw[0]["images"]],
    "solution": row["solution"],
}))
"""


def test_trl_puts_every_picture_before_the_question(
    exported: Path, rows: list[dict[str, Any]]
) -> None:
    found = loaded(exported / "trl", TRL, "trl", "torch")
    row = rows[0]
    assert found["user"] == ["image"] * len(row["frames"]) + [question(row)]
    assert found["assistant"] == [answer(row)]
    assert found["images"] == hashes(row)
    assert found["solution"] == row["solution"]
    with Image.open(io.BytesIO(row["frames"][0]["bytes"])) as picture:
        assert tuple(found["size"]) == picture.size


VERL = """
import hashlib
from omegaconf import OmegaConf
from verl.utils.dataset.rl_dataset import RLHFDataset
config = OmegaConf.create({"filter_overlong_prompts": False, "cache_dir": OUT + "/../verl-cache"})
row = RLHFDataset(OUT + "/train.parquet", None, config, types.SimpleNamespace())[0]
parts = row["raw_prompt"][0]["content"]
print(json.dumps({
    "parts": [part.get("text", part["type"]) for part in parts],
    "images": [hashlib.sha256(p["bytes"]).hexdigest() for p in parts if p["type"] == "image"],
    "truth": row["reward_model"]["ground_truth"],
    "source": row["data_source"],
    "id": row["extra_info"]["id"],
}))
"""


def test_verl_finds_a_picture_for_every_tag(exported: Path, rows: list[dict[str, Any]]) -> None:
    found = loaded(exported / "verl", VERL, "verl", "ray", "torch", "omegaconf", "tensordict")
    row = rows[0]
    assert found["parts"] == ["image"] * len(row["frames"]) + [question(row)]
    assert found["images"] == hashes(row)
    assert f"<answer>{found['truth']}</answer>" == row["solution"]
    assert (found["source"], found["id"]) == (row["data_source"], row["id"])


LLAMAFACTORY = """
import datasets, transformers
if importlib.util.find_spec("torchaudio") is None:  # imported whether or not there is sound
    sys.modules["torchaudio"] = types.ModuleType("torchaudio")
from llamafactory.data.converter import get_dataset_converter
from llamafactory.data.parser import get_dataset_list
entry = get_dataset_list(["r1data_train"], OUT)[0]
convert = get_dataset_converter(entry.formatting, entry, types.SimpleNamespace(media_dir=OUT))
data = datasets.load_dataset("json", data_files=f"{OUT}/{entry.dataset_name}", split="train")
print(json.dumps([convert(row) for row in data]))
"""


def test_llamafactory_finds_every_frame_file(exported: Path, rows: list[dict[str, Any]]) -> None:
    found = loaded(exported / "llamafactory", LLAMAFACTORY, "llamafactory", "torch", "peft")
    assert len(found) == len(rows)
    for made, row in zip(found, rows, strict=True):
        tag = "<video>" if row["data_type"] == "video" else "<image>" * len(row["frames"])
        assert made["_prompt"] == [{"role": "user", "content": question(row, tag)}]
        assert made["_response"] == [{"role": "assistant", "content": answer(row)}]
        paths = made["_videos"][0] if row["data_type"] == "video" else made["_images"]
        assert file_hashes(Path("/"), paths) == hashes(row)


SWIFT = """
from swift.dataset import load_dataset
found = {}
for name in ("sft", "rl"):
    data, _ = load_dataset(f"{OUT}/{name}_train.jsonl")
    found[name] = [dict(row) for row in data]
print(json.dumps(found))
"""


def test_ms_swift_finds_every_frame_file(exported: Path, rows: list[dict[str, Any]]) -> None:
    found = loaded(exported / "ms-swift", SWIFT, "swift", "torch", "modelscope")
    for name, made_rows in found.items():
        assert len(made_rows) == len(rows)
        for made, row in zip(made_rows, rows, strict=True):
            video = row["data_type"] == "video"
            tag = "<video>" if video else "<image>" * len(row["frames"])
            turns = [{"role": "user", "content": question(row, tag)}]
            turns += [{"role": "assistant", "content": answer(row)}] * (name == "sft")
            assert [{k: turn[k] for k in ("role", "content")} for turn in made["messages"]] == turns
            paths = made["videos"][0] if video else [each["path"] for each in made["images"]]
            assert file_hashes(Path("/"), paths) == hashes(row)


WEBDATASET = """
import hashlib
import webdataset
data = webdataset.WebDataset(OUT + "/train-000000.tar", shardshuffle=False)
print(json.dumps([
    [json.loads(row["json"])["id"],
     [hashlib.sha256(row[name]).hexdigest() for name in sorted(row) if name.endswith(".jpg")]]
    for row in data
]))
"""


def test_webdataset_keeps_rows_and_pictures_together(
    exported: Path, rows: list[dict[str, Any]]
) -> None:
    found = loaded(exported / "webdataset", WEBDATASET, "webdataset")
    assert found == [[row["id"], hashes(row)] for row in rows]


def test_tars_are_the_same_bytes_each_time(demo: Build, exported: Path, tmp_path: Path) -> None:
    export(demo.path, "webdataset", tmp_path / "again")
    name = "train-000000.tar"
    assert (tmp_path / "again" / name).read_bytes() == (exported / "webdataset" / name).read_bytes()
    with tarfile.open(exported / "webdataset" / name) as tar:
        assert {member.mtime for member in tar} == {0}


def test_easyr1_has_a_tag_for_every_picture_and_one_file_a_kind(
    exported: Path, rows: list[dict[str, Any]]
) -> None:
    folder = exported / "easyr1"
    data = datasets.load_dataset(
        "json", data_files=str(folder / "train_images.jsonl"), split="train", cache_dir="cache"
    )
    assert "videos" not in data.column_names
    for made, row in zip(data, rows, strict=True):
        assert made["problem"] == question(row, "<image>" * len(row["frames"]))
        assert made["problem"].count("<image>") == len(made["images"])
        assert f"<answer>{made['answer']}</answer>" == row["solution"]
        assert file_hashes(folder, made["images"]) == hashes(row)
    assert "{{ content" in (folder / "prompt.jinja").read_text()


def test_json_lines_hold_all_columns_and_names_of_kinds(
    exported: Path, rows: list[dict[str, Any]]
) -> None:
    text = (exported / "jsonl" / "train.jsonl").read_text()
    for made, row in zip(map(json.loads, text.splitlines()), rows, strict=True):
        assert file_hashes(exported / "jsonl", made.pop("frames")) == hashes(row)
        assert made == {name: value for name, value in row.items() if name != "frames"}


def media_root(demo: Build) -> Path:
    """The folder in which the demo's clips were drawn, laid out as a user would have them."""
    return next(path.parent for path in demo.path.parent.rglob("*.mp4")).parent


@pytest.mark.parametrize("form", [form for form in FORMS if form != "trl"])
def test_the_files_themselves_can_stand_in_for_frames(
    demo: Build, rows: list[dict[str, Any]], tmp_path: Path, form: str
) -> None:
    root = media_root(demo)
    while not all((root / row["path"]).is_file() for row in rows):
        root = root.parent
    out = tmp_path / "out"
    done = export(demo.path, form, out, media="files", media_root=root)
    assert done.rows == demo.counts().left
    held = {sha(path.read_bytes()) for path in out.rglob("*") if path.suffix in (".mp4", ".png")}
    due = {row["media_sha256"][0] for row in rows if row["data_type"] == "video"}
    if form == "webdataset":
        with tarfile.open(out / "train-000000.tar") as tar:
            held = {sha(tar.extractfile(member).read()) for member in tar}  # type: ignore[union-attr]
    assert due <= held
    if form == "easyr1":
        clips = [json.loads(line) for line in (out / "train_videos.jsonl").read_text().splitlines()]
        assert all(row["problem"].count("<video>") == 1 and "images" not in row for row in clips)
    if form == "verl":
        videos = pq.read_table(out / "train.parquet")["videos"].to_pylist()
        assert all(Path(each[0]["video"]).is_file() for each in videos if each)


def test_a_file_that_is_another_one_is_refused(
    demo: Build, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    for row in rows:
        path = tmp_path / "media" / row["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"another")
    with pytest.raises(R1DataError, match="is not the file of the release"):
        export(demo.path, "jsonl", tmp_path / "out", media="files", media_root=tmp_path / "media")
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_exported_is_said(demo: Build, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no form 'trlx'; did you mean 'trl'"):
        export(demo.path, "trlx", tmp_path / "out")
    with pytest.raises(UsageError, match="TRL takes pictures only"):
        export(demo.path, "trl", tmp_path / "out", media="files")
    with pytest.raises(UsageError, match="needs --media-root"):
        export(demo.path, "jsonl", tmp_path / "out", media="files")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds files already"):
        export(demo.path, "jsonl", tmp_path / "full")


def test_ids_become_names_that_no_two_rows_share() -> None:
    ids = ["a/b", "a_b/c", "a/b.c", "a/b c", "a/ä", "a/../x", "a/" + "x" * 300]
    names = [name_of({"id": each}) for each in ids]
    assert len(set(names)) == len(names)
    assert all(set(name) <= set("abcxäABC_-0123456789def") and len(name) < 120 for name in names)


def test_a_text_that_holds_a_media_tag_adds_none() -> None:
    assert without_tags("is <image> a <video>?") == "is [image] a [video]?"


def test_a_clip_of_pictures_holds_each_once_at_its_pace() -> None:
    import av

    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (250, 250, 0)]
    found = []
    for colour in colours:
        sink = io.BytesIO()
        Image.new("RGB", (64, 48), colour).save(sink, "JPEG")
        found.append(sink.getvalue())
    with av.open(io.BytesIO(clip_of(found, [0.0, 0.5, 1.0, 1.5]))) as clip:
        shown = [
            frame.to_ndarray(format="rgb24").mean(axis=(0, 1)) for frame in clip.decode(video=0)
        ]
        assert clip.streams.video[0].average_rate == 2
    assert len(shown) == 4
    for mean, colour in zip(shown, colours, strict=True):
        assert abs(mean - colour).max() < 12
    assert rate_of([3.0]) == rate_of([1.0, 1.0]) == 2
