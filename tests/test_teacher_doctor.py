"""The doctor: it sends what a build will send, and tells what of it arrives."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from endpoint import Endpoint, Reply, completion, error
from endpoint import Server as AnyServer
from typer.testing import CliRunner

from r1data.cli import app
from r1data.teacher.canary import Form, make_canary
from r1data.teacher.doctor import Asked, Finding, examine
from r1data.teacher.lanes import Lane
from r1data.teacher.offline import serve

PARAMS = {"temperature": 1.0, "top_p": 0.95, "max_tokens": 64}
SIXTEEN = Form(16, 308, 308)


def server(behave: Any = lambda *_: completion(), **how: Any) -> AnyServer:
    return AnyServer(behave, canaries=True, **how)


def look(
    at: AnyServer, model: str = "m", key: str = "", form: Form = SIXTEEN, **lane: Any
) -> list[Finding]:
    with Endpoint(at) as endpoint:
        asked = Asked(model, PARAMS, form, "teacher")
        return examine(Lane(endpoint.url, endpoint.url, key, **lane), asked)


def told(findings: list[Finding], *states: str) -> str:
    return "\n".join(each.what for each in findings if not states or each.state in states)


def seeing(_: AnyServer, payload: dict[str, Any]) -> Reply:
    """Answer as a model that sees everything, whatever the form."""
    content = payload["messages"][0]["content"]
    images = 0 if isinstance(content, str) else 16
    canary = make_canary(Form(images, 308, 308), "teacher")
    return completion(f"{canary.code}: {', '.join(map(str, canary.marks))}")


def images_in(payload: dict[str, Any]) -> int:
    content = payload["messages"][0]["content"]
    return sum(part["type"] == "image_url" for part in content) if content[0] != "T" else 0


def test_an_endpoint_that_sees_has_no_problem() -> None:
    at = server(seeing)
    findings = look(at)
    assert told(findings, "problem") == ""
    assert "16 images of 308 x 308 as image_url: taken, and all of it reached the model" in told(
        findings, "ok"
    )
    assert "lists m" in told(findings) and "100 tokens in" in told(findings)
    assert "video_url is taken" in told(findings, "note")


def test_it_sends_as_many_images_as_a_build_of_the_same_size_and_fields() -> None:
    at = server()
    look(at)
    content = at.payloads[0]["messages"][0]["content"]
    assert [part["type"] for part in content] == ["image_url"] * 16 + ["text"]
    url = content[0]["image_url"]["url"]
    import base64

    data = np.frombuffer(base64.b64decode(url.split(",")[1]), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert image is not None and image.shape == (308, 308, 3)
    assert PARAMS.items() <= at.payloads[0].items()


def test_the_limit_that_was_met_is_named_with_what_lifts_it() -> None:
    def behave(_: AnyServer, payload: dict[str, Any]) -> Reply:
        if images_in(payload) > 4:
            return error(400, "At most 4 image(s) may be provided in one request.")
        return completion()

    problem = told(look(server(behave)), "problem")
    assert "16 images of 308 x 308 as image_url: HTTP 400: At most 4 image(s)" in problem
    assert "--limit-mm-per-prompt '{\"image\": 16}'" in problem
    assert "lower frames.count to 4" in problem


def test_a_server_that_drops_images_is_found_out() -> None:
    def behave(_: AnyServer, payload: dict[str, Any]) -> Reply:
        canary = make_canary(SIXTEEN, "teacher")
        return completion(f"{canary.code}: {canary.marks[0]}")

    problem = told(look(server(behave)), "problem")
    assert "the last image" in problem and "the first image" not in problem


def test_text_that_does_not_arrive_is_found_out() -> None:
    problem = told(look(server(), form=Form(0, 0, 0)), "problem")
    assert problem.startswith("text alone: a test request gave no sign that the text arrived")


def test_a_form_of_media_that_is_not_taken_is_told() -> None:
    def behave(at: AnyServer, payload: dict[str, Any]) -> Reply:
        first = payload["messages"][0]["content"][0]["type"]
        return error(400, "no videos") if first == "video_url" else completion(tokens=None)

    findings = look(server(behave), model="other")
    assert "does not list other; it lists m" in told(findings, "note")
    assert "video_url is not taken (HTTP 400: no videos)" in told(findings, "note")
    assert "reports no usage: neither budget nor cost can be told" in told(findings, "note")


def test_a_wrong_key_and_a_missing_server_are_told() -> None:
    findings = look(server(key="right"), key="wrong")
    assert findings[-1].state == "problem" and "HTTP 401" in told(findings, "problem")
    asked = Asked("m", PARAMS, SIXTEEN, "teacher")
    findings = examine(Lane("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1"), asked)
    assert len(findings) == 1 and "does not answer" in told(findings, "problem")


def test_limits_that_a_server_states_are_told() -> None:
    reply = completion()
    reply.headers = {"x-ratelimit-limit-requests": "500"}
    assert "limit-requests 500" in told(look(server(lambda *_: reply)), "note")


# --- r1data doctor RECIPE -------------------------------------------------------------------------


def recipe(folder: Path, url: str, **more: Any) -> Path:
    image = np.full((64, 64, 3), 200, np.uint8)
    cv2.imwrite(str(folder / "a.png"), image)
    row = {
        "problem_id": 0,
        "problem": "Which colour?",
        "data_type": "image",
        "problem_type": "free-form",
        "options": [],
        "solution": "<answer>grey</answer>",
        "path": "a.png",
        "data_source": "own",
    }
    (folder / "q.json").write_text(json.dumps([row]))
    made = {
        "pipeline": "cot",
        "name": "t",
        "sources": {"own": {"path": "q.json"}},
        "teacher": {"model": "m"},
        "run": {"lanes": [{"url": url}]},
        **more,
    }
    path = folder / "t.yaml"
    path.write_text(json.dumps(made))
    return path


def doctor(path: Path) -> tuple[int, list[str]]:
    done = CliRunner().invoke(app, ["doctor", str(path)])
    return done.exit_code, done.stdout.splitlines()


def test_without_its_variable_it_goes_on_and_tells_of_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEACHER_URL", raising=False)
    code, lines = doctor(recipe(tmp_path, "$TEACHER_URL"))
    assert code == 1
    assert any(line.startswith("problem") and "TEACHER_URL is asked for" in line for line in lines)
    for what in ("decoder pyav", "disk", "source own", "serve"):
        assert any(what in line and not line.startswith("problem") for line in lines), what


def test_pictures_alone_are_tried_one_at_a_time_and_the_serve_line_says_so(tmp_path: Path) -> None:
    at = server()
    with Endpoint(at) as endpoint:
        _, lines = doctor(recipe(tmp_path, endpoint.url))
    assert {images_in(payload) for payload in at.payloads} == {1}
    assert any("vllm serve m --limit-mm-per-prompt '{\"image\": 1}'" in line for line in lines)


def test_the_probes_endpoint_is_checked_too_with_text_alone(tmp_path: Path) -> None:
    at, other = server(), server()
    with Endpoint(at) as endpoint, Endpoint(other) as small:
        probes = {"model": "small", "blind": {"n": 2}, "pass_rate": {"n": 2}}
        run = {"lanes": [{"url": endpoint.url}], "probe_lanes": [{"url": small.url}]}
        doctor(recipe(tmp_path, "", probes=probes, run=run))
    assert [images_in(payload) for payload in at.payloads] == [1]
    assert sorted(images_in(payload) for payload in other.payloads) == [0, 1]
    assert {payload["model"] for payload in other.payloads} == {"small"}


def test_a_missing_question_file_is_a_problem_and_the_endpoint_is_tried(tmp_path: Path) -> None:
    at = server()
    with Endpoint(at) as endpoint:
        path = recipe(tmp_path, endpoint.url)
        (tmp_path / "q.json").unlink()
        code, lines = doctor(path)
    assert code == 1 and at.requests >= 1
    assert any(line.startswith("problem") and "q.json" in line for line in lines)


def test_a_trial_reports_what_does_not_arrive(tmp_path: Path) -> None:
    at = server(lambda *_: completion("<think>It is grey.</think><answer>grey</answer>"))
    with Endpoint(at) as endpoint:
        path = recipe(tmp_path, endpoint.url)
        done = CliRunner().invoke(app, ["plan", str(path), "--probe", "1"])
    assert done.exit_code == 1
    assert "asked    1 rows: 100% answered" in done.stdout
    assert "problem  endpoint 0: teacher: 1 image of" in done.stdout


def test_the_offline_teacher_answers_a_canary_by_looking() -> None:
    with serve() as url:
        asked = Asked("offline", PARAMS, SIXTEEN, "teacher")
        findings = examine(Lane(url, url), asked)
    assert told(findings, "problem") == ""
