"""The published row: Video-R1's fields first, then what says how it came to be, pictures last."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from r1data.grid.shards import read_shard
from r1data.rewards import extract
from r1data.schema import arrow_schema
from r1data.sources.transforms import LETTERS

Row = Mapping[str, Any]
Inputs = Mapping[str, Path]


def kept_ids(inputs: Inputs) -> pa.Array:
    """Return the ids of a shard's samples that stay."""
    table = read_shard(inputs["selection"], columns=["id", "drop_reason"])
    return table.filter(pc.field("drop_reason").is_null())["id"].combine_chunks()


def kept(table: pa.Table, ids: pa.Array) -> pa.Table:
    """Keep the rows of the samples that stay."""
    return table.filter(pc.field("id").isin(ids))


def release_rows(inputs: Inputs, facts: Row) -> Iterator[dict[str, Any]]:
    """Yield the published rows of one shard, in its order."""
    ids = kept_ids(inputs)
    tables = {name: kept(read_shard(path), ids).to_pylist() for name, path in inputs.items()}
    answers = {(each["id"], each["k"]): each for each in tables["responses"]}
    verdicts = {(each["id"], each["k"]): each for each in tables["verdicts"]}
    columns = (tables[name] for name in ("samples", "media", "frames", "selection"))
    for sample, media, frames, selected in zip(*columns, strict=True):
        chosen = (sample["id"], selected["k"])
        row = sample_part(sample) | media_part(media, frames)
        row |= answer_part(answers[chosen], verdicts[chosen], selected)
        yield row | {key: facts[key] for key in ("recipe", "r1data_version")}


def sample_part(sample: Row) -> dict[str, Any]:
    """Return the columns that the question gives."""
    extra = json.loads(sample["extra"])
    options = [
        f"{letter}. {text}" for letter, text in zip(LETTERS, sample["options"], strict=False)
    ]
    return {
        "id": sample["id"],
        "problem_id": extra.get("problem_id", sample["id"].partition("/")[2]),
        "problem": sample["problem"],
        "data_type": sample["data_type"],
        "problem_type": sample["problem_type"],
        "options": options,
        "solution": f"<answer>{sample['solution']}</answer>",
        "path": sample["media"][0]["uri"],
        "data_source": extra.get("data_source", sample["source"]),
        "license": sample["license"],
        "origin": sample["origin"],
    }


def media_part(media: Row, frames: Row) -> dict[str, Any]:
    """Return the columns that the files give."""
    times = [each["time"] for each in frames["frames"] if each["time"] is not None]
    return {
        "media_sha256": [each["sha256"] for each in media["files"]],
        "sampler": frames["sampler"],
        "decoder": frames["decoder"],
        "frame_times": times,
        "frames": [each["bytes"] for each in frames["frames"]],
    }


def answer_part(response: Row, verdict: Row, selected: Row) -> dict[str, Any]:
    """Return the columns that the teacher gives: its thought, and how its answer was judged."""
    think = extract(response["text"]).think
    return {
        "process": f"<think>{think}</think>",
        "reward": verdict["reward"],
        "pass_rate": selected["pass_rate"],
        "teacher": {
            "model": response["model"],
            "prompt_sha256": response["prompt_sha256"],
            "params": response["params"],
            "response": response["text"],
        },
        "verdict": {key: verdict[key] for key in ("preset", "version", "rule", "why")},
    }


def problem_id_type(inputs: Sequence[Inputs]) -> pa.DataType:
    """Return int64 where every problem_id of the release is a whole number, else string."""
    for each in inputs:
        table = kept(read_shard(each["samples"]), kept_ids(each))
        for row in table.select(["id", "extra"]).to_pylist():
            value = json.loads(row["extra"]).get("problem_id", row["id"].partition("/")[2])
            if not is_whole(value):
                return pa.string()
    return pa.int64()


def is_whole(value: Any) -> bool:
    """Tell whether an id is a whole number that reads the same when written as one."""
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, str) and str_is_whole(value))


def str_is_whole(value: str) -> bool:
    """Tell "82" from "007" and "q-17"."""
    return value.isascii() and value.isdigit() and str(int(value)) == value and len(value) < 19


def release_schema(problem_id: pa.DataType) -> pa.Schema:
    """Return the columns of a release, without the metadata that `datasets` reads."""
    schema = arrow_schema("release")
    return schema.set(schema.get_field_index("problem_id"), pa.field("problem_id", problem_id))
