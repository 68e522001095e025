"""Spelling differences that carry no meaning: width, dashes, quotes, spaces, wrappers, case."""

import re
import unicodedata

# One spelling for look-alikes: dashes and minus signs, quotes, odd spaces; invisible ones vanish.
LOOKALIKES = {
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"), "-"),
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u2032\u02bc\u0060\u00b4"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033"), '"'),
    **dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u0000"), None),
    **dict.fromkeys(range(0x202A, 0x202F), None),
    **dict.fromkeys(map(ord, "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"), " "),
    **dict.fromkeys(map(ord, "\u2009\u200a\u202f\u205f\u3000"), " "),
    ord("\u2044"): "/",
    ord("\u2215"): "/",
    ord("\u3002"): ".",
    **dict.fromkeys(map(ord, "\u00ba\u02da\u2218"), "\u00b0"),  # 72º is 72°, not 72o
}

SUPERSCRIPT = re.compile("[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207b]+")
VULGAR = re.compile("(\\d?)([\u00bc-\u00be\u2150-\u215e])")
WRAPPER = re.compile(
    r"\\(?:boxed|fbox|text|textbf|textit|mathrm|mathbf|mathbb|operatorname|mbox)\s*\{([^{}]*)\}"
)
LATEX_NOISE = re.compile(r"\\[()\[\]!,;:\s]|\\(?:left|right|quad|qquad|displaystyle)\b|(?<!\\)\$\$")
# 72^\circ, 72^{\circ}, 72\degree, 72^o
DEGREE = re.compile(
    r"\s?\^\s?(?:\{\s*)?(?:\\(?:circ|degree)\b|[o°](?![^\W_]))\s?(?:\})?"
    r"|\s?\\(?:degree|textdegree|circ)\b(?:\{\})?"
)
HTML = re.compile(r"</?(?:b|i|u|em|strong|p|br|span|code|center|sub|sup)\s*/?>", re.IGNORECASE)
EDGES = " \t\r\n*_`\"'"


def plain(text: str) -> str:
    """Return the text in NFKC with one spelling for look-alike characters."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    text = VULGAR.sub(lambda match: f"{match[1]}{' ' if match[1] else ''}{match[2]}", text)
    text = SUPERSCRIPT.sub(raised, text)
    return unicodedata.normalize("NFKC", text.translate(LOOKALIKES)).translate(LOOKALIKES)


def raised(match: re.Match[str]) -> str:
    """Spell superscripts as a power: NFKC would make 52 of 5²."""
    return "^" + unicodedata.normalize("NFKC", match[0]).translate(LOOKALIKES)


def unwrapped(text: str) -> str:
    """Return plain text without Markdown emphasis, boxes and other LaTeX clothing."""
    text = plain(text)
    if "\\" in text:
        text = LATEX_NOISE.sub(" ", text)
        for _ in range(4):  # \boxed{\text{A}}: each pass takes one layer
            text = WRAPPER.sub(r" \1 ", text)
    if "\\" in text or "^" in text:
        text = DEGREE.sub("°", text)
    if "<" in text:
        text = HTML.sub("", text)
    if "**" in text or "__" in text:
        text = text.replace("**", "").replace("__", "")
    return text.strip(EDGES)
