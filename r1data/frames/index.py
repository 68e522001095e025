"""MP4's own table of pictures: read only the groups that hold a target, not the whole file.

The table tells decoding times and key pictures, not presentation times. A group that starts with a
true restart and shows nothing before it fills the same places in both orders, so the place of a
target inside its group follows once the group's packets are read.
"""

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from r1data.frames.ask import Ask, Frames
from r1data.frames.gop import Packets, Unproven, decode, glanced, glancer
from r1data.frames.rules import Clock, pick

# Below this, reading every packet costs less than ten milliseconds.
WORTH_FRAMES = 1500
# A packet of these codecs in MP4 always holds one shown picture; VP8, VP9 and AV1 may hide some.
CODECS = ("h264", "hevc")


class Index(NamedTuple):
    """The table of a stream: decoding times in units of `unit`, and the places of key pictures."""

    dts: NDArray[np.int64]
    keys: NDArray[np.int64]
    unit: Fraction


def index_of(container: Any, stream: Any) -> Index | None:
    """Return the table where it is complete, and long enough to be worth it."""
    entries = stream.index_entries
    whole = len(entries) == stream.frames and len(entries) >= WORTH_FRAMES
    if not whole or not container.format.name.startswith("mov"):
        return None
    if stream.codec_context.codec.canonical_name not in CODECS:
        return None
    listed = [(entry.timestamp, entry.is_keyframe, entry.is_discard) for entry in entries]
    dts, keys, discards = (np.array(column) for column in zip(*listed, strict=True))
    if discards.any() or not keys[0] or np.any(np.diff(dts) <= 0):
        return None
    return Index(dts.astype(np.int64), np.flatnonzero(keys), stream.time_base)


def take_indexed(ask: Ask, container: Any, stream: Any, index: Index) -> Frames:
    """Decode the targets of `ask`, reading their groups only, or raise Unproven."""
    if ask.start is not None or ask.end is not None:
        raise Unproven("a part of a clip needs the times of its pictures")
    total = len(index.dts)
    rate = (total - 1) / (int(index.dts[-1] - index.dts[0]) * index.unit)
    indices = pick(ask.rule, ask.count, total, index.keys, rate, ask.patch)
    # The first group holds the picture from which times count, whether or not it is taken.
    groups = np.unique(np.append(np.searchsorted(index.keys, indices, "right") - 1, 0))
    # An H.264 restart is shown first of its group, so its own packet suffices.
    alone = ask.rule == "keyframes" and stream.codec_context.codec.canonical_name == "h264"
    packets, places = read_groups(container, stream, index, groups, alone)
    order = packets.order()
    if np.any(np.diff(order[np.isin(order, np.flatnonzero(packets.key))]) <= 0):
        raise Unproven("groups that are not shown in the order of their decoding")
    held = np.searchsorted(places, indices)
    images = decode(ask, stream, packets, order[held])
    times = Clock(packets.pts[order], packets.unit).seconds(held)
    return Frames(images, times, indices, "pyav")


def read_groups(
    container: Any, stream: Any, index: Index, groups: NDArray[np.int64], alone: bool
) -> tuple[Packets, NDArray[np.int64]]:
    """Return the packets of groups, or just their keys, and the places in the clip they fill."""
    look = glancer(container, stream)
    edges = [*index.keys.tolist(), len(index.dts)]
    offset = first_offset(container, stream)
    held: list[Any] = []
    places: list[NDArray[np.int64]] = []
    for group in groups.tolist():
        first = edges[group]
        last = first + 1 if alone else edges[group + 1]
        packets = read_group(container, stream, index.dts[first:last].tolist(), offset)
        times = [packet.pts for packet in packets]
        if None in times or min(times) != times[0] or not look(memoryview(packets[0])).key:
            raise Unproven("a group that does not start with its first picture")
        held += packets
        places.append(np.arange(first, last))
    return glanced(held, look, index.unit), np.concatenate(places)


def first_offset(container: Any, stream: Any) -> int:
    """Return how far the first picture's presentation lies after its decoding."""
    packet = next(container.demux(stream))
    if packet.pts is None or packet.dts is None:
        raise Unproven("packets without a time")
    return packet.pts - packet.dts


def read_group(container: Any, stream: Any, dts: list[int], offset: int) -> list[Any]:
    """Read the packets with these decoding times, which follow each other in the file."""
    # The MP4 reader seeks by presentation time: by decoding time it lands a group too early.
    container.seek(dts[0] + offset, stream=stream)
    found: list[Any] = []
    for packet in container.demux(stream):
        if packet.dts is None or packet.dts > dts[-1]:
            break
        if packet.dts >= dts[0] and packet.size:
            found.append(packet)
        if packet.dts == dts[-1]:
            break
    if [packet.dts for packet in found] != dts:
        raise Unproven("the table and the packets disagree")
    return found
