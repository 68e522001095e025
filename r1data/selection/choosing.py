"""Choosing: which of a sample's right responses are taken, and what is wrong where none is."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from r1data.grid.drops import Drop
from r1data.probes.chance import drop
from r1data.rewards.consistency import consistency
from r1data.rewards.form import repetition
from r1data.rewards.thought import thought_of, thought_words

# What a sample without a right response is dropped for: the first of these that one of them shows.
# A wrong answer says most about the sample, a failed request nothing.
BLAME = (Drop.WRONG, Drop.NO_ANSWER, Drop.TRUNCATED, Drop.REFUSED, Drop.FAILED)
NOT_WRONG = {
    "no_answer": Drop.NO_ANSWER,
    "truncated": Drop.TRUNCATED,
    "refused": Drop.REFUSED,
    "failed": Drop.FAILED,
}
# Two thoughts are one where more than half of the shorter one's runs of three words stand in the
# other, too. Three words, for two thoughts about one clip share most of their single words.
RUN, SAME = 3, 0.5
# Characters of a response that a drop's detail quotes.
SHOWN = 80
WORD = re.compile(r"\w+")
Row = Mapping[str, Any]


class Answer(NamedTuple):
    """One response with its verdict."""

    response: Row
    verdict: Row


class Chain(NamedTuple):
    """A right response and its thought."""

    answer: Answer
    thought: str


def choose(sample: Row, right: Sequence[Answer], options: Row, best: int | None) -> Row:
    """Choose right responses, passing over those without a thought that holds.

    Up to `chains` are taken, no two of which think alike; `best` is the one a judge prefers.
    """
    faults: list[dict[str, str]] = []
    taken: list[Chain] = []
    for answer in preferred(right, options["choose"], best):
        if len(taken) == options["chains"]:
            break
        text = answer.response["text"]
        chain = Chain(answer, thought_of(sample["problem_type"], text, sample["options"]))
        fault = fault_of(sample, chain, options)
        if fault:
            faults.append(fault)
        elif not any(think_alike(chain.thought, other.thought) for other in taken):
            taken.append(chain)
    if not taken:
        return without_chain(faults, options)
    chains = [chain.answer.response["k"] for chain in taken]
    return {"k": chains[0], "chains": chains, "kind": "chain"}


def without_chain(faults: Sequence[dict[str, str]], options: Row) -> Row:
    """Say what becomes of a sample of which no right response has a thought that holds.

    A thought that was refused says more than one that is missing.
    """
    refused = [fault for fault in faults if fault["drop_reason"] != Drop.NO_THOUGHT]
    if not refused and options["no_thought"] == "direct":
        return {"kind": "direct"}
    return (refused or faults)[0]


def preferred(right: Sequence[Answer], how: str, best: int | None = None) -> list[Answer]:
    """Return responses, the one to be chosen first: as they came, or by the length of their text.

    "median" goes from the middle length outwards, the shorter one first of two in the middle;
    "judge" puts the one that the judge prefers before the others.
    """
    if how == "first":
        return list(right)
    if how == "judge":
        return sorted(right, key=lambda answer: answer.response["k"] != best)
    by_length = sorted(
        right, key=lambda answer: (len(answer.response["text"]), answer.response["k"])
    )
    if how == "shortest":
        return by_length
    middle = (len(by_length) - 1) / 2
    places = sorted(range(len(by_length)), key=lambda place: (abs(place - middle), place))
    return [by_length[place] for place in places]


def think_alike(one: str, other: str) -> bool:
    """Tell whether two thoughts say the same, with at most some words changed."""
    few, many = sorted((runs(one), runs(other)), key=len)
    return not few or len(few & many) > SAME * len(few)


def runs(thought: str) -> set[tuple[str, ...]]:
    """Return the runs of words in a thought; of a shorter one, the whole."""
    words = WORD.findall(thought.casefold())
    return {tuple(words[i : i + RUN]) for i in range(max(1, len(words) - RUN + 1)) if words}


def fault_of(sample: Row, chain: Chain, options: Row) -> dict[str, str]:
    """Return the drop that a right response deserves for its thought; empty where it is sound."""
    answer, thought = chain
    if options["repetitive"] is not None:
        found = repetition(thought)
        if found.loop is not None or found.share > options["repetitive"]:
            told = f"{found.share:.0%} of the thought's words repeat earlier passages"
            return drop(Drop.REPETITIVE, f"{told}, filter.repetitive is {options['repetitive']}")
    words = thought_words(thought)
    if words < options["min_thought_words"]:
        response = shown(answer.response["text"])
        told = f"the response {response} has {words} words of thought (repetitions do not count)"
        least = f"filter.min_thought_words is {options['min_thought_words']}"
        return drop(Drop.NO_THOUGHT, f"{told}, {least}")
    if options["consistency"]:
        text = answer.response["text"]
        found = consistency(sample["problem_type"], text, sample["options"])
        if found.consistent is False:
            told = f"the thought concludes with '{found.concluded}' ({found.why}), "
            return drop(Drop.INCONSISTENT, f"{told}the answer is '{answer.verdict['seen']}'")
    return {}


def shown(text: str) -> str:
    """Return the beginning of a text in quotes, on one line."""
    line = " ".join(text.split())
    return repr(line if len(line) <= SHOWN else f"{line[:SHOWN]}...")


def without_right(answers: Sequence[Answer], wrong: str) -> Row:
    """Say what becomes of a sample of which no answer is right.

    Where the teacher answered and was wrong, the row may stay with its truth alone (`wrong` is
    "direct"): dropping it would leave the easy rows (TACO).
    """
    worst = min(answers, key=lambda answer: BLAME.index(kind(*answer)))
    reason = kind(*worst)
    if reason == Drop.WRONG and wrong == "direct":
        return {"kind": "direct"}
    return drop(reason, describe(reason, *worst, len(answers)))


def kind(response: Row, verdict: Row) -> Drop:
    """Tell what is the matter with an answer that is not right."""
    if response["text"] is not None and not response["text"].strip():
        return Drop.NO_ANSWER
    return NOT_WRONG.get(verdict["why"], Drop.WRONG)


def describe(reason: Drop, response: Row, verdict: Row, count: int) -> str:
    """Say in a sentence what was wrong with an answer."""
    what = {
        Drop.WRONG: f"answered '{verdict['seen']}' ({verdict['why']})",
        Drop.NO_ANSWER: "gave no answer",
        Drop.TRUNCATED: "was cut short by max_tokens",
        Drop.REFUSED: "refused to answer",
        Drop.FAILED: f"could not be asked: {response['fault']}",
    }[reason]
    return f"none of {count} right; the teacher {what}"
