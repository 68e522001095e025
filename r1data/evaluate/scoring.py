"""One answer, judged: the benchmark's own rule first, then the verifier, and Video-R1's beside it.

Published matchers differ in what text they can read, not in what is right. A rule that is published
and always gives the same result (VSI-Bench, TempCompass) decides where it can read an answer; the
verifier reads the rest. The score by the authors' rule alone is given beside it (`published`).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from r1data.evaluate import published, tempcompass
from r1data.evaluate.published import as_number, first_word
from r1data.rewards.extract import extract, published_answer
from r1data.rewards.mra import vsi_mra
from r1data.rewards.numerical import read_number
from r1data.rewards.published import published_eval
from r1data.rewards.sequence import question_of
from r1data.rewards.verdict import published_truth, verify

Row = Mapping[str, Any]


class Scored(NamedTuple):
    """What one answer is worth.

    `score` is 0 to 1, None where nothing can be judged; `rule` says who decided, `why` on what
    grounds, `seen` what was read. `video_r1` is the score of Video-R1's evaluation, None for
    problem types that it does not score. `published_rule` is the score by the authors' rule alone,
    None where they have none or do not count the row.
    """

    score: float | None
    rule: str
    why: str
    seen: str | None
    video_r1: float | None = None
    published_rule: float | None = None


def score_answer(benchmark: str, row: Row, text: str) -> Scored:
    """Judge the answer `text` to a row of a benchmark.

    `row` has problem_type, solution and options; for TempCompass also task, question and answer as
    published, and for its captions mc_answer and the judge's reply.
    """
    found = extract(text)
    if benchmark == "vsi-bench":
        scored = vsi(row, found.answer or "", text)
    elif benchmark == "tempcompass":
        scored = temp_compass(row, found.answer or "", text)
    else:
        scored = by_verifier(row, text)
    alone = published.rate(benchmark, found.answer or "", row)
    return scored._replace(video_r1=video_r1(row, text), published_rule=alone)


def vsi(row: Row, answer: str, text: str) -> Scored:
    """VSI-Bench: the answer's first word as a letter or a number (thinking-in-space, utils.py)."""
    first = first_word(answer)
    if row["problem_type"] == "multiple choice":
        places = [chr(65 + i) for i in range(len(row["options"]))]
        if first.upper() in places:
            right = first.lower() == str(row["solution"]).lower()
            return Scored(float(right), "vsi-bench", "letter" if right else "wrong_letter", first)
        return by_verifier(row, text)
    truth = float(str(row["solution"]).replace(",", ""))
    given, rule = as_number(first), "vsi-bench"
    if given is None:
        quantity = read_number(answer).quantity if answer else None
        if quantity is None:
            return Scored(0.0, rule, "unparsed_number" if answer else "no_answer", answer or None)
        given, rule = quantity.numerator / quantity.denominator, "canonical"
    return Scored(vsi_mra(given, truth), rule, "relative_accuracy", f"{given:g}")


def temp_compass(row: Row, answer: str, text: str) -> Scored:
    """TempCompass: the rule of the task; captions wait for a judge."""
    task = row["task"]
    if task == "captioning" and row.get("judge") is None:
        return Scored(None, "tempcompass", "needs_a_judge", answer or None)
    rating = tempcompass.rate(task, answer, row) if answer else None
    if rating is not None:
        why = "judged" if row.get("judge") else "matched"
        return Scored(float(rating), "tempcompass", why, answer)
    if task == "yes_no":
        truth = "A" if str(row["answer"]).strip().casefold() == "yes" else "B"
        shown = {"problem_type": "multiple choice", "solution": truth, "options": ["yes", "no"]}
        return by_verifier(shown, text)
    if task == "caption_matching" and answer:
        return by_verifier(row, tempcompass.lettered(answer, "option "))
    return by_verifier(row, text)


def by_verifier(row: Row, text: str) -> Scored:
    """Judge by the preset `canonical`; a benchmark counts letters also where two options agree."""
    kind = row["problem_type"]
    if kind == "free-form" and is_number(row["solution"]):
        kind = "numerical"
    verdict = verify(
        kind,
        solution=str(row["solution"]),
        completion=text,
        options=row["options"] or (),
        question=question_of(row),
    )
    if verdict.why == "duplicate_options":
        return Scored(0.0, "canonical", verdict.why, verdict.seen)
    score = None if verdict.right is None else float(verdict.right)
    return Scored(score, "canonical", verdict.why, verdict.seen)


def is_number(truth: Any) -> bool:
    """Tell whether a truth without options is a plain number, as VideoMMMU's open ones are."""
    return as_number(str(truth).strip().replace(",", "")) is not None


def video_r1(row: Row, text: str) -> float | None:
    """Return the score of Video-R1's eval_bench.py; it has none for texts."""
    if row["problem_type"] not in ("multiple choice", "numerical", "regression"):
        return None
    options: Sequence[str] = row["options"] or ()
    truth = published_truth(str(row["solution"]), options)
    return published_eval(row["problem_type"], truth, text, published_answer(text))
