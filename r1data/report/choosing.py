"""Which rows a report shows: always the same ones, with every reason among them."""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

MOST_KEPT = 48
MOST_A_REASON = 6


def choose(index: "pl.DataFrame", kept: int = MOST_KEPT, fallen: int = MOST_A_REASON) -> list[int]:
    """Return positions: rows that stand, and some of each reason, in turn by source and type.

    Rows are drawn by the hash of their id, so that the same build always shows the same ones.
    """
    import polars as pl

    drawn = index.with_row_index("at").with_columns(
        draw=pl.col("id").map_elements(lot, return_dtype=pl.UInt64)
    )
    dealt = drawn.with_columns(
        turn=pl.col("draw").rank("ordinal").over("reason", "source", "type")
    ).sort("turn", "draw")
    some = dealt.filter(pl.col("reason") == "").head(kept)["at"].to_list()
    fell = dealt.filter(pl.col("reason") != "").group_by("reason", maintain_order=True).head(fallen)
    return sorted([*some, *fell["at"].to_list()])


def lot(identity: str) -> int:
    """Draw a number for a row: the first 8 bytes of its id's sha256."""
    return int.from_bytes(hashlib.sha256(identity.encode()).digest()[:8], "big")
