"""r1data init: a recipe for own clips and questions, from a look at them and a few answers."""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import InputError, RecipeError, UsageError
from r1data.grid.drops import Drop
from r1data.kinds import BUILD, QUESTIONS, RELEASE, USUAL, is_table, kind_of
from r1data.outlook import Fall, fall_lines, falls
from r1data.recipe import check, dump, parse_yaml
from r1data.sources.catalogue import load_card, load_source
from r1data.sources.cells import delimiter_of, sheet_names
from r1data.sources.encodings import read_any_text
from r1data.sources.fields import AUTO
from r1data.sources.finding import Tree
from r1data.sources.nesting import BY_ID, is_conversation, row_paths
from r1data.sources.reading import PLAIN, Layout, form_of, read_document, read_rows
from r1data.sources.recognising import ROLES, Recognised, recognise
from r1data.sources.stage import counting, normalise_all, readable
from r1data.teacher.prompts import load_prompt

# Rows in which places of rows and conversations are looked for.
SAMPLE = 50
HUB_NAME = r"[\w-][\w.-]*/[\w-]+(\.(?!csv|tsv|json|parquet|xls|txt)[\w-]+)*"
STEPS = {
    "strip_marker": "without markers as <image>",
    "split_options": "options taken out of the text",
    "unbox": "out of its box",
    "decimal_comma": "3,5 as 3.5",
    "shuffle": "in an order that follows from their texts",
}
# A place of rows, and what their columns are.
Fit = tuple[Layout, Recognised]
FOLDERS = ("clips", "videos", "video", "media", "images", ".")


class Wishes(NamedTuple):
    """What a person wants: where the questions and clips are, whose they are, who answers."""

    name: str
    questions: Path
    model: str
    url: str
    key: str
    license: str


class Seen(NamedTuple):
    """What a table of questions turned out to be.

    `entry` is that of the recipe's source, `rows` are the samples that the build makes of it, of
    which `kept` stay; `told` says what each column is taken for.
    """

    entry: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    kept: Sequence[Mapping[str, Any]]
    told: tuple[str, ...]
    fallen: tuple[str, ...]


def question_file(place: Path) -> Path:
    """Return the only table of questions of a folder, or the file itself. Raises InputError."""
    if not place.exists() and re.fullmatch(HUB_NAME, str(place)):
        raise InputError(
            f"there is nothing at {place}: if it is a dataset of the Hub, fetch it first (hf "
            f"download {place} --repo-type dataset --local-dir {place.name}), then: r1data init "
            f"{place.name}/FILE --clips {place.name}"
        )
    if not place.is_dir() or is_table(place) or kind_of(place) in (BUILD, RELEASE):
        return place
    found = [p for p in sorted(place.glob("*")) if p.suffix.lower() in QUESTIONS and p.is_file()]
    if not found:
        raise InputError(
            f"there is no table of questions in {place}: save one as {', '.join(USUAL)}, and "
            "name it"
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:5])
        raise InputError(f"{place} holds {len(found)} tables of questions ({names}): name one")
    return found[0]


def media_root_of(questions: Path) -> Path:
    """Return the folder beside a table in which clips are, among the usual names."""
    for name in FOLDERS:
        folder = questions.parent / name
        if folder.is_dir() and Tree(folder).files:
            return folder
    return questions.parent


def look(
    questions: Path, media_root: Path, given: Mapping[str, str] | None = None, at: Layout = PLAIN
) -> Seen:
    """Read a table, tell how its columns become ours, and make samples of it as a build does.

    Raises InputError where a column cannot be told, or where no row can be used.
    """
    if not media_root.is_dir():
        raise InputError(f"there is no folder {media_root}: name that of the clips with --clips")
    tree = Tree(media_root)
    layout, found = told_layout(questions, tree, given or {}, at)
    usual = load_card("own").routes["path"].mapping
    entry: dict[str, Any] = {"path": str(questions), "media_root": f"{media_root}/"}
    mapping = {key: rule for key, rule in found.mapping.items() if usual.get(key) != rule}
    told = {**layout._asdict(), "mapping": mapping}
    entry |= {key: value for key, value in told.items() if value}
    settings = {"entries": {"own": entry}, "media": "media", "seed": 0}
    source = load_source("own", entry)
    samples = [readable(row, symbols=False) for row in normalise_all(source, 0, settings)]
    kept, fallen = falls(samples, settings)
    refuse_unsure(questions, samples, kept, fallen, found)
    lines = (form_said(questions, layout, len(samples)), *said(found), *counting(source, settings))
    return Seen(entry, samples, kept, lines, tuple(fall_lines(fallen, len(samples))))


