"""The thought of a response: what a release, filters, judges, reports and pages take for it.

A thought in tags is taken from there. Where the tags are missing or hold next to nothing, the words
before the final answer are the thought. `thought_words` measures whether there is one.
"""

import re
from collections.abc import Sequence

from r1data.labels import bare_texts
from r1data.rewards.choice import LABEL, meant
from r1data.rewards.extract import (
    SEARCHED,
    TAG,
    Tag,
    ends_with_answer,
    peeled,
    tag_of,
    tagged_thought,
    thought_end,
)
from r1data.rewards.naming import LONE, by_whole_text
from r1data.rewards.numerical import read_number
from r1data.rewards.text import unwrapped

# Fewer words than these inside think tags: the words before the answer are looked at, too. The
# least that a release asks for by default (filter.min_thought_words).
MIN_WORDS = 3
# Problem types whose answer is found in a sentence; any sentence may be one of another type.
READ = ("multiple choice", "numerical", "regression")
# The final answer stands in the last sentences; before them options are weighed.
CLOSING = 3

# Tags of other models: Magistral, Kimi-VL, OpenThoughts, gpt-oss, MedGemma, Gemini.
NAMES = (
    r"thinking|thoughts?|reasoning|reason|rationale|analysis|scratchpad|seed:think"
    r"|(?:thought|thinking|reasoning)[_ -]process"
)
OPENING = re.compile(
    rf"<\s*(?:{NAMES})\s*>|\[THINK\]|◁think▷|<\|begin_of_thought\|>|<unused94>(?:thought)?"
    r"|<\|channel\|>analysis<\|message\|>",
    re.IGNORECASE,
)
CLOSED = re.compile(
    rf"<\s*/\s*(?:{NAMES})\s*>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>|<unused95>"
    r"|(?:<\|end\|>)?(?:<\|start\|>assistant)?<\|channel\|>final<\|message\|>",
    re.IGNORECASE,
)
THINK_TAG = re.compile(r"<\s*/?\s*think\s*>", re.IGNORECASE)

SENTENCE = re.compile(r"(?<=[.!?])[*_\"')\]]*\s+|\n+|(?<=[。！？])")
# "the correct answer is", "Answer:", "I choose", "option B": the answer stands behind it.
NOUNS = r"answer|option|choice|letter|solution|conclusion"
ABROAD = (
    r"antwort|r[ée]ponse|respuesta|resposta|risposta|antwoord|odpowied[źz]|ответ|jawaban|cevap"
    r"|答案|选项|選項|选择|選擇|答え|正解|정답|답|उत्तर|الإجابة|الجواب"
)
BECOMES = r"(?:is|are|was|would be|should be|must be|has to be|seems to be|[:=：])"
STATES = re.compile(
    rf"\b(?:{NOUNS})\b(?:\s+(?:to|for|among|from|of|here)\b[^.\n:]{{0,80}}?)?[*_\s]*{BECOMES}[*_]*"
    r"|\b(?:i|we|i'll|we'll|i will|would|to)\s+(?:choose|select|pick|go with|opt for)\b"
    r"|\b(?:option|choice)(?=\s*[(\[\"'*]*[A-Z][\W_]*$)|\\(?:boxed|fbox)\b"
    rf"|(?:{ABROAD})\w{{0,3}}\s*(?:ist|est|es|é|è|is|jest|это|adalah|是|为|為|は|은|는|है|هي|هو)?\s*[:：]?",
    re.IGNORECASE,
)
# A heading or a lead-in with nothing behind it: "**Final answer**", "So the answer is".
LEAD_IN = re.compile(
    rf"[\W_]*(?:(?:so|thus|therefore|hence|and|the|my|our|final|correct|right|best)\b[\W_]*)*"
    rf"(?:{NOUNS}|{ABROAD})[\W_]*(?:{BECOMES}[\W_]*)?",
    re.IGNORECASE,
)
# "it is red, so the answer is A": what stands before the comma is reasoning.
FOLLOWS = re.compile(
    r"[\s,;:，；–—-]*(?:\b(?:and )?(?:so|therefore|thus|hence|(?:which|this|that) means|which is"
    r"|meaning)\b|→|⇒|=>|->|∴|所以|因此|因而|故).*",
    re.IGNORECASE | re.DOTALL,
)
REASON = re.compile(
    r"(\W*(?:(?:since|because|as|given that|seeing that)\b|因为|由于|因為|由於).+)[,，;][^,，;]*",
    re.IGNORECASE | re.DOTALL,
)
# "the answer is A because it is red": a statement that gives its reason is a thought.
BECAUSE = re.compile(r"\b(?:because|since|as|due to|given that|for)\b|因为|由于", re.IGNORECASE)
# A longer sentence does more than state an answer; no pattern below reads more.
LONGEST_STATEMENT = 500
# Words of a prompt's template that a model copies instead of thinking.
PLACEHOLDER = re.compile(
    r"[\W_]*(?:(?:your|my|the|write|insert|put|explain|provide|detailed|full|step.by.step)\b[\W_]*)*"
    r"(?:reasoning|thoughts?|thinking|chain of thought|analysis|思考过程|推理过程)"
    r"[\W_]*(?:process[\W_]*)?(?:(?:goes|here)\b[\W_]*)*|[\W_]*[\[{<][^\[\]{}<>]*[\]}>][\W_]*",
    re.IGNORECASE,
)
LONE_NUMBER = re.compile(r"[\W_]*\d[\d.,]*\s*%?[\W_]*")
TOKEN = re.compile(r"[^\s,;:/…—。，、；：！？]+")
# Scripts that put no spaces between words: Chinese, Japanese, Thai, Lao, Burmese, Khmer. Their
# words have two characters or more.
UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")


