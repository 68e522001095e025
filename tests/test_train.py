"""Training: each phase on both kinds of model, killed runs that go on exactly, faults told."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tiny_models import REPLY, ROWS, config, phase, row, tiny

from r1data.building import Build
from r1data.errors import InputError, R1DataError, RecipeError, UsageError
from r1data.places import place
from r1data.schema import load_schema
from r1data.train.config import Config, Lora, load_config
from r1data.train.metrics import keep_until, read_metrics
from r1data.train.model import Model, load_model, out_of_memory
from r1data.train.rows import View, evenly, load_rows, pictures, with_chains
from r1data.train.run import run, train
from r1data.train.session import flat, last_checkpoint

SMALL = View("brief", 4, 1024)


@pytest.fixture(scope="module", params=["qwen2_5_vl", "qwen3_vl"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A small model of each kind."""
    return tiny(tmp_path_factory.mktemp("models"), request.param)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A small Qwen2.5-VL."""
    return tiny(tmp_path_factory.mktemp("one"), "qwen2_5_vl")


def test_sft_learns_and_leaves_a_model_that_loads(model: Model, tmp_path: Path) -> None:
    settings = config(sft=replace(config().sft, steps=12, save_every=12))
    done = phase("sft", model.name, tmp_path / "out", settings)
    losses = [line["loss"] for line in read_metrics(tmp_path / "out")]
    assert len(losses) == 12 and losses[-1] < losses[0] - 0.5
    assert load_model(done.model).kind == model.kind
    assert (done.model / "preprocessor_config.json").is_file()


def test_t_grpo_logs_what_it_saw(model: Model, tmp_path: Path) -> None:
    settings = config(grpo=replace(config().grpo, temporal=True, scale_rewards="batch"))
    done = phase("grpo", model.name, tmp_path / "out", settings)
    assert done.last["step"] == 1 and load_model(done.model).kind == model.kind
    for name in ("accuracy", "accuracy_shuffled", "bonus_rate", "no_variance", "length", "kl"):
        assert isinstance(done.last[name], float), name
    assert done.last["length"] <= 6 and done.last["cut"] > 0


def test_adapters_train_and_are_merged(one: Model, tmp_path: Path) -> None:
    settings = config(lora=Lora(rank=4, alpha=8), grpo=replace(config().grpo, format_reward=0.5))
    done = phase("sft", one.name, tmp_path / "sft", settings)
    before, after = (each.model.state_dict() for each in (one, load_model(done.model)))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all("language_model.layers" in name for name in changed)
    assert (tmp_path / "sft" / "adapter" / "adapter_config.json").is_file()
    assert phase("grpo", one.name, tmp_path / "grpo", settings).last["kl"] is not None


def test_short_numbers_compute_and_long_ones_are_kept(one: Model, tmp_path: Path) -> None:
    done = phase("sft", one.name, tmp_path / "out", config(precision="bfloat16"))
    assert load_model(done.model).model.dtype == torch.float32
    full = phase("sft", one.name, tmp_path / "full", config())
    assert done.last["loss"] == pytest.approx(full.last["loss"], rel=0.02)
    assert done.last["loss"] != full.last["loss"]


# Releases


def test_a_release_of_chains_is_read_as_it_was_built(demo: Build) -> None:
    rows = load_rows(demo.release, SMALL)
    assert {len(each.jpegs) for each in rows if each.times is not None} == {4}
    assert {len(each.jpegs) for each in rows if each.times is None} == {1}
    question = next(each for each in rows if each.options and each.times is not None)
    assert f"A. {question.options[0]}\n" in question.text and question.text.endswith("a letter.")
    assert question.reply is not None and question.reply.startswith("<think>")
    assert question.reply.endswith(f"<answer>{question.solution}</answer>")


def test_frames_of_a_shorter_view_are_spread_over_the_clip() -> None:
    assert evenly(16, 4) == [0, 5, 10, 15]
    assert evenly(3, 8) == [0, 1, 2]
    assert evenly(9, 1) == [4]


@pytest.mark.slow
def test_the_command_trains_on_a_release(demo: Build, one: Model, tmp_path: Path) -> None:
    sets = ["sft.steps=2", "sft.batch=2", "sft.micro_batch=2", "frames.count=4"]
    command = ["train", "sft", str(demo.path), "--model", one.name, "--config", "tiny-cpu"]
    command += ["--out", str(tmp_path / "out"), "--json"]
    given = [each for value in sets for each in ("--set", value)]
    done = r1data(*command, *given)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["last"]["step"] == 1
    assert "steps in" in r1data(*command[:-1], *given).stdout


def r1data(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-m", "r1data", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


# Faults


def test_rows_without_chains_are_no_lesson() -> None:
    with pytest.raises(
        InputError, match="1 of 2 rows have no chain of thought, the first is own/1"
    ):
        with_chains([row(0, reply=REPLY), row(1)], "builds/x")


def spoiled(demo: Build, target: Path, column: str, value: Sequence) -> Path:
    """Return a copy of a release's first shard in which the first row has another value."""
    shard = sorted((demo.release / "data").glob("train*.parquet"))[0]
    table = pq.read_table(shard).slice(0, 3)
    kind = table.schema.field(column).type
    changed = pa.array([value, *table[column].to_pylist()[1:]], kind)
    table = table.set_column(table.schema.get_field_index(column), column, changed)
    (target / "data").mkdir(parents=True)
    pq.write_table(table, target / "data" / shard.name)
    (target / "README.md").write_text("---\n---\n")
    return target


