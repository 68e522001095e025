"""Error rates against labels: what is counted as what, and that docs and cards state one figure."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from r1data.cli import app
from r1data.errors import InputError
from r1data.rewards.agreement import LabelAgreement, LabelCounts, agreement, form_of, rate_text
from r1data.rewards.error_rates import (
    card_rates,
    kinds_table,
    read_measured,
    sets_table,
    stored_text,
)
from r1data.rewards.lines import read_rows
from r1data.rewards.verdict import PRESETS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs" / "verification.md"
CHAIN = "The cup is lifted first. " * 20 + "So the answer is 7."


def answer(completion: str | None, label: Any, solution: str = "7", **more: Any) -> dict[str, Any]:
    row = {"problem_type": "numerical", "solution": solution, "completion": completion}
    return row | {"label": label} | more


ROWS = [
    answer("7", True),
    answer("8", True),  # a label that is wrong, or a verdict
    answer("7", False),
    answer("8", False),
    answer(CHAIN, 1),
    answer("it is 7 of them", 0),
    answer("9", True, solution=""),  # no verdict
    answer(None, False),
    answer("7", None),
]


def written(rows: list[Any]) -> Path:
    path = Path("labelled.jsonl")
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def found_in(rows: list[Any], **more: Any) -> LabelAgreement:
    return agreement(read_rows(written(rows)), **more)


def test_rows_are_counted_by_kind_of_answer() -> None:
    found = found_in(ROWS)
    assert found.kinds == {
        "numerical, bare": LabelCounts(2, 1, 2, 1, 0),
        "numerical, chain": LabelCounts(1, 0, 0, 0, 0),
        "numerical, no answer": LabelCounts(1, 0, 1, 0, 2),
        "numerical, sentence": LabelCounts(0, 0, 1, 1, 0),
    }
    assert found.unlabelled == 1
    assert found.reasons["correct, rejected", "value_differs"] == 1
    assert sum(found.reasons.values()) == len(found.disagreements) == 3
    assert [json.loads(line)["label"] for line in found.disagreements] == [True, False, 0]


@pytest.mark.parametrize("name", ["label", "correct", "right"])
def test_a_label_has_one_of_three_names(name: str) -> None:
    rows = [{(name if key == "label" else key): value for key, value in ROWS[0].items()}]
    assert found_in(rows).kinds == {"numerical, bare": LabelCounts(1)}


def test_the_verifiers_own_verdict_is_no_label() -> None:
    scored = {**ROWS[0], "right": True, "why": "exact", "preset": "canonical"}
    assert found_in([scored]).kinds
    del scored["label"]
    with pytest.raises(InputError, match=r"labelled\.jsonl:1 has no label: add 'label'"):
        found_in([scored])


@pytest.mark.parametrize("value", ["true", 2, 0.5, [], "yes"])
def test_a_label_is_a_truth_value(value: Any) -> None:
    with pytest.raises(InputError, match=r"labelled\.jsonl:2: label is .*: write true"):
        found_in([ROWS[0], answer("7", value)])


def test_a_line_that_cannot_be_read_is_told_and_not_counted() -> None:
    told: list[str] = []
    found = found_in([ROWS[0], "{broken", ROWS[3]], tell=told.append)
    assert found.kinds == {"numerical, bare": LabelCounts(1, 0, 1)}
    assert len(told) == 1 and "labelled.jsonl:2" in told[0]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (None, "no answer"),
        ("(B) the red ball", "bare"),
        ("The answer is the red ball", "sentence"),
        ("word " * 40, "sentence"),
        ("word " * 41, "chain"),
    ],
)
def test_the_form_of_an_answer_is_its_length(text: str | None, form: str) -> None:
    assert form_of(text) == form


def test_a_rate_has_its_interval() -> None:
    assert rate_text(0, 10) == "0 of 10: 0.0% (0.0% to 27.8%)"
    assert rate_text(10, 20) == "10 of 20: 50.0% (29.9% to 70.1%)"
    assert rate_text(0, 0) == "none"


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["verify", *arguments])


def test_the_command_prints_the_rates_and_writes_the_disagreements() -> None:
    path = str(written(ROWS))
    for order in (("--agreement", path), (path, "--agreement")):
        done = run(*order, "--out", "out.jsonl")
        assert done.exit_code == 0
        assert re.search(r"all +8 +1 of 4: 25\.0% \(4\.6% to 69\.9%\) +2 of 4: 50\.0%", done.output)
        assert "their label is null: 1" in done.output
        assert "correct, rejected: value_differs 1" in done.output
        assert len(Path("out.jsonl").read_text().splitlines()) == 3
    assert "no answer" in run(path, "--agreement", "--preset", "video-r1").output


def test_the_command_never_writes_over_the_labels() -> None:
    path = written(ROWS)
    before = path.read_bytes()
    assert isinstance(run(str(path), "--agreement", "--out", str(path)).exception, Exception)
    assert path.read_bytes() == before
    assert isinstance(run(str(path), "--agreement", "--explain", "1").exception, Exception)


# One source for docs and cards


def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rates", ROOT / "benchmarks" / "error_rates.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_docs_state_the_measured_figures() -> None:
    day, sets = read_measured()
    assert benchmark().docs_tables(day, sets) in DOCS.read_text(encoding="utf-8")
    assert json.loads(stored_text(day, sets)) == json.loads(
        (ROOT / "r1data" / "rewards" / "error_rates.json").read_text(encoding="utf-8")
    )


def test_the_figures_are_those_of_the_rules_as_they_are(real_data: Path) -> None:
    """Where this fails, the rules changed: python benchmarks/error_rates.py DATA measures anew."""
    _, sets = read_measured()
    again = {(each.preset, each.answers): each for each in benchmark().measure_all(real_data)}
    for each in sets:
        assert again[each.preset, each.answers] == each, (each.preset, each.answers)


def test_a_card_states_what_was_measured_on_rows_that_no_rule_was_tuned_on() -> None:
    _, sets = read_measured()
    text = card_rates("canonical", PRESETS["canonical"].version)
    held_out, as_published = (
        each for each in sets if each.preset == "canonical" and not each.tuned_on
    )
    assert kinds_table(held_out) in text and "held-out half, labels corrected" in text
    assert kinds_table(as_published) not in text
    assert "TempCompass" not in text and "free-form" in text
    assert all(card_rates(preset.name, preset.version) for preset in PRESETS.values())
    assert card_rates("canonical", 99) == ""
    assert all(each.answers in sets_table(sets) for each in sets)


def test_corrected_labels_are_each_of_their_own_half_and_have_a_reason() -> None:
    rates = benchmark()
    for half in (rates.LOOKED_AT, rates.HELD_OUT):
        rows = rates.rows_in(rates.LABELS / rates.CORRECTED[half])
        assert len({row["id"] for row in rows}) == len(rows) > 30
        assert all(rates.half_of(row["id"]) == half for row in rows)
        assert all(row["reason"] and row["label"] in (True, False, None) for row in rows)
    assert [rates.half_of(each) for each in ("3", "7", "9")] == [0, 0, 0]
    assert 0.4 < sum(rates.half_of(str(n)) for n in range(1_000)) / 1_000 < 0.6
