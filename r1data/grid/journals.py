"""Journals in a store: the lines that they gain are put as objects of their own.

An object cannot be appended to. So each push puts the whole lines since the last one, named by
where they stand and what they hold; a journal is the set of the lines of all its objects. Whoever
drives the build next puts the sets together, whatever machine died in between.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from r1data.grid.parts import Part
from r1data.grid.store import JOURNALS, Store, get_bytes, listed, put_bytes, remove

# How a line ends that was given up: torn by a kill, or damaged.
GIVEN_UP = b"~\n"
# More objects than this of one journal are put together when a build is taken up again.
MOST_OBJECTS = 20


@dataclass
class Journals:
    """The journals of a build, or of a part of it; `put` says how far each stands in the store."""

    store: Store
    part: Part | None
    put: dict[Path, int] = field(default_factory=dict)

    def files(self) -> Iterator[Path]:
        """Yield the journals that are here."""
        for path in sorted(self.store.mirror.glob("[0-9]*.*/*.jsonl")):
            if self.is_mine(path.name):
                yield path

    def is_mine(self, name: str) -> bool:
        """Tell whether a journal is this driver's to keep."""
        return self.part is None or self.part.owns(name.partition(".")[0])

    def push(self) -> None:
        """Put what the journals have gained."""
        for path in self.files():
            start = self.put.get(path, 0)
            if path.stat().st_size > start:
                self.push_lines(path, start)

    def push_lines(self, path: Path, start: int) -> str:
        """Put the whole lines from `start` on; return the name of their object."""
        with path.open("rb") as file:
            file.seek(start)
            text, newline, _ = file.read().rpartition(b"\n")
        lines = text + newline
        name = f"{self.folder(path)}/{start:015d}-{hashlib.sha256(lines).hexdigest()[:16]}"
        if lines:
            put_bytes(self.store, name, lines)
        self.put[path] = start + len(lines)
        return name

    def folder(self, path: Path) -> str:
        """Return the folder of a journal's objects."""
        return f"{JOURNALS}/{self.store.name(path)}"

    def pull(self, put: bool = True) -> None:
        """Bring the lines that are only in the store, and put those that are only here."""
        objects: dict[str, list[str]] = {}
        for name in sorted(listed(self.store, JOURNALS)):
            objects.setdefault(name.rpartition("/")[0], []).append(name)
        for folder, names in objects.items():
            path = self.store.mirror / folder.removeprefix(f"{JOURNALS}/")
            if self.is_mine(path.name):
                self.merge(path, names, put)
        if put:
            self.push()

    def merge(self, path: Path, names: list[str], put: bool) -> None:
        """Make a journal hold the lines of its objects, and its objects those of the journal."""
        here = {digest(line) for line in lines_of(path)}
        there: set[bytes] = set()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            for name in names:
                lines = (get_bytes(self.store, name) or b"").splitlines(keepends=True)
                new = [line for line in lines if is_whole(line) and digest(line) not in here]
                if new and is_torn(path):
                    file.write(GIVEN_UP)
                file.writelines(new)
                file.flush()
                there |= {digest(line) for line in lines}
                here |= {digest(line) for line in new}
        if not put or (here <= there and len(names) <= MOST_OBJECTS):
            self.put[path] = path.stat().st_size
            return
        whole = self.push_lines(path, 0)
        remove(self.store, [name for name in names if name != whole])


def is_whole(line: bytes) -> bool:
    """Tell whether a line is one to keep."""
    return line.endswith(b"\n") and not line.endswith(GIVEN_UP)


def is_torn(path: Path) -> bool:
    """Tell whether a kill cut the last line off."""
    return path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")


def lines_of(path: Path) -> Iterator[bytes]:
    """Yield the whole lines of a journal that were not given up."""
    if path.is_file():
        with path.open("rb") as lines:
            yield from filter(is_whole, lines)


def digest(line: bytes) -> bytes:
    """Return what a line is known by: texts of a large build would not fit into memory."""
    return hashlib.blake2b(line, digest_size=16).digest()
