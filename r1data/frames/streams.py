"""Opening a video with PyAV, and saying what is wrong with a file."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from r1data.errors import RowDrop
from r1data.frames.sizes import LARGEST_PICTURE, refuse_huge
from r1data.grid.drops import Drop
from r1data.kinds import stand_in


@contextlib.contextmanager
def faults_as_drops(path: Path) -> Iterator[None]:
    """Turn what libraries raise over a bad file into RowDrop."""
    from av.error import FFmpegError

    try:
        yield
    except FileNotFoundError as problem:
        raise RowDrop(Drop.MISSING_MEDIA, f"{path.name} does not exist") from problem
    except (FFmpegError, OSError, ValueError, EOFError, IndexError) as problem:
        raise RowDrop(Drop.UNDECODABLE, f"{path.name}: {said(problem)}") from problem


def said(problem: BaseException) -> str:
    """Return a library's message on one line, or its kind where it says nothing."""
    text = getattr(problem, "strerror", None) or str(problem)
    return " ".join(text.split()) or type(problem).__name__


# FFmpeg's other readers take text for pictures (tty), open further files (concat, hls) or devices.
CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,mpeg1video,m4v,h264,hevc,av1,"
    "obu,ivf,vvc,flv,live_flv,asf,asf_o,ogg,gif,apng,mjpeg,yuv4mpegpipe,rm,wtv,mxf,nut,dv,swf,"
    "amv,h263,vc1,nuv,nsv,roq,flic"
)


STILL_CODECS = ("mjpeg", "png", "bmp", "webp", "tiff", "gif")


def first_line(problem: BaseException) -> str:
    """Return the first line of a message, without decord's clock and source line before it."""
    lines = str(problem).strip().splitlines() or [said(problem)]
    return re.sub(r"^\[[\d:]+\] \S+ ", "", lines[0])


@contextlib.contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """Open a file's first real video stream: yields (container, stream), one thread, no network."""
    import av

    refuse_missing(path)
    # A playlist or SDP file must not make FFmpeg open other files or addresses.
    guards = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    with av.open(f"file:{path}", options=guards) as container:
        stream = best_stream(container, path)
        refuse_huge(stream.codec_context.width, stream.codec_context.height)
        stream.codec_context.thread_count = 1
        stream.codec_context.thread_type = "NONE"
        stream.codec_context.options = decoder_options(stream.codec_context.codec)
        yield container, stream


def decoder_options(codec: Any) -> dict[str, str]:
    """Return FFmpeg's options: the size limit again, for sizes that change inside the stream.

    Half a JPEG comes out with an older picture's rest and no mark, so codecs without references
    must not conceal. The others mark what they conceal; strictness there refuses readable clips.
    """
    options = {"max_pixels": str(LARGEST_PICTURE)}
    return options | {"err_detect": "explode"} if codec.intra_only else options


def best_stream(container: Any, path: Path) -> Any:
    """Return the first video stream that is not a cover image."""
    streams = [each for each in container.streams.video if each.codec_context is not None]
    moving = any(not is_still(stream) for stream in streams)
    clips = [each for each in streams if not (is_marked(each) or (moving and is_still(each)))]
    if not clips:
        what = "holds a cover image and no video" if streams else "holds no video"
        raise RowDrop(Drop.UNDECODABLE, f"{path.name} {what}")
    return clips[0]


def is_marked(stream: Any) -> bool:
    """Tell whether a stream is marked as a cover or as thumbnails."""
    from av.stream import Disposition

    return bool(stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails))


def is_still(stream: Any) -> bool:
    """Tell whether a stream is one image, as taggers write covers without a mark.

    Matroska does not say how many images a stream has: 0.
    """
    return stream.frames <= 1 and stream.codec_context.codec.canonical_name in STILL_CODECS


ARCHIVES = {b"PK\x03\x04": "zip", b"\x1f\x8b": "gzip", b"7z\xbc\xaf'\x1c": "7z", b"Rar!": "rar"}


def pretender(path: Path) -> str:
    """Return what a file is that is named like a clip or image; "" where its first bytes are not
    known to be anything else."""
    with path.open("rb") as file:
        head = file.read(1024).removeprefix(b"\xef\xbb\xbf").lstrip()
    text = head.lower()
    if stand_in(head):
        return stand_in(head)
    if b"<svg" in text and text.startswith(b"<"):
        return "an SVG drawing, which is not read: convert it to PNG"
    if text.startswith(b"#extm3u"):
        return "a playlist, which names other files: download the clip that it names"
    if text.startswith((b"<?xml", b"<error", b'{"error', b'{"message')):
        return "the error message of a server: download the file again"
    kinds = [kind for mark, kind in ARCHIVES.items() if head.startswith(mark)]
    return f"a {kinds[0]} archive: unpack it" if kinds else ""


def refuse_missing(path: Path) -> None:
    """Drop a file that is not there, is no file, is empty, or is not what its name says."""
    if not path.exists():
        raise RowDrop(Drop.MISSING_MEDIA, f"{path.name} does not exist")
    if not path.is_file():
        raise RowDrop(Drop.UNDECODABLE, f"{path.name} is no file")
    if path.stat().st_size == 0:
        raise RowDrop(Drop.UNDECODABLE, f"{path.name} is empty")
    other = pretender(path)
    if other:
        raise RowDrop(Drop.UNDECODABLE, f"{path.name} is {other}")
