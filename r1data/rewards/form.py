"""The form of a completion: format, truncation, repetition."""

from collections import Counter
from typing import NamedTuple

from r1data.rewards.extract import MARK, TAG, tag_of
from r1data.rewards.wording import tokens

ORDER = [(False, "think"), (True, "think"), (False, "answer"), (True, "answer")]

# A passage of so many words does not come twice by chance
PASSAGE = 10
# Share of words in repeated passages above which a thought goes in circles
REPETITIVE = 0.3
# A loop is so many copies of the same characters at the end, and so many characters in all
COPIES = 5
LOOP_CHARACTERS = 40
LONGEST_UNIT = 400


class Form(NamedTuple):
    """Has a completion the wanted form; `why` names the first thing that is wrong."""

    ok: bool
    why: str


class Repetition(NamedTuple):
    """`share` of the words stands in passages that came before; `loop` is what the end repeats."""

    share: float
    loop: str | None

    @property
    def repetitive(self) -> bool:
        """Tell whether the text goes in circles."""
        return self.loop is not None or self.share > REPETITIVE


def check_form(completion: str) -> Form:
    """Check for one thought and then one answer, neither empty, and nothing but spaces around."""
    text = MARK.sub("", completion)
    tags = [tag_of(match) for match in TAG.finditer(text)]
    if not tags:
        return Form(False, "no_tags")
    if [(tag.closing, tag.name) for tag in tags] != ORDER:
        return Form(False, misplaced([(tag.closing, tag.name) for tag in tags]))
    outside = (text[: tags[0].start], text[tags[1].end : tags[2].start], text[tags[3].end :])
    if any(part.strip() for part in outside):
        return Form(False, "text_outside_tags")
    if not text[tags[0].end : tags[1].start].strip():
        return Form(False, "empty_think")
    if not text[tags[2].end : tags[3].start].strip():
        return Form(False, "empty_answer")
    return Form(True, "ok")


def misplaced(found: list[tuple[bool, str]]) -> str:
    """Name what is wrong with a row of tags."""
    counts = Counter(found)
    for closing, name in ORDER:
        if not counts[closing, name]:
            return f"no_closing_{name}" if closing else f"no_{name}"
    if counts[False, "answer"] > 1:
        return "several_answers"
    return "several_thoughts" if counts[False, "think"] > 1 else "tags_out_of_order"


def truncated(completion: str, finish_reason: str | None = None) -> bool:
    """Tell whether a completion was cut: the server says so, or a tag is still open at its end."""
    if finish_reason is not None:
        return finish_reason == "length"
    opened = {"think": False, "answer": False}
    for match in TAG.finditer(completion):
        opened[match[2].lower()] = not match[1]
    return opened["think"] or opened["answer"]


def repetition(text: str) -> Repetition:
    """Measure how far a text goes in circles."""
    return Repetition(repeated_share(tokens(text[:100_000])), loop_at_end(text))


def repeated_share(words: list[str]) -> float:
    """Return the share of words that stand in a passage of PASSAGE words seen before."""
    seen: set[tuple[str, ...]] = set()
    covered = end = 0
    for at in range(len(words) - PASSAGE + 1):
        passage = tuple(words[at : at + PASSAGE])
        if passage in seen:
            covered += at + PASSAGE - max(end, at)
            end = at + PASSAGE
        seen.add(passage)
    return covered / len(words) if words else 0.0


def loop_at_end(text: str) -> str | None:
    """Return the unit that the end of the text repeats COPIES times or more, if there is one."""
    tail = MARK.sub("", TAG.sub("", text[-LONGEST_UNIT * (COPIES + 1) :])).rstrip()
    for size in range(1, min(LONGEST_UNIT, len(tail) // COPIES) + 1):
        unit = tail[-size:]
        copies = max(COPIES, -(-LOOP_CHARACTERS // size))
        if tail.endswith(unit * copies) and any(map(str.isalnum, unit)):
            return unit
    return None
