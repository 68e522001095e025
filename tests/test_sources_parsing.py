"""Texts that sources write: understood wholly, or refused with the reason."""

from collections.abc import Callable
from typing import Any

import pytest

from r1data.errors import RowDrop
from r1data.sources.conversations import number_of, split_question
from r1data.sources.wording import question_lines

CLOSING = "Answer with the option's letter from the given choices directly."


def tried(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except RowDrop as drop:
        return drop.reason.value


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"<image>\nWhat?\nA. x\nB. y\n{CLOSING}", ("What?", ["x", "y"])),
        ("Hint: please.\nQuestion: What?\nChoices:\n(A) x\n(B) y", ("What?", ["x", "y"])),
        ("What?\r\nOptions:\r\nA) x\r\nB) y", ("What?", ["x", "y"])),
        ("Vitamin\nC. is good?\nA. yes\nB. no", ("Vitamin\nC. is good?", ["yes", "no"])),
        ("What?\nB. x\nC. y", "no_truth"),
        ("What?\nA. x\nC. y", "no_truth"),
        ("What?\nA. x B. y C. z", "no_truth"),
        ("What?\nOptions:\nx\ny", "no_truth"),
        ("What?\nA. x\nB. y\nsome other line", "no_truth"),
        ("What?\nA. x\nB.", "no_truth"),
        ("A. x\nB. y", "no_truth"),
        ("How many are there?", ("How many are there?", [])),
    ],
)
def test_a_question_gives_its_options_or_is_refused(text: str, found: Any) -> None:
    assert tried(split_question, text) == found


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (
            "Hint: Please answer and provide the correct option letter, e.g., A, B, at the end. "
            "Question: A box has 3 pens.\nHow many are left?",
            "A box has 3 pens.\nHow many are left?",
        ),
        (
            "Lecture: Stripes hide an animal.\nQuestion: Which one is Mia's?\n"
            "Hint: Mia has the animal with stripes.\nIt is small.\nChoices:\nA. cow\nB. zebra\n"
            "Answer with the letter.",
            "Lecture: Stripes hide an animal.\nWhich one is Mia's?\n"
            "Mia has the animal with stripes.\nIt is small.\nChoices:\nA. cow\nB. zebra",
        ),
        (
            "Hint: A map of rivers. Please select the correct option.\nQuestion: Which is north?",
            "A map of rivers.\nWhich is north?",
        ),
        ("Hint: N/A\nQuestion: Which?", "Which?"),
        ("Hint: Please provide the final value, e.g., 1.5, at the end.\nHow far?", "How far?"),
    ],
)
def test_a_hint_stays_but_for_what_it_says_on_how_to_answer(text: str, kept: str) -> None:
    assert "\n".join(question_lines(text)) == kept


HOW = [
    CLOSING,
    "Answer the question with Yes or No.",
    "Answer by yes or no.",
    "Please respond very briefly.",
    "Answer in one short phrase.",
    "Provide a concise response.",
    "Short answer, please.",
    "Be concise.",
    "Keep the answer short.",
    "Your reply must be terse.",
    "Answer the question using a single word or phrase.",
    "Choose the correct option.",
    "Respond with only the letter (A, B, C or D) of the right choice.",
    "Only give the best option.",
    "The best answer is:",
    "Answer:",
    "Do not explain.",
    "Use one word or number.",
    "Limit your answer to one word.",
    "Answer with a single number only.",
    "Respond as briefly as possible.",
    "A short reply is enough.",
    "No need to explain.",
    "Give your answer in a few words.",
    "Put your final answer inside \\boxed{}.",
    "Return only the capital letter and nothing else.",
    "Select the most suitable answer from the list above.",
    "Pick the right option, then explain in the format: 'Answer: choice\nRationale: rationale.'",
]


@pytest.mark.parametrize("how", HOW)
def test_sentences_on_how_to_answer_are_cut_at_both_ends(how: str) -> None:
    for text in (f"Is it red?\n{how}", f"Is it red? {how}", f"{how}\nIs it red?"):
        assert question_lines(text) == ["Is it red?"]
    options = ["Is it red?", "A. yes", "B. no"]
    assert question_lines("\n".join([*options, how])) == options
    assert question_lines("\n".join([options[0], how, *options[1:]])) == options


@pytest.mark.parametrize(
    "text",
    [
        "Read the note.\nGive the missing word.",
        "How long is it? Answer in meters.",
        "What is x? Give the answer to two decimal places.",
        "What is x?\nWrite your answer in simplest form.",
        "Answer the question.",
        "Say what you see. Give the number.",
        "How far is it? Give the answer (in meters).",
        "Read the sign. Write the text.",
        "Three men sing. Select the option that best describes the video.",
        "Two men talk. Which response is short?",
        "Choose the letter of the odd one.",
        "Look at the sign. Write the word in the image.",
        "What?\nA. yes\nB. no\nnot an option",
        "Is it red?\nOptions:\nYes\nNo",
    ],
)
def test_what_belongs_to_the_question_stays(text: str) -> None:
    assert question_lines(text) == text.split("\n")


@pytest.mark.parametrize(
    "text", ["4", "-3", "−3", "12.5%", "$4,656.00", "3/4", ".5", "2e5", "1,234,567"]
)
def test_numbers_stay_as_they_are_written(text: str) -> None:
    assert number_of(text) == text
    assert number_of(f"The answer is {text}.") == text


@pytest.mark.parametrize("text", ["5 cm", "1 1/2", "1,23", "seven", "", "10:30", "1996-97", "3 4"])
def test_what_is_no_plain_number_is_refused(text: str) -> None:
    assert tried(number_of, text) == "no_truth"
