"""How often a preset disagrees with labels: correct answers rejected, incorrect ones accepted.

A row is one of `lines` with `label` beside it (or `correct`, or `right`): true, false, 1 or 0; null
where the answer cannot be called either. Rates come by problem type and by the form of the answer.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from r1data.errors import InputError
from r1data.evaluate.statistics import wilson
from r1data.rewards.lines import Line, extended, judged

# `right` is the verifier's own column in a file that it wrote.
LABELS, VERIFIED = ("label", "correct", "right"), ("preset", "why")
# A bare answer has at most so many words ("(B) the red ball"), a sentence at most so many.
BARE_WORDS, SENTENCE_WORDS = 4, 40
HEAD = ("answers", "rows", "correct, rejected", "incorrect, accepted", "no verdict")


class LabelCounts(NamedTuple):
    """Labelled rows of one kind, and the verdicts on them."""

    correct: int = 0
    rejected: int = 0
    incorrect: int = 0
    accepted: int = 0
    no_verdict: int = 0

    def plus(self, label: bool, verdict: bool | None) -> "LabelCounts":
        """Count one more row. A row without a verdict counts as neither rejected nor accepted."""
        return LabelCounts(
            self.correct + label,
            self.rejected + (label and verdict is False),
            self.incorrect + (not label),
            self.accepted + (not label and verdict is True),
            self.no_verdict + (verdict is None),
        )


class LabelAgreement(NamedTuple):
    """Counts by kind of answer, reasons by (kind of error, reason), and the rows behind them."""

    kinds: dict[str, LabelCounts]
    reasons: Counter[tuple[str, str]]
    unlabelled: int
    disagreements: list[bytes]


def agreement(
    lines: Iterable[Line], preset: str = "canonical", tell: Callable[[str], object] | None = None
) -> LabelAgreement:
    """Judge labelled rows and count where verdict and label differ.

    `tell` receives what is wrong with a line that cannot be read; such lines are not counted.
    Raises InputError for a row without a label.
    """
    kinds: dict[str, LabelCounts] = {}
    found = LabelAgreement(kinds, Counter(), 0, [])
    for line, added in judged(lines, preset):
        if "fault" in added:
            if tell is not None:
                tell(added["fault"])
            continue
        label = label_of(line)
        if label is None:
            found = found._replace(unlabelled=found.unlabelled + 1)
            continue
        kind = f"{line.row['problem_type']}, {form_of(added['seen'])}"
        kinds[kind] = kinds.get(kind, LabelCounts()).plus(label, added["right"])
        if added["right"] is not None and added["right"] != label:
            error = "correct, rejected" if label else "incorrect, accepted"
            found.reasons[error, added["why"]] += 1
            found.disagreements.append(extended(line, added))
    return found._replace(kinds=dict(sorted(kinds.items())))


def label_of(line: Line) -> bool | None:
    """Return a row's label. Raises InputError where there is none, or no truth value."""
    names = LABELS[:-1] if all(name in line.row for name in VERIFIED) else LABELS
    name = next((name for name in names if name in line.row), None)
    if name is None:
        raise InputError(
            f"{line.place} has no label: add '{LABELS[0]}', true or false, to each row"
        )
    value = line.row[name]
    if value is None or isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
        return None if value is None else bool(value)
    raise InputError(f"{line.place}: {name} is {value!r}: write true, false or null")


def form_of(answer: str | None) -> str:
    """Return what an answer is: nothing, a bare answer, a sentence, or a chain of several."""
    words = (answer or "").split()
    if not words:
        return "no answer"
    if len(words) <= BARE_WORDS:
        return "bare"
    return "sentence" if len(words) <= SENTENCE_WORDS else "chain"


def total(kinds: Iterable[LabelCounts]) -> LabelCounts:
    """Add the counts of several kinds."""
    return LabelCounts(*map(sum, zip(LabelCounts(), *kinds, strict=True)))


def rate_text(errors: int, count: int) -> str:
    """Say "12 of 300: 4.0% (2.3% to 6.9%)", with Wilson's 95% interval."""
    if not count:
        return "none"
    low, high = wilson(errors, count)
    return f"{errors:,} of {count:,}: {errors / count:.1%} ({low:.1%} to {high:.1%})"


def row_of(kind: str, counts: LabelCounts) -> tuple[str, ...]:
    """Return one row of the table under HEAD."""
    return (
        kind,
        f"{counts.correct + counts.incorrect:,}",
        rate_text(counts.rejected, counts.correct),
        rate_text(counts.accepted, counts.incorrect),
        f"{counts.no_verdict:,}",
    )


def agreement_text(found: LabelAgreement) -> str:
    """Return the table of rates, and the reasons of the disagreements, for a terminal."""
    from r1data.summary import table

    rows = [row_of(kind, counts) for kind, counts in found.kinds.items()]
    lines = table([HEAD, *rows, row_of("all", total(found.kinds.values()))])
    if found.unlabelled:
        lines.append(f"not counted, since their label is null: {found.unlabelled:,}")
    for error in HEAD[2:4]:
        reasons = [(n, why) for (kind, why), n in found.reasons.most_common() if kind == error]
        if reasons:
            lines.append(f"{error}: " + ", ".join(f"{why} {n:,}" for n, why in reasons))
    return "\n".join(lines)
