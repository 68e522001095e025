"""One evaluation: questions, frames, answers, scores; the same command runs and resumes it."""

import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from r1data.errors import Interrupted, UsageError
from r1data.evaluate import asking, judging, local
from r1data.evaluate.benchmarks import known_benchmark, load_benchmark
from r1data.evaluate.pictures import Shot, disordered, last_frame, released_shots, take_shots
from r1data.evaluate.progress import STOP, watched
from r1data.evaluate.records import NAME, answered, new_record, scored, write_records
from r1data.evaluate.releases import is_release, read_release
from r1data.evaluate.rows import Item, TestSet, read_test_set
from r1data.evaluate.settings import (
    Endpoint,
    Local,
    Pinned,
    adapts,
    refuse_other,
    refuse_unfit,
    settings_of,
)
from r1data.evaluate.subtitles import subtitled
from r1data.evaluate.tally import report
from r1data.grid.shards import write_text
from r1data.kinds import kind_of
from r1data.progress import tell_stopping
from r1data.sources.choosing import rank
from r1data.teacher.lanes import read_lanes
from r1data.teacher.prompts import Prompt, load_prompt

# More than eight decoding processes wait for the disk on the machines that we measured.
MOST_WORKERS = 8


def evaluate(
    target: str | Path,
    asked: Endpoint | Local,
    out: str | Path,
    *,
    pinned: Pinned | None = None,
    benchmark: str | None = None,
    media: str | Path | None = None,
    split: str | None = None,
    limit: int | None = None,
    judge: Endpoint | None = None,
    cache: str | Path = "media",
) -> dict[str, Any]:
    """Ask a model the questions of a benchmark, file or release, and return the report.

    `out` keeps the answers as they come, the records and the score; running again asks only what
    is missing. `limit` takes so many rows, the same ones for every model. Raises what stops it.
    """
    pinned, out = pinned or Pinned(), Path(out)
    refuse_unusable(asked, judge)
    test_set = open_test_set(target, benchmark, media, split, Path(cache))
    refuse_unfit(test_set, pinned)
    if pinned.question_only:
        pinned = replace(pinned, frames=1)
        test_set = test_set._replace(items=[each for each in test_set.items if adapts(each)])
    items = chosen(test_set.items, limit)
    prompt = load_prompt(pinned.prompt)
    told = settings_of(test_set, asked, pinned, prompt, judge, split)
    refuse_other(out, told)
    write_text(out / "settings.json", json.dumps(told, indent=1) + "\n")
    with gently_stopped(out):
        records = [new_record(test_set.benchmark.name, item) for item in items]
        asked_items = [item for item in items if not item.left_out]
        shots = shots_of(test_set, asked_items, pinned, out)
        records = [with_fault(each, shots.get(each["id"])) for each in records]
        responses = responses_of(asked_items, shots, asked, pinned, prompt, out)
        records = [with_answer(each, responses) for each in records]
        records = judging.judged(records, judge.lane() if judge else None, judge, out)
    records = [scored(each) for each in records]
    write_records(out / NAME, records)
    found = {**report(test_set.benchmark, records), "settings": told, "limit": limit}
    write_text(out / "score.json", json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return found


def refuse_unusable(asked: Endpoint | Local, judge: Endpoint | None) -> None:
    """Raise what would stop the asking, before any clip is decoded for it."""
    if isinstance(asked, Local):
        local.refuse_unusable(asked.folder)
    lanes = [each.lane() for each in (asked, judge) if isinstance(each, Endpoint)]
    reached = [lane for lane in lanes if lane["url"] != "offline"]
    if reached:
        read_lanes({"lanes": reached})


def open_test_set(
    target: str | Path,
    benchmark: str | None,
    media: str | Path | None,
    split: str | None,
    cache: Path,
) -> TestSet:
    """Return the test set that a name or path means."""
    path = Path(target)
    by_name = known_benchmark(str(target)) if not path.exists() else None
    metric = load_benchmark(benchmark) if benchmark else None
    if by_name is not None and by_name.name != "own":
        return read_test_set(by_name, None, Path(media) if media else None, cache)
    if not path.exists():
        load_benchmark(str(target))
    if is_release(path) and metric is None:
        return read_release(path, split)
    if split is not None:
        raise UsageError("--split is for releases")
    if metric is None and path.is_dir():
        raise UsageError(
            f"{path} is {kind_of(path)}, not a release: where it holds a benchmark, name that with "
            "--benchmark"
        )
    own = metric or load_benchmark("own")
    return read_test_set(own, path, Path(media) if media else None, cache)


def chosen(items: Sequence[Item], limit: int | None) -> list[Item]:
    """Return `limit` items in their order; asking for more keeps those chosen before."""
    if limit is None or limit >= len(items):
        return list(items)
    order = sorted(items, key=lambda item: (bool(item.left_out), rank(0, item.id)))
    kept = {item.id for item in order[:limit]}
    return [item for item in items if item.id in kept]


def shots_of(
    test_set: TestSet, items: Sequence[Item], pinned: Pinned, out: Path
) -> dict[str, Shot]:
    """Return the frames of every item, in another order where that is asked for."""
    if test_set.places is not None:
        mine = {item.id: test_set.places[item.id] for item in items}
        shots = released_shots(mine, pinned.frames)
    else:
        workers = min(MOST_WORKERS, os.cpu_count() or 1)
        shots = take_shots(test_set, items, pinned.taking(), workers, out)
    if pinned.question_only:
        shots = {name: last_frame(shot) for name, shot in shots.items()}
    if pinned.shuffled:
        return {name: disordered(name, shot, pinned.seed) for name, shot in shots.items()}
    return shots


def with_fault(record: Mapping[str, Any], shot: Shot | None) -> dict[str, Any]:
    """Mark a row whose clip gave no frames."""
    if shot is None or not shot.fault:
        return dict(record)
    return {**record, "state": "undecoded", "detail": shot.fault}


def responses_of(
    items: Sequence[Item],
    shots: Mapping[str, Shot],
    asked: Endpoint | Local,
    pinned: Pinned,
    prompt: Prompt,
    out: Path,
) -> dict[str, dict[str, Any]]:
    """Ask about every item that has frames."""
    standing = [item for item in items if not shots[item.id].fault]
    questions = [
        asking.question_of(with_subtitles(item, shots[item.id], pinned), shots[item.id], prompt)
        for item in standing
    ]
    if not questions:
        first = next(iter(shots.values())).fault if shots else "there is none"
        raise UsageError(f"no question can be asked: {first}; are the clips under --media?")
    params = pinned.params()
    if isinstance(asked, Endpoint):
        with watched(out, "answers", len(questions)):
            return asking.ask_endpoint(questions, asked.model, params, prompt, asked.lane(), out)
    how = {**asked._asdict(), "model": str(asked.folder)}
    how |= {"seed": pinned.seed, "max_pixels": pinned.max_pixels}
    name = f"{asked.folder.name}@{local.weights_digest(asked.folder)}"
    with watched(out, "answers", len(questions)) as counts:
        return local.ask_local(questions, name, params, prompt, how, out, counts)


def with_subtitles(item: Item, shot: Shot, pinned: Pinned) -> Item:
    """Return an item whose question has the subtitles of its frames before it, where asked for."""
    if not pinned.subtitles or item.sample["data_type"] != "video":
        return item
    problem = subtitled(item, Path(pinned.subtitles), shot.times)
    return replace(item, sample={**item.sample, "problem": problem})


def with_answer(
    record: Mapping[str, Any], responses: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Put the answer into its record."""
    response = responses.get(record["id"])
    return dict(record) if response is None else answered(record, response)


@contextmanager
def gently_stopped(out: Path) -> Iterator[None]:
    """Let the first Ctrl-C finish what is in flight, and the second one stop at once.

    On a terminal the line of progress says so.
    """
    stop = out / STOP
    stop.unlink(missing_ok=True)

    def gently(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        tell_stopping()
        stop.touch()

    before: Any = None
    with suppress(ValueError):  # not the main thread: its owner handles Ctrl-C
        before = signal.signal(signal.SIGINT, gently)
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("stopped at once: run the same command again to go on") from None
    finally:
        stop.unlink(missing_ok=True)
        if before is not None:
            signal.signal(signal.SIGINT, before)
