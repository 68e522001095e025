"""Rows of a release as training wants them: the prompt's text, pictures with times, truth."""

import io
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from r1data.errors import InputError
from r1data.grid.shards import digest_of, file_sha256
from r1data.release.layout import FOLDERS, read_rows, release_folder, richest, shards_of
from r1data.rewards.thought import in_tags
from r1data.teacher.prompts import Prompt, load_prompt

if TYPE_CHECKING:
    from PIL.Image import Image

    from r1data.train.encode import Encoded
    from r1data.train.model import Model


class TrainRow(NamedTuple):
    """One question; `times` is None for pictures, `reply` None where nobody wrote a chain."""

    id: str
    kind: str  # data_source: the kind of question, as far as its source tells
    text: str
    jpegs: list[bytes]
    times: list[float] | None
    problem_type: str
    options: list[str]
    solution: str
    reply: str | None


class View(NamedTuple):
    """How rows are shown: the prompt's name, the most frames, and the most pixels of each."""

    prompt: str
    frames: int
    max_pixels: int


def load_rows(path: str | Path, view: View, split: str | None = None) -> list[TrainRow]:
    """Read a release, or that of a build. Raises InputError where it holds no pictures."""
    folder = release_folder(path)
    if richest(folder) != "frames":
        message = (
            f"{folder} holds no pictures, only: {richest(folder)}. Training never falls back to "
            "text: build it with `release: {configs: [frames]}`"
        )
        raise InputError(message)
    prompt = load_prompt(view.prompt)
    rows = [
        train_row(row, prompt, view)
        for name, row in read_rows(folder, "frames")
        if split is None or name == split
    ]
    if not rows:
        found = sorted({each.name.partition("-")[0] for each in shards_of(folder, "frames")})
        raise InputError(f"{folder} has no row in '{split}'; its splits: {', '.join(found)}")
    return rows


def train_row(row: Mapping[str, Any], prompt: Prompt, view: View) -> TrainRow:
    """Turn one published row into a row to train on."""
    options = [bare(option, i) for i, option in enumerate(row["options"])]
    jpegs = [each["bytes"] for each in row["frames"] or ()]
    if not jpegs or not all(jpegs):
        raise InputError(f"{row['id']} has no pictures: `r1data check` names all such rows")
    times = list(row["frame_times"] or ()) if row["data_type"] == "video" else None
    if times is not None and len(times) != len(jpegs):
        message = f"{row['id']}: {len(jpegs)} frames have {len(times)} times: build it again"
        raise InputError(message)
    kept = evenly(len(jpegs), view.frames) if times is not None else range(len(jpegs))
    return TrainRow(
        id=row["id"],
        kind=row["data_source"],
        text=prompt.fill(row["problem"], options, row["problem_type"]),
        jpegs=[jpegs[i] for i in kept],
        times=[times[i] for i in kept] if times is not None else None,
        problem_type=row["problem_type"],
        options=options,
        solution=row["solution"].removeprefix("<answer>").removesuffix("</answer>"),
        reply=f"{row['process']}\n{row['solution']}" if in_tags(row["process"] or "") else None,
    )


def bare(option: str, place: int) -> str:
    """Return an option without the letter that the release puts before it."""
    from r1data.teacher.prompts import letter

    return option.removeprefix(f"{letter(place)}. ")


def evenly(there: int, wanted: int) -> list[int]:
    """Return the numbers of at most `wanted` frames, spread evenly from the first to the last."""
    if there <= wanted:
        return list(range(there))
    if wanted == 1:
        return [there // 2]
    return [round(i * (there - 1) / (wanted - 1)) for i in range(wanted)]


def with_chains(rows: Sequence[TrainRow], path: str | Path) -> list[TrainRow]:
    """Return the rows, or say that nobody wrote what SFT would teach."""
    lacking = [row.id for row in rows if row.reply is None]
    if lacking:
        message = (
            f"{path}: {len(lacking)} of {len(rows)} rows have no chain of thought, the first is "
            f"{lacking[0]}. SFT needs a release of the pipeline cot; this one is for "
            "`r1data train grpo`"
        )
        raise InputError(message)
    return list(rows)


def pictures(row: TrainRow) -> "list[Image]":
    """Decode a row's pictures. Raises InputError where one is broken."""
    from PIL import Image, UnidentifiedImageError

    found = []
    for place, data in enumerate(row.jpegs):
        try:
            found.append(Image.open(io.BytesIO(data)).convert("RGB"))
        except (UnidentifiedImageError, OSError) as problem:
            raise InputError(f"{row.id}: picture {place} cannot be read: {problem}") from problem
    return found


def encode_row(
    model: "Model", row: TrainRow, max_pixels: int, order: Sequence[int] | None = None
) -> "Encoded":
    """Encode a row's prompt; `order` shows its frames in another order, at the same times."""
    from r1data.train.encode import encode

    frames = pictures(row)
    shown = frames if order is None else [frames[i] for i in order]
    return encode(model, row.text, shown, row.times, max_pixels)


def shuffled_order(row: TrainRow, seed: str) -> list[int] | None:
    """Return another order of a video's frames; None for pictures and for single frames."""
    count = len(row.jpegs)
    if row.times is None or count < 2:
        return None
    rng = random.Random(seed)
    order = list(range(count))
    while order == list(range(count)):
        rng.shuffle(order)
    return order


def release_stamp(path: str | Path) -> str:
    """Return a digest of the shards that `load_rows` reads."""
    folder = release_folder(path) / FOLDERS["frames"]
    return digest_of([[each.name, file_sha256(each)] for each in sorted(folder.glob("*.parquet"))])
