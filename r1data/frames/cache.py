"""Frames that were taken once, kept by what they came from: shared by builds, pruned by size.

One file an entry: the sha256 of the rest, a line of JSON (times, places, sizes, hash, lengths),
then the JPEGs one after the other. An entry that is not whole counts as absent, so nothing wrong
ever comes out.
"""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from r1data.frames.take import Taken
from r1data.grid.shards import digest_of, replace_file

# Raise it when the same file and options give other frames than before.
FRAMES_VERSION = 3
# The folder of the entries, below the media.
FOLDER = "frames"
# Packages that change pixels or JPEG bytes.
PACKAGES = ("av", "opencv-python-headless", "pillow")
# And those that do so where the option `backend` names them.
CHOSEN = ("decord", "torchcodec")
SUFFIX = ".frames"


def entry_key(sha256: str, options: Mapping[str, Any]) -> str:
    """Return the key of the frames that `take_frames` gives for this content and these options."""
    named = tuple(name for name in CHOSEN if name in options.get("backend", ()))
    return digest_of([sha256, dict(options), FRAMES_VERSION, versions(PACKAGES + named)])


@lru_cache
def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of the packages that make frames; looking them up takes 1 ms each."""
    return {name: installed(name) for name in packages}


def installed(package: str) -> str:
    """Return a package's version; a list of backends may name one that is never reached."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def entry_path(folder: Path, key: str) -> Path:
    """Return an entry's place; 256 folders keep listings short."""
    return folder / key[:2] / f"{key[2:]}{SUFFIX}"


def store(folder: Path, key: str, taken: Taken) -> None:
    """Keep what was taken under `key`."""
    body = b"".join(taken.jpegs)
    head = {**taken._asdict(), "jpegs": [len(jpeg) for jpeg in taken.jpegs]}
    data = json.dumps(head).encode() + b"\n" + body
    seal = hashlib.sha256(data).hexdigest().encode() + b"\n"
    replace_file(entry_path(folder, key), lambda path: path.write_bytes(seal + data))


def load(folder: Path, key: str) -> Taken | None:
    """Return what is kept under `key`, or None; being asked for keeps an entry from pruning."""
    path = entry_path(folder, key)
    try:
        data = whole(path)
        found = path.stat()
    except FileNotFoundError:
        return None
    if data is None:
        path.unlink(missing_ok=True)
        return None
    # The time of access, so that the time of writing still tells who wrote to it.
    with contextlib.suppress(OSError):  # a cache that may only be read is still one
        os.utime(path, ns=(time.time_ns(), found.st_mtime_ns))
    head, _, body = data.partition(b"\n")
    return taken_from(json.loads(head), body)


def whole(path: Path) -> bytes | None:
    """Return the content of an entry, or None where it is not what was written."""
    seal, _, data = path.read_bytes().partition(b"\n")
    return data if seal == hashlib.sha256(data).hexdigest().encode() else None


def is_whole(path: Path) -> bool:
    """Tell whether an entry is what was written."""
    return whole(path) is not None


def taken_from(head: dict[str, Any], body: bytes) -> Taken:
    """Put an entry together again."""
    jpegs, at = [], 0
    for length in head.pop("jpegs"):
        jpegs.append(body[at : at + length])
        at += length
    sizes = [(width, height) for width, height in head.pop("sizes")]
    return Taken(jpegs=jpegs, sizes=sizes, **head)


def ages(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """Yield when each entry was last asked for, its bytes and its path."""
    for path in folder.glob(f"*/*{SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):  # another build prunes at the same time
            found = path.stat()
            yield found.st_atime_ns, found.st_size, path


def prune(folder: Path, max_bytes: int) -> int:
    """Delete the entries asked for longest ago until the rest fits; return the bytes freed."""
    entries = sorted(ages(folder))
    total, freed = sum(size for _, size, _ in entries), 0
    for _, size, path in entries:
        if total - freed <= max_bytes:
            break
        path.unlink(missing_ok=True)
        freed += size
    return freed
