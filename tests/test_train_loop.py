"""The closed loop's parts: clips, a teacher that reads out and errs on order, releases, tables."""

import importlib.util
import json
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from tiny_models import WORDS

from r1data.errors import InputError
from r1data.places import place
from r1data.train.compare import Result, difference, draw, score, table
from r1data.train.loop import loop_text, released
from r1data.train.moments import COLOURS, frames_of, make_clips, question_of, write_clips
from r1data.train.rows import View, load_rows
from r1data.train.tiny import make_tiny


def test_half_of_the_truths_on_order_are_wrong_and_no_truth_on_counts() -> None:
    clips = make_clips({"order": 400, "count": 100}, "a", mislabelled=0.5)
    first = [next(filter(None, clip.moments)) for clip in clips]
    wrong = [clip.stated != colour for clip, colour in zip(clips, first, strict=True)]
    on_order = [w for w, clip in zip(wrong, clips, strict=True) if clip.kind == "order"]
    assert 0.4 < sum(on_order) / 400 < 0.6
    counts = [clip for clip in clips if clip.kind == "count"]
    assert all(clip.stated == str(len([m for m in clip.moments if m])) for clip in counts)
    assert make_clips({"order": 5}, "a") != make_clips({"order": 5}, "b")


def test_a_question_that_tells_names_its_answer_and_no_other_does() -> None:
    clips = make_clips({"told": 20, "order": 20}, "e", mislabelled=1.0)
    for clip in clips:
        first = next(filter(None, clip.moments))
        assert (clip.stated == first) == (clip.kind == "told")
        named = [colour for colour in COLOURS if colour in question_of(clip)]
        assert named == ([first] if clip.kind == "told" else [])


def test_colours_that_show_differ_so_that_order_has_one_answer() -> None:
    for clip in make_clips({"order": 60, "count": 60}, "c"):
        shown = [moment for moment in clip.moments if moment]
        assert len(set(shown)) == len(shown) >= 1
        assert clip.stated in clip.options
        for picture, moment in zip(frames_of(clip, "c")[::2], clip.moments, strict=True):
            found = (picture == COLOURS[moment or "red"]).all(axis=2).sum()
            assert bool(found > 200) == bool(moment)


def test_questions_are_written_in_the_form_that_recipes_take(tmp_path: Path) -> None:
    path = write_clips(make_clips({"order": 2, "count": 1}, "d"), tmp_path, "d")
    rows = json.loads(path.read_text())
    assert Counter(row["data_source"] for row in rows) == {"order": 2, "count": 1}
    assert all((tmp_path / row["path"]).stat().st_size > 500 for row in rows)


@pytest.mark.slow
def test_verified_chains_read_clips_out_and_end_at_either_end(tmp_path: Path) -> None:
    release = released(tmp_path, "sft", 3, 16, 0.5)
    clips = {c.name: c for c in make_clips({"order": 16, "count": 16}, "3/sft", 0.5)}
    ends = Counter()
    rows = load_rows(release, View("brief", 8, 1024))
    assert sum(row.kind == "count" for row in rows) == 16
    for row in rows:
        clip = clips[row.id.partition("/")[2]]
        words = " ".join(moment or "none" for moment in clip.moments)
        assert row.reply is not None and row.reply.startswith(f"<think>{words} so ")
        assert row.options[ord(row.solution) - ord("A")] == clip.stated
        if row.kind == "order":
            ends[clip.stated == next(filter(None, clip.moments))] += 1
    assert ends[True] >= 2 and ends[False] >= 2


def test_intervals_hold_seeds_and_questions() -> None:
    results = [Result("a", 9, seed, {"order": [1.0, 0.0, 1.0, 1.0]}) for seed in range(3)]
    one = score(results, "order")
    assert one.mean == 0.75 and one.low < 0.5 and one.high == 1.0
    apart = [Result("a", 9, 0, {"order": [1.0] * 50}), Result("a", 9, 1, {"order": [0.0] * 50})]
    assert score(apart, "order")[1:] == (0.0, 1.0)  # questions alone would say .40 to .60
    assert "| a | 9 | 3 | 0.750 (" in table(results)
    with pytest.raises(InputError, match="of different questions"):
        table([*results, Result("b", 9, 0, {"order": [1.0]})])


def test_differences_are_paired_by_question() -> None:
    hard = [float(i % 2) for i in range(100)]
    helped = [1.0 if i < 10 else each for i, each in enumerate(hard)]
    a = [Result("a", 9, seed, {"order": hard}) for seed in range(2)]
    b = [Result("b", 9, seed, {"order": helped}) for seed in range(2)]
    assert score(a, "order").low < 0.45 < 0.55 < score(b, "order").high
    gained = difference(b, a, "order")
    assert gained.mean == pytest.approx(0.05) and 0 < gained.low < gained.high < 0.11
    assert "| b less a |  |  | +0.050 (+0.0" in table([*a, *b])


def test_results_are_drawn(tmp_path: Path) -> None:
    results = [Result(name, 9, 0, {"order": [1.0, 0.0], "count": [1.0, 1.0]}) for name in "ab"]
    draw(results, tmp_path / "results.png")
    assert (tmp_path / "results.png").read_bytes().startswith(b"\x89PNG")


def test_the_result_of_the_loop_is_a_table() -> None:
    part = {"count": 1.0, "order": 0.5}
    stages = ("before", "after_sft", "after_rl", "prolonged_sft", "shuffled")
    text = loop_text(
        dict.fromkeys(stages, part) | {"held_out": {"count": 2, "order": 3}, "seconds": 9}
    )
    assert text.count("1.00     0.50") == 5 and "2 on count, 3 on order; seconds: 9" in text


def load_pipeline() -> ModuleType:
    """Load pipelines/loop.py as a program."""
    spec = importlib.util.spec_from_file_location("loop", place("pipelines") / "loop.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_recipes_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = released(tmp_path, "rl", 1, 4, 0.0)
    recipes = []
    for name, wrong in (("noisy", 0.5), ("clean", 0.0)):
        path = write_clips(make_clips({"order": 6, "count": 6}, name, wrong), tmp_path / name, name)
        text = (place("recipes") / "loop.yaml").read_text()
        text = text.replace("loop/sft/questions.json", str(path))
        recipes.append(tmp_path / f"{name}.yaml")
        recipes[-1].write_text(text.replace("loop/sft", str(path.parent)))
    config = (place("recipes") / "train" / "tiny-cpu.yaml").read_text()
    (tmp_path / "c.yaml").write_text(config.replace("steps: 400", "steps: 2"))
    base = make_tiny(tmp_path / "base", WORDS, layers=1, heads=1)
    arguments = ["loop.py", *map(str, recipes), "--model", str(base), "--test", str(test)]
    arguments += [
        "--config",
        str(tmp_path / "c.yaml"),
        "--seeds",
        "2",
        "--out",
        str(tmp_path / "o"),
    ]
    monkeypatch.setattr("sys.argv", arguments)
    load_pipeline().main()
    lines = (tmp_path / "o" / "results.jsonl").read_text().splitlines()
    assert [json.loads(line)["recipe"] for line in lines] == ["noisy"] * 2 + ["clean"] * 2
    found = json.loads((tmp_path / "o" / "results.json").read_text())
    assert [each["seeds"] for each in found["recipes"]] == [[0, 1], [0, 1]]
    assert found["settings"]["config"]["sft"]["steps"] == 2
    assert (tmp_path / "o" / "results.md").read_text().count("\n| ") == 3
    assert (tmp_path / "o" / "results.png").is_file()
