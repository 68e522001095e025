"""OCR answers: the better of word and character accuracy, on text without spelling noise."""

import re
import unicodedata

from rapidfuzz.distance import Levenshtein

from r1data.rewards.text import LOOKALIKES

WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
FOLDED = {**LOOKALIKES, **WIDE}
TEXT_LIMIT = 20_000
EDGES = " \t\r\n*_`\"'.,;:!?\u2026\u3001\uff0c"
DIGIT = re.compile(r"\d+")

# What a model says before it quotes: The text reads: "STOP"
LEAD_IN = re.compile(
    r"(?:the |this )?(?:\w+ ){0,6}?(?:says?|reads?|states?|shows?|(?:text|words?|sign|title"
    r"|label|answer|number|inscription|transcription|caption)\b(?: \w+){0,5}? (?:is|are))\s*:?\s*"
    r"[\"'](?P<quoted>.+?)[\"']?",
    re.IGNORECASE,
)
# Marks that a reader may leave out, and those within a number, which are read alike
PUNCTUATION = re.compile(
    r"(?<!\d)[.,:]|[.,:](?!\d)|[;!?\u2026'\"()\[\]*_`\u00a9\u00ae\u2122\u2022\u00b7]"
)
THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
DIGIT_MARK = re.compile(r"(?<=\d)[,:](?=\d)")
# A wrong digit in "Total: 125.60" is one character of thirteen, and the whole answer
NUMBERS_CAP = 0.5


def judge_ocr(truth: str, answer: str) -> tuple[float, str]:
    """Return the better of 1 - word errors and 1 - character errors, cut at 0."""
    if answer == truth:
        return 1.0, "exact"
    if len(answer) > TEXT_LIMIT + 10 * len(truth):
        return 0.0, "too_long"
    wanted, given = folded(truth), folded(answer)
    if wanted == given:
        return 1.0, "text_equal"
    quoted = LEAD_IN.fullmatch(given) if '"' in given or "'" in given else None
    if quoted and not LEAD_IN.fullmatch(wanted):
        given = quoted["quoted"].strip(EDGES)
    return scored(wanted, given)


def scored(wanted: str, given: str) -> tuple[float, str]:
    """Return the reward of two folded texts and the reason."""
    words, characters = accuracy(wanted.split(), given.split()), accuracy(wanted, given)
    reward, why = (words, "wer") if words >= characters else (characters, "cer")
    if characters_of(wanted) == characters_of(given) != "":
        return 1.0, "spacing"
    if reward > NUMBERS_CAP and digits(wanted) != digits(given):
        return NUMBERS_CAP, "numbers_differ"
    return reward, why


def characters_of(text: str) -> str:
    """Return the text without spaces and punctuation; decimal and time marks alike."""
    text = DIGIT_MARK.sub(".", THOUSANDS.sub("", text))
    return PUNCTUATION.sub("", text.replace(" ", ""))


def folded(text: str) -> str:
    """Return the text in NFC, one case, one width, one kind of dash, quote and space."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).translate(FOLDED)
    elif "\0" in text:
        text = text.replace("\0", "")
    return " ".join(text.casefold().split()).strip(EDGES)


def digits(text: str) -> str:
    """Return the digits of a text in a row."""
    return "".join(DIGIT.findall(text))


def accuracy(wanted: str | list[str], given: str | list[str]) -> float:
    """Return 1 - errors / length, cut at 0."""
    limit = len(wanted)
    if not limit or abs(len(given) - limit) >= limit:
        return 0.0
    errors = Levenshtein.distance(wanted, given, score_cutoff=limit)
    return max(0.0, 1 - errors / limit)
