"""On a terminal: whole commands as a person runs them, on wide, narrow and dumb ones, under load.

What is drawn fits its line, says what is true, and leaves nothing behind; Ctrl-C is one clean line.
"""

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from clips import Clip, make
from endpoint import Endpoint, Reply, Server, completion, error
from evaluating import write_questions
from hub import Fault, Hub
from terminals import CONTROL, CTRL_C, CTRL_Q, CTRL_S, Key, Seen, busy, run

from r1data.building import Build
from r1data.train.tiny import make_tiny

STOPPED = "r1data: stopped: run the same command again to go on"
# What progress draws and erases; the summary says "109 of 120 rows released".
LEFT = re.compile(
    r"^(\w+ )?[\d,]+ of (about |at least )?[\d,]+ (answers|steps|clips|rows(?! released))"
    r"|^stopping",
    re.MULTILINE,
)
AT_ONCE = "r1data: stopped at once: run the same command again to go on"


def neat(seen: Seen, code: int = 0) -> Seen:
    """Hold what every command on every terminal must keep to."""
    assert seen.code == code, seen.text
    assert "Traceback" not in seen.text and "Error" not in seen.text, seen.text
    assert not CONTROL.search(seen.text)
    progress = [
        line for line in seen.drawn if re.search(r"\d of .*(answers|rows|steps|clips)", line)
    ]
    assert all(len(line) < seen.columns for line in progress)
    left = "\n".join(seen.screen)
    assert not LEFT.search(left), left
    return seen


def clips(count: int) -> Path:
    """A table of questions about small clips; two of three answers are 42."""
    Path("clips").mkdir()
    for number in range(count):
        make(Clip(f"clip{number}.mp4", frames=20 + number, size=(64, 64)), Path("clips"))
    lines = [f"clip{n}.mp4,How many use door {n}?,{42 if n % 3 else 7}" for n in range(count)]
    Path("questions.csv").write_text("\n".join(["clip,question,answer", *lines]) + "\n")
    return Path("questions.csv")


def own(url: str, count: int = 6, concurrency: int = 4, **more: Any) -> str:
    """A recipe of somebody's own clips that asks an endpoint, four answers a question."""
    mapping = {"problem": "question", "solution": "answer", "media": "clip"}
    mapping |= {"problem_type": {"value": "numerical"}, "data_type": {"value": "video"}}
    place = {"path": str(clips(count)), "media_root": "clips/", "mapping": mapping}
    recipe = {
        "pipeline": "cot",
        "name": "mine",
        "seed": 7,
        "sources": {"own": place},
        "frames": {"sampler": "uniform", "count": 4, "max_pixels": 3136},
        "teacher": {"model": "m", "prompt": "grounded", "n": 4, "max_tokens": 64, **more},
        "verify": {"preset": "canonical"},
        "run": {"lanes": [{"url": url, "concurrency": concurrency}], "allowed_drops": 1.0},
    }
    Path("mine.yaml").write_text(yaml.safe_dump(recipe))
    return "mine.yaml"


def answer(_: Server, payload: dict[str, Any]) -> Reply:
    """Say 42, after thoughts that are not twice the same."""
    thought = (
        f"I saw {len(str(payload))} signs of it in the frames. I count 42 people, so it is 42."
    )
    return completion(f"<think>{thought}</think>\n<answer>42</answer>")


@pytest.mark.slow
@pytest.mark.parametrize("columns", [80, 40])
def test_the_whole_demo_ends_well(columns: int) -> None:
    with busy(2 if columns == 40 else 0):
        seen = neat(run(["demo"], columns))
    assert any(re.match(r"\d+ of (about )?240 answers", line) for line in seen.drawn)
    assert any(re.match(r"(media|frames) \d+ of 120 rows", line) for line in seen.drawn)
    assert "look      r1data report builds/demo" in seen.screen


@pytest.mark.slow
@pytest.mark.parametrize(("latency", "columns"), [(0.005, 40), (0.3, 80), (2.0, 100)])
def test_a_build_of_own_clips_tells_answers_whatever_the_teacher_takes(
    latency: float, columns: int
) -> None:
    words = ["--clips", "clips", "--name", "own", "--model", "m", "--key", "", "--license", "MIT"]
    with Endpoint(Server(answer, latency=latency)) as server:
        init = ["init", str(clips(6)), *words, "--url", server.url]
        subprocess.run([sys.executable, "-m", "r1data", *init], check=True)
        seen = neat(run(["build", "own.yaml"], columns))
    assert "released  " in seen.text
    answers = [line for line in seen.drawn if re.match(r"\d+ of 24 answers", line)]
    assert answers or latency < 0.1
    if latency == 2.0:
        assert any(re.search(r"left, [\d.]+/(s|min), [\d,]+ tokens", line) for line in answers)


@pytest.mark.parametrize("engine", ["pool", "inline"])
def test_the_last_fault_is_told_in_its_own_words_from_the_first_second(engine: str) -> None:
    began: list[float] = []

    def loading(server: Server, payload: dict[str, Any]) -> Reply:
        began.append(time.monotonic())
        if began[-1] - began[0] < 3.0:
            return error(503, "the model is loading")
        return answer(server, payload)

    with Endpoint(Server(loading)) as server:
        seen = neat(run(["build", own(server.url, 2), "--engine", engine], 120))
    told = [line for line in seen.drawn if "last: " in line]
    fault = '"the model is loading"'
    words = rf"^0 of (about )?\d answers.*; last: HTTP 503 {fault}"
    assert re.search(words, told[0]), told
    assert re.search(r"loading\" x \d", told[-1])


