"""Free-form answers: word overlap that minds negation, numbers, opposites, order and substitution.

Overlap alone gives "is running" 0.78 of "is not running", and a swap of left and right 0.88. Here
overlap only grades; a difference that turns the meaning caps the grade below every threshold in
use. What is left undecided is a paraphrase without common words, and that is refused.
"""

import re
from functools import lru_cache

from r1data.rewards.conclusion import stated
from r1data.rewards.interval import judge_interval
from r1data.rewards.notation import simplified
from r1data.rewards.number_words import SMALL
from r1data.rewards.numerical import judge_numerical
from r1data.rewards.option_text import CONTRASTS
from r1data.rewards.overlap import mean_f
from r1data.rewards.polarity import NO, YES, polarity
from r1data.rewards.quantity import MASK, scan
from r1data.rewards.sequence import judge_list
from r1data.rewards.text import unwrapped
from r1data.rewards.wording import FILLER, NEGATIONS, meanings, tokens

# A longer truth is more than a number with its unit.
SHORT_TRUTH = 40
DIGIT = re.compile(r"\d")
NEGATIVE = re.compile(r"(?<![\w)])-(?=\d)")
OPERATOR = re.compile(r"[=<>^*+\\]|(?<=\w)/(?=\w)")
INTERVAL = re.compile(r"([(\[{])[^()\[\]{}]*,[^()\[\]{}]*([)\]}])")
TEXT_LIMIT = 20_000
OPPOSITE_CAP = 0.5
CHANGED_CAP = 0.7

# Words of one list exclude each other: a red ball is no blue ball, however alike the sentences
KINDS = """red blue green yellow orange purple pink brown black white gray gold silver beige;
    man woman boy girl; monday tuesday wednesday thursday friday saturday sunday;
    january february march april june july august september october november december;
    morning afternoon evening night; spring summer autumn winter; north south east west;
    small large big tiny huge; hot cold warm cool; always sometimes never; he she; his her"""
EXCLUSIVE = tuple(frozenset(meanings(words.split())) for words in KINDS.split(";"))
GROUPS = (*CONTRASTS, *EXCLUSIVE)
EXCLUDING = frozenset().union(*GROUPS)
# Words that only introduce the answer
FRAME = frozenset(
    ("answer", "is", "final", "correct", "main", "object", "item", "person", "thing", "text",
     "word", "there", "it")
)  # fmt: skip
BEFORE_PHRASE = frozenset(
    ("a", "an", "the", "is", "are", "was", "were", "be", "in", "on", "at", "to", "with", "into",
     "onto", "from", "of", "by", "his", "her", "their", "its", "my", "your", "some")
)  # fmt: skip
JOINED = frozenset({"and", "or", "but", "then", "nor", "besides", "plus"})


def judge_free_form(truth: str, answer: str, question: str = "") -> tuple[float, str]:
    """Return 0 to 1 and the reason; a question may ask for the order of a list."""
    if answer == truth:
        return 1.0, "exact"
    if len(answer) > TEXT_LIMIT + 10 * len(truth):
        return 0.0, "too_long"
    wanted, given = tokens(truth), tokens(answer)
    if not wanted:
        return symbols(truth, answer)
    if not given:
        return 0.0, "unparsed_text"
    if len(wanted) <= 2:
        short = short_truth(truth, answer, wanted, given)
        if short is not None:
            return short
    exact = judge_values(truth, answer, wanted) or judge_list(truth, answer, question)
    if exact is not None:
        return exact
    score, why = (1.0, "text_equal") if wanted == given else graded(wanted, given)
    if score > OPPOSITE_CAP and not same_marks(truth, answer, wanted == given):
        return OPPOSITE_CAP, "marks_differ"
    return score, why


def same_marks(truth: str, answer: str, same_words: bool) -> bool:
    """Tell whether both have the same marks; around those of a formula words must not differ."""
    found = marks(truth)
    return found == marks(answer) and (same_words or not OPERATOR.search(truth))


def marks(text: str) -> list[str]:
    """Return what changes a value without being a word: minus signs, operators, interval ends."""
    if text.isalpha():
        return []
    text = unwrapped(text)
    found = NEGATIVE.findall(text) + OPERATOR.findall(text)
    return found + INTERVAL.findall(text) if INTERVAL.fullmatch(text.strip()) else found


