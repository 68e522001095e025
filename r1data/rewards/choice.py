"""Multiple choice: a letter, a letter with its text, a text, or a sentence that speaks for one.

The conclusion decides. When it is not clear which one option is meant, none is: the verifier
refuses.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from r1data.labels import LETTERS, bare_texts
from r1data.rewards.conclusion import (
    LISTED,
    Box,
    closing,
    is_listing,
    last_box,
    sentences,
    stated,
)
from r1data.rewards.naming import (
    IN_A_ROW,
    LONE,
    RATIO,
    SHORT,
    Choice,
    among,
    as_letters,
    by_form,
    by_labels,
    by_value,
    by_whole_text,
    known,
    named,
    value_of,
    without_texts,
)
from r1data.rewards.notation import simplified
from r1data.rewards.numerical import read_number
from r1data.rewards.option_text import spoken_for
from r1data.rewards.quantity import Quantity
from r1data.rewards.signs import form, hard
from r1data.rewards.text import unwrapped
from r1data.rewards.wording import bare_text

LABEL = re.compile(r"\s*[(\[]?([A-Za-z])[)\].:、,]\s*")
TEXT_LIMIT = 20_000
# So much of the line behind a box may be its unit.
UNIT_WIDTH = 30
MATH_END = re.compile(r"^(?:[\s$\]}~]|\\[)\],;!])*")
# The last line and the one before it are looked for in so many characters.
LAST_LINES = 600
# The first sentence, up to what explains it.
EXPLAINED = re.compile(
    r"(?<=[^\W_]{2}[.!?])\s|;|,\s*not\b"
    r"|,?\s\b(?:because|since|as(?! well)|due to|rather than|instead of)\b"
)
LEADING = re.compile(
    r"[\s\W]{0,8}(?:(?:option|choice|answer|caption)\s*:?\s*)?"
    r"(?:[(\[{]\s*([A-Za-z])\s*[)\]}]|([A-Z])\s*(?:[.):\]\-,;，。：]|\n|$)|([a-z])\s*[.):\]](?=\s|$))",
)
IN_BRACKETS = re.compile(r"\(\s*[A-Z]\s*\)")
DENIED = re.compile(
    r"\b(?:not|isn't|cannot be|can't be|wrong|incorrect|rule out|eliminate|except)\b", re.IGNORECASE
)
# A sign beside a digit or a lone letter is a formula's.
SYMBOLS = re.compile(r"(?<![^\W_])-\d|[<>≤≥≠√±^→←−]|\d[-+]|\b[A-Za-z]['′]")
TELLING = re.compile(r"[\\<'\"'′″]")
STANDALONE = re.compile(r"(?<![^\W_])(?<!['’.])[A-Z](?![^\W_]|['’.]\w)")


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
    chosen, why = meant(by_labels(answer, tuple(options)), bare_texts(tuple(options)))
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


@lru_cache(maxsize=1 << 14)
def meant(answer: str, texts: tuple[str, ...]) -> Choice:
    """Return which option the answer means; `texts` are the options without their letters."""
    if len(answer) > TEXT_LIMIT:
        return Choice(None, "too_long")
    box = last_box(answer) if "box" in answer else None
    if box is not None:
        return boxed(box, texts)
    text = unwrapped(answer)
    lone = LONE.fullmatch(text)
    if lone and (not texts or LETTERS.index(lone[1].upper()) < len(texts)):
        return Choice(LETTERS.index(lone[1].upper()), "letter")
    # Tags, backslashes and primes are gone from `text`: "x<sup>2</sup>" would be x2
    written = by_form(answer, texts) if TELLING.search(answer) and len(answer) < SHORT else None
    same = written or by_whole_text(text, texts)
    text = as_letters(text, texts)
    if lone and same is None:
        return Choice(None, "no_such_letter")
    return same or concluded(text, texts) or by_letter(text, texts) or by_words(text, texts)


def boxed(box: Box, texts: Sequence[str]) -> Choice:
    """Return the option that the last box names, unless the words behind it name another."""
    letters = {each.strip().upper() for each in box.row}
    if len(letters) > 1 and letters <= set(LETTERS):
        return Choice(None, "several_letters")
    line = box.after.split("\n", 1)[0]
    choice = named(with_unit(box.content, line, texts), texts)
    behind = (named(part, texts) for part, _ in stated(unwrapped(box.after)))
    later = next(filter(None, behind), None)
    if later is not None and (choice is None or choice.place is None):
        return later
    if choice is None:
        return Choice(None, "unparsed_choice")
    other = later or by_whole_text(unwrapped(line), texts)
    if other is not None and choice.place is not None and other.place not in (None, choice.place):
        return Choice(None, "several_letters" if later else "letter_text_conflict")
    return choice


def with_unit(content: str, line: str, texts: Sequence[str]) -> str:
    """Return what a box holds, with the unit behind it where options have units, too."""
    if not any(value and value.unit for value in map(value_of, texts)):
        return content
    value = f"{content} {MATH_END.sub('', line)[:UNIT_WIDTH]}"
    quantity = read_number(value).quantity
    return value if quantity is not None and quantity.unit else content


def concluded(text: str, texts: Sequence[str]) -> Choice | None:
    """Return the option that the last line or the last statement of an answer names, or None."""
    last = last_line(text, texts)
    if last is not None:
        return last
    for part, behind in stated(text):
        choice = named(part, texts)
        if choice is None:
            continue
        if LONE.fullmatch(part) and begins(behind, texts):  # "A. red and B. blue" is one statement
            choice = named(f"{part} {EXPLAINED.split(behind, maxsplit=1)[0]}", texts) or choice
        other = by_whole_text(behind, texts) if LONE.fullmatch(part) else None
        if other is not None and other.place not in (None, choice.place):
            return Choice(None, "letter_text_conflict")
        return choice._replace(why="stated_letter") if choice.why == "letter" else choice
    if LEADING.match(text) and not is_listing(text):
        return None
    part, same = closing(text)
    choice = named(part, texts) if part else None
    if choice is not None and same and ends_with_other(same, choice, texts):
        return Choice(None, "letter_text_conflict")
    return choice


def ends_with_other(words: str, choice: Choice, texts: Sequence[str]) -> bool:
    """Tell whether words end with the text of another option than the one that was chosen."""
    said = f" {bare_text(words)}"
    own = [bare_text(text) for text in texts]
    ends = [place for place, text in enumerate(own) if text and said.endswith(f" {text}")]
    return bool(ends) and choice.place not in ends


def begins(sentence: str, texts: Sequence[str]) -> bool:
    """Tell whether a sentence begins with the text of an option, as it is written."""
    return any(len(text) > 1 and sentence.startswith(unwrapped(text)) for text in texts)


def last_line(text: str, texts: Sequence[str]) -> Choice | None:
    """Return the option of a last line that is its letter, alone or with its own text.

    Behind a line that ends in a colon any other words may follow the letter.
    """
    lines = [line for line in text[-LAST_LINES:].split("\n") if line.strip()]
    label = LEADING.match(lines[-1]) if len(lines) > 1 else None
    if label is None or LISTED.match(lines[-2]):
        return None
    choice = named(lines[-1], texts)
    if choice is None or choice.place is None or not texts:
        return None
    rest, own = bare_text(lines[-1][label.end() :]), bare_text(texts[choice.place])
    led = lines[-2].rstrip(" *_").endswith((":", "："))
    alone = rest in ("", LETTERS[choice.place].lower())
    return choice if alone or led or rest.startswith(own) else None


def by_letter(text: str, texts: Sequence[str]) -> Choice | None:
    """Return the option whose letter opens the answer or is named in it, or None."""
    leading = LEADING.match(text)
    if leading and is_listing(text):
        if LEADING.match(text.rstrip().rsplit("\n", 1)[-1]):
            return Choice(None, "several_letters")
    elif leading:
        letter = (leading[1] or leading[2] or leading[3]).upper()
        first = EXPLAINED.split(text.split("\n", 1)[0], maxsplit=1)[0]
        lone = not texts and len(STANDALONE.findall(first)) == 1 and not IN_A_ROW.search(first)
        rest = first[leading.end() :]
        if DENIED.search(rest) and by_whole_text(rest, texts) is None:  # "B. Option A is wrong"
            return known(letter, texts, "letter")
        choice = named(first, texts) if not lone and len(first) <= SHORT else None
        return choice or known(letter, texts, "letter")
    return (
        letter_before_text(text, texts)
        or letter_in_few_words(text, texts)
        or letter_in_brackets(text, texts)
    )


def letter_in_brackets(text: str, texts: Sequence[str]) -> Choice | None:
    """Return the option in brackets of the last or the first sentence: "shown is (A) 3:1."."""
    parts = list(sentences(text))
    parts = [EXPLAINED.split(part, maxsplit=1)[0] for part in (*parts[-1:], *parts[:1])]
    parts = [part for part in parts if IN_BRACKETS.search(part) and len(part) <= SHORT]
    found = [named(part, texts) for part in parts if not DENIED.search(part)]
    choices = {choice for choice in found if choice is not None}
    if len(choices) > 1 or Choice(None, "several_letters") in choices:
        return Choice(None, "several_letters")
    return next((choice for choice in choices if choice.place is not None), None)


def letter_before_text(text: str, texts: Sequence[str]) -> Choice | None:
    """Return the option of "B kicking football": a letter and, unpunctuated, its own text."""
    first, _, rest = text.partition(" ")
    place = LETTERS.find(first) if len(first) == 1 else -1
    own = bare_text(texts[place]) if 0 <= place < len(texts) else ""
    return Choice(place, "letter") if own and bare_text(rest).startswith(own) else None


def letter_in_few_words(text: str, texts: Sequence[str]) -> Choice | None:
    """Return the option of "It's B" or "Definitely C": one letter, and at most five other words.

    A and I are words as well; there they count only at the end. Where options hold letters
    themselves (sample A), none counts.
    """
    if any(len(option) > 1 and STANDALONE.search(option) for option in texts):
        return None
    text = EXPLAINED.split(text, maxsplit=1)[0]
    letters = STANDALONE.findall(text)
    if len(text.split()) > 6 or not letters or DENIED.search(text):
        return None
    if len(set(letters)) > 1:
        return Choice(None, "several_letters")
    if letters[0] in "AI" and not text.rstrip(" .!)*\"'").endswith(letters[0]):
        return None
    choice = known(letters[0], texts, "letter")
    said = without_texts(text, texts)[1]
    if said and choice.place not in said:
        return Choice(None, "letter_text_conflict")
    return choice if choice.place is not None else None


def by_words(text: str, texts: Sequence[str]) -> Choice:
    """Return the option that the wording of the answer speaks for, or whose number it states."""
    if not texts:
        return Choice(None, "unparsed_choice")
    values = [None if RATIO.search(option) else value_of(option) for option in texts]
    if any(values):
        return by_numbers(text, texts, values)
    choice = Choice(*spoken_for(text, texts))
    if choice.place is None:
        return choice
    signs = hard(texts[choice.place])
    # "The answer is +5" has the words of the option -5, and not its sign
    if signs and SYMBOLS.search(texts[choice.place]) and not set(signs) <= set(hard(text)):
        return Choice(None, "unparsed_choice")
    return choice


def by_numbers(text: str, texts: Sequence[str], values: Sequence[Quantity | None]) -> Choice:
    """Return the one option that the first or the last sentence states, where some are numbers.

    A number inside another one, or beside a letter of a formula, is another value.
    """
    words = tuple("" if value else option for option, value in zip(texts, values, strict=True))
    spoken = Choice(*spoken_for(text, words)) if any(words) else Choice(None, "unparsed_choice")
    if spoken.place is not None or spoken.why == "undecided":
        return spoken
    parts = [part for part in sentences(text) if any(map(str.isdigit, simplified(part)))]
    if len(parts) > 1:  # a lone number of several lines is a piece of a formula
        parts = [part for part in parts if any(map(str.isalpha, part))]
    for sentence in dict.fromkeys((*parts[-1:], *parts[:1])):
        choice = by_value(sentence, texts) or among(sentence, values)
        if choice is not None:
            return choice
    return spoken
