"""Archives that were cut into parts: which files belong together, and in which order.

People cut with split, zip -s, 7-Zip and by hand; each names its parts in its own way. The order is
that of the cutting: 2 before 10, and after split's yz comes zaaa.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import NamedTuple

from r1data.errors import InputError

ENDING = r"\.(?:tar\.(?:gz|bz2|xz|zst|lz4|lzma)|tar|tgz|tbz2?|txz|tzst|zip|zipx|7z|rar|gz)"
ENDS = re.compile(rf".*{ENDING}", re.IGNORECASE)
WORD = r"(?:part|split|chunk|vol(?:ume)?|piece|seg(?:ment)?|slice)"
APART = r"[._\- (]*"
OF = rf"(?:{APART}of{APART}(?P<of>\d+))?\)?"
# How a name says that it is a part; the first pattern that fits decides.
SPANNED = re.compile(r"(?P<stem>.+?)(?:\.zip)?\.z(?P<mark>\d{2,})", re.IGNORECASE)
WAYS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # x.tar.gz.part_aa, x.zip.part1of3, x-part-00, part_aa, x.tar (part 1)
        rf"(?P<stem>.*?){APART}{WORD}{APART}(?P<mark>\d+|[a-z]{{1,6}}){OF}",
        # x.zip.001, x.tar.00, x_001, x.tar.1of3
        rf"(?P<stem>.+?)[._-](?P<mark>\d+){OF}",
        # x.tar.aa, x.tar.gz-aa, x.zip_aa, x.tar.gzaa, x.tgz00
        rf"(?P<stem>.+{ENDING})[._-]?(?P<mark>[a-z]{{1,6}}|\d+)",
        # xaa, x00, videosaa, as split names them where nobody gives a name, or one without a dot
        r"(?P<stem>.*?)(?P<mark>[a-z]{2}|z[a-z]{3}|\d{2,})",
    )
)
# x.part1.zip, x_part2.tar: cut, or archives of their own; their first bytes tell.
BEFORE = re.compile(
    rf"(?P<stem>.*?){APART}{WORD}{APART}(?P<mark>\d+|[a-z]{{1,2}}){OF}(?P<after>{ENDING})",
    re.IGNORECASE,
)


class Part(NamedTuple):
    """A file that may be a part: the name of the whole, the mark of its place, of how many."""

    path: str
    whole: str
    mark: str
    of: int | None


class Cut(NamedTuple):
    """An archive elsewhere: its name, the paths of its parts in order.

    `spanned` is zip's own split form, whose directory counts from the start of each part. `maybe`
    stands for parts whose names would also fit archives of their own.
    """

    path: str
    parts: tuple[str, ...]
    spanned: bool = False
    maybe: bool = False


def archives_of(paths: Sequence[str], listing: Collection[str]) -> list[Cut]:
    """Return the archives that `paths` are or are parts of, in order, with parts from `listing`.

    Raises InputError where a part is missing, by its name.
    """
    named = set(paths)
    groups: dict[tuple[str, str], list[Part]] = {}
    for path in dict.fromkeys([*listing, *paths]):
        for kind, part in parts_in(path, sure=path in named):
            groups.setdefault((kind, part.whole), []).append(part)
    for key, group in groups.items():
        groups[key] = without_others(group) if key[0].endswith("letters") else group
    found: dict[str, Cut] = {}
    for path in paths:
        if not any(path in cut.parts for cut in found.values()):
            cut = cut_of(path, groups, listing)
            found[cut.parts[0]] = cut
    return list(found.values())


def parts_in(path: str, sure: bool) -> Iterable[tuple[str, Part]]:
    """Yield what a file may be a part of; without an archive's ending only where `sure`."""
    folder, name = str(PurePosixPath(path).parent), PurePosixPath(path).name
    below = "" if folder == "." else f"{folder}/"
    if match := SPANNED.fullmatch(name):
        yield "spanned", Part(path, f"{below}{match['stem']}.zip".lower(), match["mark"], None)
    elif match := BEFORE.fullmatch(name):
        whole = f"{below}{match['stem']}{match['after']}"
        yield "before", Part(path, whole, match["mark"].lower(), number(match["of"]))
    else:
        for at, way in enumerate(WAYS):
            match = way.fullmatch(name)
            if match and (sure or ENDS.fullmatch(match["stem"])):
                of = number(match.groupdict().get("of"))
                kind = f"{at} {'digits' if match['mark'].isdigit() else 'letters'}"
                yield kind, Part(path, below + match["stem"], match["mark"].lower(), of)
                return


def without_others(group: Sequence[Part]) -> list[Part]:
    """Return the parts of a group without those whose mark is an ending of its own.

    x.tar.gz is a part of x.tar where x.tar.gy is one, and an archive of its own elsewhere.
    """
    marks = {successor(each.mark) for each in group}
    return [each for each in group if each.mark in marks or not ENDS.fullmatch(each.path)]


