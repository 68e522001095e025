"""3 frames: sixteen pictures of a clip, or the picture itself, as JPEG bytes with their times."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from r1data.errors import RowDrop
from r1data.grid.build import Cell
from r1data.grid.drops import Drop
from r1data.grid.guard import GuardCrash, Guarded, GuardTimeout
from r1data.media.files import locate
from r1data.schema import arrow_schema

# A clip may take 20 s and half its length; unknown lengths count as two minutes.
DEADLINE_SECONDS, UNKNOWN_SECONDS = 20.0, 120.0
TAKE = "r1data.frames.take:take_frames"


def sample_frames(samples: pa.Table, media: pa.Table, *, cell: Cell) -> pa.Table:
    """Return the frames of each sample; a broken clip drops its own row and no other."""
    with Guarded(TAKE) as guarded:
        pairs = zip(samples.to_pylist(), media.to_pylist(), strict=True)
        rows = [frame_row(sample, found, guarded, cell) for sample, found in pairs]
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
        taken = take(sample, guarded, cell)
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


def take(sample: Mapping[str, Any], guarded: Guarded, cell: Cell) -> dict[str, Any]:
    """Take the frames of every file of a sample, one file after the other."""
    options = cell.options
    frames: list[dict[str, Any]] = []
    hashes: list[str] = []
    decoders: list[str] = []
    for entry in sample["media"]:
        taken = guarded(
            locate(sample["source"], entry["uri"], cell.settings),
            rule=options["sampler"],
            count=1 if sample["data_type"] == "image" else options["count"],
            max_pixels=options["max_pixels"],
            quality=options["quality"],
            backend=options["backend"],
            resize=options["resize"],
            start=entry["start"],
            end=entry["end"],
            deadline=DEADLINE_SECONDS + UNKNOWN_SECONDS / 2,
        )
        columns = (taken.jpegs, taken.times, taken.indices, taken.sizes)
        frames += [frame(*each) for each in zip(*columns, strict=True)]
        hashes.append(taken.hash)
        decoders.append(taken.backend)
    return {
        "frames": frames,
        "phash": " ".join(hashes),
        "decoder": " ".join(dict.fromkeys(decoders)),
    }


def frame(jpeg: bytes, time: float | None, index: int, size: tuple[int, int]) -> dict[str, Any]:
    """Return one entry of the column `frames`."""
    return {"bytes": jpeg, "time": time, "index": index, "width": size[0], "height": size[1]}
