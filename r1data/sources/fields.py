"""The values that a mapping takes out of a source's row: fields, constants, texts, transforms."""

import string
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from r1data.errors import InputError, RowDrop
from r1data.options import literal, read_options
from r1data.schema_errors import near_word, suggestion
from r1data.sources.cells import filled
from r1data.sources.conversations import Choice
from r1data.sources.finding import kind_of_media, names_in
from r1data.sources.reading import Raw
from r1data.sources.splitting import split_options
from r1data.sources.transforms import TRANSFORMS as PLAIN_TRANSFORMS

# As `problem_type: {value: auto}`: each row's own options and truth tell its type.
AUTO = "auto"
OPTIONAL = frozenset({"id", "problem_id", "options", "data_source", "split", "start", "end"})
# A row that lacks one of these is dropped; a file in which no row has one is mapped wrongly.
BLANK_DROPS = frozenset({"problem", "solution", "media"})
TRANSFORMS = {**PLAIN_TRANSFORMS, "split_options": split_options}


def taken(
    mapping: Mapping[str, Any], raw: Raw, where: str
) -> tuple[dict[str, Any], RowDrop | InputError | None]:
    """Return every column's value, and why the row falls out where one of them says so.

    Options that were part of the question stand in where the row has none of its own.
    """
    values: dict[str, Any] = {}
    fault: RowDrop | InputError | None = None
    for column, spec in mapping.items():
        try:
            values[column] = take(spec, column, raw, where)
        except (RowDrop, InputError) as problem:
            values[column], fault = None, fault or problem
    if isinstance(values.get("problem"), Choice):
        values["problem"], inside = values["problem"]
        values["options"] = values.get("options") or inside
    if values.get("data_type") == AUTO:
        values["data_type"] = kind_of_media(next(iter(uris_of(values["media"])), ""))
    return values, fault


def rule_of(spec: Any) -> Mapping[str, Any]:
    """Return a column's rule; the name of a field is one."""
    return {"field": spec} if isinstance(spec, str) else spec


def fields_of(spec: Any) -> list[str]:
    """Return the names of the row's fields that a rule takes."""
    rule = rule_of(spec)
    return [rule["field"]] if "field" in rule else list(rule.get("fields", ()))


def gathered(names: Sequence[str], column: str, raw: Raw, where: str) -> Any:
    """Return what several fields are together: a question's lines, named options, files."""
    found = {name: look_up({"field": name}, column, raw, where) for name in names}
    if column == "options":
        return named_options(found) if any(map(filled, found.values())) else None
    given = [value for value in found.values() if filled(value)]
    return "\n".join(map(str, given)) if column == "problem" else given


def named_options(found: Mapping[str, Any]) -> Any:
    """Return options of several fields: by their names where these count, as A to D, or a list."""
    found = {k: "" if v == "nan" else v for k, v in found.items()}  # pandas' blank cell
    texts: list[Any] = []
    for value in found.values():
        inner = literal(value) if isinstance(value, str) and value[:1] == "[" else value
        texts += inner if isinstance(inner, list) else [value]
    try:
        return found if len(texts) == len(found) and read_options(found) else texts
    except RowDrop:
        return texts


def take(spec: Any, column: str, raw: Raw, where: str) -> Any:
    """Take one column's value out of a row, as the card says."""
    rule = rule_of(spec)
    if "value" in rule:
        return rule["value"]
    if "fields" in rule:
        value = gathered(rule["fields"], column, raw, where)
    else:
        by_text = "text" in rule
        value = fill(rule["text"], raw, where) if by_text else look_up(rule, column, raw, where)
    if "map" in rule and value is not None:
        if not isinstance(value, Hashable) or value not in rule["map"]:
            known = ", ".join(map(str, rule["map"]))
            raise InputError(f"{where}: '{value}' of '{column}' is none of its map's: {known}")
        value = rule["map"][value]
    if rule.get("find"):
        value = names_in(value)
    for name in rule.get("then", ()) if value is not None else ():
        if name not in TRANSFORMS:
            raise InputError(f"no transform '{name}'{suggestion(name, list(TRANSFORMS))}")
        value = TRANSFORMS[name](value)
    return value


def look_up(rule: Mapping[str, Any], column: str, raw: Raw, where: str) -> Any:
    """Follow a field's name into the row; dots go into nested objects."""
    if rule["field"] in raw.row:  # a column's name may have a dot itself, as "options.A"
        return raw.row[rule["field"]]
    value: Any = raw.row
    for part in rule["field"].split("."):
        if not isinstance(value, Mapping) or part not in value:
            if column in OPTIONAL or column in BLANK_DROPS:
                return None
            fields = ", ".join(map(str, raw.row))
            raise InputError(f"{where}: no field '{rule['field']}' (the row has: {fields})")
        value = value[part]
    return value


def fill(text: str, raw: Raw, where: str) -> str | None:
    """Fill the {field} placeholders of a text; None where the row leaves one of them blank."""
    if any(raw.row.get(name) in (None, "") for name in placeholders(text)):
        return None
    try:
        return text.format_map(raw.row)
    except (KeyError, IndexError, AttributeError, ValueError) as problem:
        raise InputError(f"{where}: cannot fill '{text}': no field {problem}") from problem


def placeholders(text: str) -> list[str]:
    """Return the names of the fields that a text with placeholders is filled from."""
    found = (field for _, field, _, _ in string.Formatter().parse(text) if field)
    return [field.partition(".")[0].partition("[")[0] for field in found]


def refuse_mapping(mapping: Mapping[str, Any], fields: Iterable[str], file: str) -> None:
    """Raise InputError for a column that is mapped to a field which no row of a file has."""
    known = list(fields)
    for column in sorted(BLANK_DROPS & mapping.keys()):
        rule = rule_of(mapping[column])
        names = [name if name in known else name.partition(".")[0] for name in fields_of(rule)]
        for name in names or placeholders(str(rule.get("text", ""))):
            if name not in known:
                raise InputError(
                    f"{file}: no row has the field '{name}', which `mapping` takes for {column} "
                    f"(the rows have: {', '.join(known)}){near_word(name, known)}"
                )


def uris_of(media: Any) -> list[str]:
    """Return the media paths of a row as they are written."""
    return [str(path) for path in (media if isinstance(media, list) else [media]) if path]
