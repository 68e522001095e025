"""Test sets: a benchmark's own files, rows in Video-R1's form, or a release."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import InputError, UsageError
from r1data.evaluate import tempcompass
from r1data.evaluate.benchmarks import Benchmark
from r1data.schema_errors import near_word
from r1data.sources.catalogue import Source, load_card, load_source, local_questions
from r1data.sources.getting import questions_here
from r1data.sources.mapping import media_entry
from r1data.sources.reading import Raw, read_rows
from r1data.sources.stage import renamed, sample_rows

FORMATS = (".json", ".jsonl", ".csv", ".parquet")
NUMBERS = ("id", "problem_id", "question_id", "Question ID", "uid")
VIDEO_R1 = ("problem", "problem_type", "solution", "path", "data_type")


@dataclass(frozen=True)
class Item:
    """One question of a test set.

    `sample` is a row of the table `sample`. `published` holds what a benchmark's own rule needs
    beside it: task, question and answer as their authors wrote them. A row with a `drop_reason`
    cannot be asked. `numbers` are the ids that the row itself has.
    """

    id: str
    sample: Mapping[str, Any]
    groups: Mapping[str, list[str]]
    published: Mapping[str, Any]
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def left_out(self) -> str:
        """Why the row is not asked; "" where it is."""
        sample = self.sample
        return f"{sample['drop_reason']}: {sample['drop_detail']}" if sample["drop_reason"] else ""


class Place(NamedTuple):
    """Where a row of a release stands: shard, row group, row in it."""

    shard: Path
    group: int
    row: int


class TestSet(NamedTuple):
    """The questions, and the settings by which `r1data.media` finds their files.

    `places` has a release's rows by id, which bring their frames along; None for clips. `files`
    are the question files.
    """

    benchmark: Benchmark
    items: list[Item]
    settings: dict[str, Any]
    places: dict[str, Place] | None
    files: tuple[Path, ...]


def read_test_set(
    benchmark: Benchmark, path: Path | None, media: Path | None, cache: Path
) -> TestSet:
    """Read the questions at `path`, a file or a folder; without one they are fetched.

    `media` is the folder of the clips' paths, by default that of the file; `cache` keeps what is
    fetched. Raises InputError naming row and columns where a file has another schema.
    """
    source, entry = source_of(benchmark, path, media)
    settings = {"entries": {source.name: entry}, "media": str(cache), "seed": 0}
    items: list[Item] = []
    seen: dict[str, str] = {}
    files: list[Path] = []
    for each in task_sources(benchmark, source, path):
        files += [here for _, here in questions_here(each, settings)]
        for file, raw, sample in sample_rows(each, 0, settings):
            sample = whole(sample, raw, file)
            item = item_of(benchmark, each, file, raw, sample)
            if item.id in seen:
                item = replace(item, id=renamed(item.id, seen))
            seen[item.id] = raw.where
            items.append(item)
    if all(item.left_out for item in items):
        first = items[0]
        raise InputError(f"{path}: no row can be asked (the first, {first.id}: {first.left_out})")
    return TestSet(benchmark, items, settings, None, tuple(files))


def whole(sample: dict[str, Any], raw: Raw, file: str) -> dict[str, Any]:
    """Return a sample, whose problem type must be there where it can be asked."""
    if not sample["drop_reason"] and not sample["problem"]:
        raise InputError(f"{file}, {raw.where}: its question is empty")
    return dict(sample)


def source_of(
    benchmark: Benchmark, path: Path | None, media: Path | None
) -> tuple[Source, dict[str, Any]]:
    """Return the source to read, and its entry for `r1data.media`."""
    name = benchmark.card
    entry: dict[str, Any]
    if path is None:
        if benchmark.name == "own":
            raise UsageError("own questions need a path")
        entry = {"rows": "all"}
    elif path.is_dir():
        if benchmark.name == "own":
            raise UsageError(f"{path} is neither a release nor a question file")
        entry = {"root": str(path), "rows": "all"}
        if media is not None:
            first = question_file(benchmark, path)
            return source_of(benchmark, first, media)
    else:
        known_form(path)
        entry = {"path": str(path), "card": name, "rows": "all"}
        entry["media_root"] = str(media or path.parent)
        entry["route"] = route_of(benchmark, path)
    return load_source(name, entry), entry


def known_form(path: Path) -> None:
    """Raise UsageError where a path is no question file."""
    if not path.exists():
        raise UsageError(f"there is nothing at {path}: neither a benchmark nor a question file")
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path} is no question file: it ends in none of {', '.join(FORMATS)}")


def question_file(benchmark: Benchmark, folder: Path) -> Path:
    """Return the first question file of a local copy, whose media lie elsewhere."""
    source = load_source(benchmark.card, {"root": str(folder), "rows": "all"})
    if not source.questions or not source.questions[0].is_file():
        raise UsageError(f"{folder} holds no question file of {benchmark.title}")
    return source.questions[0]


def route_of(benchmark: Benchmark, path: Path) -> str:
    """Return the route whose rows a file has: Video-R1's form, or the benchmark's own."""
    card = load_card(benchmark.card)
    if benchmark.name == "own":
        check_columns(path)
        return card.route
    first = next(iter(read_rows(path))).row
    if "local" in card.routes and "problem" in first and "solution" in first:
        return "local"
    return "authors" if "authors" in card.routes else card.route


def check_columns(path: Path) -> None:
    """Raise InputError where the rows of a file are not in Video-R1's form."""
    raw = next(iter(read_rows(path)))
    missing = [name for name in VIDEO_R1 if name not in raw.row]
    if missing:
        hint = near_word(missing[0], list(map(str, raw.row)))
        raise InputError(
            f"{path}, {raw.where}: no column '{missing[0]}' (the row has: "
            f"{', '.join(map(str, raw.row))}); rows in Video-R1's form have {', '.join(VIDEO_R1)}; "
            f"for a benchmark's own files name it with --benchmark{hint}"
        )


