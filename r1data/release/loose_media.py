"""The media that rows name: missing, unreadable, colliding or unused."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from r1data.release.footers import Finding
from r1data.release.loose import Tally

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"}
SUFFIXES = PICTURES | {".mp4", ".webm", ".mkv", ".avi", ".mov"}
# The names of more would hide the other findings; the count is told.
MOST_NAMED = 5


def look_at_media(root: Path, tally: Tally, asked: bool) -> list[Finding]:
    """Look for every file that the rows name below `root`.

    Where none is there and nobody has named `root`, the media live elsewhere: that is counted as a
    figure, and is no fault.
    """
    missing = [path for path in tally.paths if not (root / path).is_file()]
    if len(missing) == len(tally.paths) and not asked:
        tally.figures["media not looked at"] = len(missing)
        return []
    found = [*told("is missing", missing), *collisions(tally)]
    bad = [f"{path} ({why})" for path, why in unreadable(root, tally, set(missing))]
    found += told("cannot be read", bad)
    tally.figures["media"] = len(tally.paths) - len(missing)
    tally.figures["media unused"] = sum(1 for _ in unused(root, tally))
    return found


def told(what: str, paths: list[str]) -> list[Finding]:
    """Return findings for the first paths, and one for how many more there are."""
    found = [Finding(path, what) for path in paths[:MOST_NAMED]]
    if len(paths) > MOST_NAMED:
        found.append(Finding(f"{len(paths) - MOST_NAMED:,} more media", what))
    return found


def collisions(tally: Tally) -> list[Finding]:
    """Return paths that are one file on a disk that ignores case."""
    folded = Counter(path.casefold() for path in tally.paths)
    paths = [path for path in tally.paths if folded[path.casefold()] > 1]
    return told("differs from another path in upper and lower case only", paths)


def unreadable(root: Path, tally: Tally, missing: set[str]) -> Iterator[tuple[str, str]]:
    """Yield files that no decoder opens."""
    for path, kind in tally.paths.items():
        if path in missing:
            continue
        file = root / path
        why = "it is empty" if file.stat().st_size == 0 else fault_of(file, kind)
        if why:
            yield path, why


def fault_of(file: Path, kind: str) -> str | None:
    """Open a picture or a clip; return what is wrong with it."""
    import av
    from av.error import FFmpegError
    from PIL import Image

    try:
        if kind == "image":
            with Image.open(file) as picture:
                picture.verify()
            return None
        with av.open(file) as clip:
            return None if clip.streams.video else "it has no pictures"
    except (OSError, ValueError, SyntaxError, FFmpegError) as problem:
        return type(problem).__name__


def unused(root: Path, tally: Tally) -> Iterator[Path]:
    """Yield media below `root` that no row names."""
    for path in root.rglob("*"):
        if path.suffix.lower() in SUFFIXES and path.relative_to(root).as_posix() not in tally.paths:
            yield path
