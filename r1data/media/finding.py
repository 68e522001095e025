"""Which member of an archive a row means: by its path, its end, or all but case and suffix."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import PurePosixPath

from r1data.media.archives import folded
from r1data.media.facts import PICTURES, VIDEOS
from r1data.media.parts import ENDS

KINDS: dict[str, str] = dict.fromkeys(VIDEOS.split(), "video")
KINDS |= dict.fromkeys(PICTURES.split(), "image")
# Names that a message repeats.
SHOWN = 3
Key = Callable[[str], str]


def as_written(path: str) -> str:
    """Return a path as it is."""
    return path


def loosely(path: str) -> str:
    """Return a path without what people write in two ways: case, and which suffix media have.

    A video never becomes an image: 1.jpg beside 1.mp4 is its thumbnail.
    """
    stem, dot, suffix = folded(path).rpartition(".")
    kind = KINDS.get(suffix)
    return f"{stem}{dot}<{kind}>" if kind else folded(path)


def members_for(
    uris: Collection[str], names: Iterable[str], key: Key = as_written
) -> dict[str, list[str]]:
    """Return the members that each path may mean: the one of that path, or those that end in it.

    Some archives hold one more folder than the paths of the rows tell.
    """
    wanted: defaultdict[str, list[str]] = defaultdict(list)
    for uri in uris:
        wanted[key(uri)].append(uri)
    whole: defaultdict[str, list[str]] = defaultdict(list)
    ends: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        at = 0
        while at >= 0:
            found = ends if at else whole
            for uri in wanted.get(key(name[at:]), ()):
                found[uri].append(name)
            at = name.find("/", at) + 1 or -1
    return {**ends, **whole}


def only_ones(matches: Mapping[str, list[str]]) -> dict[str, str]:
    """Return the matches without those that may mean several members."""
    return {uri: names[0] for uri, names in matches.items() if len(names) == 1}


def hint(uri: str, names: Collection[str], archive: str) -> str:
    """Return what an archive holds in place of a path; "" where nothing is like it."""
    several = members_for([uri], names).get(uri) or members_for([uri], names, loosely).get(uri)
    if several:
        return f"{archive} holds {len(several)} files that it may mean: {listed(several)}"
    stem = folded(PurePosixPath(uri).stem)
    alike = [name for name in names if folded(PurePosixPath(name).stem) == stem]
    if alike:
        return f"{archive} holds {listed(alike)}"
    inner = [name for name in names if ENDS.fullmatch(name)]
    if inner:
        told = "archives inside archives are not read: unpack it, and set the source's root"
        return f"{archive} holds the archive {listed(inner)}, and {told}"
    return ""


def listed(names: Collection[str]) -> str:
    """Return the first names."""
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(list(names)[:SHOWN]) + more