def told_layout(questions: Path, tree: Tree, given: Mapping[str, str], at: Layout) -> Fit:
    """Return where the rows of a table are, and what their columns are.

    Of several places the only one whose columns are recognised is taken. Raises InputError.
    """
    fits: list[Fit] = []
    faults: list[InputError] = []
    for layout in layouts(questions, at):
        try:
            raws = read_rows(questions, layout, whole=False)
            rows = [raw.row for raw in raws if not raw.fault]
            fits.append((layout, recognise(rows, tree, given)))
        except InputError as fault:
            faults.append(fault)
    plain = [each for each in fits if not each[0].rows_at and not each[0].sheet][:1]
    by_ids = [each for each in fits if each[0].rows_at == BY_ID]
    listed = [each for each in fits if BY_ID not in each[0].rows_at.split(".")]
    fits = plain or listed or fits
    if len(fits) > 1:
        names = ", ".join(layout.sheet or layout.rows_at or "the rows" for layout, *_ in fits)
        option = "--sheet" if fits[0][0].sheet else "--rows-at"
        every = f", or all with {option} '{BY_ID}'" if by_ids else ""
        raise InputError(
            f"{questions} has questions at several places ({names}): name one with {option}{every}"
        )
    if not fits:
        raise faults[0]
    return fits[0]


def layouts(questions: Path, at: Layout) -> Iterator[Layout]:
    """Yield the places at which a table's rows may be, the plain one first."""
    form = form_of(questions)
    if form == "spreadsheet":
        names = sheet_names(questions)
        for name in [at.sheet] if at.sheet else names:
            yield at._replace(sheet=name if len(names) > 1 else "")
        return
    paths = [at.rows_at] if at.rows_at else list(row_places(questions, form))
    for path in paths:
        layout = at._replace(rows_at=path)
        rows = [raw.row for raw in itertools.islice(read_rows(questions, layout, False), SAMPLE)]
        talks = [key for row in rows for key, value in row.items() if is_conversation(value)]
        yield layout._replace(turns=at.turns or (talks[0] if talks else ""))


def row_places(questions: Path, form: str) -> Iterator[str]:
    """Yield the dotted paths at which the rows of a table may be."""
    if form == "json":
        data = read_document(questions)
        found = list(dict.fromkeys(row_paths(data)))
        by_id = isinstance(data, Mapping) and all(isinstance(row, Mapping) for row in data.values())
        plain = isinstance(data, list) or by_id
        yield from [""] if plain or not found else []
        yield from (path for path in found if path and not (by_id and path == BY_ID))
        return
    yield ""
    rows = [raw.row for raw in itertools.islice(read_rows(questions, whole=False), SAMPLE)]
    yield from dict.fromkeys(path for row in rows for path in row_paths(row) if path)


def form_said(questions: Path, layout: Layout, rows: int) -> str:
    """Say how a table was read: its form, its encoding where that is another than UTF-8."""
    form = form_of(questions)
    plain_names = {"json": "JSON", "jsonl": "JSON lines", "folder": "saved by datasets"}
    how = plain_names.get(form, form)
    if form == "delimited":
        text, encoding = read_any_text(questions)
        marks = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
        mark = delimiter_of(text)
        how = f"cells between {marks.get(mark, mark)}"
        how += "" if encoding.startswith("utf-8") else f", in the encoding {encoding}"
    where = [
        f"{key.replace('_', ' ')} '{value}'" for key, value in layout._asdict().items() if value
    ]
    return f"{rows:,} rows read ({', '.join([how, *where])}):"


def said(found: Recognised) -> list[str]:
    """Say what each column of ours is taken from, and which columns are not used."""
    lines = []
    for role, names in found.taken.items():
        then = steps_of(found.mapping.get(ROLES[role]))
        columns = ", ".join(f"'{name}'" for name in names)
        lines.append(f"  {role.replace('_', ' '):<14}{columns}{then}")
    for name in (each for each in ("problem_type", "data_type") if each not in found.taken):
        lines.append(f"  {name.replace('_', ' '):<14}{plain(found.mapping[name])}")
    unused = ", ".join(f"'{name}'" for name in found.unused) or "none"
    return [*lines, f"  {'not used':<14}{unused}"]


def steps_of(rule: Any) -> str:
    """Say what is done to a column's values."""
    steps = list(rule.get("then", ())) if isinstance(rule, Mapping) else []
    steps = [STEPS[name] for name in steps if name in STEPS]
    if isinstance(rule, Mapping) and rule.get("find"):
        steps.append("found by name below the folder of the clips")
    return f" ({', '.join(steps)})" if steps else ""


def plain(rule: Any) -> str:
    """Say in words where the type of a row comes from."""
    if isinstance(rule, str):
        return f"'{rule}'"
    return "told by each row" if rule["value"] == AUTO else f"always {rule['value']}"


