"""Texts as lists of meaningful stems, for telling which option a sentence speaks for."""

import re
from collections.abc import Sequence
from functools import lru_cache

from r1data.rewards.number_words import SMALL
from r1data.rewards.stems import stem
from r1data.rewards.text import plain

# Words of any script; where words are not spaced (CJK, Thai) every character counts as one.
UNSPACED = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# 3.5 is one word, so that no decimal is lost among the digits of a sentence.
ASCII_TOKEN = re.compile(r"\d+\.\d+|[a-z0-9]+(?:'[a-z]+)?")
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
TOKEN = re.compile(rf"\d+\.\d+|[{UNSPACED}]|[^\W_{UNSPACED}]+(?:'[^\W\d_]+)?")

AGAINST_CLOCK = re.compile(r"\b(?:counter|anti)[- ]?clock")

# Words that say nothing about which option is meant.
FILLER_WORDS = """a an the is are was were be been being am do does did has have had will would can
    could may might must shall should it its itself this that these those there here he she they
    him her them his their we i you our my your who which what where when how of in on at by for
    from with as and or also very just some any all into onto upon about so thus hence therefore
    because since indeed video clip image picture scene frame footage shown seen show depict visible
    s t"""
FILLER = frozenset(FILLER_WORDS.split())

# Two spellings of one word
SPELLINGS = """towards toward; backwards backward; forwards forward; grey gray; colour color;
    colours colors; coloured colored; centre center; centres centers; metre meter; metres meters;
    kilometres kilometers; litre liter; litres liters; theatre theater; favourite favorite;
    neighbour neighbor; neighbours neighbors; moustache mustache; pyjamas pajamas;
    doughnut donut; doughnuts donuts; jewellery jewelry; catalogue catalog; recognise recognize;
    recognised recognized; organise organize; organised organized; analyse analyze"""
SPELLING: dict[str, str] = {pair.split()[0]: pair.split()[1] for pair in SPELLINGS.split(";")}
SAME = {
    **SPELLING,
    "upwards": "up", "upward": "up", "downwards": "down", "downward": "down", "leftward": "left",
    "leftwards": "left", "rightward": "right", "rightwards": "right",
    "afterwards": "then", "afterward": "then", "cannot": "not", "never": "not",
    "simultaneously": "simultaneous", "concurrently": "simultaneous", "concurrent": "simultaneous",
}  # fmt: skip

# Two names of one thing, in any sentence
SYNONYMS = """kid child; kids children; tv television; couch sofa; bike bicycle; bikes bicycles;
    automobile car; soccer football; photo photograph; mom mother; dad father; cab taxi"""
SAME.update((pair.split()[0], pair.split()[1]) for pair in SYNONYMS.split(";"))

NEGATIONS = frozenset({"not", "no", "none", "neither", "nor", "without", "nobody", "nothing"})


def tokens(text: str) -> list[str]:
    """Return the words of a text in lower case; n't becomes a word "not" of its own."""
    text = plain(text).lower()
    if "n't" in text:
        text = text.replace("n't", " not")
    if "clock" in text:
        text = AGAINST_CLOCK.sub("counterclock", text)
    if "," in text:
        text = THOUSANDS.sub("", text)
    return (ASCII_TOKEN if text.isascii() else TOKEN).findall(text)


@lru_cache(maxsize=1 << 14)
def content(text: str) -> tuple[str, ...]:
    """Return the stems that carry meaning, in order."""
    return tuple(meaning for meaning in meanings(tokens(text)) if meaning not in FILLER)


# Meaning of every word met so far. Bounded: a stream of made-up words must not eat the memory.
MEANINGS: dict[str, str] = {}
MEANINGS_LIMIT = 400_000


def meanings(words: Sequence[str]) -> list[str]:
    """Return each word's stem, in one spelling, with number words as digits."""
    try:
        return [MEANINGS[word] for word in words]
    except KeyError:
        return [MEANINGS.get(word) or learnt(word) for word in words]


def learnt(token: str) -> str:
    """Return what a word stands for, and remember it while there is room."""
    word = SAME.get(token) or token.removesuffix("'s") or token
    if word in SMALL:
        meaning = str(SMALL[word])
    elif word in FILLER or len(word) <= 3 or not (word.isascii() and word.isalnum()):
        meaning = word
    else:
        meaning = stem(word)
    if len(MEANINGS) < MEANINGS_LIMIT:
        MEANINGS[token] = meaning
    return meaning


def bare_text(text: str) -> str:
    """Return the text reduced to its words, for comparing whole texts."""
    return " ".join(tokens(text))
