"""Questions as sets of hashed words, and MinHash over very many of them."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from r1data.screen.synonyms import ACTIONS, GROUPS, IRREGULAR
from r1data.screen.wordings import plain

WORD = re.compile(r"[^\W_]+")
# Words that carry how a question is put, not what is asked. Negations and words of time and place
# (not, before, from, left) stay out: they turn an answer over.
FILLING = """
a altogether an and are be been being can clip correct could determine did do does doing footage
frame from give given has have he here how i identify image in into is it item its list listed made
make makes me my object of one or overall picture please question scene screen see seen she shown so
some such tell that the their them then there these they thing this those to total us video view was
we were what which will with would you your
"""
# 64 bits of a word's blake2b: 10 million words meet once in 400,000 builds.
SEED = 20_240_501
FILLERS = frozenset(WORD.findall(FILLING))


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


def content(text: str) -> list[str]:
    """Return the stems of what a question asks about, in their order; of synonyms, one stem.

    Two in a row that say the same ("count how many") count once.
    """
    asked = WORD.findall(plain(folded(text)))
    stems = (stem(word) for word in asked if word not in FILLERS)
    return [each for each, _ in groupby(ONE_OF.get(each, each) for each in stems)]


def stem(word: str) -> str:
    """Cut the endings that a change of wording changes: entering, enters and entered are one.

    A consonant doubled before an ending is halved (putting, stopped), as is one in "roll": nothing
    is ever shown of a stem.
    """
    word = IRREGULAR.get(word, word)
    if word.endswith(("ies", "ied")) and len(word) > 4:
        return word[:-3] + "y"
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return halved(word[: -len(ending)])
    return halved(word.removesuffix("e") if len(word) > 3 else word)


def halved(stem: str) -> str:
    """Return a stem that ends in two equal letters with one of them."""
    return stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] else stem


ONE_OF = {stem(word): stem(group[0]) for group in GROUPS for word in group}
DOING = frozenset(map(stem, ACTIONS))
NUMBER = stem("number")


def in_order(stems: Sequence[str]) -> list[str]:
    """Return stems in an order that does not depend on where a sentence puts its verb.

    "How many" may stand at the end, and one action before or behind who does it. Things keep their
    places, and so do two actions: who pushes whom, and what comes before what, is their order.
    """
    done = [each for each in stems if each in DOING]
    free = {NUMBER, *(done if len(done) == 1 else ())}
    return [
        *sorted(each for each in stems if each in free),
        *(each for each in stems if each not in free),
    ]


@lru_cache(maxsize=1 << 20)
def word_hash(word: str) -> int:
    """Return 64 bits of a word that are the same on every machine."""
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")


def hashed(listed: Iterable[str]) -> frozenset[int]:
    """Return the hashes of the stems of words."""
    return frozenset(word_hash(ONE_OF.get(stem(word), stem(word))) for word in listed)


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
