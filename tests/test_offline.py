"""The offline teacher over HTTP: it answers from the pixels it is sent, and from nothing else."""

import base64
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import openai
import pytest

from r1data.errors import TeacherStop
from r1data.sources.shapes import ShapeRow, make_rows, render
from r1data.teacher.offline import serve

RED, BLUE, GREEN = (40, 40, 214), (215, 90, 35), (70, 165, 40)  # BGR
TIMES = [0.25 * n for n in range(9)]
Picture = np.ndarray


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve() as address:
        yield address


def address_of(url: str) -> tuple[str, int]:
    host, port = url.removeprefix("http://").removesuffix("/v1").split(":")
    return host, int(port)


def post(url: str, body: bytes, path: str = "/v1/chat/completions") -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection(*address_of(url), timeout=30)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def part(picture: Picture) -> dict[str, Any]:
    data = base64.b64encode(
        cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
    )
    return {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64," + data.decode()}}


def request(
    pictures: Sequence[Picture],
    question: str,
    options: Sequence[str] = (),
    times: Sequence[float] = (),
    **more: Any,
) -> dict[str, Any]:
    lines = []
    if times:
        stamps = ", ".join(f"{second:.2f}" for second in times)
        lines.append(
            f"The {len(times)} pictures above are frames of one video, in order, taken at these "
            f"times in seconds: {stamps}"
        )
    lines.append(question)
    lines += [f"{'ABCDEFGH'[n]}. {option}" for n, option in enumerate(options)]
    lines.append("Think between <think> and </think>, then answer between <answer> and </answer>.")
    content = [*map(part, pictures), {"type": "text", "text": "\n".join(lines)}]
    messages = [{"role": "user", "content": content}]
    return {"model": "offline", "messages": messages, "temperature": 0, **more}


def texts(url: str, body: dict[str, Any]) -> list[str]:
    status, reply = post(url, json.dumps(body).encode())
    assert status == 200, reply
    return [choice["message"]["content"] for choice in reply["choices"]]


def answer(text: str) -> str:
    found = re.fullmatch(r"<think>\n.+\n</think>\n<answer>(.*)</answer>", text, re.DOTALL)
    assert found, text
    return found[1]


def canvas() -> Picture:
    return np.full((192, 256, 3), 225, np.uint8)


def race(first: tuple[int, int, int], second: tuple[int, int, int]) -> list[Picture]:
    """Nine frames: a circle enters from the left at once, another from the right a second later."""
    pictures = []
    for n in range(9):
        picture = canvas()
        cv2.circle(picture, (25 * n - 10, 60), 15, first, -1)
        cv2.circle(picture, (256 + 90 - 25 * n, 140), 15, second, -1)
        pictures.append(picture)
    return pictures


WHO = "Which shape enters the picture first?"
CIRCLES = ["the blue circle", "the red circle"]
WHERE = "In which direction does the red circle move at the start of the video?"
WAYS = ["up", "to the left", "down", "to the right"]


def test_other_pixels_another_answer(url: str):
    for first, second, letter in ((RED, BLUE, "B"), (BLUE, RED, "A")):
        (text,) = texts(url, request(race(first, second), WHO, CIRCLES, TIMES))
        assert answer(text) == letter


def test_the_order_of_the_frames_decides(url: str):
    pictures = race(RED, BLUE)
    (ahead,) = texts(url, request(pictures, WHERE, WAYS, TIMES))
    (back,) = texts(url, request(pictures[::-1], WHERE, WAYS, TIMES))
    assert (answer(ahead), answer(back)) == ("D", "B")


def test_the_thought_tells_what_was_measured_and_ends_with_the_answer(url: str):
    (text,) = texts(url, request(race(RED, BLUE), WHO, CIRCLES, TIMES))
    # The blue circle reaches into the picture from frame 5 on: 256 + 90 - 25 n - 15 < 256.
    assert re.search(
        r"blue circle (appears|comes in) .*?frame 5 \(1\.00 s\)|frame 5 \(1\.00 s\) a blue", text
    )
    last = text.split("</think>")[0].strip().split(". ")[-1]
    assert "B" in last and "the red circle" in last


def test_counts_speeds_and_distances_are_measured(url: str):
    pictures = race(RED, BLUE)
    note = "The video is 256 pixels wide and 192 pixels high."
    speed = f"{note} How fast does the red circle move, in pixels per second?"
    apart = (
        f"{note} At the end of the video, how many pixels apart are the centres of the red circle "
        "and the blue circle?"
    )
    shrunk = [cv2.resize(picture, (140, 112)) for picture in pictures]
    for shown in (pictures, shrunk):
        assert float(answer(texts(url, request(shown, speed, (), TIMES))[0])) == pytest.approx(
            100, 0.03
        )
        far = float(answer(texts(url, request(shown, apart, (), TIMES))[0]))
        assert far == pytest.approx(np.hypot(190 - 146, 80), 0.03)
    assert (
        answer(texts(url, request(pictures, "How many different shapes appear?", (), TIMES))[0])
        == "2"
    )


def test_a_single_picture_is_counted_and_read(url: str):
    picture = canvas()
    for x, colour in ((40, RED), (110, GREEN), (190, BLUE)):
        cv2.circle(picture, (x, 50), 18, colour, -1)
    cv2.rectangle(picture, (20, 120), (50, 150), RED, -1)
    cv2.putText(
        picture, "TAXI", (90, 160), cv2.FONT_HERSHEY_SIMPLEX, 1.3, (10, 10, 10), 2, cv2.LINE_AA
    )
    assert (
        answer(texts(url, request([picture], "How many circles are there in the picture?"))[0])
        == "3"
    )
    assert answer(texts(url, request([picture], "What is written in the picture?"))[0]) == "TAXI"


def test_without_pictures_it_says_so_and_guesses(url: str):
    (text,) = texts(url, request([], WHO, CIRCLES))
    assert "no picture" in text and "guess" in text
    assert answer(text) in "AB"
    assert float(answer(texts(url, request([], "How many circles are there?"))[0])) >= 0


def test_what_it_does_not_see_it_does_not_claim(url: str):
    question = WHERE.replace("red circle", "yellow square")
    (text,) = texts(url, request(race(RED, BLUE), question, WAYS, TIMES))
    assert "cannot find the yellow square" in text and "guess" in text
    assert answer(text) in "ABCD"


def test_the_same_request_has_the_same_answers_and_seeds_vary_them(url: str):
    def ask(seed: int) -> list[str]:
        more = {"temperature": 1.0, "seed": seed, "n": 3}
        return texts(url, request(race(RED, BLUE), WHO, CIRCLES, TIMES, **more))

    assert ask(1) == ask(1)
    assert len(ask(1)) == 3
    assert len({text for seed in range(4) for text in ask(seed)}) > 3


def test_usage_and_length_are_reported(url: str):
    body = request(race(RED, BLUE), WHO, CIRCLES, TIMES)
    _, whole = post(url, json.dumps(body).encode())
    _, short = post(url, json.dumps({**body, "max_tokens": 10}).encode())
    assert whole["usage"]["prompt_tokens"] > 9 * 128
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert short["choices"][0]["finish_reason"] == "length"
    assert short["usage"]["completion_tokens"] == 10


def spoilt(**change: Any) -> bytes:
    return json.dumps({**request([canvas()], WHO), **change}).encode()


def image_at(uri: Any) -> list[dict[str, Any]]:
    pieces = [{"type": "image_url", "image_url": {"url": uri}}, {"type": "text", "text": WHO}]
    return [{"role": "user", "content": pieces}]


JPEG = "data:image/jpeg;base64,"
BAD = {
    "no JSON": (b"{", 400, "invalid_json"),
    "no object": (b"[]", 400, "invalid_type"),
    "model": (spoilt(model="gpt-5"), 404, "model_not_found"),
    "stream": (spoilt(stream=True), 400, "unsupported_value"),
    "no messages": (spoilt(messages=[]), 400, "missing_required_parameter"),
    "text message": (spoilt(messages=["hello"]), 400, "invalid_type"),
    "no text": (
        spoilt(messages=[{"role": "user", "content": []}]),
        400,
        "missing_required_parameter",
    ),
    "no content": (spoilt(messages=[{"role": "user"}]), 400, "invalid_type"),
    "link": (spoilt(messages=image_at("https://example.org/a.jpg")), 400, "invalid_image_url"),
    "no link": (spoilt(messages=image_at(None)), 400, "invalid_image_url"),
    "base64": (spoilt(messages=image_at(JPEG + "?")), 400, "invalid_base64"),
    "no picture": (spoilt(messages=image_at(JPEG + "aGVsbG8=")), 400, "invalid_image"),
    "empty picture": (spoilt(messages=image_at(JPEG)), 400, "invalid_image"),
    "n": (spoilt(n=0), 400, "invalid_value"),
    "temperature": (spoilt(temperature="hot"), 400, "invalid_value"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_request_that_cannot_be_answered_gets_an_openai_style_error(url: str, name: str):
    body, status, code = BAD[name]
    got, reply = post(url, body)
    assert (got, reply["error"]["code"]) == (status, code)
    assert reply["error"]["type"] == "invalid_request_error"
    assert len(reply["error"]["message"]) > 10


def test_unknown_places_are_404_and_the_openai_package_is_content(url: str):
    assert post(url, b"{}", "/v1/embeddings")[0] == 404
    body = request(race(RED, BLUE), WHO, CIRCLES, TIMES)
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        assert [model.id for model in client.models.list()] == ["offline"]
        reply = client.chat.completions.create(**body)
        assert answer(reply.choices[0].message.content) == "B"
        with pytest.raises(openai.NotFoundError, match="does not exist"):
            client.chat.completions.create(**{**body, "model": "other"})


def load(path: Path) -> Picture:
    picture = cv2.imread(str(path))
    assert picture is not None
    return picture


def sixteen(path: Path) -> tuple[list[Picture], list[float]]:
    """16 uniform frames of a clip and their times, or a picture alone."""
    if path.suffix == ".png":
        return [load(path)], []
    with av.open(str(path)) as container:
        decoded = [(f.to_ndarray(format="bgr24"), f.time or 0.0) for f in container.decode(video=0)]
    chosen = [decoded[n] for n in np.linspace(0, len(decoded) - 1, 16).round().astype(int)]
    return [picture for picture, _ in chosen], [second for _, second in chosen]


def right(row: ShapeRow, text: str) -> bool:
    got = answer(text)
    if row.problem_type == "regression":
        return abs(float(got) / float(row.solution) - 1) <= 0.1
    return got == row.solution


def test_it_is_mostly_right_errs_at_times_and_needs_the_order(url: str, tmp_path: Path):
    order_kinds = ("first", "order", "direction", "bounce", "speed", "colour")
    shuffle = random.Random(0).shuffle
    marks: dict[str, list[bool]] = {"ordered": [], "in order": [], "shuffled": [], "blind": []}
    for row in make_rows(72, 5):
        path = tmp_path / Path(row.uri).name
        render(row.row, 5, path)
        pictures, times = sixteen(path)

        def mark(shown: list[Picture], row: ShapeRow = row, times: list[float] = times) -> bool:
            stamps = times if shown else ()
            body = request(shown, row.problem, row.options, stamps, temperature=1.0)
            return right(row, texts(url, body)[0])

        marks["ordered"].append(mark(pictures))
        if row.kind in order_kinds:
            mixed = list(pictures)
            shuffle(mixed)
            marks["in order"].append(marks["ordered"][-1])
            marks["shuffled"].append(mark(mixed))
            marks["blind"].append(mark([]))
    share = {name: sum(values) / len(values) for name, values in marks.items()}
    assert share["ordered"] >= 0.7, share
    assert marks["ordered"].count(False) >= 3, share
    assert share["in order"] >= share["shuffled"] + 0.4, share
    assert share["in order"] >= share["blind"] + 0.4, share


def test_it_never_loads_what_knows_the_truth():
    check = (
        "import sys, r1data.teacher.offline\n"
        "sys.exit(' '.join(name for name in sys.modules if name.startswith('r1data.sources')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=False
    )
    assert done.stderr.strip() == ""


def listening(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(address) == 0


def test_it_ends_with_its_block_and_a_taken_port_is_said():
    with serve() as first:
        port = address_of(first)[1]
        with pytest.raises(TeacherStop, match=str(port)), serve(port):
            pass
        assert listening(address_of(first))
    assert not listening(address_of(first))


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_it_ends_when_the_process_that_started_it_is_killed():
    script = (
        "import time\nfrom r1data.teacher.offline import serve\n"
        "with serve() as url:\n    print(url, flush=True)\n    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        address = address_of(parent.stdout.readline().strip())
        assert listening(address)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while listening(address) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not listening(address)
