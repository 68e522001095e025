"""Frames, against the original's way: CPU and wall time a clip, clips a second, memory.

    python benchmarks/frames.py CLIP [CLIP ...] [--rounds 5] [--work FOLDER]

The original's way is decord's VideoReader at its default threads, get_batch, and a float32 bicubic
shrink with antialiasing. It runs interleaved with ours, clip by clip and round by round, in one
process; CPU time counts all threads. The given clips are real ones; the others are made from the
first of them. Where torch is missing, the shrink is the same arithmetic as banded products.
"""

import argparse
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import itertools
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np

from r1data.frames import sample
from r1data.frames.sizes import fit

COUNT = 16
X264 = {"preset": "veryfast", "crf": "23"}


class Made(NamedTuple):
    """How one benchmark clip is encoded from the source's pictures."""

    codec: str
    size: tuple[int, int]
    seconds: int
    options: dict[str, str]


MADE = {
    "gop12.mp4": Made("libx264", (640, 360), 24, {**X264, "g": "12", "bf": "2"}),
    "gop300_b.mp4": Made("libx264", (640, 360), 24, {**X264, "g": "300", "bf": "3"}),
    "hevc.mp4": Made(
        "libx265", (640, 360), 24, {"preset": "veryfast", "x265-params": "log-level=none"}
    ),
    "vp9.webm": Made("libvpx-vp9", (640, 360), 24, {"deadline": "realtime", "cpu-used": "8"}),
    "720p.mp4": Made("libx264", (1280, 720), 24, X264),
    "1080p.mp4": Made("libx264", (1920, 1080), 40, X264),
    "ten_minutes.mp4": Made("libx264", (640, 360), 600, X264),
}


