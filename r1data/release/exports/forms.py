"""The forms: one function a trainer, each as its loading code reads it.

Where the same set serves both phases there are two files: `sft` with the chain of thought, `rl`
with the truth alone.
"""

import io
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from r1data.errors import UsageError
from r1data.release.exports.clips import clip_of
from r1data.release.exports.rows import (
    Source,
    conversation,
    copy_media,
    lines,
    name_of,
    pictures,
    put,
    question,
    reply,
    tables,
    truth,
    write_pictures,
)

# Rows a tar: about 200 MB of sixteen frames each, which a loader reads in a second or two.
TAR_ROWS = 600
JINJA = "{{ content | trim }}\n"
BYTES = pa.struct([("bytes", pa.binary())])
TURNS = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))


def is_first(row: Mapping[str, Any]) -> bool:
    """Tell whether a row is its question's first: where a chain says nothing, one is enough."""
    return row.get("chain", 0) == 0


def firsts(source: Source) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each question once."""
    return (each for each in source if is_first(each[1]))


def video_r1(source: Source) -> None:
    """Video-R1's two files beside their media, below the folder name that its scripts expect.

    They join the working folder, "/Video-R1-data" and a path that begins with "./", and take one
    file a row: pictures of a clip are therefore joined into a clip again.
    """
    root = "Video-R1-data"
    with lines(source, as_list=True) as files:
        for split, row in source:
            path = (
                copy_media(source, row, root) if source.media == "files" else one_file(source, row)
            )
            ending = "" if split == "train" else f"-{split}"
            common = {
                "problem_id": row["problem_id"],
                "problem": row["problem"],
                "data_type": row["data_type"],
                "problem_type": row["problem_type"],
                "options": row["options"],
                "solution": row["solution"],
                "path": "./" + path.removeprefix(f"{root}/"),
                "data_source": row["data_source"],
            }
            if row["process"]:
                cot = {**common, "process": row["process"]}
                files.add(f"{root}/Video-R1-COT{ending}.json", cot)
            if is_first(row):
                files.add(f"{root}/Video-R1-RL{ending}.json", common)


def one_file(source: Source, row: Mapping[str, Any]) -> str:
    """Write a row's pictures as one file: the picture itself, or a clip of them."""
    found = pictures(row)
    still = row["data_type"] == "image" and len(found) == 1
    path = f"Video-R1-data/frames/{name_of(row)}.{'jpg' if still else 'mp4'}"
    put(source.out / path, found[0] if still else clip_of(found, row["frame_times"]))
    return path


def trl(source: Source) -> None:
    """TRL: prompt and completion as conversations, pictures apart; the truth for reward functions.

    Texts hold no media tags, for TRL puts one placeholder a picture before the first of them.
    Without chains there is no completion.
    """
    from datasets import Features, Image, List, Value

    if source.media == "files":
        raise UsageError("TRL takes pictures only: --media frames")
    turns = List({"role": Value("string"), "content": Value("string")})
    text = ("solution", "problem_type", "data_type", "id")
    features = Features(
        {
            "prompt": turns,
            **({"completion": turns} if source.chains else {}),
            **{name: Value("string") for name in text},
            "options": List(Value("string")),
            "images": List(Image()),
        }
    )
    with tables(source, features.arrow_schema) as files:
        for split, row in source:
            made = {
                "prompt": conversation(row, answered=source.chains)[:1],
                "completion": [{"role": "assistant", "content": reply(row)}],
                **{name: row[name] for name in text},
                "options": row["options"],
                "images": [{"bytes": data, "path": None} for data in pictures(row)],
            }
            files.add(f"{split}.parquet", made)


def verl(source: Source) -> None:
    """verl: one Parquet file a split; a tag in the text for every picture or clip.

    Without chains there are no `messages`, which are what its SFT reads.
    """
    schema = pa.schema(
        [
            ("data_source", pa.string()),
            ("prompt", TURNS),
            *([("messages", TURNS)] if source.chains else []),
            ("images", pa.list_(BYTES)),
            ("videos", pa.list_(pa.struct([("video", pa.string())]))),
            ("ability", pa.string()),
            ("reward_model", pa.struct([("style", pa.string()), ("ground_truth", pa.string())])),
            (
                "extra_info",
                pa.struct(
                    [
                        ("split", pa.string()),
                        ("index", pa.int64()),
                        ("id", pa.string()),
                        ("problem_type", pa.string()),
                        ("solution", pa.string()),
                    ]
                ),
            ),
        ]
    )
    with tables(source, schema) as files:
        for split, row in source:
            media = embedded(source, row)
            tags = media.pop("tags")
            told = {name: row[name] for name in ("id", "problem_type", "solution")}
            made = {
                "data_source": row["data_source"],
                "prompt": conversation(row, tags, answered=False),
                **({"messages": conversation(row, tags)} if source.chains else {}),
                **media,
                "ability": row["problem_type"],
                "reward_model": {"style": "rule", "ground_truth": truth(row)},
                "extra_info": {"split": split, "index": source.count - 1, **told},
            }
            files.add(f"{split}.parquet", made)