def refuse_unsure(
    questions: Path,
    samples: Sequence[Mapping[str, Any]],
    kept: Sequence[Mapping[str, Any]],
    fallen: Sequence[Fall],
    found: Recognised,
) -> None:
    """Raise InputError where no row can be used, or the key of most cannot be read."""
    key = ", ".join(found.taken["ground_truth"])
    unread = sum(
        row["drop_reason"] in (Drop.NO_TRUTH, Drop.AMBIGUOUS_TRUTH)
        and "truth is empty" not in row["drop_detail"]
        for row in samples
    )
    if kept and 2 * unread <= len(samples):
        return
    reasons = "\n".join(fall_lines(fallen, len(samples)))
    raise InputError(
        f"{questions}: {len(kept):,} of {len(samples):,} rows can be used with the ground truth in "
        f"'{key}': correct the table, or say with --map which column is what\n{reasons}"
    )


def shown_row(seen: Seen) -> str:
    """Return the first row that stays as the teacher gets it, and its key."""
    row = seen.kept[0]
    text = load_prompt("grounded").fill(row["problem"], row["options"], row["problem_type"])
    media = ", ".join(each["uri"] for each in row["media"])
    part = part_said(row["media"][0])
    lines = [f"  | {line}".rstrip() for line in text.strip().splitlines()]
    return "\n".join(
        [
            f"as the teacher gets row {row['id']}, with {media}{part}:",
            *lines,
            f"  key: {row['solution']}",
        ]
    )


def part_said(media: Mapping[str, Any]) -> str:
    """Say which part of a clip is shown; nothing for the whole."""
    if media["start"] is None and media["end"] is None:
        return ""
    end = "its end" if media["end"] is None else f"{media['end']:g} s"
    return f" from {media['start'] or 0:g} s to {end}"


def recipe_text(wishes: Wishes, seen: Seen) -> str:
    """Return the recipe as YAML with a reason beside each choice."""
    entry = dict(seen.entry)
    if wishes.license not in ("", "unknown"):
        entry["license"] = license_of(wishes.license)
    lane = {"url": wishes.url, **({"key": wishes.key} if wishes.key else {}), "concurrency": 16}
    return "\n".join(
        [
            f"# Made by r1data init from {len(seen.rows)} rows of {wishes.questions.name}.",
            f"# See what they become: r1data sources check {wishes.name}.yaml",
            dump({"pipeline": "cot", "name": wishes.name, "seed": 7}).rstrip(),
            dump({"sources": {"own": entry}}).rstrip(),
            "# 16 frames of 128 x 28 x 28 pixels, at which Video-R1 trains",
            dump({"frames": {"sampler": "uniform", "count": 16, "max_pixels": 100352}}).rstrip(),
            "# the same question about the same clip is asked once",
            dump({"screen": {"duplicates": True}}).rstrip(),
            "# four answers a question: the share of right ones is the row's pass rate",
            dump({"teacher": teacher_of(wishes)}).rstrip(),
            dump({"verify": {"preset": "canonical"}}).rstrip(),
            "# the right answer of middle length, if its thought concludes with it",
            dump({"filter": {"consistency": True, "choose": "median"}}).rstrip(),
            dump({"run": {"lanes": [lane]}}),
        ]
    )


def license_of(name: str) -> dict[str, Any]:
    """Return the terms of own questions and clips; a name says itself whether commerce is out."""
    non_commercial = "NC" in name.upper().replace("-", " ").split()
    terms = {"annotations": name, "media": name, "non_commercial": non_commercial}
    return {**terms, "gated": False, "stated_by": "their owner"}


def teacher_of(wishes: Wishes) -> dict[str, Any]:
    """Return the teacher's section: sampling as Video-R1's, room for a longer thought."""
    sampling = {"temperature": 1.0, "top_p": 0.95, "max_tokens": 1024}
    return {"model": wishes.model, "prompt": "grounded", "n": 4, **sampling}


def write_recipe(wishes: Wishes, seen: Seen, folder: Path = Path()) -> Path:
    """Write NAME.yaml once it is what a build takes; never over a file that is there."""
    path = recipe_path(wishes.name, folder)
    text = recipe_text(wishes, seen)
    data, _ = parse_yaml(text, str(path))
    try:
        check(data, "recipe", {}, "init")
    except RecipeError as problem:
        said = str(problem).removeprefix("init: ")
        raise UsageError(f"{option_of(said)}: {said}") from problem
    path.write_text(text, encoding="utf-8")
    return path


def refuse_name(name: str) -> None:
    """Raise UsageError for a name that files and recipes cannot have."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise UsageError(f"--name '{name}': letters, digits, '.', '_' and '-' only")


def recipe_path(name: str, folder: Path = Path()) -> Path:
    """Return where a recipe is written. Raises UsageError where it cannot be, or one is there."""
    refuse_name(name)
    path = folder / f"{name}.yaml"
    if path.exists():
        raise UsageError(f"{path} is there already: remove it, or give another --name")
    return path


def option_of(problem: str) -> str:
    """Return the option whose value a message about the new recipe is about."""
    options = {
        ".url'": "--url",
        ".key'": "--key",
        ".model'": "--model",
    }
    return next((name for field, name in options.items() if field in problem), "init")
