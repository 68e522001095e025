"""Which one option do a few words name: by its letter, its text, or its value?

A letter with another option's text, two letters, or two texts name none.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from r1data.labels import LETTERS, shown_label
from r1data.labels import in_order as in_sequence
from r1data.rewards.comparison import compared
from r1data.rewards.conclusion import STATES
from r1data.rewards.notation import simplified
from r1data.rewards.number_words import SMALL
from r1data.rewards.numerical import read_number
from r1data.rewards.quantity import Quantity, numbers_in
from r1data.rewards.signs import contrary, form
from r1data.rewards.text import unwrapped
from r1data.rewards.wording import NEGATIONS, bare_text, content

LONE = re.compile(r"[\W_]*([A-Za-z])[\W_]*")
RUN_TOGETHER = re.compile(r"[A-Z]{2,8}")
WORD = r"(?:option|choice|answer|caption|statement|letter|opt)"
# "(B)", "[b]", "B.", "b)", "option B", "Caption b:": what looks like a label only.
LABELS = re.compile(
    rf"\b{WORD}s?\s*[(\[\"'*]*(?:((?-i:[A-Z]))|([a-z])(?=[).:,;]|\s*$))(?![A-Za-z'’])"
    r"|[(\[{]\s*([A-Za-z])\s*[)\]}]|(?<![^\W_])(?<!['’.])((?-i:[A-Z]))\s?[.):\]](?![\w'’])"
    r"|^\W*([a-z])[.):\]](?=\s|$)",
    re.IGNORECASE,
)
CAPITAL = re.compile(r"(?<![^\W_])(?<!['’.°º])[A-Z](?![^\W_]|['’.]\w)")
BRACKETED = re.compile(r"[(\[{]\s*([A-Za-z])\s*[)\]}]|^\W*([A-Za-z])[.):\]](?=\s|$)")
# "A, b, c", "A/B", "A->B", "A to C": letters in a row.
JOINT = r"\s*+(?:[,/&+;、→]|->|=>|(?:and|or|to|vs)\b)\s*+(?:(?:and|or)\b\s*+)?"
IN_A_ROW = re.compile(
    rf"(?<![^\W_])[A-Za-z](?![^\W_]|['’])(?:[)\].]*+{JOINT}[(\[]?[A-Za-z](?![^\W_]|['’]))++"
    r"(?!\s+[a-z]{2})"
)
# A capital behind any other word belongs to it: player B, vitamin C, point A.
BEFORE_LETTER = frozenset(
    re.findall(
        r"\w+",
        """is be was are or and but either both letter with than to not as choose select pick say
        maybe perhaps definitely clearly probably likely therefore thus hence so also then only""",
    )
)
LAST_WORD = re.compile(r"([^\W\d_]+)\s+$")
# "option A in the image", "the answer is C", "Figure B"
SPEAKS = re.compile(r"\b(?:option|choice|answer|caption)\s+\(?[A-Z]\b", re.IGNORECASE)
DENIALS = re.compile(r"\b(?:not|isn't|wrong|incorrect|neither|nor|except)\b|n't\b", re.IGNORECASE)
LATEX_NAME = re.compile(r"\\[A-Za-z]+")
LONG_WORD = re.compile(r"[^\W\d_]{3,}")
# A letter and its own text: "B. a red car", "(A) B".
LABELLED = re.compile(r"\W*([A-Za-z])\s?[.):\]]\s*(.+)", re.DOTALL)
# "(A, B and C)" behind a text, and no next label.
REMARK = re.compile(r"[\s.]*\((?!\s*\w\s*\))")
# What options of a number name beside it: a unit, a noun, "about".
VALUE_WORDS = 3


# 3:1, and no time of day
RATIO = re.compile(r"\d\s*:\s*\d(?!\d)")


ONE = re.compile(r"\bone\b", re.IGNORECASE)
# Operators, powers and roots: a number in a formula is not its value.
FORMULA = re.compile(r"[=^√π\\]|\d\s*[-+*/×÷]\s*\d|\d[A-Za-z]\b|[A-Za-z]\d")
# A longer sentence does more than name an option.
SHORT = 200


class Choice(NamedTuple):
    """The position of the option that an answer means, or None and why not."""

    place: int | None
    why: str


def named(part: str, texts: Sequence[str]) -> Choice | None:
    """Return the one option that a few words name, a refusal, or None where they name none."""
    text = unwrapped(part)
    lone = LONE.fullmatch(text)
    if lone and (not texts or LETTERS.index(lone[1].upper()) < len(texts)):
        return Choice(LETTERS.index(lone[1].upper()), "letter")
    same = by_form(part, texts) or by_whole_text(text, texts)
    if same is not None:
        return same
    if lone:
        return Choice(None, "no_such_letter")
    label = LABELLED.match(text)
    place = LETTERS.index(label[1].upper()) if label else len(texts)
    if label and place < len(texts):
        own, said = unwrapped(texts[place]).casefold(), label[2].casefold()
        in_brackets = said.startswith(own) and REMARK.match(said, len(own)) is not None
        if bare_text(said) == bare_text(own) or (own and in_brackets):
            return Choice(place, "letter")
    if RUN_TOGETHER.fullmatch(text) and in_order(text, texts):
        return Choice(None, "several_letters")
    rest, said = without_texts(text, texts)
    letters = letters_in(rest, texts)
    if len(letters) > 1:
        return Choice(None, "several_letters")
    if letters:
        return lettered(letters.pop(), rest, said, texts)
    if len(said) > 1:
        return Choice(None, "several_texts")
    if said:
        place = next(iter(said))
        denied = DENIALS.search(rest) and NEGATIONS.isdisjoint(content(texts[place]))
        return None if denied else Choice(place, "option_text")
    return by_value(text, texts)


def lettered(letter: str, rest: str, said: set[int], texts: Sequence[str]) -> Choice:
    """Return the option of a letter, unless the words or the number beside it are not its own."""
    choice = known(letter, texts, "letter")
    if choice.place is None or not texts:
        return choice
    words = LABELS.sub(" ", rest) if LABELS.search(rest) else CAPITAL.sub(" ", rest)
    own, stated = value_of(texts[choice.place]), None if said else read_number(words).quantity
    if own is not None and stated is not None:
        fits = compared(own, stated)[0]
        return choice if fits else Choice(None, "letter_text_conflict")
    value = by_value(words, texts) if stated is not None else None
    others = said or ({value.place} if value else set())
    if not others or choice.place in others:
        return choice
    text = bare_text(texts[choice.place])
    if any(place is not None and bare_text(texts[place]) == text for place in others):
        return choice
    return Choice(None, "letter_text_conflict")


def letters_in(text: str, texts: Sequence[str]) -> set[str]:
    """Return the letters that a text names as options.

    Where options speak of letters themselves ("option A in the image"), only brackets count.
    """
    labels = BRACKETED if lettered_texts(tuple(texts)) else LABELS
    found = {
        next(filter(None, each.groups())).upper()
        for each in labels.finditer(text)
        if not each[0][0].isalpha() or each[0][0].islower() or is_named(text, each.start())
    }
    for row in IN_A_ROW.finditer(text):
        letters = re.findall(r"(?<![^\W_])[A-Za-z](?![^\W_])", row[0])
        found.update(letter.upper() for letter in letters if any(map(str.isupper, letters)))
    for match in CAPITAL.finditer(text) if labels is LABELS else ():
        article = match[0] in "AI" and re.match(r"\s+[a-z]", text[match.end() :])
        if not article and is_named(text, match.start()):
            found.add(match[0])
    known_letters = set(LETTERS[: len(texts)]) if texts else set(LETTERS)
    return found & known_letters or found


def is_named(text: str, at: int) -> bool:
    """Tell whether the letter at a position stands for itself: "is B", and not "player B"."""
    before = LAST_WORD.search(text, max(0, at - 30), at)
    return before is None or before[1].lower() in BEFORE_LETTER


@lru_cache(maxsize=1 << 12)
def lettered_texts(texts: tuple[str, ...]) -> tuple[int, ...]:
    """Return the options that speak of letters, or state an answer themselves."""
    return tuple(
        place
        for place, text in enumerate(texts)
        if len(text) > 1 and (SPEAKS.search(text) or STATES.search(text))
    )


def by_labels(answer: str, options: tuple[str, ...]) -> str:
    """Put letters in place of labels that are none: "Option 2", "(ii)", or the label alone."""
    names = other_labels(options)
    for place, name in enumerate(names):
        label = rf"\b{WORD}\s*[(\[]?{name}[)\]]?(?!\w|[.,]\d)|[(\[]\s*{name}\s*[)\]]"
        answer = re.sub(label, f"({LETTERS[place]})", answer, flags=re.IGNORECASE)
    alone = answer.strip(" .()[]*").lower()
    return LETTERS[names.index(alone)] if alone in names else answer


@lru_cache(maxsize=1 << 12)
def other_labels(options: tuple[str, ...]) -> tuple[str, ...]:
    """Return the labels of options in small letters where they are numbers; else none."""
    shown = [shown_label(option) for option in options]
    names = tuple(each.name.lower() for each in shown if each)
    numbered = len(names) == len(options) > 1 and in_sequence(names) and names[0] != "a"
    texts = {each.text.strip().lower() for each in shown if each}
    return names if numbered and not texts & set(names) else ()


def as_letters(text: str, texts: Sequence[str]) -> str:
    """Put letters in place of the texts of options that speak of letters themselves."""
    for place in sorted(lettered_texts(tuple(texts)), key=lambda at: -len(texts[at])):
        words = re.escape(unwrapped(texts[place]).rstrip("."))
        pattern = rf"(?<![^\W_]){words}(?![^\W_])"
        text = re.sub(pattern, f"({LETTERS[place]})", text, flags=re.IGNORECASE)
    return text


def without_texts(text: str, texts: Sequence[str]) -> tuple[str, set[int]]:
    """Take the options' texts out of a text; return the rest and whose texts they were.

    The longest come first. Numbers and formulas are compared as values and stay.
    """
    said: set[int] = set()
    plain = [unwrapped(each) for each in texts]
    folded = [each.casefold() for each in plain]
    flags = re.IGNORECASE if len(set(folded)) == len(set(plain)) else 0
    for place in sorted(range(len(texts)), key=lambda at: -len(plain[at])):
        if len(plain[place]) < 2 or value_of(texts[place]) is not None:
            continue
        pattern = rf"(?<![^\W_]){re.escape(plain[place])}(?![^\W_])"
        text, count = re.subn(pattern, " ; ", text, flags=flags)
        if count:
            said.add(place)
    return text, said


def among(sentence: str, values: Sequence[Quantity | None]) -> Choice | None:
    """Return the one option that is among the numbers of a sentence which is no formula."""
    if len(sentence) > SHORT or FORMULA.search(sentence):
        return None
    found = [each for each in numbers_in(simplified(ONE.sub(" ", sentence))) if each is not None]
    hits = {
        place
        for place, value in enumerate(values)
        if value and any(compared(value, each)[0] for each in found)
    }
    if len(hits) > 1:
        return Choice(None, "several_texts")
    return Choice(hits.pop(), "option_value") if hits else None


@lru_cache(maxsize=1 << 13)
def value_of(option: str) -> Quantity | None:
    """Return the number that an option is; None for a sentence that holds one."""
    if len(LONG_WORD.findall(LATEX_NAME.sub(" ", option))) > VALUE_WORDS:
        return None
    if not any(map(str.isdigit, option)) and not ("pi" in option or spelled(option)):
        return None
    return read_number(option).quantity


def spelled(option: str) -> bool:
    """Tell whether an option is a number in words: "two", "three cars"; "one-way" is none."""
    words = option.lower().split()
    return 0 < len(words) <= 2 and words[0].strip(".") in SMALL


def by_value(text: str, texts: Sequence[str]) -> Choice | None:
    """Return the one option whose number the text states."""
    values = [value_of(option) for option in texts]
    given = read_number(text).quantity if any(values) else None
    if given is None:
        return None
    hits = [
        at
        for at, value in enumerate(values)
        if value and compared(value, given)[0] and (given.fraction or not RATIO.search(texts[at]))
    ]
    if len(hits) > 1:
        return Choice(None, "several_texts")
    return Choice(hits[0], "option_value") if hits else None


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


def in_order(text: str, texts: Sequence[str]) -> bool:
    """Tell "ABD" from a word in capitals: letters of options, each once, in order."""
    last = LETTERS[(len(texts) or 8) - 1]
    return list(text) == sorted(set(text)) and text[-1] <= last
