"""One verifier for the data filter, the training reward and the benchmark score.

A preset is data: a rule and a threshold for each problem type. A rule takes the truth and the
answer and gives a reward and a reason; `None` as a reward means that nothing can be judged,
because the truth is empty or unreadable. A problem type that nobody knows is an error; only the
preset `video-r1` gives it 0.0, as the published code does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, nextafter
from typing import NamedTuple

from r1data.errors import InputError, UsageError
from r1data.rewards.choice import judge_choice, truth_index
from r1data.rewards.extract import extract, published_answer, quick_answer
from r1data.rewards.free_form import judge_free_form
from r1data.rewards.numerical import judge_numerical
from r1data.rewards.ocr import judge_ocr
from r1data.rewards.published import PUBLISHED
from r1data.rewards.regression import judge_regression
from r1data.rewards.symbolic import judge_symbolic

PROBLEM_TYPES = ("multiple choice", "numerical", "OCR", "free-form", "regression")

Scored = tuple[float | None, str]
Rule = Callable[[str, str], Scored]


class Verdict(NamedTuple):
    """Is a completion right, and by which rule.

    `reward` is 0 to 1; it and `right` are None where nothing can be judged. `seen` is the answer
    that was taken out of the completion, `why` a reason code, `rule` the rule that decided.
    """

    reward: float | None
    right: bool | None
    seen: str | None
    why: str
    rule: str
    preset: str
    version: int


@dataclass(frozen=True)
class Preset:
    """A rule and the reward that counts as right, for each problem type."""

    name: str
    version: int
    rules: Mapping[str, Rule]
    at_least: Mapping[str, float]


# The published filter keeps what scores more than 0.6.
ABOVE_SIX = nextafter(0.6, inf)

VIDEO_R1 = Preset("video-r1", 1, PUBLISHED, dict.fromkeys(PROBLEM_TYPES, ABOVE_SIX))
CANONICAL = Preset(
    "canonical",
    1,
    {
        "numerical": judge_numerical,
        "OCR": judge_ocr,
        "free-form": judge_free_form,
        "regression": judge_regression,
    },
    {"multiple choice": 1.0, "numerical": 1.0, "OCR": 0.9, "free-form": 0.8, "regression": 0.9},
)
# The same rules, and Math-Verify for formulas that they cannot read. A preset of its own: what a
# verdict is must not depend on which packages are installed.
CANONICAL_MATH = replace(CANONICAL, name="canonical-math")
PRESETS: dict[str, Preset] = {
    preset.name: preset for preset in (CANONICAL, CANONICAL_MATH, VIDEO_R1)
}
RULES, AT_LEAST = CANONICAL.rules, CANONICAL.at_least
new = tuple.__new__
SYMBOLIC_TYPES = ("numerical", "free-form")
# What the cheap rules refused with these reasons is no formula but an answer that does not commit,
# or an exact number with its unit: Math-Verify takes 5kg for 5g
UNCOMMITTED = frozenset(
    ("several_numbers", "several_values", "bound", "hedged", "denied", "code", "too_long",
     "not_finite", "unit_mismatch", "value_differs", "interval_differs")
)  # fmt: skip


def verify(
    problem_type: str,
    *,
    solution: str,
    completion: str,
    options: Sequence[str] = (),
    preset: str = "canonical",
    at_least: Mapping[str, float] | None = None,
    question: str = "",
) -> Verdict:
    """Judge one completion.

    `solution` is the truth, plain or within answer tags; `at_least` sets for a problem type the
    reward that counts as right. A `question` that asks for an order makes a list a sequence.
    Raises InputError for an unknown problem type, UsageError for an unknown preset, and
    MissingPackage for `canonical-math` without Math-Verify.
    """
    check_type(problem_type, preset)
    if preset == "canonical":
        return canonical(problem_type, solution, completion, options, at_least, question)
    if preset == "video-r1":
        truth = published_truth(solution, options or ())
        return published(problem_type, truth, completion, at_least)
    if preset == "canonical-math":
        verdict = canonical(problem_type, solution, completion, options or (), at_least, question)
        return with_symbols(verdict, solution)._replace(preset="canonical-math")
    raise UsageError(f"there is no preset '{preset}': take one of {', '.join(sorted(PRESETS))}")


def check_type(problem_type: object, preset: str = "canonical", where: str = "") -> None:
    """Raise InputError for what is none of the problem types; `where` is put before it.

    The published code gives 0.0 for any text that it does not know, and so does its preset.
    """
    if problem_type in PROBLEM_TYPES or (preset == "video-r1" and not is_code(problem_type)):
        return
    raise InputError(where + unknown_value("problem_type", problem_type, PROBLEM_TYPES))


def is_code(value: object) -> bool:
    """Tell whether a value is a whole number, or no text at all."""
    return not isinstance(value, str) or value.strip().isdigit()


def unknown_value(column: str, value: object, known: Sequence[str]) -> str:
    """Say that a column's value is none of its words, and what may help."""
    shown = f"'{value}'" if isinstance(value, str) else repr(value)
    message = f"{column} {shown} is unknown; known are: {', '.join(known)}"
    if not str(value).strip().removesuffix(".0").isdigit():
        return message
    return f"{message}. A whole number is the code of a class label: put its word in its place"


