"""A remote file, or several parts of one, read as if it lay here: only the bytes asked for move."""

import io
from collections.abc import Sequence
from typing import IO

from r1data.errors import InputError
from r1data.media.fetch import Remote, copy, is_broken, partial
from r1data.media.web import Passing, ask, patiently, shown, whole_number

# The end of a zip with its directory of some hundred members, or a Parquet footer, in one request.
TAIL = 1 << 16
# tarfile looks at the byte before each header, which is then no request of its own.
NEAR = 2048


class RangeFile(io.RawIOBase):
    """A seekable file over HTTP ranges; the signed address is asked for once and used again.

    Several remotes are parts of one file, in order.
    """

    def __init__(self, remotes: Sequence[Remote]) -> None:
        self.remotes = [with_size(remote) for remote in remotes]
        self.size = sum(remote.size or 0 for remote in self.remotes)
        self.signed: dict[int, str] = {}
        self.at = 0
        self.tail = b""
        self.near = (0, b"")

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        self.at = max(0, base + offset)
        return self.at

    def read(self, size: int | None = -1) -> bytes:
        stop = self.size if size is None or size < 0 else min(self.size, self.at + size)
        data = self.part(self.at, stop)
        self.at += len(data)
        return data

    def readall(self) -> bytes:
        return self.read()

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def part(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` to before `stop`; the end of the file is kept."""
        if start >= stop:
            return b""
        edge = max(0, self.size - TAIL)
        if start >= edge:
            self.tail = self.tail or self.across(edge, self.size)
            return self.tail[start - edge : stop - edge]
        if stop - start >= NEAR:
            return self.across(start, stop)
        begin, data = self.near
        if not begin <= start <= stop <= begin + len(data):
            begin, data = self.near = start, self.across(start, min(self.size, start + NEAR))
        return data[start - begin : stop - begin]

    def across(self, start: int, stop: int) -> bytes:
        """Return bytes that may lie in several parts."""
        found, begin = [], 0
        for part, remote in enumerate(self.remotes):
            end = begin + (remote.size or 0)
            low, high = max(start, begin), min(stop, end)
            if low < high:
                found.append(self.one(part, low - begin, high - begin))
            begin = end
        return b"".join(found)

    def one(self, number: int, start: int, stop: int) -> bytes:
        """Return bytes of one part; what came before a broken connection is not asked for again."""
        url, out = self.remotes[number].url, io.BytesIO()

        def once() -> bytes:
            where = self.signed.get(number, url)
            try:
                reply = ask(where, start + out.tell(), stop)
            except InputError:
                if number not in self.signed:
                    raise
                del self.signed[number]  # a signed address lives for minutes only
                raise Passing("its signed address has ended") from None
            self.signed[number] = reply.url
            with reply.body as body:
                if reply.status != 206:
                    raise InputError(f"{shown(url)}: no parts of files (no ranges) there")
                copy(body, out, stop - start - out.tell())
            if out.tell() < stop - start:
                raise Passing("the connection broke")
            return out.getvalue()

        return patiently(url, once)


def with_size(remote: Remote) -> Remote:
    """Return a remote with its size: the server is asked where no listing stated it."""
    if remote.size is not None:
        return remote

    def once() -> int:
        reply = ask(remote.url, 0, 1)
        reply.body.close()
        total = whole_number(reply.headers.get("content-range", "").rpartition("/")[2])
        if reply.status != 206 or total is None:
            raise InputError(f"{shown(remote.url)}: no parts of files (no ranges) there")
        return total

    return remote._replace(size=patiently(remote.url, once))


class Stream(io.RawIOBase):
    """Remote files one after the other, gone on with after broken connections; for tar.gz."""

    def __init__(self, remotes: Sequence[Remote]) -> None:
        self.remotes = list(remotes)
        self.at = 0
        self.total = 0
        self.body: IO[bytes] | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        data = b""
        while not data and self.remotes:
            data = patiently(self.remotes[0].url, lambda: self.once(len(buffer)))
            if not data:
                del self.remotes[0]
                self.at = 0
        buffer[: len(data)] = data
        self.total += len(data)
        return len(data)

    def once(self, size: int) -> bytes:
        """Return the next bytes of the first remote, b"" at its end."""
        remote = self.remotes[0]
        if remote.size is not None and self.at >= remote.size:
            return b""
        if self.body is None:
            reply = ask(remote.url, self.at or None)
            if self.at and reply.status != 206:
                raise InputError(f"{shown(remote.url)}: it cannot go on in the middle")
            self.body = reply.body
        try:
            data = self.body.read(size)
        except Exception as problem:
            if not is_broken(problem):
                raise
            data = partial(problem)
        self.at += len(data)
        if not data or len(data) < size:
            self.body.close()
            self.body = None
        if not data and remote.size is not None:
            raise Passing("the connection broke")
        return data

    def close(self) -> None:
        if self.body is not None:
            self.body.close()
        super().close()
