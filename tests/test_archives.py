"""Archives that nobody should trust: each kind of hostile entry is refused by its name."""

import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from upstreams import tarred, zipped

from r1data.errors import InputError, RowDrop
from r1data.media import archives
from r1data.media.archives import Member, stream_tar, tar_members, unpack_zip, zip_members


def zip_with(*infos: tuple[zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for info, data in infos:
            info.compress_type = method
            file.writestr(info, data)
    return out.getvalue()


def named(name: str, mode: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x")
    info.filename = name
    info.external_attr = mode << 16
    return info


def encrypted() -> bytes:
    data = bytearray(zipped({"a.mp4": b"secret"}))
    for mark in (b"PK\x01\x02", b"PK\x03\x04"):
        at = data.index(mark) + (8 if mark[2] == 1 else 6)
        data[at] |= 1
    return bytes(data)


def overlapping() -> bytes:
    """Two entries of the directory that name the same bytes."""
    data = bytearray(zipped({"aaaa.mp4": b"x" * 100, "bbbb.mp4": b"y" * 100}))
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 4)
    data[second + 42 : second + 46] = (10).to_bytes(4, "little")
    return bytes(data)


def renamed(old: bytes, new: bytes) -> bytes:
    return zipped({old.decode(): b"x"}).replace(old, new)


BOMB = zip_with((named("bomb.txt"), bytes(30_000_000)), method=zipfile.ZIP_DEFLATED)
ZIPS = {
    "absolute": (zip_with((named("/etc/passwd"), b"x")), "/etc/passwd", "absolute"),
    "drive": (zip_with((named("C:/a.mp4"), b"x")), "C:/a.mp4", "absolute"),
    "parent": (zip_with((named("a/../../b.mp4"), b"x")), "a/../../b.mp4", "out of its folder"),
    "backslash": (renamed(b"a_b.mp4", b"a\\b.mp4"), "b.mp4", "backslash"),
    "nul": (renamed(b"a_b.mp4", b"a\x00b.mp4"), "b.mp4", "control character"),
    "link": (zip_with((named("l", stat.S_IFLNK | 0o777), b"/etc")), "'l'", "is a link"),
    "device": (zip_with((named("d", stat.S_IFBLK | 0o600), b"")), "'d'", "is a device"),
    "pipe": (zip_with((named("p", stat.S_IFIFO | 0o600), b"")), "'p'", "is a device or a pipe"),
    "encrypted": (encrypted(), "a.mp4", "encrypted"),
    "double by case": (zipped({"a/B.mp4": b"1", "a/b.mp4": b"2"}), "a/b.mp4", "stands twice"),
    "file and folder": (zipped({"a": b"1", "a/b.mp4": b"2"}), "'a'", "a file and a folder"),
    "overlap": (overlapping(), "bbbb.mp4", "overlaps 'aaaa.mp4'"),
    "ratio": (BOMB, "bomb.txt", "times its size"),
    "long name": (zip_with((named("n" * 2000), b"x")), "nnn...", "2000 characters"),
    "method": (
        zip_with((named("z.mp4"), b"x" * 99), method=zipfile.ZIP_BZIP2), "z.mp4", "method 12"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(ZIPS))
def test_a_hostile_zip_is_refused_by_the_name_of_its_entry(kind: str) -> None:
    data, name, why = ZIPS[kind]
    with pytest.raises(InputError) as caught:
        zip_members(io.BytesIO(data), "clips.zip")
    assert "clips.zip: " in str(caught.value)
    assert name in str(caught.value)
    assert why in str(caught.value)


def test_limits_of_member_total_and_count_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    data = zipped({"a.mp4": b"x" * 600, "b.mp4": b"y" * 600})
    for limit, value, why in (
        ("MOST_BYTES", 500, "would unpack to 600 bytes"),
        ("MOST_IN_ALL", 1000, "1,200 bytes in all"),
        ("MOST_ENTRIES", 1, "2 entries, more than 1"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(archives, limit, value)
            with pytest.raises(InputError, match=why):
                zip_members(io.BytesIO(data), "clips.zip")


def tar_with(change: Callable[[tarfile.TarInfo], None], name: str = "a.mp4") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        info = tarfile.TarInfo(name)
        change(info)
        file.addfile(info, io.BytesIO(b"x" * info.size))
    return out.getvalue()


def kind(code: bytes, target: str = "") -> Callable[[tarfile.TarInfo], None]:
    def change(info: tarfile.TarInfo) -> None:
        info.type, info.linkname = code, target

    return change


TARS = {
    "absolute": (tar_with(lambda _: None, "/etc/passwd"), "absolute"),
    "parent": (tar_with(lambda _: None, "../b.mp4"), "out of its folder"),
    "symlink": (tar_with(kind(tarfile.SYMTYPE, "/etc")), "is a link to '/etc'"),
    "hardlink": (tar_with(kind(tarfile.LNKTYPE, "/etc/hostname")), "is a link"),
    "device": (tar_with(kind(tarfile.CHRTYPE)), "is a device"),
    "pipe": (tar_with(kind(tarfile.FIFOTYPE)), "is a device, a pipe"),
}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", list(TARS))
def test_a_hostile_tar_is_refused_by_the_name_of_its_entry(name: str, streamed: bool) -> None:
    data, why = TARS[name]
    with pytest.raises(InputError, match=why):
        if streamed:
            list(stream_tar(io.BytesIO(data), "c.tar", lambda _: Path("out"), lambda: len(data)))
        else:
            tar_members(io.BytesIO(data), "c.tar")
    assert not Path("out").exists()


def test_a_packed_tar_that_swells_is_refused_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "SMALL", 1 << 10)
    data = tarred({f"{i}.bin": bytes(40_000_000) for i in range(3)}, packed=True)
    with pytest.raises(InputError, match="bytes in all"):
        list(stream_tar(io.BytesIO(data), "c.tar.gz", lambda _: None, lambda: len(data)))


def test_a_cut_archive_is_named() -> None:
    whole = zipped({"a.mp4": b"x" * 1000})
    with pytest.raises(InputError, match=r"c\.zip: not a whole zip"):
        zip_members(io.BytesIO(whole[:500]), "c.zip")
    with pytest.raises(InputError, match=r"c\.tar\.gz: not a whole tar"):
        data = tarred({"a.mp4": b"x" * 100_000}, packed=True)[:200]
        list(stream_tar(io.BytesIO(data), "c.tar.gz", lambda _: None, lambda: 1))


def test_an_honest_zip_gives_back_its_members() -> None:
    members = {"a/1.mp4": b"one" * 50, "a/2.png": bytes(9000), "é.txt": b"three"}
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        data = zipped(members, method)
        found = zip_members(io.BytesIO(data), "c.zip")
        assert {m.name: unpack_zip(data[m.start : m.stop], m, "c.zip") for m in found} == members


def test_a_member_larger_or_other_than_its_directory_says_is_not_taken() -> None:
    data = zipped({"a.mp4": b"one" * 50}, zipfile.ZIP_DEFLATED)
    member = zip_members(io.BytesIO(data), "c.zip")[0]
    small: Member = member._replace(size=10)
    with pytest.raises(InputError, match="larger than it says"):
        unpack_zip(data, small, "c.zip")
    with pytest.raises(RowDrop, match="CRC"):
        unpack_zip(data, member._replace(crc=1), "c.zip")
    with pytest.raises(InputError, match="another name"):
        unpack_zip(data, member._replace(name="b.mp4"), "c.zip")
