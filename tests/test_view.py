"""The viewer finds the rows of anything, page by page, and answers only who may ask."""

import http.client
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from clips import Clip, make
from hub import Hub
from test_report import rewritten

from r1data.building import Build
from r1data.errors import InputError, UsageError
from r1data.report.asking import Viewer
from r1data.report.opening import open_rows
from r1data.report.reviews import Reviews, agreement, bad_rows, read_marks
from r1data.report.serve import Server

VIDEO_R1 = [
    {
        "problem_id": i,
        "problem": f"What happens in clip {i}?",
        "data_type": "image" if i % 2 else "video",
        "problem_type": "multiple choice" if i % 3 else "numerical",
        "options": ["A. rain", "B. snow"] if i % 3 else None,
        "solution": "<answer>B</answer>" if i % 3 else f"<answer>{i}</answer>",
        "process": f"<think>The sky of clip {i} is white. So it is snow.</think>"
        if i % 2
        else None,
        "path": f"./pictures/{i}.png",
        "data_source": f"s{i % 4}",
    }
    for i in range(50)
]


def viewer(path: Path | str, other: Path | None = None, **more: Any) -> Viewer:
    rows = open_rows(path, **more)
    return Viewer(rows, open_rows(other) if other else None, Reviews(Path("reviews.jsonl")))


@contextmanager
def served(shown: Viewer) -> Iterator[Server]:
    with Server(shown, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(server: Server, path: str, *, host: str = "", **how: Any) -> tuple[int, bytes]:
    link = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    headers = {"Host": host or f"127.0.0.1:{server.server_port}", **how.pop("headers", {})}
    link.request(how.pop("method", "GET"), path, headers=headers, **how)
    reply = link.getresponse()
    found = reply.status, reply.read()
    link.close()
    return found


def all_ids(shown: Viewer, **asked: str) -> list[str]:
    total = shown.page(asked, 0, 1)["total"]
    pages = [shown.page(asked, offset, 7)["rows"] for offset in range(0, total, 7)]
    return [row["id"] for rows in pages for row in rows]


def test_a_build_and_its_release_show_the_same_rows(demo: Build) -> None:
    whole, release = viewer(demo.path), viewer(demo.release)
    kept = demo.table("release").collect()["id"].to_list()
    assert all_ids(whole) == demo.table("samples").collect()["id"].to_list()
    assert sorted(all_ids(whole, reason="kept")) == sorted(kept) == sorted(all_ids(release))
    of_build = {s["id"]: s for s in (whole.story(f"{i}.-1") for i in range(whole.index.height))}
    for at in range(release.index.height):
        told = release.story(f"{at}.-1")
        same = of_build[told["id"]]
        assert (told["question"], told["truth"]) == (same["question"], same["truth"])
        assert [o["text"] for o in told["options"]] == [o["text"] for o in same["options"]]
        chosen = next(answer for answer in same["answers"] if answer["chosen"])
        assert told["answers"][0]["think"] == chosen["think"]
        assert len(told["frames"]["list"]) == len(same["frames"]["list"])
        at_build = whole.index["id"].index_of(told["id"])
        assert at_build is not None
        assert release.rows.picture(at, 0) == whole.rows.picture(at_build, 0)


def test_filters_and_search_agree_with_the_tables(demo: Build) -> None:
    shown = viewer(demo.path)
    selection = demo.table("selection").collect().to_dicts()
    for reason in {row["drop_reason"] for row in selection} - {None}:
        wanted = [row["id"] for row in selection if row["drop_reason"] == reason]
        assert all_ids(shown, reason=reason) == wanted
    texts = demo.table("responses").collect().to_dicts()
    samples = demo.table("samples").collect().to_dicts()
    word = "CIRCLE"
    held = {row["id"] for row in texts if word.lower() in (row["text"] or "").lower()}
    held |= {
        row["id"]
        for row in samples
        if word.lower() in " ".join([row["problem"], *row["options"]]).lower()
    }
    assert set(all_ids(shown, words=word)) == held
    assert all_ids(shown, words="(no [such") == []
    numerical = [row["id"] for row in samples if row["problem_type"] == "numerical"]
    assert all_ids(shown, type="numerical") == numerical
    best: dict[str, float] = {}
    for row in demo.table("verdicts").collect().to_dicts():
        best[row["id"]] = max(best.get(row["id"], 0.0), row["reward"])
    assert set(all_ids(shown, reward="0")) == {key for key, value in best.items() if value == 0}


@pytest.mark.parametrize("form", ["json", "jsonl", "parquet", "folder"])
def test_question_files_in_video_r1_form_are_shown(form: str, tmp_path: Path) -> None:
    import polars as pl
    from PIL import Image

    (tmp_path / "pictures").mkdir()
    Image.new("RGB", (40, 30), "red").save(tmp_path / "pictures" / "1.png")
    path = tmp_path / ("q.json" if form == "folder" else f"q.{form}")
    if form == "parquet":
        pl.DataFrame(VIDEO_R1, infer_schema_length=None).write_parquet(path, row_group_size=8)
    elif form == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in VIDEO_R1))
    else:
        path.write_text(json.dumps(VIDEO_R1))
    shown = viewer(tmp_path if form == "folder" else path)
    assert all_ids(shown) == [str(i) for i in range(50)]
    assert all_ids(shown, source="s3", type="multiple choice", words="WHITE")[:2] == ["7", "11"]
    story = shown.story("1.-1")
    assert story["options"] == [{"letter": "A", "text": "rain"}, {"letter": "B", "text": "snow"}]
    assert (story["truth"], story["answers"][0]["letter"]) == ("B", "B")
    assert story["answers"][0]["think"][1] == "So it is snow."
    assert len(story["frames"]["list"]) == 1 and shown.rows.picture(1, 0)
    assert shown.story("0.-1")["answers"] == []
    assert shown.rows.picture(2, 0) is None


