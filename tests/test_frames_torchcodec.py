"""The backend torchcodec: right pictures with right times, or a drop that says why."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import CLIPS, X264, Clip, make, number_in
from faults.media import damaged

from r1data.errors import MissingPackage, RowDrop
from r1data.frames import sample, torchcodec
from r1data.frames.take import take_frames
from r1data.grid.drops import Drop
from r1data.grid.guard import Guarded


def loads() -> bool:
    """Tell whether torchcodec is here, with an FFmpeg that it can load."""
    if importlib.util.find_spec("torchcodec") is None:
        return False
    try:
        torchcodec.load_decoders()
    except MissingPackage:
        return False
    return True


HERE = loads()
needs_torchcodec = pytest.mark.skipif(not HERE, reason="torchcodec or its FFmpeg is absent")

# What torchcodec 0.13 seeks wrong: edit lists that cut into a group, streams without an index, AVI
# with pictures out of order, recovery points in place of key pictures, mirrors, no times at all.
REFUSED = {
    "edit_list.mp4", "transport.ts", "transport_mpeg2.ts", "program.mpg", "mpeg1.mpg",
    "interlaced.mpg", "b_frames.avi", "intra_refresh.mp4", "flipped.mp4", "flipped_turned.mp4",
    "raw.h264",
}  # fmt: skip
# Under FFmpeg 8 a smeared picture of such a stream can have the right time.
UNSEEN = {"intra_refresh.mp4"}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    return {clip.name: make(clip, folder) for clip in CLIPS}


@needs_torchcodec
@pytest.mark.parametrize(
    "clip", [c for c in CLIPS if HERE and c.name not in UNSEEN], ids=lambda c: c.name
)
@pytest.mark.parametrize(
    "options",
    [{}, {"rule": "model-card", "count": 64}, {"rule": "fps"}, {"rule": "middle", "count": 32}],
    ids=lambda options: options.get("rule", "uniform"),
)
def test_every_clip_gives_pyavs_pictures_and_times_or_is_refused(
    clip: Clip, options: dict[str, Any], clips: dict[str, Path]
) -> None:
    path = clips[clip.name]
    try:
        other = sample(path, backend="torchcodec", **options)
    except RowDrop as drop:
        assert clip.name in REFUSED
        assert drop.reason is Drop.UNDECODABLE
        assert drop.detail.startswith(f"{clip.name}: torchcodec: ")
        assert "/" not in drop.detail  # no path of the machine that built torchcodec
        return
    assert other.backend == "torchcodec"
    assert [number_in(image, clip) for image in other.images] == [
        index + clip.offset for index in other.indices
    ]
    ours = sample(path, **options)
    assert other.indices.tolist() == ours.indices.tolist()
    assert np.abs(other.times - ours.times).max() < 0.001
    assert np.abs(other.images.astype(int) - ours.images.astype(int)).mean() < 1.0


@needs_torchcodec
def test_a_chain_goes_on_where_torchcodec_gives_another_picture(clips: dict[str, Path]) -> None:
    with pytest.raises(RowDrop, match=r"gives the picture of 0\.280 s for that of 0\.000 s"):
        sample(clips["edit_list.mp4"], backend="torchcodec")
    chain = sample(clips["edit_list.mp4"], backend=["torchcodec", "pyav"])
    assert chain.backend == "pyav"
    assert sample(clips["b_frames.mp4"], backend=["torchcodec", "pyav"]).backend == "torchcodec"


@needs_torchcodec
@pytest.mark.parametrize(
    "options",
    [{"rule": "keyframes"}, {"start": 0.5, "end": 1.2, "count": 8}, {"patch": 2, "count": 7}],
)
def test_keys_and_parts_are_those_of_pyav(options: dict[str, Any], clips: dict[str, Path]) -> None:
    for name in ("short_gop.mp4", "variable_rate.mkv", "vp9.webm"):
        other = sample(clips[name], backend="torchcodec", **options)
        ours = sample(clips[name], **options)
        assert other.indices.tolist() == ours.indices.tolist()
        assert other.times.tolist() == ours.times.tolist()
    with pytest.raises(RowDrop) as caught:
        sample(clips["two.mp4"], backend="torchcodec", start=50.0)
    assert caught.value.reason is Drop.TOO_SHORT


@needs_torchcodec
def test_the_first_stream_is_taken_and_not_the_largest(tmp_path: Path) -> None:
    path = tmp_path / "two_streams.mkv"
    with av.open(str(path), "w") as out:
        streams = [out.add_stream("libx264", rate=10, options=X264) for _ in range(2)]
        for stream, side in zip(streams, (64, 256), strict=True):
            stream.width = stream.height = side
            stream.pix_fmt = "yuv420p"
        for level in range(0, 200, 20):
            for stream, grey in zip(streams, (level, 255 - level), strict=True):
                image = np.full((stream.height, stream.width, 3), grey, np.uint8)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        for stream in streams:
            out.mux(stream.encode(None))
    taken = sample(path, backend="torchcodec")
    assert np.abs(taken.images[:, 5, 5, 0].astype(int) - np.arange(0, 200, 20)).max() < 4


@needs_torchcodec
def test_playlists_open_no_other_file_with_torchcodec(
    clips: dict[str, Path], tmp_path: Path
) -> None:
    target = clips["b_frames.mp4"]
    path = tmp_path / "list.m3u8"
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:3.6,\n{target}\n#EXT-X-ENDLIST\n")
    with pytest.raises(RowDrop) as caught:
        sample(path, backend="torchcodec")
    assert "torchcodec" not in caught.value.detail  # it never saw the file


@needs_torchcodec
@pytest.mark.parametrize("name", ["b_frames.mp4", "vp9.webm"])
def test_half_a_file_is_dropped(name: str, clips: dict[str, Path], tmp_path: Path) -> None:
    data = clips[name].read_bytes()
    half = tmp_path / name
    half.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(RowDrop) as caught:
        sample(half, backend="torchcodec")
    assert caught.value.reason is Drop.UNDECODABLE


@needs_torchcodec
def test_real_clips_are_pyavs(real_data: Path) -> None:
    paths = [*(real_data / "videos").glob("*.mp4"), *(real_data / "videos").glob("*.gif")]
    assert paths
    for path in paths:
        other, ours = sample(path, backend="torchcodec"), sample(path)
        assert other.backend == "torchcodec"
        assert other.indices.tolist() == ours.indices.tolist()
        assert other.times.tolist() == ours.times.tolist()
        assert np.abs(other.images.astype(int) - ours.images.astype(int)).mean() < 1.0


@needs_torchcodec
@pytest.mark.timeout(120)
def test_it_works_behind_the_guard(clips: dict[str, Path]) -> None:
    path = clips["b_frames.mp4"]
    with Guarded("r1data.frames.take_torchcodec:take_frames", memory_mb=512) as guarded:
        taken = guarded(path, backend="torchcodec", deadline=60)
        assert taken.backend == "torchcodec"
        assert taken.indices == take_frames(path).indices


@needs_torchcodec
@pytest.mark.timeout(120)
def test_damaged_files_give_frames_or_a_named_drop(clips: dict[str, Path], tmp_path: Path) -> None:
    taken = 0
    with Guarded("r1data.frames.take_torchcodec:take_frames", memory_mb=1024) as guarded:
        for path in damaged(list(clips.values()), 100, 3, tmp_path):
            try:
                guarded(path, backend="torchcodec", deadline=30)
                taken += 1
            except RowDrop as drop:
                assert path.name in drop.detail
    assert 5 < taken < 50


def test_an_ffmpeg_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torchcodec without FFmpeg's libraries raises RuntimeError as it is imported."""
    package = tmp_path / "torchcodec"
    package.mkdir()
    (package / "__init__.py").write_text('raise RuntimeError("Could not load libtorchcodec.")\n')
    for name in [name for name in sys.modules if name.split(".")[0] == "torchcodec"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingPackage, match="needs FFmpeg's shared libraries, version 4 to 8"):
        torchcodec.load_decoders()
