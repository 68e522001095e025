"""Archives as people cut and name them: every part is found, in the order of the cutting."""

import bz2
import gzip
import io
import itertools
import lzma
import random
import shutil
import string
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hub import Hub
from upstreams import tarred, zipped

from r1data.errors import InputError
from r1data.media.archive_kinds import PACKED, TAR, ZIP, archive_kind
from r1data.media.archives import unpack_zip, zip_members
from r1data.media.fetch import Remote
from r1data.media.finding import hint, loosely, members_for, only_ones
from r1data.media.members import bring_members, hints, open_archives
from r1data.media.parts import archives_of
from r1data.media.upstream import Upstream

PAIRS = [first + second for first, second in itertools.product(string.ascii_lowercase, repeat=2)]
SPLIT = PAIRS[: PAIRS.index("yz") + 1]
# The name of the whole, and its parts in order.
CUT = [
    ("a.zip", ["a.zip.001", "a.zip.002", "a.zip.003"]),
    ("a.zip", [f"a.zip.{i}" for i in range(1, 13)]),
    ("d/a.zip", ["d/a.zip.part_aa", "d/a.zip.part_ab"]),
    ("a.zip", ["a.zip.aa", "a.zip.ab"]),
    ("a.zip", ["a.zip_aa", "a.zip_ab"]),
    ("a.zip", ["a.zip-00", "a.zip-01"]),
    ("a.zip", ["a.zip.001of002", "a.zip.002of002"]),
    ("A.ZIP", ["A.ZIP.001", "A.ZIP.002"]),
    ("a.tar", ["a.tar.00", "a.tar.01"]),
    ("a.tar", [f"a.tar.{pair}" for pair in [*SPLIT, "zaaa", "zaab"]]),
    ("a.tar", [f"a.tar.{pair}" for pair in [*PAIRS, "zaaa"]]),
    ("a.tar", [f"a.tar.part{i:02}" for i in range(90)] + ["a.tar.part9000", "a.tar.part9001"]),
    ("a.tar", ["a.tar.part1of3", "a.tar.part2of3", "a.tar.part3of3"]),
    ("a.tar", ["a.tar.partaa", "a.tar.partab"]),
    ("a.tar", ["a.tar.chunk0", "a.tar.chunk1"]),
    ("a.tar.gz", ["a.tar.gz.part01", "a.tar.gz.part02"]),
    ("a.tar.gz", ["a.tar.gz.part_000", "a.tar.gz.part_001"]),
    ("a.tar.gz", ["a.tar.gz_part_00", "a.tar.gz_part_01"]),
    ("a.tar.gz", ["a.tar.gz-aa", "a.tar.gz-ab"]),
    ("a.tar.gz", ["a.tar.gzaa", "a.tar.gzab"]),
    ("a.tar.gz", ["a.tar.gz.AA", "a.tar.gz.AB"]),
    ("a.tar.gz", ["a.tar.gz.a", "a.tar.gz.b", "a.tar.gz.c"]),
    ("a.tar.gz", ["a.tar.gz.split-aa", "a.tar.gz.split-ab"]),
    ("a.tgz", ["a.tgz.00", "a.tgz.01"]),
    ("a.tgz", ["a.tgz00", "a.tgz01"]),
    ("a.tar.gz", ["a.tar.gz (part 1)", "a.tar.gz (part 2)"]),
    ("a.tar.gz", ["a.tar.gz.1-of-2", "a.tar.gz.2-of-2"]),
    ("x", [f"x{i:02}" for i in range(12)]),
    ("part1", [f"part{i}" for i in range(1, 13)]),
    ("part_aa", ["part_aa", "part_ab"]),
    ("d/part-00", ["d/part-00", "d/part-01"]),
    ("x", ["xaa", "xab", "xac"]),
    ("videos", ["videos.001", "videos.002"]),
    ("videos", ["videosaa", "videosab"]),
    ("clips", [f"clips-part-{i:02}" for i in range(12)]),
    ("a.zip", ["a.z01", "a.z02", "a.zip"]),
    ("A.ZIP", ["A.Z01", "A.ZIP"]),
    ("a.zip", [f"a.z{i:02}" for i in range(1, 101)] + ["a.zip"]),
]  # fmt: skip


@pytest.mark.parametrize("whole, parts", CUT, ids=lambda each: each[0] if each[1:] else None)
def test_parts_are_found_in_the_order_of_the_cutting(whole: str, parts: list[str]) -> None:
    listing = ["README.md", "q.json", *parts]
    random.Random(len(parts)).shuffle(listing)
    found = archives_of(sorted(parts), listing)
    assert [(cut.path, list(cut.parts)) for cut in found] == [(whole, parts)]
    assert found[0].spanned == (parts[-1].lower().endswith(".zip"))


