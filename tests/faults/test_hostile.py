"""Two hundred hostile inputs: each is refused or dropped with a reason, none does harm."""

import io
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from faults.hostile import KINDS, questions

import r1data
from r1data.building import Build
from r1data.errors import R1DataError, RowDrop
from r1data.media.archives import stream_tar, tar_members, unpack_zip, zip_members
from r1data.recipe import load_recipe
from r1data.release.layout import read_head
from r1data.sources.catalogue import load_card
from r1data.sources.reading import read_rows

REFUSALS = (R1DataError, RowDrop)


def listing(folder: Path) -> set[str]:
    """Every path below a folder."""
    return {str(path) for path in folder.rglob("*")}


def swallow(kind: str, data: bytes, folder: Path) -> None:
    """Feed one input to everything that reads its kind. Anything but a refusal fails the test."""
    readers = {"text": texts, "parquet": parquets, "zip": zips, "tar": tars}
    readers[kind](data, folder)


def texts(data: bytes, folder: Path) -> None:
    for ending in ("json", "jsonl", "csv", "yaml"):
        path = folder / f"in.{ending}"
        path.write_bytes(data)
        for read in (load_recipe, card_at) if ending == "yaml" else (rows_of,):
            refused(read, path)
    (folder / "README.md").write_bytes(b"---\n" + data + b"\n---\n")
    refused(read_head, folder)


def refused(read: Callable[..., object], *given: object) -> None:
    """Let a reader have something; refusing it is as good as reading it."""
    try:
        read(*given)
    except REFUSALS as refusal:
        assert str(refusal)


def card_at(path: Path) -> None:
    load_card(str(path))


def rows_of(path: Path) -> None:
    for count, _ in enumerate(read_rows(path)):
        assert count < 10_000_000


def parquets(data: bytes, folder: Path) -> None:
    path = folder / "in.parquet"
    path.write_bytes(data)
    refused(rows_of, path)


def zips(data: bytes, folder: Path) -> None:
    def read() -> None:
        for member in zip_members(io.BytesIO(data), "in.zip"):
            assert (folder / member.name).resolve().is_relative_to(folder.resolve())
            refused(unpack_zip, data[member.start : member.stop], member, "in.zip")

    refused(read)


def tars(data: bytes, folder: Path) -> None:
    def place(name: str) -> Path:
        target = folder / "out" / name
        assert target.resolve().is_relative_to(folder.resolve())
        return target

    refused(tar_members, io.BytesIO(data), "in.tar")
    refused(lambda: list(stream_tar(io.BytesIO(data), "in.tar.gz", place, lambda: len(data))))


@pytest.mark.parametrize("kind", ["text", "parquet", "zip", "tar"])
def test_no_reader_does_more_than_refuse(kind: str, tmp_path: Path) -> None:
    feed(kind, range(int(os.environ.get("R1DATA_HOSTILE", "40"))), tmp_path)


def feed(kind: str, seeds: range, tmp_path: Path) -> None:
    """Feed many inputs of a kind, and look that nothing came to lie beside the folder."""
    folder = tmp_path / "inside"
    folder.mkdir()
    before = listing(tmp_path) - listing(folder)
    for seed in seeds:
        swallow(kind, KINDS[kind](random.Random(seed)), folder)
    assert listing(tmp_path) - listing(folder) == before


def build_of_strangers(tmp_path: Path, seed: int, count: int) -> Build:
    """Build frames of hostile questions; the rest of the folder must stay as it was."""
    questions(seed, count, tmp_path)
    recipe = tmp_path / "own.yaml"
    recipe.write_text(
        "pipeline: cot\nname: own\nsources: {own: {path: questions.json, media_root: clips}}\n"
        "teacher: {model: offline}\nrun: {lanes: [{url: offline}]}\n"
    )
    before = listing(tmp_path)
    build = r1data.build(recipe, out=tmp_path / "b", engine="inline", until="frames")
    made = {path for path in listing(tmp_path) - before if not path.startswith(str(tmp_path / "b"))}
    assert made == set()
    assert build.tally is not None
    assert build.tally.set_aside == []
    return build


def test_hostile_media_and_names_drop_their_own_rows(tmp_path: Path) -> None:
    build = build_of_strangers(tmp_path, seed=3, count=24)
    rows = build.table("frames").collect().to_dicts()
    assert len(rows) == 24
    assert all(row["drop_reason"] and row["drop_detail"] for row in rows)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_hundred_hostile_questions_end_with_a_reason_each(tmp_path: Path) -> None:
    build = build_of_strangers(tmp_path, seed=11, count=200)
    rows = build.table("frames").collect().to_dicts()
    assert len(rows) == 200
    assert all(row["drop_reason"] and row["drop_detail"] for row in rows)
