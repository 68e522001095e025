"""One plain notation for numbers: no LaTeX, no number words, no thousands marks."""

import re
from functools import lru_cache

from r1data.rewards.closed_form import evaluated
from r1data.rewards.number_words import spelled_out
from r1data.rewards.text import plain, unwrapped

# No truth has 400 digits; beyond that, as in 1e999999999, a number is an attack on the memory.
DIGITS_LIMIT = 400

ROOT_OR_PI = re.compile(r"\\(?:sqrt|pi)\b|[√π]")
# $5$ is a formula, "$5 and $6" are dollars
MATH = re.compile(r"(?<!\\)\$(?!\s)([^$]{1,300}?)(?<![\s\\])\$(?!\d)")
# (3,4) is a pair, though 3,4 alone is a decimal
PAIR = re.compile(r"[(\[⦃]\s?[-\d.]{1,20}(?:,[-\d.]{1,20}){1,20}\s?[)\]⦄]")
FONT = re.compile(r"\\(?:math(?:rm|bf|it)|text(?:rm|bf|it)?|rm|bf|it|mbox)\b\s?")
# 36^{\prime\prime}
PRIMES = re.compile(r"\s?\^\s?\{?\s?\\prime(\s?\\prime)?\s?\}?")
LAST_PRIME = re.compile(r"\d\s?(''|[\"'])[\s.*_`]*$")
# 1h30m, 5ft10in: a digit after a letter begins a number only behind a unit
COMPACT = re.compile(r"(?<=\d)(h|hr|min|m|s|ft|lb|d)(?=\d\d|\d\s?[a-z])")
ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b", re.IGNORECASE)

FRACTION = re.compile(r"\\[dtc]?frac\s*(?:\{\s*([^{}]*?)\s*\}\s*\{\s*([^{}]*?)\s*\}|(\d)\s*(\d))")
TIMES_TEN = re.compile(r"(?<=\d)\s*[x×*·]\s*10\s*(?:\^|\*\*)\s*[({]?\s*([-+]?\d+)(?:\s*[)}])?")
TEN_TO = re.compile(r"(?<![\w.])10\s*(?:\^|\*\*)\s*[({]?\s*([-+]?\d+)(?:\s*[)}])?")
SPELLINGS = (
    ("\\times", "x"),
    ("\\cdot", "·"),
    ("\\approx", "≈"),
    ("\\mu", "μ"),
    ("\\Omega", "Ω"),
    ("\\%", "%"),
    ("\\$", "$"),
)


@lru_cache(maxsize=1 << 14)
def simplified(text: str) -> str:
    """Return the text with number words, LaTeX and powers of ten in one plain notation."""
    text = PRIMES.sub(prime, text) if "\\prime" in text else text
    text = with_last_prime(MATH.sub(r"\1", text) if "$" in text else text)
    if ROOT_OR_PI.search(text):
        text = evaluated(text)
    if "\\{" in text:  # a set; other braces are LaTeX's own
        text = text.replace("\\{", "⦃").replace("\\}", "⦄")
    if "(" in text or "[" in text or "⦃" in text:
        text = PAIR.sub(spaced, text)
    text = spelled_out(COMPACT.sub(r"\1 ", text))
    if "\\" in text:
        for old, new in SPELLINGS:
            text = text.replace(old, new)
        text = FRACTION.sub(lambda m: f" {m[1] or m[3]}/{m[2] or m[4]}", text)
        text = FONT.sub(" ", text)
    text = TEN_TO.sub(r"1e\1", TIMES_TEN.sub(r"e\1", text.replace("per cent", "percent")))
    return ORDINAL.sub("", text.replace("{", "").replace("}", ""))


def prime(match: re.Match[str]) -> str:
    """Return the sign of minutes or, for two primes, seconds."""
    return '"' if match[1] else "'"


def with_last_prime(text: str) -> str:
    """Return unwrapped text that keeps a last minute or inch sign, which looks like a quote."""
    shown = plain(text)
    prime = LAST_PRIME.search(shown[-20:])
    text = unwrapped(shown)
    return text + prime[1] if prime and shown.count(prime[1]) % 2 else text


def spaced(match: re.Match[str]) -> str:
    """Return a pair with spaces after its commas; (1,000) stays a number."""
    return match[0] if grouped(match[0][1:-1].strip(), ",") else match[0].replace(",", ", ")


def decimal(token: str) -> tuple[int, int] | None:
    """Return (digits, number of decimals) of 1,234.5 or 1.234,5 or 1,5; None if unclear."""
    if len(token) > DIGITS_LIMIT:
        return None
    token = token.replace(" ", "").replace("'", "").replace("_", "")
    dots, commas = token.count("."), token.count(",")
    if dots and commas:
        mark = max(".,", key=token.rfind)
        if token.count(mark) > 1:
            return None
        whole, _, decimals = token.rpartition(mark)
        other = "," if mark == "." else "."
        return split(whole, decimals, other) if grouped(whole, other) else None
    if commas:
        if grouped(token, ","):
            return split(token, "", ",")
        whole, _, decimals = token.partition(",")
        return split(whole, decimals, "") if commas == 1 else None
    if dots > 1:
        return split(token, "", ".") if grouped(token, ".") else None
    whole, _, decimals = token.partition(".")
    return split(whole, decimals, "")


def split(whole: str, decimals: str, mark: str) -> tuple[int, int]:
    """Return the digits of whole part and decimals, and how many decimals there are."""
    digits = (whole.replace(mark, "") if mark else whole) + decimals
    return int(digits), len(decimals)


def grouped(token: str, mark: str) -> bool:
    """Tell whether marks stand every three digits (1,234,567), or as in India (12,34,567)."""
    first, *rest = token.split(mark)
    if not rest or not 1 <= len(first) <= 3 or first.startswith("0") or len(rest[-1]) != 3:
        return False
    sizes = {len(group) for group in rest[:-1]}
    return not sizes or sizes == {3} or (sizes == {2} and len(first) <= 2)
