"""Thought and answer out of a completion: one place, two ways.

`extract` is the canonical way: the last complete answer after the thought. `published_answer` and
`published_think` are Video-R1's: the first complete pair of tags, wherever it stands.
"""

import re
from typing import NamedTuple

TAG = re.compile(r"<\s*(/?)\s*(think|answer)\s*>", re.IGNORECASE)

# <|im_end|>, <|begin_of_box|>, </s>: end marks of chat templates that some servers leave in.
MARK = re.compile(r"<\|[^<>|]{1,40}\|>|</?s>")


# Only the end of a longer completion is searched: 10 MB of "<" would take four seconds.
SEARCHED = 1_000_000


class Extracted(NamedTuple):
    """What a completion consists of. `how` tells where the answer was found.

    `think` is what stands in think tags; the thought of any response is `thought.thought_of`.

    answer_tag, last_of_many, unclosed_think (one answer at the very end of a thought that was never
    closed), unclosed_tag, after_think, bare (no tag at all), no_answer.
    """

    think: str
    answer: str | None
    how: str


class Tag(NamedTuple):
    closing: bool
    name: str
    start: int
    end: int


def published_answer(text: str) -> str:
    """Return what the first complete pair of answer tags holds, or ""."""
    if text.startswith("<answer>"):  # a truth, nearly always
        start = 0
    else:
        start = first(text, "<answer>")
        if start < 0:
            return ""
    end = text.find("</answer>", start + 8)
    return text[start + 8 : end].strip() if end >= 0 else ""


def published_think(text: str) -> str:
    """Return what the first complete pair of think tags holds, or ""."""
    start = first(text, "<think>")
    if start < 0:
        return ""
    end = first(text, "</think>", start + 7)
    return text[start + 7 : end].strip() if end >= 0 else ""


def first(text: str, tag: str, start: int = 0) -> int:
    """Return `text.find(tag, start)`, a quarter of its time where "<" is rare.

    A single character is found by memchr. After a few other tags the plain search takes over.
    """
    at = text.find("<", start)
    for _ in range(4):
        if at < 0 or text.startswith(tag, at):
            return at
        at = text.find("<", at + 1)
    return text.find(tag, at) if at >= 0 else at


def extract(completion: str) -> Extracted:
    """Split a completion into its thought and its last complete answer after the thought."""
    if len(completion) > SEARCHED:
        completion = completion[-SEARCHED:]
    tags = [tag_of(match) for match in TAG.finditer(completion)]
    if not tags:
        text = MARK.sub("", completion).strip()
        return Extracted("", text or None, "bare" if text else "no_answer")
    after = thought_end(tags)
    return Extracted(tagged_thought(completion, tags, after), *last_answer(completion, tags, after))


def quick_answer(completion: str) -> str | None:
    """Return the answer of a well-formed completion, or None where `extract` has to look closer.

    Nearly all end in </think> <answer>x</answer>; from the end that is found in a few steps.
    """
    if not completion.endswith("</answer>"):
        return None
    start = completion.rfind("<answer>")
    thought = completion.rfind("</think>")
    if not 0 <= thought < start:
        return None
    answer = completion[start + 8 : -9]
    return None if "<" in answer else answer.strip()


def tag_of(match: re.Match[str]) -> Tag:
    """Return the tag that a match of TAG found."""
    return Tag(bool(match[1]), match[2].lower(), match.start(), match.end())


def thought_end(tags: list[Tag]) -> int:
    """Return the position after the last </think>; 0 without thought, -1 if it is not closed."""
    for tag in reversed(tags):
        if tag.closing and tag.name == "think":
            return tag.end
    return -1 if any(tag.name == "think" for tag in tags) else 0


def tagged_thought(completion: str, tags: list[Tag], after: int) -> str:
    """Return the text from the first opening to the last closing think tag."""
    opening = next((tag.end for tag in tags if tag.name == "think" and not tag.closing), 0)
    if after == 0:
        return ""
    last = max((tag.start for tag in tags if tag.closing and tag.name == "think"), default=None)
    return completion[min(opening, last or opening) : last].strip()


def last_answer(completion: str, tags: list[Tag], after: int) -> tuple[str | None, str]:
    """Return the answer after position `after`, and how it was found."""
    answers = [tag for tag in tags if tag.name == "answer" and tag.start >= after]
    pairs = complete_pairs(answers)
    if pairs:
        start, end = pairs[-1]
        text = peeled(completion[start:end])
        if after < 0 and not ends_with_answer(completion, answers):
            return None, "no_answer"
        how = "answer_tag" if len(pairs) == 1 else "last_of_many"
        return (text or None), ("unclosed_think" if after < 0 else how) if text else "no_answer"
    if after < 0:
        return None, "no_answer"
    opened = [tag for tag in answers if not tag.closing]
    text = peeled(completion[opened[-1].end if opened else after :])
    if not text:
        return None, "no_answer"
    return text, "unclosed_tag" if opened else "after_think" if after else "bare"


def complete_pairs(answers: list[Tag]) -> list[tuple[int, int]]:
    """Return (start, end) of the innermost text between each opening tag and the next closing."""
    pairs = []
    opened = None
    for tag in answers:
        if not tag.closing:
            opened = tag
        elif opened is not None:
            pairs.append((opened.end, tag.start))
            opened = None
    return pairs


def ends_with_answer(completion: str, answers: list[Tag]) -> bool:
    """Tell whether nothing but whitespace and end marks follows the last closing answer tag."""
    return answers[-1].closing and not MARK.sub("", completion[answers[-1].end :]).strip()


def peeled(text: str) -> str:
    """Return the text without tags and end marks."""
    return MARK.sub("", TAG.sub("", text)).strip() if "<" in text else text.strip()
