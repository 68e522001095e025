"""Which entries of the frames cache a build came by: for checking them, and for clearing them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from r1data.frames import cache
from r1data.frames.stage import asked
from r1data.grid.shards import read_shard


def kept_entries(
    build: Path, shard: str, settings: Mapping[str, Any], options: Mapping[str, Any]
) -> Iterator[Path]:
    """Yield the entries of one shard that are there. Raises ShardDamaged."""
    folder = Path(settings["media"]) / cache.FOLDER
    samples = read_shard(build / "1.samples" / f"{shard}.parquet", ["data_type", "media"])
    media = read_shard(build / "2.media" / f"{shard}.parquet", ["files"])
    for sample, found in zip(samples.to_pylist(), media["files"].to_pylist(), strict=True):
        for entry, file in zip(sample["media"], found, strict=False):
            key = cache.entry_key(file["sha256"], asked(sample["data_type"], entry, options))
            path = cache.entry_path(folder, key)
            if path.is_file():
                yield path
