"""TempCompass's captions: another model answers the question from the caption alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from r1data.evaluate import tempcompass
from r1data.evaluate.asking import NOTHING, ask_endpoint
from r1data.evaluate.progress import watched
from r1data.rewards.extract import extract
from r1data.teacher.prompts import Prompt
from r1data.teacher.requests import Question

if TYPE_CHECKING:
    from r1data.evaluate.settings import Endpoint

# The authors' own (gpt-3.5-turbo-1106 at temperature 1, 128 tokens) but for the temperature:
# a judge that varies is no measure.
PARAMS = {"temperature": 0.0, "top_p": 1.0, "max_tokens": 128}
PROMPT = Prompt("tempcompass-judge", "", {}, "")
Record = Mapping[str, Any]


def waits(record: Record) -> bool:
    """Tell whether a record is a caption that was not judged."""
    task = (record.get("published") or {}).get("task")
    return task == "captioning" and record["state"] == "answered" and record["judge"] is None


def judged(
    records: Sequence[Record], lane: Mapping[str, Any] | None, judge: "Endpoint | None", out: Path
) -> list[dict[str, Any]]:
    """Return the records with the judge's replies; without a judge captions stay unjudged."""
    waiting = [each for each in records if waits(each)]
    if judge is None or lane is None or not waiting:
        return [dict(each) for each in records]
    questions = [question_of(each) for each in waiting]
    with watched(out, "judged", len(questions)):
        replies = ask_endpoint(questions, judge.model, PARAMS, PROMPT, lane, out, "judged")
    return [
        {**each, "judge": replies[each["id"]]["text"]} if each["id"] in replies else dict(each)
        for each in records
    ]


def question_of(record: Record) -> Question:
    """Return what the judge is asked about one caption."""
    caption = extract(record["output"]).answer or ""
    text = tempcompass.judge_text(caption, record["published"]["mc_question"])
    return Question(record["id"], text, text, NOTHING, (), (), len(text))
