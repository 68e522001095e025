"""How long the report of a large build takes, and how fast the viewer opens and pages.

    python benchmarks/report.py --rows 20000 --view-rows 200000 --folder /tmp/r1data-bench

The builds are made up, but their Parquet files and notes are those that a build writes. Prints
seconds, megabytes and, for paging, the median and the worst of fifty pages.
"""

import argparse
import io
import json
import random
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image

from r1data.grid.shards import Note, write_shard
from r1data.schema import arrow_schema

TYPES = ("multiple choice", "numerical", "OCR", "free-form", "regression")
WORDS = (
    *("the", "red", "square", "enters", "at", "left", "edge", "in", "frame", "then", "moves"),
    *("up", "and", "a", "blue", "circle", "follows"),
)
SHARD = 256


def picture(rng: random.Random) -> bytes:
    """A noisy JPEG of about two kilobytes."""
    small = Image.frombytes("RGB", (28, 20), rng.randbytes(28 * 20 * 3)).resize((168, 120))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=60)
    return out.getvalue()


def sentence(rng: random.Random, words: int) -> str:
    return " ".join(rng.choices(WORDS, k=words))


def sample(i: int, rng: random.Random) -> dict[str, Any]:
    kind = TYPES[i % 5]
    choice = kind == "multiple choice"
    return {
        "id": f"s{i % 12}/{i:06d}",
        "source": f"s{i % 12}",
        "split": None,
        "problem": f"Question {i}: {sentence(rng, 18)}?",
        "options": [sentence(rng, 4) for _ in range(4)] if choice else [],
        "problem_type": kind,
        "solution": rng.choice("ABCD") if choice else str(rng.randint(1, 99)),
        "data_type": "video",
        "media": [{"role": "question", "kind": "video", "uri": f"clips/{i}.mp4"}],
        "license": {"annotations": "MIT", "media": "MIT", "non_commercial": False, "gated": False},
        "origin": {"file": "q.json", "row": str(i)},
        "extra": "{}",
        "drop_reason": None,
        "drop_detail": None,
    }


def blank(schema: str) -> dict[str, Any]:
    return dict.fromkeys(arrow_schema(schema).names)


def shard_tables(first: int, rows: int, frames: int, pool: list[bytes]) -> dict[str, Any]:
    """Rows of every table of one shard."""
    rng = random.Random(first)
    samples = [sample(i, rng) for i in range(first, first + rows)]
    made: dict[str, Any] = {"1.samples:sample": samples}
    made["2.media:media"] = [{**blank("media"), "id": s["id"], "files": []} for s in samples]
    taken = [
        {"bytes": rng.choice(pool), "time": k * 1.7, "index": k, "width": 168, "height": 120}
        for k in range(frames)
    ]
    made["3.frames:frames"] = [
        {**blank("frames"), "id": s["id"], "sampler": f"uniform-{frames}", "frames": taken}
        for s in samples
    ]
    made["6.responses:response"], made["7.verdicts:verdict"], made["8.selection:selection"] = (
        [],
        [],
        [],
    )
    for s in samples:
        right = rng.random() < 0.7
        for k in range(2):
            said = s["solution"] if right else "Z"
            text = f"<think>{sentence(rng, 120)}</think><answer>{said}</answer>"
            made["6.responses:response"].append(
                {**blank("response"), "id": s["id"], "k": k, "model": "m", "params": "{}",
                 "prompt_sha256": "", "request_sha256": "", "text": text, "finish_reason": "stop",
                 "tokens_in": 2000, "tokens_out": 160, "seconds": 2.0, "tries": 1}
            )  # fmt: skip
            made["7.verdicts:verdict"].append(
                {**blank("verdict"), "id": s["id"], "k": k, "preset": "canonical", "rule": "r",
                 "version": 1, "reward": float(right), "right": right, "seen": "A", "why": "letter"}
            )  # fmt: skip
        fell = {} if right else {"drop_reason": "wrong", "drop_detail": "none of 2 right"}
        made["8.selection:selection"].append(
            {**blank("selection"), "id": s["id"], "k": 0 if right else None,
             "pass_rate": float(right), **fell}
        )  # fmt: skip
    return made


def make_build(folder: Path, rows: int, frames: int) -> None:
    """Write a build that has come as far as its selection."""
    if (folder / "build.json").is_file():
        return
    rng = random.Random(0)
    pool = [picture(rng) for _ in range(64)]
    for number, first in enumerate(range(0, rows, SHARD)):
        for name, listed in shard_tables(first, min(SHARD, rows - first), frames, pool).items():
            room, _, schema = name.partition(":")
            table = pa.Table.from_pylist(listed, arrow_schema(schema))
            note = Note(room.partition(".")[2], f"{number:05d}", "key", "", seconds=1.0)
            (folder / room).mkdir(parents=True, exist_ok=True)
            write_shard(folder / room, table, note, ())
    (folder / "recipe.yaml").write_text("pipeline: cot\nname: bench\nsources: {}\n")
    (folder / "build.json").write_text('{"name": "bench", "r1data": "0", "python": "3"}')


