"""What a JSON Schema forbids, told to a person: where it stands, what it is, what it must be."""

import difflib
import math
from collections.abc import Iterator, Sequence
from typing import Any

Lines = dict[tuple[str, ...], int]


def endless(data: Any, above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the keys of numbers that are infinite or not a number: no schema forbids these."""
    pairs = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in pairs:
        if isinstance(value, float) and not math.isfinite(value):
            yield (*above, str(key))
        elif isinstance(value, dict | list):
            yield from endless(value, (*above, str(key)))


def deepest(problem: Any) -> Any:
    """Of a failed choice between forms, return the failure that got furthest.

    Where no form was begun at all, the choice itself says best what is expected.
    """
    while problem.context:
        begun = [each for each in problem.context if each.validator not in ("type", "const")]
        if not begun:
            return problem
        problem = max(begun, key=lambda each: len(each.path))
    return problem


def locate(keys: tuple[str, ...], lines: Lines, name: str, overrides: Sequence[str]) -> str:
    """Name where a key stands: in the file, or in a --set, whose value is never shown."""
    for override in reversed(overrides):
        set_here = override.partition("=")[0].strip()
        parts = tuple(set_here.split("."))
        holds = keys[: len(parts)] == parts
        made = keys not in lines and parts[: len(keys)] == keys
        if keys and (holds or made):
            return f"--set {set_here}"
    while keys and keys not in lines:
        keys = keys[:-1]
    return f"{name}, line {lines[keys]}" if keys else name


def dotted(path: Sequence[str]) -> str:
    """Write a path of keys as "run.lanes[0].url"."""
    return "".join(f"[{p}]" if p.isdecimal() else f".{p}" for p in path).removeprefix(".")


KINDS = {
    "object": "keys and values",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}


def kind_said(value: Any) -> str:
    """Say what a value is; never what stands in a list or under keys, which may be a secret."""
    if value is None:
        return "empty"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text '{value}'" if len(value) <= 60 else "a text"
    return "a list" if isinstance(value, list) else "keys and values"


def explain(problem: Any) -> tuple[tuple[str, ...], str]:
    """Return the path of keys that a jsonschema error is about, and what is wrong, for a person."""
    path = tuple(str(part) for part in problem.absolute_path)
    here = f"in '{dotted(path)}'" if path else "at the top"
    known = list(problem.schema.get("properties", {}))
    if problem.validator == "additionalProperties" and isinstance(problem.instance, dict):
        key = next(key for key in problem.instance if key not in known)
        return (*path, str(key)), f"unknown key '{key}' {here}{suggestion(str(key), known)}"
    if problem.validator == "required":
        missing = next(key for key in problem.validator_value if key not in problem.instance)
        return path, f"the key '{missing}' is missing {here}"
    if problem.validator == "enum":
        allowed = [str(each) for each in problem.validator_value]
        hint = f"{near_word(str(problem.instance), allowed)}; allowed: {', '.join(allowed)}"
        return path, f"'{problem.instance}' is not allowed {here}{hint}"
    if "propertyNames" in problem.absolute_schema_path:
        name = problem.instance
        return (*path, name), f"the name '{name}' {here} is not {problem.schema['description']}"
    return path, f"'{dotted(path)}' {value_fault(problem)}"


def value_fault(problem: Any) -> str:
    """Say what is wrong with a value, beside its name."""
    value, rule = problem.instance, problem.validator_value
    meant = problem.schema.get("description", "letters, digits, '.', '_' and '-' only")
    if problem.validator in BOUNDS:
        return f"is {value}; it must be {BOUNDS[problem.validator]} {rule}"
    if problem.validator in ("minItems", "minProperties", "minLength"):
        return f"is empty; it needs at least {rule}: {meant}"
    if problem.validator == "pattern":  # never the value: it may be a key
        return f"is {'not in its form' if value else 'empty'}: {meant}"
    if problem.validator == "type":
        kinds = [rule] if isinstance(rule, str) else rule
        return f"is {kind_said(value)}; it must be {' or '.join(KINDS[each] for each in kinds)}"
    return f"is {kind_said(value)}; it must be: {meant}"


def near_word(word: str, known: Sequence[str], cutoff: float = 0.6) -> str:
    """Return "; did you mean ...?" where a known word is near."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=cutoff)
    return f"; did you mean '{near[0]}'?" if near else ""


def suggestion(word: str, known: Sequence[str]) -> str:
    """Return "; did you mean ...?", or the known words where none is near."""
    near = near_word(word, known, 0.5)
    if near:
        return near
    return f"; known keys: {', '.join(known)}" if known else ""
