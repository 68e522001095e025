"""How long screening takes and how much memory, on made-up rows: python benchmarks/screen.py 10000

Each size runs in a process of its own. One row in ten is a duplicate: the question with a request
around it, its clip re-encoded (3 bits of 64 changed a frame, none of its colours). One in twenty is
a benchmark's item, its clip changed as much as a cut by 5% changes it (7 bits a frame). Prints how
many of each are found, how many others fall out, seconds, seconds of CPU (which a busy machine
changes least) and peak memory.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from r1data.grid.build import Cell
from r1data.grid.shards import Note, write_shard
from r1data.grid.work import Shard
from r1data.schema import arrow_schema
from r1data.screen import index as indexes
from r1data.screen import text
from r1data.screen.facts import option_hash
from r1data.screen.stage import screen_samples

ITEMS, FRAMES, SHARD = 5_000, 16, 50_000
WORDS = [f"{a}{b}" for a in ("bal", "cor", "dun", "fel", "gim", "hox", "jur") for b in "aeiouy"] + [
    f"{a}{b}{c}" for a in "bcdfgklmnprst" for b in "aeiou" for c in ("rn", "lk", "mp", "sh", "ck")
]


def question(rng: np.random.Generator) -> str:
    """A question of eight words out of 367."""
    return "What does the " + " ".join(rng.choice(WORDS, 8)) + "?"


def options(rng: np.random.Generator) -> list[str]:
    """Four options of two words."""
    return [" ".join(rng.choice(WORDS, 2)) for _ in range(4)]


def noisy(frames: np.ndarray, bits: int, rng: np.random.Generator) -> np.ndarray:
    """The same frames with some bits of each turned over."""
    flips = np.uint64(1) << rng.integers(0, 64, (bits, *frames.shape)).astype(np.uint64)
    return frames ^ np.bitwise_xor.reduce(flips)


def make_items(rng: np.random.Generator) -> list[dict]:
    """Write an index of a benchmark with clips; return its items."""
    items = [
        {"problem": question(rng), "options": options(rng), **random_frames(rng)}
        for _ in range(ITEMS)
    ]
    rows = [
        {
            "item": str(number),
            "question": sorted({text.word_hash(word) for word in text.words(item["problem"])}),
            "exact": text.text_hash(text.words(item["problem"])),
            "options": sorted({text.word_hash(w) for o in item["options"] for w in text.words(o)}),
            "option_set": option_hash([text.words(each) for each in item["options"]]),
            "videos": [],
            "frames": item["frames"].tolist(),
            "hues": item["hues"].tolist(),
            "cut": [],
            "cut_hues": [],
        }
        for number, item in enumerate(items)
    ]
    Path(indexes.FOLDER).mkdir()
    table = pa.Table.from_pylist(rows, indexes.COLUMNS)
    facts = {"benchmark": "bench", "version": indexes.VERSION}
    pq.write_table(table.replace_schema_metadata(facts), f"{indexes.FOLDER}/bench.parquet")
    return items


def random_frames(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Hashes of sixteen frames that have much in common, as those of a clip have, and four hues."""
    first = rng.integers(0, 2**64, dtype=np.uint64, endpoint=False)
    levels = rng.integers(1, 4, 4) << 2 * rng.choice(31, 4, replace=False)
    hues = np.full(FRAMES, levels.sum(), np.uint64)
    return {"frames": noisy(np.full(FRAMES, first, np.uint64), 8, rng), "hues": hues}


def make_row(number: int, rng: np.random.Generator, rows: list[dict], items: list[dict]) -> dict:
    """One row: a duplicate of an earlier one (b), a benchmark's item (c), or one of its own (a).

    Of two rows that say the same the one with the smaller id stays.
    """
    kind = rng.random()
    if kind < 0.1 and rows:
        other = rows[int(rng.integers(len(rows)))]
        problem = "In this video, " + other["problem"].removesuffix("?") + ", please?"
        frames = noisy(other["frames"], 3, rng)
        return {**other, "id": f"b/{number}", "problem": problem, "frames": frames}
    if kind < 0.15:
        item = items[int(rng.integers(len(items)))]
        frames = noisy(item["frames"], 7, rng)
        own = {"problem": question(rng), "options": options(rng)}
        return {"id": f"c/{number}", **own, "frames": frames, "hues": item["hues"]}
    own = {"problem": question(rng), "options": options(rng), **random_frames(rng)}
    return {"id": f"a/{number}", **own}


