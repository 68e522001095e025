"""Members of archives that lie elsewhere: zip and tar by ranges, packed tar by reading through."""

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path, PurePosixPath
from typing import IO, cast

from filelock import FileLock

from r1data.errors import InputError, RowDrop
from r1data.grid.drops import Drop
from r1data.grid.shards import replace_file
from r1data.media.archive_kinds import HEAD, PACKED, ZIP, archive_kind, starts_tar
from r1data.media.archives import (
    STORED_IN_TAR,
    Member,
    stream_tar,
    tar_members,
    unpack_zip,
    zip_members,
)
from r1data.media.fetch import Remote
from r1data.media.finding import as_written, hint, loosely, members_for, only_ones
from r1data.media.lists import keep, kept
from r1data.media.parts import Cut, archives_of, check_order
from r1data.media.ranges import TAIL, RangeFile, Stream
from r1data.media.upstream import Upstream

CONNECTIONS = 4
# Ends a whole zip, and a whole tar.
ZIP_END, TAR_END = b"PK\x05\x06", bytes(1024)


@dataclass
class Archive:
    """An archive elsewhere, in one file or in parts, and the folder its members belong to."""

    cut: Cut
    remotes: Sequence[Remote]
    folder: Path
    below: str
    file: RangeFile | None = field(default=None, repr=False)

    @property
    def path(self) -> str:
        """Its name: that of the whole where it is in parts."""
        return self.cut.path

    def may_hold(self, uri: str) -> bool:
        """Tell whether a file could be a member: an archive unpacks into its own folder."""
        return not self.below or uri.startswith(f"{self.below}/")

    def inner(self, uri: str) -> str:
        """Return the path inside the archive that rows mean by theirs."""
        return uri.removeprefix(f"{self.below}/") if self.below else uri

    def opened(self) -> RangeFile:
        """Return the archive as a file; its size and signed address are asked for once."""
        if self.file is None:
            self.file = RangeFile(self.remotes)
        return self.file

    def kind(self) -> str:
        """Return what its first bytes say that it is. Raises InputError for what is not read."""
        return archive_kind(self.opened().part(0, HEAD), self.path)

    def is_packed(self) -> bool:
        """Tell whether it can only be read through."""
        if self.is_known:
            return not self.index.is_file()
        return self.kind() == PACKED

    @property
    def index(self) -> Path:
        """Where the list of its members is kept; that of a joined one is not its first part's."""
        first, *others = self.cut.parts
        joined = f"+{len(others)}" if others else ""
        return self.folder / "indexes" / f"{first}{joined}.json"

    @property
    def is_known(self) -> bool:
        """Tell whether it was read before, and was an archive then."""
        return self.index.is_file() or self.was_read.is_file()

    @property
    def was_read(self) -> Path:
        """Where it is kept for which files a packed archive was read through."""
        return self.index.with_name(self.index.name + ".read")


def open_archives(paths: Sequence[str], found: Upstream, unpack: str) -> Iterator[Archive]:
    """Yield archives in order; parts of a split one together. Raises InputError."""
    for cut in archives_of(paths, found.files):
        archive = archive_of(cut, found, unpack)
        own = [archive_of(Cut(part, (part,)), found, unpack) for part in cut.parts if part in paths]
        if len(cut.parts) > 1 and (any(each.is_known for each in own) or are_archives(archive)):
            yield from own
            continue
        if cut.maybe:
            check_order(cut)
        yield archive


def archive_of(cut: Cut, found: Upstream, unpack: str) -> Archive:
    """Return an archive with the places of its parts."""
    folder = str(PurePosixPath(cut.path).parent)
    below = unpack.replace("{folder}", "" if folder == "." else folder).strip("/")
    return Archive(cut, [found.files[part] for part in cut.parts], found.folder, below)


def are_archives(archive: Archive) -> bool:
    """Tell whether files that are named like parts are archives of their own.

    The second begins like one, and the first ends like one: a tar is often cut where a header
    begins.
    """
    if archive.cut.spanned or archive.is_known:
        return False
    # As many bytes as surely hold a header that is packed.
    second = RangeFile(archive.remotes[1:2]).part(0, 4 * HEAD)
    if not any(second[:HEAD]):
        return False
    try:
        kind = archive_kind(second, archive.path)
    except InputError:
        return False
    first = RangeFile(archive.remotes[:1])
    tail = first.part(max(0, first.size - TAIL), first.size)
    if kind == ZIP:
        return ZIP_END in tail
    if kind == PACKED:
        return starts_tar(second)
    return tail.endswith(TAR_END)


def bring_members(
    archive: Archive, uris: Sequence[str], every: Callable[[], set[str]], loose: bool = False
) -> dict[str, RowDrop]:
    """Take members out of an archive; return those that are there and broken.

    With `loose` a member may differ from its row in case and in its media suffix.
    """
    with joined_parts(archive):
        if archive.is_packed():
            if not loose:  # what it may hold was looked for as it was read
                bring_streamed(archive, set(uris), every)
            return {}
        listed = {each.name: each for each in list_members(archive)}
    paths = {archive.inner(uri): uri for uri in uris}
    matches = members_for(paths, listed, loosely if loose else as_written)
    wanted = {paths[path]: listed[name] for path, name in only_ones(matches).items()}

    def one(uri: str) -> RowDrop | None:
        try:
            data = member_bytes(archive, wanted[uri])
            replace_file(archive.folder / uri, lambda path: path.write_bytes(data))
        except RowDrop as drop:
            return drop
        return None

    if wanted:
        archive.opened()
    # The first goes alone: it leads to the signed address that the others use.
    first, rest = list(wanted)[:1], list(wanted)[1:]
    faults = [one(uri) for uri in first]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        faults += pool.map(one, rest)
    return {uri: fault for uri, fault in zip(wanted, faults, strict=True) if fault is not None}