def canonical(
    problem_type: str,
    solution: str,
    completion: str,
    options: Sequence[str],
    at_least: Mapping[str, float] | None,
    question: str,
) -> Verdict:
    """Judge by the preset `canonical`."""
    truth = plain_truth(solution)
    if not truth:
        return unjudged(problem_type, "empty_reference")
    answer = quick_answer(completion) or extract(completion).answer
    if not answer:
        return Verdict(0.0, False, None, "no_answer", problem_type, "canonical", 1)
    if problem_type == "multiple choice":
        reward, why = judge_choice(truth, answer, options or ())
    elif problem_type == "free-form":
        reward, why = judge_free_form(truth, answer, question)
    else:
        reward, why = RULES[problem_type](truth, answer)
    threshold = AT_LEAST[problem_type]
    if at_least:
        threshold = at_least.get(problem_type, threshold)
    right = None if reward is None else reward >= threshold
    # Half the time of Verdict(...), in a function of 1.3 us
    return new(Verdict, (reward, right, answer, why, problem_type, "canonical", 1))


def unjudged(problem_type: str, why: str) -> Verdict:
    """Return the verdict that nothing can be judged."""
    return Verdict(None, None, None, why, problem_type, "canonical", 1)


def with_symbols(verdict: Verdict, solution: str) -> Verdict:
    """Let the symbolic rule decide what the cheap rules did not accept."""
    undecided = verdict.seen is not None and not verdict.right and verdict.why not in UNCOMMITTED
    if not undecided or verdict.rule not in SYMBOLIC_TYPES:
        return verdict
    scored = judge_symbolic(plain_truth(solution), verdict.seen or "")
    if scored is None:
        return verdict
    reward, why = scored
    right = None if reward is None else reward == 1.0
    return verdict._replace(reward=reward, right=right, why=why, rule="symbolic")


def published(
    problem_type: str, truth: str, completion: str, at_least: Mapping[str, float] | None
) -> Verdict:
    """Judge by the preset `video-r1`; `truth` is what the published code takes from its tags."""
    answer = published_answer(completion)
    rule = PUBLISHED.get(problem_type)
    reward, why = rule(truth, answer) if rule is not None else (0.0, "unknown_type")
    threshold = at_least.get(problem_type, ABOVE_SIX) if at_least else ABOVE_SIX
    return new(Verdict, (reward, reward >= threshold, answer, why, problem_type, "video-r1", 1))


def plain_truth(solution: str) -> str:
    """Return the truth out of its answer tags, or the text itself where it has none."""
    if solution.startswith("<answer>") and solution.endswith("</answer>"):
        truth = solution[8:-9].strip()
        return truth if "<" not in truth else extract(solution).answer or ""
    return (extract(solution).answer or "") if "<" in solution else solution.strip()


def published_truth(solution: str, options: Sequence[str]) -> str:
    """Return the truth as the published rules compare it: for a choice, its letter."""
    truth = published_answer(solution) if "<answer>" in solution else solution.strip()
    if options and truth:
        place = truth_index(truth, options)
        if place is not None:
            return chr(65 + place)
    return truth
