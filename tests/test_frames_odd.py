"""Clips as people have them: whatever a container does to times, the right image has its time."""

import importlib.util
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.stream import Disposition
from clips import X264, Clip, joined, make, number_in, picture

from r1data.errors import RowDrop
from r1data.frames import sample
from r1data.grid.drops import Drop
from r1data.media.facts import facts

BACKENDS = ["pyav", "opencv"]
for name in ("decord", "torchcodec"):
    if importlib.util.find_spec(name) is not None:
        BACKENDS.append(name)
each_backend = pytest.mark.parametrize("backend", BACKENDS)
SMALL: dict[str, Any] = {"frames": 40, "size": (110, 80), "rate": 10}
CLOSED = {**X264, "g": "10", "bf": "0"}


def remuxed(
    path: Path,
    out: Path,
    keep: Callable[[int], bool] = lambda _: True,
    shift: float = 0.0,
) -> Path:
    """Copy the packets that `keep` names by their place, with `shift` seconds on their times."""
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for at, packet in enumerate(source.demux(video=0)):
            if packet.size and keep(at):
                assert packet.time_base is not None
                ticks = round(shift / packet.time_base)
                packet.pts = None if packet.pts is None else packet.pts + ticks
                packet.dts = None if packet.dts is None else packet.dts + ticks
                packet.stream = stream
                target.mux(packet)
    return out


def shows_its_numbers(path: Path, clip: Clip, backend: str, **options: Any) -> list[int]:
    """Hold each image's number against its time; return the numbers."""
    frames = sample(path, backend=backend, **options)
    numbers = [number_in(image, clip) for image in frames.images]
    assert np.abs(frames.times * clip.rate - numbers).max() < 0.1
    return numbers


B_FRAMES = {**X264, "bf": "2"}
STARTS = [
    ("start5.mkv", CLOSED, 5.0), ("start5.ts", CLOSED, 5.0), ("b_frames.ts", B_FRAMES, 0.0),
    ("start5.mp4", CLOSED, 5.0), ("b_frames.mkv", B_FRAMES, 3.0),
    ("day.ts", CLOSED, 20_000.0),
]  # fmt: skip


@each_backend
@pytest.mark.parametrize("name, options, shift", STARTS, ids=[each[0] for each in STARTS])
def test_parts_and_times_count_from_the_first_image(
    name: str, options: dict[str, str], shift: float, backend: str, tmp_path: Path
) -> None:
    clip = Clip("plain.mp4", options=options, **SMALL)
    path = remuxed(make(clip, tmp_path), tmp_path / name, shift=shift)
    try:
        whole = shows_its_numbers(path, clip, backend, count=4)
    except RowDrop as drop:
        assert backend != "pyav" and f"{backend}:" in drop.detail
        return
    assert whole == [0, 13, 26, 39]
    assert shows_its_numbers(path, clip, backend, count=3, start=1.0, end=3.0) == [10, 20, 30]
    assert shows_its_numbers(path, clip, backend, count=2, start=3.5, end=9.0) == [35, 39]
    middle = shows_its_numbers(path, clip, backend, rule="middle", count=2)
    assert middle == [10, 30]
    with pytest.raises(RowDrop, match=r"4\.5 s to 6 s") as caught:
        sample(path, backend=backend, start=4.5, end=6.0)
    assert caught.value.reason is Drop.TOO_SHORT


def test_a_long_clip_counts_from_its_first_image_by_its_table_too(tmp_path: Path) -> None:
    clip = Clip("long.mp4", frames=1600, size=(88, 64), rate=100, options={**X264, "g": "50"})
    path = remuxed(make(clip, tmp_path), tmp_path / "late.mp4", shift=7.0)
    for rule in ("uniform", "middle", "keyframes"):
        shows_its_numbers(path, clip, "pyav", rule=rule, count=5)