def write_shards(count: int, folder: Path) -> list[list[Path]]:
    """Write the shards of samples, media and frames; return their paths by table."""
    rng = np.random.default_rng(5)
    items = make_items(rng)
    paths: list[list[Path]] = [[], [], []]
    for start in range(0, count, SHARD):
        rows: list[dict] = []
        for number in range(start, min(start + SHARD, count)):
            rows.append(make_row(number, rng, [r for r in rows[-50:] if r["id"][0] == "a"], items))
        for place, (name, table) in enumerate(tables(rows).items()):
            shard = f"{start // SHARD:05d}"
            write_shard(folder / name, table, Note(name, shard, "key", ""), [])
            paths[place].append(folder / name / f"{shard}.parquet")
    return paths


def tables(rows: list[dict]) -> dict[str, pa.Table]:
    """The three tables of one shard."""
    samples = [
        {
            "id": row["id"],
            "problem": row["problem"],
            "options": row["options"],
            "problem_type": "multiple choice",
            "solution": "B",
            "media": [{"uri": f"{row['id'].partition('/')[2]}.mp4"}],
        }
        for row in rows
    ]
    media = [{"id": row["id"], "files": [{"sha256": row["id"]}]} for row in rows]
    frames = [{"id": row["id"], "phash": phash(row)} for row in rows]
    return {
        "sample": pa.Table.from_pylist(samples, arrow_schema("sample")),
        "media": pa.Table.from_pylist(media, arrow_schema("media")),
        "frames": pa.Table.from_pylist(frames, arrow_schema("frames")),
    }


def phash(row: dict) -> str:
    """The column of that name: frames in grey, then their hues."""
    return ":".join(row[name].astype(">u8").tobytes().hex() for name in ("frames", "hues"))


def measure(folder: Path) -> None:
    """Screen what lies in `folder`; print one line."""
    paths = [sorted((folder / name).glob("*.parquet")) for name in ("sample", "media", "frames")]
    asked = {"duplicates": True, "decontaminate": ["bench"], "against": []}
    cell = Cell("screen", "all", asked, {}, folder, folder / "4.screen")
    began, cpu = time.monotonic(), time.process_time()
    rows = [
        (row["id"].partition("/")[0], row["drop_reason"])
        for shard in screen_samples(*paths, cell=cell)
        if isinstance(shard, Shard)
        for row in shard.table.select(["id", "drop_reason"]).to_pylist()
    ]
    seconds, cpu = time.monotonic() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{len(rows):>9,} rows  {seconds:7.1f} s  {cpu:6.1f} s of CPU  {peak:5.2f} GB  "
        f"duplicates found {share(rows, 'b', 'duplicate'):.4f}  "
        f"leaks found {share(rows, 'c', 'contaminated'):.4f}  "
        f"others dropped {share(rows, 'a', None):.5f}"
    )


def share(rows: list[tuple[str, str | None]], kind: str, reason: str | None) -> float:
    """The share of a kind that fell out for a reason, or for any."""
    mine = [found for each, found in rows if each == kind]
    hits = [found for found in mine if (found == reason if reason else found)]
    return len(hits) / max(1, len(mine))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int, nargs="+")
    parser.add_argument("--make", action="store_true", help="only write the rows here")
    parser.add_argument("--measure", action="store_true", help="only screen what lies here")
    given = parser.parse_args()
    if given.make:
        write_shards(given.rows[0], Path())
    elif given.measure:
        measure(Path())
    else:
        for count in given.rows:
            apart(count)


def apart(count: int) -> None:
    """Make and screen in two processes, so that making does not count."""
    command = [sys.executable, str(Path(__file__).resolve()), str(count)]
    with tempfile.TemporaryDirectory() as folder:
        for step in ("--make", "--measure"):
            subprocess.run([*command, step], cwd=folder, check=True)


if __name__ == "__main__":
    main()