def test_rows_whose_pictures_are_missing_are_named(demo: Build, tmp_path: Path) -> None:
    empty = spoiled(demo, tmp_path / "empty", "frames", [])
    with pytest.raises(InputError, match=r"shapes/\d+ has no pictures"):
        load_rows(empty, SMALL)
    hollow = spoiled(demo, tmp_path / "hollow", "frames", [{"bytes": None, "path": "x.jpg"}])
    with pytest.raises(InputError, match=r"shapes/\d+ has no pictures"):
        load_rows(hollow, SMALL)
    broken = row(1)._replace(jpegs=[b"no picture"] * 3)
    with pytest.raises(InputError, match="own/1: picture 0 cannot be read"):
        pictures(broken)


def test_a_release_without_pictures_is_refused(demo: Build, tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    for each in (demo.release / "text").glob("*.parquet"):
        (tmp_path / "text" / each.name).write_bytes(each.read_bytes())
    (tmp_path / "README.md").write_text("---\n---\n")
    with pytest.raises(InputError, match="never falls back to text"):
        load_rows(tmp_path, SMALL)


def test_an_unknown_split_is_told(demo: Build) -> None:
    with pytest.raises(InputError, match="no row in 'test'; its splits: train, validation"):
        load_rows(demo.release, SMALL, "test")


def test_a_checkpoint_of_another_config_is_refused(one: Model, tmp_path: Path) -> None:
    settings = config()
    facts = {"phase": "sft", "config": {"sft": {"steps": 4, "batch": 2}}}
    assert settings.sft is not None
    run(one.name, settings, settings.sft, ROWS, tmp_path, facts)
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoints" / "step-4"
    other = {"phase": "sft", "config": {"sft": {"steps": 4, "batch": 3}}}
    with pytest.raises(UsageError, match=r"another run: config.sft.batch was 2, is 3. Take"):
        run(one.name, settings, settings.sft, ROWS, tmp_path, other)


def test_a_config_without_the_phase_is_refused(demo: Build, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no section 'grpo:'"):
        train("grpo", demo.release, "x", load_config("qwen2.5-vl-7b-sft"), tmp_path)


def test_memory_that_is_not_there_is_told() -> None:
    told = "memory is full while trying: use smaller batches"
    with pytest.raises(R1DataError, match=told), out_of_memory("trying"):
        torch.empty(2**50, dtype=torch.uint8).fill_(1)
    told = "the GPU's memory is full while trying"
    with pytest.raises(R1DataError, match=told), out_of_memory("trying"):
        raise torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(RuntimeError, match="another fault"), out_of_memory("trying"):
        raise RuntimeError("another fault")


def test_half_a_line_is_no_step(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 0}\n{"step": 1}\n{"ste')
    assert [line["step"] for line in read_metrics(tmp_path)] == [0, 1]
    keep_until(tmp_path, 1)
    assert (tmp_path / "metrics.jsonl").read_text() == '{"step": 0}\n'


# Configs


@pytest.mark.parametrize("name", ["tiny-cpu", "qwen2.5-vl-7b-sft", "qwen2.5-vl-7b-tgrpo"])
def test_shipped_configs_are_valid(name: str) -> None:
    found = load_config(name)
    assert found.sft is not None or found.grpo is not None


def keys(schema: dict, above: str = "") -> Iterator[tuple[str, str]]:
    """Every key of a config with its description."""
    for key, spec in schema.get("properties", {}).items():
        yield f"{above}{key}", spec.get("description", "")
        yield from keys(spec, f"{above}{key}.")


def test_every_key_is_documented_and_is_one_of_the_dataclasses() -> None:
    text = (place("recipes").parent / "docs" / "training.md").read_text()
    facts = flat(Config(lora=Lora(), sft=config().sft, grpo=config().grpo).facts())
    for key, description in keys(load_schema("train")):
        assert f"| `{key}` | {description} |" in text, key
        assert key in facts or any(each.startswith(f"{key}.") for each in facts), key
    known = dict(keys(load_schema("train")))
    assert set(facts) <= set(known)


def test_the_published_settings_are_those_of_the_paper() -> None:
    found = load_config("qwen2.5-vl-7b-tgrpo")
    assert found.grpo is not None
    assert (found.frames.count, found.frames.max_pixels) == (16, 128 * 28 * 28)
    settings = found.grpo
    assert (settings.samples, settings.max_tokens, settings.beta) == (8, 768, 0.04)
    assert (settings.optimizer.lr, settings.optimizer.max_grad_norm) == (1e-6, 5.0)


def test_a_wrong_key_is_told_with_its_line_and_the_right_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("seed: 1\ngrpo:\n  steps: 1\n  promts: 2\n")
    with pytest.raises(RecipeError, match=r"mine.yaml, line 4: unknown key 'promts' .*'prompts'"):
        load_config(path)
    with pytest.raises(RecipeError, match=r"r1data ships: qwen2.5-vl-7b-sft, .*tiny-cpu"):
        load_config("tiny")
    with pytest.raises(RecipeError, match=r"--set sft.batch: .* must be a whole number"):
        load_config("tiny-cpu", ["sft.batch=none"])
