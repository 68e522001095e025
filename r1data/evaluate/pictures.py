"""The frames of a test set: taken once a clip, kept in the cache that builds share.

Many questions are about one clip, and every prompt and model is shown the same frames: they are
decoded once, and stay on disk until a request is built from them.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import RowDrop
from r1data.evaluate.folders import folder_digest, take_folder
from r1data.evaluate.progress import counted, refuse_stopped
from r1data.evaluate.rows import Item, Place, TestSet
from r1data.frames import cache
from r1data.frames.rules import spread
from r1data.frames.stage import CACHE_BYTES, TAKE, asked, deadline
from r1data.frames.take import Taken
from r1data.grid.build import Cell
from r1data.grid.guard import GuardCrash, Guarded, GuardTimeout
from r1data.grid.shards import file_sha256, write_text
from r1data.media.files import locate, media_base
from r1data.media.stage import bring_missing
from r1data.probes.showing import shuffled
from r1data.teacher.requests import Picture

STAMPS = "eval-files.json"


class Clip(NamedTuple):
    """What was taken of one file: hashes and sizes of its frames, or why there are none."""

    key: str
    digests: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    times: tuple[float | None, ...]
    bytes: int
    fault: str = ""


@dataclass(frozen=True)
class Shot:
    """The frames of one question, in the order shown; their bytes are loaded when asked for.

    `fault` says why there are none.
    """

    load: Callable[[], list[Picture]]
    digests: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    times: tuple[float | None, ...]
    bytes: int
    fault: str = ""

    def pictures(self) -> list[Picture]:
        """Return the frames."""
        return self.load()


def no_shot(fault: str) -> Shot:
    """Return the shot of a question whose clip gave no frames."""
    return Shot(list, (), (), (), 0, fault)


def take_shots(
    test_set: TestSet, items: Sequence[Item], options: Mapping[str, Any], workers: int, out: Path
) -> dict[str, Shot]:
    """Return the frames of every item by its id; a clip that fails fails its own questions.

    Raises Interrupted where the evaluation in `out` is asked to end.
    """
    folder = Path(test_set.settings["media"]) / cache.FOLDER
    jobs: dict[str, tuple[Path, dict[str, Any], float]] = {}
    parts: dict[str, list[str] | str] = {}
    finder = Finder(test_set, items)
    for item in items:
        parts[item.id] = keys_of(item, options, finder, jobs)
    finder.save()
    clips = take_clips(jobs, folder, workers, out)
    cache.prune(folder, CACHE_BYTES)
    return {item.id: shot_of(parts[item.id], clips, folder) for item in items}


class Finder:
    """Finds files and their hashes; a file is hashed again only where size or time changed."""

    def __init__(self, test_set: TestSet, items: Sequence[Item]) -> None:
        self.settings = test_set.settings
        self.path = Path(self.settings["media"]) / cache.FOLDER / STAMPS
        self.known: dict[str, list[Any]] = {}
        if self.path.is_file():
            self.known = json.loads(self.path.read_text())
        self.before = dict(self.known)
        cell = Cell("eval", "", {}, self.settings, Path("nowhere"), Path("nowhere"))
        self.faults = bring_missing([dict(item.sample) for item in items], cell)

    def file(self, source: str, uri: str) -> tuple[Path, str]:
        """Return where a file lies and its sha256. Raises RowDrop where there is none.

        A folder of pictures stands for a clip, as in MVBench's episodic_reasoning.
        """
        if (source, uri) in self.faults:
            raise self.faults[source, uri]
        folder = (media_base(source, self.settings) / uri).resolve()
        inside = folder.is_relative_to(media_base(source, self.settings).resolve())
        if inside and folder.is_dir():
            return folder, folder_digest(folder)
        path = locate(source, uri, self.settings).resolve()
        found = path.stat()
        stamp = self.known.get(str(path))
        if stamp is None or stamp[:2] != [found.st_size, found.st_mtime_ns]:
            stamp = [found.st_size, found.st_mtime_ns, file_sha256(path)]
            self.known[str(path)] = stamp
        return path, stamp[2]

    def save(self) -> None:
        """Keep the hashes for the next run."""
        if self.known != self.before:
            write_text(self.path, json.dumps(self.known))


def keys_of(
    item: Item,
    options: Mapping[str, Any],
    finder: Finder,
    jobs: dict[str, tuple[Path, dict[str, Any], float]],
) -> list[str] | str:
    """Return the cache keys of an item's files and note what is to be taken; or what is wrong."""
    keys = []
    for entry in item.sample["media"]:
        try:
            path, sha256 = finder.file(item.sample["source"], entry["uri"])
        except RowDrop as drop:
            return f"{drop.reason.value}: {drop.detail}"
        wanted = asked(item.sample["data_type"], entry, options)
        key = cache.entry_key(sha256, wanted)
        jobs.setdefault(key, (path, wanted, deadline(entry)))
        keys.append(key)
    return keys or "missing_media: the row names no file"


def take_clips(
    jobs: Mapping[str, tuple[Path, dict[str, Any], float]], folder: Path, workers: int, out: Path
) -> dict[str, Clip]:
    """Take every clip that the cache lacks, `workers` at a time in children that may crash."""
    local = threading.local()
    children: list[Guarded] = []

    def one(key: str) -> Clip:
        refuse_stopped(out)
        if not hasattr(local, "guarded"):
            local.guarded = Guarded(TAKE).__enter__()
            children.append(local.guarded)
        return take_clip(key, *jobs[key], folder, local.guarded)

    clips: dict[str, Clip] = {}
    try:
        with counted(out, "clips", len(jobs)) as steps, ThreadPoolExecutor(workers) as pool:
            for key, clip in zip(jobs, pool.map(one, jobs), strict=True):
                clips[key] = clip
                steps.done = len(clips)
        return clips
    finally:
        for child in children:
            child.__exit__(None, None, None)


