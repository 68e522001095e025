"""Members of archives that lie elsewhere: zip and tar by ranges, packed tar by reading through."""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, cast

from filelock import FileLock

from r1data.errors import InputError, RowDrop
from r1data.grid.drops import Drop
from r1data.grid.shards import replace_file
from r1data.media.archives import Member, stream_tar, tar_members, unpack_zip, zip_members
from r1data.media.fetch import Remote
from r1data.media.lists import keep, kept
from r1data.media.ranges import RangeFile, Stream, with_size
from r1data.media.upstream import Upstream

CONNECTIONS = 4
PART = re.compile(r"^(.*\.(?:zip|tar))(?:\.part[._-]?\w+|\.\d{3})$")
PACKED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


@dataclass
class Archive:
    """An archive elsewhere, in one file or in parts, and the folder its members belong to."""

    path: str
    remotes: Sequence[Remote]
    folder: Path
    below: str
    file: RangeFile | None = field(default=None, repr=False)

    def may_hold(self, uri: str) -> bool:
        """Tell whether a file could be a member: an archive unpacks into its own folder."""
        return not self.below or uri.startswith(f"{self.below}/")

    def uri(self, member: str) -> str:
        """Return the path that rows use for a member."""
        return f"{self.below}/{member}" if self.below else member

    def opened(self) -> RangeFile:
        """Return the archive as a file; its size and signed address are asked for once."""
        if self.file is None:
            self.file = RangeFile(self.remotes)
        return self.file

    @property
    def index(self) -> Path:
        """Where the list of its members is kept."""
        return self.folder / "indexes" / f"{self.path}.json"


def open_archives(paths: Sequence[str], found: Upstream, unpack: str) -> Iterator[Archive]:
    """Yield archives in order; parts of a split one together."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        match = PART.match(path)
        groups.setdefault(match[1] if match else path, []).append(path)
    for path, parts in groups.items():
        folder = str(PurePosixPath(path).parent)
        below = unpack.replace("{folder}", "" if folder == "." else folder).strip("/")
        remotes = [found.files[part] for part in parts]
        yield Archive(path, remotes, found.folder, below)


def bring_members(
    archive: Archive, uris: Sequence[str], every: Callable[[], set[str]]
) -> dict[str, RowDrop]:
    """Take members out of an archive; return those that are there and broken."""
    if archive.path.endswith(PACKED):
        bring_streamed(archive, set(uris), every)
        return {}
    members = by_uri(archive, list_members(archive))
    wanted = {uri: members[uri] for uri in uris if uri in members}

    def one(uri: str) -> RowDrop | None:
        try:
            member = wanted[uri]
            data = member_bytes(archive, member)
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
        file.seek(0)
        if archive.path.endswith(".zip"):
            members = zip_members(cast(IO[bytes], file), archive.path)
        elif archive.path.endswith(".tar"):
            members = tar_members(cast(IO[bytes], file), archive.path)
        else:
            raise InputError(f"{archive.path}: neither zip nor tar")
        keep(archive.index, members)
        return members


def locked(path: Path) -> FileLock:
    """Return the lock of a file that several processes may make."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(path.with_name(path.name + ".lock"))


def by_uri(archive: Archive, members: Sequence[Member]) -> dict[str, Member]:
    """Return the members by the path that rows use: theirs, or the end of theirs where it is one's.

    Some archives hold one more folder than the paths of the rows tell.
    """
    exact = {archive.uri(each.name): each for each in members}
    ends: dict[str, list[Member]] = {}
    for each in members:
        parts = each.name.split("/")
        for i in range(1, len(parts)):
            ends.setdefault(archive.uri("/".join(parts[i:])), []).append(each)
    return {uri: found[0] for uri, found in ends.items() if len(found) == 1} | exact


def member_bytes(archive: Archive, member: Member) -> bytes:
    """Ask for one member, in one request."""
    data = archive.opened().across(member.start, member.stop)
    if archive.path.endswith(".zip"):
        return unpack_zip(data, member, archive.path)
    if len(data) != member.size:
        raise RowDrop(Drop.BAD_CHECKSUM, f"{member.name} in {archive.path} is not whole")
    return data


def bring_streamed(archive: Archive, uris: set[str], every: Callable[[], set[str]]) -> None:
    """Read a packed tar until the last wanted member: it allows no other way.

    One process reads it for all that the build wants of it; the others wait and find their files.
    """
    done = archive.index.with_name(archive.index.name + ".read")
    with locked(archive.index):
        if all((archive.folder / uri).is_file() for uri in uris) or covers(done, uris):
            return
        wanted = {uri for uri in {*every(), *uris} if archive.may_hold(uri)}
        wanted = {uri for uri in wanted if not (archive.folder / uri).is_file()}
        remote = with_size(archive.remotes[0])
        said = f"reading {archive.path} ({(remote.size or 0) / 1e9:,.1f} GB at most)"
        sys.stderr.write(f"{said} for {len(wanted):,} files: a packed tar allows no shortcuts\n")
        read_through(archive, remote, set(wanted))
        keep(done, [[uri] for uri in sorted(wanted)])


def covers(done: Path, uris: set[str]) -> bool:
    """Tell whether an archive was read to its end for these files already: they are not in it."""
    return uris <= {uri for (uri,) in kept(done) or ()}


def read_through(archive: Archive, remote: Remote, wanted: set[str]) -> None:
    """Unpack what is wanted and stop after the last of it."""
    stream = Stream(remote)

    def place(name: str) -> Path | None:
        uri = archive.uri(name)
        return archive.folder / uri if uri in wanted else None

    with stream:
        for name in stream_tar(cast(IO[bytes], stream), archive.path, place, lambda: stream.at):
            wanted.discard(archive.uri(name))
            if not wanted:
                return
