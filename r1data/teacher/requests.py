"""What is asked: the text, the key and the bytes of every request."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
from pybase64 import b64encode

from r1data.errors import RowDrop, UsageError
from r1data.teacher.clips import (
    WHOLE,
    Clip,
    asked_whole,
    clip_facts,
    clip_of,
    clip_part,
    clip_sizes,
)
from r1data.teacher.prompts import Prompt

SAMPLING = ("temperature", "top_p", "max_tokens")


@dataclass(frozen=True)
class Picture:
    """One frame; the JPEG bytes stay in the Arrow table. Time in seconds, None for a still."""

    jpeg: memoryview
    time: float | None
    index: int


@dataclass(frozen=True)
class Question:
    """One sample as it is put to the teacher; the pictures stay in the Arrow table until needed."""

    id: str
    text: str
    bare: str
    frames: pa.ListScalar
    sizes: tuple[tuple[int, int], ...]
    digests: tuple[str, ...]
    body_bytes: int
    clip: Clip | None = None  # where a lane wants the whole file

    def sizes_for(self, media: str) -> tuple[tuple[int, int], ...]:
        """Return the sides in pixels of what the server will look at, on the high side."""
        if self.clip is None or media not in WHOLE:
            return self.sizes
        return clip_sizes(self.clip, media, self.sizes)

    def bytes_for(self, media: str) -> int:
        """Return about how long the body will be."""
        if self.clip is None or media not in WHOLE:
            return self.body_bytes
        return len(self.bare) + self.clip.url_bytes(media)

    def pictures(self) -> list[Picture]:
        """Return the frames without copying them out of the table."""
        return read_pictures(self.frames)


@dataclass(frozen=True)
class Ask:
    """One request: question `question`, answer number `k`."""

    key: str
    question: Question
    k: int


def read_pictures(frames: pa.ListScalar) -> list[Picture]:
    """Read the column `frames` of one row; the bytes are not copied."""
    rows = frames.values
    if rows is None:
        return []
    jpegs, times, indexes = (rows.field(name) for name in ("bytes", "time", "index"))
    return [
        Picture(memoryview(jpegs[i].as_buffer()), times[i].as_py(), indexes[i].as_py())
        for i in range(len(rows))
    ]


def read_questions(
    samples: pa.Table, frames: pa.Table, prompt: Prompt, settings: Mapping[str, Any]
) -> Iterator[Question]:
    """Yield a Question for every sample that stands in both tables."""
    if samples["id"].to_pylist() != frames["id"].to_pylist():
        raise UsageError("samples and frames are not of the same shard: their ids differ")
    dropped = frames["drop_reason"].to_pylist()
    whole = asked_whole(settings.get("lanes") or ())
    for number, sample in enumerate(samples.to_pylist()):
        if sample["drop_reason"] is None and dropped[number] is None:
            clip = clip_of(sample, settings) if whole else None
            yield read_question(sample, frames["frames"][number], prompt, clip=clip)


def read_question(
    sample: Mapping[str, Any],
    frames: pa.ListScalar,
    prompt: Prompt,
    draft: str = "",
    clip: Clip | None = None,
) -> Question:
    """Fill the prompt and take the digests of the pictures; `draft` is a chain to be revised."""
    bare = prompt.fill(sample["problem"], sample["options"] or [], sample["problem_type"], draft)
    pictures = read_pictures(frames)
    rows = frames.values
    widths, heights = (
        ([], []) if rows is None else (rows.field(name).to_pylist() for name in ("width", "height"))
    )
    return Question(
        id=sample["id"],
        text=with_times(sample, bare, [picture.time for picture in pictures]),
        bare=bare,
        frames=frames,
        sizes=tuple(zip(widths, heights, strict=True)),
        digests=image_digests(frames),
        body_bytes=sum(4 * len(picture.jpeg) // 3 + 80 for picture in pictures) + len(bare),
        clip=clip,
    )


def with_times(sample: Mapping[str, Any], bare: str, times: list[float | None]) -> str:
    """Return a prompt's text with a line on the frames before it, where they are of a video."""
    shown = sample["data_type"] == "video" and times
    return f"{times_line(times)}\n\n{bare}" if shown else bare


def image_digests(frames: pa.ListScalar) -> tuple[str, ...]:
    """Return the sha256 of each JPEG of the column `frames` of one row."""
    return tuple(hashlib.sha256(each.jpeg).hexdigest() for each in read_pictures(frames))


def times_line(times: list[float | None]) -> str:
    """Say what the pictures are, since separate images lose the time axis of the video."""
    if len(times) == 1:
        line = "The picture above is one frame of one video"
    else:
        line = f"The {len(times)} pictures above are frames of one video, in order"
    known = [time for time in times if time is not None]
    if len(known) < len(times):
        return line + "."
    return f"{line}, taken at these times in seconds: {', '.join(f'{time:.2f}' for time in known)}"


class Rounds(NamedTuple):
    """Numbers of the answers that every question gets, and of those that only some get."""

    first: range
    more: range


def read_rounds(n: int | Mapping[str, int]) -> Rounds:
    """Read teacher.n: a number, or {first, most}."""
    if isinstance(n, int):
        return Rounds(range(n), range(0))
    return Rounds(range(n["first"]), range(n["first"], n["most"]))


