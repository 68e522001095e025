"""Zips that zip itself has split (x.z01, x.z02, x.zip): what zipfile does not know about them."""

import io
import zipfile
from collections.abc import Sequence
from typing import IO, cast

# The end of a directory, without its comment; the place of zip64's end; that end (APPNOTE 4.3.14).
END, LOCATOR, END64 = 22, 20, 56
COMMENT = (1 << 16) - 1


class Patched(io.RawIOBase):
    """A file in which some bytes are others."""

    def __init__(self, file: IO[bytes], at: int, data: bytes) -> None:
        self.file, self.begin, self.data = file, at, data

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def read(self, size: int | None = -1) -> bytes:
        at = self.file.tell()
        found = bytearray(self.file.read(-1 if size is None else size))
        low, high = max(at, self.begin), min(at + len(found), self.begin + len(self.data))
        if low < high:
            found[low - at : high - at] = self.data[low - self.begin : high - self.begin]
        return bytes(found)


def ending(file: IO[bytes]) -> tuple[bytes, int, int]:
    """Return the end of a zip, where it begins in the file, and where the directory's end is."""
    size = file.seek(0, io.SEEK_END)
    begin = max(0, size - COMMENT - END - LOCATOR - END64)
    file.seek(begin)
    data = file.read()
    at = data.rfind(b"PK\x05\x06")
    if at < 0:
        raise zipfile.BadZipFile("File is not a zip file")
    return data, begin, at


def as_one_part(file: IO[bytes]) -> IO[bytes]:
    """Return a split zip that says of itself that it has one part: zipfile refuses several."""
    data, begin, at = ending(file)
    locator = data[max(0, at - LOCATOR) : at]
    if not locator.startswith(b"PK\x06\x07"):
        return file
    one = locator[:4] + bytes(4) + locator[8:16] + (1).to_bytes(4, "little")
    return cast(IO[bytes], Patched(file, begin + at - LOCATOR, one))


def directory_part(file: IO[bytes]) -> int:
    """Return in which part of a split zip its directory begins, from 0."""
    data, _, at = ending(file)
    end64 = data[max(0, at - LOCATOR - END64) : at]
    if end64.startswith(b"PK\x06\x06"):
        return int.from_bytes(end64[20:24], "little")
    return int.from_bytes(data[at + 6 : at + 8], "little")


def count_from_first(
    found: Sequence[zipfile.ZipInfo], starts: Sequence[int], directory: int
) -> None:
    """Make the offsets of a split zip, which count from each part, count from the first part.

    zipfile takes them for offsets in the part of the directory.
    """
    parts, last = len(starts) - 1, max([directory, *(info.volume for info in found)])
    if last >= parts:
        raise zipfile.BadZipFile(f"it was split into {last + 1} parts, and {parts} are there")
    for info in found:
        info.header_offset += starts[info.volume] - starts[directory]
