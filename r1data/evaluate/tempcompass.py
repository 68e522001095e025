"""TempCompass's own rules: one a task (llyx97/TempCompass, eval_*.py).

A rule returns 1 or 0, or None where it finds no answer that it knows. There the authors ask
ChatGPT, or with --disable_llm give 0; here the verifier reads the answer, and the row says so.
Captions are only ever judged by a model: it is asked the multiple-choice question about the
caption, and the caption is right where it picks the true option.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

TASKS = ("multi-choice", "yes_no", "caption_matching", "captioning")
LETTERS = ("A", "B", "C", "D")


def known_task(text: str) -> str | None:
    """Return the task that a name means in any writing ("yes-no", "Caption Matching"), or None."""
    plain = re.sub(r"[^a-z]", "", text.casefold())
    found = {re.sub(r"[^a-z]", "", task): task for task in TASKS}
    return {**found, "multiplechoice": "multi-choice", "mc": "multi-choice"}.get(plain)


def rate_choice(prediction: str, answer: str) -> int | None:
    """Rate an answer to a multiple-choice question; `answer` is "B. cooking"."""
    if prediction == answer:
        return 1
    if prediction in LETTERS:
        return int(prediction == answer[0])
    for mark in (".", ")"):
        if prediction.startswith(tuple(letter + mark for letter in LETTERS)):
            return int(prediction.split(mark)[0] == answer[0])
    return None


def rate_yes_no(prediction: str, answer: str) -> int | None:
    """Rate what begins with yes or no."""
    for word in ("yes", "no"):
        if prediction.lower().startswith(word):
            return int(word == answer)
    return None


def rate_matching(prediction: str, question: str, answer: str) -> int | None:
    """Rate which of two captions was named: its whole line, its sentence, or its name.

    The question's lines after the first are "Caption A: text" or "Option 1: text".
    """
    lines = [line for line in question.split("\n")[1:] if ": " in line]
    names = [line.split(": ")[0] for line in lines]
    names += [re.sub("(Sentence|Option|Caption) ", "", name) for name in names]
    sentences = [line.split(": ")[1] for line in lines]
    chosen = next((line for line in lines if line == prediction), None)
    after = prediction.split(") ")[1] if ") " in prediction else None
    for sentence in sentences:
        if sentence in (prediction, after):
            chosen = sentence
    for name in names:
        if name in (prediction, prediction.replace(".", "")):
            chosen = name
    return None if chosen is None else int(chosen in truths(answer))


def truths(answer: str) -> set[str]:
    """Return every way to say a true caption: "Option 1: x", "Option 1", "x", "1"."""
    name, _, sentence = answer.partition(": ")
    return {answer, answer.split(":")[0], sentence.split(": ")[0], *name.split()[1:2]}


def rate_caption(reply: str, answer: str) -> int:
    """Rate a caption by the judge's reply; `answer` is the true option, "B. cooking".

    A reply that names several letters is wrong, as with the authors.
    """
    said = reply
    for line in reply.split("\n"):
        if "Answer" in line:
            said = line.strip().replace("Answer:", "").strip()
    letters = sum(said.count(f"{letter}.") for letter in LETTERS)
    return int(said.split(". ")[0] == answer.split(". ")[0] and letters == 1)


JUDGE_SYSTEM = "You are an AI assistant for question answering."


def judge_text(caption: str, question: str) -> str:
    """Return what the judge of captions is asked: the question, about the caption alone."""
    return (
        "Below are a description of a video and a multiple-choice question. Choose the option "
        "that the description supports, and say in a sentence why. If no option is right, or the "
        'description does not say enough, the answer is "None of the choices are correct".\n'
        "Reply in two lines, with the option's letter and text in the second:\n"
        "Reasoning: why\nAnswer: B. its text\n\n"
        f"Video Description: {caption}\nMulti-Choice Question:\n{question}\n"
    )


def rate(task: str, prediction: str, row: Mapping[str, Any]) -> int | None:
    """Rate one prediction by the rule of its task; None where the rule does not know it.

    Where the row holds what the authors' judge said of it, that decides what no rule matched.
    """
    text = prediction.replace("</s>", "").strip()
    if task == "captioning":
        reply = row.get("judge")
        return None if reply is None else rate_caption(reply, row["mc_answer"])
    rating = rate_by_rule(task, text, row)
    return rate_verdict(row["judge"]) if rating is None and row.get("judge") else rating


def rate_verdict(reply: str) -> int:
    """Rate by the judge's "Correct" or "Incorrect"."""
    if reply.startswith(("Correct", "Incorrect")):
        return int(reply.startswith("Correct"))
    return int("Correct" in reply and "Incorrect" not in reply)


def rate_by_rule(task: str, text: str, row: Mapping[str, Any]) -> int | None:
    """Rate by the rule of a task that needs no judge."""
    if task == "yes_no":
        return rate_yes_no(text, str(row["answer"]).strip().casefold())
    if task == "caption_matching":
        return rate_matching(text, row["question"], row["answer"])
    return rate_choice(text, row["answer"])


# The ways in which captions are named: "Option 1", "Caption A", "Sentence B".
NAMED = re.compile(r"\b(?:Option|Caption|Sentence|Description)\s+([1-9A-I])\b(?::\s*)?")
LABEL = re.compile(r"\s*([A-I])[.):]\s+(.*)")


def lettered(text: str, before: str = "") -> str:
    """Turn "Option 2: x" and "Sentence B" into "B. x" and "B.", as options are shown to models."""
    return NAMED.sub(lambda match: f"{before}{letter_of(match[1])}. ", text).strip()


def letter_of(name: str) -> str:
    """Return the letter of a caption's name, which may be a number."""
    return "ABCDEFGHI"[int(name) - 1] if name.isdigit() else name


def options_in(question: str) -> list[str]:
    """Return the texts of the options that stand in the lines of a question after the first."""
    lines = [LABEL.fullmatch(lettered(line)) for line in question.split("\n")[1:]]
    return [match[2].strip() for match in lines if match]


def labelled(options: Sequence[str], solution: str) -> str:
    """Return the true option as the benchmark writes it: "B. cooking"."""
    return f"{solution}. {options[ord(solution) - 65]}"
