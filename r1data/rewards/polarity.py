"""Yes or no: the first word decides where it is one, and not where it denies a noun."""

import re

from r1data.rewards.text import unwrapped

YES = frozenset({"yes", "yeah", "yep", "yup", "true", "correct", "affirmative"})
NO = frozenset({"no", "nope", "false", "incorrect", "negative"})
FIRST = re.compile(
    r"\W*(?:(?:the )?(?:final |correct )?answer(?: is|:)|so|well|therefore|hence|thus|it is|it's"
    r"|that is|that's|this is|i think|i would say)?\W*([^\W\d_]+)(.?)\s*(\w*)",
    re.IGNORECASE,
)
# "No, it is not", "No it is not"; "No doubt he did", "No information available" deny a noun.
PRONOUNS = frozenset(
    {"it", "he", "she", "they", "there", "this", "that", "the", "these", "those", "i", "we", "you"}
)
REASONS = frozenset({"because", "as", "since", "not"})
BOTH = re.compile(
    r"\W*(?:yes|true)\W*(?:and|or|/|&|,?\s*but also)\W*(?:no|false)\W*(?:$|[.,;!])", re.IGNORECASE
)


def polarity(text: str) -> str | None:
    """Return "yes" or "no" where the first word of a text is one; None where it is neither."""
    match = FIRST.match(unwrapped(text))
    if match is None or BOTH.match(match.string, match.start(1)):
        return None
    word, mark, following = match[1].lower(), match[2], match[3].lower()
    if word in YES:
        goes_on = word == "correct" and not mark.strip() and following
        return None if goes_on else "yes"
    if word not in NO:
        return None
    denies = not mark.strip() and following and following not in PRONOUNS | REASONS
    return None if denies else "no"


def is_polar(option: str) -> bool:
    """Tell whether an option is nothing but Yes or No."""
    return unwrapped(option).strip(" .!").lower() in ("yes", "no")