def thought_of(problem_type: str, completion: str, options: Sequence[str] = ()) -> str:
    """Return the thought of a response as a release holds it, without tags; "" where it has none.

    `options` are those of the question, with or without their letters.
    """
    completion = with_think_tags(completion[-SEARCHED:])
    inside = in_tags(completion)
    if thought_words(inside) >= MIN_WORDS:
        return inside
    before = before_answer(problem_type, outside_tags(completion), options)
    return max(inside, before, key=lambda words: (thought_words(words), len(words)))


def thought_words(thought: str) -> int:
    """Return how many words a thought has, each sentence counted once.

    Marks and words of a prompt's template do not count. A thought of which at least half is said
    before has none.
    """
    said: set[str] = set()
    new = total = 0.0
    for start, end in sentences(thought):
        sentence = thought[start:end]
        tokens = [] if PLACEHOLDER.fullmatch(sentence) else TOKEN.findall(sentence.casefold())
        words = sum(map(word_count, tokens))
        key = "".join(filter(str.isalnum, "".join(tokens)))
        total += words
        new += 0 if key in said else words * fresh_share(key)
        said.add(key)
    return 0 if 2 * new <= total else int(new)


# --- in tags --------------------------------------------------------------------------------------


def with_think_tags(text: str) -> str:
    """Spell the tags that some models put around a thought as think tags."""
    return CLOSED.sub("</think>", OPENING.sub("<think>", text))


def in_tags(text: str) -> str:
    """Return what stands in think tags, without tags and without an answer at its end."""
    text = with_think_tags(text)
    tags = [tag_of(match) for match in TAG.finditer(text)]
    thought = tagged_thought(text, tags, thought_end(tags))
    answers = answer_tags(thought)
    if answers and ends_with_answer(thought, answers):
        thought = thought[: answer_start(thought, answers)]
    return peeled(THINK_TAG.sub("\n", thought))


def outside_tags(text: str) -> str:
    """Return what stands before and after the thought in tags; all where there are none."""
    tags = [tag_of(match) for match in TAG.finditer(text)]
    after = thought_end(tags)
    opened = [tag.start for tag in tags if tag.name == "think" and not tag.closing]
    if after < 0:
        return text[: opened[0]]
    return (text[: opened[0]] if opened and opened[0] < after else "") + text[after:]


def answer_tags(text: str) -> list[Tag]:
    """Return the answer tags of a text."""
    return [tag for tag in map(tag_of, TAG.finditer(text)) if tag.name == "answer"]


def answer_start(text: str, answers: list[Tag]) -> int | None:
    """Return where the last answer opens: of complete pairs in a row, the first."""
    pairs: list[tuple[int, int]] = []
    opened: Tag | None = None
    for tag in answers:
        if not tag.closing:
            opened = tag
        elif opened is not None:
            pairs.append((opened.start, tag.end))
            opened = None
    if not pairs:
        return opened.start if opened else None
    start = pairs[-1][0]
    for begin, end in reversed(pairs[:-1]):
        if text[end:start].strip():
            break
        start = begin
    return start


