"""What the offline teacher understands of a question about shapes, whatever words it is put in.

It knows a small world: shapes that come in, move, bounce and go. What a question says of that world
is read off as facets, and every other word is passed over, as somebody does who knows just so much.
"""

import re

from r1data.teacher.looking import FORMS, NAME
from r1data.teacher.seeing import COLOURS

FORM = "|".join(FORMS)
# "the square in blue", "the triangle that is purple"
BEHIND = re.compile(
    rf"\b({FORM}) (?:in|(?:that|which) (?:is|has the colou?r)) ({'|'.join(COLOURS)})\b"
)
# Characters; what some patterns take grows with the square of a text.
LONGEST = 1000
SIZE = re.compile(r"[^.?!]*\bpixels wide\b[^.?!]*\.")
PLACE = r"(?:the )?(?:picture|frame|view|sight|scene|screen|image|clip|video|shot)"
FILM = r"(?:clip|video|footage|film|sequence)"
MOMENT = r"(?:moment|instant|frame|second|picture)"
BEGIN = (
    rf"\b(?:from|between)? ?(?:the )?(?:very )?(?:start|beginning|(?:first|opening) {MOMENT}"
    rf"|first(?= to (?:the )?last {MOMENT}))"
)
FINISH = rf"(?:the )?(?:very )?(?:end|finish|(?:last|final)(?: (?:{MOMENT}|one))?)"
PIXELS = r"\b(?:pixels?|px)\b"
THAT = "(?: (?:that|those) of)?"
OTHERS = (
    r"(?:(?:any|all|each|every)(?: \w+)?|(?:the |any of the |all the )?(?:rest|others?)\b)"
    r"(?: (?:shape|figure|object|one)s?\b)?"
)
# Each line takes what it reads out of the question, so that a later one does not read it again:
# "pixels per second" is no second place, and "comes back" no entering.
FACETS = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("", rf"{BEGIN} (?:right )?(?:up )?(?:to|through|until|till|and) {FINISH}|\ba number of\b"),
        # How a question is put, and that a shape is told by colour and form, asks for nothing.
        ("", r"^(?:do|can|could|would) you (?:know|tell|say|name|list|give)(?: me)?\b"),
        ("", r"\bcolou?red\b|\bcolou?r and (?:form|shape)\b|\b(?:form|shape) and colou?r\b"),
        ("first", r"\bnumber one\b.*\border\b|\border\b.*\bnumber one\b"),
        ("order", r"\b(?:first|earliest|soonest) first\b"),
        (
            "backwards",
            r"\bfrom (?:the )?last\b.*\bto (?:the )?first\b|\breverse\w*|\bbackwards\b",
        ),
        ("always", r"\b(?:the whole|the entire|all the) time\b|\ball along\b|\bconstantly\b"),
        ("fastest", r"\bno other\b.{0,40}\bas (?:fast|quick\w*)"),
        ("fastest", r"\bmost (?:distance|ground|pixels)(?: (?:per|a|each|every) second)?"),
        ("left", r"\b(?:going |looking |reading |counting )?from (?:the )?left\b.*\bfirst\b"),
        ("left", r"\b(?:all|every)(?: the)? others?\b.{0,30}\bto (?:the|its) right\b"),
        ("right", r"\b(?:all|every)(?: the)? others?\b.{0,30}\bto (?:the|its) left\b"),
        ("", r"\bno other\b"),
        ("speed", rf"(?:{PIXELS}\s?(?:a|/)|\b(?:per|each|every|in one)) ?(?:sec(?:ond)?s?|s)\b"),
        (
            "word",
            r"\bwritten\b|\b(?:what|which) word|\btext\b|\bread\b|\bspell\w*|\btranscri\w*"
            r"|\binscription|\bwhat (?:does|do) .{0,30}\bsay\b",
        ),
        (
            "order",
            r"\border\w*|\barrang\w*|\bline up\b|\bsequence\b|\bsuccession\b|\bsort\w*|\brank\w*"
            r"|\bchronolog\w*|\bin turn\b"
            r"|\bone after (?:the|an)other\b"
            r"|\b(?:from|with) (?:the )?(?:first|earliest)\b.*\b(?:to|with) (?:the )?la(?:te)?st\b"
            r"|\bfirst\b.{0,30}\b(?:next|then|second)\b.*\b(?:last|so on)\b",
        ),
        (
            "bounce",
            r"\bbounc\w*(?: back)?|\brebound\w*|\breflect\w*|\bricochet\w*|\bdeflect\w*"
            r"|\b(?:turn|throw|knock|com|send|push|go|spring)\w* (?:back|round|around)\b"
            r"|\b(?:hit|touch|strik|collid|meet|run|reach)\w*(?: with| against| into)? "
            r"(?=(?:(?:an?|the|its|any|one)\b.{0,12})?\b(?:edge|border|side|wall)s?\b)",
        ),
        (
            "apart",
            r"\bapart\b|\bdistance\b|\bseparat(?:ed|es|ion|ing)\b"
            rf"|\bgap\b|\bhow far (?!to)|\bspacing\b|{PIXELS} .{{0,40}}\b(?:between|away)\b",
        ),
        ("at once", r"\bat (?:the same time|once|a time|one moment)|\bsimultaneous\w*"),
        ("yes or no", r"^(?:is|are|was|were|do|does|did|has|have)\b"),
        ("when", r"\bwhen (?:do|does|did|is)\b|\bat (?:what|which) (?:time|second|moment)\b"),
        ("after", r"\bafter (?:it |they )?(?:com|enter|leav|hit|bounc)\w*"),
        ("next to last", r"\bnext[- ]to[- ]last|\blast but one|\bsecond[- ](?:to[- ])?last"),
        ("other than", r"\b(?:not|never|except|other than|besides|without)\b"),
        ("half", r"\bhalf\b|\bhalfway\b|\bmidway\b|\bmiddle of the (?:video|clip)\b"),
        ("second", r"\bsecond\b"),
        ("third", r"\bthird\b|\bfourth\b|\bfifth\b"),
        ("across", r"\bhorizontal\w*|\bsideways\b"),
        ("upright", r"\bvertical\w*|\bup (?:and|or) down\b"),
        ("rim", r"\bnearest edges?\b|\bfrom edge to edge|\bedge[- ]to[- ]edge"),
        (
            "start",
            r"\b(?:at|in|near) (?:the )?(?:very )?(?:start|beginning|outset)\b"
            rf"|\bstart\w* (?:out|off)\b|\b{FILM} (?:has )?(?:just )?(?:start|begin|open)\w*"
            rf"|\bto begin with\b|\binitially\b|\bopening\b|\bfirst (?:few )?{MOMENT}s?\b",
        ),
        (
            "end",
            r"\bend\w* up\b(?! leaving)|\b(?:at|by|near|towards?) (?:the )?(?:very )?"
            rf"(?:close|finish)\b(?: of)?|\b{FILM} (?:is |has )?(?:end|stop|clos|finish|over)\w*"
            rf"|^finally|\bin the end\b|\bat last\b|\b(?:last|final|closing) (?:few )?{MOMENT}s?\b",
        ),
        (
            "fastest",
            r"\b(?:fast|quick|speedi|swift|rapid)est\b|\bmost (?:quick|rapid|swift)ly\b"
            r"|\b(?:great|high|large)(?:est|er) (?:speed|velocity)\b|\b(?:top|maximum|most) speed\b"
            rf"|\b(?:fast|quick|swift)er\b(?: than {OTHERS})?|\b(?:fast|quick)\w*\b.*\bon top\b"
            r"|\bmore (?:quick|rapid|swift)ly\b|\boutpac\w*|\boutrun\w*",
        ),
        ("slowest", r"\bslow\w*|\b(?:least|lowest|smallest) (?:speed|velocity)"),
        ("speed", r"\bhow (?:fast|quick\w*)\b|\bspeed\w*|\bvelocity\b|\brate of motion|\bpace\b"),
        (
            "first",
            rf"\b(?:before|ahead of|prior to|(?:earli|soon)er than|precedes){THAT} {OTHERS}"
            r"|\bno (?:other )?\w+ \w+ before\b|\bnumber one\b"
            rf"|\b(?:leads?|beats?) (?:the way|{OTHERS})",
        ),
        ("last", rf"\b(?:after|behind|later than|follows){THAT} {OTHERS}|\buntil {OTHERS}"),
        ("last", r"\blast\b|\bfinal\w*|\blatest\b"),
        ("first", r"\bfirst\b|\bearliest\b|\binitial\w*|\bsoonest\b"),
        ("others", r"\bother (?:shape|figure|object|one)s?\b"),
        ("as often", r"\bas (?:often|many times) as\b"),
        ("above", r"\babove\b|\bbelow\b|\bbeneath\b"),
        ("background", r"\bbackground\b"),
        ("frames", r"\bper frame\b"),
        (
            "leave",
            r"\bleav\w*|\bleft the\b|\b(?:have|has|had)(?: all| already)? left\b|\bexit\w*"
            r"|\bdepart\w*|\bdisappear\w*|\bvanish\w*"
            rf"|\b(?:go|mov|pass|get|slip)\w* (?:away|out|off)\b(?: of)?|\bout of {PLACE}"
            rf"|\boff {PLACE}|\bto go\b|\bgone\b",
        ),
        (
            "enter",
            r"\benter\w*|\bentr\w+|\barriv\w*|\bappear\w*|\bemerg\w*|\bdebut\b|\bcame in\w*"
            r"|\b(?:com|mov|gett?|go|pop)\w* (?:into|on|onto|inside|in(?! (?:what|which|when)\b))\b"
            r"|\b(?:show|turn)\w* up\b"
            rf"|\b(?:in|on)to {PLACE}|\bto come\b",
        ),
        ("left", r"\bleft ?most\b|\bleft(?:[- ]hand)?\b(?: (?:side|edge|end))?"),
        ("right", r"\bright ?most\b|\bright(?:[- ]hand)?\b(?! up)(?: (?:side|edge|end))?"),
        ("top", r"\btop ?most\b|\bhighest\b|\btop\b|\bupper\w*"),
        ("bottom", r"\bbottom\w*|\blowest\b|\blower\w*"),
        ("largest", r"\blarg\w+|\bbigg\w+"),
        ("smallest", r"\bsmall\w*|\btini\w*"),
        ("long", r"\blongest\b|\bhow long\b|\bhow many seconds\b|\bshortest\b"),
        (
            "direction",
            r"\bdirection\w*|\b(?:which|what) way\b|\bhead(?:s|ing|ed)?\b"
            r"|\btoward\w* (?:which|what)\b|\b(?:which|what) side .{0,40}\b(?:to|toward\w*)\b",
        ),
        ("side", r"\b(?:which|what) (?:side|edge|border|corner)s?\b|\bwhere\b"),
        (
            "count",
            r"\bhow many\b|\bnumber of\b|\bcount\w*|\bhow often\b|\btotal\w*|\btally\b"
            r"|\b(?:times|occasions)\b|\bamount of\b",
        ),
        ("colour", r"\bcolou?r\w*|\bhue\b"),
        ("kind", r"\b(?:what|which) (?:kind|type|sort|form)\b"),
        ("end", r"\bend\b(?! up)"),
        ("move", r"\bmov\w*|\btravel\w*|\bgo(?:es|ing)?\b|\brun\w*|\bcover\w*"),
    )
)
# What a topic says anyway.
IMPLIED = {
    "order": {"first", "last", "start", "end"},
    "bounce": {"count", "leave"},
    "speed": {"count", "move", "direction"},
    "fastest": {"move", "first", "last", "enter"},
    "slowest": {"speed", "move"},
    "apart": {"count", "move"},
    "direction": {"move", "side"},
    "count": {"enter"},
    "enter": {"move"},
    "leave": {"move"},
    "left": {"side"},
    "right": {"side"},
}


