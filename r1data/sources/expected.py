"""How many rows a source is expected to give, from its card alone."""

from collections.abc import Mapping
from typing import NamedTuple

from r1data.sources.catalogue import Source


class Expected(NamedTuple):
    """Rows in all, by problem type and by kind of media."""

    rows: int
    problem_types: dict[str, int]
    data_types: dict[str, int]


def expected_of(source: Source, limit: int | None) -> Expected:
    """Return what an entry under `sources:` would choose, as far as its card tells.

    A number is dealt over the card's problem types as they were released.
    """
    card, want = source.card, source.rows
    whole = dict(card.released) or dict.fromkeys(card.types, 0)
    total = card.rows or sum(whole.values())
    if isinstance(want, Mapping):
        types = dict(want)
    else:
        share = want if isinstance(want, int | float) else 1.0
        count = share if isinstance(share, int) else round(share * total)
        types = dealt(count, whole)
    rows = sum(types.values())
    if limit is not None and limit < rows:
        types, rows = dealt(limit, types), limit
    kind = "image or video" if card.data_type == "both" else card.data_type
    return Expected(rows, types, {kind: rows})


def dealt(count: int, shares: Mapping[str, int]) -> dict[str, int]:
    """Deal a number over shares; what rounding leaves goes to the largest remainders."""
    total = sum(shares.values())
    if not total:
        shares, total = {next(iter(shares)): 1}, 1
    exact = {name: count * share / total for name, share in shares.items()}
    made = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: made[name] - exact[name])
    for name in by_remainder[: count - sum(made.values())]:
        made[name] += 1
    return {name: number for name, number in made.items() if number}