def take_clip(
    key: str, path: Path, wanted: Mapping[str, Any], limit: float, folder: Path, guarded: Guarded
) -> Clip:
    """Take one clip, or find it taken."""
    taken = cache.load(folder, key)
    if taken is None:
        try:
            if path.is_dir():
                taken = take_folder(path, wanted, limit, guarded)
            else:
                taken = guarded(path, **wanted, deadline=limit)
        except RowDrop as drop:
            return Clip(key, (), (), (), 0, f"{drop.reason.value}: {drop.detail}")
        except (GuardTimeout, GuardCrash) as fault:
            return Clip(key, (), (), (), 0, f"undecodable: {path.name}: {fault}")
        cache.store(folder, key, taken)
    digests = tuple(hashlib.sha256(jpeg).hexdigest() for jpeg in taken.jpegs)
    total = sum(map(len, taken.jpegs))
    return Clip(key, digests, tuple(taken.sizes), tuple(taken.times), total)


def shot_of(keys: list[str] | str, clips: Mapping[str, Clip], folder: Path) -> Shot:
    """Join the clips of one question."""
    if isinstance(keys, str):
        return no_shot(keys)
    mine = [clips[key] for key in keys]
    fault = next((clip.fault for clip in mine if clip.fault), "")
    if fault:
        return no_shot(fault)
    return Shot(
        lambda: [each for key in keys for each in load_clip(folder, key)],
        tuple(digest for clip in mine for digest in clip.digests),
        tuple(size for clip in mine for size in clip.sizes),
        tuple(time for clip in mine for time in clip.times),
        sum(clip.bytes for clip in mine),
    )


def load_clip(folder: Path, key: str) -> list[Picture]:
    """Load what was taken of one clip."""
    taken = cache.load(folder, key)
    if taken is None:
        raise FileNotFoundError(f"the frames {key} left {folder} during the run: run it again")
    return as_pictures(taken)


def as_pictures(taken: Taken) -> list[Picture]:
    """Return frames with their times."""
    columns = zip(taken.jpegs, taken.times, taken.indices, strict=True)
    return [Picture(memoryview(jpeg), time, index) for jpeg, time, index in columns]


def released_shots(places: Mapping[str, Place], count: int) -> dict[str, Shot]:
    """Return the frames that a release brings along: all of them, or `count` spread over them.

    `places` says for each id where its row stands.
    """
    shots = {}
    for identity, (shard, group, row) in places.items():
        jpegs, times = released_row(shard, group, row)
        if not jpegs:
            shots[identity] = no_shot("missing_media: the release has no frames of this row")
            continue
        kept = spread(min(count, len(jpegs)), len(jpegs)).tolist()
        shots[identity] = Shot(
            load_released(shard, group, row, kept),
            tuple(hashlib.sha256(jpegs[i]).hexdigest() for i in kept),
            tuple(picture_size(jpegs[i]) for i in kept),
            tuple(times[i] for i in kept),
            sum(len(jpegs[i]) for i in kept),
        )
    return shots


def load_released(
    path: Path, group: int, row: int, kept: Sequence[int]
) -> Callable[[], list[Picture]]:
    """Return a function that loads the frames `kept` of a release's row."""

    def load() -> list[Picture]:
        jpegs, times = released_row(path, group, row)
        return [Picture(memoryview(jpegs[i]), times[i], i) for i in kept]

    return load


def released_row(path: Path, group: int, row: int) -> tuple[list[bytes], list[float | None]]:
    """Return the JPEGs and times of one row; a still picture has no times."""
    table = row_group(path, group)
    jpegs = [each["bytes"] for each in table["frames"][row].as_py() or []]
    times: list[float | None] = list(table["frame_times"][row].as_py() or [])
    return jpegs, times if len(times) == len(jpegs) else [None] * len(jpegs)


# Requests go out in the order of rows: two groups are enough, the second for what is tried again.
@lru_cache(maxsize=2)
def row_group(path: Path, group: int) -> Any:
    """Read the frames of one row group."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(path).read_row_group(group, columns=["frames", "frame_times"])


def picture_size(jpeg: bytes) -> tuple[int, int]:
    """Return width and height of a picture."""
    from PIL import Image

    with Image.open(BytesIO(jpeg)) as picture:
        return picture.size


def last_frame(shot: Shot) -> Shot:
    """Return a shot of the last frame alone."""
    if shot.fault:
        return shot
    return Shot(
        lambda: shot.load()[-1:],
        shot.digests[-1:],
        shot.sizes[-1:],
        shot.times[-1:],
        shot.bytes,
    )


def disordered(identity: str, shot: Shot, seed: int) -> Shot:
    """Return a shot with its frames in another order, at the times of their places."""
    count = len(shot.digests)
    if count < 3 or shot.fault:
        return shot
    order = shuffled(count, f"{seed}|{identity}|0")

    def load() -> list[Picture]:
        taken = shot.load()
        return [replace(taken[place], jpeg=taken[which].jpeg) for place, which in enumerate(order)]

    digests = tuple(shot.digests[which] for which in order)
    return replace(
        shot, load=load, digests=digests, sizes=tuple(shot.sizes[which] for which in order)
    )
