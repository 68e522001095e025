"""What a number counts: the "apples" of "5 red apples". Two other nouns are two other answers."""

import re

from r1data.rewards.stems import stem

WORD = re.compile(r"[\s-]{1,2}([A-Za-z][A-Za-z'-]*)")
WORDS_LIMIT = 4
# Where the words about a number end
STOP_WORDS = """a about above across after all altogether am an and approximately are around as
    at away be because been before below but by can combined could did do does due during each
    every exactly for from had has have he here his i if in inclusive ish into is it its left
    maximum may might minimum minus more must my nor not odd of off on only or our out over
    overall per plus remaining she should since so something than that the their them then
    there therefore these they this those times to total under until up visible was we were
    when where which while who whose will with within without would you your becomes comes
    costs cubed equals factorial follows gets gives goes leaves likes looks makes means needs
    remains represents says seems shows stands takes yields squared"""
STOPS = frozenset(STOP_WORDS.split())
# "5 things", "5 square units": a noun that names nothing contradicts no other
GENERIC_WORDS = """unit units thing things item items object objects piece pieces one ones other
    others element elements instance instances occurrence occurrences always perhaps answers
    numbers"""
GENERIC = frozenset(GENERIC_WORDS.split())
IRREGULAR = {
    "people": "person", "children": "child", "men": "man", "women": "woman", "mice": "mouse",
    "feet": "foot", "teeth": "tooth", "geese": "goose", "sheep": "sheep", "fish": "fish",
    "deer": "deer", "oxen": "ox", "dice": "die", "vertices": "vertex", "knives": "knife",
    "wolves": "wolf", "leaves": "leaf", "shelves": "shelf", "loaves": "loaf", "persons": "person",
}  # fmt: skip


def counted_after(text: str, at: int, start: int) -> tuple[str, int]:
    """Return the noun phrase after a number and its end; empty where no noun is named.

    A noun shows by its plural, or by being all that is said: "5 widgets", "1 apple", "5 zorp".
    """
    words: list[str] = []
    size, end = 0, at
    while len(words) < WORDS_LIMIT:
        match = WORD.match(text, end)
        if match is None or match[1].lower() in STOPS:
            break
        words.append(match[1].lower())
        end = match.end()
        if is_plural(words[-1]):
            size, at = len(words), end
    alone = not text[:start].strip(" $") and not text[end:].strip(" .$")
    if not size and alone and words and len(words[-1]) > 1:
        size, at = len(words), end
    phrase = words[:size]
    if not phrase or phrase[-1] in GENERIC:
        return "", at
    return " ".join(phrase), at


def is_plural(word: str) -> bool:
    """Tell whether a word looks like a plural."""
    regular = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "'s"))
    return regular or word in IRREGULAR


def same_noun(one: str, other: str) -> bool:
    """Tell whether two phrases share a noun: "red apples" and "apple", not "book shelves"."""
    return not nouns(one).isdisjoint(nouns(other))


def nouns(phrase: str) -> set[str]:
    """Return the stems of a phrase's plurals and of its last word."""
    *others, last = phrase.split()
    return {stem(IRREGULAR.get(word, word)) for word in (*filter(is_plural, others), last)}
