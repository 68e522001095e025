"""Number words to digits: "two hundred and five" -> "205", "three quarters" -> "3/4"."""

import re

TO_NINETEEN = """zero one two three four five six seven eight nine ten eleven twelve thirteen
    fourteen fifteen sixteen seventeen eighteen nineteen"""
TWENTY_UP = "twenty thirty forty fifty sixty seventy eighty ninety"
SMALL = {word: value for value, word in enumerate(TO_NINETEEN.split())}
TENS = {word: 10 * value for value, word in enumerate(TWENTY_UP.split(), start=2)}
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
PARTS = {
    "half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourth": 4,
    "fourths": 4, "fifth": 5, "fifths": 5, "sixth": 6, "sixths": 6, "seventh": 7, "sevenths": 7,
    "eighth": 8, "eighths": 8, "ninth": 9, "ninths": 9, "tenth": 10, "tenths": 10,
}  # fmt: skip

WORD = "|".join([*SMALL, *TENS, "hundred", *SCALES])
WHOLE = rf"(?:{WORD})(?:(?:\s+|\s*-\s*|,\s+|\s+and\s+)(?:{WORD}))*"
SPELLED = re.compile(rf"\b(?:an?\s+(?=hundred|thousand|million|billion))?({WHOLE})\b", re.I)
POINT = re.compile(r"(?<![\w.])(\d+) point (\d(?: \d)*)\b", re.I)
PART = re.compile(
    rf"(?<![\w./])(?:(\d+)\s+and\s+)?(?:(\d+)|an?)?(?:\s+|\s*-\s*)?\b({'|'.join(PARTS)})\b"
    r"(?!\s+(?:of|as|way)\s+(?!the\b|an?\b))",
    re.I,
)
# "an hour and a half" is 1 1/2 hour, "half an hour" 1/2 hour, "an hour" alone 1 hour
AND_PART = re.compile(
    r"\b(?:(\d+|an?)\s+)?([a-z]+)\s+and\s+(?:an?\s+|(\d+)\s+)?(half|third|quarter)s?\b", re.I
)
OF_ONE = re.compile(r"(\d+/\d+)\s+(?:of\s+)?an?\s+(?=[a-z\d])", re.I)
AND_A = re.compile(r"-and-an?-", re.I)
QUARTER = re.compile(r"(?<![\w/] )(?<!-)\bquarter(?=\s(?:of\s)?(?:an\s)?hour\b)", re.I)
TIMES = "second|minute|hour|day|week|month|year|decade|century"
MIXED = re.compile(rf"\b(\d+) and (\d+/\d+)(?=\s(?:{TIMES})s?\b)", re.I)
ONE = re.compile(rf"\ban?\s+(?=(?:{TIMES})\b(?:\s+and\s+\d|[.\s]*$))", re.I)
MINUS = re.compile(r"\b(?:minus|negative)\s+(?=[\d.$])", re.I)
DOZEN = re.compile(r"\b(?:(\d+|an?|half an?)\s+)?dozen\b|\b(\d+)\s+dozens\b", re.I)
HINT = re.compile(
    rf"\b(?:{WORD}|minus|negative|dozen|an?\s+(?:{TIMES})|\d+ and \d|{'|'.join(PARTS)})", re.I
)


def spelled_out(text: str) -> str:
    """Return the text with its number words as digits."""
    if not HINT.search(text):
        return text
    text = SPELLED.sub(spelled, AND_A.sub(" and a ", text))
    text = POINT.sub(lambda match: f"{match[1]}.{match[2].replace(' ', '')}", text)
    text = DOZEN.sub(dozens, text)
    text = QUARTER.sub("1/4", text)
    text = PART.sub(part, AND_PART.sub(and_part, text))
    text = MIXED.sub(r"\1 \2", text)
    text = ONE.sub(one_of_them, OF_ONE.sub(r"\1 ", text))
    return MINUS.sub("-", text)


def spelled(match: re.Match[str]) -> str:
    """Return the digits of one run of number words; the "million" of "3 million" is left alone."""
    words = re.findall(r"[a-z]+", match[1].lower())
    words = [word for word in words if word != "and"]
    scale_first = words[0] in SCALES or words[0] == "hundred"
    if scale_first and re.search(r"\d\s*-?\s*$", match.string[: match.start()]):
        return match[0]
    return " ".join(map(str, runs(words)))


def runs(words: list[str]) -> list[int]:
    """Add up words as one does when speaking; "five six" starts a new number."""
    found: list[int] = []
    total, current, room = 0, None, 0
    for word in words:
        if word in SCALES:
            total, current, room = total + (current or 1) * SCALES[word], None, 1000
        elif word == "hundred":
            current, room = (current or 1) * 100, 100
        elif word in SMALL or word in TENS:
            value = SMALL.get(word, TENS.get(word, 0))
            if current is not None and value >= room:
                found.append(total + current)
                total, current = 0, None
            current = (current or 0) + value
            room = 10 if word in TENS else 0
    return [*found, total + (current or 0)]


def dozens(match: re.Match[str]) -> str:
    """Return the digits of a number of dozens."""
    count = (match[1] or match[2] or "1").lower()
    return str(12 * int(count)) if count.isdigit() else "6" if "half" in count else "12"


def and_part(match: re.Match[str]) -> str:
    """Spell "2 hours and a half" as "2 1/2 hours"."""
    whole, unit, count, name = match.groups()
    if whole is None and unit.lower() not in TIMES.split("|"):
        return match[0]
    whole = whole if whole and whole.isdigit() else "1"
    return f"{whole} {count or 1}/{PARTS[name.lower()]} {unit}"


def one_of_them(match: re.Match[str]) -> str:
    """Spell "an hour" as 1 hour; the hour of "5 km an hour" is left alone."""
    counted = any(map(str.isdigit, match.string[: match.start()]))
    return match[0] if counted else "1 "


def part(match: re.Match[str]) -> str:
    """Spell "3 quarters" as 3/4 and "2 and a half" as 2 1/2; a lone ordinal stays a word."""
    whole, count, name = match.groups()
    name = name.lower()
    article = not count and re.search(r"\ban?\b", match[0], re.I)
    if not count and not article and name not in ("half",):
        return match[0]
    ratio = f"{count or 1}/{PARTS[name]}"
    return f"{whole} {ratio}" if whole else f" {ratio}"
