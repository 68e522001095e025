"""No input raises, leaves [0, 1], or is judged differently the second time."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from r1data.rewards import PROBLEM_TYPES, Verdict, extract, verify
from r1data.rewards.consistency import consistency
from r1data.rewards.form import check_form, repetition, truncated

QUICK, SLOW = 4_000, 200_000
PRESETS = ("canonical", "video-r1")

TAGS = [
    "<think>",
    "</think>",
    "<answer>",
    "</answer>",
    "<ANSWER>",
    "</Answer>",
    "<",
    "</",
    "< answer >",
]
NUMBERS = """0 1 5 -3 3.14 1,000 1.000.000 1,5 50% ½ 3½ 1e5 1e400 1e-9999999 10^3 10^99999 2/0 1/3
\\frac{1}{2} \\frac12 \\frac{ 0.333 10:30 25:99 10:30PM $5 €7 5cm 5 m/s 1_000 ５ ٣ ² ⅓ −7 +8 -- .5
5. ∞ nan inf twelve two-hundred half dozens million third 3rd 99999999999999999999
1:2:3 9^9^9^9 5! √2
x=5 2x"""
WORDS = """the a A B C D E AB (A) [B] A. B: yes no not never left right before after is answer The
option correct because and or cat cats dog running red blue 東京 猫 кошка قطة café cafe\u0301 ẞ İ
ﬁ ① Ａ \u200b \u00a0 \u202e \ufeff \ud800 \udfff \0 \x1c * ** _ ` $ $$ \\boxed{ \\text{ { } \\( \\)
' \" ’ “ . , ; : ? ! … — – - ~ ≈ = < > ≥ ± # @ 😀 |im_end|> <|im_end|> </s> both
none unknown error"""
PIECES = [*TAGS * 3, *NUMBERS.split(), *WORDS.replace("\n", " ").split(" ")]


def text(rng: random.Random, most: int) -> str:
    return rng.choice(["", " ", " ", "\n"]).join(rng.choices(PIECES, k=rng.randint(0, most)))


def made_up(rng: random.Random) -> dict:
    """Return a random row; half of the answers are near their truth, most are in tags."""
    truth = text(rng, 6)
    answer = truth if rng.random() < 0.3 else text(rng, 8)
    if rng.random() < 0.2:
        answer = f"{truth} {answer}"
    if rng.random() < 0.6:
        answer = f"<think>{text(rng, 10)}</think><answer>{answer}</answer>"
    options = [text(rng, 4) for _ in range(rng.randint(0, 6))]
    if options and rng.random() < 0.5:
        options = [f"{chr(65 + place)}. {option}" for place, option in enumerate(options)]
    kind = rng.choice([*PROBLEM_TYPES, "multiple choice", "numerical"])
    return {"problem_type": kind, "solution": truth, "completion": answer, "options": options}


def verdicts(row: dict) -> list[Verdict]:
    kind = row["problem_type"]
    rest = {name: row[name] for name in ("solution", "completion", "options")}
    return [verify(kind, preset=preset, **rest) for preset in PRESETS]


def check(seed: int, count: int) -> None:
    rng = random.Random(seed)
    for _ in range(count):
        row = made_up(rng)
        found = verdicts(row)
        for verdict in found:
            assert verdict.why, row
            assert verdict.reward is None or 0.0 <= verdict.reward <= 1.0, row
            assert (verdict.reward is None) == (verdict.right is None), row
        assert found == verdicts(row), row


def test_no_made_up_row_raises_or_leaves_the_range() -> None:
    check(seed=1, count=QUICK)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_row_of_200_000_raises_or_leaves_the_range() -> None:
    check(seed=2, count=SLOW)


def test_threads_agree_on_made_up_rows() -> None:
    rng = random.Random(3)
    rows = [made_up(rng) for _ in range(1_000)]
    here = [verdicts(row) for row in rows]
    with ThreadPoolExecutor(4) as threads:
        runs = list(threads.map(lambda _: [verdicts(row) for row in rows], range(4)))
    assert all(run == here for run in runs)


def test_a_right_answer_in_more_spaces_stays_right() -> None:
    rng = random.Random(4)
    for _ in range(QUICK // 4):
        row = made_up(rng)
        row["completion"] = f"<think>x</think><answer>{text(rng, 3)}</answer>"
        loose = row["completion"].replace("<answer>", " \n<answer> \t").replace("</", " \n</")
        tight, spaced = verdicts(row)[0], verdicts({**row, "completion": loose})[0]
        assert (tight.reward, tight.why) == (spaced.reward, spaced.why), row


def test_no_check_of_the_form_raises() -> None:
    rng = random.Random(6)
    for _ in range(QUICK):
        row = made_up(rng)
        completion = row["completion"]
        assert check_form(completion).why
        assert 0.0 <= repetition(completion).share <= 1.0
        assert truncated(completion) in (True, False)
        assert extract(completion).how
        assert consistency(row["problem_type"], completion, row["options"]).why
