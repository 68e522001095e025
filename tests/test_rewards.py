"""The canonical verifier: where answers are found, what it refuses, what it survives."""

import json
import os
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from r1data.errors import InputError, UsageError
from r1data.rewards import PRESETS, PROBLEM_TYPES, Verdict, extract, verify
from r1data.rewards.numerical import read_number

DEADLINE = 1.0


def tagged(answer: str) -> str:
    return f"<think>Let me see.</think>\n<answer>{answer}</answer>"


@pytest.mark.parametrize(
    ("completion", "answer", "how"),
    [
        ("<think>x</think><answer>A</answer>", "A", "answer_tag"),
        ("<think>x <answer>B</answer></think><answer>A</answer>", "A", "answer_tag"),
        ("<think>x</think><answer>A</answer> wait <answer>B</answer>", "B", "last_of_many"),
        ("<think>x</think><answer><answer>A</answer></answer>", "A", "answer_tag"),
        ("<think>x</think><ANSWER>A</Answer>", "A", "answer_tag"),
        ("<think>x</think><answer>A", "A", "unclosed_tag"),
        ("<think>x</think> A", "A", "after_think"),
        ("A", "A", "bare"),
        ("<think>x <answer>A</answer>", "A", "unclosed_think"),
        ("<think>x <answer>A</answer> and then", None, "no_answer"),
        ("<think>x <answer>A</answer></think>", None, "no_answer"),
        ("<think>x", None, "no_answer"),
        ("<think>x</think><answer> </answer>", None, "no_answer"),
        ("<answer>A</answer><|im_end|>", "A", "answer_tag"),
        ("", None, "no_answer"),
    ],
)
def test_the_last_complete_answer_after_the_thought_counts(
    completion: str, answer: str | None, how: str
) -> None:
    found = extract(completion)
    assert (found.answer, found.how) == (answer, how)
    verdict = verify("free-form", solution="A", completion=completion)
    assert verdict.seen == answer


def test_the_thought_is_what_stands_between_its_tags() -> None:
    assert extract("<think> a <b> c </think><answer>A</answer>").think == "a <b> c"
    assert extract("a c </think><answer>A</answer>").think == "a c"
    assert extract("A").think == ""


@pytest.mark.parametrize("preset", ["canonical", "video-r1"])
@pytest.mark.parametrize(
    ("solution", "options"),
    [
        ("A", ["A. yes", "B. no"]),
        ("A", ["yes", "no"]),
        ("<answer>A</answer>", ["yes", "no"]),
        ("yes", ["A. yes", "B. no"]),
        ("yes", ["yes", "no"]),
        ("<answer> A </answer>", []),
    ],
)
def test_a_truth_may_be_plain_or_tagged_a_letter_or_a_text(
    preset: str, solution: str, options: list[str]
) -> None:
    right = verify(
        "multiple choice",
        solution=solution,
        completion=tagged("A"),
        options=options,
        preset=preset,
    )
    wrong = verify(
        "multiple choice",
        solution=solution,
        completion=tagged("B"),
        options=options,
        preset=preset,
    )
    assert (right.reward, right.right, wrong.right) == (1.0, True, False)


def test_half_a_unit_of_the_last_decimal_is_the_limit() -> None:
    def reward(answer: str) -> float | None:
        return verify("numerical", solution="3.14", completion=tagged(answer)).reward

    assert [reward(each) for each in ("3.135", "3.145", "3.1449999")] == [1.0, 1.0, 1.0]
    assert [reward(each) for each in ("3.13499999999999999999", "3.1450000001")] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.000.000", 1_000_000),
        ("12,34,567", 1_234_567),
        ("two thousand and five", 2005),
        ("one hundred twenty-three", 123),
        ("7 million", 7_000_000),
        ("−2½", Fraction(-5, 2)),
        (r"-\frac{3}{4}", Fraction(-3, 4)),
        ("6.02×10^23", 602 * 10**21),
        ("0." + "1" * 30, Fraction(int("1" * 30), 10**30)),
        ("10:30", 630),
    ],
)
def test_numbers_are_read_as_exact_rationals(text: str, value: Fraction | int) -> None:
    quantity = read_number(text).quantity
    assert quantity is not None
    assert Fraction(quantity.numerator, quantity.denominator) == value


def test_at_least_moves_what_counts_as_right() -> None:
    def right(**at_least: float) -> bool | None:
        return verify("regression", solution="10", completion=tagged("9"), at_least=at_least).right

    assert right() is True
    assert right(regression=0.95) is False
    assert right(regression=0.9) is True
    assert right(OCR=1.0) is True


def test_an_unknown_preset_is_a_usage_error_that_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="canonical"):
        verify("OCR", solution="A", completion="A", preset="strict")


