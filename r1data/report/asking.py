"""What the viewer's page asks: which rows are like that, a page of them, one row with its pair."""

from collections import OrderedDict
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from r1data.report.opening import Rows
from r1data.report.reviews import Reviews

if TYPE_CHECKING:
    import polars as pl

# Results of the last searches and filters, so that paging does not search again.
RESULTS_HELD = 8
SNIPPET = 220


class Viewer:
    """One set of rows, or two beside each other, with the marks of a reviewer."""

    def __init__(self, rows: Rows, other: Rows | None, reviews: Reviews) -> None:
        self.rows, self.other, self.reviews = rows, other, reviews
        self.results: OrderedDict[tuple[str, ...], pl.DataFrame] = OrderedDict()

    @cached_property
    def index(self) -> "pl.DataFrame":
        """The index with `at` and `beside`, the row's places in the two sets (-1: not there)."""
        import polars as pl

        first = self.rows.index.with_row_index("at").with_columns(pl.col("at").cast(pl.Int64))
        if self.other is None:
            return first.with_columns(beside=pl.lit(-1, pl.Int64), differs=pl.lit(False))
        return paired(first, self.rows, self.other)

    def about(self) -> dict[str, Any]:
        """What the page needs before it asks for rows."""
        return {
            "names": [self.rows.name, *([self.other.name] if self.other else [])],
            "total": self.index.height,
            "facets": self.facets(),
            "matched": self.matched if self.other is not None else "",
        }

    @property
    def matched(self) -> str:
        """How many rows of the two sets belong together, and by what."""
        import polars as pl

        both = self.index.filter((pl.col("at") >= 0) & (pl.col("beside") >= 0)).height
        how = "id" if shares_ids(self.rows, self.other) else "question and file name"
        return f"{both:,} of {self.index.height:,} rows stand in both, matched by {how}"

    def facets(self) -> dict[str, Any]:
        """Values that filters choose from, with how many rows have them."""
        found: dict[str, Any] = {}
        for name in ("source", "type", "reason"):
            counts = self.index[name].value_counts().sort(["count", name], descending=[True, False])
            found[name] = [[value, f"{n:,}"] for value, n in counts.iter_rows() if value]
        found["kept"] = f"{self.index.filter(self.index['reason'] == '').height:,}"
        return found

    def found(self, asked: Mapping[str, str]) -> "pl.DataFrame":
        """The rows that the filters and the search leave."""
        import polars as pl

        key = tuple(asked.get(name, "") for name in ("source", "type", "reason", "reward", "side"))
        words = asked.get("words", "").strip()
        held = (*key, words)
        if held in self.results:
            self.results.move_to_end(held)
            return self.results[held]
        frame = self.index.filter(pl.all_horizontal(pl.lit(True), *tests(*key)))
        if words:
            frame = frame.join(self.searched(words), on=["at", "beside"], how="semi")
        self.results[held] = frame.select("at", "beside")
        while len(self.results) > RESULTS_HELD:
            self.results.popitem(last=False)
        return self.results[held]

    def searched(self, words: str) -> "pl.DataFrame":
        """Rows of either set that hold these words."""
        import polars as pl

        hit = pl.col("at").is_in(self.rows.find(words).cast(pl.Int64).implode())
        if self.other is not None:
            hit |= pl.col("beside").is_in(self.other.find(words).cast(pl.Int64).implode())
        return self.index.filter(hit).select("at", "beside")

    def page(self, asked: Mapping[str, str], offset: int, many: int) -> dict[str, Any]:
        """A page of rows, each with what a list shows."""
        found = self.found(asked)
        listed = list(found.slice(offset, many).iter_rows())
        first = self.brief(self.rows, "a", [at for at, _ in listed if at >= 0])
        second = self.brief(self.other, "b", [beside for at, beside in listed if at < 0])
        rows = [
            {**(first[at] if at >= 0 else second[beside]), "at": f"{at}.{beside}"}
            for at, beside in listed
        ]
        return {"total": found.height, "rows": rows}

    def brief(
        self, rows: Rows | None, side: str, positions: list[int]
    ) -> dict[int, dict[str, Any]]:
        """What a list shows of some rows of one set, by position."""
        if rows is None or not positions:
            return {}
        some = rows.index[positions].select("id", "reason").iter_rows()
        told = zip(positions, some, rows.questions_at(positions), strict=True)
        return {
            position: {
                "id": identity,
                "reason": reason,
                "question": question[:SNIPPET],
                "thumb": f"cover/{side}/{position}",
                "mark": self.reviews.marks.get(identity, {}).get("mark"),
            }
            for position, (identity, reason), question in told
        }

    def story(self, place: str) -> dict[str, Any]:
        """One row with its pair, its pictures' addresses and its mark."""
        at, beside = (int(part) for part in place.split("."))
        sides = [(self.rows, at, "a"), (self.other, beside, "b")]
        told = [self.whole(rows, place, side) for rows, place, side in sides if rows and place >= 0]
        first = told[0]
        first["review"] = self.reviews.marks.get(first["id"])
        first["only"] = self.other is not None and len(told) == 1 and ("b" if at < 0 else "a")
        if len(told) == 2:
            first["other"] = told[1]
        return first

    def whole(self, rows: Rows, position: int, side: str) -> dict[str, Any]:
        """One row of one set."""
        if not 0 <= position < rows.index.height:
            raise IndexError(position)
        story = rows.stories([position])[0]
        rows.look(position, story)
        for number, frame in enumerate(story["frames"]["list"]):
            frame["src"] = f"frame/{side}/{position}/{number}"
        for answer in story["answers"]:
            answer.pop("raw")
        return story


