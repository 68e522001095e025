"""Typed features: what makes `datasets` hand out pictures instead of bytes."""

import json
from typing import Any

import pyarrow as pa

PICTURES = "frames"


def as_features(schema: pa.Schema) -> tuple[pa.Schema, Any]:
    """Return the Arrow schema that `datasets` reads typed, and its Features.

    The metadata stands in every shard, so that a single copied file keeps its types.
    """
    from datasets import Features, Image, List

    features = Features.from_arrow_schema(schema)
    features[PICTURES] = List(Image())
    typed = features.arrow_schema
    info = {"info": {"features": features.to_dict()}}
    return typed.with_metadata({"huggingface": json.dumps(info)}), features
