"""How far colours of copies and of other clips lie apart: python benchmarks/colours.py [CLIP ...]

Prints, for each way of copying a clip (80 pictures of each given one, and 50 made-up ones), the
largest share of colour that clip and copy both lack of each other, frame by frame as duplicates are
compared and among near frames as leaks are, and how many reach the bound. Then the same of all
pairs of different made-up clips that the rules take for one in grey; `--seeds` says of which.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from r1data.frames.jpeg import frames_hash
from r1data.frames.sampling import sample
from r1data.screen import leaks
from r1data.screen.colours import OTHER, lacked, lacked_near
from r1data.screen.pictures import flat, read_hash, same_in_grey

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import planting

PICTURES, CLIPS, ROWS = 80, 50, 200
KR = {"601": (0.299, 0.114), "709": (0.2126, 0.0722)}


def half(picture: Any) -> Any:
    return cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def cut(picture: Any) -> Any:
    down, across = (round(side * 0.05) for side in picture.shape[:2])
    return picture[down:-down, across:-across]


def coloured(share: float) -> Callable[[Any], Any]:
    """Mix a picture with its grey one; above 1 its colours get stronger."""

    def change(picture: Any) -> Any:
        grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        return cv2.addWeighted(picture, share, grey, 1 - share, 0)

    return change


def lit(power: float) -> Callable[[Any], Any]:
    table = (np.linspace(0, 1, 256) ** power * 255).astype(np.uint8)
    return lambda picture: cv2.LUT(picture, table)


def times(*factors: float) -> Callable[[Any], Any]:
    return lambda picture: np.clip(picture * np.array(factors), 0, 255).astype(np.uint8)


def decoded(coded: str, read: str) -> Callable[[Any], Any]:
    """Code with one matrix of ITU-R, decode with another."""
    turn = np.linalg.inv(matrix(read)) @ matrix(coded)
    return lambda picture: np.clip(picture[..., ::-1] @ turn.T, 0, 255).astype(np.uint8)[..., ::-1]


def matrix(name: str) -> Any:
    red, blue = KR[name]
    grey, (only_red, _, only_blue) = np.array([red, 1 - red - blue, blue]), np.eye(3)
    return np.stack([grey, (only_blue - grey) / (2 - 2 * blue), (only_red - grey) / (2 - 2 * red)])


def logo(picture: Any) -> Any:
    high, wide = picture.shape[:2]
    picture = picture.copy()
    picture[high // 20 : high // 8, -wide // 5 : -wide // 20] = (40, 200, 60)
    return picture


def sepia(picture: Any) -> Any:
    return times(0.69, 0.89, 1.0)(coloured(0)(picture))


# How a copy is made, and its CRF.
WAYS: dict[str, tuple[Callable[[Any], Any], int]] = {
    "CRF 34": (np.asarray, 34),
    "CRF 42": (np.asarray, 42),
    "half size": (half, 23),
    "quarter, CRF 34": (lambda picture: half(half(picture)), 34),
    "cut by 5%": (cut, 23),
    "cut, half, CRF 34": (lambda picture: half(cut(picture)), 34),
    "grey": (coloured(0), 23),
    "colour at 0.15": (coloured(0.15), 30),
    "colour at 0.5": (coloured(0.5), 30),
    "colour at 1.4": (coloured(1.4), 23),
    "lighter": (lit(0.7), 23),
    "darker": (lit(1.4), 23),
    "601 read as 709": (decoded("601", "709"), 23),
    "709 read as 601": (decoded("709", "601"), 23),
    "green logo": (logo, 23),
    "warmer": (times(0.9, 1, 1.1), 23),
    "sepia": (sepia, 23),
}


def hashed(path: Path) -> Any:
    """A clip's frames in grey and their hues."""
    return read_hash(frames_hash(sample(path).images))


def read(path: Path) -> tuple[list[Any], int]:
    """The first pictures of a clip, and its rate."""
    found: list[Any] = []
    with av.open(str(path)) as container:
        rate = round(float(container.streams.video[0].average_rate or 25))
        for frame in container.decode(video=0):
            found.append(frame.to_ndarray(format="bgr24"))
            if len(found) == PICTURES:
                break
    return found, rate


def both(one: Any, other: Any) -> tuple[float, float]:
    """What the clips lack of each other frame by frame, and among near frames."""
    near = np.bitwise_count(one[:, None, 0] ^ other[None, :, 0]) <= leaks.FRAME_BITS
    return float(lacked(one[:, 1], other[:, 1])), lacked_near(one[:, 1], other[:, 1], near)


def copies(paths: list[Path]) -> None:
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    for path in paths:
        pictures, rate = read(path)
        planting.encode(pictures, rate, Path("own.mp4"), 10)
        own = hashed(Path("own.mp4"))
        for way, (change, crf) in WAYS.items():
            planting.encode([change(each) for each in pictures], rate, Path("copy.mp4"), crf)
            found[way].append(both(own, hashed(Path("copy.mp4"))))
    for way, values in found.items():
        most = " ".join(f"{max(column):.2f}" for column in zip(*values, strict=True))
        print(f"{way:<20} {len(values)} clips  most {most}  {reached(values)} reach {OTHER}")


def reached(values: list[tuple[float, float]]) -> int:
    return sum(max(pair) >= OTHER for pair in values)


def others(seeds: list[int]) -> None:
    """All pairs of different made-up clips that pass for one in grey."""
    clips = [each for seed in seeds for each in made(seed)]
    print(f"{len(clips)} made-up clips of {len(seeds)} builds")
    for name, column, alike in (("duplicates", 0, duplicates), ("leaks", 1, leaked)):
        pairs = [pair for pair in combinations(clips, 2) if alike(*pair)]
        values = [both(*pair)[column] for pair in pairs]
        counts, _ = np.histogram(values, [0, 0.02, 0.05, 0.1, OTHER, 0.15, 0.2, 0.5, 1.01])
        print(
            f"{name}: {len(values)} pairs; below .02 .05 .1 {OTHER} .15 .2 .5 1: {counts.tolist()}"
        )


def duplicates(one: Any, other: Any) -> bool:
    lively = (~flat(one[:, 0])).sum() * 2 > len(one)
    return bool(lively and same_in_grey(one[:, 0], other[:, 0]))


def leaked(one: Any, other: Any) -> bool:
    near = np.bitwise_count(one[:, None, 0] ^ other[None, :, 0]).min(axis=1) <= leaks.FRAME_BITS
    return bool(near.mean() >= 0.4 and leaks.shows(one[:, 0], other[:, 0]))


def made(seed: int) -> Iterator[Any]:
    """Hashes of the clips of one planted build, each scene once."""
    folder = Path(f"q{seed}")
    for number, each in enumerate(planting.plant(ROWS, seed, folder)):
        if each.like is None:
            yield hashed(folder / "clips" / f"{number:05d}.mp4")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path, nargs="*")
    parser.add_argument("--seeds", type=int, nargs="+", default=[41, 51, 61, 62, 71, 72, 73])
    given = parser.parse_args()
    given.clips = [each.resolve() for each in given.clips]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        others(given.seeds)
        clips = sorted(Path(f"q{given.seeds[-1]}/clips").glob("*.mp4"))
        for paths in (given.clips, clips[:: len(clips) // CLIPS][:CLIPS]):
            if paths:
                copies(paths)


if __name__ == "__main__":
    main()
