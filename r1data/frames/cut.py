"""Files that end before their own structure says: half a download is no clip.

FFmpeg reads such a file to where it ends and calls that the end, so the pictures taken would be
those of another, shorter clip. MP4 and Matroska tell their sizes, so this needs no decoding.
"""

from pathlib import Path
from typing import BinaryIO

# Boxes that hold the pictures or their table; what follows them may be anybody's appendix.
MP4_BOXES = (b"moov", b"mdat", b"moof")
EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def missing_bytes(path: Path) -> int:
    """Return how many bytes a file lacks by its own account; 0 where it is whole, or tells none."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        file.seek(0)
        if head[4:8] in (b"ftyp", *MP4_BOXES):
            return max(0, mp4_end(file, size) - size)
        if head[:4] == EBML:
            return max(0, matroska_end(file) - size)
    return 0


def mp4_end(file: BinaryIO, size: int) -> int:
    """Return where the last box of pictures ends (ISO 14496-12, 4.2)."""
    at = end = 0
    while at + 8 <= size:
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1 and len(head) == 16:
            length = int.from_bytes(head[8:], "big")
        if length < 8:  # 0 stands for "to the end of the file"
            break
        at += length
        end = at if head[4:8] in MP4_BOXES else end
    return end


def matroska_end(file: BinaryIO) -> int:
    """Return where the segment ends (RFC 8794, 4.1); 0 for a live stream of unknown length."""
    file.seek(4)
    header = vint(file)
    if header is None:
        return 0
    file.seek(header, 1)
    if file.read(4) != SEGMENT:
        return 0
    length = vint(file)
    return 0 if length is None else file.tell() + length


def vint(file: BinaryIO) -> int | None:
    """Read EBML's variable length integer; None where all its bits say "unknown"."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    width = 9 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (1 << 8 - width) - 1]) + file.read(width - 1), "big")
    return None if value == (1 << 7 * width) - 1 else value
