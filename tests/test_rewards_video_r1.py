"""Preset video-r1 equals the published functions: by a direct implementation, and by real data."""

import json
import os
import random
import re
from pathlib import Path

import pytest
from rouge_score import rouge_scorer

from r1data.rewards import verify
from r1data.rewards.extract import published_answer, published_think
from r1data.rewards.lines import read_rows, score_file, score_rows
from r1data.rewards.mra import video_r1_mra, vsi_mra
from r1data.rewards.overlap import rouge
from r1data.rewards.published import PUBLISHED, published_format
from r1data.rewards.stems import stem
from r1data.train.rows import TrainRow
from r1data.train.scoring import PRESETS, Weights, score_group

WORDS = """the a cat cats running runs ran ball's U.S. don't 3.5 1,000 50% ５ ٣ nan inf -inf 1e400
1_000 東京 café x^2 I K ſt sky skies dying lying flies happily national rationality generalization
agreed feed sses ties died hopping falling controlling ion yy yyy oxygen \u00a0 \u3000 \x1c \u200b
<think> </think> <answer> </answer> <ANSWER> A B (A) 0 0.0 4 4.0 4. .5 $5 - —"""
PIECES = WORDS.replace("\n", " ").split(" ")
ENDS = """s es ies ied eed ed ing y ational enci izer bli alli entli eli ousli ization ation ator
alism iveness fulness biliti fulli logi icate ative alize ical ful ness ance er able ement ion ous
e ll"""

FORMAT = re.compile(r"<think>.*?</think>\s*<answer>.*?</answer>", re.DOTALL)


def plain_tag(name: str, text: str) -> str:
    match = re.search(rf"<{name}>\s*(.*?)\s*</{name}>", text, re.DOTALL)
    return match[1].strip() if match else ""


def plain_errors(truth: list[str], answer: list[str]) -> int:
    above = list(range(len(answer) + 1))
    for row, word in enumerate(truth, start=1):
        line = [row]
        for column, other in enumerate(answer, start=1):
            step = above[column - 1] + (word != other)
            line.append(min(step, above[column] + 1, line[-1] + 1))
        above = line
    return above[-1]


