"""Archives that others made: their entries are checked before any is read, and read one by one.

Python's own modules are no guard: tarfile follows links out of the folder, zipfile renames entries
silently, overwrites one of two names that differ by case, and has no limit on size.
"""

import bz2
import gzip
import io
import lzma
import re
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO, NamedTuple, cast

from r1data.errors import InputError, RowDrop
from r1data.grid.drops import Drop
from r1data.grid.shards import replace_file
from r1data.media.spanned import as_one_part, count_from_first, directory_part

# The longest clips of the known sources weigh some hundred MB and the largest archive 100 GB; media
# compress by a tenth at most, texts by twenty. One wrong entry means that the archive is not what
# it should be.
MOST_BYTES, MOST_IN_ALL, MOST_RATIO, MOST_ENTRIES = 1 << 34, 1 << 42, 200, 5_000_000
SMALL = 1 << 20  # below that size the ratio says nothing
# 255 bytes are what ext4, XFS, APFS and NTFS take; a temporary file beside it needs 50 more.
LONGEST_NAME, LONGEST_PART = 1024, 200
BLOCK = 1 << 18
# Stands in place of a zip's method of packing.
STORED_IN_TAR = -1
# Methods of zip that are not read, by number (APPNOTE 4.4.5).
METHODS = {9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstd", 95: "xz", 99: "AES encryption"}
UNPACK = "unpack it yourself and set sources.NAME.root to the folder"
LOCAL_HEADER = struct.Struct("<4s2B4HL2L2H")


class Member(NamedTuple):
    """A file in an archive: where its bytes begin, how many they are packed and unpacked.

    `start` is that of its header in a zip, of its bytes in a tar; `stop` is where the next begins.
    """

    name: str
    start: int
    stop: int
    packed: int
    size: int
    crc: int
    method: int


def refuse(archive: str, name: str, why: str) -> InputError:
    """Return the error about an entry that no honest archive has."""
    return InputError(f"{archive}: the entry {name!r} {why}: nothing of it was unpacked")


def check_name(archive: str, name: str) -> None:
    """Raise InputError where a name would leave its folder, or mean another one elsewhere."""
    parts = name.rstrip("/").split("/")
    if not name.strip("/"):
        raise refuse(archive, name, "has no name")
    if len(name) > LONGEST_NAME:
        raise refuse(archive, name[:60] + "...", f"has a name of {len(name)} characters")
    if name.startswith("/") or re.match(r"^[A-Za-z]:", name):
        raise refuse(archive, name, "has an absolute name")
    if "\\" in name:
        raise refuse(archive, name, "has a backslash in its name")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in name):
        raise refuse(archive, name, "has a control character in its name")
    if ".." in parts:
        raise refuse(archive, name, "leads out of its folder by '..'")
    if "" in parts or "." in parts[1:]:
        raise refuse(archive, name, "names a folder in two ways")
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in name):
        raise refuse(archive, name, "has a name that is no text")
    if max(len(part.encode()) for part in parts) > LONGEST_PART:
        raise refuse(archive, name[:60] + "...", "has a name that no file system takes")


def check_sizes(archive: str, members: Sequence[Member]) -> None:
    """Raise InputError where an entry, or all together, would unpack to more than is sane."""
    if len(members) > MOST_ENTRIES:
        raise InputError(f"{archive}: {len(members):,} entries, more than {MOST_ENTRIES:,}")
    for each in members:
        if each.size > MOST_BYTES:
            raise refuse(archive, each.name, f"would unpack to {each.size:,} bytes")
        if each.size > SMALL and each.size > MOST_RATIO * max(1, each.packed):
            raise refuse(
                archive,
                each.name,
                f"would unpack to {each.size // max(1, each.packed)} times its size",
            )
    total = sum(each.size for each in members)
    if total > MOST_IN_ALL:
        largest = max(members, key=lambda each: each.size)
        raise refuse(archive, largest.name, f"is part of {total:,} bytes in all")


def check_doubles(archive: str, names: Sequence[str], folders: Sequence[str]) -> None:
    """Raise InputError where two names are one, are one on other systems, or file and folder."""
    seen: dict[str, str] = {}
    for name in names:
        key = folded(name)
        if key in seen:
            raise refuse(archive, name, f"stands twice, also as {seen[key]!r}")
        seen[key] = name
    above = {folded(folder.rstrip("/")) for folder in folders}
    for name in names:
        above |= folders_of(name)
    both = sorted(above & seen.keys())
    if both:
        raise refuse(archive, seen[both[0]], "is a file and a folder")