@pytest.mark.parametrize("solution", ["", " ", "<answer></answer>", "<answer> </answer>"])
@pytest.mark.parametrize("kind", PROBLEM_TYPES)
def test_an_empty_truth_judges_nothing(kind: str, solution: str) -> None:
    verdict = verify(kind, solution=solution, completion=tagged("5"))
    assert (verdict.reward, verdict.right, verdict.why) == (None, None, "empty_reference")


@pytest.mark.parametrize(
    ("kind", "hint", "preset"),
    [(kind, False, "canonical") for kind in ("Multiple Choice", "boolean", "")]
    + [(kind, False, preset) for kind in (None, ["OCR"]) for preset in PRESETS]
    + [(kind, True, preset) for kind in (0, 4, 1.0, "2") for preset in PRESETS],
)
def test_an_unknown_type_is_refused_with_the_known_ones(kind: Any, hint: bool, preset: str) -> None:
    with pytest.raises(InputError) as caught:
        verify(kind, solution="A", completion=tagged("A"), preset=preset)
    message = str(caught.value)
    assert str(kind) in message and all(known in message for known in PROBLEM_TYPES)
    assert ("class label" in message) is hint


@pytest.mark.parametrize("solution", ["nan", "inf", "many", "<answer>x</answer>"])
@pytest.mark.parametrize("kind", ["numerical", "regression"])
def test_a_truth_that_is_no_number_judges_nothing(kind: str, solution: str) -> None:
    verdict = verify(kind, solution=solution, completion=tagged("nan"))
    assert (verdict.reward, verdict.why) == (None, "unparsed_reference")


def test_options_of_one_wording_cannot_be_told_apart() -> None:
    options = ["A. a cat", "B. a dog", "C. A cat."]
    answers = {
        answer: verify(
            "multiple choice", solution="A", completion=tagged(answer), options=options
        ).reward
        for answer in ("A", "C", "B", "a dog")
    }
    assert answers == {"A": 1.0, "C": None, "B": 0.0, "a dog": 0.0}
    named = verify("multiple choice", solution="A", completion=tagged("a cat"), options=options)
    assert not named.right
    assert named.why == "duplicate_options"


HOSTILE = {
    "10 MB of one letter": tagged("a" * 10_000_000),
    "10 MB of words": tagged("the cat sat " * 830_000),
    "10 MB of digits": tagged("7" * 10_000_000),
    "10 MB of thought": f"<think>{'hm, ' * 2_500_000}</think><answer>5</answer>",
    "10 MB without tags": "cat " * 2_500_000,
    "10 MB of opening brackets": tagged("<" * 10_000_000),
    "10 MB of other words": tagged(
        " ".join(f"{number:x}" for number in range(10_000_000, 11_400_000))
    ),
    "10,000 nested answers": "<answer>" * 10_000 + "5" + "</answer>" * 10_000,
    "10,000 nested thoughts": "<think>" * 10_000 + "</think>" * 10_000 + "<answer>5</answer>",
    "10,000 thoughts ending": "<think>" + "</think> " * 10_000 + "<answer>5",
    "a tower of powers": tagged("9^9^9^9"),
    "a LaTeX tower": tagged("9^{9^{9^{9}}}"),
    "a huge exponent": tagged("1e999999999"),
    "a huge negative exponent": tagged("1e-999999999"),
    "a huge power of ten": tagged("10^999999999"),
    "a factorial": tagged("(10^7)!"),
    "division by zero": tagged("1/0"),
    "NUL bytes": tagged("5\0\0"),
    "lone surrogates": tagged("\ud800 5 \udfff"),
    "combining marks": tagged("a" + "\u0301\u0323" * 100_000),
    "spaces": tagged(" " * 1_000_000 + "5" + " " * 1_000_000),
    "braces": tagged("\\frac{" * 20_000),
    "boxes": tagged("\\boxed{" * 20_000 + "5" + "}" * 20_000),
    "many numbers": tagged("1 " * 900),
    "many letters": tagged("A " * 9_000),
    "option words": tagged("the answer is the answer is " * 700),
    "commas": tagged("1," * 900),
    "minus signs": tagged("-" * 1_900 + "5"),
    "number words": tagged("one hundred and " * 120),
    "quotes": tagged('the text reads "' * 1_200),
}


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_completions_get_an_answer_with_a_reason_in_a_second(
    name: str, preset: str
) -> None:
    if preset == "canonical-math":
        pytest.importorskip("math_verify")
    truths = {"multiple choice": "A", "OCR": "5 cats", "free-form": "5 cats on a mat"}
    for kind in PROBLEM_TYPES:
        options = ["A. cat", "B. dog"] if kind == "multiple choice" else []
        seconds = []
        for _ in range(6):  # a busy core takes longer for the same work
            start = time.process_time()
            verdict = verify(
                kind,
                solution=truths.get(kind, "5"),
                completion=HOSTILE[name],
                options=options,
                preset=preset,
            )
            seconds.append(time.process_time() - start)
            assert verdict.why
            assert verdict.reward is None or 0.0 <= verdict.reward <= 1.0
            if seconds[-1] < DEADLINE:
                break
        assert min(seconds) < DEADLINE, kind


