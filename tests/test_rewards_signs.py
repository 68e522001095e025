"""Options that differ by a sign, a bracket or a meaningful case are different options."""

import pytest

from r1data.rewards import verify

DIFFERENT = [
    ("60-k", "60+k"), ("+5", "-5"), ("−5", "5"), ("x<3", "x>3"), ("x≤3", "x≥3"), ("x<3", "x≤3"),
    ("x <= 3", "x >= 3"), ("x = 3", "x ≠ 3"), ("10^5", "10^-5"), ("x²", "x2"), ("x^2", "x_2"),
    ("(0, 1)", "[0, 1]"), ("(0, 1]", "[0, 1)"), ("{1, 2}", "(1, 2)"), ("C", "C++"), ("C#", "C"),
    ("2", "√2"), ("√2", "∛2"), ("Left→Right", "Left←Right"), ("A -> B", "A <- B"),
    ("p ⇒ q", "p ⇔ q"), ("5%", "5"), ("5%", "5‰"), ("5°", "5"), ("$5", "€5"), ("Ca2+", "Ca2-"),
    ("OH-", "OH"), ("f'(x)", "f(x)"), ("f′(x)", "f″(x)"), ("A'", "A"), ("5'", '5"'),
    ("A ∪ B", "A ∩ B"), ("A ⊂ B", "A ⊆ B"), ("x ∈ A", "x ∉ A"), ("p ∧ q", "p ∨ q"), ("¬p", "p"),
    ("a × b", "a ÷ b"), ("a*b", "a/b"), ("a·b", "a+b"), ("±2", "2"), ("5!", "5"), ("1:2", "1/2"),
    ("|x|", "x"), ("\\leq 5", "\\geq 5"), ("$x^{2}$", "$x^{-2}$"), ("x<sup>2</sup>", "x2"),
    ("≈ 5", "= 5"), ("5 m", "5 M"), ("5 mW", "5 MW"), ("Ff", "ff"), ("AABB", "aabb"),
    ("AaBb", "aabb"), ("Co", "CO"), ("pH", "PH"), ("+", "-"), ("<", ">"), ("∞", "0"), ("🙂", "🙁"),
    ("a && b", "a || b"), ("@x", "#x"),
]  # fmt: skip
SAME = [
    ("red", "Red."), ("the red ball", "The red ball"), ("RED", "red"), ("no", "No"), ("up", "Up"),
    ("left-hand side", "left hand side"), ("left, then right", "left then right"),
    ("x − 3", "x - 3"), ("x≤3", "x <= 3"), ("x \\leq 3", "x ≤ 3"), ("x²", "x^2"),
    ("a dog", "A dog"), ("$x^{2}$", "x^2"), ("H₂O", "H2O"), ("f′(x)", "f'(x)"), ("“yes”", "yes"),
    ("it's", "it’s"), ("1,000", "1000"),
]  # fmt: skip


def verdict(solution: str, answer: str, options: list[str]) -> bool | None:
    return verify(
        "multiple choice",
        solution=solution,
        completion=f"<think>I look.</think><answer>{answer}</answer>",
        options=options,
    ).right


@pytest.mark.parametrize("pair", DIFFERENT)
def test_options_that_a_sign_tells_apart_are_different(pair: tuple[str, str]) -> None:
    options = [f"{letter}. {text}" for letter, text in zip("AB", pair, strict=True)]
    assert verdict("B", "A", options) is False
    assert verdict("A", "A", options) is True
    for letter, text in zip("AB", pair, strict=True):
        if len(text) > 1 and "\\" not in text and not text.startswith("<"):
            other = "B" if letter == "A" else "A"
            assert verdict(other, text, options) is not True, text


@pytest.mark.parametrize("pair", DIFFERENT)
def test_an_answer_with_the_signs_of_one_option_names_it(pair: tuple[str, str]) -> None:
    options = [f"A. {pair[0]}", f"B. {pair[1]}"]
    said = [verdict(letter, text, options) for letter, text in zip("AB", pair, strict=True)]
    if all(len(text) > 1 for text in pair):
        assert said == [True, True]


@pytest.mark.parametrize("pair", SAME)
def test_options_that_only_writing_tells_apart_are_the_same(pair: tuple[str, str]) -> None:
    assert verdict("B", "A", [f"A. {pair[0]}", f"B. {pair[1]}"]) is None


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("-5", True),
        ("The answer is -5", True),
        ("5", False),
        ("+5", False),
        ("The answer is +5", False),
        ("7", False),
    ],
)
def test_an_answer_keeps_the_sign_of_its_only_option(answer: str, right: bool) -> None:
    assert verdict("A", answer, ["A. -5", "B. 7"]) is right


@pytest.mark.parametrize(
    ("answer", "options"),
    [
        ("5", ["A. 5%", "B. 10%"]),
        ("100", ["A. $100", "B. $200"]),
        ("left hand", ["A. left-hand", "B. x"]),
    ],
)
def test_an_answer_may_leave_out_a_sign_that_all_options_have(
    answer: str, options: list[str]
) -> None:
    assert verdict("A", answer, options) is True
