"""Word overlap: ROUGE-1, -2 and -L F-measures and the word error rate, as published, but fast.

rouge-score stems every token of every call with a Python class and aligns in a pure-Python table
(582 us a pair at Video-R1's lengths). Here every word is stemmed once in the life of the process
and rapidfuzz aligns the lists of stems in C.
"""

import re
from collections import Counter
from itertools import pairwise

from rapidfuzz.distance import LCSseq, Levenshtein

from r1data.rewards.stems import IRREGULAR, stem

words = re.compile("[a-z0-9]+").findall

# Stem of every word met so far. Bounded: a stream of made-up words must not eat the memory.
STEMS: dict[str, str] = {}
STEMS_LIMIT = 400_000

# In an answer of more words only those that can share a stem with the truth are stemmed: 10 MB of
# random letters would else take 15 s. A stem keeps the first two letters of its word, a few
# irregular words apart.
LONG = 20_000


def rouge(truth: str, answer: str) -> float:
    """Return the mean F-measure of ROUGE-1, ROUGE-2 and ROUGE-L, with stemming."""
    theirs = stems(words(truth.lower()))
    raw = words(answer.lower())
    if not theirs or not raw:
        return 0.0
    return mean_f(theirs, stems(raw)) if len(raw) <= LONG else mean_f_of_long(theirs, raw)


def mean_f(theirs: list[str], ours: list[str]) -> float:
    """Return the mean of the three F-measures of two non-empty lists of stems."""
    common = shared(theirs, ours)
    if not common:
        return 0.0
    pairs = shared(list(pairwise(theirs)), list(pairwise(ours))) if common > 1 else 0
    longest = LCSseq.similarity(theirs, ours)
    return mean_of(common, pairs, longest, len(theirs), len(ours))


def mean_of(common: int, pairs: int, longest: int, m: int, n: int) -> float:
    """Return the mean F-measure from the three counts of hits and the two lengths."""
    return (f(common, m, n) + f(pairs, max(m - 1, 1), max(n - 1, 1)) + f(longest, m, n)) / 3


def mean_f_of_long(theirs: list[str], raw: list[str]) -> float:
    """Return what mean_f returns, looking only at the words that have a stem of the truth."""
    starts = {base[:2] for base in theirs} | {word[:2] for word in IRREGULAR}
    wanted = set(theirs)
    known = {
        token: base
        for token in set(raw)
        if token[:2] in starts and (base := stem(token) if len(token) > 3 else token) in wanted
    }
    marked = list(map(known.get, raw))
    ours = [base for base in marked if base is not None]
    if not ours:
        return 0.0
    wanted_pairs = list(pairwise(theirs))
    asked = set(wanted_pairs)
    hits = shared(wanted_pairs, [pair for pair in pairwise(marked) if pair in asked])
    longest = LCSseq.similarity(theirs, ours)
    return mean_of(shared(theirs, ours), hits, longest, len(theirs), len(raw))


def f(hits: int, of_truth: int, of_answer: int) -> float:
    """Return 2pr/(p+r), in the order of operations that rouge-score uses."""
    if not hits:
        return 0.0
    precision, recall = hits / of_answer, hits / of_truth
    return 2 * precision * recall / (precision + recall)


def shared(left: list, right: list) -> int:
    """Return the size of the intersection of two lists as multisets."""
    one, other = set(left), set(right)
    both = one & other
    if len(one) == len(left) or len(other) == len(right):
        return len(both)
    left_counts, right_counts = Counter(left), Counter(right)
    return sum(min(left_counts[item], right_counts[item]) for item in both)


def stems(tokens: list[str]) -> list[str]:
    """Return the stem of each token; rouge-score leaves words of up to three letters alone."""
    try:
        return [STEMS[token] for token in tokens]
    except KeyError:
        return [STEMS.get(token) or learnt(token) for token in tokens]


def learnt(token: str) -> str:
    """Return what a word stands for, and remember it while there is room."""
    base = stem(token) if len(token) > 3 else token
    if len(STEMS) < STEMS_LIMIT:
        STEMS[token] = base
    return base


def word_errors(truth: list[str], answer: list[str], limit: int) -> int:
    """Return the edit distance in words; anything above `limit` comes back as `limit` + 1."""
    if abs(len(truth) - len(answer)) > limit:
        return limit + 1
    return Levenshtein.distance(truth, answer, score_cutoff=limit)
