"""The signs that tell two texts of the same words apart: 60-k and 60+k, [0, 1] and (0, 1), mW, MW.

Words alone lose every operator, bracket, arrow, exponent and prime, and the case of units.
"""

import re
import unicodedata
from functools import lru_cache

from r1data.rewards.text import plain
from r1data.rewards.wording import THOUSANDS

PRIME = "\ue000"  # for private use: NFKC and the look-alikes leave it alone
PRIMES = re.compile(r"[′ʹ]|(?<=[\d)\]])'(?![A-Za-z])|(?<=\b[A-Za-z])'(?![A-Za-z])")
DOUBLE_PRIMES = re.compile(r"″|(?<=\d)\"(?!\w)")
RAISED = re.compile(r"<sup>\s*(.*?)\s*</sup>", re.IGNORECASE)
BRACED = re.compile(r"([\^_])\{([^{}]*)\}")
# \leq, \times, ...: what LaTeX calls the operators that others write as one sign.
LATEX = {
    "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "neq": "≠", "ne": "≠", "approx": "≈", "pm": "±",
    "mp": "∓", "times": "×", "div": "÷", "cdot": "·", "sqrt": "√", "infty": "∞", "to": "→",
    "rightarrow": "→", "leftarrow": "←", "leftrightarrow": "↔", "Rightarrow": "⇒", "circ": "°",
    "cup": "∪", "cap": "∩", "in": "∈", "notin": "∉", "subset": "⊂", "subseteq": "⊆", "%": "%",
    "Leftarrow": "⇐", "emptyset": "∅", "neg": "¬", "land": "∧", "lor": "∨", "uparrow": "↑",
    "downarrow": "↓", "prime": PRIME, "$": "$", "&": "&", "{": "{", "}": "}",
}  # fmt: skip
FORMULA = re.compile(r"\$+([^$]*[\\^_{}=][^$]*)\$+")
WHOLE = re.compile(r"^\s*\$+([^$]+)\$+\s*$")
COMMAND = re.compile(r"\\([A-Za-z]+|[%$&{}])\s*")
SAME_SIGN = str.maketrans({"∙": "·", "⋅": "·", "•": "·", "≦": "≤", "≧": "≥", "⟶": "→", "➔": "→"})
TWO_SIGNS = {
    "->": "→",
    "<-": "←",
    "=>": "⇒",
    "<=": "≤",
    ">=": "≥",
    "!=": "≠",
    "<->": "↔",
    "+-": "±",
}
WRITTEN = re.compile("|".join(map(re.escape, sorted(TWO_SIGNS, key=len, reverse=True))))
# Letters and digits, or one sign; commas, colons, quotes and full stops only part words.
PIECE = re.compile(r"\d+(?:\.\d+)+|[^\W\d_]+|\d+|(?<=\d):(?=\d)|(?<=[\d)])!|[^\w\s]")
# A hyphen joins two words, or is a dash between them: "left-hand", "up - down", "covid-19".
HYPHEN = re.compile(
    r"(?<=[^\W\d_][^\W\d_])-(?=[^\W_])|(?<=[^\W\d_])-(?=[^\W\d_]{2})"
    r"|(?<=[^\W\d_])\s+-\s+(?=[^\W\d_]{2})"
)
PUNCTUATION = frozenset("%‰#&*/\\@()[]{}†‡·§:!-" + PRIME)
# What an answer may leave out or add where no other option has the same words.
LOOSE = frozenset("%‰#&*/\\@()[]{}$€£¥₹¢°:=~|")
PLUS = re.compile(r"(?<![\w)\]])\+(?=\d)")
SHORT_WORDS = frozenset(
    re.findall(
        r"\w+",
        "am an as at be by do go he hi if in is it me my no of oh ok on or so to up us we",
    )
)


@lru_cache(maxsize=1 << 13)
def form(text: str) -> tuple[str, ...]:
    """Return the words and signs of a text, in lower case but where case carries meaning."""
    pieces = PIECE.findall(HYPHEN.sub(" ", written(text)))
    alone = sum(piece[0].isalpha() for piece in pieces) == 1
    return tuple(cased(piece, alone) for piece in pieces if counts(piece))


def written(text: str) -> str:
    """Return a text with one way to write each sign."""
    text = RAISED.sub(r"^\1", text)
    text = DOUBLE_PRIMES.sub(PRIME * 2, PRIMES.sub(PRIME, text))
    text = THOUSANDS.sub("", plain(text).replace("**", "").translate(SAME_SIGN))
    text = FORMULA.sub(r"\1", WHOLE.sub(r"\1", text))
    if "\\" in text:
        text = COMMAND.sub(lambda match: LATEX.get(match[1], f" {match[1]} "), text)
    if "{" in text:
        text = BRACED.sub(lambda match: match[1].replace("_", "") + match[2], text)
        text = re.sub(r"√\{([^{}]*)\}", r"√\1", text)
    return WRITTEN.sub(lambda match: TWO_SIGNS[match[0]], text)


def counts(piece: str) -> bool:
    """Tell whether a piece is a word, a number or a sign with a meaning of its own."""
    return piece[0].isalnum() or piece in PUNCTUATION or unicodedata.category(piece[0])[0] == "S"


def cased(piece: str, alone: bool) -> str:
    """Return a word in lower case, but for units, symbols and genotypes: mW, Ca, pH, Ff, NaCl."""
    lower = piece.lower()
    if not piece.isalpha() or piece == lower:
        return piece
    if len(piece) == 1:
        return piece if alone or lower not in "ai" else lower
    if len(piece) == 2:
        return lower if lower in SHORT_WORDS else piece
    mixed = piece != piece.upper() and piece[1:] != lower[1:]
    doubled = all(a == b for a, b in zip(lower[::2], lower[1::2], strict=False))
    return piece if mixed or (doubled and len(piece) % 2 == 0) else lower


def hard(text: str) -> list[str]:
    """Return the signs of a text that no answer may change: minus, <, ^, arrows, roots, primes."""
    return [
        piece for piece in form(PLUS.sub("", text)) if not piece[0].isalnum() and piece not in LOOSE
    ]


def contrary(one: str, other: str) -> bool:
    """Tell whether two texts of the same words differ in a sign that changes the meaning."""
    return hard(one) != hard(other)