@each_backend
def test_images_before_zero_are_not_presented_and_do_not_count(
    backend: str, tmp_path: Path
) -> None:
    clip = Clip("edited.mp4", options=CLOSED, offset=10, **SMALL)
    path = make(clip, tmp_path)
    try:
        frames = sample(path, backend=backend, count=3, start=1.0, end=2.0)
    except RowDrop as drop:
        assert backend != "pyav" and f"{backend}:" in drop.detail
        return
    assert [number_in(image, clip) for image in frames.images] == [20, 25, 30]
    assert frames.times.tolist() == pytest.approx([1.0, 1.5, 2.0])


def with_streams(path: Path, clip: Clip, first: tuple[str, int], mark: bool = False) -> Path:
    """Write a clip whose first video stream is `first`: a codec, and how many images of 2047."""
    codec, count = first
    with av.open(str(path), "w") as container:
        out: Any = container
        cover = out.add_stream(codec, rate=clip.rate)
        cover.width, cover.height = 220, 160
        cover.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream = out.add_stream(clip.codec, rate=clip.rate, options=dict(clip.options))
        stream.width, stream.height, stream.pix_fmt = *clip.size, clip.pixels
        if mark:
            cover.disposition = Disposition.attached_pic
        for numbers, target in ((range(2047, 2047 + count), cover), (range(clip.frames), stream)):
            for at, number in enumerate(numbers):
                size = (target.width, target.height)
                image = av.VideoFrame.from_ndarray(picture(min(number, 2047), size), format="rgb24")
                image.pts, image.time_base = at, Fraction(1, clip.rate)
                out.mux(target.encode(image))
            out.mux(target.encode(None))
    return path


@each_backend
@pytest.mark.parametrize("name", ["sound.mkv", "sound.mp4", "sound.ts"])
def test_sound_that_starts_earlier_does_not_count(name: str, backend: str, tmp_path: Path) -> None:
    clip = Clip("with.mkv", options=CLOSED, sound=True, **SMALL)
    whole = make(clip, tmp_path)
    path = tmp_path / name
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        streams = {each.index: target.add_stream_from_template(each) for each in source.streams}
        for packet in source.demux():
            if packet.size and packet.time_base is not None:
                if packet.stream.type == "video":
                    packet.pts = (packet.pts or 0) + round(2 / packet.time_base)
                    packet.dts = (packet.dts or 0) + round(2 / packet.time_base)
                packet.stream = streams[packet.stream.index]
                target.mux(packet)
    assert shows_its_numbers(path, clip, backend, count=4) == [0, 13, 26, 39]
    assert shows_its_numbers(path, clip, backend, count=3, start=1.0, end=3.0) == [10, 20, 30]


@each_backend
def test_of_several_videos_the_first_is_the_clip(backend: str, tmp_path: Path) -> None:
    clip = Clip("with.mp4", options=CLOSED, **SMALL)
    path = with_streams(tmp_path / "two.mkv", clip, ("libx264", 40))
    try:
        frames = sample(path, backend=backend, count=4)
    except RowDrop as drop:
        assert backend != "pyav" and f"{backend}:" in drop.detail
        return
    assert {number_in(image, clip) for image in frames.images} == {2047}


@each_backend
@pytest.mark.parametrize("name", ["cover.mp4", "cover.mkv"])
def test_a_cover_beside_a_real_video_is_not_the_clip(
    name: str, backend: str, tmp_path: Path
) -> None:
    clip = Clip("with.mp4", options=CLOSED, **SMALL)
    path = with_streams(tmp_path / name, clip, ("mjpeg", 1), mark=name.endswith("mp4"))
    try:
        assert shows_its_numbers(path, clip, backend, count=4) == [0, 13, 26, 39]
    except RowDrop as drop:
        assert backend != "pyav" and f"{backend}:" in drop.detail
    assert facts(path).frames == clip.frames


