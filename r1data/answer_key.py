"""Answer keys: which option a letter, a number, a text or a sentence names.

A key is read as generously as a model's answer. Where it could name two options, it names none.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from r1data.labels import LETTERS, shown_label
from r1data.options import Options, ambiguous, no_truth, short

# What `index_base` returns where keys are numbers that fit from 0 and from 1.
UNCLEAR = -1
# No longer text is searched for a label.
LONGEST = 2_000
# So many keys speak for a base where one that speaks against it is a fault of its row.
MOST = 20

NAME = r"[A-Za-zＡ-Ｚ]|\d{1,3}|[IVX]{2,4}|[ivx]{2,4}"
ALONE = re.compile(rf"[(\[{{（【]?\s*({NAME})\s*[)\]}}）】]?\s*[.):．：、,]*")
SEVERAL = re.compile(
    r"(?:[(\[]?[A-Za-z][)\].]*(?:\s*(?:[,;/&+、]|and|or|und|oder)\s*)+)+[(\[]?[A-Za-z][)\].]*",
    re.IGNORECASE,
)
WRAPPERS = (
    re.compile(r"<answer>(.*)</answer>", re.DOTALL | re.IGNORECASE),
    re.compile(r"\$*\\boxed\s*\{(.*)\}\$*\.?", re.DOTALL),
    re.compile(r"\\(?:text|textbf|mathrm|mathbf|rm)\s*\{(.*)\}", re.DOTALL),
    re.compile(r"(?:\*\*|__)(.*?)(?:\*\*|__)\.?", re.DOTALL),
    re.compile(r"[\"'`“”‘’](.*)[\"'`“”‘’]\.?", re.DOTALL),
    re.compile(r"\$+(.*?)\$+", re.DOTALL),
    re.compile(
        r"(?:\#{2,}\s*)?(?:so\s+|therefore,?\s+)?(?:the\s+)?"
        r"(?:(?:correct|right|best|final|gold)[ _]*)?"
        r"(?:answer|option|choice|letter|label|key|ans|opt)(?:\s+is|\s+would\s+be)?\s*[:：=_.-]*\s*"
        r"(\S.*)",
        re.DOTALL | re.IGNORECASE,
    ),
    re.compile(r"(?:答案|选项|选择|选)\s*(?:是|为)?\s*[:：]?\s*(\S.*)", re.DOTALL),
    re.compile(r"\#{2,}\s*(\S.*)", re.DOTALL),
    re.compile(r"(.*?)\s+is\s+(?:the\s+)?(?:correct|right)(?:\s+(?:answer|option|choice))?\.?"),
)
YES, NO = frozenset({"yes", "true", "y", "t"}), frozenset({"no", "false", "n", "f"})


def read_key(
    value: Any,
    options: Options,
    first: int | None = None,
    twins: bool = False,
    lettered: bool = False,
) -> int:
    """Return the position of the option that an answer key names.

    `first` is the number of the first option where keys are numbers (see `index_base`). `twins`
    accepts a letter whose option reads like another. `lettered` says that the source's keys are
    letters: one that is another option's text, too, names the letter. Raises RowDrop.
    """
    text = key_text(value)
    inner = unwrapped(text)
    if not options.texts:
        raise no_key(text, inner, options)
    alone = ALONE.fullmatch(inner)
    ways = (text, inner, alone[1] if alone else "")
    places = next(filter(None, (same_texts(each, options.texts) for each in ways)), [])
    if len(places) > 1:
        raise ambiguous(
            f"its truth '{short(text)}' is {len(places)} of its {len(options.texts)} options"
        )
    label = labelled_place(inner, options, first, bool(places))
    if lettered and alone and label is not None:
        places = []
    if places and label not in (None, places[0]):
        raise ambiguous(
            f"its truth '{short(text)}' is the text of option {LETTERS[places[0]]} and also names "
            f"option {LETTERS[label or 0]}"
        )
    found = places[0] if places else label
    if found is None:
        found = yes_or_no(inner, options.texts)
    if found is None:
        raise no_key(text, inner, options)
    return found if twins else without_twin(found, options)


def read_text_key(value: Any, options: Options) -> int:
    """Return the position of the option whose text a key is, where letters are no keys."""
    text = key_text(value)
    places = same_texts(text, options.texts)
    if len(places) > 1:
        raise ambiguous(f"its truth '{short(text)}' is {len(places)} of its options")
    if not places:
        raise no_key(text, text, options)
    return places[0]


def read_index(value: Any, options: Options, first: int = 0, twins: bool = False) -> int:
    """Return the position that a key names in a source whose keys are numbers only."""
    number = whole_number(key_text(value))
    if number is None or isinstance(value, bool):
        raise no_truth(f"its truth '{short(value)}' is no place of an option")
    if not 0 <= number - first < len(options.texts):
        raise no_truth(
            f"its truth {number} is none of its {len(options.texts)} options from {first}"
        )
    return number - first if twins else without_twin(number - first, options)


def index_base(keys: Iterable[tuple[Any, Options]]) -> int | None:
    """Return the number of the first option, told from all keys of a file: 0 or 1.

    None where the keys are letters or texts; UNCLEAR where both fit and nothing tells.
    """
    lowest = highest = 0
    numbered: set[str] = set()
    texts_only = True
    for value, options in keys:
        number = None if isinstance(value, bool) else whole_number(unwrapped(str(value)))
        if number is None or not options.texts:
            continue
        texts_only &= bool(same_texts(str(value), options.texts))
        numbered.add(options.labels[0] if options.labels else "")
        lowest += number == 0
        highest += number == len(options.texts)
    if texts_only:
        return None
    if lowest > MOST * highest:
        return 0
    if highest > MOST * lowest:
        return 1
    shown = numbered.pop() if len(numbered) == 1 else ""
    return int(shown) if shown in ("0", "1") and not (lowest and highest) else UNCLEAR


def key_text(value: Any) -> str:
    """Return a key as a text. Raises RowDrop where it is blank, several, or no text at all."""
    if isinstance(value, list | tuple):
        if len(value) > 1:
            raise ambiguous(f"its truth names {len(value)} options: {short(value)}")
        value = value[0] if value else None
    if value is None or value != value:  # NaN is unlike itself
        raise no_truth("its truth is empty")
    if not isinstance(value, str | int | float):
        raise no_truth(f"its truth is {type(value).__name__}, not a text")
    if not str(value).strip():
        raise no_truth("its truth is empty")
    return str(value).strip()


def unwrapped(text: str) -> str:
    """Take tags, boxes, quotes, emphasis and "The answer is" off a key."""
    text = text.strip()
    if len(text) < 4:  # "Ｂ" and "（Ｂ）" of East Asian keyboards
        text = unicodedata.normalize("NFKC", text)
    for _ in range(8 if len(text) < LONGEST else 0):
        found = next(filter(None, (each.fullmatch(text) for each in WRAPPERS)), None)
        if found is None or not found[1].strip():
            return text
        text = found[1].strip()
    return text


def same_texts(text: str, options: Sequence[str]) -> list[int]:
    """Return the positions of the options that read as a text; "Ff" and "ff" are two genotypes."""
    exact = [i for i, option in enumerate(options) if option.strip() == text.strip()]
    return exact or [i for i, option in enumerate(options) if bare(option) == bare(text) != ""]


def bare(text: str) -> str:
    """Return a text as it is compared: without case, odd spaces and a last full stop."""
    return " ".join(text.split()).rstrip(".。").strip().casefold()


def labelled_place(text: str, options: Options, first: int | None, is_text: bool) -> int | None:
    """Return the position of a label, alone or with its own option's text; None without one."""
    alone, number = ALONE.fullmatch(text), whole_number(text)
    if number is not None:
        return numbered_place(number, options, first, is_text)
    if alone:
        return place_of(alone[1], options, first, is_text)
    if is_text:
        return None
    shown = shown_label(text)
    name, _, rest = (shown.name, "", shown.text) if shown else text.partition(" ")
    place = place_of(name, options, first, True) if ALONE.fullmatch(name) else None
    if place is None:
        return None
    if same_texts(rest, (options.texts[place],)):
        return place
    if shown is None:
        return None
    raise ambiguous(f"its truth is '{name}' with another text than option {LETTERS[place]}")


