"""Rows of a release, or of any question set, for people: paged from Parquet by row group."""

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from r1data.errors import UsageError
from r1data.report.buildrows import group_column
from r1data.report.loosemedia import Clip, clip_of, file_of
from r1data.report.story import Story, published_story
from r1data.sources.reading import light_columns

if TYPE_CHECKING:
    import polars as pl

# Columns that may hold pictures: as a list of them, or one.
LISTS, SINGLES = ("frames", "images"), ("image",)
STILLS = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
TEXTS = ("id", "problem", "solution", "process")
# Rows of one group without their pictures: 50,000 rows of a text config are about 100 MB.
GROUPS_HELD = 3


class Group(NamedTuple):
    """One row group of one file; `end` is the position after its last row."""

    path: Path
    number: int
    end: int


class SetRows:
    """All rows of some Parquet files with Video-R1's columns, in order of the files.

    `row_text` says that the files have just been made of question files: a column `row` then holds
    each row as JSON. `root` is the folder that paths of media are relative to.
    """

    def __init__(
        self, name: str, files: Sequence[Path], root: Path, row_text: bool = False
    ) -> None:
        import pyarrow.parquet as pq

        self.name, self.files, self.root, self.row_text = name, list(files), root, row_text
        self.groups: list[Group] = []
        end = 0
        for path in self.files:
            facts = pq.ParquetFile(path).metadata
            for number in range(facts.num_row_groups):
                end += facts.row_group(number).num_rows
                self.groups.append(Group(path, number, end))
        if not end:
            raise UsageError(f"{name} holds no rows")
        self.ends = [group.end for group in self.groups]

    @cached_property
    def index(self) -> "pl.DataFrame":
        """id, chain, source, type, kind, reason and reward of every row."""
        import polars as pl

        parts = [light_index(path) for path in self.files]
        return pl.concat(parts).with_columns(
            id=pl.coalesce("id", pl.concat_str(pl.lit("row "), pl.int_range(1, pl.len() + 1)))
        )

    def find(self, words: str) -> "pl.Series":
        """Positions of the rows whose texts hold these words."""
        import polars as pl

        pattern = "(?i)" + pl.escape_regex(words)
        found: list[pl.Series] = []
        before = 0
        for path in self.files:
            scan = pl.scan_parquet(path).with_row_index("at", offset=before)
            told = told_texts(scan.collect_schema(), self.row_text)
            found.append(scan.filter(told.str.contains(pattern)).select("at").collect()["at"])
            before = next(g.end for g in reversed(self.groups) if g.path == path)
        return pl.concat(found)

    def questions(self) -> "pl.DataFrame":
        """Question and name of the media file of every row, to match sets whose ids differ."""
        import polars as pl

        parts: list[pl.DataFrame] = []
        for path in self.files:
            frame = pl.scan_parquet(path)
            names = frame.collect_schema().names()
            file = pl.col("path") if "path" in names else pl.lit("")
            parts.append(
                frame.select(question="problem", file=file.str.split("/").list.last()).collect()
            )
        return pl.concat(parts)

    def stories(self, positions: Sequence[int]) -> list[Story]:
        """The stories of some rows, without pictures."""
        ids = self.index["id"].gather(list(positions)).to_list()
        sources = self.index["source"].gather(list(positions)).to_list()
        made: list[Story] = []
        for position, identity, source in zip(positions, ids, sources, strict=True):
            row = self.row(position)
            story = published_story(row, identity, source)
            story["chain"] = row.get("chain") or 0
            story["frames"]["list"] = self.frame_facts(row)
            made.append(story)
        return made

    def questions_at(self, positions: Sequence[int]) -> list[str]:
        """The questions of some rows, for a list."""
        found: list[str] = []
        for position in positions:
            group, at = self.place(position)
            stamp = group.path.stat().st_mtime_ns
            text = group_column(group.path, stamp, group.number, "problem")[at].as_py()
            found.append(str(text or ""))
        return found

    def row(self, position: int) -> dict[str, Any]:
        """One row without the bytes of its pictures."""
        group, at = self.place(position)
        table = light_group(group.path, group.path.stat().st_mtime_ns, group.number)
        row = table.slice(at, 1).to_pylist()[0]
        return json.loads(row["row"]) if self.row_text else row

    def place(self, position: int) -> tuple[Group, int]:
        """The row group of a row, and its place in it."""
        number = bisect_right(self.ends, position)
        return self.groups[number], position - (self.ends[number - 1] if number else 0)

    def frame_facts(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What is known of a row's pictures; a row that only names its file is looked at later."""
        times = row.get("frame_times") or []
        for name in LISTS:
            if row.get(name):
                long = len(row[name])
                return [
                    {"time": times[i] if i < len(times) else None, "index": i} for i in range(long)
                ]
        if any(row.get(name) for name in SINGLES) or file_of(self.root, row) is not None:
            return [{"time": None, "index": 0}]
        return []

    def clip(self, row: Mapping[str, Any]) -> Clip | None:
        """Frames of the clip that a row names, where it is a clip and lies here."""
        path = file_of(self.root, row)
        held = any(row.get(name) for name in (*LISTS, *SINGLES))
        return clip_of(path, path.stat().st_mtime_ns) if path is not None and not held else None

    def look(self, position: int, story: Story) -> None:
        """Fill in times of frames that are not in the row but in its file."""
        clip = self.clip(self.row(position))
        if clip is not None:
            story["frames"].update(list=[{"time": t, "index": i} for i, t in enumerate(clip.times)])
            story["frames"]["why"] = clip.why

    def cover(self, position: int) -> bytes | None:
        """The picture in the middle of a row, where the row holds pictures or names one."""
        row = self.row(position)
        long = len(self.frame_facts(row))
        path = None if long > 1 else file_of(self.root, row)
        if path is not None and path.suffix.lower() not in STILLS:
            return None  # decoding fifty clips for a list takes seconds
        return self.picture(position, long // 2) if long else None

    def picture(self, position: int, number: int) -> bytes | None:
        """One picture of a row, or None where there is none."""
        row = self.row(position)
        group, at = self.place(position)
        for name in (*LISTS, *SINGLES):
            if row.get(name):
                stamp = group.path.stat().st_mtime_ns
                held = group_column(group.path, stamp, group.number, name)[at].as_py()
                listed = held if isinstance(held, list) else [held]
                found = listed[number] if 0 <= number < len(listed) else None
                return found["bytes"] if isinstance(found, Mapping) else found
        clip = self.clip(row)
        if clip is not None:
            return clip.jpegs[number] if 0 <= number < len(clip.jpegs) else None
        return None


def light_index(path: Path) -> "pl.DataFrame":
    """The index of one file; what it lacks is empty. Raises UsageError without questions."""
    import polars as pl

    scan = pl.scan_parquet(path)
    schema = scan.collect_schema()
    if "problem" not in schema:
        there = ", ".join(schema.names())
        raise UsageError(f"{path} has no column 'problem': it has {there}")
    text = {
        "id": ("id", "problem_id"),
        "source": ("data_source", "source"),
        "reason": ("drop_reason",),
    }
    made = [first_of(schema, names, pl.String).alias(name) for name, names in text.items()]
    made[1] = made[1].fill_null(path.stem)
    made[2] = made[2].fill_null("")
    made += [
        first_of(schema, (column,), pl.String).fill_null("").alias(name)
        for column, name in (("problem_type", "type"), ("data_type", "kind"))
    ]
    made.append(first_of(schema, ("reward",), pl.Float64).alias("reward"))
    made.append(first_of(schema, ("chain",), pl.Int64).fill_null(0).alias("chain"))
    return scan.select(made, count=pl.int_range(pl.len())).drop("count").collect()


def first_of(schema: "pl.Schema", names: Sequence[str], kind: Any) -> "pl.Expr":
    """The first column of these that a file has, as a kind; nulls where it has none."""
    import polars as pl

    name = next((each for each in names if each in schema), None)
    return pl.col(name).cast(kind) if name else pl.lit(None, kind)


def told_texts(schema: "pl.Schema", row_text: bool) -> "pl.Expr":
    """All texts of a row in one, for the search."""
    import polars as pl

    if row_text:
        return pl.concat_str(pl.col("problem"), pl.col("rest"), separator="\n")
    told = [pl.col(name).cast(pl.String).fill_null("") for name in TEXTS if name in schema]
    if isinstance(schema.get("options"), pl.List):
        told.append(pl.col("options").list.join(" ").fill_null(""))
    return pl.concat_str(told, separator="\n")


@lru_cache(maxsize=GROUPS_HELD)
def light_group(path: Path, _changed: int, number: int) -> Any:
    """One row group without the bytes of pictures; the last few are held."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    return file.read_row_group(number, columns=light_columns(file.schema))
