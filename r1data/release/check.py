"""r1data check: does a build keep its word, is a release whole."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import InputError, UsageError
from r1data.grid.cleared import cleared
from r1data.grid.drops import Drop
from r1data.grid.funnel import funnel, shard_notes, stage_folders
from r1data.grid.mirror import here
from r1data.grid.shards import ShardDamaged, distrust, file_sha256, read_note, read_shard
from r1data.grid.work import GATHER_NOTE
from r1data.kinds import kind_of, near
from r1data.release.check_kept import kept_findings
from r1data.release.embedded import file_findings
from r1data.release.footers import Finding, footer_findings, license_findings, sources_terms
from r1data.release.layout import (
    FOLDERS,
    REPAIR,
    richest,
    split_of,
    stored_rows,
    unknown_values,
)
from r1data.release.made_by import card_recipe, recipe_findings
from r1data.rewards.thought import MIN_WORDS, in_tags, thought_words

REPOSITORY = re.compile(r"(?:hf:/{1,2}datasets/)?(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>\S+))?")
# More of the same say nothing new.
MOST_TWICE = 5
QUESTIONS = "questions"


class Report(NamedTuple):
    """What was looked at, and what was found wrong with it."""

    path: str
    kind: str
    rows: int
    figures: dict[str, int]
    findings: list[Finding]


def check(path: str | Path, media_root: str | Path | None = None) -> Report:
    """Check a build, a release, or question files in Video-R1's shape.

    `path` may be a repository of the Hub, as user/name; `media_root` is the folder that paths in
    question files are relative to (default: where the file lies). Raises UsageError for anything
    else, InputError for a file that cannot be parsed.
    """
    folder = here(path)
    if not folder.exists():
        folder = fetched(str(path))
    if (folder / "1.samples").is_dir() or (folder / "build.json").is_file():
        return check_build(folder)
    if (folder / "README.md").is_file() and any(release_shards(folder)):
        return check_release(folder)
    return check_rows(folder, Path(media_root) if media_root else None)


def release_shards(folder: Path) -> Iterator[Path]:
    """Yield the shards of a release of r1data."""
    for name in FOLDERS.values():
        yield from folder.glob(f"{name}/*-[0-9]*.parquet")


def fetched(name: str) -> Path:
    """Return a local copy of a repository. Raises UsageError where `name` is none."""
    from huggingface_hub import snapshot_download

    from r1data.release.hub_errors import cap_waits, client_errors

    repo = REPOSITORY.fullmatch(name)
    if repo is None:
        raise UsageError(nothing_at(name))
    cap_waits()
    try:
        found = snapshot_download(repo["name"], repo_type="dataset", revision=repo["revision"])
    except client_errors() as problem:
        raise UsageError(not_fetched(name, problem)) from problem
    return Path(found)


def nothing_at(name: str) -> str:
    """Say that a path leads nowhere, and what is taken in its place."""
    return (
        f"there is nothing at {name}{near(Path(name))}: name a build, a release, a file of "
        "questions, or a dataset of the Hub as user/name"
    )


def not_fetched(name: str, problem: Exception) -> str:
    """Say why a name that leads nowhere here was not found on the Hub either."""
    why = " ".join(str(problem).split()).removeprefix("Got: ")
    short = why if len(why) <= 160 else f"{why[:160].rpartition(' ')[0]} ..."
    return (
        f"there is nothing at {name} on this machine, and the Hub did not give a dataset of that "
        f"name: {short}"
    )


def check_rows(path: Path, media_root: Path | None) -> Report:
    """Check question files: rows, truths, options, letters, and the media that they name."""
    from r1data.release.loose import Tally, look_at, question_files
    from r1data.release.loose_media import look_at_media

    files = question_files(path)
    if not files:
        raise UsageError(
            f"{path} is neither a build (recipe.yaml) nor a release (data/*.parquet), "
            f"and holds no question files: it is {kind_of(path)}"
        )
    tally = Tally()
    look_at(files, tally)
    root = media_root or (path if path.is_dir() else path.parent)
    findings = look_at_media(root, tally, media_root is not None)
    letters = {f"right answer {name}": count for name, count in sorted(tally.letters.items())}
    figures = {**dict(sorted((+tally.figures).items())), **letters}
    return Report(
        str(path), "question set", tally.rows, figures, tally.findings(path.name) + findings
    )


def check_build(build: Path) -> Report:
    """Prove for a build that no row was lost and that every file is as its note says."""
    findings = [each for folder in stage_folders(build) for each in check_stage(folder)]
    counts = funnel(build)
    findings += check_conservation(build)
    findings += kept_findings(build)
    figures = {"collected": counts.collected}
    for step in counts.steps:
        figures[step.reason] = figures.get(step.reason, 0) + step.rows
    figures |= {
        f"shards of {name} cleared by r1data clean": len(list(shard_notes(build / name)))
        for name in sorted(cleared(build))
    }
    release = build / "9.release"
    if (release / GATHER_NOTE).is_file():
        report = check_release(release)
        figures["released"] = report.rows
        if QUESTIONS in report.figures:  # a question may have several rows
            figures["questions released"] = report.figures[QUESTIONS]
        findings += report.findings
        questions = report.figures.get(QUESTIONS, report.rows)
        if questions != counts.left:
            what = f"{questions} questions are released, {counts.left} should be"
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
            distrust(folder / name, folder / GATHER_NOTE)
            yield Finding(f"{folder.name}/{name}", "its bytes are not those of the note")
    vouched = set(gathered.files) if gathered else set()
    for path in sorted(folder.glob("*.parquet")):
        note = read_note(path.with_suffix(".json"))
        if note is None:
            yield Finding(f"{folder.name}/{path.name}", "it has no note that can be believed")
        elif path.name not in vouched and file_sha256(path) != note.sha256:
            distrust(path, path.with_suffix(".json"))
            yield Finding(f"{folder.name}/{path.name}", "its bytes are not those of the note")


def check_conservation(build: Path) -> Iterator[Finding]:
    """Every sample stands once in every table that follows, and with a reason where it fell out."""
    folders = {path.name.partition(".")[2]: path for path in stage_folders(build)}
    if "samples" not in folders:
        yield Finding("1.samples", "there are no samples")
        return
    known = {reason.value for reason in Drop}
    gone = cleared(build)
    stages = ("media", "frames", "selection", *({"balance"} & folders.keys()))
    for stage in (each for each in stages if each not in folders):
        yield Finding(stage, "no shard of it is made yet")
    for note in shard_notes(folders["samples"]):
        wanted = ids_of(folders["samples"], note.shard)
        if wanted is None:  # found already, with its name
            continue
        for stage in (each for each in stages if each in folders):
            path = folders[stage] / f"{note.shard}.parquet"
            if path.parent.name in gone:
                continue
            where = f"{path.parent.name}/{note.shard}"
            if not path.is_file() or read_note(path.with_suffix(".json")) is None:
                yield Finding(where, "it is not made yet")
            elif (ids := ids_of(path.parent, note.shard)) != wanted:
                if ids is not None:
                    yield Finding(where, "its rows are not those of the samples")
            else:
                reasons = set(read_shard(path, ["drop_reason"])["drop_reason"].to_pylist())
                for strange in sorted(reasons - known - {None}):
                    yield Finding(where, f"'{strange}' is no drop reason")


def ids_of(folder: Path, shard: str) -> list[str] | None:
    """Return the ids of a shard, in order; None where its bytes are not those of its note."""
    try:
        return read_shard(folder / f"{shard}.parquet", ["id"])["id"].to_pylist()
    except ShardDamaged:
        return None


def check_release(folder: Path) -> Report:
    """Check what leaves the house: footers, features, ids, pictures, licence, and the card."""
    import pyarrow as pa

    findings = list(footer_findings(folder))
    ids: Counter[tuple[str, int]] = Counter()
    splits: Counter[str] = Counter()
    config = richest(folder)
    try:
        least = least_words(folder)
        for path, row in stored_rows(folder, config):
            split = split_of(path)
            ids[row["id"], row.get("chain", 0)] += 1
            splits[split] += 1
            where = f"{folder.name}/{split}"
            findings += [Finding(where, what) for what in faults(row, config, least)]
        findings += license_findings(folder, sources_terms(folder, config))
        findings += recipe_findings(folder, config)
        findings += file_findings(folder)
    except (pa.ArrowException, OSError, KeyError, InputError) as problem:
        said = " ".join(str(problem).split()).removesuffix(f"; {REPAIR}")
        what = said if isinstance(problem, InputError) else f"cannot be read: {said}"
        findings.append(Finding(f"{folder.name}, config {config}", what))
    twice = [identity for (identity, _), count in ids.items() if count > 1]
    findings += [Finding(folder.name, f"the id {name} stands twice") for name in twice[:MOST_TWICE]]
    questions, rows = len({identity for identity, _ in ids}), sum(ids.values())
    figures = dict(splits) | ({} if questions == rows else {QUESTIONS: questions})
    return Report(str(folder), "release", rows, figures, findings)


def least_words(folder: Path) -> int:
    """Return how many words a thought must have by the recipe in a release's card."""
    import yaml

    asked = yaml.safe_load(card_recipe(folder) or "") or {}
    return (asked.get("filter") or {}).get("min_thought_words", MIN_WORDS)


