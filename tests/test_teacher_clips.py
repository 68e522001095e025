"""Whole clips on the wire: real files, real HTTP, and what must never be sent whole."""

import base64
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import av
import pytest
from asking import cell, lasting, shard
from clips import Clip, make
from endpoint import Endpoint, Reply, Server, completion, error

from r1data.errors import BudgetSpent, UsageError
from r1data.grid.work import AGAIN
from r1data.teacher.canary import Form
from r1data.teacher.doctor import Asked, examine
from r1data.teacher.lanes import Lane
from r1data.teacher.stage import ask_teacher

MEDIA = {"role": "", "kind": "video", "uri": "a b.mp4", "width": 128, "height": 96, "seconds": 2.4}


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A clip whose name a URL has to escape, beside the questions of a source of one's own."""
    (tmp_path / "clips").mkdir()
    (tmp_path / "own.jsonl").write_text("")
    return make(Clip("a b.mp4"), tmp_path / "clips")


def settings(folder: Path, url: str, form: str, **more: Any) -> dict[str, Any]:
    own = {"path": str(folder / "own.jsonl"), "media_root": str(folder / "clips")}
    files = {"entries": {"own": own}, "media": str(folder / "media"), "seed": 0}
    return {"lanes": [{"url": url, "media": form, "concurrency": 4}], "files": files, **more}


def asked(
    folder: Path, server: Server, form: str, changes: dict[str, Any] | None = None, **more: Any
) -> Any:
    media = [MEDIA | {"start": None, "end": None} | (changes or {})]
    with Endpoint(server) as endpoint:
        told = settings(folder, endpoint.url, form, **more)
        rows = shard(2, frames=3, media=media)
        return ask_teacher(*rows, cell=cell(folder, "", **told))


def video_of(payload: dict[str, Any]) -> str:
    first, last = payload["messages"][0]["content"]
    assert (first["type"], last["type"]) == ("video_url", "text")
    assert "pictures above" not in last["text"]
    return first["video_url"]["url"]


def test_a_whole_clip_travels_in_the_request(tmp_path: Path, clip: Path) -> None:
    server = Server()
    asked(tmp_path, server, "video_mp4")
    head, _, data = video_of(server.payloads[0]).partition(",")
    assert head == "data:video/mp4;base64" and base64.b64decode(data) == clip.read_bytes()


def test_a_local_server_is_told_where_the_clip_lies_and_how_many_frames_to_take(
    tmp_path: Path, clip: Path
) -> None:
    server = Server()
    asked(tmp_path, server, "video_file")
    url = urlsplit(video_of(server.payloads[0]))
    assert (url.scheme, url.netloc) == ("file", "")
    with av.open(unquote(url.path)) as opened:
        assert opened.streams.video[0].width == 128
    assert server.payloads[0]["media_io_kwargs"] == {"video": {"num_frames": 3}}


@pytest.mark.parametrize("form", ["video_mp4", "video_file"])
def test_a_part_of_a_clip_is_refused_before_anything_is_sent(
    tmp_path: Path, clip: Path, form: str
) -> None:
    server = Server()
    with pytest.raises(
        UsageError, match=r"own/0 is about a part of its clip \(0.5 to 1.5 s of a b"
    ):
        asked(tmp_path, server, form, {"start": 0.5, "end": 1.5})
    assert server.requests == 0


def test_the_form_is_how_and_not_what(tmp_path: Path, clip: Path) -> None:
    server = Server()
    first = asked(tmp_path, server, "video_mp4")
    second = asked(tmp_path, server, "image_url")
    assert lasting(first) == lasting(second) and server.requests == 4


def test_stills_go_as_pictures_whatever_the_lane(tmp_path: Path, clip: Path) -> None:
    server = Server()
    with Endpoint(server) as endpoint:
        told = settings(tmp_path, endpoint.url, "video_mp4")
        ask_teacher(*shard(1, frames=1, data_type="image"), cell=cell(tmp_path, "", **told))
    assert server.payloads[0]["messages"][0]["content"][0]["type"] == "image_url"


@pytest.mark.parametrize("form", ["video_mp4", "video_file"])
def test_a_clip_that_vanished_before_it_was_asked_about_fails_its_rows_alone(
    tmp_path: Path, clip: Path, form: str
) -> None:
    content = clip.read_bytes()
    clip.unlink()
    table = asked(tmp_path, Server(), form)
    faults = set(table["fault"].to_pylist())
    assert faults == {"there is no file a b.mp4 in the media folder clips"}
    assert table.schema.metadata[AGAIN] == b"4"
    clip.write_bytes(content)
    assert asked(tmp_path, Server(), form)["text"].null_count == 0


def test_a_clip_that_vanishes_hurts_no_lane_that_sends_frames(tmp_path: Path, clip: Path) -> None:
    clip.unlink()
    assert asked(tmp_path, Server(), "image_url")["text"].null_count == 0


def test_the_budget_reckons_with_the_frames_that_a_server_may_take(
    tmp_path: Path, clip: Path
) -> None:
    server = Server()
    with pytest.raises(BudgetSpent):  # 32 frames of 5 x 4 patches, where ours are 3 of 2 x 2
        asked(tmp_path, server, "video_mp4", budget={"tokens": 1100})
    assert server.requests == 0
    asked(tmp_path, server, "image_url", budget={"tokens": 1100})
    assert server.requests == 4


def look(behave: Any, form: str, folder: Path) -> dict[str, str]:
    """What the doctor finds, by its state."""
    asked = Asked("m", {"max_tokens": 64}, Form(8, 112, 112), "teacher")
    with Endpoint(Server(behave, canaries=True)) as endpoint:
        found = examine(Lane(endpoint.url, endpoint.url, media=form), asked, folder)
    return {each.state: each.what for each in found}


def test_the_doctor_tells_which_forms_an_endpoint_takes(tmp_path: Path) -> None:
    seen: list[str] = []

    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        part = payload["messages"][0]["content"][0]
        url = part[part["type"]]["url"]
        seen.append(url[:18])
        if url.startswith("file:"):
            path = Path(unquote(urlsplit(url).path))
            assert path.is_file() and path.is_relative_to(tmp_path)
            return error(400, "Cannot load local files without --allowed-local-media-path")
        if url.startswith("data:video/mp4"):
            clip = tmp_path / "back.mp4"
            clip.write_bytes(base64.b64decode(url.partition(",")[2]))
            with av.open(clip) as opened:
                assert sum(1 for _ in opened.decode(video=0)) == 8
        return completion()

    note = look(behave, "image_url", tmp_path)["note"]
    assert "video_url is taken" in note and "video_mp4 is taken" in note
    assert "video_file is not taken (HTTP 400: Cannot load local files" in note
    own = look(behave, "video_file", tmp_path)["problem"]
    assert own.startswith("8 images of 112 x 112 as video_file: HTTP 400: Cannot load local files")
    assert [path.name for path in tmp_path.iterdir()] == ["back.mp4"], "nothing is left behind"