def symbols(truth: str, answer: str) -> tuple[float, str]:
    """Judge a truth without a single word, such as a lone symbol: the same, or wrong."""
    same = "".join(truth.split()) == "".join(answer.split())
    return (1.0, "text_equal") if same else (0.0, "text_differs")


def short_truth(
    truth: str, answer: str, wanted: list[str], given: list[str]
) -> tuple[float, str] | None:
    """Judge yes or no by the first word, and a truth that is a number as a number."""
    if len(wanted) == 1 and wanted[0] in YES | NO:
        said = polarity(answer) or next((polarity(part) for part, _ in stated(answer)), None)
        if said is None:
            return 0.0, "no_polarity"
        same = said == ("yes" if wanted[0] in YES else "no")
        return (1.0, "polarity") if same else (0.0, "polarity_differs")
    return None


def judge_values(truth: str, answer: str, wanted: list[str]) -> tuple[float, str] | None:
    """Judge a truth that is one number with its unit, or one interval, by its value."""
    if not (DIGIT.search(truth) or wanted[0] in SMALL or wanted[0] in ("from", "between")):
        return None
    if is_quantity(truth):
        reward, why = judge_numerical(truth, answer)
        return (reward or 0.0), why
    return judge_interval(truth, answer)


@lru_cache(maxsize=1 << 12)
def is_quantity(truth: str) -> bool:
    """Tell whether a truth is one number with its unit or noun, and no other word."""
    if len(truth) > SHORT_TRUTH:
        return False
    found, masked = scan(simplified(truth))
    return len(found) == 1 and found[0] is not None and masked.strip(" .$") == MASK


def graded(wanted: list[str], given: list[str]) -> tuple[float, str]:
    """Return the overlap of two texts, capped where their meaning differs."""
    theirs, ours = meanings(wanted), meanings(given)
    wanted_words, given_words = weighty(theirs), weighty(ours)
    why = opposite(theirs, ours)
    if why is None and (wanted_words == given_words or closes_with(wanted, given)):
        return 1.0, "words_equal"
    score = overlap(theirs, ours)
    if why is not None:
        return (OPPOSITE_CAP, why) if score > OPPOSITE_CAP else (score, why)
    why = changed(wanted_words, given_words)
    if why is not None and score > CHANGED_CAP:
        return CHANGED_CAP, why
    return score, "rouge"


def overlap(theirs: list[str], ours: list[str]) -> float:
    """Return the mean of ROUGE-1, -2 and -L; without -2 where a text has one word."""
    score = mean_f(theirs, ours)
    return min(1.0, score * 1.5) if min(len(theirs), len(ours)) == 1 else min(1.0, score)


def weighty(stems: list[str]) -> list[str]:
    """Return the stems that are more than grammar or an introduction."""
    return [stem for stem in stems if stem not in FILLER and stem not in FRAME]


def opposite(theirs: list[str], ours: list[str]) -> str | None:
    """Return the reason why two texts cannot mean the same, or None."""
    one, other = set(theirs), set(ours)
    if one.isdisjoint(NEGATIONS) != other.isdisjoint(NEGATIONS):
        return "negation_differs"
    if numbers(one) != numbers(other):
        return "numbers_differ"
    left, right = one & EXCLUDING, other & EXCLUDING
    if left != right:
        for group in GROUPS:
            if left & group != right & group and left & group and right & group:
                return "opposite_words"
    return None


def numbers(stems: set[str]) -> set[str]:
    """Return the stems that are numbers."""
    return {stem for stem in stems if stem[0].isdigit()}


def changed(wanted: list[str], given: list[str]) -> str | None:
    """Return the reason why a near copy says something else: a word exchanged, or the order."""
    missing, extra = set(wanted) - set(given), set(given) - set(wanted)
    if missing and extra:
        return "words_differ"
    if not missing and not extra and wanted != given:
        return "order_differs"
    kept = [word for word in given if word not in extra]
    if not missing and kept != wanted:
        return "order_differs"
    return None


def closes_with(wanted: list[str], given: list[str]) -> bool:
    """Tell whether one sentence ends with the whole truth: "He is holding a knife" for "knife".

    The word before must open a phrase, so that a hot dog is no dog, and
    nothing may be joined to it.
    """
    phrase = wanted[1:] if wanted[0] in ("a", "an", "the") else wanted
    size = len(phrase)
    if not size or len(given) <= size or given[-size:] != phrase:
        return False
    rest = given[:-size]
    return rest[-1] in BEFORE_PHRASE and not JOINED & set(rest) and len(rest) <= 20
