"""Typed features: what makes `datasets` hand out pictures instead of bytes."""

import json
from typing import Any, NamedTuple

import pyarrow as pa

from r1data.release.embedded import FIELDS, IMAGES, VIDEOS
from r1data.schema import arrow_schema

PICTURES = "frames"
# What a source's owner wrote or filmed: left out where only the index may be passed on.
OWNED = ("problem", "options", "solution", PICTURES)
FRAME_HASHES = pa.field("frames_sha256", pa.list_(pa.string()))


class Typed(NamedTuple):
    """The columns of a config: the Arrow schema with its metadata, and the same as Features."""

    schema: pa.Schema
    features: Any


def columns_of(config: str, problem_id: pa.DataType) -> pa.Schema:
    """Return the plain columns of a config; text stands first, pictures last."""
    schema = arrow_schema("release")
    schema = schema.set(schema.get_field_index("problem_id"), pa.field("problem_id", problem_id))
    if config in ("text", "video"):
        schema = schema.remove(schema.get_field_index(PICTURES))
        return pa.schema([*schema, *FIELDS]) if config == "video" else schema
    if config == "index-only":
        kept = [schema.field(name) for name in schema.names if name not in OWNED]
        return pa.schema([*kept, FRAME_HASHES])
    return schema


def typed(config: str, problem_id: pa.DataType) -> Typed:
    """Return the columns of a config as `datasets` reads them.

    The metadata stands in every shard, so that a single copied file keeps its types.
    """
    from datasets import Features, Image, List, Video

    columns = columns_of(config, problem_id)
    features = Features.from_arrow_schema(columns)
    if PICTURES in features:
        features[PICTURES] = List(Image())
    if config == "video":
        features[IMAGES], features[VIDEOS] = List(Image()), List(Video())
    info = {"info": {"features": features.to_dict()}}
    schema = features.arrow_schema.with_metadata({"huggingface": json.dumps(info)})
    return Typed(schema, features)
