"""Groups of pictures: from a clip's packets, decode just what the targets need.

Every packet is read, none is decoded until the targets are known. A target needs the pictures
from its key picture to itself, in decoding order, without those that nobody refers to. Each
packet that is decoded must give exactly its own picture; if any does not, the clip is `Unproven`.
"""

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from r1data.frames.ask import Ask, Frames, Images
from r1data.frames.bits import Glance, Reader, reader_of
from r1data.frames.losses import Losses, follows_gap
from r1data.frames.rules import Clock
from r1data.frames.shrink import Shrink

# A larger file without a usable table is decoded in order instead of held in memory.
HELD_BYTES = 256 * 2**20
# Containers whose packets are whole pictures with their own times.
CONTAINERS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi")


class Unproven(Exception):
    """The packets do not prove which picture is which; only a sequential pass does."""


class Packets(NamedTuple):
    """A clip's packets in decoding order."""

    packets: list[Any]
    pts: NDArray[np.int64]
    key: NDArray[np.bool_]  # decoding may start here
    flagged: NDArray[np.bool_]  # the file calls it a key picture
    droppable: NDArray[np.bool_]
    discard: NDArray[np.bool_]  # decoded but not shown: cut away by an edit list
    unit: Fraction

    def order(self) -> NDArray[np.int64]:
        """Return the places in decoding order of the pictures in presentation order."""
        shown = np.flatnonzero(~self.discard)
        order = shown[np.argsort(self.pts[shown], kind="stable")]
        if np.any(np.diff(self.pts[order]) <= 0):
            raise Unproven("two pictures with one time")
        return order


def demuxed(container: Any, stream: Any) -> list[Any]:
    """Read all packets of a stream without decoding them."""
    if container.size > HELD_BYTES:
        raise Unproven("too large to be held in memory")
    return [packet for packet in container.demux(stream) if packet.size]


def scan(container: Any, stream: Any, packets: list[Any]) -> Packets:
    """Glance at all packets; Unproven where they do not tell enough."""
    known = glanced(packets, glancer(container, stream), stream.time_base)
    if not len(known.pts) or not known.key[0]:
        raise Unproven("no key picture at the start")
    return known


def glanced(packets: list[Any], look: Reader, unit: Fraction) -> Packets:
    """Return what the packets' first bytes tell."""
    if any(packet.pts is None or packet.is_corrupt for packet in packets):
        raise Unproven("packets without a time")
    glances = [look(memoryview(packet)) for packet in packets]
    if not all(glance.shown for glance in glances):
        raise Unproven("packets that show no picture")
    layered = any(glance.layer for glance in glances)
    return Packets(
        packets,
        np.array([packet.pts for packet in packets], np.int64),
        np.array([glance.key for glance in glances], bool),
        np.array([packet.is_keyframe for packet in packets], bool),
        np.array([glance.droppable and not layered for glance in glances], bool),
        np.array([packet.is_discard for packet in packets], bool),
        unit,
    )


def glancer(container: Any, stream: Any) -> Reader:
    """Return how to read this stream's packets."""
    codec = stream.codec_context.codec
    if container.format.name not in CONTAINERS:
        raise Unproven(container.format.name)
    if codec.intra_only:
        return lambda _: Glance(key=True, droppable=True)
    look = reader_of(codec.canonical_name, stream.codec_context.extradata)
    if look is None:
        raise Unproven(codec.canonical_name)
    return look


def take(ask: Ask, stream: Any, packets: Packets) -> Frames:
    """Decode the targets of `ask` from all packets of a clip, or raise Unproven."""
    order = packets.order()
    clock = Clock(packets.pts[order], packets.unit)
    indices = ask.indices(clock, np.flatnonzero(packets.flagged[order]))
    images = decode(ask, stream, packets, order[indices])
    keys = np.flatnonzero(packets.flagged[order])
    gap = not Losses(stream).proven and follows_gap(clock, keys, indices)
    backend = "pyav+gap" if gap else "pyav"
    return Frames(images, clock.seconds(indices), indices, backend)


def late(packets: Packets) -> int:
    """Return how many pictures at most are decoded before one that is shown before them."""
    pts = packets.pts
    ahead = np.maximum.accumulate(pts)
    held: int = 0
    for at in np.flatnonzero(pts < ahead):
        start = max(0, at - 64)
        held = max(held, int(np.count_nonzero(pts[start:at] > pts[at])))
    return held


def runs(packets: Packets, targets: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return the stretches [key, last] in decoding order that contain what the targets need."""
    keys = np.flatnonzero(packets.key)
    found: list[tuple[int, int]] = []
    for target in np.sort(targets):
        at = int(np.searchsorted(keys, target, "right")) - 1
        # A leading picture is shown before its key picture and refers to the group before.
        while at > 0 and packets.pts[target] < packets.pts[keys[at]]:
            at -= 1
        start = int(keys[at])
        if packets.pts[target] < packets.pts[start]:
            raise Unproven("a picture that refers to what stands before the clip")
        while found and start <= found[-1][1]:
            start = min(start, found.pop()[0])
        found.append((start, int(target)))
    return found


def decode(ask: Ask, stream: Any, packets: Packets, targets: NDArray[np.int64]) -> Images:
    """Return the images at `targets`, places in decoding order, as one array in that order."""
    shrink, images = Shrink(ask), {}
    wanted = set(targets.tolist())
    for first, last in runs(packets, targets):
        refuse_losses(stream, packets.packets[first : last + 1])
        span = np.arange(first, last + 1)
        trailing = packets.pts[span] >= packets.pts[first]
        kept = ~packets.droppable[span] | np.isin(span, targets)
        images |= decode_run(stream, packets, span[trailing & kept].tolist(), wanted, shrink)
    if late(packets) > stream.codec_context.reorder_depth:
        raise Unproven("more reordering than the decoder allows for: a full pass differs")
    return np.stack([images[int(time)] for time in packets.pts[targets]])


def refuse_losses(stream: Any, run: list[Any]) -> None:
    """Raise Unproven where packets are missing inside a stretch that starts with a key picture."""
    losses = Losses(stream)
    for packet in run:
        losses.follow(packet)
    if losses.damaged:
        raise Unproven("a picture that refers to a packet that is lost")


def decode_run(
    stream: Any, packets: Packets, needed: list[int], wanted: set[int], shrink: Shrink
) -> dict[int, Images]:
    """Decode one stretch, and check that every packet gave its own picture."""
    targets = {int(packets.pts[at]) for at in needed if at in wanted}
    seen: list[int] = []
    images: dict[int, Images] = {}
    stream.codec_context.flush_buffers()
    for packet in [*(packets.packets[at] for at in needed), None]:
        for frame in stream.decode(packet):
            if frame.is_corrupt or frame.pts is None:
                raise Unproven("a damaged picture")
            seen.append(frame.pts)
            if frame.pts in targets:
                images[frame.pts] = shrink(frame)
    if seen != sorted(int(packets.pts[at]) for at in needed if not packets.discard[at]):
        raise Unproven("a packet that gave no picture, or another one")
    return images
