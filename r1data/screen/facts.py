"""What screening needs of a build's rows: a few numbers each, so that millions fit into memory."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from r1data.grid.shards import ShardDamaged, is_fresh, read_note
from r1data.screen import text
from r1data.screen.pictures import Hashes, read_hash
from r1data.screen.text import Bags

SAMPLE = ["id", "problem", "options", "problem_type", "solution", "media"]
FRAMES = ["id", "phash", "drop_reason", "drop_detail"]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# Two options are those of very many questions.
TELLING_OPTIONS = 3


class Facts(NamedTuple):
    """What is known of some rows, column by column.

    `content` holds the base forms of what is asked, `order` their sequence as one hash, `endings`
    which form each has; `question` and `everything` hold words as they are, `exact` the question's.
    `chosen_from` says that there are enough options to tell what was asked. `media` names the exact
    bytes and seconds.
    """

    ids: list[str]
    standing: list[bool]
    content: Bags
    question: Bags
    everything: Bags
    order: NDArray[np.uint64]
    endings: list[str]
    exact: NDArray[np.uint64]
    truth: NDArray[np.uint64]
    chosen_from: NDArray[np.bool_]
    option_set: NDArray[np.uint64]
    media: NDArray[np.uint64]
    hashes: list[Hashes | None]
    videos: list[list[int]]


def read_facts(
    samples: Sequence[Path], media: Sequence[Path], frames: Sequence[Path]
) -> tuple[Facts, list[int]]:
    """Read the small columns of all shards; return the facts, and how many rows each shard has."""
    parts = [
        facts_of(
            read_columns(one, SAMPLE),
            read_columns(two, ["id", "files"]),
            read_columns(three, FRAMES),
        )
        for one, two, three in zip(samples, media, frames, strict=True)
    ]
    return together(parts), [len(part.ids) for part in parts]


def read_columns(path: Path, columns: list[str]) -> pa.Table:
    """Read some columns of a shard whose note is fresh, without touching its pictures."""
    note = read_note(path.with_suffix(".json"))
    if note is None or not is_fresh(path, note):
        raise ShardDamaged(path)
    return pq.ParquetFile(path).read(columns=columns)


def facts_of(samples: pa.Table, media: pa.Table, frames: pa.Table) -> Facts:
    """Turn one shard's small columns into numbers."""
    rows = samples.to_pylist()
    questions = [text.words(row["problem"]) for row in rows]
    asked = [text.content(row["problem"]) for row in rows]
    options = [[text.words(each) for each in row["options"] or ()] for row in rows]
    truths = [truth_words(row) for row in rows]
    every = [sum(each, question) for question, each in zip(questions, options, strict=True)]
    files = media["files"].to_pylist()
    return Facts(
        ids=samples["id"].to_pylist(),
        standing=[reason is None for reason in frames["drop_reason"].to_pylist()],
        content=text.bags(map(text.bases, asked)),
        question=text.bags(questions),
        everything=text.bags(every),
        order=numbers(text.text_hash(text.bases(each)) for each in asked),
        endings=[*map(text.endings, asked)],
        exact=numbers(map(text.text_hash, questions)),
        truth=numbers(map(text.text_hash, truths)),
        chosen_from=np.array([len(each) >= TELLING_OPTIONS for each in options], np.bool_),
        option_set=numbers(map(option_hash, options)),
        media=numbers(map(media_hash, rows, files)),
        hashes=[read_hash(each) if each else None for each in frames["phash"].to_pylist()],
        videos=[[*map(video_hash, video_names(row))] for row in rows],
    )


def together(parts: Sequence[Facts]) -> Facts:
    """Put the rows of all parts behind one another."""
    return Facts(*(behind(columns) for columns in zip(*parts, strict=True)))


def behind(columns: Sequence[Any]) -> Any:
    """Put the same column of several parts behind one another."""
    if isinstance(columns[0], Bags):
        return text.join(columns)
    if isinstance(columns[0], list):
        return list(itertools.chain.from_iterable(columns))
    return np.concatenate(columns)


def numbers(values: Iterable[int]) -> NDArray[np.uint64]:
    """Return 64-bit numbers as an array."""
    return np.array(list(values), np.uint64)


def truth_words(row: Mapping[str, Any]) -> list[str]:
    """Return the words of a truth; of a letter, those of its option: options may be shuffled."""
    options, solution = row["options"] or (), row["solution"] or ""
    place = LETTERS.find(solution.strip().upper()) if len(solution.strip()) == 1 else -1
    return text.tokens(options[place] if 0 <= place < len(options) else solution)


def option_hash(options: Sequence[Sequence[str]]) -> int:
    """Return 64 bits of the options in any order."""
    return text.text_hash(sorted(" ".join(each) for each in options))


def media_hash(row: Mapping[str, Any], files: Sequence[Mapping[str, Any]]) -> int:
    """Return 64 bits of the exact media: bytes and the part of them that is asked about."""
    parts = [
        f"{file['sha256']}:{entry['start']}:{entry['end']}"
        for entry, file in zip(row["media"], files, strict=False)
    ]
    return text.text_hash(parts) if parts else text.text_hash(["no media", row["id"]])


def video_names(row: Mapping[str, Any]) -> list[str]:
    """Return the names by which a row's videos are known: those that can mean one video only."""
    return [name for entry in row["media"] for name in known_names(entry["uri"])]


def known_names(uri: str) -> list[str]:
    """Return the file's stem where it is long enough to name one video the world over.

    YouTube's ids have 11 characters and YFCC's 8 to 11 digits; "0.mp4" or "video12" name nothing.
    """
    stem = uri.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return [stem] if len(stem) >= 8 else []


def video_hash(name: str) -> int:
    """Return 64 bits of a video's name; case counts, as in YouTube's ids."""
    return text.text_hash(["video", name])
