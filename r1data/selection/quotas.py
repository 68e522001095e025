"""Quotas: which rows are kept so that no kind has more than its share. Plain arithmetic.

Rows are taken in the order of a hash of their ids, each unless a quota that it falls under is full.
A share is one of the rows that are kept in the end, which is not known before: the largest number
of rows that keeps all shares is found by bisection.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from r1data.errors import RecipeError


class Quota(NamedTuple):
    """At most so many rows of one kind: a number, or below 1 a share of the rows kept."""

    name: str  # "problem_type multiple choice"
    most: float

    def limit(self, total: int) -> int:
        """Return how many rows that is of `total`; a hair is added, for 0.3 * 10 is below 3."""
        return int(self.most) if self.most >= 1 else int(self.most * total + 1e-9)


class Kept(NamedTuple):
    """The ids that stay, and for each other one the sentence that says which quota was full."""

    ids: set[str]
    over: dict[str, str]


def keep(
    rows: Mapping[str, Sequence[int]], quotas: Sequence[Quota], most: int | None, seed: int
) -> Kept:
    """Choose among `rows`: id -> the numbers of the quotas that it falls under.

    `most` bounds all rows together. Raises RecipeError where shares leave no row.
    """
    order = sorted(rows, key=lambda identity: rank(identity, seed))
    size = min(len(order), most or len(order))
    total = largest(order, rows, quotas, size)
    if rows and not total:
        raise RecipeError("balance: its shares add up to so little that no row can stay")
    return taken(order, rows, quotas, total, most)


def rank(identity: str, seed: int) -> bytes:
    """Return what rows are ordered by: the same on every machine and in every order of arrival."""
    return hashlib.sha256(f"balance|{seed}|{identity}".encode("utf-8", "surrogatepass")).digest()


def largest(
    order: Sequence[str], rows: Mapping[str, Sequence[int]], quotas: Sequence[Quota], most: int
) -> int:
    """Return the largest number of rows whose shares can be filled."""
    if all(quota.most >= 1 for quota in quotas):
        return most
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if fills(order, rows, quotas, middle):
            low = middle
        else:
            high = middle - 1
    return low


def fills(
    order: Sequence[str], rows: Mapping[str, Sequence[int]], quotas: Sequence[Quota], total: int
) -> bool:
    """Tell whether so many rows fit under quotas that are shares of as many."""
    left = [quota.limit(total) for quota in quotas]
    count = 0
    for identity in order:
        mine = rows[identity]
        if all(left[number] > 0 for number in mine):
            for number in mine:
                left[number] -= 1
            count += 1
            if count == total:
                return True
    return False


def taken(
    order: Sequence[str],
    rows: Mapping[str, Sequence[int]],
    quotas: Sequence[Quota],
    total: int,
    most: int | None,
) -> Kept:
    """Take rows in their order; say of each other one which quota was full."""
    left = [quota.limit(total) for quota in quotas]
    found = Kept(set(), {})
    for identity in order:
        full = next((number for number in rows[identity] if left[number] <= 0), None)
        if full is not None:
            found.over[identity] = told(quotas[full], total)
        elif len(found.ids) == total:
            found.over[identity] = (
                f"balance.rows is {most}"
                if total == most
                else f"no more rows fit: the quotas let {total} be released"
            )
        else:
            found.ids.add(identity)
            for number in rows[identity]:
                left[number] -= 1
    return found


def told(quota: Quota, total: int) -> str:
    """Say which quota was full, and how much it is."""
    share = f", {quota.most:g} of {total}" if quota.most < 1 else ""
    return f"the quota of {quota.name} is full: {quota.limit(total)} rows{share}"
