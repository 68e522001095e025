"""Every clip, every rule: the right pictures, the right times, at the right size."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from clips import CLIPS, LONG, X264, Clip, make, number_in
from numpy.typing import NDArray

from r1data.errors import RowDrop, UsageError
from r1data.frames import encode_jpeg, frames_hash, hash_distance, sample
from r1data.frames.ask import Ask
from r1data.frames.index import index_of, take_indexed
from r1data.frames.sequential import decode_all
from r1data.frames.streams import opened
from r1data.grid.drops import Drop

REAL = os.environ.get("R1DATA_REAL_DATA")
FFMPEG = shutil.which("ffmpeg")
needs_real = pytest.mark.skipif(REAL is None, reason="R1DATA_REAL_DATA names no folder")
needs_ffmpeg = pytest.mark.skipif(FFMPEG is None, reason="ffmpeg is the reference, and absent")
HAS_DECORD = importlib.util.find_spec("decord") is not None
DECORD = pytest.mark.skipif(not HAS_DECORD, reason="decord has no wheel here")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def clips(folder: Path) -> dict[str, Path]:
    return {clip.name: make(clip, folder) for clip in CLIPS}


def rule(name: str, count: int, total: int) -> NDArray[np.int64]:
    """The rules as they are published, written a second time."""
    n = min(count, total)
    if name == "uniform":
        return np.linspace(0, total - 1, n).round().astype(np.int64)
    return np.array([int(i * total / n) for i in range(n)])


def sequential_times(path: Path) -> list[float | None]:
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)
def test_every_clip_gives_the_numbered_pictures_and_their_times(
    clip: Clip, clips: dict[str, Path]
) -> None:
    path = clips[clip.name]
    times = sequential_times(path)
    for name in ("uniform", "model-card"):
        for count in (16, 32, 64):
            frames = sample(path, name, count)
            expected = rule(name, count, clip.frames - clip.offset)
            assert frames.indices.tolist() == expected.tolist()
            numbers = [number_in(image, clip) for image in frames.images]
            assert numbers == (expected + clip.offset).tolist()
            assert np.all(np.diff(frames.times) > 0)
            if None not in times:
                at = np.array([times[i] for i in expected]) - times[0]
                assert np.abs(frames.times - at).max() < 0.001


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)
def test_every_clip_gives_the_pixels_of_a_sequential_pass(
    clip: Clip, clips: dict[str, Path]
) -> None:
    path = clips[clip.name]
    fast = sample(path, count=32)
    slow = decode_all(Ask(path, count=32))
    assert np.array_equal(fast.images, slow.images)
    assert fast.times.tolist() == slow.times.tolist()


@needs_ffmpeg
@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)
def test_every_clip_agrees_with_ffmpegs_own_decode(clip: Clip, clips: dict[str, Path]) -> None:
    against_ffmpeg(clips[clip.name], (16, 64))


def against_ffmpeg(path: Path, counts: tuple[int, ...]) -> None:
    side = 64
    shrink = f"scale={side}:{side}:flags=area,format=gray"
    command = [str(FFMPEG), "-v", "quiet", "-i", str(path), "-map", "0:V:0", "-vsync"]
    command += ["passthrough", "-vf", shrink, "-f", "rawvideo", "-"]
    out = subprocess.run(command, capture_output=True, check=True).stdout
    reference = np.frombuffer(out, np.uint8).reshape(-1, side, side).astype(np.int16)
    for name in ("uniform", "model-card"):
        for count in counts:
            frames = sample(path, name, count)
            expected = rule(name, count, len(reference))
            assert frames.indices.tolist() == expected.tolist()
            for image, at in zip(frames.images, expected, strict=True):
                grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
                small = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)
                distances = np.abs(reference - small.astype(np.int16)).mean(axis=(1, 2))
                # Two shrinks differ by a level; neighbours that differ by less are one picture.
                assert distances[at] < 4 and distances[at] < distances.min() + 1.0


@needs_real
@needs_ffmpeg
def test_real_clips_agree_with_ffmpegs_own_decode() -> None:
    found = sorted((Path(str(REAL)) / "videos").glob("*.*"))
    for path in found:
        if path.suffix in (".mp4", ".gif"):
            against_ffmpeg(path, (16, 32, 64))


def test_damage_between_the_groups_taken_is_not_even_read(folder: Path) -> None:
    clip = Clip("long.mp4", frames=1600, size=(64, 48), options={**LONG, "g": "20"})
    path = make(clip, folder)
    good = sample(path)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        spare = packets[50]  # index 50 of 1600 lies between the targets 0 and 107
    data = bytearray(path.read_bytes())
    assert spare.pos is not None
    data[spare.pos : spare.pos + spare.size] = b"\xff" * spare.size
    path.write_bytes(bytes(data))
    assert np.array_equal(sample(path).images, good.images)


def test_index_and_packets_and_sequence_agree_on_long_clips(folder: Path) -> None:
    times = tuple(40 * i + i % 5 * 7 for i in range(1600))
    clip = Clip(
        "long_vfr.mp4", frames=1600, size=(64, 48), options={**X264, "g": "60"}, times=times
    )
    path = make(clip, folder)
    for name in ("uniform", "model-card", "middle", "keyframes", "fps"):
        with opened(path) as (container, stream):
            index = index_of(container, stream)
            assert index is not None
            indexed = take_indexed(Ask(path, name, 32), container, stream, index)
        slow = decode_all(Ask(path, name, 32))
        assert indexed.indices.tolist() == slow.indices.tolist()
        assert np.array_equal(indexed.images, slow.images)
        assert indexed.times.tolist() == slow.times.tolist()


def test_part_of_a_clip_holds_only_pictures_between_start_and_end(clips: dict[str, Path]) -> None:
    path = clips["variable_rate.mp4"]
    frames = sample(path, count=8, start=0.5, end=1.2)
    everything = sample(path, count=60)
    inside = (everything.times >= 0.5) & (everything.times <= 1.2)
    assert frames.indices[0] == np.flatnonzero(inside)[0]
    assert frames.indices[-1] == np.flatnonzero(inside)[-1]
    for options in ({"start": 50.0, "end": 60.0}, {"rule": "keyframes", "start": 0.1, "end": 0.2}):
        with pytest.raises(RowDrop) as caught:
            sample(path, **options)
        assert caught.value.reason is Drop.TOO_SHORT


def test_keyframes_are_key_pictures(clips: dict[str, Path]) -> None:
    for name in (
        "short_gop.mp4",
        "open_gop.mp4",
        "mpeg4_b.mkv",
        "vp9.webm",
        "hevc.mp4",
        "transport.ts",
    ):
        with av.open(str(clips[name])) as container:
            keys = [i for i, frame in enumerate(container.decode(video=0)) if frame.key_frame]
        assert sample(clips[name], "keyframes").indices.tolist() == keys[:16]


@DECORD
@pytest.mark.parametrize("backend", ["decord", "opencv"])
@pytest.mark.parametrize("name", ["b_frames.mp4", "variable_rate.mp4", "rotated_90.mp4"])
def test_backends_agree_on_plain_clips(backend: str, name: str, clips: dict[str, Path]) -> None:
    other, ours = sample(clips[name], backend=backend), sample(clips[name])
    assert other.backend == backend and ours.backend == "pyav"
    assert other.indices.tolist() == ours.indices.tolist()
    assert np.abs(other.times - ours.times).max() < 0.001
    assert np.abs(other.images.astype(int) - ours.images.astype(int)).mean() < 1.0


@DECORD
@pytest.mark.parametrize("name", ["program.mpg", "h264.avi"])
def test_decord_refuses_clips_whose_times_it_does_not_know(
    name: str, clips: dict[str, Path]
) -> None:
    with pytest.raises(RowDrop, match="does not tell the times"):
        sample(clips[name], backend="decord")


def test_chain_goes_on_to_the_backend_that_reads_and_names_it(clips: dict[str, Path]) -> None:
    assert sample(clips["interlaced.mp4"], backend=["opencv", "pyav"]).backend == "pyav"
    assert sample(clips["b_frames.mp4"], backend=["opencv", "pyav"]).backend == "opencv"


def test_opencv_refuses_interlaced_clips(clips: dict[str, Path]) -> None:
    with pytest.raises(RowDrop, match="interlaced"):
        sample(clips["interlaced.mp4"], backend="opencv")


@pytest.mark.parametrize("name", ["b_frames.mp4", "vp9.webm", "no_b.mkv", "transport.ts"])
def test_half_a_file_is_dropped_or_salvaged_by_name(
    name: str, clips: dict[str, Path], tmp_path: Path
) -> None:
    data = clips[name].read_bytes()
    half = tmp_path / name
    half.write_bytes(data[: len(data) * 2 // 3])
    if name == "transport.ts":  # tells no length: what is there is the clip
        assert len(sample(half).images) == 16
        return
    with pytest.raises(RowDrop) as caught:
        sample(half)
    assert caught.value.reason is Drop.UNDECODABLE
    if name != "b_frames.mp4":  # the table of an MP4 stands at its end
        assert sample(half, on_error="salvage").backend == "pyav+salvage"


def test_salvage_says_so_only_where_something_was_lost(clips: dict[str, Path]) -> None:
    assert sample(clips["b_frames.mp4"], on_error="salvage").backend == "pyav"


@pytest.mark.parametrize(
    "content, reason",
    [(None, Drop.MISSING_MEDIA), (b"", Drop.UNDECODABLE), (b"text\n" * 99, Drop.UNDECODABLE)],
)
def test_what_is_no_media_says_why(content: bytes | None, reason: Drop, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RowDrop) as caught:
        sample(path)
    assert caught.value.reason is reason and "clip.mp4" in caught.value.detail


def test_playlists_open_no_other_file(clips: dict[str, Path], tmp_path: Path) -> None:
    for text in ("#EXTM3U\n#EXTINF:2,\n{}\n", "ffconcat version 1.0\nfile {}\n"):
        path = tmp_path / "list.m3u8"
        path.write_text(text.format(clips["transport.ts"]))
        with pytest.raises(RowDrop):
            sample(path)


def test_wrong_options_are_usage_errors(clips: dict[str, Path]) -> None:
    path = clips["two.mp4"]
    wrong: list[dict[str, Any]] = [
        {"rule": "best"}, {"backend": "vlc"}, {"resize": "nice"}, {"count": 0}, {"backend": []},
        {"on_error": "guess"},
    ]  # fmt: skip
    for options in wrong:
        with pytest.raises(UsageError):
            sample(path, **options)


def test_sizes_follow_max_pixels_and_multiple(clips: dict[str, Path]) -> None:
    frames = sample(clips["b_frames.mp4"], max_pixels=64 * 28 * 28, min_pixels=32 * 28 * 28)
    assert frames.images.shape[1:3] == (140, 196)
    small = sample(clips["b_frames.mp4"], max_pixels=8 * 14 * 14, multiple=14)
    assert small.images.shape[1] % 14 == small.images.shape[2] % 14 == 0


def test_parity_is_pillows_bicubic_of_the_decoded_picture(clips: dict[str, Path]) -> None:
    from PIL import Image

    with av.open(str(clips["b_frames.mp4"])) as container:
        first = next(container.decode(video=0)).to_image()
    frames = sample(clips["b_frames.mp4"], resize="parity", max_pixels=5000)
    height, width = frames.images.shape[1:3]
    expected = np.asarray(first.resize((width, height), Image.Resampling.BICUBIC), int)
    assert np.abs(frames.images[0] - expected).max() <= 1


def test_jpegs_are_the_same_bytes_each_time_and_open(clips: dict[str, Path]) -> None:
    images = sample(clips["b_frames.mp4"]).images
    one, two = encode_jpeg(images), encode_jpeg(sample(clips["b_frames.mp4"]).images)
    assert one == two and len(one) == 16
    back = cv2.imdecode(np.frombuffer(one[3], np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.abs(back.astype(int) - images[3]).mean() < 6


def moving(path: Path, size: tuple[int, int], backwards: bool = False) -> Path:
    """A clip of a bright disc that crosses a textured ground."""
    width, height = size
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10, options={"crf": "28"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for at in reversed(range(32)) if backwards else range(32):
            rows, columns = np.mgrid[0:height, 0:width] / np.array([height, width])[:, None, None]
            ground = 90 + 60 * np.sin(9 * columns + 4 * rows)
            disc = (columns - at / 32) ** 2 + (rows - 0.3 - at / 80) ** 2 < 0.03
            grey = np.where(disc, 240, ground).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, 2), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def test_hash_is_near_for_half_the_size_and_far_for_the_reverse(tmp_path: Path) -> None:
    whole = sample(moving(tmp_path / "whole.mp4", (320, 240))).images
    half = sample(moving(tmp_path / "half.mp4", (160, 120))).images
    back = sample(moving(tmp_path / "back.mp4", (320, 240), backwards=True)).images
    code = frames_hash(whole)
    grey, hues = code.split(":")
    assert len(grey) == len(hues) == 16 * 16 and int(grey, 16)
    assert hash_distance(code, frames_hash(half)) < 0.1
    assert hash_distance(code, frames_hash(back)) > 0.15
    assert code != frames_hash(whole[::-1])


def test_times_of_a_raw_stream_are_counted_from_its_rate(clips: dict[str, Path]) -> None:
    frames = sample(clips["raw.h264"], count=60)
    assert frames.times.tolist() == [float(Fraction(i, 25)) for i in range(60)]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    cv2.setNumThreads(1)
    yield
