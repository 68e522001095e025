"""Which split and which shard a row goes to: by hashes of its media and its id, never by its place.

Shards are dealt by linear hashing: one shard more splits one old shard in two and leaves all others
as they are, so that a release that grows by a little rewrites little.
"""

import hashlib
from collections.abc import Mapping

MEGABYTE = 1_000_000


def split_of(media: str, seed: int, shares: Mapping[str, float]) -> str:
    """Deal by media, never by row: two questions on one clip stand in the same split."""
    point = number(f"split|{seed}|{media}") / 2**64
    for name, share in shares.items():
        if point < share:
            return name
        point -= share
    return "train"


def number(text: str) -> int:
    """Return 64 bits that are the same for the same text on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def shard_count(size: float, shard_mb: float) -> int:
    """Return into how many shards so many bytes go."""
    return max(1, -(-int(size) // int(shard_mb * MEGABYTE)))


def shard_of(identity: str, count: int) -> int:
    """Return the shard of a row: linear hashing, so that sizes differ at most twofold."""
    point = number(f"shard|{identity}")
    whole = 1 << (count.bit_length() - 1)
    wide = point % (2 * whole)
    return wide if wide < count else point % whole