def tests(source: str, kind: str, reason: str, reward: str, side: str) -> list["pl.Expr"]:
    """Return what rows must fulfil."""
    import polars as pl

    value = pl.col("reward")
    rewards = {
        "1": value == 1,
        "high": (value >= 0.5) & (value < 1),
        "low": (value > 0) & (value < 0.5),
        "0": value == 0,
        "none": value.is_null(),
    }
    first, second = pl.col("at") >= 0, pl.col("beside") >= 0
    sides = {
        "both": first & second,
        "first": first & ~second,
        "second": second & ~first,
        "differs": pl.col("differs"),
    }
    made = [rewards[reward]] if reward in rewards else []
    made += [sides[side]] if side in sides else []
    made += [pl.col("source") == source] if source else []
    made += [pl.col("type") == kind] if kind else []
    made += [pl.col("reason") == ("" if reason == "kept" else reason)] if reason else []
    return made


def shares_ids(rows: Rows, other: Rows | None) -> bool:
    """Tell whether two sets have an id in common."""
    return other is not None and rows.index.join(other.index, on="id", how="semi").height > 0


def paired(first: "pl.DataFrame", rows: Rows, other: Rows) -> "pl.DataFrame":
    """Join two indexes: the rows of the first in order, then those that only the second has."""
    import polars as pl

    second = other.index.with_row_index("beside").with_columns(pl.col("beside").cast(pl.Int64))
    keys = ["id", "chain"]
    if not shares_ids(rows, other):
        first = pl.concat([first, rows.questions()], how="horizontal")
        second = pl.concat([second, other.questions()], how="horizontal")
        keys = ["question", "file"]
    # the first of several rows with one key: a pair of rows is looked at, not a product of them
    second = second.unique(keys, keep="first", maintain_order=True)
    joined = first.join(
        second, on=keys, how="full", coalesce=True, suffix="_b", maintain_order="left_right"
    )
    changed = (pl.col("reason") != pl.col("reason_b")) | pl.col("reward").ne_missing(
        pl.col("reward_b")
    )
    both = pl.col("at").is_not_null() & pl.col("beside").is_not_null()
    names = ["source", "type", "kind", "reason", "reward"]
    return joined.select(
        *(pl.coalesce(name, f"{name}_b") for name in names),
        differs=both & changed,
        at=pl.col("at").fill_null(-1),
        beside=pl.col("beside").fill_null(-1),
    )
