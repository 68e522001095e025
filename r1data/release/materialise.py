"""r1data materialise: a release without media becomes one with pictures again.

The questions are read from their sources, only the media of the rows are fetched and compared with
the hashes that the rows carry, and frames are taken by each row's own rule and decoder. What cannot
be brought back is left out by name. Fetched files and frames stay in a folder beside `out` until
all is done, so that the same command goes on after a kill.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from r1data.errors import UsageError
from r1data.frames.stage import TAKE, frame_row
from r1data.grid.build import Cell
from r1data.grid.guard import Guarded
from r1data.grid.shards import replace_file, write_text
from r1data.media.stage import find_rows
from r1data.recipe import Recipe
from r1data.release.again import (
    Wanted,
    load_card_recipe,
    pin_revisions,
    samples_of,
    wanted_rows,
    write_card,
)
from r1data.release.features import typed
from r1data.release.layout import read_rows, release_folder, shards_of
from r1data.release.rewriting import Pictures, write_again
from r1data.release.rows import sample_part
from r1data.schema import arrow_schema

# Questions whose media are brought and whose frames are taken together: 20 MB of pictures.
AT_ONCE = 64
QUESTION = ("problem", "options", "solution")
Row = Mapping[str, Any]


class Materialised(NamedTuple):
    """What came back: rows, those left out with the reason, and how many pictures differ."""

    out: Path
    rows: int
    left_out: dict[str, str]
    other_pictures: list[str]

    def text(self) -> str:
        """Return the outcome for a person."""
        lines = [f"{self.out}: {self.rows:,} rows with their pictures"]
        if self.other_pictures:
            many = len(self.other_pictures)
            lines.append(f"  {many:,} of them with other bytes than before: other decoder versions")
        lines += [f"  left out: {name}: {why}" for name, why in self.left_out.items()]
        return "\n".join(lines)


def materialise(
    path: str | Path,
    out: str | Path,
    *,
    recipe: str | Path | None = None,
    overrides: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Materialised:
    """Bring back the media of the release at `path` into the new folder `out`.

    Where the sources lie comes from the recipe in the release's card, from `recipe` (only its
    sources are read) and from `overrides` such as "sources.own.root=copies/own". Raises UsageError
    where there is nothing to do or nowhere to write.
    """
    folder, target = release_folder(path), Path(out)
    if shards_of(folder, "frames"):
        raise UsageError(f"{folder} holds its pictures: there is nothing to bring back")
    if target.exists() and any(target.iterdir()):
        raise UsageError(f"{target} holds files already: name a new folder with --out")
    config = "text" if shards_of(folder, "text") else "index-only"
    asked = load_card_recipe(folder, recipe, overrides)
    work = target.with_name(f".{target.name}.work")
    cell = cell_of(asked, work)
    wanted = wanted_rows(folder, config)
    pin_revisions(wanted, work)
    samples, left_out = samples_of(wanted, asked, cell)
    say(f"{len(samples):,} of {len(wanted):,} questions found in their sources")
    pictures, faults = take_all(wanted, samples, cell, say)
    left_out |= faults
    done = assemble(folder, config, target, samples, pictures, asked, left_out)
    shutil.rmtree(work)
    return done


def cell_of(recipe: Recipe, work: Path) -> Cell:
    """Return the cell in which media are brought and frames are taken."""
    entries = {name: dict(entry) for name, entry in recipe.sources.items()}
    media = work / "media"
    media.mkdir(parents=True, exist_ok=True)
    settings = {"entries": entries, "media": str(media), "seed": recipe.seed}
    return Cell("materialise", "", asdict(recipe.frames), settings, work, work)


def take_all(
    wanted: Mapping[str, Wanted],
    samples: Mapping[str, Row],
    cell: Cell,
    say: Callable[[str], None],
) -> tuple[Pictures, dict[str, str]]:
    """Take the frames of all questions; what was taken before a kill is not taken again."""
    place: dict[str, tuple[Path, int]] = {}
    differ: list[str] = []
    faults: dict[str, str] = {}
    ids = list(samples)
    # Packed archives are read through once for all that this table names.
    table = pa.Table.from_pylist(list(samples.values()), arrow_schema("sample"))
    replace_file(
        cell.build / "1.samples" / "00000.parquet", lambda path: pq.write_table(table, path)
    )
    with Guarded(TAKE) as guarded:
        for start in range(0, len(ids), AT_ONCE):
            mine = ids[start : start + AT_ONCE]
            taken = take_some([samples[each] for each in mine], wanted, guarded, cell)
            faults |= {row["id"]: row["fault"] for row in taken if row["fault"]}
            good = [row for row in taken if not row["fault"]]
            differ += [row["id"] for row in good if row["differs"]]
            path = cell.build / f"frames-{start:09d}.parquet"
            keep(path, good)
            place |= {row["id"]: (path, number) for number, row in enumerate(good)}
            say(f"{min(start + AT_ONCE, len(ids)):,} of {len(ids):,} questions have pictures")
    return Pictures(place, differ), faults


def keep(path: Path, rows: Sequence[Row]) -> None:
    """Write the pictures of some questions, one row a row group: each is read alone."""
    schema = pa.schema([("pictures", pa.list_(pa.binary())), ("decoder", pa.string())])
    shaped = [{"pictures": row["pictures"], "decoder": row["decoder"]} for row in rows]
    table = pa.Table.from_pylist(shaped, schema)
    replace_file(path, lambda place: pq.write_table(table, place, row_group_size=1))


def take_some(
    samples: Sequence[Row], wanted: Mapping[str, Wanted], guarded: Guarded, cell: Cell
) -> list[dict[str, Any]]:
    """Bring the media of some questions and take their frames."""
    plain = [dict(sample) for sample in samples]
    found = find_rows(plain, cell)
    return [
        take_one(sample, media, wanted[sample["id"]], guarded, cell)
        for sample, media in zip(plain, found, strict=True)
    ]


def take_one(sample: Row, media: Row, row: Wanted, guarded: Guarded, cell: Cell) -> dict[str, Any]:
    """Take the frames of one question by its own rule, or say why they are not those it had."""
    made = {"id": sample["id"], "fault": None, "differs": False}
    here = [file["sha256"] for file in media["files"]]
    if media["drop_reason"]:
        return {**made, "fault": f"{media['drop_reason']}: {media['drop_detail']}"}
    if here != row.media_sha256:
        return {**made, "fault": "bad_checksum: the source's file is another one than it was"}
    frames = frame_row(sample, media, guarded, replace(cell, options=own_rule(row, cell)))
    if frames["drop_reason"]:
        return {**made, "fault": f"{frames['drop_reason']}: {frames['drop_detail']}"}
    times = [each["time"] for each in frames["frames"] if each["time"] is not None]
    if times != row.frame_times:
        return {**made, "fault": f"other frames: {frames['decoder']} gives other times than before"}
    pictures = [each["bytes"] for each in frames["frames"]]
    return {
        **made,
        "pictures": pictures,
        "decoder": frames["decoder"],
        "differs": row.differs(pictures),
    }


def own_rule(row: Wanted, cell: Cell) -> dict[str, Any]:
    """Return the options of the frames stage by which a row's pictures were taken."""
    name, _, count = row.sampler.rpartition("-")
    options = dict(cell.options)
    if row.data_type == "image":
        return options
    decoder = row.decoder.split()[0].partition("+")[0]
    return {**options, "sampler": name, "count": int(count), "backend": decoder}