@pytest.mark.parametrize(
    "content, what",
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "Git LFS pointer"),
        (b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>", "HTML page"),
        (b"\xef\xbb\xbf<HTML><HEAD>", "HTML page"),
        (b'<?xml version="1.0"?><!DOCTYPE html><html>', "HTML page"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "error message"),
        (b'{"error":"Repository not found"}', "error message"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG drawing"),
        (b"#EXTM3U\n#EXTINF:2,\nhttps://a/b.ts\n", "playlist"),
        (b"PK\x03\x04" + bytes(99), "zip archive"),
    ],
)
@pytest.mark.parametrize("name", ["clip.mp4", "image.jpg"])
def test_what_servers_and_tools_leave_in_place_of_a_file_is_called_what_it_is(
    content: bytes, what: str, name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    for read in (sample, facts):
        with pytest.raises(RowDrop, match=f"{name} is .*{what}") as caught:
            read(path)
        assert caught.value.reason is Drop.UNDECODABLE


SMALL_GROUP: dict[str, Any] = {"frames": 60, "size": (110, 80), "rate": 25}
X265 = {"preset": "veryfast", "x265-params": "log-level=none:keyint=60"}
X264_60 = {**X264, "g": "60"}
REALTIME = {"g": "60", "deadline": "realtime"}
LOSSES = {
    "h264.mp4": Clip("s.mp4", options={**X264_60, "bf": "0"}, **SMALL_GROUP),
    "h264.mkv": Clip("s.mp4", options={**X264_60, "bf": "2"}, **SMALL_GROUP),
    "h264.ts": Clip("s.mp4", options={**X264_60, "bf": "2"}, **SMALL_GROUP),
    "fields.mp4": Clip("s.mp4", options=X264_60, interlaced=True, **SMALL_GROUP),
    "colours.mp4": Clip("s.mp4", options=X264_60, pixels="yuv444p", **SMALL_GROUP),
    "matrix.mp4": Clip("s.mp4", options={**X264_60, "x264-params": "cqm=jvt"}, **SMALL_GROUP),
    "hevc.mp4": Clip("s.mp4", "libx265", options=X265, **SMALL_GROUP),
    "mpeg4.mp4": Clip("s.mp4", "mpeg4", options={"g": "60"}, **SMALL_GROUP),
    "mpeg4.avi": Clip("s.avi", "mpeg4", options={"g": "60"}, **SMALL_GROUP),
    "vp8.webm": Clip("s.webm", "libvpx", options=REALTIME, **SMALL_GROUP),
    "vp9.mkv": Clip("s.webm", "libvpx-vp9", options=REALTIME, **SMALL_GROUP),
}


def shows_or_says(path: Path, clip: Clip, backend: str, **options: Any) -> None:
    """Whatever is shown has its time; what has not is said in the decoder's name, or dropped."""
    try:
        frames = sample(path, backend=backend, **options)
    except RowDrop as drop:
        assert drop.reason is Drop.UNDECODABLE and path.name in drop.detail
        return
    numbers = np.array([number_in(image, clip) for image in frames.images])
    late = frames.times * clip.rate - (numbers - numbers[0])
    assert np.abs(late).max() < 0.1 or frames.backend.endswith("+gap"), numbers.tolist()


@each_backend
@pytest.mark.parametrize("lost", [range(1), range(20, 21), range(20, 26)], ids=str)
@pytest.mark.parametrize("name", LOSSES)
def test_lost_packets_never_show_an_old_image_without_a_word(
    name: str, lost: range, backend: str, tmp_path: Path
) -> None:
    clip = LOSSES[name]
    whole = make(clip, tmp_path)
    assert sample(remuxed(whole, tmp_path / f"whole-{name}"), count=60).backend == "pyav"
    path = remuxed(whole, tmp_path / name, lambda at: at not in lost)
    for count in (6, 60):
        shows_or_says(path, clip, backend, count=count)


def test_lost_references_of_h264_drop_the_row_and_say_so(tmp_path: Path) -> None:
    clip = LOSSES["h264.mp4"]
    path = remuxed(make(clip, tmp_path), tmp_path / "lost.mp4", lambda at: at != 20)
    with pytest.raises(RowDrop, match=r"lost\.mp4: picture 20 refers to packets that are lost"):
        sample(path)
    assert sample(path, on_error="salvage").backend == "pyav+salvage"
    assert shows_its_numbers(path, clip, "pyav", count=4, end=0.76) == [0, 6, 13, 19]


def test_a_loss_ends_at_the_next_key_frame(tmp_path: Path) -> None:
    clip = Clip("s.mp4", options=CLOSED, **SMALL)
    path = remuxed(make(clip, tmp_path), tmp_path / "lost.mkv", lambda at: at != 15)
    assert shows_its_numbers(path, clip, "pyav", count=20, start=2.0) == list(range(20, 40))
    vp8 = Clip("s.webm", "libvpx", options={"g": "10", "deadline": "realtime"}, **SMALL)
    path = remuxed(make(vp8, tmp_path), tmp_path / "lost.webm", lambda at: at != 15)
    assert sample(path, count=40).backend == "pyav+gap"
    assert sample(path, count=20, start=2.0).backend == "pyav"


@pytest.mark.parametrize(
    "lost", [(0.5,), (0.4, 0.45, 0.5), tuple(0.4 + i / 500 for i in range(30))]
)
@pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
@each_backend
def test_a_transport_stream_that_lost_packets_shows_no_old_image(
    backend: str, codec: str, lost: tuple[float, ...], tmp_path: Path
) -> None:
    options = {**X264, "g": "30", "bf": "2"} if codec == "libx264" else {"g": "20", "bf": "2"}
    clip = Clip("s.ts", codec, options=options, **SMALL_GROUP)
    path = make(clip, tmp_path)
    data = path.read_bytes()
    packets = [data[at : at + 188] for at in range(0, len(data), 188)]
    video = [at for at, each in enumerate(packets) if (each[1] & 31) << 8 | each[2] == 256]
    gone = {video[int(len(video) * share)] for share in lost}
    path.write_bytes(b"".join(each for at, each in enumerate(packets) if at not in gone))
    for count in (6, 60):
        shows_or_says(path, clip, backend, count=count)


JOINED = {
    "h264": ("libx264", CLOSED), "b_frames": ("libx264", B_FRAMES),
    "mpeg2": ("mpeg2video", {"g": "10"}), "hevc": ("libx265", X265),
}  # fmt: skip


@pytest.mark.parametrize("name", JOINED)
def test_streams_that_were_joined_lost_nothing(name: str, tmp_path: Path) -> None:
    codec, options = JOINED[name]
    one = make(Clip("s.ts", codec, options=options, **SMALL), tmp_path)
    path = joined(one, remuxed(one, tmp_path / "later.ts", shift=4.0), tmp_path / "both.ts")
    frames = sample(path, count=80)
    assert frames.backend == "pyav" and len(frames.images) == 80


@pytest.mark.parametrize("later", [0.0, 10.0])
def test_a_clip_goes_on_where_a_joined_stream_jumps_back(later: float, tmp_path: Path) -> None:
    clip = Clip("s.ts", options=CLOSED, **SMALL)
    one = make(clip, tmp_path)
    first = remuxed(one, tmp_path / "first.ts", shift=later)
    frames = sample(joined(first, one, tmp_path / "both.ts"), count=80)
    assert [number_in(image, clip) for image in frames.images] == [*range(40), *range(40)]
    assert frames.times.tolist() == pytest.approx([at / 10 for at in range(80)])


def test_a_variable_rate_is_no_loss_where_references_are_numbered(tmp_path: Path) -> None:
    times = tuple(100 * i + (900 if i > 25 else 0) for i in range(40))
    clip = Clip("v.mp4", options={**X264, "g": "40"}, times=times, frames=40, size=(110, 80))
    assert sample(make(clip, tmp_path), count=40).backend == "pyav"