# --- words before the final answer ----------------------------------------------------------------


def before_answer(problem_type: str, text: str, options: Sequence[str]) -> str:
    """Return the words before the final answer, which stands in tags or is stated in words."""
    texts = list(bare_texts(tuple(map(str, options))))
    start = answer_start(text, answer_tags(text))
    before = peeled(text[:start])
    if start is None:
        before = before_statement(problem_type, before, texts)
    for begin, end in reversed(sentences(before)):
        last = before[begin:end]
        bare = is_bare(problem_type, last, texts)
        left = "" if bare else reason_in(problem_type, last, texts)
        if left is None:
            return before[:end].strip()
        if left:
            return (before[:begin] + left).strip()
    return ""


def before_statement(problem_type: str, text: str, texts: list[str]) -> str:
    """Return the words up to the sentence that states the answer; "" where none does."""
    spans = sentences(text)
    for start, end in reversed(spans):
        if reason_in(problem_type, text[start:end], texts) is not None:
            return text[:end]
    if not spans or is_bare(problem_type, text[slice(*spans[0])], texts):
        return ""
    for start, end in reversed(spans[-CLOSING:]):
        sentence = text[start:end]
        if reads(problem_type, sentence, texts):
            clause = FOLLOWS.sub("", sentence)
            return text[:start] + ("" if clause == sentence else clause)
    return ""


def reason_in(problem_type: str, sentence: str, texts: list[str]) -> str | None:
    """Return what a sentence that states the answer says beside it; None where it states none."""
    if len(sentence) > LONGEST_STATEMENT:
        return None
    if LEAD_IN.fullmatch(sentence):
        return ""
    for match in STATES.finditer(sentence):
        head, value = sentence[: match.start()], sentence[match.end() :]
        boxed = match[0].startswith("\\")
        if BECAUSE.search(value) or not (boxed or states(problem_type, value, texts)):
            continue
        if boxed and "=" in head.rstrip(" =$"):  # the end of an equation
            return sentence
        clause, reason = FOLLOWS.sub("", head), REASON.fullmatch(head)
        left = clause if clause != head else reason[1] if reason else ""
        return left if is_word(left) else ""
    return None


def states(problem_type: str, value: str, texts: list[str]) -> bool:
    """Tell whether what stands behind "the answer is" is an answer, or nothing as yet."""
    return not is_word(value) or problem_type not in READ or reads(problem_type, value, texts)


def reads(problem_type: str, words: str, texts: list[str]) -> bool:
    """Tell whether words are an answer, as the verifier's own readers read them."""
    if problem_type == "multiple choice":
        return meant(words, tuple(texts)).place is not None
    return problem_type in READ and read_number(words).quantity is not None


def is_bare(problem_type: str, sentence: str, texts: list[str]) -> bool:
    """Tell whether a sentence is nothing but an answer: a letter, an option, a number."""
    if problem_type == "multiple choice":
        text = unwrapped(sentence)
        return bool(LONE.fullmatch(text) or LABEL.match(text) or by_whole_text(text, texts))
    return problem_type in READ and bool(LONE_NUMBER.fullmatch(sentence))


# --- sentences and words --------------------------------------------------------------------------


def sentences(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of each sentence that holds a letter or a digit."""
    breaks = list(SENTENCE.finditer(text))
    starts = [0, *(match.end() for match in breaks)]
    ends = [*(match.start() for match in breaks), len(text)]
    spans = zip(starts, ends, strict=True)
    return [(start, end) for start, end in spans if is_word(text[start:end])]


def is_word(text: str) -> bool:
    """Tell whether a text holds a letter or a digit."""
    return any(map(str.isalnum, text))


def word_count(token: str) -> int:
    """Return the words in a token: 0 without a letter or digit, several in an unspaced script."""
    if not is_word(token):
        return 0
    unspaced = len(UNSPACED.findall(token))
    return -(-unspaced // 2) if unspaced else 1


def fresh_share(key: str) -> float:
    """Return the share of a sentence that is not a repetition of its own beginning."""
    period = key.find(key[: len(key) // 2], 1) if len(key) > 1 else -1
    return period / len(key) if period > 0 and key[period:] == key[:-period] else 1.0
