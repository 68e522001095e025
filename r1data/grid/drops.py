"""The closed list of reasons why a row falls out."""

from enum import StrEnum


class Drop(StrEnum):
    """A reason; its value is what stands in the column `drop_reason`."""

    MISSING_MEDIA = "missing_media"
    BAD_CHECKSUM = "bad_checksum"
    UNDECODABLE = "undecodable"
    TOO_SHORT = "too_short"
    NO_QUESTION = "no_question"
    NO_TRUTH = "no_truth"
    AMBIGUOUS_TRUTH = "ambiguous_truth"
    LICENSE_REFUSED = "license_refused"
    DUPLICATE = "duplicate"
    CONTAMINATED = "contaminated"
    SOLVED_BLIND = "solved_blind"
    ORDER_FREE = "order_free"
    TOO_EASY = "too_easy"
    TOO_HARD = "too_hard"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    NO_ANSWER = "no_answer"
    WRONG = "wrong"
    NO_THOUGHT = "no_thought"
    INCONSISTENT = "inconsistent"
    REPETITIVE = "repetitive"
    OVER_QUOTA = "over_quota"
    OVER_BUDGET = "over_budget"
    FAILED = "failed"
