"""A mapping for a table that nobody has described: from its columns' names and values.

What cannot be told for certain is an InputError that names the columns and what to type.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from r1data.errors import InputError, RowDrop, UsageError
from r1data.schema_errors import near_word
from r1data.sources import columns as told_by
from r1data.sources.cells import filled
from r1data.sources.columns import Column, Row, filled_value
from r1data.sources.conversations import Choice
from r1data.sources.finding import Tree, is_media_name, kind_of_media, names_in, short
from r1data.sources.mapping import (
    AUTO,
    DATA_TYPES,
    PROBLEM_TYPES,
    is_number,
    option_texts,
    seconds_of,
)
from r1data.sources.markers import MARKER
from r1data.sources.splitting import split_options
from r1data.sources.transforms import BOX, LETTERS, span

MEDIA_WORDS = frozenset(
    {"video", "videos", "vid", "clip", "clips", "image", "images", "img", "imgs", "picture"}
    | {"pictures", "photo", "photos", "media", "movie", "file", "files", "filename", "filenames"}
    | {"path", "paths", "frame", "frames", "url", "link", "gif", "screenshot", "footage"}
)
# Pictures of a clip that are not what is asked about.
BESIDE_WORDS = frozenset({"thumbnail", "thumb", "cover", "poster", "preview", "mask", "depth"})
# What `--map` may name, and the column of ours that it is.
ROLES = {
    "question": "problem",
    "ground_truth": "solution",
    "options": "options",
    "media": "media",
    "start": "start",
    "end": "end",
    "id": "id",
    "split": "split",
    "problem_type": "problem_type",
}
# Of every so many rows one has to hold its options for them to be looked for in all questions.
ONE_OF = 5


class Recognised(NamedTuple):
    """A mapping of a table's columns, what each of ours is taken from, and what is not used."""

    mapping: dict[str, Any]
    taken: dict[str, tuple[str, ...]]
    unused: tuple[str, ...]


def recognise(rows: Sequence[Row], tree: Tree, given: Mapping[str, str]) -> Recognised:
    """Return how the columns of a table become ours; `given` says it for some of them.

    Raises InputError where a column cannot be told, UsageError where a given one is not there.
    """
    columns = told_by.columns_of(rows)
    fixed = {role: fixed_columns(columns, role, names) for role, names in given.items()}
    taken: dict[str, list[Column]] = dict(fixed)
    free = [c for c in columns if not any(c in each for each in fixed.values())]
    mapping: dict[str, Any] = {}

    options(free, taken)
    rest = without(free, taken)
    if "question" not in taken:
        taken["question"] = [told_by.question_of(rest)]
    rest = without(rest, taken)
    if "ground_truth" not in taken:
        taken["ground_truth"] = [key_column(rest, taken.get("options", []))]
    wrong_options(rest, taken, fixed)
    rest = without(rest, taken)
    if "media" not in taken:
        taken["media"] = media_columns(without(free, taken), tree)
    rest = without(rest, taken)
    mapping |= times(rest, taken)
    rest = without(rest, taken)
    others(rest, taken, fixed)

    mapping |= rules(taken, fixed, tree)
    refuse_hidden_options(without(free, taken), taken, mapping)
    used = {name for each in taken.values() for column in each for name in heads(column.name)}
    unused = [c.name for c in columns if not set(heads(c.name)) & used and "." not in c.name]
    names = {role: tuple(c.name for c in each) for role, each in taken.items() if each}
    return Recognised(mapping, names, tuple(unused))


def heads(name: str) -> tuple[str, ...]:
    """Return a column's name and that of the object it is in."""
    return name, name.partition(".")[0]


def without(columns: Sequence[Column], taken: Mapping[str, Sequence[Column]]) -> list[Column]:
    """Return the columns that nothing is taken from yet."""
    used = [column for each in taken.values() for column in each]
    return [column for column in columns if column not in used]


