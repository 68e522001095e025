"""Which columns of a table name its clips and pictures: those whose files are there."""

from collections.abc import Sequence
from typing import Any

from r1data.errors import InputError, RowDrop
from r1data.sources import column_names as told_by
from r1data.sources.cells import filled
from r1data.sources.column_names import Column, filled_value
from r1data.sources.fields import AUTO
from r1data.sources.finding import Tree, is_media_name, kind_of_media, names_in, short

MEDIA_WORDS = frozenset(
    {"video", "videos", "vid", "clip", "clips", "image", "images", "img", "imgs", "picture"}
    | {"pictures", "photo", "photos", "media", "movie", "file", "files", "filename", "filenames"}
    | {"path", "paths", "frame", "frames", "url", "link", "gif", "screenshot", "footage"}
)
# Pictures of a clip that are not what is asked about.
BESIDE_WORDS = frozenset({"thumbnail", "thumb", "cover", "poster", "preview", "mask", "depth"})


def media_columns(columns: Sequence[Column], tree: Tree) -> list[Column]:
    """Return the columns that name files of the tree: one, or several that each row fills."""
    found = {column.name: files_of(column, tree) for column in columns}
    hits = [
        column
        for column in columns
        if any(any(files) for files in found[column.name]) and is_media(column, found[column.name])
    ]
    main = [column for column in hits if not BESIDE_WORDS.intersection(column.words)] or hits
    named = [column for column in main if MEDIA_WORDS.intersection(column.words)] or main
    different: list[Column] = []
    # Of several that name the same files, one with whole names is the plainest.
    for column in sorted(named, key=lambda column: not all(map(is_media_name, names_of(column)))):
        if not any(same_files(found[column.name], found[other.name]) for other in different):
            different.append(column)
    if not different:
        raise no_media(columns, tree)
    if len(different) == 1 or numbered(different) or exclusive(different):
        return different
    raise told_by.several(different, "media")


def same_files(some: Sequence[tuple[str, ...]], others: Sequence[tuple[str, ...]]) -> bool:
    """Tell whether two columns name the same files wherever both name any that are there."""
    both = [(a, b) for a, b in zip(some, others, strict=True) if any(a) and any(b)]
    return bool(both) and all(a == b for a, b in both)


def files_of(column: Column, tree: Tree) -> list[tuple[str, ...]]:
    """Return the files that each row of a column names; "" for one that is not there."""
    return [tuple(file_of(name, tree) for name in said(value)) for value in column.values]


def said(value: Any) -> list[str]:
    """Return the paths that a value names; none where it cannot name any."""
    try:
        return names_in(value)
    except RowDrop:
        return []


def file_of(name: str, tree: Tree) -> str:
    """Return the file of a name; "" where there is none."""
    try:
        return tree.find(name)
    except RowDrop:
        return ""


def is_media(column: Column, files: Sequence[tuple[str, ...]]) -> bool:
    """Tell whether a column names media: by its name, its endings, or because all are there."""
    values = [name for value in column.values for name in said(value)]
    endings = all(map(is_media_name, values))
    whole = all(file for row in files for file in row)
    by_name = bool(MEDIA_WORDS.intersection(column.words))
    return (
        endings
        or by_name
        or (whole and not all(value.isdecimal() for value in values))
        or (whole and column.label in told_by.ID_NAMES)
    )


def numbered(columns: Sequence[Column]) -> bool:
    """Tell whether columns are the first, second, ... of one thing, as image1 and image2."""
    stems = {tuple(w for w in c.words if not (w.isdecimal() or len(w) == 1)) for c in columns}
    return len(stems) == 1


def exclusive(columns: Sequence[Column]) -> bool:
    """Tell whether no row fills two of several columns."""
    return all(
        sum(map(filled_value, row)) < 2
        for row in zip(*(column.values for column in columns), strict=True)
    )


def no_media(columns: Sequence[Column], tree: Tree) -> InputError:
    """Return the error for a table of which no column names a file of the folder."""
    named = [c for c in columns if MEDIA_WORDS.intersection(c.words)]
    named = [c for c in columns if any(map(is_media_name, names_of(c)))] or named
    if not named:
        names = ", ".join(column.name for column in columns)
        return InputError(
            f"no column names clips or images (not used yet: {names}): name one with --map "
            "media=COLUMN"
        )
    values = names_of(named[0])
    if not values:
        return InputError(f"no row names a clip or image in the column '{named[0].name}'")
    first = values[0]
    if len(first) > 500:
        return InputError(
            f"the column '{named[0].name}' holds whole pictures (base64), not paths: save them as "
            "files, and write their names into a column"
        )
    return InputError(
        f"no file '{short(first)}' lies in {tree.root} or in a folder of it: name the folder of "
        "the clips with --clips"
    )


def names_of(column: Column) -> list[str]:
    """Return the paths that a column names."""
    return [name for value in column.values for name in said(value)]


def media_rule(given: Sequence[Column], tree: Tree) -> tuple[Any, Any]:
    """Return the rules of media and of their kind, by the files that are there."""
    names = [name for column in given for name in names_of(column)]
    found = {name: file_of(name, tree) for name in dict.fromkeys(names)}
    kinds = {kind_of_media(file) for file in found.values() if file}
    kind = {"value": kinds.pop() if len(kinds) == 1 else AUTO}
    plain = len(given) == 1 and all(isinstance(v, str | None) for v in given[0].values)
    asis = all(name.removeprefix("./") == file for name, file in found.items() if file)
    if plain and asis and names == [v for v in given[0].values if filled(v)]:
        return given[0].name, kind
    one = {"field": given[0].name}
    rule = one if len(given) == 1 else {"fields": [column.name for column in given]}
    return {**rule, "find": True}, kind