def test_one_named_part_brings_the_others_along() -> None:
    listing = ["a.z01", "a.z02", "a.zip", "b.tar.gz.aa", "b.tar.gz.ab", "c.zip"]
    found = archives_of(["a.zip", "b.tar.gz.aa"], listing)
    assert [cut.parts for cut in found] == [tuple(listing[:3]), tuple(listing[3:5])]


ALONE = [
    ["a.zip", "a.zip.asc", "a.zip.md5", "a.zip.json"], ["v_1.tar.gz", "v_2.tar.gz", "v_10.tar.gz"],
    ["shard-00000-of-00002.tar", "shard-00001-of-00002.tar"], ["videos_2019"], ["a.zip.part"],
    ["b.tar.gz", "b.tar.xz", "b.tar.zst", "b.tar.Z"], ["media", "clips", "movies"], ["p.part1.zip"],
]  # fmt: skip


@pytest.mark.parametrize("names", ALONE, ids=lambda names: names[0])
def test_files_that_are_not_parts_stay_alone(names: list[str]) -> None:
    assert [cut.parts for cut in archives_of(names, names)] == [(name,) for name in names]


def test_a_packed_archive_is_not_taken_for_the_part_gz() -> None:
    found = archives_of(["b.tar.aa", "b.tar.ab", "b.tar.gz"], ["b.tar.aa", "b.tar.ab", "b.tar.gz"])
    assert [cut.parts for cut in found] == [("b.tar.aa", "b.tar.ab"), ("b.tar.gz",)]


@pytest.mark.parametrize(
    "names, lost",
    [
        (["a.zip.001", "a.zip.003"], "a.zip.002"), (["a.zip.002", "a.zip.003"], "a.zip.001"),
        (["a.tar.aa", "a.tar.ac"], "a.tar.ab"), (["a.tar.ab", "a.tar.ac"], "a.tar.aa"),
        (["a.tar.gz.part_09", "a.tar.gz.part_11"], "a.tar.gz.part_01"),
        (["a.tar.az", "a.tar.aa", "a.tar.bb"], "a.tar.ab"),
        (["a.tar.part1of3", "a.tar.part2of3"], "a.tar.part3of3"),
        (["a.z01", "a.z02"], "a.zip"), (["a.z01", "a.z03", "a.zip"], "a.z02"),
    ],
)  # fmt: skip
def test_a_missing_part_is_named(names: list[str], lost: str) -> None:
    with pytest.raises(InputError) as caught:
        archives_of(names, names)
    assert f"part {lost} is missing" in str(caught.value)


def test_content_decides_where_the_name_lies() -> None:
    tar = tarred({"a.mp4": b"x"})
    for data, kind in (
        (tar, TAR), (gzip.compress(tar), PACKED), (bz2.compress(tar), PACKED),
        (lzma.compress(tar), PACKED), (zipped({"a.mp4": b"x"}), ZIP), (zipped({}), ZIP),
    ):  # fmt: skip
        assert archive_kind(data[:512], "a.bin") == kind