def place_of(name: str, options: Options, first: int | None, is_text: bool) -> int | None:
    """Return the position of a letter or number; None where no option has it."""
    if name in options.labels and not name.isdigit():
        return options.labels.index(name)
    if name.isdigit():
        return numbered_place(int(name), options, first, is_text)
    letters = LETTERS[: len(options.texts)]
    if len(name) > 1 or name.upper() not in letters:
        return None
    place = letters.index(name.upper())
    if not options.labels:
        refuse_other_start(name.upper(), place, options.texts)
    return place


def refuse_other_start(letter: str, place: int, texts: Sequence[str]) -> None:
    """Raise RowDrop where another option than the letter's own begins with it: "C. elegans"."""
    shown = [shown_label(text) for text in texts]
    starts = [at for at, each in enumerate(shown) if each and each.name.upper() == letter]
    if starts and place not in starts:
        raise ambiguous(
            f"its truth '{letter}' is option {place + 1}, and '{short(texts[starts[0]])}' begins so"
        )


def numbered_place(number: int, options: Options, first: int | None, is_text: bool) -> int | None:
    """Return the position of a number, by the base of its file or of its list's own numbers."""
    shown = options.labels[0] if options.labels else ""
    if first in (None, UNCLEAR) and shown in ("0", "1"):
        first = int(shown)
    if first is None and is_text:
        return None
    if first in (None, UNCLEAR):
        raise ambiguous(
            f"its truth {number} is a number, and nothing tells whether the first option is 0 or 1"
        )
    return number - first if 0 <= number - first < len(options.texts) else None


def whole_number(text: str) -> int | None:
    """Return the number that a key is: "2", "2.0", "(2)", "option 2"; None where it is none."""
    match = re.fullmatch(r"[(\[]?(\d{1,4})(?:\.0+)?[)\].]*", text.strip())
    return int(match[1]) if match else None


def yes_or_no(text: str, options: Sequence[str]) -> int | None:
    """Return the one option that says yes where the key says true, or no where it says false."""
    word = bare(text)
    group = YES if word in YES else NO if word in NO else frozenset[str]()
    found = [i for i, option in enumerate(options) if bare(option) in group]
    return found[0] if len(found) == 1 else None


def without_twin(place: int, options: Options) -> int:
    """Return a position whose option reads like no other. Raises RowDrop."""
    if options.texts.count(options.texts[place]) > 1:
        raise ambiguous(f"its truth '{short(options.texts[place])}' is two of its options")
    return place


def no_key(text: str, inner: str, options: Options) -> Exception:
    """Return the drop of a key that names no option, or several."""
    if not options.texts:
        return no_truth("it is multiple choice and has no options")
    letters = LETTERS[: len(options.texts)]
    run = len(inner) > 1 and inner.isupper() and set(inner) <= set(letters)
    if SEVERAL.fullmatch(inner[:LONGEST]) or (run and list(inner) == sorted(set(inner))):
        return ambiguous(f"its truth '{short(text)}' names several options")
    return no_truth(f"its truth '{short(text)}' is none of its {len(options.texts)} options")
