"""Sentences of a question that say how to answer: they are cut at both ends of it.

The sets' own prompts close (or open) questions with them: "Answer with the option's letter from
the given choices directly.", "Be succinct.". Beside a prompt that asks to think they contradict it.
"""

import re
from collections.abc import Sequence

OPTION = re.compile(r"^\s*[(\[]?([A-Z])\s*[.):\]]\s*(.*?)\s*$", re.DOTALL)
HEADER = re.compile(r"^\s*(options?|choices?)\s*:\s*$", re.IGNORECASE)
LABEL = re.compile(r"^\s*(hint|question)\s*:\s*", re.IGNORECASE)
QUESTION_INSIDE = re.compile(r"(?<=\S)\s+(?=question\s*:)", re.IGNORECASE)
# MathV360K's hints (after MathVista's): "Please answer the question requiring an integer answer and
# provide the final value, e.g., 1, 2, 3, at the end."
HINT_HOW = re.compile(r"^please\s+(answer\b|provide\b|select\b|choose\b)", re.IGNORECASE)
BLANK_HINT = re.compile(r"^(n/?a|none|null|please|-)?[.]?$", re.IGNORECASE)
# A sentence of nothing but these words says how to answer. Words for things that can be seen
# ("image", "number", "picture") and for the form of a value ("meters", "decimal") are left out.
HOW_WORDS = frozenset(
    re.findall(
        r"\S+",
        """
    a accurate address among an and answer answered answering answers any appropriate are articulate
    as at available be below best between brevity brief briefly by carefully choice choices choose
    choosing clarify compact concise concisely correct correctly direct directly do don't each
    either elucidate end ensure exact exactly explain explaining explanation explanations final
    first five following follow followed for format formatted four from full give given giving in
    indicate indicating inquiries inquiry is it just justification justify keep kindly letter listed
    make must need needed no not of offer offered on one only option option's options or out output
    pick picking please point presented print provide provided providing question questions quick
    rationale reasoning replies reply replying required respond respondent responding response
    responses return right select selecting selection sentence set short should simple simply single
    snappy solution srationale state stating straightforward succinct succinctly terse that the
    their then these this those three to two use using very when with within without word words
    phrase write yes you your above additional anything boxed box capital corresponding else enclose
    extra fewer further include included including inside less likely limit list matching maximum
    more most nothing other outside put represents representing restrict suitable tag tags text than
    uppercase up place enough few possible sufficient suffices
    """,
    )
)
TELLING = re.compile(
    r"\b(answer\w*|respon\w+|repl(y|ies|ying)|letter|options?|choices?|brief\w*|brevity|short|"
    r"succinct\w*|concise\w*|terse|compact|rationale|selection|explain|explanations?)\b|"
    r"\byes\b.*\bno\b|\b(one|single) word\b|\b(pick|choose|select) one\b",
    re.IGNORECASE,
)
# How such a sentence begins: "not an option" is none.
FIRST_WORDS = (
    "please kindly only just simply directly first a the your? yes short quick concise brief "
    "answers? respond reply provide select choose pick give return output print put place enclose "
    "limit use restrict write keep make be offer ensure indicate state explain do don't rationale "
    "from for among in with by"
)
BEGINNING = re.compile(
    rf"^\W*({FIRST_WORDS.replace(' ', '|')}|no (explanation|need))\b", re.IGNORECASE
)
# "Answer with a single number": without these words "the number" is something to be read.
NUMBER_ONLY = re.compile(
    r"^(\W*(?:please )?(?:answer|respond|reply)\b.*\b(?:with|using)\b.*)\b(?:number|integer)s?\b",
    re.IGNORECASE,
)
SENTENCE_END = re.compile(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)[\"'`]*\s+")


def question_lines(text: str) -> list[str]:
    """Return the lines of a question without labels and without sentences on how to answer it."""
    lines: list[str] = []
    for line in text.split("\n"):
        lines += [part.rstrip() for part in QUESTION_INSIDE.split(line)]
    lines = [unlabelled(line) for line in lines if line.strip()]
    return cut_ends([line for line in lines if line])


def unlabelled(line: str) -> str:
    """Cut "Question:" and "Hint:" off a line, and off a hint what says how to answer.

    The rest of a hint stays: in ScienceQA it is the passage that the question is about.
    """
    match = LABEL.match(line)
    if match is None:
        return line
    rest = line[match.end() :].strip()
    if match[1].casefold() != "hint":
        return rest
    said = [each for each in SENTENCE_END.split(rest) if not HINT_HOW.match(each)]
    passage = " ".join(each for each in said if not is_instruction(each))
    return "" if BLANK_HINT.match(passage) else passage


def cut_ends(lines: Sequence[str]) -> list[str]:
    """Cut sentences on how to answer off both ends, and from before the options; never all."""
    kept = list(lines)
    while len(kept) > 1 and (shorter := without_last(kept[-1])) != kept[-1]:
        kept[-1:] = [shorter] if shorter else []
    options = len(kept)
    while options and (OPTION.match(kept[options - 1]) or HEADER.match(kept[options - 1])):
        options -= 1
    head, tail = kept[:options], kept[options:]
    while head and (shorter := without_last(head[-1])) != head[-1]:
        head[-1:] = [shorter] if shorter else []
    while head and (shorter := without_first(head[0])) != head[0]:
        head[:1] = [shorter] if shorter else []
    return [*head, *tail] if head else kept


def without_last(line: str) -> str:
    """Return a line without its last sentence where that one says how to answer."""
    if OPTION.match(line) or HEADER.match(line):
        return line
    *before, last = SENTENCE_END.split(line)
    if not is_instruction(last):
        return line
    return line[: line.rindex(last)].rstrip() if before else ""


def without_first(line: str) -> str:
    """Return a line without its first sentence where that one says how to answer."""
    if OPTION.match(line) or HEADER.match(line):
        return line
    first = SENTENCE_END.split(line, maxsplit=1)[0]
    return line[len(first) :].lstrip("\"'` ") if is_instruction(first) else line


def is_instruction(sentence: str) -> bool:
    """Tell whether a sentence only says how to answer."""
    text = re.sub(r"e\.g\.,?|\b[A-J]\b", " ", sentence.strip())
    text = re.sub(r"\b(?:(word|phrase) or number|number or (word|phrase))\b", "word", text)
    text = NUMBER_ONLY.sub(r"\1word", text)
    words = re.findall(r"[a-z][a-z'-]*|\d+", text.casefold().replace("’", "'"))
    if len(words) < 2 and not re.fullmatch(r"\W*(short )?answers?\W*:\W*", text, re.IGNORECASE):
        return False
    if not BEGINNING.match(text) or not TELLING.search(text):
        return False
    parts = [part for word in words for part in word.strip("'").split("-") if part]
    return all(part in HOW_WORDS or part in ("1", "2", "3", "4", "5") for part in parts)