def folded(name: str) -> str:
    """Return what macOS and Windows take names for: neither case nor composition counts."""
    return unicodedata.normalize("NFC", name).casefold()


def folders_of(name: str) -> set[str]:
    """Return the folders that a name needs, folded."""
    parts = folded(name).split("/")
    return {"/".join(parts[:i]) for i in range(1, len(parts))}


def check_overlaps(archive: str, members: Sequence[Member]) -> None:
    """Raise InputError where the bytes of two entries overlap."""
    ordered = sorted(members, key=lambda each: each.start)
    for one, other in pairwise(ordered):
        if one.start + one.packed > other.start:
            raise refuse(archive, other.name, f"overlaps {one.name!r}")


def zip_members(file: IO[bytes], archive: str, starts: Sequence[int] = ()) -> list[Member]:
    """Read a zip's directory and check all of it. Raises InputError naming archive and entry.

    `starts` tells where the parts of a zip begin that zip itself has split.
    """
    try:
        opened = zipfile.ZipFile(as_one_part(file) if starts else file)
        found, end = opened.infolist(), opened.start_dir
        if starts:
            count_from_first(found, starts, directory_part(file))
    except (zipfile.BadZipFile, struct.error, NotImplementedError, EOFError) as problem:
        raise InputError(f"{archive}: not a whole zip: {problem}") from problem
    for info in found:
        check_zip_entry(archive, info)
    files = [info for info in found if not info.is_dir()]
    starts = sorted(info.header_offset for info in found)
    after = dict(zip(starts, [*starts, end][1:], strict=True))
    members = [
        Member(
            info.filename,
            info.header_offset,
            after[info.header_offset],
            info.compress_size,
            info.file_size,
            info.CRC,
            info.compress_type,
        )
        for info in files
    ]
    check_members(archive, members, [info.filename for info in found if info.is_dir()])
    return members


def check_zip_entry(archive: str, info: zipfile.ZipInfo) -> None:
    """Check what a zip's directory says of one entry."""
    name = getattr(info, "orig_filename", info.filename)
    check_name(archive, name)
    kind = info.external_attr >> 16 & 0o170000
    if kind == 0o120000:
        raise refuse(archive, name, "is a link")
    if kind not in (0, 0o100000, 0o040000):
        raise refuse(archive, name, "is a device or a pipe")
    if info.flag_bits & 1:
        raise refuse(archive, name, f"is encrypted ({UNPACK})")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        method = f"method {info.compress_type}, {METHODS.get(info.compress_type, 'unknown')}"
        raise refuse(archive, name, f"is packed by {method} ({UNPACK})")


def check_members(archive: str, members: Sequence[Member], folders: Sequence[str]) -> None:
    """Run every check that looks at all entries together."""
    check_doubles(archive, [each.name for each in members], folders)
    check_sizes(archive, members)
    check_overlaps(archive, members)


def unpack_zip(data: bytes, member: Member, archive: str) -> bytes:
    """Return a member's bytes from those between its header and the next; size and CRC must fit."""
    if len(data) < LOCAL_HEADER.size or data[:4] != b"PK\x03\x04":
        raise refuse(archive, member.name, "does not begin where the directory says")
    fields = LOCAL_HEADER.unpack(data[: LOCAL_HEADER.size])
    begin = LOCAL_HEADER.size + fields[-2] + fields[-1]
    name = data[LOCAL_HEADER.size : LOCAL_HEADER.size + fields[-2]]
    if name not in (member.name.encode("utf-8"), member.name.encode("cp437", "replace")):
        raise refuse(archive, member.name, "has another name at its place")
    packed = data[begin : begin + member.packed]
    if member.method == zipfile.ZIP_DEFLATED:
        packed = inflate(packed, member, archive)
    if len(packed) != member.size or zlib.crc32(packed) != member.crc:
        raise RowDrop(Drop.BAD_CHECKSUM, f"{member.name} in {archive} is not what its CRC says")
    return packed


def inflate(packed: bytes, member: Member, archive: str) -> bytes:
    """Unpack at most as many bytes as are stated."""
    state = zlib.decompressobj(-15)
    try:
        data = state.decompress(packed, member.size + 1)
    except zlib.error as problem:
        raise RowDrop(Drop.BAD_CHECKSUM, f"{member.name} in {archive}: {problem}") from problem
    if len(data) > member.size:
        raise refuse(archive, member.name, "is larger than it says")
    return data