def fixed_columns(columns: Sequence[Column], role: str, names: str) -> list[Column]:
    """Return the columns that a person names for a role: none, one, or several with commas."""
    if role not in ROLES:
        raise UsageError(
            f"--map {role}=...: there is no '{role}'{near_word(role, list(ROLES))}; there are: "
            f"{', '.join(ROLES)}"
        )
    by_name = {column.name: column for column in columns}
    asked = [names] if names in by_name else [each.strip() for each in names.split(",")]
    for name in filter(None, asked):
        if name not in by_name:
            raise UsageError(
                f"--map {role}={names}: no column '{name}'{near_word(name, list(by_name))}; the "
                f"rows have: {', '.join(by_name)}"
            )
    return [by_name[name] for name in asked if name]


# Options


def options(free: Sequence[Column], taken: dict[str, list[Column]]) -> None:
    """Find where a table's options are: in one column, or in a column each."""
    if "options" in taken:
        return
    groups = told_by.option_columns(free)
    whole = told_by.options_of(free)
    keys = told_by.of_words(free, told_by.KEY_WORDS, told_by.KEY_MORE)
    groups = [each for each in groups if len(each) > 2 or any(k not in each for k in keys)]
    groups = [g for g in groups if not (whole and g[0].name.startswith(f"{whole.name}."))]
    if whole and groups:
        names = ", ".join(column.name for column in groups[0])
        raise InputError(
            f"options may be in '{whole.name}', or in {names}: say which with --map "
            f"options={whole.name}"
        )
    if len(groups) > 1:
        shown = " or ".join("/".join(column.name for column in each) for each in groups)
        raise InputError(f"several columns may be options ({shown}): say which with --map options=")
    if whole or groups:
        taken["options"] = [whole] if whole else groups[0]


def wrong_options(
    rest: Sequence[Column], taken: dict[str, list[Column]], fixed: Mapping[str, Any]
) -> None:
    """Take the right answer and columns of wrong ones together as options."""
    wrong = told_by.wrong_columns(rest)
    if wrong and "options" not in taken and "options" not in fixed:
        taken["options"] = [*taken["ground_truth"], *wrong]


def refuse_hidden_options(
    rest: Sequence[Column], taken: Mapping[str, Sequence[Column]], mapping: Mapping[str, Any]
) -> None:
    """Raise InputError where answers are letters, or are in a list, and no options are taken."""
    if "options" in taken or "split_options" in mapping["problem"].get("then", ()):
        return
    key = taken["ground_truth"][0]
    given = [str(value).strip() for value in key.values if filled(value)]
    for column in rest:
        if told_by.lists(column, 0.5) and holds(column, key):
            raise InputError(
                f"the column '{column.name}' holds lists in which the answers are: if they are the "
                f"options, add --map options={column.name}; if not, add --map options="
            )
    letters = [text for text in given if text.strip("().").upper() in LETTERS[:8]]
    if given and 2 * len(letters) > len(given):
        names = ", ".join(column.name for column in rest) or "none"
        raise InputError(
            f"the column '{key.name}' holds letters ({given[0]}), and no column looks like their "
            f"options (not used: {names}): name it with --map options=COLUMN, or several with "
            "commas"
        )


def holds(column: Column, key: Column) -> bool:
    """Tell whether most answers are in the lists of a column."""
    pairs = [(texts(a), str(b).strip()) for a, b in zip(column.values, key.values, strict=True)]
    inside = [b in a for a, b in pairs if a and b]
    return bool(inside) and 2 * sum(inside) > len(inside)


def texts(value: Any) -> list[str]:
    """Return options as texts; none where they cannot be read."""
    try:
        return option_texts(value)
    except RowDrop:
        return []


# The key


def key_column(rest: Sequence[Column], options_: Sequence[Column]) -> Column:
    """Return the column of answers; of several, one that the others agree with in every row."""
    return told_by.key_of(rest, lambda found: agreeing(found, options_))


def agreeing(found: Sequence[Column], options_: Sequence[Column]) -> Column | None:
    """Return the most telling of several answer columns; None where they differ in any row."""
    rows = range(len(found[0].values))
    lists = [texts_in_row(options_, row) for row in rows]
    meant = [[places(column.values[row], lists[row]) for row in rows] for column in found]
    for row in rows:
        sets = [each[row] for each in meant if each[row]]
        if sets and not set.intersection(*sets):
            return None
    return max(found, key=lambda column: (is_text(column), -found.index(column)))


