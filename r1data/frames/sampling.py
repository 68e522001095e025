"""The one way in: which pictures, at which size, by which decoder."""

from collections.abc import Callable, Sequence
from pathlib import Path

from r1data.errors import RowDrop, UsageError
from r1data.frames import decord, opencv, pyav, stills, torchcodec
from r1data.frames.ask import Ask, Frames
from r1data.frames.cut import missing_bytes
from r1data.frames.rules import RULES
from r1data.frames.shrink import check_resize
from r1data.frames.sizes import LEAST_PIXELS, TRAIN_PIXELS
from r1data.frames.streams import refuse_missing
from r1data.grid.drops import Drop

BACKENDS: dict[str, Callable[[Ask], Frames]] = {
    "pyav": pyav.read,
    "decord": decord.read,
    "opencv": opencv.read,
    "torchcodec": torchcodec.read,
}


def sample(
    path: str | Path,
    rule: str = "uniform",
    count: int = 16,
    max_pixels: int = TRAIN_PIXELS,
    backend: str | Sequence[str] = "pyav",
    resize: str = "fast",
    start: float | None = None,
    end: float | None = None,
    *,
    min_pixels: int = LEAST_PIXELS,
    multiple: int = 28,
    patch: int = 1,
    on_error: str = "drop",
) -> Frames:
    """Return the frames that `rule` takes from a video, an animation or a still picture.

    A clip with fewer than `count` pictures gives each once; a still gives one, with NaN as its
    time. `start` and `end` are seconds on the clip's own clock. A list of backends is tried in
    order. `on_error="salvage"` passes over damage and says so in `backend`.

    Raises RowDrop for anything wrong with the file: MISSING_MEDIA, UNDECODABLE or TOO_SHORT.
    """
    chain = [backend] if isinstance(backend, str) else list(backend)
    check_options(rule, count, resize, chain, on_error)
    ask = Ask(
        Path(path), rule, count, max_pixels, min_pixels, multiple, patch, resize, start, end,
        on_error == "salvage",
    )  # fmt: skip
    refuse_missing(ask.path)
    if stills.is_picture(ask.path):
        return stills.read(ask)
    lacking = missing_bytes(ask.path)
    if lacking and not ask.salvage:
        detail = f"{ask.path.name} is cut short: {lacking:,} bytes are missing"
        raise RowDrop(Drop.UNDECODABLE, detail)
    return first_that_reads(ask, chain)


def first_that_reads(ask: Ask, chain: Sequence[str]) -> Frames:
    """Try the backends in order; if none reads the file, say what each found."""
    found: list[str] = []
    for name in chain:
        try:
            return BACKENDS[name](ask)
        except RowDrop as drop:
            if drop.reason is not Drop.UNDECODABLE or len(chain) == 1:
                raise
            found.append(f"{name}: {drop.detail}")
    raise RowDrop(Drop.UNDECODABLE, "; ".join(found))


def check_options(rule: str, count: int, resize: str, chain: Sequence[str], on_error: str) -> None:
    """Refuse options that no file could satisfy."""
    check_resize(resize)
    if rule not in RULES:
        raise UsageError(f"unknown sampling rule '{rule}': choose one of {', '.join(RULES)}")
    if count < 1:
        raise UsageError(f"count is {count}: it must be at least 1")
    if on_error not in ("drop", "salvage"):
        raise UsageError(f"unknown on_error '{on_error}': choose drop or salvage")
    for name in chain or [""]:
        if name not in BACKENDS:
            raise UsageError(f"unknown backend '{name}': choose one of {', '.join(BACKENDS)}")