@pytest.mark.parametrize(
    "head, what",
    [
        (b"7z\xbc\xaf'\x1c", "7z archive.*`7z x v.bin`"), (b"Rar!\x1a\x07", "rar archive.*unrar"),
        (b"\x28\xb5\x2f\xfd", "zstd.*tar --zstd"), (b"\x04\x22\x4d\x18", "lz4"), (b"LZIP", "lzip"),
        (b"<?xml version", "page of text"), (b"what is this", "neither zip nor tar"),
        (b"", "empty"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_called_what_it_is_with_what_to_do(head: bytes, what: str) -> None:
    data = head.ljust(600, b"x") if head else b""
    with pytest.raises(InputError, match=rf"^d/v\.bin is .*{what}") as caught:
        archive_kind(data[:512], "d/v.bin")
    assert "zip, tar, tar.gz, tar.bz2 and tar.xz are read" in str(caught.value)
    assert "sources.NAME.root" in str(caught.value)


@pytest.mark.parametrize(
    "head, what",
    [
        (b"version https://git-lfs.github.com/spec/v1", "`git lfs pull`"),
        (b"<!DOCTYPE html>", "page"),
    ],
)
def test_what_a_server_left_for_an_archive_is_called_so(head: bytes, what: str) -> None:
    with pytest.raises(InputError, match=rf"^d/v\.bin is .*{what}"):
        archive_kind(head.ljust(512, b"x"), "d/v.bin")


def test_members_are_found_by_path_then_by_end_then_but_for_case_and_suffix() -> None:
    names = ["clips/1.mp4", "old/clips/1.mp4", "data/v/2.mp4", "v/3.MP4", "v/4.webm", "v/4.jpg"]
    exact = only_ones(members_for(["clips/1.mp4", "v/2.mp4", "v/3.mp4"], names))
    assert exact == {"clips/1.mp4": "clips/1.mp4", "v/2.mp4": "data/v/2.mp4"}
    near = only_ones(members_for(["V/3.mp4", "v/4.mp4", "v/4.png"], names, loosely))
    assert near == {"V/3.mp4": "v/3.MP4", "v/4.mp4": "v/4.webm", "v/4.png": "v/4.jpg"}


def test_what_may_mean_two_members_is_none_and_both_are_named() -> None:
    names = ["train/1.jpg", "val/1.jpg", "x/7.srt", "in.zip"]
    assert only_ones(members_for(["1.jpg"], names)) == {}
    assert "2 files that it may mean: train/1.jpg, val/1.jpg" in hint("1.jpg", names, "a.zip")
    assert hint("v/7.mp4", names, "a.zip") == "a.zip holds x/7.srt"
    assert "holds the archive in.zip, and archives inside archives" in hint("9", names, "a.zip")


def split_zip(members: Mapping[str, bytes], parts: int) -> list[bytes]:
    """A zip as `zip -s` splits it: each entry says its part, and its place in that part."""
    data = bytearray(b"PK\x07\x08" + zipped({}))[:4]
    starts, directory, order = [0], bytearray(), list(members)
    for at, name in enumerate(order):
        if at and at % -(-len(order) // parts) == 0:
            starts.append(len(data) - 7)  # cut inside the entry before
        whole = zipped({name: members[name]})
        entry = whole.index(b"PK\x01\x02")
        record = bytearray(whole[entry : whole.index(b"PK\x05\x06")])
        disk = len(starts) - 1
        record[34:36] = disk.to_bytes(2, "little")
        record[42:46] = (len(data) - starts[disk]).to_bytes(4, "little")
        data += whole[:entry]
        directory += record
    last, count = len(starts) - 1, len(order).to_bytes(2, "little")
    end = b"PK\x05\x06" + last.to_bytes(2, "little") * 2 + count * 2
    end += len(directory).to_bytes(4, "little")
    end += (len(data) - starts[last]).to_bytes(4, "little") + b"\0\0"
    edges = [*starts, len(data)]
    found = [bytes(data[low:high]) for low, high in itertools.pairwise(edges)]
    return [*found[:-1], found[-1] + bytes(directory) + end]


MEMBERS = {f"pics/{i}.png": random.Random(i).randbytes(3_000 + 700 * i) for i in range(6)}


def read_back(parts: Sequence[bytes], members: Mapping[str, bytes]) -> None:
    data = b"".join(parts)
    starts = list(itertools.accumulate(map(len, parts), initial=0))
    found = zip_members(io.BytesIO(data), "a.zip", starts)
    assert {m.name: unpack_zip(data[m.start : m.stop], m, "a.zip") for m in found} == members


def test_a_zip_that_zip_has_split_gives_back_its_members() -> None:
    read_back(split_zip(MEMBERS, 3), MEMBERS)
    with pytest.raises(InputError, match="split into 3 parts, and 2 are there"):
        parts = split_zip(MEMBERS, 3)
        zip_members(io.BytesIO(b"".join(parts)), "a.zip", [0, 9, len(b"".join(parts))])


@pytest.mark.skipif(shutil.which("zip") is None, reason="the program zip is absent")
@pytest.mark.parametrize("form", ["", "-fz"], ids=["zip", "zip64"])
def test_what_zip_itself_splits_gives_back_its_members(form: str, tmp_path: Path) -> None:
    members = {f"{i}.bin": random.Random(i).randbytes(60_000) for i in range(4)}
    for name, data in members.items():
        (tmp_path / name).write_bytes(data)
    command = ["zip", "-q", *filter(None, [form]), "-s", "64k", "a.zip", *members]
    subprocess.run(command, cwd=tmp_path, check=True)
    names = [path.name for path in tmp_path.glob("a.z*")]
    (cut,) = archives_of(["a.zip"], names)
    assert cut.spanned and len(cut.parts) == 4
    read_back([(tmp_path / name).read_bytes() for name in cut.parts], members)


@pytest.mark.parametrize("change", ["encrypted", "bzip2"])
def test_zips_that_are_not_read_say_what_to_do(change: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_BZIP2) as file:
        file.writestr("a.mp4", b"x" * 99)
    data = bytearray(out.getvalue())
    if change == "encrypted":
        data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(InputError, match=rf"{change}.*unpack it yourself and set sources"):
        zip_members(io.BytesIO(bytes(data)), "a.zip")


def cut_in(data: bytes, names: Sequence[str]) -> dict[str, bytes]:
    """Cut bytes into equal parts."""
    step = -(-len(data) // len(names))
    return {name: data[i * step : (i + 1) * step] for i, name in enumerate(names)}


HALVES = [{name: MEMBERS[name] for name in list(MEMBERS)[i::2]} for i in range(2)]
RENAMED = {name.upper().replace("PNG", "JPEG"): data for name, data in MEMBERS.items()}
DEEPER = {f"data/{name}": data for name, data in MEMBERS.items()}
LAYOUTS = {
    "spanned": dict(zip(["a.z01", "a.z02", "a.zip"], split_zip(MEMBERS, 3), strict=True)),
    "tar.gz in parts": cut_in(tarred(MEMBERS, packed=True), ["a.tar.gz.aa", "a.tar.gz.ab"]),
    "tar in parts": cut_in(tarred(MEMBERS), ["a.tar.part_0", "a.tar.part_1", "a.tar.part_2"]),
    "parts that are tars": {f"x_part{i}.tar": tarred(half) for i, half in enumerate(HALVES)},
    "parts that are zips": {f"x.zip.{i}": zipped(half) for i, half in enumerate(HALVES)},
    "parts before the ending": cut_in(tarred(MEMBERS), ["x.part1.tar", "x.part2.tar"]),
    "tar named tar.gz": {"a.tar.gz": tarred(MEMBERS)},
    "tar.gz named tar": {"a.tar": tarred(MEMBERS, packed=True)},
    "zip named tar": {"a.tar": zipped(MEMBERS)},
    "parts packed one by one": {
        name: gzip.compress(data)
        for name, data in cut_in(tarred(MEMBERS), ["a.tar.part0.gz", "a.tar.part1.gz"]).items()
    },
    "parts that are tar.gz": {f"x_part{i}.tgz": tarred(HALVES[i], packed=True) for i in range(2)},
    "packed in several streams": {
        "a.tar.bz2": b"".join(map(bz2.compress, cut_in(tarred(MEMBERS), "abc").values()))
    },
    "upper case": {"A.TGZ": tarred(MEMBERS, packed=True)},
    "other case and suffix": {"a.zip": zipped(RENAMED)},
    "other case and suffix, packed": {"a.tar.gz": tarred(RENAMED, packed=True)},
    "one folder more, packed": {"a.tar.gz": tarred(DEEPER, packed=True)},
}  # fmt: skip


def brought(hub: Hub, files: Mapping[str, bytes], uris: Sequence[str]) -> str:
    """Bring members as a build does; return what the archives say about those that are missing."""
    oid = hub.commit("u/n", dict(files))
    url = f"{hub.url}/datasets/u/n/resolve/{oid}"
    remotes = {path: Remote(f"{url}/{path}", len(data)) for path, data in files.items()}
    archives, left = [], list[str]()
    # One shard of a build after the other.
    for uri in uris:
        archives = list(open_archives(sorted(files), Upstream(Path("media"), oid, remotes), ""))
        left.append(uri)
        for loose, archive in itertools.product((False, True), archives):
            assert bring_members(archive, left, lambda: set(uris), loose) == {}
            left = [uri for uri in left if not (Path("media") / uri).is_file()]
    return "; ".join(text for archive in archives for text in hints(archive, left).values())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_brings_its_members(layout: str, hub: Hub) -> None:
    assert brought(hub, LAYOUTS[layout], list(MEMBERS)) == ""
    for uri, data in MEMBERS.items():
        assert (Path("media") / uri).read_bytes() == data


def test_of_parts_only_the_bytes_of_the_wanted_members_move(hub: Hub) -> None:
    members = {f"pics/{i}.png": random.Random(i).randbytes(100_000) for i in range(30)}
    names = ["a.z01", "a.z02", "a.zip"]
    files = dict(zip(names, split_zip(members, 3), strict=True))
    assert brought(hub, files, ["pics/3.png", "pics/28.png"]) == ""
    assert (Path("media") / "pics/28.png").read_bytes() == members["pics/28.png"]
    assert hub.sent("/cdn/") < 300_000


def test_a_lost_last_part_is_suspected_by_name(hub: Hub) -> None:
    files = cut_in(zipped(MEMBERS), ["a.zip.001", "a.zip.002", "a.zip.003"])
    del files["a.zip.003"]
    with pytest.raises(InputError, match=r"2 parts, a\.zip\.001 to a\.zip\.002: is a later part"):
        brought(hub, files, ["pics/1.png"])
