"""r1data diff: which rows a later release adds, changes and removes."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import UsageError
from r1data.release.layout import FOLDERS, read_rows, release_folder, shards_of

# They say which recipe and version wrote the row, and change with every build.
NOT_CONTENT = {"recipe", "r1data_version"}
# Ids named in a text; the rest is counted.
MOST_NAMED = 10
Digests = Mapping[str, bytes]


class Diff(NamedTuple):
    """What became of the rows; `changed` names the columns of each."""

    config: str
    added: list[str]
    removed: list[str]
    changed: dict[str, list[str]]
    unchanged: int

    def line(self) -> str:
        """Return the counts as one line."""
        counts = f"{len(self.added):,} added, {len(self.changed):,} changed"
        return f"{counts}, {len(self.removed):,} removed, {self.unchanged:,} unchanged"

    def text(self) -> str:
        """Return the changes for a person: counts, columns, and the first ids of each kind."""
        lines = [f"rows: {self.line()}"]
        columns = Counter(name for names in self.changed.values() for name in names)
        lines += [f"  {name} changed in {count:,} rows" for name, count in columns.most_common()]
        kinds = (("+", self.added), ("~", list(self.changed)), ("-", self.removed))
        for sign, ids in kinds:
            lines += [f"{sign} {each}" for each in ids[:MOST_NAMED]]
            if len(ids) > MOST_NAMED:
                lines.append(f"{sign} and {len(ids) - MOST_NAMED:,} more")
        return "\n".join(lines)


def diff(before: str | Path, after: str | Path) -> Diff:
    """Compare two releases row by row, in the richest config that both have.

    Each is a build or a release. Raises UsageError where they share no config.
    """
    old, new = release_folder(before), release_folder(after)
    config = shared(old, new)
    first, second = digests(old, config), digests(new, config)
    both = [identity for identity in second if identity in first]
    changed = {identity: names for identity in both if (names := columns(first, second, identity))}
    added = sorted(identity for identity in second if identity not in first)
    removed = sorted(identity for identity in first if identity not in second)
    unchanged = len(both) - len(changed)
    return Diff(config, added, removed, dict(sorted(changed.items())), unchanged)


def shared(old: Path, new: Path) -> str:
    """Return the config with most columns that both releases have."""
    for config in FOLDERS:
        if shards_of(old, config) and shards_of(new, config):
            return config
    raise UsageError(f"{old} and {new} have no config in common")


def digests(folder: Path, config: str) -> dict[str, Digests]:
    """Return {id: {column: digest}}; 23 columns of 8 bytes keep 260,000 rows in 100 MB or so."""
    return {key_of(row): row_digests(row, split) for split, row in read_rows(folder, config)}


def key_of(row: Mapping[str, Any]) -> str:
    """Return a row's id, with the number of its chain where that is not the first."""
    chain = row.get("chain", 0)
    return f"{row['id']} chain {chain + 1}" if chain else str(row["id"])


def row_digests(row: Mapping[str, Any], split: str) -> Digests:
    """Digest every column of a row, and the split in which it stands."""
    found = {name: digest(value) for name, value in row.items() if name not in NOT_CONTENT}
    return {**found, "split": digest(split)}


def digest(value: Any) -> bytes:
    """Return 8 bytes that stand for a value; pictures are hashed as they are."""
    sink = hashlib.blake2b(digest_size=8)
    if isinstance(value, list) and value and isinstance(value[0], dict) and "bytes" in value[0]:
        for picture in value:
            sink.update(hashlib.sha256(picture["bytes"] or b"").digest())
    else:
        sink.update(json.dumps(value, sort_keys=True, default=str).encode())
    return sink.digest()


def columns(
    first: Mapping[str, Digests], second: Mapping[str, Digests], identity: str
) -> list[str]:
    """Return the columns in which a row differs."""
    one, other = first[identity], second[identity]
    return [name for name in {**one, **other} if one.get(name) != other.get(name)]
