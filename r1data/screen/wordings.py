"""Wordings of several words that say what one word says, put as that word before words are counted.

Each holds whatever else the question asks, and none joins two ends: "seen first" is entering first,
while "seen last" is left alone, as it may mean leaving. Rules, so that they hold for questions that
nobody has listed: a rule names a way of putting things, not a question.
"""

import re

CLIP = r"(?:video|clip|footage|scene|recording|film)s?"
FIRST = r"(?:first|earliest)"
SEEN = r"(?:seen|visible|in view|in sight|noticed)"
# In this order: later rules read what earlier ones wrote.
RULES = tuple(
    (re.compile(pattern), put)
    for pattern, put in (
        (r"[’']s\b", " "),
        # How to answer, and in which unit, the truth shows: it is the same.
        (
            r"\b(?:answer|reply|respond) (?:with|in|using) (?:an? |just |only )*"
            r"(?:one |single |few )?"
            r"(?:words?|numbers?|sentences?|phrases?|letters?)\b|\bin (?:one|a single) word\b",
            " ",
        ),
        (r"\bin \w+ per \w+", " "),
        (r"^\W*(?:please,? )?(?:sort|order|arrange|rank)\b", " order "),
        # How a question opens says nothing of what is asked.
        (r"^\W*(?:please,? )?(?:name|list|state|give|put|say|write|report|find|pick)\b", " "),
        # The whole of the clip is what every question is about.
        (
            rf"\b(?:over|during|throughout|across|in) (?:the|this) (?:(?:whole|entire|full|course|"
            rf"length|duration) )?(?:of the )?{CLIP}\b",
            " ",
        ),
        (rf"\b(?:when|while|as) the {CLIP} (?:plays?|runs?)\b", " "),
        (r"\bhow (?:often|frequently)\b", "how many times"),
        (r"\b(?:how many|(?:number|count|amount) of(?: the)?) times\b", "how many"),
        # An order is told from its first to its last.
        (rf"\b(?:from )?(?:the )?{FIRST}(?: one)? to (?:the )?(?:last|latest)\b(?: one)?", " "),
        (rf",\W*{FIRST} first\b", " "),
        (rf"\b(?:starting|beginning) (?:with|from) the {FIRST}\b(?: one)?", " order "),
        (
            r"\b(?:before|ahead of|prior to) (?:all|any|every|everything|everyone|the)(?: of)?"
            r"(?: the)? ?(?:others|rest|else|other(?= (?:do|does|did|ones?|shapes?|objects?)\b))\b",
            " first ",
        ),
        (
            r"\b(?:makes?|made|making) (?:its|an|the|their) (entrance|appearance|entry|exit)\b",
            r"\1",
        ),
        (r"\b(?:first )?(?:appearance|entrance)\b", "entry"),
        (r"\b(?:shows?|showed|showing|turns?|turned) up\b", "appears"),
        (rf"\b{FIRST}(?: \w+)?(?: to be)? {SEEN}\b|\b{SEEN}(?: the)? {FIRST}\b", " first enter "),
        (
            r"\bhow (?:fast|quick|quickly)\b(?: (?:do|does|did|is|are|was|were))?(.*?)"
            r" (?:moves?|moving|goes|go|going|travels?|travell?ing)\b",
            r" speed \1",
        ),
        (r"\b(?:highest|greatest|top|maximum) (?:speed|velocity)\b", "fastest"),
        (r"\b(?:lowest|least|minimum) (?:speed|velocity)\b", "slowest"),
        (r"\b(bounces?|bounced|bouncing|rebounds?) (?:back|off|against|from)\b", r"\1"),
        # A cause, an event, a place and what is to come, each in few words and in many.
        (r"\b(?:for what|what is the|what was the) reason\b", " why "),
        (r"\bwhat(?: is| was)? (?:makes?|made|making|causes?|caused|causing)\b", " why "),
        (r"\b(?:takes?|took|taken|taking) place\b", "happens"),
        (
            r"\b(?:which|what) (?:event|thing)s?\b(?= (?:happen|occur|will|would|is|are|was))",
            "what",
        ),
        (r"\b(?:in|at) (?:which|what) (?:place|location|spot)\b", " where "),
        (r"\b(?:in|by) (?:which|what) (?:way|manner)\b|\bhow(?= (?:do|does|did)\b)", " manner "),
        (r"\b(?:which|what) (?:person|people)\b", " who "),
        (r"\b(?:is|are|was|were) (?:going|about) to\b", " will "),
        (r"\bclose to\b|\bnext to\b", " near "),
        (
            r"\b(?:stays?|stayed|stands?|keeps?|being|is|are|remains?) still\b|\bat rest\b"
            r"|\bnot (?:moving|in motion)\b",
            " stationary ",
        ),
        (
            rf"\b(?:when|as) the {CLIP} (?:begins?|starts?)\b|\bat the (?:begin\w*|start)\b",
            " begin ",
        ),
        (
            rf"\b(?:when|as) the {CLIP} (?:ends?|finishes|stops?)\b|\bat the (?:very )?end\b",
            " conclude ",
        ),
        (r"\btowards?\b", " near "),
    )
)


def plain(text: str) -> str:
    """Return a question, in small letters, with such wordings as the words they stand for."""
    for pattern, put in RULES:
        text = pattern.sub(put, text)
    return text