def test_a_path_that_leaves_its_folder_is_never_read(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "link.png").symlink_to(tmp_path / "secret.png")
    paths = ["../secret.png", str(tmp_path / "secret.png"), "link.png", "a\0b", ""]
    rows = [{**VIDEO_R1[1], "problem_id": i, "path": path} for i, path in enumerate(paths)]
    (tmp_path / "set" / "q.json").write_text(json.dumps(rows))
    shown = viewer(tmp_path / "set" / "q.json")
    for i in range(len(paths)):
        assert shown.rows.picture(i, 0) is None
        assert shown.rows.cover(i) is None


def test_a_clip_beside_its_question_is_decoded_when_it_is_looked_at(tmp_path: Path) -> None:
    clip = make(Clip("a.mp4"), tmp_path)
    row = {**VIDEO_R1[2], "path": clip.name}
    (tmp_path / "q.json").write_text(json.dumps([row]))
    shown = viewer(tmp_path / "q.json")
    frames = shown.story("0.-1")["frames"]["list"]
    assert len(frames) == 8 and frames[1]["time"] > 0
    assert (shown.rows.picture(0, 7) or b"").startswith(b"\xff\xd8")
    assert shown.rows.picture(0, 8) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"problem": "a"}, {"problem": "b"', "row 2: not valid JSON"),
        ('[{"problem": "a"}, 7]', "row 2: expected an object"),
        ("[]", "holds no rows"),
    ],
)
def test_a_broken_file_is_named_with_its_row(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "q.json").write_text(text)
    with pytest.raises((InputError, UsageError), match=words):
        viewer(tmp_path / "q.json")


def test_what_holds_no_questions_is_refused(tmp_path: Path) -> None:
    import polars as pl

    pl.DataFrame({"text": ["a"]}).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(UsageError, match=r"no column 'problem': it has text"):
        _ = viewer(tmp_path / "x.parquet").index
    with pytest.raises(UsageError, match="there is nothing at"):
        viewer(tmp_path / "no" / "such" / "place")