@contextmanager
def joined_parts(archive: Archive) -> Iterator[None]:
    """Say of what is wrong with an archive in parts how many there are, and which come last."""
    try:
        yield
    except InputError as problem:
        parts = archive.cut.parts
        if len(parts) == 1:
            raise
        told = f"it was joined from {len(parts)} parts, {parts[0]} to {parts[-1]}"
        raise InputError(f"{problem} ({told}: is a later part missing?)") from problem


def hints(archive: Archive, uris: Sequence[str]) -> dict[str, str]:
    """Return what an archive holds in place of paths, where its list says so."""
    names = [each.name for each in list_members(archive)] if archive.index.is_file() else []
    told = {uri: hint(archive.inner(uri), names, archive.path) for uri in uris if names}
    return {uri: text for uri, text in told.items() if text}


def list_members(archive: Archive) -> list[Member]:
    """Return the checked members of an archive; the list is kept after the first time."""
    known = kept(archive.index)
    if known is not None:
        return [Member(*each) for each in known]
    with locked(archive.index):
        known = kept(archive.index)
        if known is not None:
            return [Member(*each) for each in known]
        file = archive.opened()
        is_zip = archive.kind() == ZIP
        file.seek(0)
        if is_zip:
            sizes = [remote.size or 0 for remote in file.remotes]
            starts = list(accumulate(sizes, initial=0)) if archive.cut.spanned else []
            members = zip_members(cast(IO[bytes], file), archive.path, starts)
        else:
            members = tar_members(cast(IO[bytes], file), archive.path)
        keep(archive.index, members)
        return members


def locked(path: Path) -> FileLock:
    """Return the lock of a file that several processes may make."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path.with_name(path.name + ".lock"))


def member_bytes(archive: Archive, member: Member) -> bytes:
    """Ask for one member, in one request."""
    data = archive.opened().across(member.start, member.stop)
    if member.method != STORED_IN_TAR:
        return unpack_zip(data, member, archive.path)
    if len(data) != member.size:
        raise RowDrop(Drop.BAD_CHECKSUM, f"{member.name} in {archive.path} is not whole")
    return data


def bring_streamed(archive: Archive, uris: set[str], every: Callable[[], set[str]]) -> None:
    """Read a packed tar until the last wanted member: it allows no other way.

    One process reads it for all that the build wants of it; the others wait and find their files.
    Where its members have other folders, case or suffixes than the rows, it is read once more.
    """
    with locked(archive.index):
        if all((archive.folder / uri).is_file() for uri in uris) or covers(archive.was_read, uris):
            return
        wanted = {uri for uri in {*every(), *uris} if archive.may_hold(uri)}
        wanted = {uri for uri in wanted if not (archive.folder / uri).is_file()}
        paths = {archive.inner(uri): uri for uri in wanted}
        say_reading(archive, len(wanted), "a packed tar allows no shortcuts")
        names = read_through(archive, paths)
        left = {path for path, uri in paths.items() if not (archive.folder / uri).is_file()}
        near = near_members(left, names) if left else {}
        if near:
            say_reading(archive, len(near), "their paths there are others than those of the rows")
            read_through(archive, {name: paths[path] for path, name in near.items()})
        keep(archive.was_read, [[uri] for uri in sorted(wanted)])


def near_members(paths: Collection[str], names: Collection[str]) -> dict[str, str]:
    """Return the members that paths mean by their ends, or but for case and suffix."""
    ends = members_for(paths, names)
    return only_ones(ends) | only_ones(members_for(paths - ends.keys(), names, loosely))


def say_reading(archive: Archive, count: int, why: str) -> None:
    """Say that an archive is read through, and why."""
    size = archive.opened().size / 1e9
    said = f"reading {archive.path} ({size:,.1f} GB at most) for {count:,} files"
    sys.stderr.write(f"{said}: {why}\n")


def covers(done: Path, uris: set[str]) -> bool:
    """Tell whether an archive was read to its end for these files already: they are not in it."""
    return uris <= {uri for (uri,) in kept(done) or ()}


def read_through(archive: Archive, wanted: dict[str, str]) -> list[str]:
    """Unpack what is wanted (member -> path) and stop after the last; return the members seen."""
    left, names = set(wanted), list[str]()

    def place(name: str) -> Path | None:
        names.append(name)
        return archive.folder / wanted[name] if name in wanted else None

    with Stream(archive.opened().remotes) as stream:
        file = cast(IO[bytes], stream)
        for name in stream_tar(file, archive.path, place, lambda: stream.total):
            left.discard(name)
            if not left:
                break
    return names
