"""Template phrases: what many completions of a shard have word for word in common.

A teacher that opens every thought the same way teaches the opening. Which phrases those are, no
single completion tells.
"""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from r1data.rewards.wording import tokens

WORDS = 6
SHARE = 0.05
LIMIT = 50


class Template(NamedTuple):
    """A phrase, in how many completions it stands, and their share of all."""

    phrase: str
    completions: int
    share: float


def template_phrases(
    texts: Iterable[str], words: int = WORDS, at_least: float = SHARE
) -> list[Template]:
    """Return the phrases of `words` words in at least that share of the texts, most common first.

    Runs of overlapping phrases with the same count are joined to the longer phrase that they are
    parts of. At least two texts must share a phrase.
    """
    counts: Counter[tuple[str, ...]] = Counter()
    total = 0
    for text in texts:
        total += 1
        found = tokens(text)
        counts.update({tuple(found[at : at + words]) for at in range(len(found) - words + 1)})
    floor = max(2, at_least * total)
    common = {phrase: count for phrase, count in counts.items() if count >= floor}
    joined = sorted(chained(common).items(), key=lambda pair: (-pair[1], pair[0]))
    return [Template(" ".join(phrase), count, count / total) for phrase, count in joined[:LIMIT]]


def chained(common: dict[tuple[str, ...], int]) -> dict[tuple[str, ...], int]:
    """Join phrases that go on into exactly one other phrase of the same count."""
    following: dict[tuple[tuple[str, ...], int], list[tuple[str, ...]]] = {}
    for phrase, count in common.items():
        following.setdefault((phrase[:-1], count), []).append(phrase)
    preceded = {
        phrase
        for other, count in common.items()
        for phrase in following.get((other[1:], count), [])
        if phrase != other and len(following[other[1:], count]) == 1
    }
    heads = [phrase for phrase in common if phrase not in preceded] or list(common)
    return {grown(head, common[head], following): common[head] for head in heads}


def grown(
    head: tuple[str, ...],
    count: int,
    following: dict[tuple[tuple[str, ...], int], list[tuple[str, ...]]],
) -> tuple[str, ...]:
    """Follow a phrase word by word for as long as there is one way on."""
    phrase, size, seen = head, len(head), {head}
    while True:
        ways = following.get((phrase[len(phrase) - size + 1 :], count), [])
        if len(ways) != 1 or ways[0] in seen:
            return phrase
        seen.add(ways[0])
        phrase += ways[0][-1:]
