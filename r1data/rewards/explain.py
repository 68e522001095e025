"""How one row was judged, step by step, for a person to read."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from r1data.errors import InputError
from r1data.labels import LETTERS, bare_texts
from r1data.rewards.choice import meant, truth_index
from r1data.rewards.extract import extract, published_answer
from r1data.rewards.lines import Item, Line, item_of
from r1data.rewards.numerical import read_number
from r1data.rewards.sequence import question_of
from r1data.rewards.thought import thought_of
from r1data.rewards.verdict import PRESETS, Verdict, plain_truth, published_truth, verify

WIDTH = 200


def explain(line: Line, preset: str = "canonical") -> str:
    """Return what was found in the row, how it was read, and why the verdict is what it is."""
    if line.fault:
        raise InputError(line.fault)
    item = item_of(line.row, line.place)
    if item.completion is None:
        return f"{line.place}: no completion arrived, so there is nothing to judge"
    verdict = verify(
        item.problem_type,
        solution=item.solution,
        completion=item.completion,
        options=item.options,
        preset=preset,
        question=question_of(line.row),
    )
    published = preset == "video-r1"
    steps = [
        f"{line.place}: {item.problem_type}, preset {verdict.preset}, version {verdict.version}",
        f"truth      {cut(item.solution)} read as {cut(truth_read(item, published))}",
        *(published_steps(item) if published else canonical_steps(item, verdict)),
        f"rule       {verdict.rule}: {verdict.why}",
        f"reward     {verdict.reward}, {outcome(verdict)}",
    ]
    return "\n".join(steps)


def truth_read(item: Item, published: bool) -> str:
    """Return the truth as the preset reads it."""
    if published:
        return published_truth(item.solution, item.options)
    return plain_truth(item.solution)


def published_steps(item: Item) -> list[str]:
    """Return where the published preset found the answer."""
    answer = published_answer(item.completion or "")
    return [f"answer     {cut(answer)}, the first complete pair of answer tags"]


def canonical_steps(item: Item, verdict: Verdict) -> list[str]:
    """Return how the answer was found, and what the type's reader makes of both sides."""
    found = extract(item.completion or "")
    thought = thought_of(item.problem_type, item.completion or "", item.options)
    steps = [
        f"thought    {len(thought)} characters",
        f"answer     {cut(found.answer)}, {found.how}",
    ]
    truth = plain_truth(item.solution)
    if found.answer is None or not truth:
        return steps
    if item.problem_type == "multiple choice":
        return [*steps, *choice_steps(truth, found.answer, item.options)]
    if item.problem_type in ("numerical", "regression"):
        return [*steps, number_step("truth is", truth), number_step("answer is", found.answer)]
    return steps


def choice_steps(truth: str, answer: str, options: Sequence[str]) -> list[str]:
    """Return which options truth and answer mean."""
    texts = bare_texts(tuple(options))
    chosen, why = meant(answer, texts)
    return [
        f"truth is   {named(truth_index(truth, options), texts)}",
        f"answer is  {named(chosen, texts)} ({why})",
    ]


def named(place: int | None, texts: Sequence[str]) -> str:
    """Return "B, the second option's text"."""
    if place is None:
        return "no option"
    text = f", {cut(texts[place])}" if place < len(texts) else ""
    return LETTERS[place] + text


def number_step(label: str, text: str) -> str:
    """Return a number as it was read, exactly, with what its unit measures."""
    quantity, why = read_number(text)
    if quantity is None:
        return f"{label:10} no number ({why})"
    unit = quantity.unit
    measure = f" in units of {unit.factor} {unit.dimension}" if unit else ""
    last = f", last decimal 10^{quantity.last}" if quantity.last is not None else ""
    return f"{label:10} {Fraction(quantity.numerator, quantity.denominator)}{measure}{last}"


def outcome(verdict: Verdict, at_least: Mapping[str, float] | None = None) -> str:
    """Return right or wrong, and the reward that the preset asks for."""
    if verdict.right is None:
        return "not judged"
    limits = at_least or PRESETS[verdict.preset].at_least
    limit = limits.get(verdict.rule, limits.get("numerical", 1.0))
    return f"{'right' if verdict.right else 'wrong'}: right is {limit:g} and more"


def cut(text: str | None) -> str:
    """Return a text in quotes, shortened for a line."""
    if text is None:
        return "nothing"
    return repr(text if len(text) <= WIDTH else f"{text[:WIDTH]}...")
