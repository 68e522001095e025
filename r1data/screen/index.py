"""A benchmark's index: what is needed to find its items again, and nothing that gives them away.

One row an item, hashes only: words of the question, the options, names of the video, its frames.
It can be published where the benchmark itself cannot.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from r1data.errors import InputError, RecipeError, UsageError
from r1data.grid.shards import file_sha256, replace_file
from r1data.kinds import TABLE, instead
from r1data.labels import bare_texts
from r1data.screen import text
from r1data.screen.facts import known_names, option_hash, video_hash
from r1data.screen.pictures import Hashes, read_hash
from r1data.screen.text import Bags
from r1data.sources.reading import read_rows

FOLDER = "indexes"
VERSION = "3"
HASH = pa.uint64()
COLUMNS = pa.schema(
    [
        ("item", pa.string()),
        ("question", pa.list_(HASH)),
        ("exact", HASH),
        ("options", pa.list_(HASH)),
        ("option_set", HASH),
        ("videos", pa.list_(HASH)),
        ("frames", pa.list_(HASH)),
        ("hues", pa.list_(HASH)),
        ("cut", pa.list_(HASH)),
        ("cut_hues", pa.list_(HASH)),
    ]
)
# Copies are often cut at their edges, which moves what a perceptual hash sees: frames are hashed a
# second time without a twentieth on each side.
CUT = 20
NO_FRAMES: dict[str, list[int]] = {"frames": [], "hues": [], "cut": [], "cut_hues": []}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
YOUTUBE = text.re.compile(r"(?:youtube\.com/watch\?v=|youtu\.be/)([\w-]{11})")
QUESTION, ANSWERS = ("problem", "question"), ("options", "candidates", "choices")
ITEM, PLACE = ("question_id", "problem_id", "id", "qid"), ("path", "video", "media", "videoID")


class Index(NamedTuple):
    """An index as it is searched. `templated` says that the question stands on several videos.

    `frames` are (frames, 2), grey and hues; `cuts` the same without their edges.
    """

    name: str
    items: list[str]
    question: Bags
    exact: NDArray[np.uint64]
    everything: Bags
    option_set: NDArray[np.uint64]
    templated: NDArray[np.bool_]
    videos: list[list[int]]
    frames: list[Hashes]
    cuts: list[Hashes]


def make_index(
    questions: str | Path, name: str | None = None, media_root: str | Path | None = None
) -> Path:
    """Write indexes/NAME.parquet from a benchmark's questions; return its path.

    `questions` is a JSON, JSONL, CSV or Parquet file; `media_root` is the folder that its media
    paths are relative to: with it the frames of every video are hashed, too. Raises UsageError or
    InputError.
    """
    path = Path(questions)
    if not path.is_file():
        raise UsageError(instead(path, TABLE))
    root = Path(media_root) if media_root else None
    if root is not None and not root.is_dir():
        raise UsageError(f"--media-root {root}: there is no such folder")
    name = name or path.stem
    if not NAME.fullmatch(name):
        raise UsageError(f"--name {name}: letters, digits, '.', '_' and '-' only")
    rows = [
        item(raw.row, number, path, root) for number, raw in enumerate(read_rows(path), start=1)
    ]
    table = pa.Table.from_pylist(rows, COLUMNS)
    table = table.replace_schema_metadata({"benchmark": name, "version": VERSION})
    out = Path(FOLDER) / f"{name}.parquet"
    replace_file(out, lambda place: pq.write_table(table, place, compression="zstd"))
    return out


def item(row: Mapping[str, Any], number: int, path: Path, root: Path | None) -> dict[str, Any]:
    """Turn one question into its row of the index."""
    problem = first(row, QUESTION)
    if not isinstance(problem, str):
        raise InputError(
            f"{path}, row {number}: no question under {' or '.join(QUESTION)} "
            f"(the row has: {', '.join(map(str, row))})"
        )
    options = [text.words(each) for each in bare_texts(tuple(listed_options(row)))]
    place = first(row, PLACE)
    names = known_names(str(place)) if place else []
    names += YOUTUBE.findall(json.dumps(row, ensure_ascii=False, default=str))
    seen = frame_hashes(root / str(place)) if root is not None and place else NO_FRAMES
    return {
        "item": str(first(row, ITEM) if first(row, ITEM) is not None else number),
        "question": sorted(map(text.word_hash, set(text.words(problem)))),
        "exact": text.text_hash(text.words(problem)),
        "options": sorted({text.word_hash(word) for each in options for word in each}),
        "option_set": option_hash(options),
        "videos": sorted({video_hash(name) for name in names}),
        **seen,
    }


def listed_options(row: Mapping[str, Any]) -> Sequence[str]:
    """Return the options as they stand; NExT-QA and others have one column each, a0 to a4."""
    given = first(row, ANSWERS)
    if isinstance(given, list):
        return [str(each) for each in given]
    return [str(row[f"a{i}"]) for i in range(10) if row.get(f"a{i}") not in (None, "")]


def first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    """Return the first of several columns that a row has."""
    return next((row[name] for name in names if row.get(name) not in (None, "")), None)


def frame_hashes(path: Path) -> dict[str, list[int]]:
    """Return the hashes of sixteen frames of a video, whole and cut; none of what is no video."""
    from r1data.errors import RowDrop
    from r1data.frames.jpeg import frames_hash
    from r1data.frames.sampling import sample

    try:
        images = sample(path).images
    except RowDrop:
        return NO_FRAMES
    down, across = (side // CUT for side in images.shape[1:3])
    cut = images[:, down : images.shape[1] - down, across : images.shape[2] - across]
    columns = (read_hash(frames_hash(each)).T.tolist() for each in (images, cut))
    return dict(zip(NO_FRAMES, [part for both in columns for part in both], strict=True))


def index_path(name: str) -> Path:
    """Return the file of an index: a path that ends in .parquet, or a name in indexes/."""
    path = Path(name) if name.endswith(".parquet") else Path(FOLDER) / f"{name}.parquet"
    if not path.is_file():
        raise RecipeError(
            f"screen.decontaminate: no index at {path}; make it from the benchmark's questions "
            f"with: r1data screen index FILE --name {Path(name).stem}"
        )
    return path


def index_sha256(name: str) -> str:
    """Return the digest of an index, which enters the key of the stage that searches it."""
    return file_sha256(index_path(name))


def read_index(name: str) -> Index:
    """Read an index for searching."""
    path = index_path(name)
    try:
        table = pq.read_table(path)
    except pa.ArrowException as problem:
        raise InputError(f"{path} is no index: {problem}") from problem
    facts = table.schema.metadata or {}
    if facts.get(b"version") != VERSION.encode() or b"benchmark" not in facts:
        raise InputError(
            f"{path} is no index, or one of another version: make it with r1data screen index"
        )
    rows = table.to_pylist()
    keys = [(row["exact"], row["option_set"]) for row in rows]
    videos: dict[tuple[int, int], set[tuple[int, ...]]] = {}
    for key, row in zip(keys, rows, strict=True):
        videos.setdefault(key, set()).add(tuple(row["videos"]))
    return Index(
        name=facts[b"benchmark"].decode(),
        items=[row["item"] for row in rows],
        question=as_bags([row["question"] for row in rows]),
        exact=np.array([row["exact"] for row in rows], np.uint64),
        everything=as_bags([sorted({*row["question"], *row["options"]}) for row in rows]),
        option_set=np.array([row["option_set"] for row in rows], np.uint64),
        templated=np.array([len(videos[key]) > 1 for key in keys]),
        videos=[row["videos"] for row in rows],
        frames=[pictures(row["frames"], row["hues"]) for row in rows],
        cuts=[pictures(row["cut"], row["cut_hues"]) for row in rows],
    )


def pictures(frames: Sequence[int], hues: Sequence[int]) -> Hashes:
    """Put what frames look like in grey and their hues side by side, as `read_hash` gives them."""
    return np.array([frames, hues], np.uint64).T


def as_bags(rows: Sequence[Sequence[int]]) -> Bags:
    """Return hashed words as bags; an empty row gets a word of its own kind."""
    filled = [row or [0] for row in rows]
    offsets = np.cumsum([0, *(len(row) for row in filled)])
    return Bags(np.array([each for row in filled for each in row], np.uint64), offsets)
