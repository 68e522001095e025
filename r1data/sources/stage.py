"""1 samples: get the question files, normalise every row, choose, and deal them into shards."""

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from r1data.errors import InputError, RowDrop
from r1data.grid.build import Cell
from r1data.grid.drops import Drop
from r1data.grid.shards import digest_of, file_sha256
from r1data.grid.work import Shard
from r1data.media.upstream import upstream
from r1data.options import short
from r1data.rewards.numerical import judge_numerical
from r1data.rewards.symbolic import is_formula, looks_symbolic
from r1data.schema import arrow_schema
from r1data.selection.letters import even_letters
from r1data.sources.asked import Reader
from r1data.sources.catalogue import Source, load_source
from r1data.sources.choosing import chosen_of
from r1data.sources.fields import AUTO, refuse_mapping
from r1data.sources.finding import Tree, kind_of_media
from r1data.sources.getting import questions_here
from r1data.sources.mapping import first_number, normalise, parsed_sample, unfit_sample
from r1data.sources.parsers import PARSERS
from r1data.sources.reading import Raw, parts_of, read_rows

# 256 rows of 16 frames are about 110 MB, which every worker can hold; eight shards or more let two
# workers run ahead of each other on a small build.
MOST_ROWS, FEWEST_SHARDS = 256, 8


