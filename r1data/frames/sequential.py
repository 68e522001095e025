"""Decode a whole clip in order: the reference that the other ways are held against."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from r1data.errors import RowDrop
from r1data.frames.ask import Ask, Frames, Images
from r1data.frames.cut import missing_bytes
from r1data.frames.losses import Losses, follows_gap
from r1data.frames.rules import Clock
from r1data.frames.shrink import Shrink
from r1data.frames.streams import opened
from r1data.grid.drops import Drop

LOST = "refers to packets that are lost, and would show an older picture"


class Pass(NamedTuple):
    """One walk through a clip: every picture's time and key flag, and the images asked for."""

    clock: Clock
    keys: NDArray[np.int64]
    images: dict[int, Images]
    first_damaged: int | None
    first_lost: int | None
    proven: bool


class Guess(NamedTuple):
    """Which pictures a clip's packets announce: their times and keys, true or not."""

    clock: Clock
    keys: NDArray[np.int64]


def guess_from(packets: list[Any], unit: Fraction) -> Guess:
    """Return what packets announce, in order of presentation where they tell it."""
    shown = [packet for packet in packets if not packet.is_discard]
    if all(packet.pts is not None for packet in shown):
        shown.sort(key=lambda packet: packet.pts)
    pts = [packet.pts for packet in shown]
    keys = [at for at, packet in enumerate(shown) if packet.is_keyframe]
    counted = None in pts or len(set(pts)) < len(pts)
    times = np.arange(len(pts)) if counted else np.array(pts)
    return Guess(Clock(times.astype(np.int64), unit), np.array(keys, np.int64))


def decode_all(ask: Ask, guess: Guess | None = None) -> Frames:
    """Return the frames of `ask` after a full pass.

    Which pictures there are is only known at the end, so the pass keeps those that would be
    taken if `guess` were true. Where it was not, a second pass takes the right ones.
    """
    hoped = guessed(ask, guess)
    seen = walk(ask, hoped)
    indices = ask.indices(seen.clock, seen.keys)
    if not hoped.issuperset(indices.tolist()):
        seen = walk(ask, set(indices.tolist()))
    refuse_broken(ask, seen, int(indices[-1]))
    images = np.stack([seen.images[int(at)] for at in indices])
    whole = seen.first_damaged is None and seen.first_lost is None and not missing_bytes(ask.path)
    backend = "pyav" if whole else "pyav+salvage"
    if not seen.proven and follows_gap(seen.clock, seen.keys, indices):
        backend += "+gap"
    return Frames(images, seen.clock.seconds(indices), indices, backend)


def refuse_broken(ask: Ask, seen: Pass, last: int) -> None:
    """Drop a clip that is damaged or lacks packets up to the last picture that is taken."""
    for at, what in ((seen.first_damaged, "is damaged"), (seen.first_lost, LOST)):
        if at is not None and at <= last and not ask.salvage:
            detail = f"{ask.path.name}: picture {at} {what} (on_error: salvage would keep it)"
            raise RowDrop(Drop.UNDECODABLE, detail)


def guessed(ask: Ask, guess: Guess | None) -> set[int]:
    """Return the positions that would be taken if `guess` were true."""
    if guess is None or not len(guess.clock.pts) or not len(guess.keys):
        return set()
    with contextlib.suppress(RowDrop):
        return set(ask.indices(*guess).tolist())
    return set()


def walk(ask: Ask, wanted: set[int]) -> Pass:
    """Decode everything once, keeping the images at `wanted`."""
    shrink, images = Shrink(ask), {}
    times: list[int | None] = []
    keys: list[int] = []
    damaged: int | None = None
    with opened(ask.path) as (container, stream):
        losses = Losses(stream)
        for frame in pictures(container, stream, losses, ask.salvage):
            at = len(times)
            if damaged is None and (frame is None or frame.is_corrupt):
                damaged = at
            if frame is None:
                continue
            times.append(frame.pts)
            if frame.key_frame:
                keys.append(at)
            if at in wanted:
                images[at] = shrink(frame)
        clock = clock_of(times, stream)
        first_lost = losses.first(times)
        # AVI tells no times of images: FFmpeg guesses them, one image off at a gap.
        proven = losses.proven and container.format.name != "avi"
    if not times:
        raise RowDrop(Drop.UNDECODABLE, f"{ask.path.name} holds no picture that can be decoded")
    return Pass(clock, np.array(keys, np.int64), images, damaged, first_lost, proven)


def pictures(container: Any, stream: Any, losses: Losses, salvage: bool) -> Iterator[Any]:
    """Yield every picture from the first key picture on.

    With `salvage`, None where a packet could not be decoded.
    """
    from av.error import FFmpegError

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
            losses.follow(packet)
            decoded = stream.decode(packet)
        except StopIteration:
            return
        except FFmpegError:
            if not salvage:
                raise
            yield None
            continue
        yield from (frame for frame in decoded if not losses.skips(frame))


def clock_of(times: list[int | None], stream: Any) -> Clock:
    """Return the presentation times, rising.

    A stream with more reordering than its decoder was told of comes out in a wrong order, which
    every sequential pass shares; its times are put in order. Times that are missing or repeated
    are counted from the rate instead.
    """
    told = [time for time in times if time is not None]
    known = sorted(set(continued(told, int(1 / stream.time_base))))
    if len(known) == len(times):
        return Clock(np.array(known, np.int64), stream.time_base)
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    return Clock(np.arange(len(times), dtype=np.int64), 1 / Fraction(rate))


def continued(times: list[int], second: int) -> list[int]:
    """Return times that go on where they jump back by over a second, as players show joined clips.

    Put in order, they would give images of the first clip the times of the second.
    """
    steps = np.diff(times)
    if not (steps < -second).any():
        return times
    usual, last, offset = int(np.median(steps)), times[0], 0
    made: list[int] = []
    for time in times:
        if time + offset < last - second:
            offset = last + usual - time
        made.append(time + offset)
        last = max(last, made[-1])
    return made
