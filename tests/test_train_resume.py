"""Runs that are stopped, killed or shared by processes learn what one quiet run learns."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_models import config, phase, tiny

from r1data.errors import InputError
from r1data.train.config import Config, Lora, Optimizer
from r1data.train.metrics import read_metrics

STEADY = Optimizer(1e-3, schedule="constant")
TESTS = str(Path(__file__).parent)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The folder of a small model; one thread, since sums of floats depend on their order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tiny(tmp_path_factory.mktemp("resume"), "qwen2_5_vl").name
    torch.set_num_threads(threads)


def curve(out: Path) -> list[dict]:
    """Return the metrics of a run without its times."""
    return [{k: v for k, v in line.items() if k != "seconds"} for line in read_metrics(out)]


def weights(out: Path) -> bytes:
    """Return the weights that a run left."""
    return (out / "model" / "model.safetensors").read_bytes()


def nine_steps(name: str) -> Config:
    """Return a config of nine steps, with a checkpoint every third."""
    settings = config()
    return replace(settings, **{name: replace(getattr(settings, name), steps=9, save_every=3)})


def test_a_stopped_run_goes_on_exactly(base: str, tmp_path: Path) -> None:
    section = replace(config().grpo, steps=3, format_reward=0.3, optimizer=STEADY)
    phase("grpo", base, tmp_path / "whole", config(grpo=section))
    phase("grpo", base, tmp_path / "parts", config(grpo=replace(section, steps=2)))
    path = tmp_path / "parts" / "metrics.jsonl"
    path.write_text(path.read_text() + '{"step": 2, "loss": 9}\n{"step')
    phase("grpo", base, tmp_path / "parts", config(grpo=section))
    assert curve(tmp_path / "parts") == curve(tmp_path / "whole")


def test_a_checkpoint_of_adapters_holds_nothing_else_and_goes_on(base: str, tmp_path: Path) -> None:
    section = replace(config().sft, optimizer=STEADY)
    steady = config(lora=Lora(rank=4, alpha=8), sft=section)
    half = replace(steady, sft=replace(section, steps=2))
    phase("sft", base, tmp_path / "steady", steady)
    phase("sft", base, tmp_path / "parts", half)
    kept = load_file(tmp_path / "parts" / "checkpoints" / "step-2" / "weights.safetensors")
    assert kept and all("lora_" in name for name in kept)
    phase("sft", base, tmp_path / "parts", steady)
    assert curve(tmp_path / "parts") == curve(tmp_path / "steady")
    assert weights(tmp_path / "parts") == weights(tmp_path / "steady")


def test_a_run_whose_metrics_are_gone_is_not_continued(base: str, tmp_path: Path) -> None:
    section = config().sft
    phase("sft", base, tmp_path, config(sft=replace(section, steps=2)))
    (tmp_path / "metrics.jsonl").unlink()
    with pytest.raises(InputError, match="lacks steps that the checkpoint has: 0 of 2"):
        phase("sft", base, tmp_path, config(sft=section))


CHILD = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
import torch
torch.set_num_threads(1)
from test_train_resume import nine_steps, phase
name, base, out = sys.argv[1:]
phase(name, base, Path(out), nine_steps(name))
"""


@contextmanager
def started(name: str, base: str, out: Path) -> Iterator[subprocess.Popen]:
    """Begin a run of nine steps in a process of its own."""
    command = [sys.executable, "-c", CHILD.format(tests=TESTS), name, base, str(out)]
    with (
        Path(f"{out}.stderr").open("wb") as errors,
        subprocess.Popen(command, stderr=errors) as child,
    ):
        try:
            yield child
        finally:
            child.kill()


@pytest.fixture(scope="module", params=["sft", "grpo"])
def whole(request: pytest.FixtureRequest, base: str, tmp_path_factory) -> tuple[str, Path]:
    """A run that nobody stopped."""
    out = tmp_path_factory.mktemp("whole") / request.param
    phase(request.param, base, out, nine_steps(request.param))
    return request.param, out


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("after", [2, 5, 6])
def test_a_killed_run_goes_on_to_the_same_curve_and_weights(
    after: int, whole: tuple[str, Path], base: str, tmp_path: Path
) -> None:
    name, untouched = whole
    killed = tmp_path / "killed"
    with started(name, base, killed) as child:
        while child.poll() is None and len(lines_of(killed)) < after:
            time.sleep(0.002)
        assert child.poll() is None, Path(f"{killed}.stderr").read_text()
        os.kill(child.pid, signal.SIGKILL)
    assert not (killed / "model").exists()
    phase(name, base, killed, nine_steps(name))
    assert curve(killed) == curve(untouched)
    assert weights(killed) == weights(untouched)


def lines_of(out: Path) -> list[str]:
    """Return the lines that a running process has written."""
    path = out / "metrics.jsonl"
    return path.read_text().splitlines() if path.is_file() else []


PROCESSES = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from dataclasses import replace
from accelerate import Accelerator
Accelerator(cpu=True)
from tiny_models import config, phase
base, out = sys.argv[1:]
phase("sft", base, Path(out), config(sft=replace(config().sft, steps=2)))
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_processes_learn_what_one_does(base: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(PROCESSES.format(tests=TESTS))
    command = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    command += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    command += [str(script), base, str(tmp_path / "two")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    phase("sft", base, tmp_path / "one", config(sft=replace(config().sft, steps=2)))
    losses = [[line["loss"] for line in curve(tmp_path / each)] for each in ("one", "two")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