def texts_in_row(options_: Sequence[Column], row: int) -> list[str]:
    """Return the texts of a row's options, in one column or in several."""
    if len(options_) == 1:
        return texts(options_[0].values[row])
    return [str(column.values[row]).strip() for column in options_ if filled(column.values[row])]


def places(value: Any, options_: Sequence[str]) -> set[str]:
    """Return the options that an answer may mean: by its text, letter, or number from 0 or 1."""
    text = str(value).strip().rstrip(".").casefold() if filled_value(value) else ""
    if not text:
        return set()
    if not options_:
        return {text}
    same = {str(i) for i, o in enumerate(options_) if o.rstrip(".").casefold() == text}
    bare = text.strip("()[]. ").upper()
    if not same and len(bare) == 1 and bare in LETTERS:
        same = {str(LETTERS.index(bare))}
    if not same and bare.isdecimal():
        same = {str(int(bare)), str(int(bare) - 1)}
    return same or {text}


def is_text(column: Column) -> bool:
    """Tell whether a column's answers are texts of more than a letter or a number."""
    return any(isinstance(v, str) and len(v) > 2 and not v.isdecimal() for v in column.values)


# Media


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
    for column in named:
        if all(found[column.name] != found[other.name] for other in different):
            different.append(column)
    if not different:
        raise no_media(columns, tree)
    if len(different) == 1 or numbered(different) or exclusive(different):
        return different
    raise told_by.several(different, "media")


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


# Times and the rest


def times(rest: Sequence[Column], taken: dict[str, list[Column]]) -> dict[str, Any]:
    """Find the columns of a part's start and end, and return their rules."""
    if "start" in taken or "end" in taken:
        return {}
    odd: list[Column] = []
    for role, names in (("start", told_by.START_NAMES), ("end", told_by.END_NAMES)):
        found = told_by.named(rest, names)
        right = [column for column in found if all_times(column.values)]
        if right:
            taken[role] = right[:1]
        odd += [column for column in found if role in column.words and not right]
    spans = [column for column in told_by.named(rest, told_by.SPAN_NAMES) if all_spans(column)]
    if spans and not {"start", "end"} & set(taken):
        taken["start"] = taken["end"] = spans[:1]
        name = spans[0].name
        return {
            "start": {"field": name, "then": ["span_start"]},
            "end": {"field": name, "then": ["span_end"]},
        }
    unsure = odd + [c for c in rest if is_part(c) and not any(c in each for each in taken.values())]
    if unsure:
        names = " and ".join(f"'{column.name}'" for column in unsure)
        raise InputError(
            f"{names} may say which part of a clip is meant, and are no times in seconds: write "
            "them as seconds or mm:ss, or leave them out with --map start="
        )
    return {}


def all_times(values: Sequence[Any]) -> bool:
    """Tell whether the values of a column are times."""
    try:
        return {seconds_of("start", value) for value in values if filled(value)} > set()
    except RowDrop:
        return False


def all_spans(column: Column) -> bool:
    """Tell whether a column holds two times in each row."""
    pairs = [span(value) for value in column.values if filled_value(value)]
    return bool(pairs) and all(a is not b and all_times([a]) and all_times([b]) for a, b in pairs)


def is_part(column: Column) -> bool:
    """Tell whether a column's name says that it is a part's first or last frame."""
    ends = {"start", "end", "begin", "stop"} & set(column.words)
    return bool(ends) and bool({"frame", "ms", "msec", "idx", "index"} & set(column.words))


def others(
    rest: Sequence[Column], taken: dict[str, list[Column]], fixed: Mapping[str, Any]
) -> None:
    """Find the columns of ids and splits."""
    for role, names in (("id", ("id", *told_by.ID_NAMES)), ("split", ("split",))):
        if role not in fixed:
            found = [c for c in told_by.named(rest, names) if role != "id" or unique(c)]
            by_id = [c for c in rest if c.name == "_id" and role == "id" and unique(c)]
            if found or by_id:
                taken[role] = (found or by_id)[:1]


