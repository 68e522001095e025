"""The published row: Video-R1's fields first, then what says how it came to be, pictures last."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from r1data.grid.shards import ShardDamaged, is_fresh, read_note, read_shard
from r1data.labels import LETTERS
from r1data.rewards.thought import thought_of
from r1data.schema import arrow_schema

Row = Mapping[str, Any]
Inputs = Mapping[str, Path]
# Pictures are read apart, a row group at a time, so that a shard's rows need little memory.
NO_ANSWER: dict[str, Any] = dict.fromkeys(("process", "reward", "teacher", "verdict"))
FACTS_OF_FRAMES = ["id", "sampler", "decoder", "frames.list.element.time"]


def kept_ids(inputs: Inputs) -> pa.Array:
    """Return the ids of a shard's samples that stay."""
    table = read_shard(inputs["selection"], columns=["id", "drop_reason"])
    return table.filter(pc.field("drop_reason").is_null())["id"].combine_chunks()


def row_counts(inputs: Inputs) -> dict[str, int]:
    """Return id -> rows in the release, of a shard's samples that stay."""
    table = read_shard(inputs["selection"], columns=["id", "chains", "drop_reason"])
    standing = table.filter(pc.field("drop_reason").is_null()).to_pylist()
    return {row["id"]: len(row["chains"]) or 1 for row in standing}


def kept(table: pa.Table, ids: pa.Array) -> pa.Table:
    """Keep the rows of the samples that stay."""
    return table.filter(pc.field("id").isin(ids))


def text_rows(inputs: Inputs, facts: Row) -> Iterator[dict[str, Any]]:
    """Yield the published rows of one shard in its order, without their pictures.

    A question has a row for each chain that was chosen, and one where none is wanted.
    """
    ids = kept_ids(inputs)
    read = {name: read_shard(path) for name, path in inputs.items() if name != "frames"}
    read["frames"] = believed(inputs["frames"]).read(columns=FACTS_OF_FRAMES)
    tables = {name: kept(table, ids).to_pylist() for name, table in read.items()}
    answers, verdicts, drafts = (
        {(each["id"], each["k"]): each for each in tables.get(name, ())}
        for name in ("responses", "verdicts", "drafts")
    )
    joined = (tables[name] for name in ("samples", "media", "frames", "selection"))
    for sample, media, frames, selected in zip(*joined, strict=True):
        row = sample_part(sample) | media_part(media, frames) | selection_part(selected)
        made_by = facts["row_recipes"][sample["source"]]
        row |= {"recipe": made_by, "r1data_version": facts["rows_since"]}
        if not selected["chains"]:
            yield row | {"chain": 0} | NO_ANSWER
        for number, k in enumerate(selected["chains"]):
            chosen = (sample["id"], k)
            given = answer_part(sample, answers[chosen], verdicts[chosen], drafts.get(chosen))
            yield row | {"chain": number} | given


def believed(path: Path) -> pq.ParquetFile:
    """Open a shard whose bytes are those of its note, to be read in parts."""
    note = read_note(path.with_suffix(".json"))
    if note is None or not is_fresh(path, note):
        raise ShardDamaged(path)
    return pq.ParquetFile(path)


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
        "options_order": extra.get("options_order", []),
        "solution": f"<answer>{sample['solution']}</answer>",
        "path": extra.get("path", sample["media"][0]["uri"]),
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
    }


def selection_part(selected: Row) -> dict[str, Any]:
    """Return the columns that probes and selection give."""
    return {name: selected[name] for name in ("kind", "pass_rate", "order_gain", "probes")}


def answer_part(sample: Row, response: Row, verdict: Row, draft: Row | None) -> dict[str, Any]:
    """Return the columns that the teacher gives: its thought, and how its answer was judged.

    `draft` is the first answer in a build that looks twice: the response, where none revised it.
    """
    if draft is not None and draft["request_sha256"] == response["request_sha256"]:
        draft = None
    thought = thought_of(sample["problem_type"], response["text"], sample["options"])
    return {
        "process": f"<think>{thought}</think>",
        "reward": verdict["reward"],
        "teacher": {**told(response), "revised_from": told(draft) if draft else None},
        "verdict": {key: verdict[key] for key in ("preset", "version", "rule", "why")},
    }


def told(response: Row) -> dict[str, Any]:
    """Return what a row says of an answer: who was asked, how, and the whole reply."""
    asked = {key: response[key] for key in ("model", "prompt_sha256", "params")}
    return {**asked, "response": response["text"]}


def text_table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """Return rows as a table of those columns of `schema` that they have."""
    whole = pa.types.is_int64(schema.field("problem_id").type)
    shaped = [
        {
            **row,
            "problem_id": int(row["problem_id"]) if whole else str(row["problem_id"]),
        }
        for row in rows
    ]
    made = set(arrow_schema("release").names) - {"frames"}
    fields = [schema.field(name) for name in schema.names if name in made]
    return pa.Table.from_pylist(shaped, pa.schema(fields))


def pictures(frames: pa.ListArray) -> pa.ListArray:
    """Turn the column of a frames table into a column of pictures, without copying a byte."""
    bytes_ = pc.struct_field(frames.flatten(), "bytes")  # pyright: ignore[reportAttributeAccessIssue]
    paths = pa.nulls(len(bytes_), pa.string())
    fields = [pa.field("bytes", pa.binary()), pa.field("path", pa.string())]
    structs = pa.StructArray.from_arrays([bytes_, paths], fields=fields)
    ends = pc.cumulative_sum(pc.list_value_length(frames))  # pyright: ignore[reportAttributeAccessIssue]
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends.cast(pa.int32())])
    return pa.ListArray.from_arrays(offsets, structs)


def picture_hashes(column: pa.ListArray) -> pa.Array:
    """Return the sha256 of every picture."""
    found = [[hashlib.sha256(p["bytes"]).hexdigest() for p in row] for row in column.to_pylist()]
    return pa.array(found, pa.list_(pa.string()))


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
