"""JSON Schema files -> Arrow schemas: one source of truth for the columns of every table.

Beyond plain JSON Schema two annotations are read:
`"contentEncoding": "binary"` on a string means bytes, and `"x-volatile": true` marks a column that
tells how a row came about (seconds, tries), which digests leave out.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pyarrow as pa

from r1data.places import place

TYPES = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
}


@cache
def load_schema(name: str) -> dict[str, Any]:
    """Return schemas/NAME.schema.json as a dict."""
    return json.loads((place("schemas") / f"{name}.schema.json").read_text(encoding="utf-8"))


@cache
def arrow_schema(name: str) -> pa.Schema:
    """Return the Arrow schema of the table whose row schemas/NAME.schema.json describes."""
    properties = load_schema(name)["properties"]
    return pa.schema([pa.field(column, arrow_type(spec)) for column, spec in properties.items()])


def volatile_columns(name: str) -> list[str]:
    """Return the columns that digests leave out."""
    properties = load_schema(name)["properties"]
    return [column for column, spec in properties.items() if spec.get("x-volatile")]


def arrow_type(spec: Mapping[str, Any]) -> pa.DataType:
    """Translate one JSON Schema property; "null" beside a type is allowed and adds nothing."""
    kinds = spec["type"] if isinstance(spec["type"], list) else [spec["type"]]
    kind = next(name for name in kinds if name != "null")
    if kind == "array":
        return pa.list_(arrow_type(spec["items"]))
    if kind == "object":
        return pa.struct([(key, arrow_type(value)) for key, value in spec["properties"].items()])
    return pa.binary() if spec.get("contentEncoding") == "binary" else TYPES[kind]
