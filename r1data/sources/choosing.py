"""Which rows are chosen: by number, share or type, by field, by clip; stable under asking for more.

Every row has a place in an order that only seed and id decide. A choice takes rows from the front
of that order, so that asking for more keeps those chosen before.
"""

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from r1data.errors import InputError
from r1data.grid.drops import Drop
from r1data.labels import LETTERS
from r1data.sources.catalogue import Source

Sample = dict[str, Any]
JUDGED = ("multiple choice", "numerical", "regression")


def chosen_of(source: Source, rows: list[Sample], limit: int | None, seed: int) -> list[Sample]:
    """Return the rows of a source that its entry asks for, in the source's order."""
    mark_conflicts(rows)
    kept = [row for row in rows if meets(row, source.where)]
    if source.where and not kept:
        raise InputError(f"sources.{source.name}.where: none of its {len(rows):,} rows has that")
    order = sorted(range(len(kept)), key=lambda i: place(kept[i], source, seed))
    if source.balance:
        order = spread(order, [field_of(row, source.balance) for row in kept])
    picked = pick(order, kept, source.rows, limit)
    spare = reserve(order, kept, picked, source.reserve)
    for i in spare:
        kept[i]["extra"] = json.dumps(
            {**json.loads(kept[i]["extra"]), "reserve": True}, ensure_ascii=False, sort_keys=True
        )
    return [kept[i] for i in sorted({*picked, *spare})]


def place(row: Sample, source: Source, seed: int) -> tuple[Any, ...]:
    """Return a row's place in the order of choice: sound rows before those that fall out anyway.

    By media, all rows of a clip stand together.
    """
    clip = row["media"][0]["uri"] if row["media"] else row["id"]
    first = rank(seed, clip) if source.by == "media" else b""
    return row["drop_reason"] is not None, first, rank(seed, row["id"])


def rank(seed: int, identity: str) -> bytes:
    """Return the place of a row in the order of choice."""
    return hashlib.sha256(f"{seed}|{identity}".encode()).digest()


def pick(
    order: Sequence[int],
    rows: Sequence[Sample],
    want: int | float | str | Mapping[str, int],
    limit: int | None,
) -> list[int]:
    """Take rows from the front of the order: so many in all, or so many of each problem type."""
    if not isinstance(want, Mapping):
        picked = list(order[: wanted(want, len(rows))])
    else:
        picked = []
        for kind, count in want.items():
            mine = [i for i in order if rows[i]["problem_type"] == kind]
            picked += mine[:count]
    if limit is not None and limit < len(picked):
        chosen = set(picked)
        picked = [i for i in order if i in chosen][:limit]
    return picked


def wanted(want: int | float | str, available: int) -> int:
    """Turn `rows:` (a number, a share below 1, or "all") into a number."""
    if isinstance(want, str):
        return available
    return round(available * want) if isinstance(want, float) else want


def reserve(
    order: Sequence[int], rows: Sequence[Sample], picked: Sequence[int], share: float
) -> list[int]:
    """Return the next sound rows after the picked ones: they stand in where media fail."""
    taken = set(picked)
    left = [i for i in order if i not in taken and rows[i]["drop_reason"] is None]
    return left[: math.ceil(share * len(picked))]


def spread(order: Sequence[int], values: Sequence[Hashable]) -> list[int]:
    """Reorder so that every value comes up once before any comes up again."""
    turns: dict[Hashable, int] = defaultdict(int)
    keyed: list[tuple[int, int, int]] = []
    for at, i in enumerate(order):
        keyed.append((turns[values[i]], at, i))
        turns[values[i]] += 1
    return [i for _, _, i in sorted(keyed)]


def field_of(row: Sample, name: str) -> Any:
    """Return a field of a sample or of its extra. Raises InputError where it has neither."""
    if name in row and name != "extra":
        return row[name] if isinstance(row[name], Hashable) else json.dumps(row[name])
    extra = json.loads(row["extra"])
    if name not in extra:
        known = ", ".join(sorted({"problem_type", "data_type", "split", *extra}))
        raise InputError(f"{row['id']} has no field '{name}' to choose by; it has: {known}")
    return extra[name]


def meets(row: Sample, where: Mapping[str, Any]) -> bool:
    """Tell whether a row has the values that `where:` asks for; a field it lacks is none."""
    if not where:
        return True
    extra = json.loads(row["extra"])
    for name, allowed in where.items():
        value = row[name] if name in row and name != "extra" else extra.get(name)
        if value not in (allowed if isinstance(allowed, list) else [allowed]):
            return False
    return True


def mark_conflicts(rows: Sequence[Sample]) -> None:
    """Drop every row of a question that has two different truths about the same media."""
    groups: dict[Hashable, list[Sample]] = defaultdict(list)
    for row in rows:
        if row["drop_reason"] is None and row["problem_type"] in JUDGED:
            groups[question_key(row)].append(row)
    for mine in groups.values():
        truths = {said(row) for row in mine}
        if len(truths) > 1:
            told = " and ".join(f"'{each}'" for each in sorted(truths)[:3])
            for row in mine:
                detail = f"the same question has the truths {told}"
                row.update(drop_reason=Drop.AMBIGUOUS_TRUTH.value, drop_detail=detail)


def question_key(row: Sample) -> Hashable:
    """Return what makes two rows the same question: text, options in any order, media, part."""
    media = tuple((each["uri"], each["start"], each["end"]) for each in row["media"])
    words = " ".join(row["problem"].split()).casefold()
    return words, frozenset(row["options"]), media, row["problem_type"]


def said(row: Sample) -> str:
    """Return a truth as it is compared: the text of its option, or a number without its commas."""
    if row["options"]:
        return row["options"][LETTERS.index(row["solution"])]
    try:
        return repr(float(row["solution"].replace(",", "").replace("$", "")))
    except ValueError:
        return row["solution"]
