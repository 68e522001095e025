import base64
from typing import Any

import cv2
import numpy as np
from endpoint import Endpoint, Reply, Server, completion, error

from r1data.teacher.doctor import TINY_JPEG, Finding, examine
from r1data.teacher.lanes import Lane


def look(server: Server, model: str = "m", key: str = "") -> list[Finding]:
    with Endpoint(server) as endpoint:
        return examine(Lane(endpoint.url, endpoint.url, key), model)


def told(findings: list[Finding]) -> str:
    return "\n".join(finding.what for finding in findings)


def test_the_tiny_picture_is_one() -> None:
    picture = cv2.imdecode(np.frombuffer(TINY_JPEG, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None and picture.shape == (28, 28, 3)


def test_a_good_endpoint_has_only_good_findings() -> None:
    server = Server()
    findings = look(server)
    assert all(finding.good for finding in findings)
    assert "lists m" in told(findings) and "video_url is taken" in told(findings)
    assert "100 tokens in" in told(findings)
    url = server.payloads[0]["messages"][0]["content"][0]["image_url"]["url"]
    assert base64.b64decode(url.split(",")[1]) == TINY_JPEG


def test_a_form_of_media_that_is_not_taken_is_told() -> None:
    def behave(server: Server, payload: dict[str, Any]) -> Reply:
        first = payload["messages"][0]["content"][0]["type"]
        return error(400, "no videos") if first == "video_url" else completion(tokens=None)

    findings = look(Server(behave), model="other")
    assert "does not list other; it lists m" in told(findings)
    assert "video_url is not taken: HTTP 400: no videos" in told(findings)
    assert Finding(False, "reports no usage: neither budget nor cost can be told") in findings


def test_a_wrong_key_and_a_missing_server_are_told() -> None:
    findings = look(Server(key="right"), key="wrong")
    assert findings[-1].good is False and "HTTP 401" in told(findings)
    findings = examine(Lane("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1"), "m")
    assert len(findings) == 1 and "does not answer" in told(findings)


def test_limits_that_a_server_states_are_told() -> None:
    reply = completion()
    reply.headers = {"x-ratelimit-limit-requests": "500"}
    assert "limit-requests 500" in told(look(Server(lambda *_: reply)))
