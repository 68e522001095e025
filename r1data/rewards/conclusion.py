r"""The conclusion of an answer to a multiple-choice question: its last box, or its last statement.

"After a look at all frames, \boxed{B}", "Answer: B", "so (B)", "**B**", "B is the correct answer":
what was named before a conclusion is reasoning.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

BOX = re.compile(
    r"\\(?:boxed|fbox)\s*(?:\{((?:[^{}]|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})*)\}|([A-Za-z0-9])\b)"
)
SENTENCE = re.compile(r"(?<=[.!?])[*_\"')\]]*\s+|\n+|(?<=[\u3002\uff01\uff1f])")
NOUN = r"(?:answer|option|choice|letter|solution|conclusion|pick|selection|response)"
BECOMES = (
    r"(?:is|are|was|were|would be|should be|must be|has to be|seems to be|appears to be|[:=：])"
)
# "the correct answer to the question is", "Answer:", "I choose", "答案是": the option comes next.
STATES = re.compile(
    rf"\b(?:(?:correct|right|best|final)\s+)?{NOUN}\b(?:\s*\([a-z]{2}[a-z ]*\))?"
    rf"(?:\s+(?:to|for|among|from|of|here|that)\b[^.\n:]{{0,80}}?)?[*_\s]*{BECOMES}[*_:：]*"
    r"|\b(?:i|we|i'll|we'll|i'd|would|will|to|should|must)\s+"
    r"(?:choose|select|pick|go with|go for|opt for)\b"
    r"|(?:答案|选项|選項|选择|選擇|答え|正解|정답)\s*(?:应该|應該)?\s*(?:是|为|為|は|은)?\s*[:：]?"
    r"|\b(?:antwort|r[ée]ponse|respuesta|resposta|risposta|ответ)(?:\s+\w+)?\s*"
    r"(?:ist|est|es|é|è|is|это|:)\s*(?:donc|also|daher|entonces|quindi|portanto)?",
    re.IGNORECASE,
)
# "(B) is the correct one", "option B is right", "the answer (B) fits best": the option comes first.
RIGHT = re.compile(
    r"(?P<part>(?:\b(?:option|choice|answer|caption|statement)\s+)?"
    r"(?:[(\[*_\"']*+(?<![^\W_])(?-i:[A-Z])(?![^\W_])[)\]*_\"'.:]*|\([a-z]\)))(?:[^.\n;]{0,120}?)\s"
    r"(?:(?:is|would be|must be|are)\s+"
    r"(?:therefore |thus |also |clearly |indeed |most likely |probably )?"
    r"(?:the |our )?(?:only |most )?"
    r"(?:correct|right|best|answer|accurate|appropriate|true one|closest)\b(?!\s+if)"
    r"|best (?:fits|matches|describes)\b|(?:fits|matches|describes it) best\b)",
    re.IGNORECASE,
)
# "..., so (B)", "which is option C", "leaves D": the end of the last sentence concludes.
ENDS = re.compile(
    r"(?:\b(?:so|thus|therefore|hence|it is|it's|leaves|leaving|leads to|matched by|represented by"
    r"|shown in|given by|gives|only|means"
    r"|(?P<same>(?:which |this |that )?(?:is|corresponds to|matches)))"
    r"|→|⇒|=>|∴|所以|因此|故)[\s,:]*(?:us with |it is |it's |it must be |the |only |with )*"
    r"(?P<part>(?:(?:option|choice|answer|caption)\s*)?[(\[{*_\"']*(?-i:[A-Z])[)\]}*_\"']*)"
    r"[.!。]*\s*$|\b(?:is|are|be|suggests?|:)[\s:]*(?P<with_text>\([A-Z]\)[^\n]*)$",
    re.IGNORECASE,
)
# A text without any of these states nothing; this is cheaper than to look closer.
HINTS = (
    *("answer", "option", "choice", "letter", "solution", "conclusion", "pick", "select"),
    *("response", "choose", "go with", "go for", "opt for", "correct", "right", "best"),
    *("accurate", "appropriate", "true one", "closest", "antwort", "ponse", "respuesta"),
    *("resposta", "risposta", "ответ", "答", "选", "選", "正解", "정답"),
)
# What explains a stated option, or sets others against it, is no part of it.
EXPLAINS = re.compile(
    r",?\s*\b(?:because|since|as(?! well)|due to|given that|for(?= it| the| this)|which)\b|;"
    r"|因为|由于|,\s*(?:and\s+)?(?:not|rather than|instead of|as opposed to|unlike)\b"
    r"|\b(?:and|but)? not\b",
    re.IGNORECASE,
)
NOT_BUT = re.compile(r"\bnot\b[^.,;\n]{1,80}[,;]?\s*\b(?:but|rather|it is|it's)\b", re.IGNORECASE)
DENIED = re.compile(
    r"\b(?:not|isn't|cannot be|can't be|wrong|incorrect|rules? out|ruled out|eliminated?|except"
    r"|neither|nor)\b|n't\b",
    re.IGNORECASE,
)
HEDGED = re.compile(r"\b(?:if|could|may|might|whether|unless|perhaps)\b", re.IGNORECASE)
# A longer sentence does more than state an answer.
LONGEST = 500
# A minus sign belongs to the number behind it.
LEAD = re.compile(r"(?:[\s:*_#>.=$]|[-–—](?!\s?[\d.]))*")


# Lines that each begin with a label weigh the options: "A - 3 cars", "(B) a dog".
LISTED = re.compile(r"^[\s*_#>-]*[(\[]?([A-Z])(?:[)\].:]|\s[-–—]\s|\*\*)", re.MULTILINE)
LISTED_INSIDE = re.compile(r"(?:^|[.;,]\s)\(([A-Za-z])\)")


class Box(NamedTuple):
    """The last box of an answer: what it holds, all boxes of its line, and the words behind it."""

    content: str
    row: tuple[str, ...]
    after: str


def last_box(text: str) -> Box | None:
    """Return the last box of an answer; None where it has none."""
    boxes = list(BOX.finditer(text))
    if not boxes:
        return None
    last = boxes[-1]
    line = text.rfind("\n", 0, last.start()) + 1
    row = tuple(content(each) for each in boxes if each.start() >= line)
    return Box(content(last), row, text[last.end() :])


def content(box: re.Match[str]) -> str:
    """Return what a box holds."""
    return box[1] if box[1] is not None else box[2]


def stated(text: str) -> Iterator[tuple[str, str]]:
    """Yield what the sentences of a text state as the answer, and the sentence behind each.

    The last statement comes first.
    """
    lower = text.lower()
    spans = list(sentences(text)) if any(hint in lower for hint in HINTS) else []
    for at in range(len(spans) - 1, -1, -1):
        sentence = NOT_BUT.sub(" ", spans[at][:LONGEST])
        behind = spans[at + 1] if at + 1 < len(spans) else ""
        for match in reversed(list(STATES.finditer(sentence))):
            value = EXPLAINS.split(sentence[match.end() :], maxsplit=1)[0]
            head = sentence[: match.start()]
            if not is_word(sentence[match.end() :]):
                value = behind
            if is_word(value) and not HEDGED.search(head) and not DENIED.match(value.lstrip()):
                yield LEAD.sub("", value, count=1), behind
        right = RIGHT.search(sentence)
        if right and not DENIED.search(right[0]) and not HEDGED.search(right[0]):
            yield right["part"], ""


def closing(text: str) -> tuple[str, str]:
    """Return the option with which the last sentence ends as its conclusion, or "".

    And the words that it is said to be: "it is blue, which is option B".
    """
    last = next(reversed(list(sentences(text))), "")[-LONGEST:]
    match = ENDS.search(last)
    if match is None or DENIED.search(match[0]):
        return "", ""
    part = match["part"] or EXPLAINS.split(match["with_text"], maxsplit=1)[0]
    return part, last[: match.start()] if match["same"] else ""


def is_listing(text: str) -> bool:
    """Tell whether lines of a text begin with different letters, or three of its sentences do."""
    if "\n" not in text and "(" not in text:
        return False
    return len(set(LISTED.findall(text))) > 1 or len(set(LISTED_INSIDE.findall(text))) > 2


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text that hold a letter or a digit."""
    return (part for part in SENTENCE.split(text) if part and is_word(part))


def is_word(text: str) -> bool:
    """Tell whether a text holds a letter or a digit."""
    return any(map(str.isalnum, text))
