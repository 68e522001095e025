"""What an archive is by its first bytes: names lie, and some kinds cannot be read."""

import tarfile
import zlib
from pathlib import PurePosixPath

from r1data.errors import InputError
from r1data.kinds import stand_in

# As many bytes as tell all kinds: a tar's first header.
HEAD = 512
ZIP, TAR, PACKED = "zip", "tar", "packed tar"
# PK, 7, 8 and PK00PK are what split zips begin with.
ZIPS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08", b"PK00PK")
PACKS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x5d\0\0")
# Mark, name, and the command that unpacks it.
UNREAD = (
    (b"7z\xbc\xaf'\x1c", "a 7z archive", "7z x {name}"),
    (b"Rar!", "a rar archive", "unrar x {name}"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", "tar --zstd -xf {name}"),
    (b"\x04\x22\x4d\x18", "packed with lz4", "lz4 -dc {name} | tar -x"),
    (b"LZIP", "packed with lzip", "tar --lzip -xf {name}"),
    (b"\x1f\x9d", "packed with compress", "tar -Zxf {name}"),
    (b"MSCF", "a cabinet file", "cabextract {name}"),
)
TEXTS = (b"<?xml", b'{"')


def archive_kind(head: bytes, archive: str) -> str:
    """Return ZIP, TAR or PACKED. Raises InputError that says what it is, and what to do."""
    if head.startswith(ZIPS):
        return ZIP
    if is_tar_header(head):
        return TAR
    if head.startswith(PACKS):
        return PACKED
    name = PurePosixPath(archive).name
    for mark, what, command in UNREAD:
        if head.startswith(mark):
            raise unread(archive, what, f"unpack it yourself (`{command.format(name=name)}`)")
    if stand_in(head):
        raise InputError(f"{archive} is {stand_in(head)}")
    if head.lstrip().lower().startswith(TEXTS):
        raise unread(archive, "a page of text and not an archive", "download it yourself")
    told = f"neither zip nor tar: it begins with {head[:8]!r}" if head else "empty"
    raise unread(archive, told, "are all its parts there? If so, unpack it yourself")


def starts_tar(head: bytes) -> bool:
    """Tell whether a packed file begins with a tar's header, as far as its first bytes tell.

    Parts of a tar that were packed one by one do not, but for the first.
    """
    if not head.startswith(b"\x1f\x8b"):
        return True
    try:
        data = zlib.decompressobj(31).decompress(head, HEAD)
    except zlib.error:
        return False
    return len(data) < HEAD or is_tar_header(data)


def unread(archive: str, what: str, step: str) -> InputError:
    """Return the error about an archive that is not read."""
    return InputError(
        f"{archive} is {what}; zip, tar, tar.gz, tar.bz2 and tar.xz are read, also in parts: {step}"
        " and set sources.NAME.root to the folder"
    )


def is_tar_header(head: bytes) -> bool:
    """Tell whether a block is the header of a tar's entry, or the end of an empty tar."""
    if len(head) < HEAD:
        return False
    if not any(head[:HEAD]):
        return True
    try:
        tarfile.TarInfo.frombuf(head[:HEAD], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
