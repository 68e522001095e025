"""The Hub's listings, and the revisions that a project holds on to in sources.lock."""

import json
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from filelock import FileLock

from r1data.errors import InputError
from r1data.grid.shards import write_text
from r1data.media.archives import check_name
from r1data.media.fetch import Remote
from r1data.media.lists import keep, kept
from r1data.media.web import Missing, endpoint, get

LOCK = "sources.lock"
COMMIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Entry(NamedTuple):
    """A file of a repository at a revision."""

    path: str
    size: int
    sha256: str
    git: str


def head_of(repo: str, revision: str = "") -> str:
    """Return the commit that a branch, tag or short hash of a repository names now."""
    url = f"{endpoint()}/api/datasets/{repo}/revision/{quote(revision or 'main', safe='')}"
    try:
        commit = str(json.loads(get(url)[0])["sha"])
    except Missing as problem:
        raise InputError(f"the Hub has no {repo} at '{revision or 'main'}'") from problem
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise InputError(
            f"{repo}: the answer about '{revision or 'main'}' is no Hub's"
        ) from problem
    if not COMMIT.fullmatch(commit):  # it becomes the name of a folder
        raise InputError(f"{repo}: the commit that came is none: {commit[:60]!r}")
    return commit


def pinned(repo: str, revision: str, lock: Path) -> str:
    """Return the commit that sources.lock holds for a repository; the first use pins it."""
    key = f"{repo}@{revision}" if revision else repo
    held = read_lock(lock).get(key)
    if held:
        return held
    with FileLock(lock.with_name(f".{lock.name}.lock")):
        held = read_lock(lock)
        if key not in held:
            held[key] = head_of(repo, revision)
            write_text(lock, json.dumps(dict(sorted(held.items())), indent=1) + "\n")
        return held[key]


def read_lock(lock: Path) -> dict[str, str]:
    """Return what sources.lock holds; nothing where there is none."""
    if not lock.is_file():
        return {}
    try:
        held = json.loads(lock.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise InputError(
            f"{lock} is not valid JSON: mend it, or delete it to pin anew"
        ) from problem
    if not isinstance(held, dict):
        raise InputError(f"{lock}: expected an object of revisions")
    return held


def moved(lock: Path) -> list[str]:
    """Return a line for each repository whose main has moved on since it was pinned."""
    lines = [moved_line(key, lock) for key in read_lock(lock) if "@" not in key]
    return [line for line in lines if line]


def moved_line(repo: str, lock: Path) -> str:
    """Say that a repository's main has moved on since it was pinned; "" where it has not."""
    held, now = read_lock(lock).get(repo, ""), head_of(repo)
    if now == held:
        return ""
    kept = f"{lock.name} keeps {held[:12]} (delete its line to follow)"
    return f"{repo} has moved to {now[:12]}; {kept}"


def report_moved(repo: str, lock: Path) -> None:
    """Say, when something is fetched, that an upstream has moved on."""
    line = moved_line(repo, lock)
    if line:
        say_once(line)


@cache
def say_once(line: str) -> None:
    """Say a line the first time that this process has it to say."""
    sys.stderr.write(f"{line}\n")


def listing(repo: str, revision: str, folder: Path) -> list[Entry]:
    """Return the files of a repository at a commit, kept in `folder` after the first time."""
    known = kept(folder / "listing.json")
    if known is not None:
        return [Entry(*each) for each in known]
    found = list_remote(repo, revision)
    keep(folder / "listing.json", found)
    return found


def list_remote(repo: str, revision: str) -> list[Entry]:
    """Ask for the whole tree, page after page."""
    url = f"{endpoint()}/api/datasets/{repo}/tree/{revision}?recursive=true"
    found: list[Entry] = []
    while url:
        try:
            body, headers = get(url)
        except Missing as problem:
            raise InputError(f"the Hub has no {repo} at {revision}") from problem
        found += entries_of(body, repo)
        url = next_page(headers)
    return found


def entries_of(body: bytes, repo: str) -> list[Entry]:
    """Read one page of a listing. Raises InputError for a page or a path that no Hub would send."""
    try:
        every = [entry_of(each) for each in json.loads(body) if each.get("type") == "file"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        told = type(problem).__name__
        raise InputError(f"{repo}: the listing that came is not the Hub's ({told})") from problem
    for each in every:
        check_name(repo, each.path)
    return every


def entry_of(each: Mapping[str, Any]) -> Entry:
    """Return one file of a listing; LFS files state a sha256, small ones git's."""
    lfs = each.get("lfs")
    if lfs:
        return Entry(each["path"], int(lfs["size"]), str(lfs["oid"]), "")
    return Entry(each["path"], int(each["size"]), "", str(each["oid"]))


def next_page(headers: Mapping[str, str]) -> str:
    """Return the address of the next page; "" on the last."""
    match = re.search(r'<([^>]+)>;\s*rel="next"', headers.get("link", ""))
    return match[1] if match else ""


def remote_of(repo: str, revision: str, entry: Entry) -> Remote:
    """Return where a file of a repository is fetched, with what is stated about it."""
    url = f"{endpoint()}/datasets/{repo}/resolve/{revision}/{quote(entry.path)}"
    return Remote(url, entry.size, entry.sha256, entry.git)
