"""Whole files: resumed after a kill, checked against size and hash that the server states.

huggingface_hub 2.4 begins a killed file anew and takes a corrupted body of the right size for whole
(measured), so r1data fetches by itself: into NAME.part, which every run goes on with.
"""

import hashlib
from pathlib import Path
from typing import IO, NamedTuple

from filelock import FileLock

from r1data.errors import InputError, RowDrop
from r1data.grid.drops import Drop
from r1data.grid.shards import named_disk_faults, sync_folder
from r1data.media.web import Passing, Reply, ask, patiently, shown, whole_number

BLOCK = 1 << 18
# A 256th of a file, from 1 to 16 MB: small enough to lose, large enough for one more request.
# A file whose size nobody states is given up at that of the largest known ones.
MOST_BYTES = 1 << 34
WINDOWS, LEAST_WINDOW, MOST_WINDOW = 256, 1 << 20, 1 << 24


class Remote(NamedTuple):
    """A file elsewhere, and what is stated about it; `git` is git's sha1 of small Hub files."""

    url: str
    size: int | None = None
    sha256: str = ""
    git: str = ""


def fetch(remote: Remote, target: Path) -> Path:
    """Bring a file here, or go on with what is here of it; return its path.

    Two processes that want the same file: the second waits, then finds it. Raises RowDrop
    BAD_CHECKSUM where it comes twice with another hash than stated.
    """
    if is_whole(remote, target):
        return target
    part = target.with_name(target.name + ".part")
    with named_disk_faults(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(target.name + ".lock")):
            if is_whole(remote, target):
                return target
            fault: str | None = None
            for _ in range(2):
                patiently(remote.url, lambda: fill(remote, part))
                fault = wrong(remote, part)
                if fault is None:
                    part.replace(target)
                    part.with_name(part.name + ".tag").unlink(missing_ok=True)
                    sync_folder(target.parent)
                    return target
                part.unlink()
    raise RowDrop(Drop.BAD_CHECKSUM, f"{target.name} came twice with {fault}")


def is_whole(remote: Remote, target: Path) -> bool:
    """Tell whether a file is here with the size that is stated; its hash was checked on arrival."""
    return target.is_file() and remote.size in (None, target.stat().st_size)


def fill(remote: Remote, part: Path) -> None:
    """Add to a part until it is whole. Raises Passing where the connection breaks without gain.

    A large file comes in windows, so that a kill loses at most one: some MB are on their way in the
    buffers of both sides. The signed address that the first window led to is used for the others.
    """
    signed = ""
    while True:
        have = part.stat().st_size if part.exists() else 0
        if remote.size is not None and have == remote.size:
            part.touch()
            return
        if remote.size is not None and have > remote.size:
            part.unlink()
            continue
        try:
            reply = ask_window(remote, part, signed or remote.url, have)
        except InputError:
            if not signed:
                raise
            signed = ""  # a signed address lives for minutes only
            continue
        signed = reply.url
        gained, done = take_in(remote, part, reply, have)
        if done:
            return
        if gained == 0:
            raise Passing("the connection broke before a byte came")


def ask_window(remote: Remote, part: Path, url: str, have: int) -> Reply:
    """Ask for the next bytes of a file: a window of them, or all where its size is not known."""
    stop = None
    if remote.size is not None:
        window = min(MOST_WINDOW, max(LEAST_WINDOW, remote.size // WINDOWS))
        stop = min(remote.size, have + window) if remote.size > window else None
    start = have if have or stop else None
    return ask(url, start, stop, etag=kept_tag(remote, part) if have else "")


def take_in(remote: Remote, part: Path, reply: Reply, have: int) -> tuple[int, bool]:
    """Write what an answer brings; return how much that is, and whether the file is whole."""
    if reply.status == 416:
        reply.body.close()
        part.unlink(missing_ok=True)
        raise Passing("the server has less than is here already")
    keep_tag(remote, part, reply)
    with reply.body as body, part.open("ab" if reply.status == 206 else "wb") as out:
        begun = begins_at(reply, have, remote.url)
        most = MOST_BYTES if remote.size is None else remote.size
        gained = copy(body, out, most - begun + 1)
    if remote.size is None and begun + gained > most:
        raise InputError(f"{shown(remote.url)}: more than {most:,} bytes come without a size")
    stated = length(reply)
    if remote.size is not None:
        return gained, begun + gained >= remote.size
    return gained, stated is None or gained == stated


def keep_tag(remote: Remote, part: Path, reply: Reply) -> None:
    """Remember which version a part is of, where no hash would tell at the end."""
    if not remote.sha256 and not remote.git:
        tag = reply.headers.get("etag") or reply.headers.get("last-modified", "")
        part.with_name(part.name + ".tag").write_text(tag, encoding="utf-8")


def kept_tag(remote: Remote, part: Path) -> str:
    """Return the version that a part is of: a server that has another one sends all of it."""
    path = part.with_name(part.name + ".tag")
    tag = path.read_text(encoding="utf-8") if path.is_file() else ""
    return "" if remote.sha256 or remote.git or tag.startswith("W/") else tag


def begins_at(reply: Reply, have: int, url: str) -> int:
    """Return where the body of an answer begins in the file. Raises InputError."""
    if reply.status != 206:
        return 0
    begun = reply.headers.get("content-range", "").removeprefix("bytes ").partition("-")[0]
    if begun != str(have):
        raise InputError(f"{shown(url)}: asked for bytes from {have}, got those from {begun}")
    return have


def length(reply: Reply) -> int | None:
    """Return how long the server says its body is."""
    return whole_number(reply.headers.get("content-length", ""))


def copy(body: IO[bytes], out: IO[bytes], most: int) -> int:
    """Copy until the body ends or breaks, at most `most` bytes: a server may send without an end.

    What came is on its way to the disk at once.
    """
    gained = 0
    while gained < most:
        try:
            block = body.read(min(BLOCK, most - gained))
        except Exception as problem:
            if not is_broken(problem):
                raise
            block = partial(problem)
            out.write(block)
            out.flush()
            return gained + len(block)
        if not block:
            return gained
        out.write(block)
        out.flush()
        gained += len(block)
    return gained


def is_broken(problem: Exception) -> bool:
    """Tell a broken connection from any other fault."""
    import http.client

    return isinstance(problem, http.client.HTTPException | ConnectionError | TimeoutError)


def partial(problem: Exception) -> bytes:
    """Return the bytes that came before a connection broke in the middle of a block."""
    return getattr(problem, "partial", b"")


def wrong(remote: Remote, part: Path) -> str | None:
    """Return what is wrong with a finished part, or None."""
    size = part.stat().st_size
    if remote.size is not None and size != remote.size:
        return f"{size:,} bytes instead of {remote.size:,}"
    if remote.sha256 and hash_of(part, "sha256") != remote.sha256:
        return "another sha256 than the server states"
    if remote.git and hash_of(part, "sha1", f"blob {size}\0".encode()) != remote.git:
        return "another git hash than the server states"
    return None


def hash_of(path: Path, kind: str, head: bytes = b"") -> str:
    """Return the hash of a file, with `head` before it."""
    state = hashlib.new(kind, head)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            state.update(block)
    return state.hexdigest()
