"""Lists and sequences: a list may be in any order unless its words, or the question's, ask for one.

"A -> B -> C", "first A, then B" and "1. A 2. B" are sequences.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from r1data.rewards.text import unwrapped
from r1data.rewards.wording import bare_text, content

# What asks for an order: of a question, and of the words of a ground truth.
ASKED = re.compile(
    r"\b(?:in (?:which|what) order|order of|(?:correct|right|chronological|temporal) order|sequence"
    r"|chronolog\w+|first to last|from first|sort|rank|arrange|in order|happen\w* first"
    r"|step[- ]by[- ]step|what are the steps|顺序|次序)\b",
    re.IGNORECASE,
)
TOLD = re.compile(
    r"->|→|=>|⇒|➔|\b(?:then|followed by|afterwards?|after that|finally|lastly|next|firstly)\b"
    r"|\bfirst\b.*\b(?:second|last)\b|(?:^|\n)\W*1[.)].*\b2[.)]|(?<![\w.])\(?1[.)]\s.*\(?2[.)]\s",
    re.IGNORECASE | re.DOTALL,
)
PARTS = re.compile(
    r"\s*(?:->|→|=>|⇒|➔|[,;\n、]|(?<=[\w)])\.(?=\s|$)|(?<![\w.])\(?\d{1,2}[.)](?=\s)"
    r"|\b(?:and then|then|followed by|afterwards?|after that|finally|lastly|next|and|&)\b)\s*",
    re.IGNORECASE,
)
OPENING = re.compile(
    r"^\W*(?:(?:the )?(?:final |correct |right )?(?:answer|order|sequence)(?: is)?\s*:?"
    r"|(?:at )?first(?:ly)?|second(?:ly)?|third(?:ly)?|fourth(?:ly)?|last(?:ly)?|it is)\b[\s,:]*",
    re.IGNORECASE,
)
# Words of an item of a list, and of one that is a thing and no step.
LONGEST_ITEM, LONGEST_THING = 10, 3


def judge_list(truth: str, answer: str, question: str) -> tuple[float, str] | None:
    """Return 1.0 or 0.0 and the reason; None where the truth is no list, or the items differ.

    A sequence in another order, or a part of one, is wrong.
    """
    longest = longest_part(truth)
    if not 0 < longest <= LONGEST_ITEM:
        return None
    wanted, given = items_of(truth), items_of(answer)
    ordered = TOLD.search(truth) or ASKED.search(question)
    if given == wanted:
        return 1.0, "same_sequence" if ordered else "same_list"
    if sorted(given) == sorted(wanted):
        if ordered:
            return 0.0, "order_differs"
        # longer items are steps, which have an order
        return (1.0, "same_list") if longest <= LONGEST_THING else None
    if ordered and given and (set(given) < set(wanted) or set(wanted) < set(given)):
        return 0.0, "sequence_differs"
    return None


@lru_cache(maxsize=1 << 14)
def longest_part(truth: str) -> int:
    """Return the words of the longest item of a list; 0 for a text that is none."""
    parts = [part for part in PARTS.split(truth) if part and bare_text(part)]
    return max(len(part.split()) for part in parts) if len(parts) > 1 else 0


@lru_cache(maxsize=1 << 12)
def items_of(text: str) -> tuple[str, ...]:
    """Return the items of a list or a sequence, each as its words in lower case."""
    parts = (OPENING.sub("", part) for part in PARTS.split(OPENING.sub("", unwrapped(text))))
    words = (" ".join(content(part)) or bare_text(part) for part in parts if part)
    return tuple(filter(None, words))


def question_of(row: Mapping[str, Any]) -> str:
    """Return the question of a row, which may ask for an order; "" where it has none."""
    return str(row.get("problem") or row.get("question") or "")