def faults(row: dict[str, Any], config: str, least: int) -> Iterator[str]:
    """Yield what is wrong with one published row."""
    yield from (f"{row['id']}: {what}" for what in unknown_values(row))
    if config == "frames":
        yield from picture_faults(row["id"], row["frames"])
    if config != "index-only":
        yield from text_faults(row, least)


def picture_faults(name: str, frames: Any) -> Iterator[str]:
    """Yield what is wrong with the pictures of a row."""
    import cv2
    import numpy as np

    if not isinstance(frames, list) or not frames:
        yield f"{name} has no pictures"
        return
    for i, picture in enumerate(frames):
        data = picture["bytes"]
        if not data or cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is None:
            yield f"{name}: picture {i} cannot be decoded"


def text_faults(row: dict[str, Any], least: int) -> Iterator[str]:
    """Yield what is wrong with the texts of a row; a thought has at least `least` words."""
    name = row["id"]
    process, solution = row["process"], str(row["solution"])
    kind = row.get("kind", "chain")
    if kind != "chain" and process is not None:
        yield f"{name}: it is kept as {kind} and yet has a process"
    inside = str(process).startswith("<think>") and str(process).endswith("</think>")
    if kind == "chain" and not inside:
        yield f"{name}: its process is not inside think tags"
    words = thought_words(in_tags(str(process)))
    if kind == "chain" and inside and words < least:
        yield f"{name}: its process holds no thought: {words} words that count, {least} are needed"
    if not (solution.startswith("<answer>") and solution.endswith("</answer>")):
        yield f"{name}: its solution is not inside answer tags"
    options, letter = row["options"], solution[8:-9]
    if row["problem_type"] == "multiple choice" and isinstance(options, list):
        letters = [str(option).partition(".")[0] for option in options]
        if letter not in letters:
            yield f"{name}: its solution '{letter}' is none of its options"