def task_sources(benchmark: Benchmark, source: Source, path: Path | None) -> Iterator[Source]:
    """Yield the parts of a source: TempCompass has a file or folder for each of its tasks."""
    if benchmark.name != "tempcompass" or source.route.name == "local":
        yield source
        return
    single = task_of(path) if path is not None and path.is_file() else None
    if path is not None and path.is_file():
        yield replace(source, route=replace(source.route, config=single or ""))
        return
    for task in tempcompass.TASKS:
        patterns = (f"{task}/*.parquet",) if path is None else (f"{task}/*.parquet", f"{task}.json")
        route = replace(source.route, name=task, config=task, questions=patterns)
        if path is None:
            yield replace(source, route=route)
            continue
        files = tuple(each for each in local_questions(route, path) if each.is_file())
        if files:
            yield replace(source, route=route, questions=files)


def task_of(path: Path) -> str | None:
    """Return the task of TempCompass that a file's name or folder says."""
    names = (path.stem, path.parent.name, *path.stem.split("."))
    return next(filter(None, map(tempcompass.known_task, names)), None)


def item_of(
    benchmark: Benchmark, source: Source, file: str, raw: Raw, sample: dict[str, Any]
) -> Item:
    """Return a row as a question, with its groups."""
    where = f"{file}, {raw.where}"
    row, published = raw.row, {}
    if benchmark.name == "tempcompass":
        row, published = temp_compass_row(source, raw, sample, where)
        if published:
            sample = {**sample, **asked_as_published(sample, published, row)}
    if isinstance(raw.row.get("qa"), list):
        row = nested_row(raw, sample)
    groups = benchmark.groups(row, sample, where)
    if benchmark.only and not sample["drop_reason"] and sample["problem_type"] != benchmark.only:
        told = f"{benchmark.title} scores {benchmark.only} only"
        sample = {**sample, "drop_reason": sample["problem_type"], "drop_detail": told}
    numbers = {name: raw.row[name] for name in NUMBERS if name in raw.row}
    return Item(sample["id"], sample, groups, published, numbers)


