"""How the offline teacher compares questions: by what it understands of them, without pictures."""

import re

from r1data.teacher.meaning import meaning

ASKED = re.compile(r"<asked>\n(.*?)\n</asked>", re.DOTALL)
OTHERS = re.compile(r"<others>\n(.*)\n</others>", re.DOTALL)
LISTED = re.compile(r"^\[(\d+)\] (.*)$", re.MULTILINE)


def compare(text: str) -> str | None:
    """Return which listed question asks the same, 0 for none; None where nothing is listed."""
    asked, others = ASKED.search(text), OTHERS.search(text)
    if asked is None or others is None:
        return None
    own = meaning(asked[1])
    if not own:
        return reply("I do not understand what the first one asks for.", 0)
    for number, other in LISTED.findall(others[1]):
        if meaning(without_options(other)) == own:
            return reply(f"The first one and [{number}] both ask for: {spoken(own)}.", int(number))
    return reply(f"The first one asks for: {spoken(own)}. None of the others does.", 0)


def without_options(question: str) -> str:
    """Cut the options off, which stand in brackets behind a question."""
    return re.sub(r" \([^()]* / [^()]*\)$", "", question)


def spoken(facets: frozenset[str]) -> str:
    """Return facets in words."""
    return ", ".join(sorted(facets))


def reply(thought: str, number: int) -> str:
    """Return a reply in tags."""
    return f"<think>\n{thought}\n</think>\n<answer>{number}</answer>"