def request_params(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request fields beside model and messages, in a fixed order.

    `options["params"]` sets fields, or removes those that are null; its `extra` holds more of them.
    A removed `seed` stays as None, which tells `encode_body` to send none.
    """
    missing = [name for name in ("model", *SAMPLING) if options.get(name) is None]
    if missing:
        raise UsageError(f"the recipe lacks teacher.{missing[0]}")
    given = dict(options.get("params") or {})
    fields: dict[str, Any] = {
        "temperature": float(options["temperature"]),
        "top_p": float(options["top_p"]),
        "max_tokens": int(options["max_tokens"]),
    }
    if given.get("max_completion_tokens") is not None:  # no server takes both
        del fields["max_tokens"]
    fields |= given.pop("extra", {})
    fields |= given
    return {name: value for name, value in fields.items() if value is not None or name == "seed"}


def output_cap(params: Mapping[str, Any]) -> int | None:
    """Return the most tokens that a reply may have; None where the request sets no cap."""
    return params.get("max_completion_tokens", params.get("max_tokens"))


def request_key(model: str, question: Question, params: Mapping[str, Any], k: int) -> str:
    """Return the sha256 that names a request: model, messages with media as sha256, params, k.

    It says nothing of the form in which a lane wants its pictures, so any lane may answer it.
    """
    content = [{"type": "image", "sha256": digest} for digest in question.digests]
    messages = [{"role": "user", "content": [*content, {"type": "text", "text": question.text}]}]
    parts = {"model": model, "messages": messages, "params": params, "k": k}
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def encode_body(
    question: Question, model: str, params: Mapping[str, Any], media: str, k: int = 0
) -> bytes:
    """Return the JSON bytes of one request, in the form of media that the lane takes.

    The base64 alphabet needs no escaping, so only the text goes through json: a third of the CPU of
    serialising the whole (measured with 16 JPEGs of 27 kB, of which pybase64 makes base64 in 0.01
    ms where the standard library takes 0.28). Answers after the first carry their
    number as `seed`: a cache on the way would otherwise sell the first one again. Raises RowDrop or
    OSError where a file that is to be sent is gone.
    """
    shown = shown_as(question, media)
    parts = [b'{"model":', json.dumps(model).encode(), b',"messages":[{"role":"user","content":']
    media_parts = list(shown.parts)
    text = json.dumps(shown.text).encode()
    if media_parts:
        parts += [b"[", *media_parts, b'{"type":"text","text":', text, b"}]"]
    else:  # llama.cpp's server reads a list of parts as an empty message
        parts.append(text)
    parts.append(b"}]")
    fields = {**params, **shown.extra}
    if k:  # last, as ever: the offline teacher's answers vary with the body's bytes
        fields.setdefault("seed", k)
    told = {name: value for name, value in fields.items() if value is not None}
    parts.append(b"," + json.dumps(told, separators=(",", ":")).encode()[1:] if told else b"}")
    return b"".join(parts)


def gone(problem: RowDrop | OSError) -> str:
    """Say why a request could not be put together."""
    if isinstance(problem, RowDrop):
        return problem.detail
    return f"{problem.filename}: {problem.strerror}"


class Shown(NamedTuple):
    """Pictures on the wire: the pieces of their content parts, the text below, more parameters."""

    parts: Iterable[bytes]
    text: str
    extra: Mapping[str, Any]


def shown_as(question: Question, media: str) -> Shown:
    """Bring a question's pictures into a form; a still, or what is no whole clip, is a picture."""
    if question.clip is not None and media in WHOLE:
        facts = clip_facts(media, len(question.sizes))
        return Shown(clip_part(question.clip, media), question.bare, facts)
    pictures = question.pictures()
    if media == "video_url" and len(pictures) > 1:
        facts = {"media_io_kwargs": {"video": video_facts(pictures)}}
        return Shown(video_part(pictures), question.bare, facts)
    return Shown(image_parts(pictures), question.text, {})


def image_parts(pictures: list[Picture]) -> Iterator[bytes]:
    """Yield the pieces of one content part a picture, each with its comma."""
    for picture in pictures:
        yield b'{"type":"image_url","image_url":{"url":"data:image/jpeg;base64,'
        yield b64encode(picture.jpeg)
        yield b'"}},'


def video_part(pictures: list[Picture]) -> Iterator[bytes]:
    """Yield the pieces of one video, in the form that vLLM reads: data:video/jpeg, commas."""
    yield b'{"type":"video_url","video_url":{"url":"data:video/jpeg;base64,'
    for number, picture in enumerate(pictures):
        if number:
            yield b","
        yield b64encode(picture.jpeg)
    yield b'"}},'


def video_facts(pictures: list[Picture]) -> dict[str, Any]:
    """Return what vLLM needs beside the frames so that Qwen-VL encodes their times.

    num_frames -1, since its default of 32 silently cuts a longer list.
    """
    last = pictures[-1]
    fps = last.index / last.time if last.time and last.index else 1.0
    total = last.index + 1
    return {
        "num_frames": -1,
        "fps": round(fps, 6),
        "frames_indices": [picture.index for picture in pictures],
        "total_num_frames": total,
        "duration": round(total / fps, 6),
    }