def test_a_set_on_the_hub_is_fetched_through_its_client(demo: Build, tmp_path: Path) -> None:
    files = {
        str(path.relative_to(demo.release)): path.read_bytes()
        for path in demo.release.rglob("*")
        if path.is_file() and path.suffix in {".parquet", ".md"}
    }
    code = (
        "import sys\nfrom r1data.report.opening import open_rows\n"
        "rows = open_rows('me/set')\nprint(rows.index.height, len(rows.picture(0, 0)) > 100)"
    )
    with Hub() as hub:
        hub.commit("me/set", {**files, "clips.zip": b"large"})
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **hub.environment(), "HF_HUB_OFFLINE": "0"},
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert not [each for each in hub.log if each.method == "GET" and "clips.zip" in each.path]
    kept = demo.table("release").collect().height
    assert done.stdout.split() == [str(kept), "True"], done.stderr


def test_two_sets_stand_side_by_side(demo: Build, tmp_path: Path) -> None:
    shutil.copytree(demo.path, tmp_path / "b", ignore=shutil.ignore_patterns("lock", ".lock"))
    ids = demo.table("samples").collect()["id"].to_list()
    first, second = ids[0], ids[1]
    drop = {"drop_reason": "wrong", "drop_detail": "for the test", "k": None}
    rewritten(
        tmp_path / "b" / "8.selection", lambda row: {**row, **(drop if row["id"] == first else {})}
    )
    shown = viewer(demo.path, tmp_path / "b")
    assert shown.page({}, 0, 1)["total"] == len(ids)
    assert all_ids(shown, side="differs") == [first]
    at = shown.page({"side": "differs"}, 0, 1)["rows"][0]["at"]
    story = shown.story(at)
    assert story["dropped"] is None and story["other"]["dropped"]["detail"] == "for the test"
    assert story["other"]["frames"]["list"][0]["src"].startswith("frame/b/")
    against = viewer(demo.release, tmp_path / "b")
    kept = demo.table("release").collect().height
    assert len(all_ids(against, side="both")) == kept
    assert len(all_ids(against, side="second")) == len(ids) - kept
    assert second in all_ids(against)


def test_sets_without_a_common_id_are_matched_by_question_and_file(tmp_path: Path) -> None:
    renamed = [{**row, "problem_id": f"other-{row['problem_id']}"} for row in VIDEO_R1[10:]]
    (tmp_path / "a.json").write_text(json.dumps(VIDEO_R1))
    (tmp_path / "b.json").write_text(json.dumps(renamed))
    shown = viewer(tmp_path / "a.json", tmp_path / "b.json")
    assert shown.page({}, 0, 1)["total"] == 50
    assert len(all_ids(shown, side="both")) == 40
    assert "matched by question and file name" in shown.about()["matched"]
    story = shown.story(shown.page({"side": "both"}, 0, 1)["rows"][0]["at"])
    assert story["other"]["id"] == f"other-{story['id']}"


def test_only_the_printed_address_is_answered(demo: Build) -> None:
    with served(viewer(demo.path)) as server:
        good = f"/{server.token}"
        status, body = ask(server, f"{good}/")
        assert status == 200 and b"connect-src 'self'" in body
        assert ask(server, f"{good}/rows?many=5")[0] == 200
        assert ask(server, f"{good}/frame/a/0/0")[1].startswith(b"\xff\xd8")
        for path in ("/", "/x/rows", f"/{server.token[:-1]}/rows", "//", "/%2e%2e/rows"):
            assert ask(server, path)[0] == 403, path
        rebound = f"evil.example:{server.server_port}"
        assert ask(server, f"{good}/rows", host=rebound)[0] == 403
        for path in (
            "/nothing",
            "/row/9999.-1",
            "/row/x",
            "/frame/c/0/0",
            "/frame/a/-1/0",
            "/rows?offset=x",
        ):
            assert ask(server, good + path)[0] == 404, path