def embedded(source: Source, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return verl's media columns: pictures as bytes, or a clip by its path."""
    if source.media == "frames":
        found = pictures(row)
        images = [{"bytes": data} for data in found]
        return {"images": images, "videos": [], "tags": "<image>" * len(found)}
    path = copy_media(source, row)
    if row["data_type"] == "image":
        images = [{"bytes": (source.out / path).read_bytes()}]
        return {"images": images, "videos": [], "tags": "<image>"}
    return {"images": [], "videos": [{"video": full(source, path)}], "tags": "<video>"}


def easyr1(source: Source) -> None:
    """EasyR1: JSON lines with paths below `data.image_dir`, and the template of its prompt.

    It takes a row for one with pictures as soon as the column is there, so clips stand in files of
    their own, without it.
    """
    put(source.out / "prompt.jinja", JINJA.encode())
    with lines(source) as files:
        for split, row in firsts(source):
            clip = source.media == "files" and row["data_type"] == "video"
            if source.media == "files":
                paths = [copy_media(source, row)]
            else:
                paths = write_pictures(source, row)
            kind, column = ("video", "videos") if clip else ("image", "images")
            tags = f"<{kind}>" * len(paths)
            told = {name: row[name] for name in ("id", "problem_type", "data_type", "solution")}
            made = {"problem": question(row, tags), "answer": truth(row), column: paths, **told}
            files.add(f"{split}_{column}.jsonl", made)


def listed(source: Source, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return media as LLaMA-Factory and ms-swift take them: a clip is a path, or a list of them."""
    if source.media == "files":
        found: Any = copy_media(source, row)
        pictures_ = [found]
    else:
        found = pictures_ = write_pictures(source, row)
    if row["data_type"] == "image":
        return {"tags": "<image>" * len(pictures_), "images": pictures_, "videos": []}
    return {"tags": "<video>", "images": [], "videos": [found]}


def llamafactory(source: Source) -> None:
    """LLaMA-Factory: conversations with roles, and the entries of dataset_info.json for them."""
    import json

    entry = {
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "images": "images", "videos": "videos"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
        },
    }
    info: dict[str, Any] = {}
    with lines(source, as_list=True) as files:
        for split, row in source:
            media = listed(source, row)
            turns = conversation(row, media.pop("tags"))
            files.add(f"{split}.json", {"messages": turns, **media})
            info[f"r1data_{split}"] = {"file_name": f"{split}.json", **entry}
    put(source.out / "dataset_info.json", json.dumps(info, indent=1).encode())
    source.files.append("dataset_info.json")


def ms_swift(source: Source) -> None:
    """ms-swift: JSON lines with absolute paths, for it knows no media folder."""
    with lines(source) as files:
        for split, row in source:
            media = listed(source, row)
            tags = media.pop("tags")
            absolute = {
                name: [full(source, each) for each in paths] for name, paths in media.items()
            }
            told = {name: row[name] for name in ("id", "problem_type", "solution")}
            if source.chains:
                files.add(f"sft_{split}.jsonl", {"messages": conversation(row, tags), **absolute})
            if is_first(row):
                turns = conversation(row, tags, answered=False)
                files.add(f"rl_{split}.jsonl", {"messages": turns, **absolute, **told})


def full(source: Source, path: Any) -> Any:
    """Return a path, or the paths of a clip's pictures, from the root."""
    if isinstance(path, list):
        return [full(source, each) for each in path]
    return str(source.final / path)


def jsonl(source: Source) -> None:
    """Plain JSON lines with all columns of the release; pictures or clips as files."""
    with lines(source) as files:
        for split, row in source:
            made = {name: value for name, value in row.items() if name != "frames"}
            if source.media == "files":
                made["media"] = copy_media(source, row)
            else:
                made["frames"] = write_pictures(source, row)
            files.add(f"{split}.jsonl", made)


def webdataset(source: Source) -> None:
    """WebDataset: tars with KEY.json and KEY.000.jpg, KEY.001.jpg ..., or the clip itself."""
    import json

    tars: dict[str, tarfile.TarFile] = {}
    counts: dict[str, int] = {}
    try:
        for split, row in source:
            number = counts.get(split, 0)
            counts[split] = number + 1
            name = f"{split}-{number // TAR_ROWS:06d}.tar"
            if name not in tars:
                close_others(tars, split)
                tars[name] = tarfile.open(source.out / name, "w")  # noqa: SIM115
                source.files.append(name)
            plain = {key: value for key, value in row.items() if key != "frames"}
            text = json.dumps(plain, ensure_ascii=False, sort_keys=True).encode()
            key = name_of(row) if is_first(row) else f"{name_of(row)}_chain{row['chain']}"
            member(tars[name], f"{key}.json", text)
            for ending, data in tar_media(source, row):
                member(tars[name], f"{key}.{ending}", data)
    finally:
        for tar in tars.values():
            tar.close()


def close_others(tars: dict[str, tarfile.TarFile], split: str) -> None:
    """Close the tars of a split that are full."""
    for name in [name for name in tars if name.startswith(f"{split}-")]:
        tars.pop(name).close()


def tar_media(source: Source, row: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    """Return the media members of one row: (ending, bytes)."""
    if source.media == "frames":
        return [(f"{i:03d}.jpg", data) for i, data in enumerate(pictures(row))]
    copied = source.out / copy_media(source, row, ".media")
    data = copied.read_bytes()
    copied.unlink()
    return [(copied.suffix.lower().removeprefix("."), data)]


def member(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add a member without times and owners: same rows, same bytes."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))