def unique(column: Column) -> bool:
    """Tell whether every row has a value of its own."""
    values = [str(value) for value in column.values if filled(value)]
    return len(values) == len(column.values) == len(set(values))


# The rules of a mapping


def rules(
    taken: Mapping[str, Sequence[Column]], fixed: Mapping[str, Any], tree: Tree
) -> dict[str, Any]:
    """Return the rule of each column of ours."""
    found: dict[str, Any] = {"problem": problem_rule(taken), "solution": key_rule(taken)}
    if taken.get("options"):
        found["options"] = options_rule(taken)
    elif "options" in fixed:
        found["options"] = {"value": None}
    media, kind = media_rule(taken["media"], tree)
    found |= {"media": media, "data_type": kind, "problem_type": type_rule(taken, found["problem"])}
    found |= typed([column for each in taken.values() for column in each])
    for role in ("start", "end", "split", "id"):
        if taken.get(role):
            found[role] = taken[role][0].name
    found.setdefault("id", {"value": None})
    return found


def problem_rule(taken: Mapping[str, Sequence[Column]]) -> dict[str, Any]:
    """Return the rule of questions: their column or columns, markers and options taken out."""
    given = taken["question"]
    values = [v for column in given for v in column.values if isinstance(v, str) and v.strip()]
    then = ["strip_marker"] if any(map(MARKER.search, values)) else []
    inside = [bool(options_inside(value)) for value in values]
    if inside and (sum(inside) * ONE_OF >= len(inside) or given[0].name.startswith("turn.")):
        then = [*then, "split_options"]
    field: dict[str, Any] = {"field": given[0].name}
    field = field if len(given) == 1 else {"fields": [column.name for column in given]}
    return {**field, "then": then} if then else field


def options_inside(text: str) -> list[str]:
    """Return the options in a question's text; none where it has none."""
    try:
        found = split_options(text)
    except RowDrop:
        return ["?"]
    return found.options if isinstance(found, Choice) else []


def key_rule(taken: Mapping[str, Sequence[Column]]) -> dict[str, Any]:
    """Return the rule of the key, out of its tags, its box or its list of one."""
    key = taken["ground_truth"][0]
    boxed = any(
        isinstance(value, list) or (isinstance(value, str) and BOX in value) for value in key.values
    )
    return {"field": key.name, "then": ["unbox", "untag"] if boxed else ["untag"]}


def options_rule(taken: Mapping[str, Sequence[Column]]) -> Any:
    """Return the rule of options."""
    given = taken["options"]
    if len(given) == 1:
        return given[0].name
    rule: dict[str, Any] = {"fields": [column.name for column in given]}
    mixed = given[0] in taken["ground_truth"]  # else the first option would be right in every row
    return {**rule, "then": ["shuffle"]} if mixed else rule


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


def type_rule(taken: Mapping[str, Sequence[Column]], problem: Mapping[str, Any]) -> Any:
    """Return one problem type for all rows, by their truths, or that each row tells its own."""
    key = [value for value in taken["ground_truth"][0].values if filled_value(value)]
    options_ = taken.get("options", [])
    inside = "split_options" in problem.get("then", ())
    if options_:
        rows = range(len(options_[0].values))
        whole = all(any(filled_value(column.values[row]) for column in options_) for row in rows)
        return {"value": "multiple choice" if whole else AUTO}
    numbers = [is_number(value) for value in key]
    if inside or (any(numbers) and not all(numbers)):
        return {"value": AUTO}
    return {"value": "numerical" if numbers and all(numbers) else "free-form"}


def typed(columns: Sequence[Column]) -> dict[str, Any]:
    """Return the rules for columns that say the types of rows in our own words."""
    found: dict[str, Any] = {}
    for name, allowed in (("problem_type", PROBLEM_TYPES), ("data_type", DATA_TYPES)):
        for column in columns:
            if column.name == name and all(value in allowed for value in column.values):
                found[name] = name
    return found
