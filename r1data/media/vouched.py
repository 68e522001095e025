"""The files that a build's media table vouches for: are they still what was hashed?

A disk loses bits without changing a file's time, and a person changes files on purpose. What r1data
fetched or drew itself is removed when it is no longer what it was, and comes anew; a file of the
user's own is taken as he left it, and looked at again.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from r1data.grid.shards import file_sha256, read_shard
from r1data.media.files import is_fetched, is_generated, paths_of


class Vouched(NamedTuple):
    """A file of a sample; `ours` where r1data brought or drew it and may do so again."""

    path: Path
    uri: str
    sha256: str
    bytes: int
    ours: bool


def vouched(build: Path, shard: str, settings: Mapping[str, Any]) -> Iterator[Vouched]:
    """Yield the files of one shard of a build. Raises ShardDamaged."""
    samples = read_shard(build / "1.samples" / f"{shard}.parquet", ["source"])
    media = read_shard(build / "2.media" / f"{shard}.parquet", ["files"])

    @cache
    def place(source: str) -> tuple[Callable[[str], Path], bool]:
        ours = is_fetched(source, settings) or is_generated(source, settings)
        return paths_of(source, settings), ours

    pairs = zip(samples["source"].to_pylist(), media["files"].to_pylist(), strict=True)
    for source, files in pairs:
        # A source that the recipe has lost since is nobody's: the samples are made anew.
        for each in files if source in settings["entries"] else ():
            path_of, ours = place(source)
            path = path_of(each["uri"])
            yield Vouched(path, each["uri"], each["sha256"], each["bytes"], ours)


def touched(path: Path, since: Path) -> bool:
    """Tell whether a file was written to after `since`, a note; False where there is no file."""
    try:
        return path.stat().st_mtime_ns > since.stat().st_mtime_ns
    except FileNotFoundError:
        return False


def changed(file: Vouched) -> bool:
    """Tell whether a file is there and other than it was when it was hashed."""
    try:
        size = file.path.stat().st_size
    except OSError:
        return False
    return size != file.bytes or file_sha256(file.path) != file.sha256


def remove_changed(build: Path, shard: str, settings: Mapping[str, Any], note: Path) -> list[str]:
    """Remove those of our files that were touched after `note` and changed; return what changed."""
    found = [
        each
        for each in vouched(build, shard, settings)
        if touched(each.path, note) and changed(each)
    ]
    for each in found:
        if each.ours:
            each.path.unlink(missing_ok=True)
    return [each.uri for each in found]
