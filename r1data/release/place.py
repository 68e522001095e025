"""Publishing to a folder or an object store: shards first, the card last, leftovers after it.

There is no commit in such a place. Whoever starts from the card sees the old release or the new
one, unless a shard of the same name changed: keep each version in a place of its own then.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import R1DataError, UsageError, file_fault
from r1data.grid.shards import TEMPORARY, write_text
from r1data.grid.store import STORES, client_faults
from r1data.kinds import unwritable
from r1data.release.manifest import BLOCK, Manifest

CARD = "README.md"
# Names all files with their hashes; written last of all, and what a second run compares with.
LIST = ".r1data.json"
# Instead of a hash: the file may be there, wholly or not, or be gone.
IN_DOUBT = ""


class Place(NamedTuple):
    """A folder of some file system."""

    files: Any
    root: str
    name: str

    def at(self, path: str) -> str:
        """Return the full path of a file."""
        return f"{self.root.rstrip('/')}/{path}"


class Plan(NamedTuple):
    """What copying would do."""

    name: str
    copied: list[str]
    deleted: list[str]
    bytes: int

    @property
    def differs(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.copied or self.deleted)

    def text(self) -> str:
        """Return the plan for a person."""
        lines = [f"publish to {self.name}"]
        lines += [f"  {'copy':<9} {path}" for path in self.copied]
        lines += [f"  {'delete':<9} {path}" for path in self.deleted]
        return "\n".join([*lines, f"  {'send':<9} {self.bytes:,} bytes"])


def open_place(to: str) -> Place:
    """Open a folder, or an address such as s3://bucket/name. Raises UsageError."""
    import fsspec

    if not to.rpartition("://")[2].strip():
        raise UsageError("--to is empty: name a folder, or an address as s3://bucket/name")
    address = to if "://" in to else Path(to).resolve().as_posix()
    try:
        files, root = fsspec.core.url_to_fs(address)
    except (ImportError, ValueError) as problem:
        raise UsageError(f"--to {to}: {problem}") from problem
    fault = "" if "://" in to else unwritable(Path(to))
    if fault:
        raise UsageError(f"--to {to} cannot be written: {fault}; name another folder")
    files.invalidate_cache()
    return Place(files, root, to)


def protocols(place: Place) -> set[str]:
    """Return the names of a file system: fsspec gives one, or several."""
    found = place.files.protocol
    return {found} if isinstance(found, str) else set(found)


def make_folder(place: Place, path: str) -> None:
    """Make a folder where files need one; a store would make a bucket of a misspelt name."""
    if not (STORES | {"memory"}) & protocols(place):
        place.files.makedirs(path, exist_ok=True)


def is_local(place: Place) -> bool:
    """Tell whether a place is a folder, where writing a file takes more than one step."""
    return "file" in protocols(place)


@contextmanager
def told_plainly(place: Place) -> Iterator[None]:
    """Turn what a store says of keys, rights and wires into one line."""
    try:
        yield
    except (OSError, *client_faults()) as problem:
        if isinstance(problem, OSError) and problem.filename is not None and is_local(place):
            raise file_fault(problem) from problem
        why = " ".join(str(problem).split())[:300]
        raise R1DataError(f"{place.name}: {why}; run the same again to go on") from problem


def make_plan(place: Place, manifest: Manifest) -> Plan:
    """Compare with what an earlier run left. Raises UsageError where strangers' files lie."""
    there = listed(place)
    if there is None and place.files.exists(place.root) and place.files.find(place.root):
        raise UsageError(
            f"{place.name} holds files that no release of r1data put there: name another place"
        )
    known = there or {}
    copied = [path for path, each in manifest.items() if known.get(path) != each.sha256]
    copied.sort(key=lambda path: path == CARD)
    deleted = [path for path in known if path not in manifest]
    return Plan(place.name, copied, deleted, sum(manifest[path].size for path in copied))


def listed(place: Place) -> dict[str, str] | None:
    """Return path -> sha256 as an earlier run left it; IN_DOUBT for a file that it was at."""
    if not place.files.exists(place.at(LIST)):
        return None
    return json.loads(place.files.cat_file(place.at(LIST)))


def carry_out(place: Place, plan: Plan, manifest: Manifest) -> None:
    """Copy, read back, and only then delete what no longer belongs to the release."""
    done = listed(place) or {}
    # The run after a kill must neither believe nor forget what is being copied or deleted.
    done |= dict.fromkeys([*plan.copied, *plan.deleted], IN_DOUBT)
    write_list(place, done)
    for path in plan.copied:
        copy(place, path, manifest)
        done[path] = manifest[path].sha256
        write_list(place, done)
    for path in plan.deleted:
        if place.files.exists(place.at(path)):
            place.files.rm_file(place.at(path))
    write_list(place, {path: each.sha256 for path, each in manifest.items()})


def write_list(place: Place, files: dict[str, str]) -> None:
    """Write what stands in the place, in one step."""
    text = json.dumps(files, indent=1)
    if is_local(place):
        write_text(Path(place.at(LIST)), text)
    else:
        make_folder(place, place.root)
        place.files.pipe_file(place.at(LIST), text.encode())


def copy(place: Place, path: str, manifest: Manifest) -> None:
    """Copy one file and read it back. Raises R1DataError where other bytes come back."""
    target = place.at(path)
    make_folder(place, target.rpartition("/")[0])
    # A store shows an object when it is whole; in a folder only a rename does.
    written = f"{target}{TEMPORARY}" if is_local(place) else target
    place.files.put_file(str(manifest[path].path), written)
    digest = hashlib.sha256()
    with place.files.open(written, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    if digest.hexdigest() != manifest[path].sha256:
        raise R1DataError(f"{target} came back with other bytes: run the same again")
    if written != target:
        Path(written).replace(target)
