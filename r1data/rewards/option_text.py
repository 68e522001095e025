"""Which option does a sentence without a letter speak for?

Three steps, each only where the one before found nothing: the option's own words in a row; the
words that set it apart from the other options, all of them and in its order; most of them and not
one that belongs to another option alone. Two options left over, or a denial that is
not the option's own, are a refusal.
"""

import re
from collections.abc import Sequence

from rapidfuzz.distance import LCSseq

from r1data.rewards.polarity import is_polar, polarity
from r1data.rewards.wording import NEGATIONS, content, meanings

Words = tuple[str, ...]
Found = tuple[int | None, str]

SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+|(?<=[\u3002\uff01\uff1f])")
CONCLUDES = re.compile(
    r"\b(?:therefore|thus|hence|so|in conclusion|overall|answer|in summary|to conclude)\b", re.I
)
UNDECIDED = re.compile(
    r"\b(?:cannot|can't|unable|impossible|not (?:possible|clear|enough|sure|certain|able)|unclear"
    r"|none of the|neither|either|don't know|do not know|no information|both options|insufficient"
    r"|could be|might be|may be)\b",
    re.I,
)
# Of two opposites a claim must not have the one and the option the other
OPPOSITES = """left right; up down; in out; forward backward; toward away; open close; before after;
    clockwise counterclockwise; faster slower; fast slow; increase decrease; more less; first last;
    appear disappear; enter leave; inside outside; above below; start stop; push pull"""
CONTRASTS = tuple(frozenset(meanings(pair.split())) for pair in OPPOSITES.split(";"))

# "..., not right to left": what is set against the answer is no part of it
SET_AGAINST = re.compile(
    r",\s*(?:and\s+)?(?:not|rather than|instead of|as opposed to|unlike)\b[^.,;!?\n]*", re.I
)
LONG = 40
# Of a longer answer only the first sentence and a concluding one speak for an option.
FEW = 3
# The letter of "sample A", which is no article.
LETTER_A = re.compile(r"(?<=[a-z] )A(?![^\W_])(?!\s[a-z])")


def spoken_for(text: str, texts: Sequence[str]) -> Found:
    """Return (position, reason) of the one option that the text speaks for, or (None, reason)."""
    options = [
        () if is_polar(option) else content(LETTER_A.sub("lettera", option)) for option in texts
    ]
    text = LETTER_A.sub("lettera", SET_AGAINST.sub("", text))
    sentences = [part for part in SENTENCE.split(text) if content(part)]
    if not sentences:
        return None, "unparsed_choice"
    if undecided(sentences[0], texts) or undecided(sentences[-1], texts):
        return None, "undecided"
    polar = by_polarity(sentences, texts)
    if polar is not None:
        return polar
    closing = sentences[-1] if len(sentences) > 1 and CONCLUDES.search(sentences[-1]) else None
    whole = text if len(sentences) <= FEW else sentences[-1]
    return first_found([closing, sentences[0], whole], options)


def undecided(sentence: str, texts: Sequence[str]) -> bool:
    """Tell whether a sentence decides nothing, in words that no option has."""
    words = UNDECIDED.search(sentence)
    return words is not None and not any(words[0].lower() in each.lower() for each in texts)


def by_polarity(sentences: Sequence[str], texts: Sequence[str]) -> Found | None:
    """Return the option Yes or No that the first word of an answer, or of its end, is.

    None where no option is one of them, or where another option may be meant.
    """
    places = {polarity(option): place for place, option in enumerate(texts) if is_polar(option)}
    for sentence in (sentences[0], sentences[-1]) if places else ():
        said = polarity(sentence)
        if said in places:
            return places[said], "option_text"
    return (None, "no_polarity") if len(places) == len(texts) else None


def first_found(parts: Sequence[str | None], options: list[Words]) -> Found:
    """Try the strict steps on every part, then the lenient one on the opening sentence."""
    words = [content(part) if part is not None else () for part in parts]
    reason = "unparsed_choice"
    for step in (in_a_row, part_of_one, set_apart):
        for claim in filter(None, words):
            found = step(claim, options)
            if len(found) == 1:
                return checked(claim, found[0], options)
            reason = "several_texts" if found else reason
    claim = words[1]
    if len(claim) <= LONG and reason == "unparsed_choice":
        found = mostly_set_apart(claim, options)
        if len(found) == 1:
            return checked(claim, found[0], options, "option_words")
    return None, reason


def checked(claim: Words, place: int, options: list[Words], why: str = "option_text") -> Found:
    """Refuse a claim that denies what the option says, or says the opposite of one of its words."""
    option = options[place]
    denials = sum(word in NEGATIONS for word in claim)
    if (denials > 0) != any(word in NEGATIONS for word in option):
        return None, "denied"
    if why == "option_words" and any(
        (pair & set(option)) and (pair & set(claim)) and (pair & set(option)) != (pair & set(claim))
        for pair in CONTRASTS
    ):
        return None, "contradicted"
    return place, why


def in_a_row(claim: Words, options: list[Words]) -> list[int]:
    """Return the options whose words stand in a row in the claim, those inside others left out."""
    found = [place for place, option in enumerate(options) if option and contains(claim, option)]
    return [
        place
        for place in found
        if not any(
            other != place
            and len(options[other]) > len(options[place])
            and contains(options[other], options[place])
            for other in found
        )
    ]


def part_of_one(claim: Words, options: list[Words]) -> list[int]:
    """Return the one option of which the claim is a part: "left to right" for the longer text."""
    found = [place for place, option in enumerate(options) if claim and contains(option, claim)]
    return found if len(found) == 1 else []


def contains(words: Words, part: Words) -> bool:
    """Tell whether `part` stands in a row in `words`."""
    size = len(part)
    if size > len(words):
        return False
    return any(words[at : at + size] == part for at in range(len(words) - size + 1))


def set_apart(claim: Words, options: list[Words]) -> list[int]:
    """Return the options of which all that sets them apart is in the claim, in their own order."""
    said = set(claim)
    marks = distinguishing(options)
    found = [
        place
        for place, option in enumerate(options)
        if option and marks[place] <= said and in_order(claim, option)
    ]
    return [
        place
        for place in found
        if not any(other != place and marks[place] < marks[other] for other in found)
    ]


def distinguishing(options: list[Words]) -> list[set[str]]:
    """Return for each option the words that not all options share."""
    shared = set(options[0]).intersection(*options[1:]) if options else set()
    return [set(option) - shared for option in options]


def in_order(claim: Words, option: Words) -> bool:
    """Tell whether the words that claim and option share come in the same order."""
    shared = [word for word in option if word in set(claim)]
    return LCSseq.similarity(shared, claim) == len(shared) and bool(shared)


def mostly_set_apart(claim: Words, options: list[Words]) -> list[int]:
    """Return the option with most of its own words said, if no other has one said."""
    said = set(claim)
    marks = distinguishing(options)
    own = [
        mark - set().union(*(other for at, other in enumerate(marks) if at != place))
        for place, mark in enumerate(marks)
    ]
    hits = [place for place, words in enumerate(own) if words & said]
    if len(hits) != 1:
        return []
    place = hits[0]
    most = 2 * len(marks[place] & said) > len(marks[place])
    return [place] if most and in_order(claim, options[place]) else []
