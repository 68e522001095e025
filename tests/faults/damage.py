"""Damages a finished build, from a seed: one bit flipped, a file cut, files removed."""

import os
import random
from pathlib import Path

# What vouches for nothing: the lock and its file, the diary, and what the asking cells share.
UNVOUCHED = ("events.jsonl", ".lock", "lock", "asking")


def guarded_files(build: Path) -> list[Path]:
    """Every file of a build that check must vouch for, its media and kept frames among them."""
    return sorted(
        path
        for path in build.rglob("*")
        if path.is_file()
        and path.stat().st_size
        and not set(path.relative_to(build).parts) & set(UNVOUCHED)
    )


def pick(build: Path, chance: random.Random) -> Path:
    """Pick a kind of file first, so that the many pictures do not hide the few notes."""
    kinds: dict[tuple[str, str], list[Path]] = {}
    for path in guarded_files(build):
        kinds.setdefault((path.relative_to(build).parts[0], path.suffix), []).append(path)
    return chance.choice(kinds[chance.choice(sorted(kinds))])


def flip(path: Path, chance: random.Random, quiet: bool) -> str:
    """Flip one bit; `quiet` leaves the file's times as they were, as a failing disk does."""
    times, size = path.stat(), path.stat().st_size
    at = chance.choice([chance.randrange(size), min(size - 1, chance.randrange(64)), size - 1])
    bit = chance.randrange(8)
    with path.open("rb+") as file:
        file.seek(at)
        old = file.read(1)[0]
        file.seek(at)
        file.write(bytes([old ^ 1 << bit]))
    if quiet:
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return f"bit {bit} of byte {at} of {path.name} ({size} bytes, quiet: {quiet})"


def cut(path: Path, chance: random.Random, quiet: bool) -> str:
    """Cut a file short."""
    times, size = path.stat(), path.stat().st_size
    at = chance.randrange(size)
    os.truncate(path, at)
    if quiet:
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return f"{path.name} cut to {at} of {size} bytes (quiet: {quiet})"
