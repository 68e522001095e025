"""What questions ask, word by word, and MinHash over sets of hashed words."""

import hashlib
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from r1data.rewards.stems import without_final_e, without_past, without_plural, y_as_i
from r1data.rewards.text import plain
from r1data.rewards.wording import SPELLING
from r1data.screen.verbs import IRREGULAR

WORD = re.compile(r"[^\W_]+")
# Vowel and tone signs of Hindi, Thai and others: \w has none of them.
SIGNS = "".join(c for c in map(chr, range(0x300, 0x1B00)) if unicodedata.category(c)[0] == "M")
# With the signs of formulas; hyphens, points and colons are such between numbers only.
TOKEN = re.compile(
    rf"[^\W_](?:[^\W_]|[{SIGNS}])*|[+<=>^%°±×÷≤≥≠√$€£]|(?<=\d)[-*/.:](?=\d)|(?<!\w)-(?=\d)"
)
POSSESSIVE = re.compile(r"(?<=\w)'s\b")
TAG = re.compile(r"</?\w+>")
# What stands around a question: a request, and the clip that every question is about.
AROUND = re.compile(
    r"^\W*(?:please\b\W*)?(?:(?:(?:can|could|would) you )?(?:please )?tell(?: me| us)?\b\W*)?"
    r"(?:in (?:the|this) (?:video|clip|footage)\b\W*)?"
    r"|(?<=\w)(?:\W+(?:please|in (?:the|this) (?:video|clip|footage)))+\W*$"
)
# Articles, and words that a form of a verb adds: "is holding", "does hold", "held".
ADDED = frozenset(WORD.findall("a an the am is are was were be been being does did"))
# These add nothing before the subject, and are the verb behind it: "what do they have".
ADDED_FIRST = frozenset(WORD.findall("do have has had"))
FIRST_WORDS = 3
# 64 bits of a word's blake2b: 10 million words meet once in 400,000 builds.
SEED = 20_240_501


class Bags(NamedTuple):
    """One set of hashed words a row, all in one array; row i is flat[offsets[i]:offsets[i + 1]]."""

    flat: NDArray[np.uint64]
    offsets: NDArray[np.int64]

    def row(self, number: int) -> NDArray[np.uint64]:
        """Return the words of one row."""
        return self.flat[self.offsets[number] : self.offsets[number + 1]]

    def __len__(self) -> int:
        return len(self.offsets) - 1


def words(text: str) -> list[str]:
    """Return the words of a text in their order, without case, marks and punctuation."""
    return WORD.findall(folded(text))


def folded(text: str) -> str:
    """Return a text without case and without two ways to write one sign."""
    return unicodedata.normalize("NFKC", text).casefold()


def tokens(text: str) -> list[str]:
    """Return the words of a text and the signs of its formulas, without case and marks."""
    return TOKEN.findall(plain(text).casefold())


def content(question: str) -> list[str]:
    """Return what a question asks, word by word, without articles and auxiliary verbs."""
    asked = TAG.sub(" ", plain(question).casefold()).replace("n't", " not")
    found: list[str] = TOKEN.findall(AROUND.sub(" ", POSSESSIVE.sub(" ", asked)))
    return [
        SPELLING.get(word, word)
        for number, word in enumerate(found)
        if word not in ADDED and not (number < FIRST_WORDS and word in ADDED_FIRST)
    ]


@lru_cache(maxsize=1 << 18)
def form(word: str) -> tuple[str, str]:
    """Return the base form of a word and what form it has: "s", "+" (held, holding) or ".".

    Endings of inflection are cut and no others: an actor is no action.
    """
    base = IRREGULAR.get(word, word)
    cut = base != word
    if not cut and len(word) > 3:
        short = without_plural(word)
        short = without_past(word) if short == word else short
        base, cut = without_final_e(y_as_i(short)), short != word
    return base, ("s" if word.endswith("s") else "+") if cut else "."


def bases(question: Sequence[str]) -> list[str]:
    """Return the base forms of words."""
    return [form(word)[0] for word in question]


def endings(question: Sequence[str]) -> str:
    """Return which form each word has; interned, since millions of questions have few of them."""
    return sys.intern("".join(form(word)[1] for word in question))


def forms_agree(one: str, other: str) -> bool:
    """Tell whether two questions of the same base forms may differ by forms of verbs alone.

    An s makes two boys of one, and nothing tells "boys" from "holds": "hold" and "holds" are not
    the same here, while "holding" and "held" are the same as both.
    """
    return all({a, b} != {".", "s"} for a, b in zip(one, other, strict=True))


@lru_cache(maxsize=1 << 20)
def word_hash(word: str) -> int:
    """Return 64 bits of a word that are the same on every machine."""
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")


def text_hash(parts: Sequence[str]) -> int:
    """Return 64 bits of a sequence of words; never 0, which stands for nothing."""
    return word_hash("\x1f".join(parts)) or 1


def bags(rows: Iterable[Sequence[str]]) -> Bags:
    """Return the words of every row, each once, in order; a row without words gets the word 0."""
    flat: list[int] = []
    offsets = [0]
    for row in rows:
        flat += dict.fromkeys(map(word_hash, row)) or (0,)
        offsets.append(len(flat))
    return Bags(np.array(flat, np.uint64), np.array(offsets, np.int64))


def join(parts: Sequence[Bags]) -> Bags:
    """Put bags behind one another."""
    if not parts:
        return Bags(np.zeros(0, np.uint64), np.zeros(1, np.int64))
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Bags(np.concatenate([part.flat for part in parts]), offsets)


def band_keys(rows: Bags, bands: int, width: int) -> Iterable[NDArray[np.uint64]]:
    """Yield `bands` keys a row; two rows share one with probability J ** width each.

    J is the Jaccard similarity of their words (Broder 1997, "On the resemblance and containment of
    documents"). Each key mixes `width` minima of a multiply-shift hash.
    """
    numbers = np.random.default_rng(SEED).integers(1, 2**63, (bands, width, 2)).astype(np.uint64)
    for band in numbers:
        key = np.zeros(len(rows), np.uint64)
        for factor, shift in band:
            mixed = rows.flat * (factor | np.uint64(1)) + shift
            mixed ^= mixed >> np.uint64(29)
            least = np.minimum.reduceat(mixed * (shift | np.uint64(1)), rows.offsets[:-1])
            key = mix(key, least)
        yield key


def mix(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return one key out of two, row by row (the finaliser of MurmurHash3)."""
    key = one * np.uint64(0x9E3779B97F4A7C15) + other
    key ^= key >> np.uint64(33)
    key *= np.uint64(0xFF51AFD7ED558CCD)
    key ^= key >> np.uint64(33)
    return key
