"""What is about to be published: every file with its hashes, and every reason not to do it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from r1data.grid.shards import TEMPORARY, read_note
from r1data.grid.work import GATHER_NOTE
from r1data.release import secrets
from r1data.release.footers import (
    Finding,
    footer_findings,
    license_findings,
    read_footer,
    sources_terms,
)
from r1data.release.layout import richest, shards_of
from r1data.release.made_by import recipe_findings
from r1data.release.terms import forbidden

BLOCK = 4_000_000
# Above this the Hub takes no file.
LARGEST = 50_000_000_000


class Entry(NamedTuple):
    """One file: its size and the two hashes by which a Hub may know it."""

    path: Path
    size: int
    sha256: str
    git_sha: str


Manifest = dict[str, Entry]


def manifest_of(folder: Path) -> Manifest:
    """Hash every file of a release that is to be published, in order of paths."""
    found = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if not path.is_dir() and path.name != GATHER_NOTE and TEMPORARY not in path.name
    }
    return {name: hashed(path) for name, path in found.items()}


def hashed(path: Path) -> Entry:
    """Hash a file in one pass."""
    size = path.stat().st_size
    sha256, git = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            sha256.update(block)
            git.update(block)
    return Entry(path, size, sha256.hexdigest(), git.hexdigest())


def reasons_against(folder: Path, manifest: Manifest, private: bool) -> list[Finding]:
    """Return all reasons not to publish: damage, disagreement, secrets, terms."""
    found = [*file_findings(folder, manifest), *footer_findings(folder)]
    readable = {name for name in manifest if name.endswith(".parquet")}
    readable = {name for name in readable if read_footer(folder / name).fault is None}
    found += secret_findings(folder, manifest, readable)
    if not found:
        found += terms_findings(folder, private)
    return found


def file_findings(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    """Yield files that are not what the build vouches for, are links, or are too large."""
    note = read_note(folder / GATHER_NOTE)
    if note is None and (folder / GATHER_NOTE).exists():
        yield Finding(f"{folder.name}/{GATHER_NOTE}", "the note is damaged")
    for name, sha256 in note.files.items() if note else ():
        if name not in manifest:
            yield Finding(f"{folder.name}/{name}", "the file is missing")
        elif manifest[name].sha256 != sha256:
            yield Finding(f"{folder.name}/{name}", "its bytes are not those that the build made")
    for name, entry in manifest.items():
        if entry.path.is_symlink():
            yield Finding(f"{folder.name}/{name}", "is a link: a copy is needed")
        if entry.size > LARGEST:
            yield Finding(f"{folder.name}/{name}", f"is larger than {LARGEST:,} bytes")
        if note and name not in note.files:
            yield Finding(f"{folder.name}/{name}", "the build did not make it")


def secret_findings(folder: Path, manifest: Manifest, readable: set[str]) -> Iterator[Finding]:
    """Yield where a token stands in a text or in a row."""
    for name, entry in manifest.items():
        if name in readable:
            hits = secrets.in_shard(entry.path)
        elif name.endswith(".parquet"):
            continue
        else:
            hits = secrets.in_text(entry.path.read_text(encoding="utf-8", errors="replace"))
        yield from (Finding(f"{folder.name}/{name}", what) for what in hits)


def terms_findings(folder: Path, private: bool) -> Iterator[Finding]:
    """Yield what the terms of the sources forbid, and a licence that the rows do not come to."""
    config = richest(folder)
    terms = sources_terms(folder, config)
    yield from license_findings(folder, terms)
    yield from recipe_findings(folder, config)
    media = any(shards_of(folder, each) for each in ("frames", "video"))
    if config == "index-only":
        return
    for source, part in sorted(terms, key=str):
        for what in forbidden(source, part, media=media, private=private):
            yield Finding(folder.name, what)
