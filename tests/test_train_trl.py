"""TRL trains on our export with our rewards; it has no video, so frames are pictures there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_models import tiny

from r1data.building import Build
from r1data.release.exports.export import export


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_trl_takes_four_steps_of_each_phase_on_an_export(demo: Build, tmp_path: Path) -> None:
    export(demo.path, "trl", tmp_path / "exported")
    base = tiny(tmp_path, "qwen2_5_vl").name
    script = str(Path(__file__).with_name("trl_steps.py"))
    command = [sys.executable, script, base, str(tmp_path / "exported"), str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads((tmp_path / "logged.json").read_text())
    assert len(found["loss"]) == 4 and found["loss"][-1] < found["loss"][0]
    assert len(found["grpo"]) == 4
    for line in found["grpo"]:
        assert line["rewards/of_truths/mean"] == 1.0  # problem_type and options came along
        assert 0.0 <= line["rewards/accuracy_reward/mean"] <= 1.0
        assert 0.0 <= line["rewards/format_reward/mean"] <= 1.0
    assert any(line["grad_norm"] > 0 for line in found["grpo"])
