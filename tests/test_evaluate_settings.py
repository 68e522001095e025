"""What benchmarks ask for beside the default: frames by rate, subtitles, a knowledge gain."""

import json
from pathlib import Path
from typing import Any

import pytest
from clips import Clip, make
from endpoint import Endpoint as Served
from endpoint import Reply, Server, completion, parts_of
from PIL import Image

from r1data.errors import InputError, UsageError
from r1data.evaluate.gain import knowledge_gain
from r1data.evaluate.records import read_records
from r1data.evaluate.run import evaluate
from r1data.evaluate.settings import Endpoint, Pinned
from r1data.evaluate.subtitles import NOTHING, read_srt, shows
from r1data.evaluate.table import compare, table_text

SRT = """\ufeff1
00:00:00,000 --> 00:00:01,000
<font color="white" size=".72c">first words</font>

2
00:00:01,000 --> 00:00:01,990
{\\an8}<i>between</i>

3
00:00:01,990 --> 00:01:00.5
two
lines
"""


def asked(payload: dict[str, Any]) -> str:
    return parts_of(payload)[-1]["text"]


def frames_of(payload: dict[str, Any]) -> int:
    return sum(part["type"] == "image_url" for part in parts_of(payload))


def video_mme(folder: Path, seconds: int = 4) -> Path:
    (folder / "data").mkdir()
    for name in ("told", "mute"):
        make(Clip(f"{name}.mp4", frames=25 * seconds + 1, size=(64, 64)), folder / "data")
    row = {"duration": "short", "options": ["A. x", "B. y"], "answer": "B"}
    rows = [
        {**row, "question_id": f"{name}-1", "videoID": name, "question": f"What is in {name}?"}
        for name in ("told", "mute")
    ]
    (folder / "subtitle").mkdir()
    (folder / "subtitle" / "told.srt").write_text(SRT)
    path = folder / "videomme.json"
    path.write_text(json.dumps(rows))
    return path


def run_on(server: Server, path: Path, out: Path, benchmark: str, **pinned: Any) -> dict[str, Any]:
    settings = Pinned(**{"frames": 4, "max_pixels": 3136, "prompt": "direct", **pinned})
    with Served(server) as endpoint:
        at = Endpoint(endpoint.url, "m")
        return evaluate(path, at, out, pinned=settings, benchmark=benchmark, media=path.parent)


def says_b(server: Server, payload: dict[str, Any]) -> Reply:
    return completion("B")


@pytest.mark.parametrize(("most", "taken"), [(16, 8), (6, 6), (64, 8)])
def test_two_frames_a_second_up_to_a_number_as_video_r1_evaluates(
    tmp_path: Path, most: int, taken: int
) -> None:
    server = Server(says_b)
    path = video_mme(tmp_path)
    found = run_on(server, path, tmp_path / "out", "videomme", sampler="fps", frames=most)
    assert {frames_of(each) for each in server.payloads} == {taken}
    assert found["settings"]["sampler"] == "fps" and found["settings"]["frames"] == most
    told = table_text(compare([tmp_path / "out"]))
    assert f"m, direct, fps up to {most} frames" in told and "sampler fps" in told


def test_the_subtitles_of_the_frames_and_no_others_come_before_the_question(
    tmp_path: Path,
) -> None:
    server = Server(says_b)
    path = video_mme(tmp_path, seconds=3)
    subtitles = str(tmp_path / "subtitle")
    # Frames at 0, 1.5 and 3 s, then at 0 and 3 s, where nobody sees the second subtitle
    run_on(server, path, tmp_path / "a", "videomme", subtitles=subtitles, frames=3)
    found = run_on(server, path, tmp_path / "b", "videomme", subtitles=subtitles, frames=2)
    texts = [asked(each) for each in server.payloads]
    head = "This video's subtitles are listed below:\n"
    assert f"{head}first words\nbetween\ntwo lines\nWhat is in told?" in "".join(texts[:2])
    assert f"{head}first words\ntwo lines\nWhat is in told?" in "".join(texts[2:])
    assert "".join(texts).count(f"{head}{NOTHING}\nWhat is in mute?") == 2
    assert found["settings"]["subtitles"] and "subtitles" in table_text(compare([tmp_path / "b"]))
    (tmp_path / "subtitle" / "told.srt").write_text(SRT.replace("first", "other"))
    with pytest.raises(UsageError, match=r"with subtitles .*take another --out"):
        run_on(server, path, tmp_path / "b", "videomme", subtitles=subtitles, frames=2)