def plain_float(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def plain_reward(kind: str, truth: str, answer: str) -> float:
    """Compute a published reward in the most direct way."""
    if kind == "multiple choice":
        return float(truth == answer)
    if kind == "OCR":
        wanted = truth.split()
        return max(0.0, min(1.0, 1 - plain_errors(wanted, answer.split()) / max(1, len(wanted))))
    if kind == "free-form":
        scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
        scores = scorer.score(truth, answer)
        mean = (
            scores["rouge1"].fmeasure + scores["rouge2"].fmeasure + scores["rougeL"].fmeasure
        ) / 3
        return max(0.0, min(1.0, mean))
    wanted, given = plain_float(truth), plain_float(answer)
    if kind == "numerical" and ("." in truth or "," in truth) != ("." in answer or "," in answer):
        return 0.0
    if wanted is None or given is None:
        return 0.0
    if kind == "numerical":
        return float(round(wanted, 2) == round(given, 2))
    error = (abs(given - wanted) + 1e-9) / (abs(wanted) + 1e-9)
    return 1 - min(1.0, max(0.0, error))


def made_up(rng: random.Random) -> tuple[str, str]:
    """Return a truth and an answer that are often alike."""
    words = rng.choices(PIECES, k=rng.randint(0, 12))
    other = [rng.choice(PIECES) if rng.random() < 0.2 else word for word in words]
    glue = rng.choice([" ", " ", "", "\n"])
    return glue.join(words), glue.join(other if rng.random() < 0.8 else rng.choices(PIECES, k=3))


@pytest.mark.parametrize("kind", sorted(PUBLISHED))
def test_rewards_equal_a_direct_implementation(kind: str) -> None:
    rng = random.Random(len(kind))
    for _ in range(3_000):
        truth, answer = (text.strip() for text in made_up(rng))
        assert PUBLISHED[kind](truth, answer)[0] == plain_reward(kind, truth, answer), (
            truth,
            answer,
        )


def test_tags_equal_the_published_expressions() -> None:
    rng = random.Random(3)
    pieces = ["<think>", "</think>", "<answer>", "</answer>", " ", "\n", "x", "<", "\x1c", "<b>"]
    for _ in range(20_000):
        text = "".join(rng.choices(pieces, k=rng.randint(0, 14)))
        assert published_answer(text) == plain_tag("answer", text), text
        assert published_think(text) == plain_tag("think", text), text


# Near tags, nested ones, tags of another case, and spaces that only Unicode knows
FORM_PIECES = ["<think>", "</think>", "<answer>", "</answer>", "</think><answer>", "<THINK>",
    "</Answer>", "<think", "answer>", "<", "</", "x", "<b>", "\n", "\r", "\x1c", "\x1f", "\x85",
    "\u00a0", "\u2028", "\u3000", "\u200b", "\ufeff", " "]  # fmt: skip


@pytest.mark.parametrize("preset", PRESETS)
def test_the_format_reward_is_the_published_expression(preset: str) -> None:
    """In the scores of a file and in training, which has no preset but Video-R1's two."""
    rng = random.Random(preset)
    texts = []
    for _ in range(10_000):
        inner = ["".join(rng.choices(FORM_PIECES, k=rng.choice((0, 0, 1, 3)))) for _ in range(5)]
        texts.append("{}<think>{}</think>{}<answer>{}</answer>{}".format(*inner))
        texts.append("".join(rng.choices(FORM_PIECES, k=rng.randint(0, 12))))
    wanted = [float(FORMAT.fullmatch(text) is not None) for text in texts]
    assert 0.05 < sum(wanted) / len(wanted) < 0.4
    assert [published_format(text) for text in texts] == wanted
    row = TrainRow("x", "own", "Why?", [], None, "free-form", [], "<answer>x</answer>", None)
    weights = Weights(PRESETS[preset], "video-r1", 0.5, False, False)
    group = score_group(row, texts, [9] * len(texts), [], weights)
    assert group.form == [0.5 * each for each in wanted]


@pytest.mark.parametrize("unit", ["<think>", "</think>", "</think><answer>", "</think> \n", "<"])
def test_the_format_of_a_megabyte_of_tags_is_told(unit: str) -> None:
    """The expression itself backtracks for minutes on this."""
    garbage = unit * (1_000_000 // len(unit))
    assert published_format(garbage) == 0.0
    assert published_format(f"<think>{garbage}</think>x</answer>") == float("<answer>" in unit)


def test_long_answers_score_as_short_ones_do(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(5)
    pairs = [made_up(rng) for _ in range(500)]
    wanted = [rouge(*pair) for pair in pairs]
    monkeypatch.setattr("r1data.rewards.overlap.LONG", -1)
    assert [rouge(*pair) for pair in pairs] == wanted


def test_stems_equal_those_of_nltk() -> None:
    stemmer = pytest.importorskip("nltk.stem.porter").PorterStemmer()
    rng = random.Random(9)
    for _ in range(20_000):
        word = "".join(rng.choices("aeiouybcdlstwx1", k=rng.randint(0, 5))) + rng.choice(
            ENDS.split()
        )
        assert stem(word) == stemmer.stem(word), word


@pytest.mark.parametrize(
    ("kind", "truth", "completion", "reward", "why"),
    [
        ("multiple choice", "A", "<answer>A.</answer>", 0.0, "text_differs"),
        ("multiple choice", "", "no tag", 1.0, "both_empty"),
        ("OCR", "", "no tag", 1.0, "both_empty"),
        ("numerical", "5", "<answer>5.0</answer>", 0.0, "decimal_presence"),
        ("numerical", "0.004", "<answer>0.001</answer>", 1.0, "two_decimals"),
        ("numerical", "50%", "<answer>50%</answer>", 0.0, "unparsed_reference"),
        ("regression", "5.0", "<answer>nan</answer>", 1.0, "nan_wins"),
        ("regression", "0", "<answer>0</answer>", 0.0, "zero_loses"),
        ("free-form", "猫", "<answer>猫</answer>", 0.0, "identical_without_latin_words"),
        ("boolean", "yes", "<answer>yes</answer>", 0.0, "unknown_type"),
    ],
)
def test_quirks_are_kept_and_named(
    kind: str, truth: str, completion: str, reward: float, why: str
) -> None:
    verdict = verify(kind, solution=truth, completion=completion, preset="video-r1")
    assert (verdict.reward, verdict.why) == (reward, why)


def test_more_than_six_tenths_is_right_as_in_the_published_filter() -> None:
    keeps = verify(
        "free-form", solution="cat", completion="<answer>cat</answer>", preset="video-r1"
    )
    drops = verify("regression", solution="10", completion="<answer>6</answer>", preset="video-r1")
    assert (round(keeps.reward or 0, 3), keeps.right) == (0.667, True)
    assert drops.reward == pytest.approx(0.6)
    assert drops.right is False


@pytest.mark.parametrize(
    ("answer", "truth", "theirs", "ours"),
    [(5.0, 5.0, 1.0, 1.0), (7.5, 5.0, 0.1, 0.0), (5.3, 5.0, 0.9, 0.9), (11.0, 5.0, 0.0, 0.0)],
)
def test_mean_relative_accuracy_counts_the_edge_in_vsi_bench_only(
    answer: float, truth: float, theirs: float, ours: float
) -> None:
    assert vsi_mra(answer, truth) == pytest.approx(theirs)
    assert video_r1_mra(answer, truth) == pytest.approx(ours)


def test_vsi_bench_thresholds_are_numpys() -> None:
    numpy = pytest.importorskip("numpy")
    levels = numpy.linspace(0.5, 0.95, 10)
    rng = random.Random(2)
    for _ in range(2_000):
        truth = rng.choice([rng.uniform(0.1, 10), float(rng.randint(1, 20))])
        answer = rng.choice([truth * rng.choice(range(40, 160, 5)) / 100, rng.uniform(0, 20)])
        assert vsi_mra(answer, truth) == (abs(answer - truth) / truth <= 1 - levels).mean()


REAL = Path(os.environ.get("R1DATA_REAL_DATA", "")) / "verify" / "video_r1_rewards.jsonl"
FIELDS = ("cot_reward", "rl_reward", "eval_reward", "format_reward", "think", "answer")


def rows_of(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@pytest.mark.skipif("R1DATA_REAL_DATA" not in os.environ, reason="R1DATA_REAL_DATA names no folder")
def test_every_published_score_is_reproduced(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    score_file(REAL, target, preset="video-r1")
    wanted, found = rows_of(REAL), rows_of(target)
    assert len(found) == len(wanted) == 6_000
    for one, other in zip(wanted, found, strict=True):
        assert {name: one[name] for name in FIELDS} == {name: other[name] for name in FIELDS}
    assert list(score_rows(read_rows(REAL), "video-r1")) == found