def make(source: Path, name: str, folder: Path) -> Path:
    """Encode the source's pictures, to and fro, into one benchmark clip."""
    path, made = folder / name, MADE[name]
    if path.exists():
        return path
    with av.open(str(source)) as container:
        pictures = list(itertools.islice(container.decode(video=0), 300))
    width, height = made.size
    turn = [frame.reformat(width, height, "yuv420p", interpolation="BICUBIC") for frame in pictures]
    endless = itertools.cycle([*turn, *turn[-2:0:-1]])
    part = path.with_stem(f"{path.stem}.part")
    with av.open(str(part), "w") as out:
        stream = out.add_stream(made.codec, rate=25, options=made.options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for at, frame in enumerate(itertools.islice(endless, made.seconds * 25)):
            frame.pts, frame.time_base = at, Fraction(1, 25)
            frame.pict_type = 0  # else the encoder repeats the source's kinds of pictures
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return part.rename(path)


def bicubic(source: int, target: int) -> list[tuple[int, np.ndarray]]:
    """Return each output's first tap and weights: antialiased bicubic, a = -0.5, as in torch."""
    scale = max(1.0, source / target)
    taps = []
    for at in range(target):
        centre = (at + 0.5) * source / target
        low = max(0, int(centre - 2 * scale + 0.5))
        high = min(source, int(centre + 2 * scale + 0.5))
        x = np.abs((np.arange(low, high) + 0.5 - centre) / scale)
        near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
        weights = np.where(x < 1, near, np.where(x < 2, far, 0))
        taps.append((low, (weights / weights.sum()).astype(np.float32)))
    return taps


def along_rows(image: np.ndarray, taps: list[tuple[int, np.ndarray]]) -> np.ndarray:
    rows = image.reshape(image.shape[0], -1)
    out = np.empty((len(taps), rows.shape[1]), np.float32)
    for at, (low, weights) in enumerate(taps):
        np.dot(weights, rows[low : low + len(weights)], out=out[at])
    return out.reshape(len(taps), *image.shape[1:])


def banded_shrink(batch: np.ndarray, width: int, height: int) -> np.ndarray:
    across, down = bicubic(batch.shape[2], width), bicubic(batch.shape[1], height)
    images = []
    for image in batch:
        tall = along_rows(image.astype(np.float32), down)
        images.append(along_rows(np.ascontiguousarray(tall.swapaxes(0, 1)), across).swapaxes(0, 1))
    return np.stack(images).clip(0, 255).round()


def torch_shrink(batch: np.ndarray, width: int, height: int) -> Any:
    import torch

    picture = torch.frombuffer(batch, dtype=torch.uint8).reshape(batch.shape)
    picture = picture.permute(0, 3, 1, 2).float()
    resize = torch.nn.functional.interpolate
    shrunk = resize(picture, size=(height, width), mode="bicubic", antialias=True)
    return shrunk.clamp(0, 255).round()


def original(path: Path, threads: int = 0) -> Any:
    """Take the frames as Video-R1's qwen_vl_utils does."""
    import decord

    reader = decord.VideoReader(str(path), num_threads=threads)
    indices = np.linspace(0, len(reader) - 1, COUNT).round().astype(int).tolist()
    batch = reader.get_batch(indices).asnumpy()
    size = fit(batch.shape[2], batch.shape[1])
    shrink = torch_shrink if HAS_TORCH else banded_shrink
    return shrink(batch, size.width, size.height)


def plain(path: Path) -> None:
    """Decode everything in order on one thread, and keep nothing."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.thread_count = "NONE", 1
        for _ in container.decode(stream):
            pass


def have_torch() -> bool:
    try:
        import torch  # noqa: F401
    except ImportError:
        return False
    return True


HAS_TORCH = have_torch()
WAYS: dict[str, Callable[[Path], Any]] = {
    "original": original,
    "decord x1": lambda path: original(path, threads=1),
    "fast": lambda path: sample(path, count=COUNT),
    "parity": lambda path: sample(path, count=COUNT, resize="parity"),
    "keys": lambda path: sample(path, "keyframes", COUNT),
    "plain": plain,
}


class Cost(NamedTuple):
    """Seconds of one call; None where it raised."""

    cpu: float | None
    wall: float | None


def cost(way: Callable[[Path], Any], path: Path) -> Cost:
    cpu, wall = time.process_time(), time.perf_counter()
    try:
        way(path)
    except Exception as problem:
        print(f"  {path.name}: {type(problem).__name__}", file=sys.stderr)
        return Cost(None, None)
    return Cost(time.process_time() - cpu, time.perf_counter() - wall)


def median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if len(known) == len(values) else None


def compare(paths: list[Path], rounds: int) -> None:
    """Print CPU milliseconds a clip, and how many times less than the original's each is."""
    print(f"{'clip':<24}" + "".join(f"{name:>12}" for name in WAYS) + "   original / fast, ...")
    ratios: dict[str, list[float]] = {"fast": [], "parity": [], "keys": []}
    walls: dict[str, list[float]] = {"fast": [], "parity": []}
    for path in paths:
        costs: dict[str, list[Cost]] = {name: [] for name in WAYS}
        for name in ("original", "fast", "parity"):
            cost(WAYS[name], path)  # the first call pays for imports and the disk
        for _ in range(rounds):
            for name, way in WAYS.items():
                costs[name].append(cost(way, path))
        cpu = {name: median([each.cpu for each in some]) for name, some in costs.items()}
        wall = {name: median([each.wall for each in some]) for name, some in costs.items()}
        report(path.name, cpu, wall, ratios, walls)
    for name, values in ratios.items():
        print(f"CPU {name}: median {statistics.median(values):.2f}, least {min(values):.2f}")
    for name, values in walls.items():
        print(f"wall {name}: median {statistics.median(values):.2f}, least {min(values):.2f}")


def report(
    name: str,
    cpu: dict[str, float | None],
    wall: dict[str, float | None],
    ratios: dict[str, list[float]],
    walls: dict[str, list[float]],
) -> None:
    cells = ["    raises" if value is None else f"{value * 1e3:.0f}" for value in cpu.values()]
    base, base_wall = cpu["original"], wall["original"]
    told = []
    for way, values in ratios.items():
        mine = cpu[way]
        if base is not None and mine is not None:
            values.append(base / mine)
            told.append(f"{base / mine:.2f}")
    for way, values in walls.items():
        mine = wall[way]
        if base_wall is not None and mine is not None:
            values.append(base_wall / mine)
    plain_cpu, fast = cpu["plain"], cpu["fast"]
    if plain_cpu and fast:
        told.append(f"(fast takes {fast / plain_cpu:.2f} of a plain pass)")
    print(f"{name:<24}" + "".join(f"{cell:>12}" for cell in cells) + "   " + " ".join(told))


def run_many(job: tuple[str, list[Path]]) -> int:
    way, paths = job
    for path in paths:
        WAYS[way](path)
    return len(paths)


def throughput(paths: list[Path], rounds: int) -> None:
    """Print clips a second with two worker processes."""
    clips = [path for path in paths if path.suffix == ".mp4" and "minutes" not in path.name]
    rates: dict[str, list[float]] = {"original": [], "fast": [], "parity": []}
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for way in rates:
            pool.map(run_many, [(way, clips[:1])] * 4, chunksize=1)
        for _, way in itertools.product(range(rounds), rates):
            start = time.perf_counter()
            done = sum(pool.map(run_many, [(way, clips)] * 2, chunksize=1))
            rates[way].append(done / (time.perf_counter() - start))
    best = {way: statistics.median(values) for way, values in rates.items()}
    print("clips a second, two workers: " + ", ".join(f"{w} {r:.1f}" for w, r in best.items()))
    for way in ("fast", "parity"):
        print(f"  {way}: {best[way] / best['original']:.2f} times the original's")


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def memory(path: Path, clips: int) -> None:
    """Print what this process holds along `clips` calls."""
    held: list[float] = []
    for at in range(clips + 1):
        if at % (clips // 8) == 0:
            held.append(resident_mb())
        sample(path, "keyframes" if at % 2 else "uniform", COUNT)
    print(f"MB held along {clips} clips: " + " ".join(f"{value:.1f}" for value in held))


def every(paths: list[Path], folder: Path) -> Iterator[Path]:
    yield from paths
    for name in MADE:
        yield make(paths[0], name, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, default=Path("build/benchmark-frames"))
    parser.add_argument("--memory-clips", type=int, default=2000)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    paths = list(every(options.clips, options.work))
    print(f"{COUNT} frames; the original's shrink by {'torch' if HAS_TORCH else 'banded products'}")
    compare(paths, options.rounds)
    throughput(paths, options.rounds)
    smallest = min(paths, key=lambda path: path.stat().st_size)
    memory(smallest, options.memory_clips)


if __name__ == "__main__":
    main()