def nested_row(raw: Raw, sample: Mapping[str, Any]) -> dict[str, Any]:
    """Return the question of LVBench's own form, which has a line a clip."""
    tail = sample["id"].partition("/")[2]
    mine = next((row for row in raw.row["qa"] if str(row.get("uid")) == tail), {})
    return {"type": raw.row.get("type"), **mine}


def temp_compass_row(
    source: Source, raw: Raw, sample: Mapping[str, Any], where: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return TempCompass's row, and what its rules need; the authors' files nest their rows."""
    task = tempcompass.known_task(source.route.config)
    if source.route.name == "local":
        told = raw.row.get("task") or raw.row.get("original_question_type") or ""
        task = tempcompass.known_task(str(told))
        return {**raw.row, **({"task": task} if task else {})}, {}
    if task is None:
        raise InputError(f"{where}: its file's name is none of {', '.join(tempcompass.TASKS)}")
    row = {**raw.row, "task": task}
    if "_id" in raw.row:
        video, dim, number = sample["id"].removeprefix(f"{source.name}/{task}-").rsplit("-", 2)
        row = {**raw.row[dim][int(number) - 1], "_id": video, "dim": dim, "task": task}
        if task == "captioning":
            row |= choice_of(source, str(video), dim, where)
    published = {name: row[name] for name in ("task", "question", "answer")}
    if task == "captioning":
        if "mc_question" not in row or "mc_answer" not in row:
            raise InputError(f"{where}: a caption's row needs mc_question and mc_answer")
        published |= {name: row[name] for name in ("mc_question", "mc_answer")}
    return row, published


def choice_of(source: Source, video: str, dim: str, where: str) -> dict[str, Any]:
    """Return the multiple-choice question by which the authors judge a caption."""
    assert source.root is not None
    path = source.root / "multi-choice.json"
    if not path.is_file():
        raise InputError(f"{where}: captions are judged by multi-choice.json, not in {source.root}")
    for raw in cached_rows(path):
        if raw.row["_id"] == video and dim in raw.row:
            first = raw.row[dim][0]
            return {"mc_question": first["question"], "mc_answer": first["answer"]}
    raise InputError(f"{where}: {path.name} asks nothing about {dim} of {video}")


def cached_rows(path: Path) -> list[Raw]:
    """Return the rows of a file that is asked for again and again."""
    key = (path, path.stat().st_mtime_ns)
    if key not in KEPT:
        KEPT.clear()
        KEPT[key] = list(read_rows(path))
    return KEPT[key]


KEPT: dict[tuple[Path, int], list[Raw]] = {}


def asked_as_published(
    sample: Mapping[str, Any], published: Mapping[str, Any], row: Mapping[str, Any]
) -> dict[str, Any]:
    """Return how a question of TempCompass is put: yes or no, and captions, without letters."""
    task, question = published["task"], str(published["question"])
    if task not in ("yes_no", "captioning"):
        return {}
    video = row.get("video_id") or row.get("_id")
    free = {"options": [], "problem_type": "free-form", "drop_reason": None, "drop_detail": None}
    free["media"] = [media_entry(f"videos/{video}.mp4", "video", {})]
    if task == "yes_no":
        asked = {"problem": f"{question}\nAnswer yes or no."}
        return {**free, **asked, "solution": str(published["answer"])}
    return {**free, "problem": question, "solution": str(published["mc_answer"])}


def called(items: Sequence[Item]) -> dict[str, Item]:
    """Return the questions by every id that names one of them and no other."""
    found: dict[str, Item] = {}
    doubtful: set[str] = set()
    for item in items:
        for name in set(names_of(item)):
            if found.setdefault(name, item) is not item:
                doubtful.add(name)
    return {name: item for name, item in found.items() if name not in doubtful or name == item.id}


def names_of(item: Item) -> Iterator[str]:
    """Yield the ids by which a question may be called."""
    yield from (str(item.numbers[name]) for name in NUMBERS if item.numbers.get(name) is not None)
    yield item.id.partition("/")[2]
    yield item.id
