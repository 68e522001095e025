"""A server that this project did not write: the litellm proxy, with mock_response."""

import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pytest
from asking import cell, shard
from PIL import Image

from r1data.errors import TeacherStop
from r1data.schema import arrow_schema
from r1data.teacher.stage import ask_teacher

PROGRAM = os.environ.get("R1DATA_LITELLM") or shutil.which("litellm")
KEY = f"sk-{secrets.token_hex(24)}"
ANSWER = "<think>I looked at it.</think>\\n<answer>A</answer>"
CONFIG = f"""\
model_list:
  - model_name: m
    litellm_params: {{model: openai/m, api_key: none, mock_response: "{ANSWER}"}}
general_settings: {{master_key: {KEY}}}
"""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.skipif(PROGRAM is None, reason="litellm[proxy] is not installed"),
]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("proxy")
    (folder / "config.yaml").write_text(CONFIG)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert PROGRAM is not None
    command = [PROGRAM, "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)]
    environment = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--telemetry", "False"], cwd=folder, env=environment, stdout=log, stderr=log
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/health/liveliness", process)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(20)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "the proxy did not start"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("the proxy did not answer within two minutes")


def real_pictures(rows: int, frames: int) -> tuple[pa.Table, pa.Table]:
    """Return a shard whose frames are JPEGs that anybody can open."""
    samples, taken = shard(rows, frames=frames)
    told = taken.to_pylist()
    for number, row in enumerate(told):
        for frame in row["frames"]:
            file = BytesIO()
            Image.new("RGB", (56, 56), (40 * number % 256, 99, frame["index"])).save(file, "JPEG")
            frame["bytes"] = file.getvalue()
    return samples, pa.Table.from_pylist(told, arrow_schema("frames"))


@pytest.mark.parametrize("frames", [1, 16])
def test_pictures_are_taken_and_answers_journalled(
    proxy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: int
) -> None:
    monkeypatch.setenv("LITELLM_KEY", KEY)
    told = cell(tmp_path, "", lanes=[{"url": proxy, "key": "$LITELLM_KEY", "concurrency": 8}])
    table = ask_teacher(*real_pictures(6, frames), cell=told)
    assert table["fault"].null_count == 12, table["fault"].to_pylist()[0]
    assert all("<answer>A</answer>" in text for text in table["text"].to_pylist())
    assert all(count and count > 0 for count in table["tokens_in"].to_pylist())
    assert KEY.encode() not in b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())


def test_a_wrong_key_and_an_unknown_model_stop_with_one_line(
    proxy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LITELLM_KEY", "sk-wrong")
    lanes = [{"url": proxy, "key": "$LITELLM_KEY"}]
    with pytest.raises(TeacherStop, match="the key is wrong"):
        ask_teacher(*real_pictures(3, 1), cell=cell(tmp_path, "", lanes=lanes))
    monkeypatch.setenv("LITELLM_KEY", KEY)
    other = cell(tmp_path, "", lanes=lanes, options={"model": "nosuch"})
    with pytest.raises(TeacherStop, match="knows no model 'nosuch'"):
        ask_teacher(*real_pictures(3, 1), cell=other)
