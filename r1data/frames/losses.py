"""Packets that are lost: decoders show an old image under a new time there, mostly without a word.

A recorder that drops packets, a broken transport stream or a cut without a key frame leaves images
that refer to what is not in the file. H.264 numbers its references, so a loss is proven; transport
streams count their packets, and FFmpeg marks it. Elsewhere only a gap in the times tells.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from r1data.frames.bits import units
from r1data.frames.rules import Clock

# A lost image makes a step twice as long as the others; rates that vary by half are no loss.
GAP = 1.75
# FFmpeg marks the packet before the one that is broken. Where two streams were joined a key frame
# follows these two, which are whole.
JOINED = 2
# Profiles whose sequence parameters tell the chroma format (H.264, 7.3.2.1.1).
HIGH = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
# FFmpeg's decoders of these begin at any image, and refer to grey.
MAKES_UP = frozenset(
    ["mpeg4", "msmpeg4v1", "msmpeg4v2", "msmpeg4v3", "h263", "flv1", "wmv1", "wmv2", "rv10", "rv20"]
)
# First bytes of a slice that surely hold its frame_num: four numbers of at most 32 bits.
SLICE_HEAD, SPS_HEAD = 24, 256


class Bits:
    """Reads the fields of an H.264 unit, without its emulation prevention bytes."""

    def __init__(self, unit: bytes) -> None:
        data = unit.replace(b"\0\0\3", b"\0\0")
        self.value, self.left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, count: int) -> int:
        """Return the next bits as a number. Raises ValueError at the end."""
        self.left -= count
        if self.left < 0:
            raise ValueError("the unit ends inside a field")
        return self.value >> self.left & (1 << count) - 1

    def ue(self) -> int:
        """Return an Exp-Golomb number (H.264, 9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

    def skip_ue(self, count: int) -> None:
        """Pass over Exp-Golomb numbers."""
        for _ in range(count):
            self.ue()


class Numbering(NamedTuple):
    """How a stream numbers its references."""

    bits: int
    planes: bool
    gaps_allowed: bool


def numbering_of(sps: bytes) -> Numbering:
    """Read a sequence parameter set, from behind the unit's first byte."""
    bits = Bits(sps[:SPS_HEAD])
    profile = bits.take(24) >> 16
    bits.ue()
    planes = False
    if profile in HIGH:
        chroma = bits.ue()
        planes = chroma == 3 and bits.take(1) == 1
        bits.skip_ue(2)
        bits.take(1)
        if bits.take(1):
            for at in range(12 if chroma == 3 else 8):
                skip_scaling(bits, 16 if at < 6 else 64)
    number_bits = bits.ue() + 4
    order = bits.ue()
    if order == 0:
        bits.ue()
    elif order == 1:
        bits.take(1)
        bits.skip_ue(2)
        bits.skip_ue(bits.ue())
    bits.ue()
    return Numbering(number_bits, planes, bits.take(1) == 1)


def skip_scaling(bits: Bits, size: int) -> None:
    """Pass over a scaling list (H.264, 7.3.2.1.1.1)."""
    last = following = 8
    if not bits.take(1):
        return
    for _ in range(size):
        if following:
            code = bits.ue()
            following = (last + ((code + 1) // 2 if code % 2 else -(code // 2))) % 256
        last = following or last


class Numbers:
    """Follows the numbers of H.264's references; `known` where the stream tells them."""

    def __init__(self, extradata: bytes | None) -> None:
        head = extradata or b""
        self.prefix = (head[4] & 3) + 1 if len(head) > 6 and head[0] == 1 else 0
        self.numbering: Numbering | None = None
        self.before: int | None = None
        if self.prefix:
            size = int.from_bytes(head[6:8], "big")
            self._learn(head[9 : 8 + size])
        else:
            self._split(head)

    @property
    def known(self) -> bool:
        """Tell whether a missing reference would be noticed."""
        return self.numbering is not None and not self.numbering.gaps_allowed

    def jumps(self, packet: Any) -> bool:
        """Take in the next packet; tell whether references before it are missing."""
        data = memoryview(packet)
        found = units(data, self.prefix) if self.prefix else self._split(bytes(data))
        for unit in found:
            kind = unit[0] & 31 if len(unit) else 0
            if kind == 7:
                self._learn(bytes(unit[1:]))
            elif kind in (1, 2, 5) and self.numbering is not None:
                return self._follow(bytes(unit[:SLICE_HEAD]))
        return False

    def _learn(self, sps: bytes) -> None:
        try:
            self.numbering = numbering_of(sps)
        except ValueError:
            self.numbering = None

    def _split(self, data: bytes) -> list[memoryview]:
        """Return the units between start codes; a slice's own bytes are not needed whole."""
        return [memoryview(each) for each in data.split(b"\0\0\1")[1:]]

    def _follow(self, slice_: bytes) -> bool:
        """Compare a slice's frame_num with the one before (H.264, 7.4.3)."""
        assert self.numbering is not None
        bits = Bits(slice_[1:])
        try:
            bits.skip_ue(3)
            bits.take(2 if self.numbering.planes else 0)
            number = bits.take(self.numbering.bits)
        except ValueError:
            return False
        before = 0 if slice_[0] & 31 == 5 else self.before
        if slice_[0] & 0x60:
            self.before = number
        if before is None or not self.known:
            return False
        return number not in (before, (before + 1) % (1 << self.numbering.bits))


class Losses:
    """Follows a clip's packets in decoding order."""

    def __init__(self, stream: Any) -> None:
        context = stream.codec_context
        self.codec = context.codec.canonical_name
        self.numbers = Numbers(context.extradata) if self.codec == "h264" else None
        self.started = self.shown = self.lost = False
        self.marked: list[int | None] = []  # times from a packet on that FFmpeg marks
        self.before: set[int | None] = set()  # times of images before the first key frame
        self.damaged: set[int | None] = set()  # times of images that refer to what is lost
        self.announced: set[int | None] = set()  # times of the images that the packets hold

    def follow(self, packet: Any) -> None:
        """Take in the next packet."""
        if not packet.size:
            return
        jumps = self.numbers is not None and self.numbers.jumps(packet)
        if packet.is_keyframe:
            self.started, self.lost, self.marked = True, False, []
        elif not self.started:
            self.before.add(packet.pts)
        elif jumps or len(self.marked) == JOINED:
            self.lost = True
            self.damaged.update(self.marked)
        if packet.is_corrupt or self.marked:
            self.marked.append(packet.pts)
        if self.lost:
            self.damaged.add(packet.pts)
        if self.started and not packet.is_discard:
            self.announced.add(packet.pts)

    def skips(self, frame: Any) -> bool:
        """Tell whether an image comes before the first key frame: made of nothing."""
        if frame.key_frame:
            self.shown = True
            self.before.clear()
        # An MP4 without key frames says by leaving out its list of them that all are.
        return frame.pts in self.before or (not self.shown and self.codec in MAKES_UP)

    @property
    def proven(self) -> bool:
        """Tell whether a loss cannot pass unseen, so that a gap in the times is none."""
        return self.codec == "hevc" or (self.numbers is not None and self.numbers.known)

    def first(self, times: list[int | None]) -> int | None:
        """Return the place of the first image that is lost, or refers to what is; else None."""
        found = [at for at, time in enumerate(times) if time in self.damaged]
        known = [time for time in times if time is not None]
        if self.codec == "hevc" and known:
            # FFmpeg gives no image where a reference is missing, and does not say so.
            lost = [t for t in self.announced - set(times) if t is not None and t > min(known)]
            found += [min(sum(t < min(lost) for t in known), len(times) - 1)] if lost else []
        return min(found, default=None)


def follows_gap(clock: Clock, keys: NDArray[np.int64], indices: NDArray[np.int64]) -> bool:
    """Tell whether an image that is taken stands between a gap in the times and a key frame."""
    steps = np.diff(clock.pts)
    if not len(steps):
        return False
    holes = np.flatnonzero(steps > GAP * np.median(steps)) + 1
    holes = holes[~np.isin(holes, keys)]
    # A group is what stands between two key frames; the first hole in it decides.
    groups = np.searchsorted(keys, holes, "right")
    first = {int(group): int(hole) for group, hole in zip(groups[::-1], holes[::-1], strict=True)}
    taken = zip(np.searchsorted(keys, indices, "right").tolist(), indices.tolist(), strict=True)
    return any(index >= first.get(group, index + 1) for group, index in taken)
