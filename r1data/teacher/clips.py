"""Whole clips instead of frames: for lanes whose server takes the pictures out of a file itself.

Which frames the model then sees is the server's choice. The key of a request stays that of our
frames, since lanes are how and not what: `run` never makes an answer anew.
"""

import mimetypes
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pybase64 import b64encode

from r1data.errors import RowDrop, UsageError

# Forms of media that send the file: as data:video/mp4, or as a file:// address for a local server.
WHOLE = ("video_mp4", "video_file")
# Servers that choose for themselves take two frames a second (Qwen-VL) or 32 in all (vLLM).
FRAMES_A_SECOND, LEAST_FRAMES = 2, 32


@dataclass(frozen=True)
class Clip:
    """One file; `settings` say where the source's files lie. Sides in pixels, 0 where unknown."""

    source: str
    uri: str
    settings: Mapping[str, Any]
    seconds: float
    width: int
    height: int

    def path(self) -> Path:
        """Return where the file is; raises RowDrop where it is not."""
        from r1data.media.files import locate

        return locate(self.source, self.uri, self.settings).resolve()

    def url(self, form: str) -> bytes:
        """Return the address under which a server gets the file. Raises RowDrop or OSError."""
        path = self.path()
        if form == "video_file":
            return path.as_uri().encode()
        kind = mimetypes.guess_type(path.name)[0] or "video/mp4"
        return b"data:" + kind.encode() + b";base64," + b64encode(path.read_bytes())

    def url_bytes(self, form: str) -> int:
        """Return how long that address is; 0 where the file is gone, which is told later."""
        try:
            return 4 * self.path().stat().st_size // 3 if form == "video_mp4" else 300
        except (RowDrop, OSError):
            return 0


def asked_whole(lanes: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether any lane of a recipe takes whole clips."""
    return any(lane.get("media") in WHOLE for lane in lanes)


def clip_of(sample: Mapping[str, Any], settings: Mapping[str, Any]) -> Clip | None:
    """Return the clip of a sample, None for pictures.

    Raises UsageError where a whole file is not what is asked about: it would be sent silently.
    """
    if sample["data_type"] != "video":
        return None
    if "files" not in settings:
        raise UsageError("whole clips need to know where they lie: build with a recipe")
    if len(sample["media"]) != 1:
        raise UsageError(
            f"{sample['id']} is about {len(sample['media'])} clips, and lanes with media: "
            f"{' or '.join(WHOLE)} send one: write media: image_url or video_url"
        )
    entry = sample["media"][0]
    if entry["start"] is not None or entry["end"] is not None:
        start, end = entry["start"] or 0, entry["end"] or entry["seconds"] or 0
        raise UsageError(
            f"{sample['id']} is about a part of its clip ({start:g} to {end:g} s of "
            f"{entry['uri']}), and lanes with media: {' or '.join(WHOLE)} send whole files: write "
            "media: image_url or video_url, which send the frames of that part"
        )
    facts = (entry["seconds"] or 0.0, entry["width"] or 0, entry["height"] or 0)
    return Clip(sample["source"], entry["uri"], settings["files"], *facts)


def clip_part(clip: Clip, form: str) -> list[bytes]:
    """Return the pieces of the content part that holds a clip, with its comma."""
    # Neither base64 nor a percent-encoded path holds anything that JSON escapes.
    return [b'{"type":"video_url","video_url":{"url":"', clip.url(form), b'"}},']


def clip_facts(form: str, frames: int) -> dict[str, Any]:
    """Return what vLLM needs beside a file:// address to take as many frames as we did."""
    if form != "video_file":
        return {}
    return {"media_io_kwargs": {"video": {"num_frames": frames}}}


def clip_sizes(
    clip: Clip, form: str, sizes: tuple[tuple[int, int], ...]
) -> tuple[tuple[int, int], ...]:
    """Return the sizes of the frames that a server may take, on the high side.

    `sizes` are those of our frames. Nobody promises that the server makes them any smaller.
    """
    own = max(LEAST_FRAMES, round(FRAMES_A_SECOND * clip.seconds))
    count = len(sizes) if form == "video_file" else own
    largest = max(sizes, default=(0, 0))
    side = (max(clip.width, largest[0]), max(clip.height, largest[1]))
    return (side,) * count
