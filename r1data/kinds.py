"""What lies at a path: a command that is given another thing says which command takes it."""

import difflib
import os
from pathlib import Path

VIDEOS = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".gif")
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
QUESTIONS = (
    *(".csv", ".tsv", ".jsonl", ".ndjson", ".jsonlines", ".json", ".parquet", ".arrow"),
    *(".xlsx", ".xls", ".xlsb", ".xlsm", ".ods"),
)
# What servers and tools leave in the place of a file, whatever its name.
POINTER = b"version https://git-lfs.github.com/spec/"
PAGES = (b"<!doctype html", b"<html", b"<head", b"<body")
# Those that are named where somebody asks which there are.
USUAL = ("CSV", "TSV", "JSON", "JSON lines", "Parquet", "Excel")

BUILD, RELEASE, RECIPE = "a build", "a release", "a recipe"
TABLE, CLIPS = "a table of questions", "a folder of clips or images"
# What to type for a thing that was given to another command.
NEXT = {
    BUILD: "`r1data status {path}` shows it, `r1data build {path}/recipe.yaml --out {path}` "
    "resumes it",
    RELEASE: "`r1data check {path}` and `r1data view {path}` take it",
    RECIPE: "`r1data build {path}` takes it",
    TABLE: "`r1data init {path}` makes a recipe from it",
    CLIPS: "`r1data init QUESTIONS --clips {path}` makes a recipe from it and a table of questions",
}
# How to get what a command wants.
SOURCE = {
    BUILD: "`r1data build RECIPE` makes one in builds/NAME",
    RELEASE: "a finished build has one: `r1data build RECIPE`",
    RECIPE: "`r1data init QUESTIONS` writes one",
    TABLE: f"save one as {', '.join(USUAL)}",
}


def kind_of(path: Path) -> str:
    """Return what lies at a path, in words; "" where nothing does."""
    if path.is_dir():
        return folder_kind(path)
    if not path.exists():
        return ""
    ending = path.suffix.lower()
    if ending in (".yaml", ".yml") or (ending == ".json" and is_object(path)):
        return RECIPE
    if ending in QUESTIONS:
        return TABLE
    return "a clip or image" if ending in VIDEOS + PICTURES else "a file"


def is_table(path: Path) -> bool:
    """Tell whether a path is a file of questions, or a dataset that `datasets` saved to disk."""
    if path.is_dir():
        return any((path / name).is_file() for name in ("state.json", "dataset_dict.json"))
    return path.is_file() and path.suffix.lower() in (*QUESTIONS, ".txt")


def stand_in(head: bytes) -> str:
    """Return what the first bytes are that a server or tool left for a file; "" for none of it."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(POINTER):
        return "a Git LFS pointer and not the file itself: run `git lfs pull` in its repository"
    if text.startswith(PAGES) or (text.startswith((b"<?xml", b"<!--")) and b"<html" in text):
        return "an HTML page, as servers send for a login or an error: download the file again"
    return ""


def folder_kind(path: Path) -> str:
    """Return what a folder is, in words."""
    if (path / "recipe.yaml").is_file():
        return BUILD
    if (path / "README.md").is_file() and any(path.glob("*/*.parquet")):
        return RELEASE
    if is_table(path):
        return TABLE
    endings = {each.suffix.lower() for each in path.iterdir()}
    if not endings:
        return "an empty folder"
    return CLIPS if endings & {*VIDEOS, *PICTURES} else "a folder"


def is_object(path: Path) -> bool:
    """Tell whether a JSON file begins as an object and not as a list of rows."""
    with path.open("rb") as file:
        return file.read(1_000).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def instead(path: str | Path, wanted: str) -> str:
    """Say that a path is not what a command wants, what it is, and what to type."""
    place = Path(path)
    kind = kind_of(place)
    if not str(path).strip():
        return f"an empty path, where {wanted} is wanted: {SOURCE[wanted]}"
    if not kind:
        return f"there is nothing at {path}{near(place)}: {wanted} is wanted; {SOURCE[wanted]}"
    if kind == wanted:
        return f"{path} cannot be used as {wanted}: {SOURCE[wanted]}"
    step = NEXT.get(kind, SOURCE[wanted]).format(path=path)
    return f"{path} is {kind}, not {wanted}: {step}"


def unwritable(folder: Path) -> str:
    """Say why a folder can neither be made nor written in; "" where it can."""
    there = next(each for each in (folder, *folder.parents, Path()) if each.exists())
    if not there.is_dir():
        return f"{there} is a file"
    return "" if os.access(there, os.W_OK) else f"this user may not write in {there}"


def near(path: Path) -> str:
    """Return " (did you mean ...?)" for a name in the same folder that is nearly the same."""
    parent = path.parent
    names = [each.name for each in parent.iterdir()] if parent.is_dir() else []
    found = difflib.get_close_matches(path.name, names, n=1, cutoff=0.75)
    return f" (did you mean {parent / found[0]}?)" if found else ""
