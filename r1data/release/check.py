"""r1data check: does a build keep its word, is a release whole."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from r1data.errors import UsageError
from r1data.grid.drops import Drop
from r1data.grid.funnel import funnel, shard_notes, stage_folders
from r1data.grid.shards import file_sha256, read_note, read_shard
from r1data.grid.work import GATHER_NOTE


class Finding(NamedTuple):
    """Something that is not as it must be: where, and what."""

    where: str
    what: str


class Report(NamedTuple):
    """What was looked at, and what was found wrong with it."""

    path: str
    kind: str
    rows: int
    figures: dict[str, int]
    findings: list[Finding]


def check(path: str | Path) -> Report:
    """Check a build, or a release. Raises UsageError where `path` is neither."""
    folder = Path(path)
    if (folder / "recipe.yaml").is_file() and (folder / "build.json").is_file():
        return check_build(folder)
    if list(folder.glob("data/*.parquet")):
        return check_release(folder)
    raise UsageError(f"{folder} is neither a build (recipe.yaml) nor a release (data/*.parquet)")


def check_build(build: Path) -> Report:
    """Prove for a build that no row was lost and that every file is as its note says."""
    findings = [each for folder in stage_folders(build) for each in check_stage(folder)]
    counts = funnel(build)
    findings += check_conservation(build)
    figures = {"collected": counts.collected}
    for step in counts.steps:
        figures[step.reason] = figures.get(step.reason, 0) + step.rows
    release = build / "9.release"
    if (release / GATHER_NOTE).is_file():
        report = check_release(release)
        figures["released"] = report.rows
        findings += report.findings
        if report.rows != counts.left:
            what = f"{report.rows} rows are released, {counts.left} should be"
            findings.append(Finding("9.release", what))
    else:
        findings.append(Finding("9.release", "the build is not finished: it has no release"))
    return Report(str(build), "build", counts.collected, figures, findings)


def check_stage(folder: Path) -> Iterator[Finding]:
    """Compare the files of a stage with their notes."""
    gathered = read_note(folder / GATHER_NOTE)
    if (folder / GATHER_NOTE).is_file() and gathered is None:
        yield Finding(f"{folder.name}/{GATHER_NOTE}", "the note is damaged")
    for name, sha256 in gathered.files.items() if gathered else ():
        if not (folder / name).is_file():
            yield Finding(f"{folder.name}/{name}", "the file is missing")
        elif file_sha256(folder / name) != sha256:
            yield Finding(f"{folder.name}/{name}", "its bytes are not those of the note")
    vouched = set(gathered.files) if gathered else set()
    for path in sorted(folder.glob("*.parquet")):
        note = read_note(path.with_suffix(".json"))
        if note is None:
            yield Finding(f"{folder.name}/{path.name}", "it has no note that can be believed")
        elif path.name not in vouched and file_sha256(path) != note.sha256:
            yield Finding(f"{folder.name}/{path.name}", "its bytes are not those of the note")


def check_conservation(build: Path) -> Iterator[Finding]:
    """Every sample stands once in every table that follows, and with a reason where it fell out."""
    folders = {path.name.partition(".")[2]: path for path in stage_folders(build)}
    if "samples" not in folders:
        yield Finding("1.samples", "there are no samples")
        return
    known = {reason.value for reason in Drop}
    for note in shard_notes(folders["samples"]):
        wanted = ids_of(folders["samples"], note.shard)
        for stage in ("media", "frames", "selection"):
            path = folders.get(stage, build / "none") / f"{note.shard}.parquet"
            where = f"{path.parent.name}/{note.shard}"
            if not path.is_file() or read_note(path.with_suffix(".json")) is None:
                yield Finding(where, "it is not made yet")
            elif ids_of(path.parent, note.shard) != wanted:
                yield Finding(where, "its rows are not those of the samples")
            else:
                reasons = set(read_shard(path, ["drop_reason"])["drop_reason"].to_pylist())
                for strange in sorted(reasons - known - {None}):
                    yield Finding(where, f"'{strange}' is no drop reason")


def ids_of(folder: Path, shard: str) -> list[str]:
    """Return the ids of a shard, in order."""
    return read_shard(folder / f"{shard}.parquet", ["id"])["id"].to_pylist()


def check_release(folder: Path) -> Report:
    """Check what leaves the house: footers, features, ids, pictures, and the card's figures."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    findings: list[Finding] = []
    ids: Counter[str] = Counter()
    splits: Counter[str] = Counter()
    features: set[bytes] = set()
    for path in sorted(folder.glob("data/*.parquet")):
        where = f"{folder.name}/data/{path.name}"
        try:
            file = pq.ParquetFile(path)
            features.add((file.schema_arrow.metadata or {}).get(b"huggingface", b""))
            for batch in file.iter_batches(batch_size=64):
                rows = batch.to_pylist()
                ids.update(row["id"] for row in rows)
                splits[path.name.partition("-")[0]] += len(rows)
                findings += [Finding(where, what) for row in rows for what in faults(row)]
        except (pa.ArrowException, OSError, KeyError) as problem:
            findings.append(Finding(where, f"cannot be read: {problem}"))
    if len(features) > 1 or b"" in features:
        findings.append(Finding(folder.name, "its shards disagree on their features"))
    twice = [identity for identity, count in ids.items() if count > 1]
    findings += [Finding(folder.name, f"the id {identity} stands twice") for identity in twice[:5]]
    findings += check_card(folder, splits)
    return Report(str(folder), "release", sum(ids.values()), dict(splits), findings)


def faults(row: dict[str, object]) -> Iterator[str]:
    """Yield what is wrong with one published row."""
    import cv2
    import numpy as np

    name = row["id"]
    frames = row["frames"]
    if not isinstance(frames, list) or not frames:
        yield f"{name} has no pictures"
        return
    for i, picture in enumerate(frames):
        data = picture["bytes"]
        if not data or cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is None:
            yield f"{name}: picture {i} cannot be decoded"
    process, solution = str(row["process"]), str(row["solution"])
    if not (process.startswith("<think>") and process.endswith("</think>")):
        yield f"{name}: its process is not inside think tags"
    if not (solution.startswith("<answer>") and solution.endswith("</answer>")):
        yield f"{name}: its solution is not inside answer tags"
    options, letter = row["options"], solution[8:-9]
    if row["problem_type"] == "multiple choice" and isinstance(options, list):
        letters = [str(option).partition(".")[0] for option in options]
        if letter not in letters:
            yield f"{name}: its solution '{letter}' is none of its options"


def check_card(folder: Path, splits: Counter[str]) -> Iterator[Finding]:
    """Compare the figures in README.md with the shards."""
    import yaml

    path = folder / "README.md"
    if not path.is_file():
        yield Finding(f"{folder.name}/README.md", "there is no card")
        return
    head = yaml.safe_load(path.read_text(encoding="utf-8").split("---\n")[1])
    told = {each["name"]: each["num_examples"] for each in head["dataset_info"]["splits"]}
    if {name: count for name, count in told.items() if count} != dict(splits):
        what = f"it says {json.dumps(told)}, the shards hold {json.dumps(splits)}"
        yield Finding(f"{folder.name}/README.md", what)