def test_an_srt_is_read_with_its_markup_and_other_marks(tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    path.write_text(SRT.replace("\n", "\r\n"), newline="")
    lines = [(line.start, line.end, line.text) for line in read_srt(path)]
    assert lines == [
        (0, 1, "first words"), (1, 1.99, "between"), (1.99, 60.5, "two lines")
    ]  # fmt: skip
    first = read_srt(path)[0]
    assert [shows(first, time) for time in (0.0, 0.99, 1.0, None)] == [True, True, False, False]
    (tmp_path / "b.srt").write_text("just words")
    with pytest.raises(InputError, match=r"b\.srt: no time as"):
        read_srt(tmp_path / "b.srt")
    (tmp_path / "c.srt").write_text("")
    assert read_srt(tmp_path / "c.srt") == ()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"sampler": "fast"}, "--sampler is one of uniform, .* not 'fast'"),
        ({"subtitles": "nowhere"}, "--subtitles nowhere: no folder is there"),
        ({"subtitles": "."}, r"--subtitles \.: no file is named after a clip, as mute\.srt"),
        ({"question_only": True}, "--question-only is for VideoMMMU"),
    ],
)
def test_settings_that_do_not_fit_are_refused_before_anything_is_asked(
    tmp_path: Path, settings: dict[str, Any], told: str
) -> None:
    server = Server(says_b)
    with pytest.raises(UsageError, match=told):
        run_on(server, video_mme(tmp_path, 1), tmp_path / "out", "videomme", **settings)
    assert not server.requests and not (tmp_path / "out").exists()


def video_mmmu(folder: Path) -> Path:
    """Four questions of Adaptation and one of Perception, over clips whose last frame is white."""
    frames = folder / "clips" / "frames_fps2"
    frames.mkdir(parents=True)
    for number in range(6):
        Image.new("RGB", (64, 64), "white" if number == 5 else "black").save(
            frames / f"{number}.png"
        )
    row = {"data_type": "video", "problem_type": "multiple choice", "options": ["A. x", "B. y"]}
    rows = [
        {
            **row,
            "problem_id": number,
            "problem": f"What is <image 1> number {number}?",
            "solution": "<answer>B</answer>",
            "path": "./clips/frames_fps2",
            "track": "Adaptation" if number else "Perception",
        }
        for number in range(5)
    ]
    path = folder / "videommmu.json"
    path.write_text(json.dumps(rows))
    return path


def test_the_knowledge_gain_is_what_the_lecture_adds_of_what_was_missing(tmp_path: Path) -> None:
    path = video_mmmu(tmp_path)

    def without(server: Server, payload: dict[str, Any]) -> Reply:
        return completion("B" if "number 1?" in asked(payload) else "A")

    def lectured(server: Server, payload: dict[str, Any]) -> Reply:
        return completion("A" if "number 4?" in asked(payload) else "B")

    before, after = Server(without), Server(lectured)
    found = run_on(before, path, tmp_path / "before", "videommmu", question_only=True)
    run_on(after, path, tmp_path / "after", "videommmu")
    assert found["rows"] == 4 and {frames_of(each) for each in before.payloads} == {1}
    pictures = {parts_of(each)[0]["image_url"]["url"] for each in before.payloads}
    last = {parts_of(each)[-2]["image_url"]["url"] for each in after.payloads}
    assert pictures == last and len(pictures) == 1
    (block,) = compare([tmp_path / "before", tmp_path / "after"], gain=True)
    gain = block["runs"][1]["knowledge_gain"]
    # One of four is right before, three after: two of the three that were missing
    assert gain == {
        "n": 4, "before": 0.25, "after": 0.75, "gain": pytest.approx(2 / 3),
        "published_rule": {"n": 4, "before": 0.25, "after": 0.75, "gain": pytest.approx(2 / 3)},
    }  # fmt: skip
    told = table_text([block])
    assert "(4 rows of Adaptation): +66.7 (25.0 to 75.0); by the published rule +66.7" in told
    assert "1 frames, question only" in told
    with pytest.raises(UsageError, match="compares runs on VideoMMMU"):
        compare([tmp_path / "after"], gain=True)
    before_records, after_records = (read_records(tmp_path / n) for n in ("before", "after"))
    with pytest.raises(UsageError, match=r"share no scored question of the track Adaptation .1 of"):
        knowledge_gain(after_records, after_records[:1])
    perfect = [{**each, "score": 1.0} for each in before_records]
    assert knowledge_gain(perfect, after_records)["gain"] is None
    losing = knowledge_gain(after_records, before_records)
    assert losing["gain"] == pytest.approx((0.25 - 0.75) / 0.25)
