from pathlib import Path

import av
import numpy as np
import pytest
from clips import X264, Clip, make
from PIL import Image

from r1data.errors import InputError, RowDrop
from r1data.media.facts import check, check_folder, facts, sha256_of


def clip_of(path: Path, levels: list[int]) -> Path:
    """A clip of flat grey pictures, without loss."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=10, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for level in levels:
            grey = np.full((48, 64, 3), level, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        out.mux(stream.encode(None))
    return path


def test_facts_are_counted_and_measured(tmp_path: Path) -> None:
    path = make(Clip("a.mp4", frames=50, options=X264, sound=True, rotation=90), tmp_path)
    found = facts(path)
    assert (found.container, found.codec, found.frames) == ("mov", "h264", 50)
    assert (found.width, found.height) == (96, 128)
    assert found.seconds == pytest.approx(2.0) and found.rate == pytest.approx(25.0)
    assert found.audio and found.black == found.frozen == 0.0
    assert found.sha256 == sha256_of(path) and found.bytes == path.stat().st_size
    assert len(found.phash) == 513


def test_edit_lists_and_false_headers_do_not_count(tmp_path: Path) -> None:
    options = {**X264, "g": "10"}
    assert facts(make(Clip("a.mp4", offset=13, options=options), tmp_path)).frames == 47


def test_black_and_frozen_shares(tmp_path: Path) -> None:
    found = facts(clip_of(tmp_path / "a.mp4", [0] * 10 + [80, 120, 160, 200, 240] * 2))
    assert found.black == pytest.approx(0.5)
    assert found.frozen == pytest.approx(9 / 19)


def test_stills_have_no_length(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.full((40, 60, 3), 9, np.uint8)).save(path)
    found = facts(path)
    assert (found.frames, found.seconds, found.rate, found.black) == (1, None, None, 1.0)
    assert (found.width, found.height, found.codec) == (60, 40, "png")


def test_broken_files_raise_with_their_name(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"nothing")
    with pytest.raises(RowDrop, match=r"a\.mp4"):
        facts(path)


def test_folder_table_names_the_broken_and_exits_with_3(tmp_path: Path) -> None:
    make(Clip("good.mp4", options=X264), tmp_path)
    (tmp_path / "sub").mkdir()
    cut = make(Clip("cut.mkv", options=X264), tmp_path / "sub")
    cut.write_bytes(cut.read_bytes()[:3000])
    (tmp_path / "notes.txt").write_text("no media")
    table, code = check(tmp_path)
    assert code == 3 and "2 files, 1 broken" in table
    assert "BROKEN: cut.mkv is cut short" in table and "60     2.40" in table
    assert [row.facts is None for row in check_folder(tmp_path)] == [False, True]
    cut.unlink()
    assert check(tmp_path)[1] == 0


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent"):
        check(tmp_path / "absent")