# Who is first to enter does so at the start, or the clip does.
ENDS = (("enter", "first", "start"), ("leave", "last", "end"))
# What may be first or last; of nothing else, who is first is the first to be seen.
TOPICS = frozenset(
    {"enter", "leave", "left", "right", "top", "bottom", "bounce", "direction", "word"}
)


def meaning(question: str) -> frozenset[str]:
    """Return the facets of a question, and the shapes that it names; empty where it has none."""
    left = re.sub(r"\s+", " ", SIZE.sub("", question[:LONGEST].lower())).strip()
    left = BEHIND.sub(r"\2 \1", left)
    named = {f"the {' '.join(match)}" for match in NAME.findall(left)}
    left = NAME.sub("it", left)
    bare = {colour for colour in COLOURS if re.search(rf"\b{colour}\b", left)}
    forms = {form for form in FORMS if re.search(rf"\b{form}s?\b|\b{form[:-2]}\w*lar\b", left)}
    found = set[str]({"apart"} if len(named) > 1 and re.search(PIXELS, left) else ())
    for name, pattern in FACETS:
        left, times = pattern.subn(" ", left)
        found |= {name} if times and name else set()
    return frozenset(settled(found) | named | bare | forms)


def settled(found: set[str]) -> set[str]:
    """Return facets without what others of them say anyway, and with what is left unsaid."""
    if "direction" in found and found & {"first", "last"}:
        ends = {"first": "start", "last": "end"}
        found = {ends.get(facet, facet) for facet in found}
    if found & {"first", "order"} and not found & TOPICS:
        found = found | {"enter"}
    found = found - {end for *both, end in ENDS if found.issuperset(both)}
    for topic, implied in IMPLIED.items():
        found = found - implied if topic in found else found
    return found
