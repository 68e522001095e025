"""Where a source's files lie elsewhere, and in which folder here they are kept."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from r1data.errors import InputError
from r1data.media.fetch import Remote
from r1data.media.hub import LOCK, listing, pinned, read_lock, remote_of
from r1data.sources.catalogue import Route, Source, matches


class Upstream(NamedTuple):
    """A source's files elsewhere: path in the source -> remote; `folder` keeps them here."""

    folder: Path
    revision: str
    files: Mapping[str, Remote]


def lock_of(settings: Mapping[str, Any]) -> Path:
    """Return sources.lock: beside the media that builds share, so that it can be kept with them."""
    return Path(settings["media"]).parent / LOCK


def slug(text: str) -> str:
    """Return a folder's name for a repository or an address."""
    return re.sub(r"[^A-Za-z0-9._-]+", "--", text.partition("://")[2] or text).strip("-")


def folder_of(route: Route, settings: Mapping[str, Any]) -> Path:
    """Return the folder of a route's files here; the revision is part of it."""
    media = Path(settings["media"])
    if not route.repo:
        return media / slug(route.url)
    key = f"{route.repo}@{route.revision}" if route.revision else route.repo
    revision = read_lock(lock_of(settings)).get(key, "not-pinned-yet")
    return media / slug(route.repo) / revision[:12]


def upstream(source: Source, settings: Mapping[str, Any]) -> Upstream:
    """Return a source's files elsewhere; pins its revision on first use. Raises InputError."""
    route = source.route
    if not route.repo:
        return Upstream(folder_of(route, settings), "", named_files(route))
    revision = pinned(route.repo, route.revision, lock_of(settings))
    folder = folder_of(route, settings)
    entries = listing(route.repo, revision, folder)
    files = {each.path: remote_of(route.repo, revision, each) for each in entries}
    return Upstream(folder, revision, files)


def named_files(route: Route) -> dict[str, Remote]:
    """Return the files that a route on plain HTTP names: such servers list nothing."""
    paths = [*route.questions, *route.beside, *route.media.get("archives", ())]
    if any("*" in path for path in paths):
        raise InputError(f"{route.url}: a route on plain HTTP must name its files")
    return {path: Remote(address(route.url, in_zip(path)[0])) for path in paths}


def in_zip(path: str) -> tuple[str, str]:
    """Split "a/b.zip/c.json" into the archive and its member, which is "" where there is none."""
    archive, mark, member = path.partition(".zip/")
    return (f"{archive}.zip", member) if mark else (path, "")


def address(base: str, path: str) -> str:
    """Return the address of a file below a base address."""
    return f"{base.rstrip('/')}/{quote(path)}"


def matching(found: Upstream, patterns: tuple[str, ...], what: str, source: Source) -> list[str]:
    """Return the paths that match, sorted. Raises InputError where none does: it was renamed."""
    paths = sorted(path for path in found.files if path in patterns or matches(path, patterns))
    if not paths:
        place = source.route.repo or source.route.url
        asked = ", ".join(patterns)
        raise InputError(
            f"sources.{source.name}: {place} has no {what} {asked} (renamed upstream?): try "
            f"another route ({', '.join(source.card.routes)}), or set sources.{source.name}.root"
        )
    return paths