def test_a_mark_needs_the_pages_own_origin_and_is_saved(demo: Build) -> None:
    shown = viewer(demo.path)
    identity = shown.index["id"][0]
    body = json.dumps({"at": "0.-1", "mark": "bad", "note": "wrong <b>colour</b>"})
    with served(shown) as server:
        path, own = f"/{server.token}/review", f"http://127.0.0.1:{server.server_port}"
        for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
            assert ask(server, path, method="POST", body=body, headers=headers)[0] == 404
        assert not Path("reviews.jsonl").exists()
        good = {"Origin": own}
        assert ask(server, path, method="POST", body=body, headers=good)[0] == 200
        strange = json.dumps({"at": "0.-1", "mark": "splendid"})
        assert ask(server, path, method="POST", body=strange, headers=good)[0] == 404
        status, told = ask(server, f"/{server.token}/row/0.-1")
        assert status == 200 and json.loads(told)["review"]["note"] == "wrong <b>colour</b>"
        assert json.loads(ask(server, f"/{server.token}/agreement")[1])[0]["reviewed"] == 1
    assert read_marks(Path("reviews.jsonl"))[identity]["mark"] == "bad"
    assert bad_rows("reviews.jsonl") == {identity: "wrong <b>colour</b>"}


def test_the_last_mark_counts_and_agreement_is_measured_by_state(tmp_path: Path) -> None:
    reviews = Reviews(tmp_path / "r.jsonl")
    for i in range(8):
        reviews.add(f"t/{i}", "good" if i < 7 else "bad", "", "kept", "OCR")
    reviews.add("t/8", "good", "the verifier is too strict", "wrong", "OCR")
    reviews.add("t/0", "bad", "seen again", "kept", "OCR")
    reviews.add("t/1", None, "", "kept", "OCR")
    again = Reviews(tmp_path / "r.jsonl")
    assert again.marks == reviews.marks and "t/1" not in again.marks
    kept, wrong = agreement(again.marks)
    assert (kept.state, kept.reviewed, kept.agreed) == ("kept", 7, 5)
    assert 0.3 < kept.low < 5 / 7 < kept.high < 0.95
    assert (wrong.state, wrong.agreed, wrong.low) == ("wrong", 0, 0.0)
    (tmp_path / "r.jsonl").write_text('{"id": "a", "mark": "bad"}\n{"id": "b", "mark": "meh"}\n')
    with pytest.raises(InputError, match=r"line 2: mark is good, bad or null, not 'meh'"):
        read_marks(tmp_path / "r.jsonl")
    with pytest.raises(InputError, match="no reviews at"):
        read_marks(tmp_path / "none.jsonl")


def test_a_recipe_drops_what_a_reviewer_marked_bad(demo: Build, tmp_path: Path) -> None:
    import r1data

    kept = sorted(demo.table("release").collect()["id"])
    shutil.copytree(demo.path, tmp_path / "b", ignore=shutil.ignore_patterns("lock", ".lock"))
    reviews = Reviews(tmp_path / "marks.jsonl")
    reviews.add(kept[0], "bad", "the red square is orange", "kept", "OCR")
    reviews.add(kept[1], "good", "", "kept", "OCR")
    more = ["sources.shapes.rows=40", f"filter.reviews={reviews.path}"]
    again = r1data.build("demo", out=tmp_path / "b", engine="inline", overrides=more)
    assert again.tally is not None and set(again.tally.made) == {"selection", "release"}
    assert sorted(again.table("release").collect()["id"]) == kept[1:]
    fell = again.sample(kept[0]).story["dropped"]
    told = "a reviewer marked it bad: the red square is orange"
    assert fell == {"stage": "selection", "reason": "wrong", "detail": told}
    with pytest.raises(UsageError, match=r"filter.reviews: no reviews at nowhere.jsonl"):
        r1data.build("demo", out=tmp_path / "c", overrides=["filter.reviews=nowhere.jsonl"])
