"""Evaluation end to end: real clips, real HTTP, kills, refusals, releases, a tiny model."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from endpoint import Endpoint as Served
from endpoint import Reply, Server, completion, error, parts_of
from evaluating import PINNED, row, write_questions
from PIL import Image
from typer.testing import CliRunner

from r1data.building import Build
from r1data.cli import app
from r1data.errors import InputError, R1DataError, TeacherStop, UsageError
from r1data.evaluate.records import read_records
from r1data.evaluate.run import evaluate
from r1data.evaluate.settings import Endpoint, Local, Pinned
from r1data.evaluate.table import compare, table_text

SCRIPT = Path(__file__).parent / "evaluating.py"
CLOSED = "http://127.0.0.1:9/v1"
A = completion("<think>seen</think><answer>A</answer>")


def says(text: str) -> Server:
    return Server(lambda server, payload: completion(text))


def asked_text(payload: dict[str, Any]) -> str:
    return parts_of(payload)[-1]["text"]


def pictures(payload: dict[str, Any]) -> list[str]:
    parts = parts_of(payload)
    return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]


def run_with(server: Server, questions: Path, out: Path, **options: Any) -> dict[str, Any]:
    pinned = options.pop("pinned", PINNED)
    with Served(server) as endpoint:
        asked = Endpoint(endpoint.url, "m", concurrency=8)
        return evaluate(questions, asked, out, pinned=pinned, **options)


def test_clips_are_shown_with_pinned_settings_and_answers_scored(tmp_path: Path) -> None:
    questions = write_questions(tmp_path, 10)
    server = says("<think>seen</think><answer>A</answer>")
    found = run_with(server, questions, tmp_path / "out")
    assert found["score"]["mean"] == 0.5 and found["counts"]["scored"] == 10
    for payload in server.payloads:
        assert len(pictures(payload)) == 4
        pinned = {name: payload[name] for name in ("temperature", "top_p", "max_tokens")}
        assert pinned == {"temperature": 0.1, "top_p": 0.001, "max_tokens": 64}
    assert {asked_text(each).count("4 pictures above are frames") for each in server.payloads} == {
        1
    }
    assert found["settings"] | {"frames": 4, "max_pixels": 3136, "model": "m"} == found["settings"]
    records = read_records(tmp_path / "out")
    assert [each["id"] for each in records] == [f"own/{i}" for i in range(10)]
    assert {each["state"] for each in records} == {"answered"}


def test_a_second_run_asks_nothing_and_says_the_same(tmp_path: Path) -> None:
    questions = write_questions(tmp_path, 6)
    first = run_with(says("A"), questions, tmp_path / "out")
    asked = Endpoint(CLOSED, "m", concurrency=8)
    again = evaluate(questions, asked, tmp_path / "out", pinned=PINNED)
    assert {**again, "settings": None} == {**first, "settings": None}


def test_more_rows_keep_those_asked_before(tmp_path: Path) -> None:
    questions = write_questions(tmp_path, 12)
    server = says("A")
    run_with(server, questions, tmp_path / "out", limit=4)
    assert server.requests == 4
    few = {each["id"] for each in read_records(tmp_path / "out")}
    run_with(server, questions, tmp_path / "out", limit=9)
    assert server.requests == 9
    assert few < {each["id"] for each in read_records(tmp_path / "out")}


def test_sigkill_loses_no_answer_and_asks_none_twice(tmp_path: Path) -> None:
    questions = write_questions(tmp_path, 60)
    server = Server(lambda server, payload: A, latency=0.15)
    journal = tmp_path / "out" / "answers" / "answers.journal.jsonl"
    with Served(server) as endpoint:
        for kill in range(2):
            command = [sys.executable, str(SCRIPT), str(questions), endpoint.url]
            path = os.pathsep.join([str(SCRIPT.parents[1]), os.environ.get("PYTHONPATH", "")])
            process = subprocess.Popen(
                [*command, str(tmp_path / "out")], env=os.environ | {"PYTHONPATH": path}
            )
            before = server.accepted
            while server.accepted < before + 6 and process.poll() is None:
                time.sleep(0.01)
            process.kill()
            process.wait()
            assert not (tmp_path / "out" / "records.jsonl").exists(), f"too late a kill {kill}"
        while server.active:
            time.sleep(0.01)
        kept = [line for line in journal.read_bytes().split(b"\n") if line.endswith(b"}")]
        before = server.accepted
        asked = Endpoint(endpoint.url, "m", concurrency=8)
        found = evaluate(questions, asked, tmp_path / "out", pinned=PINNED)
    assert len(kept) >= 6
    assert server.accepted - before == 60 - len(kept)
    assert found["counts"]["scored"] == 60


def test_frames_are_taken_once_for_all_questions_prompts_and_models(tmp_path: Path) -> None:
    questions = write_questions(tmp_path, 8)
    run_with(says("A"), questions, tmp_path / "one")
    entries = {path: path.stat().st_mtime_ns for path in Path("media").rglob("*.frames")}
    assert len(entries) == 2
    direct = Pinned(**{**vars(PINNED), "prompt": "direct"})
    server = says("A")
    run_with(server, questions, tmp_path / "two", pinned=direct)
    assert {path: path.stat().st_mtime_ns for path in entries} == entries
    assert "<think>" not in asked_text(server.payloads[0])


def test_undecodable_and_missing_clips_are_no_wrong_answers(tmp_path: Path) -> None:
    questions = write_questions(tmp_path, 8, clips=4)
    (tmp_path / "clip1.mp4").write_bytes(b"no clip at all" * 99)
    (tmp_path / "clip2.mp4").unlink()
    server = says("<answer>A</answer>")
    found = run_with(server, questions, tmp_path / "out")
    assert server.requests == 4
    assert found["counts"]["undecoded"] == 4 and found["counts"]["scored"] == 4
    assert found["score"]["mean"] == 0.5 and found["lower_bound"]["mean"] == 0.25
    told = {each["id"]: each["detail"] for each in read_records(tmp_path / "out")}
    assert told["own/1"].startswith("undecodable") and told["own/2"].startswith("missing_media")


def test_an_endpoint_that_refuses_pictures_is_told_and_never_asked_without(tmp_path: Path) -> None:
    questions = write_questions(tmp_path, 20)
    refuse = error(400, "this model does not take image input")
    server = Server(lambda server, payload: refuse if pictures(payload) else A, canaries=True)
    told = "HTTP 400: this model does not take image input; serve a model that takes images"
    with pytest.raises(TeacherStop, match=told):
        run_with(server, questions, tmp_path / "out")
    assert server.requests <= 8 and all(pictures(payload) for payload in server.payloads)
    assert not (tmp_path / "out" / "records.jsonl").exists()


def test_a_row_that_the_endpoint_refuses_is_a_failure_and_asked_again(tmp_path: Path) -> None:
    questions = write_questions(tmp_path, 8)
    good = [False]

    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        return error(400, "odd") if "place 5?" in asked_text(payload) and not good[0] else A

    server = Server(behave)
    found = run_with(server, questions, tmp_path / "out")
    assert found["counts"] | {"failed": 1, "scored": 7, "undecoded": 0} == found["counts"]
    good[0] = True
    before = server.requests
    found = run_with(server, questions, tmp_path / "out")
    assert server.requests == before + 1 and found["counts"]["failed"] == 0


def test_refusals_and_cut_answers_are_wrong_and_counted(tmp_path: Path) -> None:
    questions = write_questions(tmp_path, 4)

    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        if "place 0?" in asked_text(payload):
            return completion(None, "content_filter", refusal="I will not")
        if "place 1?" in asked_text(payload):
            return completion("<think>and so on and", "length", tokens=(100, 64))
        return A

    found = run_with(Server(behave), questions, tmp_path / "out")
    assert found["score"]["mean"] == 0.25 and found["counts"]["scored"] == 4
    assert found["counts"] | {"refused": 1, "truncated": 1, "no_answer": 2} == found["counts"]


def test_shuffled_frames_are_the_same_pictures_at_the_times_of_their_places(tmp_path: Path) -> None:
    questions = write_questions(tmp_path, 2, clips=1)
    ordered, disordered = says("A"), says("A")
    run_with(ordered, questions, tmp_path / "one")
    shuffled = Pinned(**{**vars(PINNED), "shuffled": True})
    run_with(disordered, questions, tmp_path / "two", pinned=shuffled)
    first, other = (
        {asked_text(each): pictures(each) for each in server.payloads}
        for server in (ordered, disordered)
    )
    assert first.keys() == other.keys()
    for text, shown in other.items():
        assert sorted(shown) == sorted(first[text]) and shown != first[text]


def test_another_setting_needs_another_folder(tmp_path: Path) -> None:
    questions = write_questions(tmp_path, 3)
    run_with(says("A"), questions, tmp_path / "out")
    other = Pinned(**{**vars(PINNED), "temperature": 0.01})
    with pytest.raises(UsageError, match=r"with temperature 0\.1, not 0\.01: take another --out"):
        run_with(says("A"), questions, tmp_path / "out", pinned=other)


def test_base_and_trained_stand_in_one_table_with_paired_differences(tmp_path: Path) -> None:
    questions = write_questions(tmp_path, 40)

    def trained(server: Server, payload: dict[str, Any]) -> Reply:
        place = re.search(r"place (\d+)\?", asked_text(payload))
        assert place is not None
        number = int(place[1])
        return completion(f"<answer>{'AB'[number % 2] if number % 8 else 'B'}</answer>")

    direct = Pinned(**{**vars(PINNED), "prompt": "direct"})
    run_with(says("A"), questions, tmp_path / "base", pinned=direct)
    run_with(Server(trained), questions, tmp_path / "trained")
    (block,) = compare([tmp_path / "base", tmp_path / "trained"])
    gap = block["runs"][1]["difference"]
    # right: 20 of 40 by always A; 35 of 40, of which A where always A is right: 15 of 20
    assert gap["mean"] == pytest.approx(35 / 40 - 20 / 40) and gap["n"] == 40
    assert gap["low"] > 0.1 and gap["high"] < 0.65
    text = table_text([block])
    assert "m, direct, 4 frames" in text and "+37.5" in text
    assert text.count("temperature 0.1, top_p 0.001, max_tokens 64") == 2


def test_runs_of_other_rows_are_not_compared(tmp_path: Path) -> None:
    questions = write_questions(tmp_path, 4)
    run_with(says("A"), questions, tmp_path / "one")
    rows = [{**row(number, 2), "solution": "<answer>A</answer>"} for number in range(4)]
    (tmp_path / "other.json").write_text(json.dumps(rows))
    run_with(says("A"), tmp_path / "other.json", tmp_path / "two")
    with pytest.raises(UsageError, match="own/1 has another truth"):
        compare([tmp_path / "one", tmp_path / "two"])


def test_a_release_is_scored_against_the_offline_teacher(demo: Build, tmp_path: Path) -> None:
    asked = Endpoint("offline", "offline", concurrency=4)
    pinned = Pinned(temperature=0.0)
    found = evaluate(demo.path, asked, tmp_path / "out", pinned=pinned)
    questions = {row["id"] for row in demo.table("release").select("id").collect().to_dicts()}
    records = read_records(tmp_path / "out")
    assert {each["id"] for each in records} == questions and len(records) == len(questions)
    assert found["counts"]["scored"] == len(questions)
    # The teacher looks at the pixels and errs rarely; blind it would guess
    assert found["score"]["mean"] > 0.7
    assert found["settings"]["sampler"] == "as released"
    fewer = evaluate(demo.path, asked, tmp_path / "few", pinned=Pinned(frames=2, temperature=0.0))
    assert fewer["score"]["mean"] < found["score"]["mean"]


def test_a_split_of_a_release_is_a_test_set(demo: Build, tmp_path: Path) -> None:
    asked = Endpoint("offline", "offline", concurrency=4)
    whole = evaluate(demo.path, asked, tmp_path / "a", limit=3)
    assert whole["rows"] == 3
    with pytest.raises(UsageError, match=r"has no split 'test': it has .*train"):
        evaluate(demo.path, asked, tmp_path / "b", split="test")
    part = evaluate(demo.path, asked, tmp_path / "c", split="validation", limit=2)
    assert 0 < part["rows"] <= 2 and part["settings"]["split"] == "validation"


def test_captions_of_tempcompass_are_judged_by_another_model(tmp_path: Path) -> None:
    write_questions(tmp_path, 1)
    (tmp_path / "videos").mkdir()
    (tmp_path / "clip0.mp4").rename(tmp_path / "videos" / "vid.mp4")
    files = {
        "multi-choice": {"question": "What?\nA. up\nB. down", "answer": "B. down"},
        "yes_no": {"question": "Is it up?", "answer": "no"},
        "caption_matching": {
            "question": "Which?\nOption 1: It falls.\nOption 2: It rises.",
            "answer": "Option 1: It falls.",
        },
        "captioning": {"question": "Which of it is true? Write a caption.", "answer": "B. down"},
    }
    for name, asked in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"vid": {"direction": [asked]}}))

    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        text = asked_text(payload)
        if not pictures(payload):
            assert "It goes down." in text and "B. down" in text
            return completion("Reasoning: it says so.\nAnswer: B. down")
        if "Write a caption" in text:
            return completion("It goes down.")
        return completion("no" if "yes or no" in text else "B")

    with Served(Server(behave)) as endpoint:
        asked = Endpoint(endpoint.url, "m")
        options: dict[str, Any] = {"benchmark": "TempCompass", "media": tmp_path, "pinned": PINNED}
        alone = evaluate(tmp_path, asked, tmp_path / "one", **options)
        judged = evaluate(tmp_path, asked, tmp_path / "two", judge=asked, **options)
    assert alone["counts"]["unjudged"] == 1
    tasks = {name: each["mean"] for name, each in judged["groups"]["task"].items()}
    assert tasks == {"multi-choice": 1, "yes_no": 1, "captioning": 1, "caption_matching": 0}
    assert judged["score"]["mean"] == 0.75


def test_a_folder_of_pictures_is_a_clip_as_in_mvbench(tmp_path: Path) -> None:
    folder = tmp_path / "tvqa" / "frames_fps3_hq" / "castle_clip_01"
    folder.mkdir(parents=True)
    for number in range(30):
        Image.new("RGB", (64, 64), (8 * number, 99, 0)).save(folder / f"{number + 1:05d}.jpg")
    asked = {"video": folder.name, "question": "Why?", "candidates": ["x", "y"], "answer": "y"}
    rows = [{**asked, "start": 2.0, "end": 4.0}, {**asked, "video": "castle_clip_02"}]
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "episodic_reasoning.json").write_text(json.dumps(rows))
    server = says("B")
    found = run_with(server, tmp_path, tmp_path / "out", benchmark="mvbench")
    (payload,) = server.payloads
    assert "at these times in seconds: 2.00, 2.67, 3.33, 4.00" in asked_text(payload)
    assert len(set(pictures(payload))) == 4
    assert found["groups"]["task"]["episodic_reasoning"]["mean"] == 1.0
    assert found["counts"]["undecoded"] == 1


def test_a_file_of_another_schema_names_its_row_and_columns(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"video": "a.mp4", "question": "?", "answer": "A"}))
    with pytest.raises(InputError, match=r"line 1: no column 'problem' .the row has: video, quest"):
        evaluate(path, Endpoint(CLOSED, "m"), tmp_path / "out")
    with pytest.raises(InputError, match=r"line 1.*task.*video, question, answer"):
        evaluate(path, Endpoint(CLOSED, "m"), tmp_path / "out", benchmark="vsi-bench")


def command(*arguments: str) -> str:
    """Run the command; return what a person is told where it ends with an error."""
    done = CliRunner().invoke(app, ["eval", *arguments])
    if isinstance(done.exception, R1DataError):
        return str(done.exception)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_asks_scores_and_prints_what_was_pinned(tmp_path: Path) -> None:
    questions = write_questions(tmp_path, 4)
    with Served(says("<answer>A</answer>")) as endpoint:
        told = command(
            str(questions), "--url", endpoint.url, "--name", "m", "--frames", "4", "--out", "out"
        )
    assert re.search(r"score +50\.0 +15\.0 to 85\.0 +4", told)
    assert "prompt video-r1, frames 4, max_pixels 200704, temperature 0.1, top_p 0.001" in told
    assert "Wilson" in told
    assert json.loads(command("score", "out", "--json"))["score"]["mean"] == 0.5
    assert json.loads(command("table", "out", "out", "--json"))[0]["runs"][1]["difference"] == {
        "n": 4, "mean": 0.0, "low": 0.0, "high": 0.0, "method": "bootstrap"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["vsi-bench"], "--model FOLDER, or --url URL --name MODEL"),
        (["vsi-bench", "--url", "http://x/v1"], "needs a model: --name"),
        (["vsi-bench", "--url", "ftp://x", "--name", "m"], r"begin with http:// or https://"),
        (["vsi-bench", "--model", "nowhere"], "--model nowhere: there is no"),
        (["nothing", "--url", "offline"], "no benchmark 'nothing'"),
        (["table", "nowhere"], "nowhere holds no records.jsonl"),
        (["score", "nowhere.json"], "no predictions at nowhere.json"),
    ],
)
def test_wrong_arguments_are_told_in_a_line(arguments: list[str], told: str) -> None:
    assert re.search(told, command(*arguments))


def test_a_key_comes_from_the_environment_and_is_written_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = write_questions(tmp_path, 3)
    server = says("A")
    server.key = "sk-secret-of-the-test"
    arguments = [str(questions), "--frames", "4", "--name", "m", "--key-env", "MY_KEY"]
    with Served(server) as endpoint:
        assert "MY_KEY is asked for and not set" in command(*arguments, "--url", endpoint.url)
        monkeypatch.setenv("MY_KEY", server.key)
        command(*arguments, "--url", endpoint.url, "--out", "out")
    written = b"".join(each.read_bytes() for each in Path("out").rglob("*") if each.is_file())
    assert server.key.encode() not in written and b"MY_KEY" not in written


def test_a_folder_that_is_no_vision_model_is_refused_before_any_decoding(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    questions = write_questions(tmp_path, 2)
    (tmp_path / "bert").mkdir()
    (tmp_path / "bert" / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(InputError, match="is a 'bert', no vision model"):
        evaluate(questions, Local(tmp_path / "bert"), tmp_path / "out", pinned=PINNED)
    assert not Path("media").exists() and not (tmp_path / "out").exists()


def test_a_tiny_model_is_asked_with_native_video_and_resumes(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from r1data.train.tiny import make_tiny

    model = make_tiny(tmp_path / "model", ["What happens in place 1? it falls it rises A B"])
    questions = write_questions(tmp_path, 5)
    pinned = Pinned(frames=4, max_pixels=1024, prompt="direct", temperature=0.0, max_tokens=4)
    first = evaluate(questions, Local(model, batch=2), tmp_path / "out", pinned=pinned)
    assert first["counts"]["scored"] == 5 and first["settings"]["weights"]
    outputs = [each["output"] for each in read_records(tmp_path / "out")]
    journal = tmp_path / "out" / "answers" / "local.journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:3]) + lines[3][:20])
    again = evaluate(questions, Local(model, batch=2), tmp_path / "out", pinned=pinned)
    assert again["counts"]["scored"] == 5
    assert [each["output"] for each in read_records(tmp_path / "out")] == outputs
    assert len(journal.read_bytes().splitlines()) == 6  # three kept, one torn, two asked again


def test_records_are_as_their_schema_says(tmp_path: Path) -> None:
    import jsonschema

    from r1data.schema import load_schema

    questions = write_questions(tmp_path, 4)
    (tmp_path / "clip1.mp4").unlink()
    run_with(says("A"), questions, tmp_path / "out")
    for record in read_records(tmp_path / "out"):
        jsonschema.validate(record, {**load_schema("evaluation"), "additionalProperties": False})
