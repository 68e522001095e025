"""Rows of a build for people: an index of all of them, and the story of a few at a time."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property, lru_cache
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from r1data.report.story import Story, build_story
from r1data.report.tables import Tables

if TYPE_CHECKING:
    import polars as pl

FRAME_FACTS = ("id", "sampler", "decoder", "drop_reason", "drop_detail")
FRAME_LEAVES = tuple(f"frames.list.element.{key}" for key in ("time", "index", "width", "height"))
# A row group with pictures is about 32 MB.
GROUPS_HELD = 4


class BuildRows:
    """All rows of a build, in its order; a position is a row's place in that order."""

    def __init__(self, build: Path, proven: bool = True) -> None:
        self.tables = Tables(build, proven)
        self.name = build.resolve().name
        self.shards = list(self.tables.shards)
        self.ends = list(accumulate(self.tables.shards.values()))

    @cached_property
    def index(self) -> "pl.DataFrame":
        """id, source, type, kind, reason ("" where it stands) and reward, a row each."""
        import polars as pl

        names = {"problem_type": "type", "data_type": "kind"}
        samples = self.tables.scan("samples", ["id", "source", *names])
        assert samples is not None  # `tables.shards` has refused a build without samples
        joined = samples.rename(names).join(
            self.tables.standing(), on="id", how="left", maintain_order="left"
        )
        reason = pl.col("drop_reason").fill_null("").alias("reason")
        return joined.join(self.rewards(), on="id", how="left", maintain_order="left").select(
            "id", "source", "type", "kind", reason, "reward", chain=pl.lit(0, pl.Int64)
        )

    def rewards(self) -> "pl.DataFrame":
        """id and reward: of the answer chosen, else of the best one."""
        import polars as pl

        verdicts = self.tables.scan("verdicts", ["id", "k", "reward"])
        if verdicts is None:
            return pl.DataFrame(schema={"id": pl.String, "reward": pl.Float64})
        best = verdicts.group_by("id").agg(pl.col("reward").max().alias("best"))
        chosen = self.tables.scan(self.tables.chosen, ["id", "k"])
        if chosen is None:
            return best.rename({"best": "reward"})
        joined = best.join(
            chosen.drop_nulls("k").join(verdicts, on=["id", "k"]), on="id", how="left"
        )
        return joined.select("id", reward=pl.coalesce("reward", "best"))

    def find(self, words: str) -> "pl.Series":
        """Positions of the rows whose id, question, options, truth or answers hold these words."""
        import polars as pl

        pattern = "(?i)" + pl.escape_regex(words)
        options = pl.col("options").list.join(" ")
        told = pl.concat_str("id", "problem", "solution", options, separator="\n")
        found = [self.matching("samples", told, pattern)]
        if self.tables.paths(self.tables.answers):
            found.append(self.matching(self.tables.answers, pl.col("text"), pattern))
        ids = pl.concat(found).unique().to_frame("id")
        return self.index.with_row_index("at").join(ids, on="id", how="semi")["at"]

    def matching(self, stage: str, told: "pl.Expr", pattern: str) -> "pl.Series":
        """ids of the rows of one table whose text matches."""
        import polars as pl

        scan = pl.scan_parquet(self.tables.paths(stage))
        return scan.filter(told.str.contains(pattern)).select("id").collect()["id"]

    def questions(self) -> "pl.DataFrame":
        """Question and name of the media file of every row, to match sets whose ids differ."""
        import polars as pl

        file = pl.col("media").list.first().struct.field("uri").str.split("/").list.last()
        scan = pl.scan_parquet(self.tables.paths("samples"))
        return scan.select(question="problem", file=file).collect()

    def look(self, position: int, story: Story) -> None:
        """Nothing is left to look up: a build's frames lie in their table."""

    def place(self, position: int) -> tuple[str, int]:
        """The shard of a row, and its place in it."""
        shard = bisect_right(self.ends, position)
        before = self.ends[shard - 1] if shard else 0
        return self.shards[shard], position - before

    def stories(self, positions: Sequence[int]) -> list[Story]:
        """The stories of some rows, without pictures."""
        ids = self.index["id"].gather(list(positions)).to_list()
        shards: dict[str, set[str]] = {}
        for position, identity in zip(positions, ids, strict=True):
            shards.setdefault(self.place(position)[0], set()).add(identity)
        found: dict[str, Story] = {}
        for shard, wanted in shards.items():
            found |= self.told(shard, wanted)
        return [found[identity] for identity in ids]

    def questions_at(self, positions: Sequence[int]) -> list[str]:
        """The questions of some rows, for a list."""
        import pyarrow.parquet as pq

        held: dict[str, Any] = {}
        found: list[str] = []
        for position in positions:
            shard, row = self.place(position)
            if shard not in held:
                file = pq.ParquetFile(self.tables.made["samples"][shard])
                held[shard] = file.read(columns=["problem"])["problem"]
            found.append(held[shard][row].as_py())
        return found

    def told(self, shard: str, wanted: set[str]) -> dict[str, Story]:
        """Stories of some rows of one shard by id."""
        rows: dict[str, dict[str, list[dict[str, Any]]]] = {identity: {} for identity in wanted}
        for stage in self.tables.made:
            path = self.tables.path(stage, shard)
            for row in light_rows(path, stage, wanted) if path else ():
                rows[row["id"]].setdefault(stage, []).append(row)
        return {key: build_story(each, self.tables.probes) for key, each in rows.items()}

    def picture(self, position: int, number: int) -> bytes | None:
        """One frame of a row as it is stored, or None where it has none."""
        frames = self.pictures(position)
        return frames[number] if 0 <= number < len(frames) else None

    def cover(self, position: int) -> bytes | None:
        """The picture in the middle of a row."""
        frames = self.pictures(position)
        return frames[len(frames) // 2] if frames else None

    def pictures(self, position: int) -> list[bytes | None]:
        """All frames of a row as they are stored."""
        shard, row = self.place(position)
        path = self.tables.path("frames", shard)
        return [each["bytes"] for each in stored_frames(path, row)] if path else []


def light_rows(path: Path, stage: str, wanted: set[str]) -> list[dict[str, Any]]:
    """Read some rows of one shard without the bytes of pictures."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    columns = [*FRAME_FACTS, *FRAME_LEAVES] if stage == "frames" else None
    table = pq.ParquetFile(path).read(columns=columns)
    return table.filter(pc.field("id").isin(pa.array(sorted(wanted)))).to_pylist()


def stored_frames(path: Path, row: int) -> list[dict[str, Any]]:
    """Return the frames of the row at a place of a shard."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    ends = list(accumulate(sizes))
    group = bisect_right(ends, row)
    return group_column(path, path.stat().st_mtime_ns, group, "frames")[
        row - (ends[group - 1] if group else 0)
    ].as_py()


@lru_cache(maxsize=GROUPS_HELD)
def group_column(path: Path, _changed: int, group: int, column: str) -> Any:
    """One column of one row group; the last few are held, since neighbours are looked at next."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(path).read_row_group(group, columns=[column])[column]
