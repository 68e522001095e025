"""A glance at a coded picture's first bytes: what a decoder may start at, and may leave out.

A container's own key flags do not suffice. An H.264 stream may mark pictures that are no full
restart, a VP8 or AV1 packet may show nothing, and FFmpeg's `skip_frame=NONREF` is not exact for
HEVC with temporal layers.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple


class Glance(NamedTuple):
    """What the first bytes of a packet tell about its picture."""

    key: bool  # decoding may start here, and every later trailing picture comes out right
    droppable: bool  # no other picture refers to it
    shown: bool = True  # the packet gives exactly one picture
    layer: int = 0  # HEVC's temporal layer


VOP = b"\0\0\1\xb6"
# A picture that is "not coded" is a start code and at most 8 bytes; a real one is longer.
EMPTY_VOP = 16

Reader = Callable[[memoryview], Glance]


def reader_of(codec: str, extradata: bytes | None) -> Reader | None:
    """Return how to read packets of `codec`, or None where nothing is known."""
    head = extradata or b""
    if codec == "h264" and len(head) > 4 and head[0] == 1:  # avcC, ISO 14496-15 5.3.3.1
        return lambda data: h264(data, (head[4] & 3) + 1)
    if codec == "hevc" and len(head) > 21 and head[0] == 1:  # hvcC, ISO 14496-15 8.3.3.1
        return lambda data: hevc(data, (head[21] & 3) + 1)
    return {"vp8": vp8, "vp9": vp9, "av1": av1, "mpeg4": mpeg4, "msmpeg4v3": msmpeg4}.get(codec)


def units(data: memoryview, prefix: int) -> Iterator[memoryview]:
    """Yield the NAL units of a packet whose units carry `prefix` bytes of length."""
    at = 0
    while at + prefix < len(data):
        size = int.from_bytes(data[at : at + prefix], "big")
        at += prefix
        yield data[at : at + size]
        at += size


def h264(data: memoryview, prefix: int) -> Glance:
    """H.264, table 7-1: type 5 is an IDR slice; nal_ref_idc 0 is never referred to."""
    key, referred, coded = False, False, 0
    for unit in units(data, prefix):
        kind = unit[0] & 31 if len(unit) else 0
        if 1 <= kind <= 5:
            coded += 1
            key = key or kind == 5
            referred = referred or unit[0] & 0x60 != 0
    return Glance(key, not referred, coded > 0)


def hevc(data: memoryview, prefix: int) -> Glance:
    """HEVC, table 7-1: types 16 to 21 restart; even types below 16 are not referred to.

    That holds inside one temporal layer only, so the layer is told too.
    """
    for unit in units(data, prefix):
        kind = unit[0] >> 1 & 63 if len(unit) > 1 else 63
        if kind < 32:
            layer = (unit[1] & 7) - 1
            return Glance(16 <= kind <= 21, kind < 16 and kind % 2 == 0, True, layer)
    return Glance(False, False, False)


def mpeg4(data: memoryview) -> Glance:
    """MPEG-4 part 2, 6.2.5: the picture's type stands behind its start code; 0 is I, 2 is B.

    Packed B-pictures (two in a packet, then an empty one) are told as not shown.
    """
    body = bytes(data)
    at = body.find(VOP)
    if at < 0 or at + EMPTY_VOP > len(body) or body.find(VOP, at + 4) >= 0:
        return Glance(False, False, False)
    kind = body[at + 4] >> 6
    return Glance(kind == 0, kind == 2)


def msmpeg4(data: memoryview) -> Glance:
    """Microsoft MPEG-4 version 3: two bits of type, 0 is I; there are no B-pictures."""
    return Glance(data[0] >> 6 == 0, False)


def vp8(data: memoryview) -> Glance:
    """VP8, RFC 6386 9.1: bit 0 is the inverse of the key flag, bit 4 is show_frame."""
    return Glance(data[0] & 1 == 0, False, data[0] & 16 != 0)


def vp9(data: memoryview) -> Glance:
    """VP9, annex B: a packet may hold several frames, of which one should be shown."""
    heads = [vp9_frame(frame[0]) for frame in vp9_frames(data) if len(frame)]
    shown = [glance for glance in heads if glance.shown]
    return Glance(heads[0].key if heads else False, False, len(shown) == 1)


def vp9_frames(data: memoryview) -> list[memoryview]:
    """Split a superframe by the index at its end."""
    last = data[-1]
    count, width = (last & 7) + 1, (last >> 3 & 3) + 1
    size = 2 + count * width
    if last & 0xE0 != 0xC0 or len(data) < size or data[-size] != last:
        return [data]
    index, frames, at = data[1 - size : -1], [], 0
    for i in range(count):
        length = int.from_bytes(index[i * width : (i + 1) * width], "little")
        frames.append(data[at : at + length])
        at += length
    return frames


def vp9_frame(first: int) -> Glance:
    """Read uncompressed_header() of one VP9 frame; profile 3 has one bit more."""
    bits = first << 1 if first & 0x30 == 0x30 else first
    if bits & 8:  # show_existing_frame
        return Glance(False, False, True)
    return Glance(bits & 4 == 0, False, bits & 2 != 0)


def av1(data: memoryview) -> Glance:
    """AV1, 5.9.2: in a temporal unit, count the frame headers that show a picture."""
    key, shown = False, 0
    for kind, body in av1_units(data):
        if kind not in (3, 6) or not len(body):  # OBU_FRAME_HEADER, OBU_FRAME
            continue
        existing, frame_type, show = body[0] >> 7, body[0] >> 5 & 3, body[0] >> 4 & 1
        shown += existing or show
        key = key or (not existing and frame_type == 0 and show == 1)
    return Glance(key, False, shown == 1)


def av1_units(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield type and payload of the open bitstream units in a packet (AV1, 5.3)."""
    at = 0
    while at < len(data):
        head = data[at]
        at += 2 if head & 4 else 1
        size = len(data) - at
        if head & 2:
            size, at = leb128(data, at)
        yield head >> 3 & 15, data[at : at + size]
        at += size


def leb128(data: memoryview, at: int) -> tuple[int, int]:
    """Read AV1's variable length integer at `at`; return it and the place after it."""
    value = 0
    for i in range(8):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 127) << 7 * i
        if byte < 128:
            break
    return value, at