def make_json(path: Path, rows: int) -> None:
    """Write question files in Video-R1's form."""
    if path.is_file():
        return
    rng = random.Random(1)
    with path.open("w") as file:
        for i in range(rows):
            s = sample(i, rng)
            chain = f"<think>{sentence(rng, 120)}</think>"
            row = {"problem_id": i, "problem": s["problem"], "data_type": "video",
                   "problem_type": s["problem_type"], "process": chain,
                   "options": [f"{x}. {o}" for x, o in zip("ABCD", s["options"], strict=False)],
                   "solution": f"<answer>{s['solution']}</answer>", "path": f"./{i}.mp4",
                   "data_source": s["source"]}  # fmt: skip
            file.write(("[" if i == 0 else ",\n") + json.dumps(row))
        file.write("]")


def make_release(folder: Path, source: Path) -> None:
    """Write the same rows as Parquet with pictures in row groups of a hundred."""
    import pyarrow.parquet as pq

    if folder.is_dir():
        return
    rng = random.Random(2)
    pool = [picture(rng) for _ in range(64)]
    rows = json.loads(source.read_text())
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text("# bench\n")
    writer = None
    for first in range(0, len(rows), 1000):
        part = rows[first : first + 1000]
        for row in part:
            row["frames"] = [{"bytes": rng.choice(pool), "path": None} for _ in range(4)]
        table = pa.Table.from_pylist(part)
        if first % 50_000 == 0:
            if writer is not None:
                writer.close()
            name = f"train-all-{first // 50_000:05d}.parquet"
            writer = pq.ParquetWriter(folder / "data" / name, table.schema)
        assert writer is not None
        writer.write_table(table, row_group_size=100)
    if writer is not None:
        writer.close()


def look(path: Path) -> None:
    """Open a viewer as the command does, and ask for pages as the page does."""
    from r1data.report.asking import Viewer
    from r1data.report.opening import open_rows
    from r1data.report.reviews import Reviews
    from r1data.report.serve import viewer_page

    began, cpu = time.perf_counter(), time.process_time()
    viewer = Viewer(open_rows(path), None, Reviews(Path("none.jsonl")))
    viewer_page(viewer)
    opened = f"{time.perf_counter() - began:.2f} s ({time.process_time() - cpu:.2f} s of CPU)"
    rng = random.Random(3)
    total = viewer.index.height
    pages = [timed(lambda: viewer.page({}, rng.randrange(total), 50)) for _ in range(50)]
    one = [timed(lambda: viewer.story(f"{rng.randrange(total)}.-1")) for _ in range(20)]
    frame = [timed(lambda: viewer.rows.picture(rng.randrange(total), 0)) for _ in range(20)]
    found = timed(lambda: viewer.page({"words": f"question {total // 2}:"}, 0, 50))
    picked = timed(lambda: viewer.page({"source": "s3", "type": "OCR"}, 0, 50))
    print(
        f"{path.name}: {total:,} rows, open {opened}, page {told(pages)}, row {told(one)}, "
        f"picture {told(frame)}, filter {picked * 1000:.0f} ms, search {found * 1000:.0f} ms, "
        f"{peak():.0f} MB"
    )


def peak() -> float:
    """Most memory of this process in MB; what rusage says would be its parent's."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def told(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.0f} (worst {max(seconds) * 1000:.0f}) ms"


def timed(act: Any) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def report(path: Path) -> None:
    """Write the report of a build as the command does."""
    from r1data.building import open_build
    from r1data.report.write import write_report

    began = time.perf_counter()
    page = write_report(open_build(path))
    took, size = time.perf_counter() - began, page.stat().st_size
    print(
        f"report of {path.name}: {took:.1f} s ({time.process_time():.1f} s of CPU), "
        f"{peak():.0f} MB, page {size:,} bytes"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--view-rows", type=int, default=200_000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.only:
        {"look": look, "report": report}[asked.only[0]](Path(asked.only[1]))
        return
    asked.folder.mkdir(parents=True, exist_ok=True)
    make_build(asked.folder / "report-build", asked.rows, 16)
    make_build(asked.folder / "view-build", asked.view_rows, 2)
    make_json(asked.folder / "view.json", asked.view_rows)
    make_release(asked.folder / "view-release", asked.folder / "view.json")
    # each in a process of its own, so that memory is its own
    for what, name in (
        ("report", "report-build"),
        ("look", "view-build"),
        ("look", "view-release"),
        ("look", "view.json"),
    ):
        command = [sys.executable, __file__, "--folder", str(asked.folder), "--only", what]
        subprocess.run([*command, str(asked.folder / name)], check=True)


if __name__ == "__main__":
    main()
