"""How the offline teacher revises: it looks at every frame itself and compares conclusions."""

import re

from r1data.rewards import extract
from r1data.teacher.thinking import Thought

DRAFT = re.compile(r"<draft>\n(.*)\n</draft>", re.DOTALL)
# What it says where it did not see enough: no ground for overruling anybody.
UNSURE = re.compile(r"guess|no coloured shape", re.IGNORECASE)
# Two measurements of the same way differ by rounding and by how JPEG blurs an edge.
NEAR = 0.05


def draft_in(text: str) -> tuple[str, str | None]:
    """Return the text without the draft that it asks to have revised, and that draft, if any."""
    found = DRAFT.search(text)
    return (text[: found.start()] + text[found.end() :], found[1]) if found else (text, None)


def mend(draft: str, own: Thought) -> str | None:
    """Return the draft where the frames do not contradict it, None where they do."""
    answer = extract(draft).answer
    if answer is not None and same_conclusion(answer, own.answer):
        return draft
    return draft if UNSURE.search(" ".join(own.lines)) else None


def same_conclusion(first: str, second: str) -> bool:
    """Tell whether two answers say the same, numbers to within measurement."""
    try:
        a, b = float(first), float(second)
    except ValueError:
        return first.strip().lower() == second.strip().lower()
    return abs(a - b) <= NEAR * max(abs(a), abs(b)) and (a == b or not float.is_integer(b))
