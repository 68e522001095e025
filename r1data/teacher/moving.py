"""How shapes move, as the offline teacher works it out of what it measured."""

from collections.abc import Sequence
from itertools import pairwise

from r1data.teacher.looking import Look
from r1data.teacher.seeing import Track

STILL = 1.5  # pixels between two frames that JPEG noise alone can move a centre


def way(dx: float, dy: float) -> str:
    """Name the main direction of a displacement; y points downwards."""
    if abs(dx) > abs(dy):
        return "right" if dx > 0 else "left"
    return "down" if dy > 0 else "up"


def turns(places: Sequence[float], numbers: Sequence[int]) -> list[int]:
    """Return the frames after which a coordinate begins to run the other way."""
    found, heading = [], 0
    for a, b, number in zip(places, places[1:], numbers[1:], strict=False):
        if abs(b - a) < STILL:
            continue
        sign = 1 if b > a else -1
        if heading and sign != heading:
            found.append(number)
        heading = sign
    return found


def speed_of(look: Look, track: Track) -> float | None:
    """Return the median speed between neighbouring sights, in pixels a second (or a frame)."""
    numbers = [n for n in sorted(track.seen) if track.seen[n].whole]
    if len(numbers) < 2:
        numbers = sorted(track.seen)
    speeds = []
    for m, n in pairwise(numbers):
        a, b = track.seen[m], track.seen[n]
        seconds = look.times[n] - look.times[m] if n < len(look.times) else float(n - m)
        if seconds > 0:
            speeds.append(((a.x - b.x) ** 2 + (a.y - b.y) ** 2) ** 0.5 / seconds)
    return sorted(speeds)[len(speeds) // 2] if speeds else None
