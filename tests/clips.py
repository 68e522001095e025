"""Makes the test clips: every picture carries its number, so a wrong one is seen at once."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

BITS = 11
MILLISECOND = Fraction(1, 1000)


@dataclass(frozen=True)
class Clip:
    """How one test clip is made."""

    name: str
    codec: str = "libx264"
    frames: int = 60
    size: tuple[int, int] = (128, 96)
    rate: int = 25
    pixels: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=dict)
    muxer: Mapping[str, str] = field(default_factory=dict)
    rotation: int = 0
    flip: bool = False
    interlaced: bool = False
    times: tuple[int, ...] = ()  # milliseconds, for a variable rate
    offset: int = 0  # pictures before zero: an edit list cuts them away
    sound: bool = False
    full_range: bool = False
    after: Callable[[Path], None] | None = None


def picture(number: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return RGB with the number's bits as tiles below, and a bar that moves above."""
    width, height = size
    rows, columns = np.mgrid[0:height, 0:width]
    image = np.stack([columns * 160 // width, rows * 160 // height, (columns + rows) % 160], axis=2)
    image = image.astype(np.uint8)
    bar = number * 7 % width
    image[: height // 2, bar : bar + max(2, width // 10)] = (255, 220, 30)
    for bit in range(BITS):
        left, right = bit * width // BITS, (bit + 1) * width // BITS
        image[height // 2 :, left:right] = 235 if number >> bit & 1 else 20
    return image


def number_in(image: NDArray[np.uint8], clip: Clip) -> int:
    """Read the number off a picture that was turned as the clip's display matrix says."""
    if clip.flip:
        image = image[:, ::-1]
    if clip.rotation:
        image = np.rot90(image, -clip.rotation // 90)
    height, width = image.shape[:2]
    number = 0
    for bit in range(BITS):
        tile = image[height * 3 // 4, int((bit + 0.5) * width / BITS)]
        number |= int(tile.mean() > 128) << bit
    return number


def make(clip: Clip, folder: Path) -> Path:
    """Write the clip and return its path.

    It is written in a thread of its own. As root, SVT-AV1 gives the calling thread real-time
    priority (SCHED_FIFO, 99); processes started from that thread inherit it and starve all others.
    """
    with ThreadPoolExecutor(1) as alone:
        return alone.submit(write, clip, folder).result()


def write(clip: Clip, folder: Path) -> Path:
    """Encode the clip into its file."""
    path = folder / clip.name
    with av.open(str(path), "w", options=dict(clip.muxer)) as out:
        stream = video_stream(out, clip)
        sound = out.add_stream("aac", rate=16000, layout="mono") if clip.sound else None
        for frame in encoded_frames(clip):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if sound is not None:
            add_silence(out, sound, seconds=clip.frames / clip.rate + 1.5)
    if clip.after is not None:
        clip.after(path)
    return path


def video_stream(out: Any, clip: Clip) -> Any:
    stream = out.add_stream(clip.codec, rate=clip.rate, options=dict(clip.options))
    stream.width, stream.height, stream.pix_fmt = *clip.size, clip.pixels
    context = stream.codec_context
    context.thread_count = 1  # same input, same clip
    if clip.times:
        context.time_base = MILLISECOND
    if clip.interlaced:
        context.flags |= 0x40000 | 0x20000000  # AV_CODEC_FLAG_INTERLACED_DCT, _ME
    if clip.full_range:
        context.color_range = 2
    if clip.rotation or clip.flip:
        stream.set_display_rotation(clip.rotation, hflip=clip.flip)
    return stream


def encoded_frames(clip: Clip) -> Any:
    for number in range(clip.frames):
        frame = av.VideoFrame.from_ndarray(picture(number, clip.size), format="rgb24")
        frame = frame.reformat(format=clip.pixels, dst_color_range=2 if clip.full_range else None)
        frame.pts = clip.times[number] if clip.times else number - clip.offset
        frame.time_base = MILLISECOND if clip.times else Fraction(1, clip.rate)
        yield frame


def add_silence(out: Any, stream: Any, seconds: float) -> None:
    for start in range(0, int(seconds * 16000), 1024):
        silence = np.zeros((1, 1024), np.float32)
        frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 16000, start
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def without_index(path: Path) -> None:
    """Cut an AVI's index off."""
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"idx1")])


def joined(one: Path, other: Path, out: Path) -> Path:
    """Join two streams that may be joined byte by byte, as transport streams."""
    out.write_bytes(one.read_bytes() + other.read_bytes())
    return out


VFR = tuple(40 * i + 11 * (i % 3) + (700 if i > 30 else 0) for i in range(60))
X264 = {"crf": "20", "preset": "veryfast"}
LONG = {**X264, "g": "250", "bf": "3", "preset": "medium"}
QUIET = "log-level=none:"

CLIPS = (
    Clip("b_frames.mp4", options=LONG, frames=90),
    Clip("short_gop.mp4", options={**X264, "g": "12", "bf": "2"}, frames=90),
    Clip("intra_only.mp4", options={**X264, "g": "1"}),
    Clip("no_b.mkv", options={**X264, "g": "20", "bf": "0"}),
    Clip(
        "b_pyramid.mkv", options={**X264, "g": "30", "bf": "8", "x264-params": "b-pyramid=normal"}
    ),
    Clip("open_gop.mp4", options={**X264, "g": "15", "bf": "3", "x264-params": "open-gop=1"}),
    Clip("intra_refresh.mp4", options={**X264, "g": "20", "x264-params": "intra-refresh=1"}),
    Clip("slices.mp4", options={**X264, "g": "20", "x264-params": "slices=4"}),
    Clip("edit_list.mp4", options={**X264, "g": "10", "bf": "2"}, offset=13),
    Clip("edit_list.mov", options=LONG, offset=37, frames=100),
    Clip("variable_rate.mp4", options=X264, times=VFR),
    Clip("variable_rate.mkv", options={**X264, "bf": "2", "g": "9"}, times=VFR),
    Clip("transport.ts", options={**X264, "g": "25", "bf": "2"}, sound=True),
    Clip("transport_mpeg2.ts", "mpeg2video", options={"g": "12", "bf": "2"}),
    Clip("program.mpg", "mpeg2video", options={"g": "12", "bf": "2"}),
    Clip("mpeg1.mpg", "mpeg1video", options={"g": "12", "bf": "2"}),
    Clip("no_index.avi", "mpeg4", options={"g": "30"}, after=without_index),
    Clip("b_frames.avi", "mpeg4", options={"g": "30", "bf": "2"}),
    Clip("h264.avi", options={**X264, "g": "20", "bf": "0"}),
    Clip("mjpeg.avi", "mjpeg", pixels="yuvj420p"),
    Clip("mpeg4_b.mp4", "mpeg4", options={"g": "25", "bf": "2"}),
    Clip("mpeg4_b.mkv", "mpeg4", options={"g": "25", "bf": "2"}),
    Clip("msmpeg4.avi", "msmpeg4", options={"g": "25"}),
    Clip("rotated_90.mp4", options=X264, rotation=90),
    Clip("rotated_180.mp4", options=X264, rotation=180),
    Clip("rotated_270.mp4", options=X264, rotation=-90),
    Clip("flipped.mp4", options=X264, flip=True),
    Clip("flipped_turned.mp4", options=X264, flip=True, rotation=90),
    Clip("interlaced.mp4", options={**X264, "x264-params": "tff=1"}, interlaced=True),
    Clip("interlaced.mpg", "mpeg2video", options={"g": "12", "bf": "2"}, interlaced=True),
    Clip("one.mp4", options=X264, frames=1),
    Clip("two.mp4", options=X264, frames=2),
    Clip("one.webm", "libvpx-vp9", frames=1),
    Clip("one.avi", "mpeg4", frames=1),
    Clip("odd_size.mp4", options=X264, size=(127, 95), pixels="yuv444p"),
    Clip("odd_size.webm", "libvpx-vp9", size=(131, 97), options={"g": "20"}),
    Clip("full_colour.mp4", options=X264, pixels="yuv444p"),
    Clip("ten_bit.mp4", options=X264, pixels="yuv420p10le"),
    Clip("full_range.mp4", options=X264, pixels="yuvj420p", full_range=True),
    Clip("hevc.mp4", "libx265", options={"preset": "veryfast", "x265-params": QUIET + "keyint=20"}),
    Clip(
        "hevc_layers.mp4",
        "libx265",
        options={
            "preset": "veryfast",
            "x265-params": QUIET + "keyint=20:temporal-layers=3:bframes=3",
        },
    ),
    Clip(
        "hevc_closed.mkv",
        "libx265",
        options={"preset": "veryfast", "x265-params": QUIET + "keyint=20:open-gop=0"},
    ),
    Clip("hevc_ten_bit.mp4", "libx265", pixels="yuv420p10le", options={"x265-params": QUIET}),
    Clip("vp9.webm", "libvpx-vp9", options={"g": "30", "deadline": "realtime"}, frames=90),
    Clip(
        "vp9_altref.webm",
        "libvpx-vp9",
        frames=120,
        options={"g": "40", "auto-alt-ref": "1", "lag-in-frames": "25"},
    ),
    Clip("vp9.mp4", "libvpx-vp9", options={"g": "30"}),
    Clip(
        "vp8_altref.webm",
        "libvpx",
        frames=120,
        options={"g": "40", "auto-alt-ref": "1", "lag-in-frames": "20"},
    ),
    Clip("av1.mp4", "libsvtav1", options={"g": "20", "preset": "10"}),
    Clip("av1.webm", "libsvtav1", options={"g": "20", "preset": "10"}),
    Clip(
        "fragmented.mp4",
        options={**X264, "g": "15"},
        muxer={"movflags": "frag_keyframe+empty_moov"},
    ),
    Clip("raw.h264", options={**X264, "g": "20", "bf": "2"}),
    Clip("flash.flv", "flv", options={"g": "20"}),
    Clip("windows.wmv", "wmv2", options={"g": "20"}),
    Clip("prores.mov", "prores_ks", pixels="yuv422p10le", frames=20),
    Clip("animated.gif", "gif", pixels="rgb8", rate=10),
    Clip("animated.apng", "apng", pixels="rgb24", frames=20),
    Clip("sound.mp4", options={**X264, "g": "20"}, sound=True),
)