def tar_members(file: IO[bytes], archive: str) -> list[Member]:
    """Hop from header to header of a plain tar and check all of them."""
    members, folders = [], []
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for info in tar:
                check_tar_entry(archive, info)
                if info.isdir():
                    folders.append(info.name)
                    continue
                begin = info.offset_data
                size = info.size
                members.append(Member(info.name, begin, begin + size, size, size, 0, STORED_IN_TAR))
    except (tarfile.TarError, EOFError, ValueError) as problem:
        raise InputError(f"{archive}: not a whole tar: {problem}") from problem
    members = [each._replace(name=each.name.removeprefix("./")) for each in members]
    check_members(archive, members, folders)
    return members


def check_tar_entry(archive: str, info: tarfile.TarInfo) -> None:
    """Check what a tar's header says of one entry."""
    if info.name in (".", "./") and info.isdir():
        return
    if info.name == ".":
        raise refuse(archive, info.name, "has no name")
    check_name(archive, info.name)
    if info.issym() or info.islnk():
        raise refuse(archive, info.name, f"is a link to {info.linkname!r}")
    if not (info.isreg() or info.isdir()):
        raise refuse(archive, info.name, "is a device, a pipe or something else")
    if info.issparse():
        raise refuse(archive, info.name, "is sparse")
    if info.size > MOST_BYTES:
        raise refuse(archive, info.name, f"would unpack to {info.size:,} bytes")


def stream_tar(
    file: IO[bytes],
    archive: str,
    place: Callable[[str], Path | None],
    packed: Callable[[], int],
) -> Iterator[str]:
    """Unpack wanted members of a packed tar in the order in which they come; yield their names.

    `place` says where a member goes, or None; `packed` how many bytes were read so far. The caller
    stops when it has all: nothing after the last wanted member is read.
    """
    seen: set[str] = set()
    above: set[str] = set()
    total = 0
    try:
        with tarfile.open(fileobj=unpacked(file), mode="r|") as tar:
            for info in tar:
                check_tar_entry(archive, info)
                name = info.name.removeprefix("./")
                key = folded(name)
                if not info.isdir() and key in seen:
                    raise refuse(archive, name, "stands twice")
                seen |= set() if info.isdir() else {key}
                above |= folders_of(name) | ({key} if info.isdir() else set())
                if seen & ({key} | folders_of(name)) & above:
                    raise refuse(archive, name, "is a file and a folder")
                total += info.size
                if total > MOST_IN_ALL or total > 64 * SMALL + MOST_RATIO * packed():
                    raise refuse(archive, name, f"is part of {total:,} bytes in all")
                target = place(name) if info.isreg() else None
                if target is not None:
                    replace_file(target, lambda path, info=info: write_member(tar, info, path))
                    yield name
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError) as problem:
        raise InputError(f"{archive}: not a whole tar: {problem}") from problem
    except OSError as problem:
        if problem.errno is not None:  # a fault of the disk or the net
            raise
        raise InputError(f"{archive}: not a whole tar: {problem}") from problem


def unpacked(file: IO[bytes]) -> IO[bytes]:
    """Return what a packed file holds, read on as it is asked for.

    tarfile itself stops after the first of several streams, as pigz, pbzip2 and pixz write them.
    """
    reader = io.BufferedReader(cast(io.RawIOBase, file), BLOCK)
    head = reader.peek(6)[:6]
    if head.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=reader))
    if head.startswith(b"BZh"):
        return cast(IO[bytes], bz2.BZ2File(reader))
    if head.startswith((b"\xfd7zXZ", b"\x5d\0\0")):
        return cast(IO[bytes], lzma.LZMAFile(reader))
    return cast(IO[bytes], reader)


def write_member(tar: tarfile.TarFile, info: tarfile.TarInfo, path: Path) -> None:
    """Write a member block by block; its size must be what the header says."""
    body = tar.extractfile(info)
    assert body is not None
    count = 0
    with path.open("wb") as out:
        while block := body.read(BLOCK):
            count += len(block)
            out.write(block)
    if count != info.size:
        raise EOFError(f"{info.name} ends after {count:,} of {info.size:,} bytes")