def collect_samples(*, cell: Cell) -> Iterator[Shard]:
    """Yield the shards of chosen samples."""
    rows = chosen_samples(cell.options, cell.settings)
    if not rows:
        raise InputError("no row is chosen: look at rows: and where: under the recipe's sources")
    size = max(1, min(MOST_ROWS, -(-len(rows) // FEWEST_SHARDS)))
    schema = arrow_schema("sample")
    for number, start in enumerate(range(0, len(rows), size)):
        yield Shard(f"{number:05d}", pa.Table.from_pylist(rows[start : start + size], schema))


def stamp_questions(*, cell: Cell) -> str:
    """Digest the question files: an edited file, or another pinned revision, makes samples anew."""
    stamps: list[Any] = []
    for source in load_sources(cell.settings):
        here = questions_here(source, cell.settings)
        files = [(name, part) for name, path in here for part in parts_of(path)]
        stamps.append([[name, file_sha256(path)] for name, path in files])
        if source.route.finds and source.media_root is not None:
            stamps.append(Tree(source.media_root).digest())
    return digest_of(stamps)


def load_sources(settings: Mapping[str, Any]) -> list[Source]:
    """Return the sources of a recipe in its order."""
    return [load_source(name, entry) for name, entry in settings["entries"].items()]


def chosen_samples(options: Mapping[str, Any], settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Normalise and choose; the order is that of the recipe, then of the source."""
    every: list[dict[str, Any]] = []
    for source in load_sources(settings):
        rows = normalise_all(source, options["seed"], settings)
        if not options.get("symbols"):
            rows = [readable(row, symbols=False) for row in rows]
        every += chosen_of(source, rows, options["limit"], options["seed"])
    for row in every:
        refuse_license(row, options["refuse"])
    return even_letters(every, options["seed"]) if options.get("even_letters") else every


def normalise_all(
    source: Source, seed: int, settings: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Normalise the rows of a source; question files that are not here are fetched.

    Of own questions a row with the id of another one falls; known sources repeat theirs.
    """
    rows: list[dict[str, Any]] = []
    seen: dict[str, str] = {}
    for file, raw, row in sample_rows(source, seed, settings or {}):
        where = f"{file}, {raw.where}"
        if row["id"] in seen and (source.own or not source.route.parser):
            told = f"{where}: duplicate id '{row['id']}' (first seen at {seen[row['id']]})"
            if not row["drop_reason"]:
                row.update(drop_reason=Drop.DUPLICATE.value, drop_detail=told)
            row["id"] = renamed(row["id"], seen)
        seen[row["id"]] = raw.where
        rows.append(row)
    name_apart(rows)
    return rows


def name_apart(rows: Sequence[dict[str, Any]]) -> None:
    """Add a digest of its content to each id that a source uses twice, whatever the files' order.

    Rows that agree in all of it are numbered.
    """
    counts = Counter(row["id"] for row in rows)
    seen: dict[str, None] = {}
    for row in rows:
        if counts[row["id"]] > 1:
            uris = [each["uri"] for each in row["media"]]
            content = [row["problem"], row["options"], row["solution"], uris]
            row["id"] = f"{row['id']}#{digest_of(content)[:8]}"
        if row["id"] in seen:
            row["id"] = renamed(row["id"], seen)
        seen[row["id"]] = None


def renamed(identity: str, seen: Container[str]) -> str:
    """Number an id that a source uses twice: its files repeat theirs."""
    number = 2
    while f"{identity}#{number}" in seen:
        number += 1
    return f"{identity}#{number}"


def sample_rows(
    source: Source, seed: int, settings: Mapping[str, Any]
) -> Iterator[tuple[str, Raw, dict[str, Any]]]:
    """Yield each row of a source with its file, as the source has it and as a sample."""
    if source.generated:
        yield from drawn_rows(source, seed)
        return
    files = questions_here(source, settings)
    if source.root is None and source.route.repo:
        revision = upstream(source, settings).revision
        source = replace(source, route=replace(source.route, revision=revision))
    looked = source.route.finds and source.media_root is not None
    tree = Tree(source.media_root) if looked and source.media_root is not None else None
    first = counted_from(source, files)
    for file, path in files:
        reader = Reader(
            types=source.card.types,
            data_type=source.card.data_type,
            config=source.route.config,
            split=source.route.split,
            file=file,
            folder=path.parent,
            arguments=source.route.arguments,
            first=first,
        )
        fields: dict[str, None] = {}
        count, faults = 0, list[InputError]()
        for raw in read_rows(path, source.route.layout, whole=False):
            fields |= dict.fromkeys(map(str, raw.row))
            count += 1
            try:
                rows = list(samples_of(source, raw, reader))
            except InputError as problem:
                faults.append(problem)
                rows = [unfit_sample(source, raw, file, str(problem))]
            for row in rows:
                yield file, raw, placed(row, tree, source) if tree else row
        if not source.route.parser:
            refuse_mapping(source.route.mapping, fields, file)
        if len(faults) == count:  # what no row has is no fault of a row
            raise faults[0]


def counted_from(source: Source, files: Sequence[tuple[str, Path]]) -> int | None:
    """Return what numbers as answer keys count from, told from all rows of a source."""
    layout = source.route.layout
    every = ((file, raw) for file, path in files for raw in read_rows(path, layout, whole=False))
    return first_number(source, every)


def counting(source: Source, settings: Mapping[str, Any]) -> list[str]:
    """Say what numbers as answer keys count from; nothing where keys are letters or texts."""
    if source.generated:
        return []
    first = counted_from(source, questions_here(source, settings))
    return [f"  {'key':<14}a number: the first option is {first}"] if first in (0, 1) else []


def samples_of(source: Source, raw: Raw, reader: Reader) -> Iterator[dict[str, Any]]:
    """Yield the samples of one row of a file. Raises InputError where it has another form."""
    if raw.fault:
        raise InputError(raw.fault)
    if not source.route.parser:
        yield readable(normalise(source, raw, reader.file, reader.first))
        return
    try:
        for row in PARSERS[source.route.parser](raw, reader):
            yield readable(parsed_sample(source, raw, row, reader.file))
    except (TypeError, ValueError, AttributeError, KeyError, IndexError, RowDrop) as problem:
        told = problem.detail if isinstance(problem, RowDrop) else repr(problem)
        raise InputError(
            f"{reader.file}, {raw.where}: a value is of another kind than in the other rows: {told}"
        ) from problem


def placed(row: dict[str, Any], tree: Tree, source: Source) -> dict[str, Any]:
    """Give a row's media the paths that they have below the media folder; their kind follows."""
    try:
        paths = [tree.find(each["uri"]) for each in row["media"]]
        kinds = {kind_of_media(path) for path in paths}
        if len(kinds) > 1:
            raise RowDrop(Drop.MISSING_MEDIA, "its media are a clip and an image: name one column")
    except RowDrop as drop:
        if row["drop_reason"] is None:
            row.update(drop_reason=drop.reason.value, drop_detail=drop.detail)
        return row
    kind = source.route.mapping.get("data_type")
    told = kinds.pop() if kinds and kind == {"value": AUTO} else row["data_type"]
    media = [
        {**each, "uri": path, "kind": told} for each, path in zip(row["media"], paths, strict=True)
    ]
    return {**row, "data_type": told, "media": media}


def drawn_rows(source: Source, seed: int) -> Iterator[tuple[str, Raw, dict[str, Any]]]:
    """Draw up the rows of a generated source."""
    from r1data.sources.shapes import make_rows

    if not isinstance(source.rows, int):
        raise InputError(f"sources.{source.name}.rows: a generated source needs a number of rows")
    for row in make_rows(source.rows, seed):
        raw = Raw(f"row {row.row}", row._asdict())
        yield source.route.questions[0], raw, normalise(source, raw)


def readable(row: dict[str, Any], symbols: bool = True) -> dict[str, Any]:
    """Return a row, dropped where no rule of the verifier reads its number.

    `symbols` says that formulas are read, too, as by the preset canonical-math.
    """
    kind, truth = row["problem_type"], row["solution"]
    if kind in ("numerical", "regression") and row["drop_reason"] is None:
        formula = symbols and kind == "numerical" and is_formula(truth) and looks_symbolic(truth)
        if not formula and judge_numerical(truth, truth)[0] is None:
            detail = f"its truth '{short(truth)}' is no number that the verifier reads"
            row.update(drop_reason=Drop.NO_TRUTH.value, drop_detail=detail)
    return row


def refuse_license(row: dict[str, Any], refused: Sequence[str]) -> None:
    """Drop a row whose terms the recipe refuses."""
    terms = row["license"]
    words = {str(terms["annotations"]).casefold(), str(terms["media"]).casefold()}
    words |= {"non-commercial"} if terms["non_commercial"] else set()
    words |= {"gated"} if terms["gated"] else set()
    hit = sorted(word for word in words if word in {each.casefold() for each in refused})
    if hit and row["drop_reason"] is None:
        detail = f"its terms are '{hit[0]}', which licenses.refuse names"
        row.update(drop_reason=Drop.LICENSE_REFUSED.value, drop_detail=detail)