def test_money_and_failures_are_told_where_there_are_any() -> None:
    def odd(server: Server, payload: dict[str, Any]) -> Reply:
        return (
            error(400, "this picture is not taken")
            if server.requests == 3
            else answer(server, payload)
        )

    prices = {"input": 1000.0, "output": 1000.0}
    with Endpoint(Server(odd, latency=0.4)) as server:
        seen = neat(run(["build", own(server.url, 4, prices=prices)], 120))
    told = [line for line in seen.drawn if "$" in line]
    assert re.search(
        r"\d+ of 16 answers, 1 failed, .*tokens, \$\d+\.\d\d; last: HTTP 400", told[-1]
    )


@pytest.mark.parametrize("names", [{"TERM": "dumb"}, {"NO_COLOR": "1"}], ids=["dumb", "no-color"])
def test_a_terminal_that_can_do_less_gets_less(names: dict[str, str]) -> None:
    with Endpoint(Server(answer, latency=0.3)) as server:
        seen = neat(run(["build", own(server.url, 4), "--out", "b"], 40, **names))
    assert "\x1b" not in seen.text
    if "TERM" in names:
        assert "\r" not in seen.text.replace("\r\n", "")
        assert seen.screen[0] == "b: 4 rows, log in b/events.jsonl"


@pytest.mark.parametrize("columns", [100, 40])
@pytest.mark.parametrize("engine", ["pool", "inline"])
def test_ctrl_c_is_one_clean_line(engine: str, columns: int) -> None:
    with Endpoint(Server(answer, latency=2.0)) as server:
        command = ["build", own(server.url, concurrency=2), "--engine", engine]
        seen = neat(run(command, columns, [Key(r"\d of .*answers", CTRL_C)]), 130)
        assert seen.screen == [*wrapped(STOPPED, columns), ""]
        assert any(line.startswith("stopping, Ctrl-C again stops now") for line in seen.drawn)
        keys = [Key(r"\d of .*answers", CTRL_C), Key("stopping", CTRL_C)]
        seen = neat(run(command, columns, keys), 130)
    assert seen.screen == [*wrapped(AT_ONCE, columns), ""]


def wrapped(text: str, columns: int) -> list[str]:
    """Cut a line as a terminal does."""
    return [text[start : start + columns].rstrip() for start in range(0, len(text), columns)]


def test_a_stopped_terminal_stops_no_build() -> None:
    made = Path("builds/mine/9.release/gather.json")
    with Endpoint(Server(answer, latency=0.3)) as server:
        keys = [Key("rows", CTRL_S), Key(made, CTRL_Q)]
        seen = neat(run(["build", own(server.url, 2)], 80, keys))
    assert "released" in seen.text


def test_publish_shows_its_steps_and_ctrl_c_ends_it_with_one_line(demo: Build) -> None:
    seen = neat(run(["publish", str(demo.path), "--to", "there"], 40))
    assert "checked there: all files read back" in seen.screen
    with Hub() as hub:
        hub.faults.append(Fault("POST", "", wait=3.0, times=9))
        command = ["publish", str(demo.path), "--repo", "me/set", "--private"]
        seen = neat(run(command, 80, [Key("visible", CTRL_C)], **hub.environment()), 130)
        assert seen.screen[-2:] == [STOPPED, ""]
        hub.faults.clear()
        seen = neat(run(command, 80, **hub.environment()))
    assert "checked" in seen.screen[-2]


@pytest.mark.parametrize("columns", [100, 40])
def test_eval_tells_answers_and_ctrl_c_ends_it_with_one_line(columns: int) -> None:
    folder = Path("test")
    folder.mkdir()
    questions = str(write_questions(folder, 12))
    more = ["--name", "m", "--media", "test", "--prompt", "direct", "--out", "run", "--frames", "4"]
    with Endpoint(Server(answer, latency=1.0)) as server:
        command = ["eval", questions, "--url", server.url, *more, "--concurrency", "2"]
        seen = neat(run(command, columns, [Key(r"[1-9] of 12 answers", CTRL_C)]), 130)
        assert re.match(r"r1data: .*run the same command", "".join(seen.screen))
        seen = neat(run(command, columns))
    assert any(re.match(r"\d+ of 12 answers, 00:\d\d left", line) for line in seen.drawn)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_loop_and_its_training_tell_how_far_they_are(demo: Build) -> None:
    seen = neat(run(["demo", "--loop"], 40, [Key(r"[1-9]\d* of [\d,]+ rows", CTRL_C)]), 130)
    assert seen.screen == [*wrapped(STOPPED, 40), ""]
    make_tiny(Path("tiny"), ["<think>I look at it.</think><answer>A</answer>"])
    command = ["train", "sft", str(demo.path), "--model", "tiny", "--config", "tiny-cpu"]
    keys = [Key(r"[1-9]\d* of 300 steps, \d+:\d\d left, loss \d\.\d+", CTRL_C)]
    seen = neat(run([*command, "--out", "run", "--set", "sft.steps=300"], 80, keys), 130)
    assert seen.screen == [STOPPED, ""]
