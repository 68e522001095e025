"""The backends side by side: whether they give the same pictures, and what each costs.

    python benchmarks/backends.py CLIP [CLIP ...] [--rounds 7]

Every backend samples every clip in turn, round by round, in one process; CPU time counts all
threads. A dash stands for a clip that the backend refuses. The first round is not counted.
"""

import argparse
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import importlib
import importlib.util
import statistics
import time
from pathlib import Path

import av
import numpy as np

from r1data.errors import RowDrop
from r1data.frames import sample
from r1data.frames.ask import Ask
from r1data.frames.sampling import BACKENDS

KNOWN = ("pyav", "torchcodec", "decord", "opencv")


def cost(path: Path, backend: str) -> float | None:
    """Return the CPU seconds of one call; None where the backend refuses the clip."""
    start = time.process_time()
    try:
        BACKENDS[backend](Ask(path))
    except RowDrop:
        return None
    return time.process_time() - start


def difference(path: Path, backend: str) -> str:
    """Tell how far a backend's pictures are from pyav's."""
    try:
        other, ours = BACKENDS[backend](Ask(path)), sample(path)
    except RowDrop as drop:
        return f"refused ({drop.detail})"
    if other.indices.tolist() != ours.indices.tolist():
        return "other places"
    late = float(np.abs(other.times - ours.times).max())
    levels = np.abs(other.images.astype(int) - ours.images.astype(int))
    return f"times within {late:.4f} s, mean {levels.mean():.2f} levels, most {levels.max()}"


def compare(paths: list[Path], backends: list[str], rounds: int) -> None:
    """Print each backend's CPU milliseconds a clip, and its ratio to pyav's."""
    ratios: dict[str, list[float]] = {name: [] for name in backends[1:]}
    print(f"{'clip':<32}" + "".join(f"{name:>18}" for name in backends))
    for path in paths:
        taken = [[cost(path, name) for name in backends] for _ in range(rounds + 1)][1:]
        turned = zip(*taken, strict=True)
        columns = [[each for each in column if each is not None] for column in turned]
        middle = [statistics.median(column) if column else None for column in columns]
        cells: list[str] = []
        for name, own in zip(backends, middle, strict=True):
            if own is None or middle[0] is None:
                cells.append("-")
                continue
            if name in ratios:
                ratios[name].append(own / middle[0])
            cells.append(f"{own * 1e3:.0f} ms ({own / middle[0]:.2f})")
        print(f"{path.name:<32}" + "".join(f"{cell:>18}" for cell in cells))
    for name, values in ratios.items():
        if values:
            told = f"{statistics.median(values):.2f}, {min(values):.2f} to {max(values):.2f}"
            print(f"CPU of {name}, times pyav's: median {told}")


def versions(backends: list[str]) -> str:
    """Name the decoders' versions."""
    told = f"av {av.__version__}"
    if "torchcodec" in backends:
        found = importlib.import_module("torchcodec")
        told += f", torchcodec {found.__version__} with FFmpeg {found.ffmpeg_major_version}"
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    backends = [name for name in KNOWN if name in ("pyav", "opencv") or here(name)]
    print(versions(backends))
    for path in options.clips:
        for name in backends[1:]:
            print(f"{path.name} {name}: {difference(path, name)}")
    compare(options.clips, backends, options.rounds)


def here(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


if __name__ == "__main__":
    main()
