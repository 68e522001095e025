"""3 frames: sixteen pictures of a clip, or the picture itself, as JPEG bytes with their times."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from r1data.errors import RowDrop
from r1data.frames import cache
from r1data.frames.take import Taken
from r1data.grid.build import Cell
from r1data.grid.drops import Drop
from r1data.grid.guard import GuardCrash, Guarded, GuardTimeout, kept
from r1data.grid.shards import ShardDamaged, file_sha256
from r1data.media.files import locate
from r1data.media.vouched import remove_changed, touched
from r1data.schema import arrow_schema

# A clip may take 20 s and half its length; unknown lengths count as two minutes.
DEADLINE_SECONDS, UNKNOWN_SECONDS = 20.0, 120.0
TAKE = "r1data.frames.take:take_frames"
TAKE_TORCHCODEC = "r1data.frames.take_torchcodec:take_frames"
# Frames of some 70,000 clips; those asked for longest ago go first.
CACHE_BYTES = 20_000_000_000


def sample_frames(samples: pa.Table, media: pa.Table, *, cell: Cell) -> pa.Table:
    """Return the frames of each sample; a broken clip drops its own row and no other."""
    backend = cell.options["backend"]  # a name, or a list of names
    guarded = kept(TAKE_TORCHCODEC if "torchcodec" in backend else TAKE)
    pairs = zip(samples.to_pylist(), media.to_pylist(), strict=True)
    rows = [frame_row(sample, found, guarded, cell) for sample, found in pairs]
    cache.prune(Path(cell.settings["media"]) / cache.FOLDER, CACHE_BYTES)
    return pa.Table.from_pylist(rows, arrow_schema("frames"))


def frame_row(
    sample: Mapping[str, Any], found: Mapping[str, Any], guarded: Guarded, cell: Cell
) -> dict[str, Any]:
    """Take the frames of one sample, in a child process that may hang or crash."""
    name = sampler_name(sample["data_type"], cell.options)
    empty = {"id": sample["id"], "sampler": name, "frames": [], "phash": None, "decoder": None}
    if found["drop_reason"]:
        return {**empty, "drop_reason": found["drop_reason"], "drop_detail": found["drop_detail"]}
    try:
        taken = take(sample, found["files"], guarded, cell)
    except RowDrop as drop:
        return {**empty, "drop_reason": drop.reason.value, "drop_detail": drop.detail}
    except (GuardTimeout, GuardCrash) as fault:
        reason = Drop.UNDECODABLE.value
        return {**empty, "drop_reason": reason, "drop_detail": f"{first_uri(sample)}: {fault}"}
    return {**empty, **taken, "drop_reason": None, "drop_detail": None}


def sampler_name(data_type: str, options: Mapping[str, Any]) -> str:
    """Name the rule and its count; a picture is taken as it is."""
    return "still" if data_type == "image" else f"{options['sampler']}-{options['count']}"


def first_uri(sample: Mapping[str, Any]) -> str:
    """Return the path of a sample's first file, for messages."""
    return sample["media"][0]["uri"]


def take(
    sample: Mapping[str, Any], files: Sequence[Mapping[str, Any]], guarded: Guarded, cell: Cell
) -> dict[str, Any]:
    """Take the frames of every file of a sample, one file after the other."""
    frames: list[dict[str, Any]] = []
    hashes: list[str] = []
    decoders: list[str] = []
    for entry, file in zip(sample["media"], files, strict=True):
        taken = take_once(sample, entry, file["sha256"], guarded, cell)
        columns = (taken.jpegs, taken.times, taken.indices, taken.sizes)
        frames += [frame(*each) for each in zip(*columns, strict=True)]
        hashes.append(taken.hash)
        decoders.append(taken.backend)
    decoder = " ".join(dict.fromkeys(decoders))
    return {"frames": frames, "phash": " ".join(hashes), "decoder": decoder}


def take_once(
    sample: Mapping[str, Any], entry: Mapping[str, Any], sha256: str, guarded: Guarded, cell: Cell
) -> Taken:
    """Take the frames of one file, or find them among those that any build took before."""
    options = asked(sample["data_type"], entry, cell.options)
    folder = Path(cell.settings["media"]) / cache.FOLDER
    key = cache.entry_key(sha256, options)
    taken = cache.load(folder, key)
    if taken is None:
        path = believed(sample["source"], entry["uri"], sha256, cell)
        taken = guarded(path, **options, deadline=deadline(entry))
        cache.store(folder, key, taken)
    return taken


def believed(source: str, uri: str, sha256: str, cell: Cell) -> Path:
    """Return the file that was hashed; frames of another one would be kept under its hash.

    Raises ShardDamaged where it is gone or changed: the media cell brings it again, or takes it as
    it is now.
    """
    table = cell.build / "2.media" / f"{cell.shard}.parquet"
    note = table.with_suffix(".json")
    try:
        path = locate(source, uri, cell.settings)
    except RowDrop as drop:
        raise ShardDamaged(table) from drop
    if touched(path, note) and file_sha256(path) != sha256:
        remove_changed(cell.build, cell.shard, cell.settings, note)
        raise ShardDamaged(table)
    return path


def asked(data_type: str, entry: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of `take_frames` for one file."""
    names = ("quality", "backend", "resize", "multiple", "on_error")
    is_image = data_type == "image"
    most = options.get("image_max_pixels") if is_image else None
    least = None if is_image else options.get("min_pixels")
    return {
        "rule": options["sampler"],
        "count": 1 if is_image else options["count"],
        "max_pixels": most or options["max_pixels"],
        **({"min_pixels": least} if least else {}),
        "start": entry["start"],
        "end": entry["end"],
        **{name: options[name] for name in names},
    }


def deadline(entry: Mapping[str, Any]) -> float:
    """Return how many seconds a decode may take."""
    return DEADLINE_SECONDS + (entry["seconds"] or UNKNOWN_SECONDS) / 2


def frame(jpeg: bytes, time: float | None, index: int, size: tuple[int, int]) -> dict[str, Any]:
    """Return one entry of the column `frames`."""
    return {"bytes": jpeg, "time": time, "index": index, "width": size[0], "height": size[1]}
