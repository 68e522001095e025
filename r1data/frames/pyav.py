"""The default backend: decode only the groups of pictures that hold a target, and check them.

Three ways, each tried where the one before cannot prove which picture is which: the groups that
MP4's own table names, the groups found by reading every packet, and the whole clip decoded once in
order, which is always right.
"""

import contextlib

from r1data.frames.ask import Ask, Frames
from r1data.frames.gop import Unproven, demuxed, scan, take
from r1data.frames.index import index_of, take_indexed
from r1data.frames.sequential import Guess, decode_all, guess_from
from r1data.frames.streams import faults_as_drops, opened


def read(ask: Ask) -> Frames:
    """Return the frames that `ask` names."""
    with faults_as_drops(ask.path):
        guess: Guess | None = None
        if not ask.salvage:
            with opened(ask.path) as (container, stream):
                index = index_of(container, stream)
                if index is not None:
                    with contextlib.suppress(Unproven):
                        return take_indexed(ask, container, stream, index)
                    container.seek(0)
                with contextlib.suppress(Unproven):
                    packets = demuxed(container, stream)
                    guess = guess_from(packets, stream.time_base)
                    return take(ask, stream, scan(container, stream, packets))
        return decode_all(ask, guess)