def assemble(
    folder: Path,
    config: str,
    target: Path,
    samples: Mapping[str, Row],
    pictures: Pictures,
    recipe: Recipe,
    left_out: Mapping[str, str],
) -> Materialised:
    """Write the release with pictures aside, and put it in its place in one step."""
    aside = target.with_name(f".{target.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    first = pq.read_schema(shards_of(folder, config)[0])
    id_type = first.field("problem_id").type
    columns = {name: typed(name, id_type) for name in ("frames", "text")}
    counts = write_again(
        aside,
        {name: each.schema for name, each in columns.items()},
        lambda: whole_rows(folder, config, samples, pictures),
        pictures,
        recipe.release.shard_mb,
    )
    if left_out:
        lines = "".join(f"{name}\t{why}\n" for name, why in sorted(left_out.items()))
        write_text(aside / "left_out.tsv", lines)
    features = {name: each.features for name, each in columns.items()}
    rows = sum(count for path, count in counts.items() if path.startswith("data/"))
    write_card(folder, aside, counts, features, len(left_out), rows)
    if target.exists():
        target.rmdir()
    aside.replace(target)
    return Materialised(target, rows, dict(left_out), pictures.differ)


def whole_rows(
    folder: Path, config: str, samples: Mapping[str, Row], pictures: Pictures
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (split, row) of those rows that came back, with their question."""
    for split, row in read_rows(folder, config):
        if row["id"] not in pictures.place:
            continue
        if config == "index-only":
            question = sample_part(samples[row["id"]])
            row |= {name: question[name] for name in QUESTION}
            row.pop("frames_sha256")
        yield split, row
