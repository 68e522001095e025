"""The rules of the benchmarks' authors, to the letter: the score that their leaderboards compare.

Each rule takes the answer (the text in the answer tags; without tags all that follows the thought)
and the record, and returns 0 to 1, or None where the authors leave the row out of the mean. What a
rule cannot read is wrong here, also where the verifier can read it. MMVU's authors ask gpt-4o, so
there is no rule of theirs to apply.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from math import isnan
from typing import Any, NamedTuple

from r1data.evaluate import tempcompass, video_mmmu
from r1data.rewards.mra import vsi_mra

Row = Mapping[str, Any]


class Rule(NamedTuple):
    """A rule, and the file of its authors that it follows."""

    source: str
    rate: Callable[[str, Row], float | None]


def as_number(text: str) -> float | None:
    """Return float() of a text; nan counts as unread."""
    try:
        value = float(text)
    except ValueError:
        return None
    return None if isnan(value) else value


def first_word(answer: str) -> str:
    """Return what VSI-Bench reads of an answer: all before the first space, without full stops."""
    return answer.split(" ")[0].rstrip(".").strip()


def rate_vsi(answer: str, row: Row) -> float:
    """Rate the first word: the same letter, or the mean relative accuracy of float() of it."""
    first = first_word(answer)
    if row["problem_type"] == "multiple choice":
        return float(first.lower() == str(row["solution"]).lower())
    given = as_number(first)
    return 0.0 if given is None else vsi_mra(given, float(str(row["solution"]).replace(",", "")))


def rate_mvbench(answer: str, row: Row) -> float:
    """Rate the first word: part of "(a)", or holding it.

    Their code counts an empty answer as right, which their prompt ("Best option:(") rules out.
    """
    first, truth = answer.lower().split(" ")[0], f"({row['solution'].lower()})"
    return float(bool(answer) and (first.replace(".", "") in truth or truth in first))


def rate_tempcompass(answer: str, row: Row) -> float | None:
    """Rate by the task's rule, or by what the authors' judge replied; else 0 (--disable_llm).

    A caption without a reply waits for it.
    """
    rating = tempcompass.rate(row["task"], answer, row)
    if rating is None and row["task"] == "captioning":
        return None
    return float(rating or 0)


# Two commas are missing in the authors' list: so it is applied.
MME_PHRASES = (
    *("The best answer is", "The correct answer is", "The answer is", "The answer"),
    *("The best option isThe correct option is", "Best answer:Best option:", "Answer:", "Option:"),
    *("The correct answer", "The correct option"),
)


def rate_video_mme(answer: str, row: Row) -> float | None:
    """Rate the first of the capitals A to D after phrases; without one the row is not counted."""
    found = first_capital(answer, MME_PHRASES, "[ABCD]")
    return None if found is None else float(found == row["solution"])


LONG_PHRASES = (
    *("The best answer is", "The correct answer is", "The answer is", "The answer"),
    *("The best option is", "The correct option is", "Best answer:", "Best option:"),
)


def rate_long_video_bench(answer: str, row: Row) -> float:
    """Rate the first of the capitals A to E after phrases.

    Where there is none the authors draw an option at random: its expected worth is given.
    """
    found = first_capital(answer, LONG_PHRASES, "[ABCDE]")
    return 1 / len(row["options"]) if found is None else float(found == row["solution"])


def first_capital(answer: str, phrases: Sequence[str], letters: str) -> str | None:
    """Return the first letter that is left where phrases are cut out."""
    for phrase in phrases:
        answer = answer.replace(phrase, "")
    match = re.search(letters, answer)
    return match[0] if match else None


def rate_video_holmes(answer: str, row: Row) -> float:
    """Rate the first of A to F, in this order, that is in the answer as "A ", "A:" or "[A".

    Else the first that is in it at all.
    """
    marked = (f for f in "ABCDEF" if any(m in answer for m in (f"{f} ", f"{f}:", f"[{f}")))
    found = next(marked, None) or next((f for f in "ABCDEF" if f in answer), None)
    return float(found == row["solution"])


def rate_lvbench(answer: str, row: Row) -> float:
    """Rate the first character before the first ")" and behind the next "(" ("(B) a dog": B)."""
    text = answer.strip().split(")")[0].strip()
    text = text.split("(")[1].strip() if "(" in text else text
    return float(text.split(" ")[0][:1] == row["solution"])


def rate_video_mmmu(answer: str, row: Row) -> float | None:
    """Rate by MMMU's rules without their random letters; an empty answer is not counted."""
    if not answer:
        return None
    if row["options"]:
        return float(video_mmmu.read_choice(answer, row["options"]) == row["solution"])
    return float(video_mmmu.open_right(str(row["solution"]), answer))


RULES = {
    "vsi-bench": Rule(
        "vision-x-nyu/thinking-in-space: lmms_eval/tasks/vsibench/utils.py", rate_vsi
    ),
    "mvbench": Rule("OpenGVLab/Ask-Anything: video_chat2/mvbench.ipynb", rate_mvbench),
    "tempcompass": Rule("llyx97/TempCompass: eval_*.py --disable_llm", rate_tempcompass),
    "videomme": Rule("thanku-all/parse_answer: eval_your_results.py", rate_video_mme),
    "videommmu": Rule(
        "EvolvingLMMs-Lab/VideoMMMU: lmms_eval/tasks/videommmu/utils.py", rate_video_mmmu
    ),
    "video-holmes": Rule("TencentARC/Video-Holmes: evaluate.py", rate_video_holmes),
    "longvideobench": Rule(
        "EvolvingLMMs-Lab/lmms-eval: lmms_eval/tasks/longvideobench/utils.py", rate_long_video_bench
    ),
    "lvbench": Rule("THUDM/LVBench: lvbench/utils/answer_util.py", rate_lvbench),
}


def rate(benchmark: str, answer: str, row: Row) -> float | None:
    """Return what an answer is worth by the authors' rule; None where they have none."""
    rule = RULES.get(benchmark)
    return rule.rate(answer, row) if rule else None