def judged_rows(rows: list[dict]) -> list[Verdict]:
    return [
        verify(
            row["problem_type"],
            solution=row["solution"],
            completion=row["completion"],
            options=row.get("options", ()),
            preset=preset,
        )
        for row in rows
        for preset in ("canonical", "video-r1")
    ]


def test_threads_and_processes_give_the_same_verdicts() -> None:
    golden = Path(__file__).parent / "golden"
    rows = [
        json.loads(line)
        for path in sorted(golden.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").split("\n")
        if line
    ]
    here = judged_rows(rows)
    with ThreadPoolExecutor(8) as threads:
        assert all(found == here for found in threads.map(judged_rows, [rows] * 8))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        assert processes.submit(judged_rows, rows).result() == here


needs_real_data = pytest.mark.skipif(
    "R1DATA_REAL_DATA" not in os.environ, reason="R1DATA_REAL_DATA names no folder"
)


def real(name: str) -> Path:
    return Path(os.environ["R1DATA_REAL_DATA"]) / name


@needs_real_data
def test_right_answers_to_tabmwp_are_kept_and_wrong_ones_are_not() -> None:
    problems = json.loads(real("tabmwp/problems.json").read_text(encoding="utf-8"))
    cells: Counter[tuple[bool, bool | None]] = Counter()
    for line in real("tabmwp/recorded_replies.jsonl").read_text(encoding="utf-8").split("\n"):
        reply = json.loads(line) if line else None
        if reply is None or extract(reply["reply"]).answer is None:
            continue
        problem = problems[reply["pid"]]
        verdict = verify(
            "multiple choice" if problem["choices"] else "numerical",
            solution=problem["answer"],
            completion=reply["reply"],
            options=problem["choices"] or (),
        )
        cells[reply["correct"], verdict.right] += 1
    right = cells[True, True] + cells[True, False] + cells[True, None]
    wrong = cells[False, True] + cells[False, False] + cells[False, None]
    assert (right, wrong) == (265, 152)
    assert cells[True, True] >= 0.97 * right
    assert cells[False, True] <= 0.01 * wrong


@needs_real_data
def test_ratings_of_tempcompass_are_met() -> None:
    lines = real("verify/tempcompass_multi_choice.jsonl").read_text(encoding="utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line]
    agreed = [
        verify(
            "multiple choice",
            solution=row["gold"],
            completion=row["prediction"],
            options=row["options"],
        ).right
        is bool(row["rating"])
        for row in rows
        if row["rule_matched"]
    ]
    assert sum(agreed) >= 0.995 * len(agreed)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("B", "letter"), ("The answer is B.", "stated_letter"), ("blue", "option_text"),
        ("(E)", "no_such_letter"), ("A or B", "several_letters"),
        ("It is red and blue.", "several_texts"),
        ("B. green", "letter_text_conflict"), ("It is not blue.", "denied"),
        ("I cannot tell.", "undecided"), ("Something else.", "unparsed_choice"),
        ("\\boxed{7}", "unparsed_choice"), ("\\boxed{B}\n\nThe answer is C.", "several_letters"),
        ("C", "wrong_letter"), ("B " * 10_001, "too_long"),
    ],
)  # fmt: skip
def test_a_choice_says_why(answer: str, why: str) -> None:
    options = ["A. red", "B. blue", "C. green", "D. grey"]
    completion = f"<think>x</think><answer>{answer}</answer>"
    assert (
        verify("multiple choice", solution="B", completion=completion, options=options).why == why
    )


@pytest.mark.parametrize(
    ("answer", "why"),
    [("7", "option_value"), ("Yes.", "unparsed_choice"), ("3 or 5", "several_texts")],
)
def test_a_choice_among_numbers_says_why(answer: str, why: str) -> None:
    options = ["A. 3", "B. 5", "C. 7"]
    completion = f"<think>x</think><answer>So it is {answer}</answer>"
    assert (
        verify("multiple choice", solution="C", completion=completion, options=options).why == why
    )


def test_a_letter_truth_stays_a_letter_where_an_option_is_that_letter() -> None:
    # "Which letter is shown?" with the truth A: the first option, whose text is B
    def right(completion: str) -> bool | None:
        return verify(
            "multiple choice", solution="A", completion=completion, options=["B", "A"]
        ).right

    assert right("<answer>A</answer>") is True
    assert right("<answer>A. B</answer>") is True
    assert right("<answer>B. A</answer>") is False