def number(text: str | None) -> int | None:
    """Return a number that may be absent."""
    return None if text is None else int(text)


def cut_of(path: str, groups: dict[tuple[str, str], list[Part]], listing: Collection[str]) -> Cut:
    """Return the archive that a file is, or is a part of."""
    mine = list(parts_in(path, sure=True))
    names = [part.whole for kind, part in mine if kind == "spanned"] or [path.lower()]
    spanned = groups.get(("spanned", names[0]))
    if spanned:
        whole = next((each for each in listing if each.lower() == spanned[0].whole), "")
        if not whole:
            raise InputError(f"{path}: its last part {spanned[0].whole} is missing")
        return Cut(whole, (*in_order(whole, spanned), whole), spanned=True)
    for kind, part in mine:
        group = groups[kind, part.whole]
        if part in group and is_cut(kind, part, group):
            maybe = kind == "before"
            parts = sorted_paths(group) if maybe else in_order(part.whole or path, group)
            bare = PurePosixPath(part.whole).name if not part.whole.endswith("/") else ""
            unnamed = part.whole in listing or not bare or bare.startswith(".")
            return Cut(parts[0] if unnamed else part.whole, parts, maybe=maybe)
    return Cut(path, (path,))


def is_cut(kind: str, part: Part, group: Sequence[Part]) -> bool:
    """Tell whether files that look like parts are some: a single 2019 or .asc is none."""
    marks = {each.mark for each in group}
    if kind == "before":
        return len(group) > 1
    if kind.endswith("letters"):
        return any(set(mark) == {"a"} for mark in marks) or all(
            len(mark) == 2 and mark[0] == "a" for mark in marks
        )
    if ENDS.fullmatch(part.whole) or part.of is not None:
        return True
    return len(group) > 1 and any(int(mark) < 2 for mark in marks)


def check_order(cut: Cut) -> None:
    """Raise InputError where a part is missing of those that turned out to be parts."""
    found = [part for path in cut.parts for kind, part in parts_in(path, True) if kind == "before"]
    in_order(cut.path, found)


def sorted_paths(group: Sequence[Part]) -> tuple[str, ...]:
    """Return the paths of parts in order."""
    ordered = sorted(group, key=lambda each: (mark_key(each.mark), each.path))
    return tuple(each.path for each in ordered)


def in_order(whole: str, group: Sequence[Part]) -> tuple[str, ...]:
    """Return the paths of parts as they were cut. Raises InputError where one is missing."""
    ordered = sorted(group, key=lambda each: (mark_key(each.mark), each.path))
    first = ordered[0]
    if not ((first.mark.isdigit() and int(first.mark) < 2) or set(first.mark) == {"a"}):
        start = "a" * len(first.mark) if first.mark.isalpha() else "1".zfill(len(first.mark))
        raise missing(whole, start, first, ordered[-1])
    for one, other in pairwise(ordered):
        if mark_key(one.mark) == mark_key(other.mark):
            told = f"{one.path} and {other.path} are both the part '{one.mark}'"
            raise InputError(f"{whole}: {told}: name the right one in media.archives")
        if not follows(one.mark, other.mark):
            raise missing(whole, successor(one.mark), one, other)
    last = ordered[-1]
    if last.of is not None and last.mark.isdigit() and len(ordered) < last.of:
        raise missing(whole, successor(last.mark), first, last)
    return tuple(each.path for each in ordered)


def mark_key(mark: str) -> tuple[int, int, str]:
    """Return what marks are sorted by: numbers by value, letters by length and then as words."""
    return (0, int(mark), "") if mark.isdigit() else (1, len(mark), mark)


def successor(mark: str) -> str:
    """Return the mark after one: 09 -> 10, az -> ba."""
    if mark.isdigit():
        return str(int(mark) + 1).zfill(len(mark))
    head, last = mark[:-1], mark[-1]
    if last != "z":
        return head + chr(ord(last) + 1)
    return (successor(head) if head else "a") + "a"


def follows(one: str, other: str) -> bool:
    """Tell whether no part is missing between two.

    split makes its marks longer as it runs out: yz, zaaa and 89, 9000. Others go on with zz, aaa.
    """
    if mark_key(successor(one)) == mark_key(other):
        return True
    longer = len(other) > len(one) and one[-1] in "z9"
    return longer and re.fullmatch("z*a+|9+0+", other) is not None


def missing(whole: str, mark: str, one: Part, other: Part) -> InputError:
    """Return the error about a part that is not there."""
    at = one.path.lower().rindex(one.mark)
    name = one.path[:at] + mark + one.path[at + len(one.mark) :]
    there = f"{PurePosixPath(one.path).name} and {PurePosixPath(other.path).name} are there"
    return InputError(
        f"{whole}: its part {name} is missing ({there}): is it uploaded, and named so?"
    )
