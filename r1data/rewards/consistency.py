"""Does the thought conclude with the answer that is given?

By rule first: the thought's last sentences are read by the same readers as answers are. Where the
rule cannot tell, a judge may be asked: any function from prompt to reply. Its prompt and its
measured agreement with people or rules stay beside the verdict, so that nobody trusts it unseen.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from r1data.errors import load_package
from r1data.labels import bare_texts
from r1data.rewards.choice import meant
from r1data.rewards.comparison import compared
from r1data.rewards.extract import extract
from r1data.rewards.notation import simplified
from r1data.rewards.numerical import read_number
from r1data.rewards.option_text import SENTENCE
from r1data.rewards.quantity import TEXT_LIMIT, Quantity, numbers_in
from r1data.rewards.thought import thought_of
from r1data.rewards.wording import content

Ask = Callable[[str], str]

# A thought concludes in its last sentences; what stands before are the options it weighed
CLOSING = 3
CLOSING_CHARACTERS = 1_500

JUDGE_PROMPT = """Below are a line of reasoning and a final answer that were written together.
Does the reasoning conclude with that final answer? Judge only whether the two agree, not whether \
the answer is right. Reply with one word: yes, no, or unclear.

Problem type: {problem_type}
Options: {options}

Reasoning:
{think}

Final answer: {answer}
"""
JUDGE_REPLIES = {"yes": True, "no": False}


class Judge(NamedTuple):
    """Who was asked, with what prompt, and how often it agreed on how many known cases."""

    model: str
    prompt: str
    prompt_sha256: str
    agreement: float | None
    measured_on: int


class Consistency(NamedTuple):
    """`consistent` is None where it cannot be told; `concluded` is what the thought ends with."""

    consistent: bool | None
    concluded: str | None
    why: str
    judge: Judge | None = None


def consistency(problem_type: str, completion: str, options: Sequence[str] = ()) -> Consistency:
    """Compare a thought's conclusion with the answer, by rule."""
    think, answer = thought_of(problem_type, completion, options), extract(completion).answer
    if answer is None:
        return Consistency(None, None, "no_answer")
    if not think:
        return Consistency(None, None, "no_thought")
    closing = closing_sentences(think)
    if problem_type == "multiple choice":
        return same_choice(closing, answer, options)
    if problem_type in ("numerical", "regression"):
        return same_number(think, closing, answer)
    return same_words(think, closing, answer)


def closing_sentences(think: str) -> list[str]:
    """Return the last sentences of a thought, last first."""
    parts = [part.strip() for part in SENTENCE.split(think[-CLOSING_CHARACTERS:])]
    return [part for part in reversed(parts) if part][:CLOSING]


def same_choice(closing: list[str], answer: str, options: Sequence[str]) -> Consistency:
    """Compare the option that the last sentences speak for with the one given."""
    texts = bare_texts(tuple(options))
    given = meant(answer, texts).place
    if given is None:
        return Consistency(None, None, "unparsed_answer")
    for sentence in closing:
        place = meant(sentence, texts).place
        if place is not None:
            return Consistency(place == given, chr(65 + place), "option_concluded")
    return Consistency(None, None, "no_conclusion")


def same_number(think: str, closing: list[str], answer: str) -> Consistency:
    """Compare the numbers of the last sentences with the one given."""
    given = read_number(answer).quantity
    if given is None:
        return Consistency(None, None, "unparsed_answer")
    for sentence in closing:
        found = readable(sentence)
        if any(equal(given, number) for number in found):
            return Consistency(True, sentence, "number_concluded")
        stated = read_number(sentence).quantity
        if stated is not None:
            return Consistency(False, sentence, "other_number_concluded")
    everywhere = readable(think[-TEXT_LIMIT:])
    if everywhere and not any(equal(given, number) for number in everywhere):
        return Consistency(False, None, "number_never_mentioned")
    return Consistency(None, None, "no_conclusion")


def readable(text: str) -> list[Quantity]:
    """Return the numbers of a text that can be read."""
    return [number for number in numbers_in(simplified(text[:TEXT_LIMIT])) if number is not None]


def equal(one: Quantity, other: Quantity) -> bool:
    """Tell whether two numbers agree, whichever of them was rounded."""
    return compared(one, other)[0] == 1.0 or compared(other, one)[0] == 1.0


def same_words(think: str, closing: list[str], answer: str) -> Consistency:
    """Look for the words of an answer in the last sentences of a thought."""
    wanted = set(content(answer))
    if not wanted:
        return Consistency(None, None, "unparsed_answer")
    end = " ".join(reversed(closing))
    if wanted <= set(content(end)):
        return Consistency(True, end, "words_concluded")
    said = wanted & set(content(think))
    if not said:
        return Consistency(False, None, "words_never_mentioned")
    return Consistency(None, None, "no_conclusion")


def judged_consistency(
    problem_type: str,
    completion: str,
    options: Sequence[str],
    ask: Ask,
    model: str,
    known: tuple[float, int] | None = None,
) -> Consistency:
    """Compare by rule, and ask a judge where the rule cannot tell.

    `known` is what `agreement` measured for this judge: the share, and on how many cases.
    """
    by_rule = consistency(problem_type, completion, options)
    if by_rule.consistent is not None or by_rule.why in ("no_answer", "no_thought"):
        return by_rule
    share, cases = known or (None, 0)
    digest = hashlib.sha256(JUDGE_PROMPT.encode()).hexdigest()
    judge = Judge(model, JUDGE_PROMPT, digest, share, cases)
    verdict = JUDGE_REPLIES.get(first_word(ask(judge_prompt(problem_type, completion, options))))
    return Consistency(verdict, None, "judged" if verdict is not None else "judge_unclear", judge)


def judge_prompt(problem_type: str, completion: str, options: Sequence[str]) -> str:
    """Return what a judge is asked about a completion."""
    think, answer = thought_of(problem_type, completion, options), extract(completion).answer
    return JUDGE_PROMPT.format(
        problem_type=problem_type, options="; ".join(options) or "none", think=think, answer=answer
    )


def first_word(reply: str) -> str:
    """Return the first word of a reply, after the thought of a judge that thinks aloud."""
    words = (extract(reply).answer or "").lower().split()
    return words[0].strip(".,:;!*\"'") if words else ""


def agreement(
    cases: Iterable[tuple[str, str, Sequence[str], bool]], ask: Ask
) -> tuple[float | None, int]:
    """Measure a judge on (problem type, completion, options, is it consistent): share and count."""
    hits = [
        JUDGE_REPLIES.get(first_word(ask(judge_prompt(kind, completion, options)))) is wanted
        for kind, completion, options, wanted in cases
    ]
    return (sum(hits) / len(hits) if hits else None), len(hits)


@contextmanager
def endpoint(url: str, key: str, model: str, timeout: float = 60.0) -> Iterator[Ask]:
    """Give a judge that asks an OpenAI-compatible server; its errors reach the caller."""
    openai = load_package("openai", "openai")
    with openai.OpenAI(base_url=url, api_key=key, timeout=timeout) as client:

        def ask(prompt: str) -> str:
            reply = client.chat.completions.create(
                model=model, temperature=0.0, messages=[{"role": "user", "content": prompt}]
            )
            return reply.choices[0].message.content or ""

        yield ask
