"""Preset `video-r1`: the published rules to the last bit, each quirk with a reason code of its own.

Three functions of tulerfeng/Video-R1 (59d65c3) are covered: the data filter, the training reward
(the same values; the trainer's habit of judging a whole batch by its first row's type is not
copied) and the evaluation score. What they do is often wrong; what they did is what 260,000 rows
and a paper rest on, so it is kept, and the reason says what happened.
"""

from struct import pack, unpack

from r1data.rewards.extract import first
from r1data.rewards.overlap import rouge, word_errors

Scored = tuple[float, str]


def published_choice(truth: str, answer: str) -> Scored:
    """Compare the texts letter by letter."""
    if answer != truth:
        return 0.0, "text_differs"
    return 1.0, "exact" if truth else "both_empty"


def published_numerical(truth: str, answer: str) -> Scored:
    """Compare at two decimals, if both have a decimal mark or neither has."""
    if ("." in truth or "," in truth) != ("." in answer or "," in answer):
        return 0.0, "decimal_presence"
    wanted, given = as_float(truth), as_float(answer)
    if wanted is None:
        return 0.0, "unparsed_reference"
    if given is None:
        return 0.0, "unparsed_number"
    if round(wanted, 2) != round(given, 2):
        return 0.0, "value_differs"
    return 1.0, "value_equal" if wanted == given else "two_decimals"


def published_regression(truth: str, answer: str) -> Scored:
    """Return 1 - the relative error, cut to 0 and 1."""
    wanted, given = as_float(truth), as_float(answer)
    if wanted is None:
        return 0.0, "unparsed_reference"
    if given is None:
        return 0.0, "unparsed_number"
    error = (abs(given - wanted) + 1e-9) / (abs(wanted) + 1e-9)
    if error != error:  # max(0.0, nan) is 0.0: not-a-number is scored as a perfect hit
        return 1.0, "nan_wins"
    if wanted == 0 and given == 0:
        return 1 - min(1.0, error), "zero_loses"
    return 1 - min(1.0, max(0.0, error)), "relative"


def published_ocr(truth: str, answer: str) -> Scored:
    """Return 1 - the word error rate, cut at 0."""
    wanted, given = truth.split(), answer.split()
    if not wanted and not given:
        return 1.0, "both_empty"
    # Beyond as many errors as the truth has words the reward is 0, whatever the count
    limit = max(1, len(wanted))
    errors = word_errors(wanted, given, limit)
    if not errors:
        return 1.0, "exact"
    return max(0.0, 1 - errors / limit), "wer"


def published_free_form(truth: str, answer: str) -> Scored:
    """Return the mean of ROUGE-1, ROUGE-2 and ROUGE-L."""
    score = max(0.0, min(1.0, rouge(truth, answer)))
    if score == 0.0 and truth == answer:
        return 0.0, "identical_without_latin_words" if truth else "both_empty"
    return score, "rouge"


PUBLISHED = {
    "multiple choice": published_choice,
    "numerical": published_numerical,
    "OCR": published_ocr,
    "free-form": published_free_form,
    "regression": published_regression,
}


def published_eval(problem_type: str, truth: str, completion: str, answer: str) -> float:
    """Return the evaluation score: without an answer the whole output stands in for it."""
    if problem_type in ("multiple choice", "numerical"):
        given = answer or (completion.strip() if problem_type == "multiple choice" else completion)
        return PUBLISHED[problem_type](truth, given)[0]
    if problem_type != "regression":
        return 0.0
    wanted, given_number = as_float(truth), as_float(answer or completion)
    if wanted is None or given_number is None:
        return 0.0
    return published_mra(given_number, wanted)


def published_format(completion: str) -> float:
    """Return 1.0 for <think>...</think><answer>...</answer> and nothing around it."""
    if not completion.startswith("<think>") or not completion.endswith("</answer>"):
        return 0.0
    return 1.0 if has_seam(completion) else 0.0


def has_seam(completion: str) -> bool:
    """Tell whether some </think> is followed, spaces apart, by an <answer> that is closed later.

    Equal to a full match of the published pattern, `<think>.*?</think>\\s*<answer>.*?</answer>`,
    which backtracks for minutes on 10,000 nested tags.
    """
    at = first(completion, "</think>", len("<think>"))
    while at >= 0:
        rest = at + len("</think>")
        opening = completion.find("<", rest)
        if opening < 0:
            return False
        if completion.startswith("<answer>", opening) and not completion[rest:opening].strip():
            return True
        at = completion.find("</think>", rest)
    return False


def as_float(text: str) -> float | None:
    """Return float() of the text without commas; it takes nan, inf, 1_000 and full-width digits."""
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def single(value: float) -> float:
    """Round to float32, in which the published evaluation computes."""
    try:
        return unpack("f", pack("f", value))[0]
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


STEPS = tuple(single(1 - single(0.5 + 0.05 * step)) for step in range(10))
EPSILON = single(1e-8)


def published_mra(answer: float, truth: float) -> float:
    """Return Video-R1's mean relative accuracy: ten thresholds .5 to .95, strict, in float32."""
    given, wanted = single(answer), single(truth)
    size = single(abs(wanted) + EPSILON)
    error = single(abs(single(given - wanted)) / size)
    return single(sum(error < step for step in STEPS) / 10)
