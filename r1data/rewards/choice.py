"""Multiple choice: a letter, a letter with its text, a text, or a sentence that speaks for one.

When it is not clear which one option is meant, none is: the verifier refuses.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from r1data.labels import LETTERS, bare_texts
from r1data.rewards.option_text import spoken_for
from r1data.rewards.signs import contrary, form, hard
from r1data.rewards.text import unwrapped
from r1data.rewards.wording import bare_text

LABEL = re.compile(r"\s*[(\[]?([A-Za-z])[)\].:、,]\s*")
TEXT_LIMIT = 20_000

LONE = re.compile(r"[\W_]*([A-Za-z])[\W_]*")
LEADING = re.compile(
    r"[\s\W]{0,8}(?:(?:option|choice|answer)\s*:?\s*)?"
    r"(?:[(\[{]\s*([A-Za-z])\s*[)\]}]|([A-Z])\s*(?:[.):\]\-,;，。：]|\n|$)|([a-z])\s*[.):\]](?=\s|$))"
)
# "the answer is B", "answer: (B)", "correct option would be **B**", "I choose B"
STATED = re.compile(
    r"(?:\b(?:answer|option|choice|letter)\b(?:\s+(?:to|for|among|from|of|here)\b[^.\n:]{0,80}?)?"
    r"\s*(?:is|was|would be|should be|must be|has to be|[:=]|seems to be|appears to be)+"
    r"\s*(?:clearly|definitely|therefore|likely|probably|most likely|option|choice|answer|:)*"
    r"|\b(?:choose|select|pick|go with|opt for|choosing|selecting)\s+"
    r"(?:option|choice|answer|letter)?"
    r"|\\boxed\s*|(?:答案|选项|选择)\s*(?:是|为|[:：])?)"
    r"\s*[\"'*_(\[{:]*\s*([A-Z])(?![A-Za-z'’])"
    r"(?=\s*(?:[^\sA-Za-z]|$|\n|(?:because|as|since|is|for)\b))",
    re.IGNORECASE,
)
NAMED = re.compile(r"\b(?:option|choice)\s*[(\[\"'*]*\s*([A-Z])(?![A-Za-z'’])", re.IGNORECASE)
# "A and B", "A, C", "A or B", "A/B", "AB", "both A and B"
SEVERAL = re.compile(
    r"[\W_]*(?:both\s+|either\s+|options?\s+|answers?\s+)*[(\[\"'*]*([A-Z])[)\]\"'*.]*"
    r"(?:\s*(?:,|/|&|\+|;|and|or|、)\s*)+(?:option\s+)?[(\[\"'*]*([A-Z])(?![A-Za-z'’])"
)
RUN_TOGETHER = re.compile(r"[A-Z]{2,8}")
DENIED = re.compile(
    r"\b(?:not|isn't|cannot be|can't be|wrong|incorrect|rule out|eliminate|except)\b", re.IGNORECASE
)


# A sign beside a digit or a lone letter is a formula's.
SYMBOLS = re.compile(r"(?<![^\W_])-\d|[<>≤≥≠√±^→←−]|\d[-+]|\b[A-Za-z]['′]")
TELLING = re.compile(r"[\\<'\"′″]")
SHORT = 200
STANDALONE = re.compile(r"(?<![^\W_])(?<!['’.])[A-Z](?![^\W_]|['’.]\w)")


class Choice(NamedTuple):
    """The position of the option that an answer means, or None and why not."""

    place: int | None
    why: str


def judge_choice(truth: str, answer: str, options: Sequence[str]) -> tuple[float | None, str]:
    """Return 1.0 or 0.0, or None where the truth names no option, and the reason."""
    if answer == truth and not options and len(truth) == 1 and "A" <= truth <= "Z":
        return 1.0, "letter"
    if len(truth) == 1 and len(answer) == 1 and "A" <= truth <= "Z" and "A" <= answer <= "Z":
        return letters(ord(truth) - 65, ord(answer) - 65, options)
    if not options and len(truth) == 1 and "A" <= truth <= "Z":
        wanted = ord(truth) - 65
    else:
        wanted = truth_index(truth, options)
    if wanted is None:
        return without_letter(truth, answer, options)
    chosen, why = meant(answer, bare_texts(tuple(options)))
    if chosen is None:
        return 0.0, why
    reward, reason = letters(wanted, chosen, options)
    return reward, why if reward else reason


def letters(wanted: int, chosen: int, options: Sequence[str]) -> tuple[float | None, str]:
    """Compare two positions; two options of the same wording cannot be told apart."""
    if options and wanted >= len(options):
        return None, "unparsed_reference"
    if wanted == chosen:
        return 1.0, "letter"
    if chosen < len(options):
        texts = bare_texts(tuple(options))
        if same_text(texts[wanted], texts[chosen]):
            return None, "duplicate_options"
    return 0.0, "wrong_letter"


def same_text(one: str, other: str) -> bool:
    """Tell whether two options have the same words and the same signs."""
    return form(one) == form(other) != ()


def truth_index(truth: str, options: Sequence[str]) -> int | None:
    """Return the position that the truth names by letter or by the text of one option.

    A lone capital within the options is a letter, even where an option's text is that capital too.
    """
    text = unwrapped(truth)
    if len(text) == 1 and text in LETTERS[: len(options)]:
        return LETTERS.index(text)
    lone = LONE.fullmatch(text)
    if lone and (not options or LETTERS.index(lone[1].upper()) < len(options)):
        return LETTERS.index(lone[1].upper())
    same = by_whole_text(text, bare_texts(tuple(options)))
    if same is not None and same.place is not None:
        return same.place
    labelled = LABEL.match(text)
    index = LETTERS.index(labelled[1].upper()) if labelled else len(LETTERS)
    return index if index < (len(options) or len(LETTERS)) else None


def without_letter(truth: str, answer: str, options: Sequence[str]) -> tuple[float | None, str]:
    """Judge where the truth names no letter: only its own text, word by word, is right."""
    if options:
        same = [option for option in bare_texts(tuple(options)) if same_text(option, truth)]
        return None, "duplicate_options" if same else "unparsed_reference"
    if not bare_text(truth):
        return None, "unparsed_reference"
    if bare_text(unwrapped(answer)) == bare_text(truth):
        return 1.0, "option_text"
    return 0.0, "unparsed_choice"


def meant(answer: str, texts: Sequence[str]) -> Choice:
    """Return which option the answer means; `texts` are the options without their letters."""
    if len(answer) > TEXT_LIMIT:
        return Choice(None, "too_long")
    text = unwrapped(answer)
    lone = LONE.fullmatch(text)
    if lone and (not texts or LETTERS.index(lone[1].upper()) < len(texts)):
        return Choice(LETTERS.index(lone[1].upper()), "letter")
    # Tags, backslashes and primes are gone from `text`: "x<sup>2</sup>" would be x2
    written = by_form(answer, texts) if TELLING.search(answer) and len(answer) < SHORT else None
    same = written or by_whole_text(text, texts)
    if lone and same is None:
        return Choice(None, "no_such_letter")
    return same or by_letter(text, texts) or by_words(text, texts)


def by_form(text: str, texts: Sequence[str]) -> Choice | None:
    """Return the one option that is written as the answer is, but for spaces and case."""
    said = form(text)
    same = [place for place, option in enumerate(texts) if said and form(option) == said]
    return Choice(same[0], "option_text") if len(same) == 1 else None


def by_whole_text(text: str, texts: Sequence[str]) -> Choice | None:
    """Return the option whose text is the whole answer, or None.

    Of options with the same words the signs decide, and where those are the same, the case.
    """
    whole = bare_text(text) if texts else ""
    same = [place for place, option in enumerate(texts) if bare_text(option) == whole]
    if len(same) > 1 or not whole:
        return by_signs(form(text), {place: form(texts[place]) for place in same})
    return Choice(same[0], "option_text") if same and not contrary(text, texts[same[0]]) else None


def by_signs(said: tuple[str, ...], forms: Mapping[int, tuple[str, ...]]) -> Choice | None:
    """Return the one option that has the signs of the answer; None where it has none at all."""
    if not said or not forms:
        return None
    lower = tuple(map(str.lower, said))
    exact = [place for place, given in forms.items() if given == said]
    loose = [place for place, given in forms.items() if tuple(map(str.lower, given)) == lower]
    found = exact or loose
    if len(found) == 1:
        return Choice(found[0], "option_text")
    return Choice(None, "duplicate_options" if found else "several_texts")


def known(letter: str, texts: Sequence[str], why: str) -> Choice:
    """Return the option of a letter, if there is one of that letter."""
    index = LETTERS.find(letter.upper())  # some letters of other scripts have capitals of two
    if index < 0 or (texts and index >= len(texts)):
        return Choice(None, "no_such_letter")
    return Choice(index, why)


def by_letter(text: str, texts: Sequence[str]) -> Choice | None:
    """Return the option whose letter opens the answer or is stated in it, or None."""
    if SEVERAL.match(text) or (RUN_TOGETHER.fullmatch(text) and in_order(text, texts)):
        return Choice(None, "several_letters")
    stated = {letter.upper() for letter in STATED.findall(text)}
    leading = LEADING.match(text)
    if leading:
        letter = (leading[1] or leading[2] or leading[3]).upper()
        if stated - {letter}:
            return Choice(None, "several_letters")
        return with_text(letter, text[leading.end() :], texts)
    if len(stated) > 1:
        return Choice(None, "several_letters")
    if stated:
        return known(stated.pop(), texts, "stated_letter")
    named = {letter.upper() for letter in NAMED.findall(text)}
    if len(named) == 1 and not DENIED.search(text):
        return known(named.pop(), texts, "stated_letter")
    if len(named) > 1:
        return Choice(None, "several_letters")
    return letter_before_text(text, texts) or letter_in_few_words(text, texts)


def in_order(text: str, texts: Sequence[str]) -> bool:
    """Tell "ABD" from a word in capitals: letters of options, each once, in order."""
    last = LETTERS[(len(texts) or 8) - 1]
    return list(text) == sorted(set(text)) and text[-1] <= last


def with_text(letter: str, rest: str, texts: Sequence[str]) -> Choice:
    """Return the option of a letter unless the words after it are those of another option."""
    line = bare_text(rest.split("\n", 1)[0]) if texts else ""
    for place, option in enumerate(texts):
        words = bare_text(option)
        if words and (line == words) and LETTERS[place] != letter:
            own = LETTERS.index(letter)
            if own >= len(texts) or bare_text(texts[own]) != words:
                return Choice(None, "letter_text_conflict")
    return known(letter, texts, "letter")


def letter_before_text(text: str, texts: Sequence[str]) -> Choice | None:
    """Return the option of "B kicking football": a letter and, unpunctuated, its own text."""
    first, _, rest = text.partition(" ")
    if len(first) == 1 and first in LETTERS[: len(texts)]:
        place = LETTERS.index(first)
        if bare_text(rest).startswith(bare_text(texts[place])) and bare_text(texts[place]):
            return Choice(place, "letter")
    return None


def letter_in_few_words(text: str, texts: Sequence[str]) -> Choice | None:
    """Return the option of "It's B" or "Definitely C": one letter, and at most five other words.

    A and I are words as well; there they count only at the end.
    """
    letters = STANDALONE.findall(text)
    if len(text.split()) > 6 or len(letters) != 1 or DENIED.search(text):
        return None
    if letters[0] in "AI" and not text.rstrip(" .!)*\"'").endswith(letters[0]):
        return None
    choice = known(letters[0], texts, "letter")
    return choice if choice.place is not None else None


def by_words(text: str, texts: Sequence[str]) -> Choice:
    """Return the option that the wording of the answer speaks for."""
    if not texts:
        return Choice(None, "unparsed_choice")
    choice = Choice(*spoken_for(text, texts))
    if choice.place is None:
        return choice
    signs = hard(texts[choice.place])
    # "The answer is +5" has the words of the option -5, and not its sign
    if signs and SYMBOLS.search(texts[choice.place]) and not set(signs) <= set(hard(text)):
        return Choice(None, "unparsed_choice")
    return choice
