"""The verifier as reward functions, with the signatures that trainers call.

All judge by the preset `canonical`, each row by its own problem type. A row that cannot be judged
(its truth is empty or unreadable) has no reward: TRL and ms-swift take None for that and leave the
row out of the mean; verl and EasyR1 need a number, get 0.0 and a metric `judged` of 0.0 beside it.
A problem type that nobody knows stops the training with an error.
"""

import json
from collections.abc import Sequence
from typing import Any

from r1data.errors import InputError
from r1data.rewards.form import check_form
from r1data.rewards.sequence import question_of
from r1data.rewards.verdict import Verdict, verify


def accuracy_reward(
    completions: Sequence[Any],
    solution: Sequence[str],
    problem_type: Sequence[str],
    options: Sequence[Sequence[str] | None] | None = None,
    **columns: Any,
) -> list[float | None]:
    """TRL: return the reward of each completion, a text or a conversation of one message."""
    choices = options if options is not None else [None] * len(completions)
    questions = columns.get("problem") or [""] * len(completions)
    rows = zip(completions, solution, problem_type, choices, questions, strict=True)
    return [
        verify(
            kind,
            solution=truth,
            completion=text_of(each),
            options=choice or (),
            question=question or "",
        ).reward
        for each, truth, kind, choice, question in rows
    ]


def format_reward(completions: Sequence[Any], **columns: Any) -> list[float | None]:
    """TRL: return 1.0 for each completion that is one thought and one answer, else 0.0."""
    return [1.0 if check_form(text_of(each)).ok else 0.0 for each in completions]


def compute_score(
    data_source: str, solution_str: str, ground_truth: Any, extra_info: Any = None, **settings: Any
) -> dict[str, float]:
    """verl: return score, accuracy, format and judged of one response.

    The problem type and the options stand in `extra_info`, or in a `ground_truth` that is a dict or
    its JSON. verl takes "score" and logs the rest.
    """
    verdict = verdict_on(solution_str, ground_truth, extra_info or {})
    accuracy = verdict.reward or 0.0
    return {
        "score": accuracy,
        "accuracy": accuracy,
        "format": 1.0 if check_form(solution_str).ok else 0.0,
        "judged": 0.0 if verdict.reward is None else 1.0,
    }


def compute_scores(
    reward_inputs: list[dict[str, Any]], format_weight: float = 0.1
) -> list[dict[str, float]]:
    """EasyR1 (`reward_type: batch`): return overall, format, accuracy and judged of each response.

    EasyR1 passes nothing but response and ground_truth, so the truth must be the JSON of
    {"problem_type", "solution", "options"}, as the export writes it.
    """
    return [easyr1_score(each, format_weight) for each in reward_inputs]


def easyr1_score(reward_input: dict[str, Any], format_weight: float) -> dict[str, float]:
    """EasyR1 (`reward_type: sequential`): the same for one response."""
    score = compute_score("", reward_input["response"], reward_input["ground_truth"], reward_input)
    overall = (1 - format_weight) * score["accuracy"] + format_weight * score["format"]
    kept = {name: score[name] for name in ("format", "accuracy", "judged")}
    return {"overall": overall, **kept}


class AccuracyORM:
    """ms-swift: register as `orms["r1data_accuracy"] = AccuracyORM`."""

    def __init__(self, args: Any = None, **settings: Any) -> None:
        self.args = args

    def __call__(
        self, completions: Sequence[Any], solution: Sequence[str], **columns: Any
    ) -> list[float | None]:
        return accuracy_reward(completions, solution, **columns)


class FormatORM:
    """ms-swift: register as `orms["r1data_format"] = FormatORM`."""

    def __init__(self, args: Any = None, **settings: Any) -> None:
        self.args = args

    def __call__(self, completions: Sequence[Any], **columns: Any) -> list[float | None]:
        return format_reward(completions)


def text_of(completion: Any) -> str:
    """Return the text of a completion: itself, or the content of a conversation's last message."""
    if isinstance(completion, str):
        return completion
    content = completion[-1]["content"]
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or "" for part in content)


def verdict_on(text: str, ground_truth: Any, extra: Any) -> Verdict:
    """Judge by whatever of problem_type, solution and options the trainer passes on."""
    row = {**dict(extra), **truth_fields(ground_truth)}
    if row.get("problem_type") is None:
        raise InputError(
            "the reward needs each row's problem_type: put it into extra_info, or make ground_truth"
            ' the JSON of {"problem_type": ..., "solution": ..., "options": [...]}'
        )
    options = row.get("options")
    return verify(
        row["problem_type"],
        solution=str(row["solution"]),
        completion=text,
        options=list(options) if options is not None else (),
        question=question_of(row),
    )


def truth_fields(ground_truth: Any) -> dict[str, Any]:
    """Return the fields of a truth: a dict, its JSON, or a plain text."""
    if isinstance(ground_truth, str) and ground_truth.lstrip().startswith('{"'):
        try:
            ground_truth = json.loads(ground_truth)
        except ValueError:
            return {"solution": ground_truth}
    if isinstance(ground_truth, dict) and "solution" in ground_truth:
        return ground_truth
    return {"solution": ground_truth}
