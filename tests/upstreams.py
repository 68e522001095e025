"""Stand-ins for the places that sources come from: each card's three rows in its own layout."""

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hub import Hub

from r1data.sources.catalogue import Source, load_card

CARDS = Path(__file__).parent / "cards"


def case(name: str) -> dict[str, Any]:
    """The made-up rows of a card and the samples that they must become."""
    return json.loads((CARDS / f"{name}.json").read_text(encoding="utf-8"))


def picture(seed: int = 0) -> bytes:
    """A small PNG of its own."""
    noise = np.random.default_rng(seed).integers(0, 255, (40, 56, 3), dtype=np.uint8)
    return cv2.imencode(".png", noise)[1].tobytes()


def with_bytes(value: Any) -> Any:
    """Put bytes beside every {"path": ...} of a row, as Parquet files with pictures have them."""
    if isinstance(value, dict) and set(value) == {"path"}:
        return {"bytes": picture(len(value["path"])), **value}
    if isinstance(value, dict):
        return {key: with_bytes(each) for key, each in value.items()}
    return [with_bytes(each) for each in value] if isinstance(value, list) else value


def question_file(name: str, rows: list[dict[str, Any]]) -> bytes:
    """The rows in the format that the file's ending says."""
    if name.endswith(".parquet"):
        out = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(with_bytes(rows)), out, row_group_size=2)
        return out.getvalue()
    if name.endswith(".jsonl"):
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    return json.dumps(rows).encode()


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip of the members in order."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return out.getvalue()


def tarred(members: Mapping[str, bytes], packed: bool = False) -> bytes:
    """A tar of the members in order, packed or not."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue(), 1) if packed else out.getvalue()


def medium(uri: str, clip: bytes) -> bytes:
    """A file of the kind that a path's ending says."""
    return clip if uri.endswith(".mp4") else picture(len(uri))


def layout(name: str, uris: Iterable[str], clip: bytes) -> dict[str, bytes]:
    """The files of a card's source: its questions, and its media as the route's archives."""
    made, card = case(name), load_card(name)
    route = card.routes[made["route"]]
    files = {made["file"]: question_file(made["file"], made["rows"])}
    media = {uri: medium(uri, clip) for uri in sorted(set(uris))}
    kind = route.media.get("kind")
    if kind == "archives":
        return files | archives(route.media, media)
    return files | (media if kind == "files" else {})


def archives(rule: Mapping[str, Any], media: Mapping[str, bytes]) -> dict[str, bytes]:
    """The media in one archive for each folder that the route unpacks into."""
    files: dict[str, bytes] = {}
    pattern = rule["archives"][0]
    below = "{folder}" in rule.get("unpack", "")
    for folder in {uri.partition("/")[0] for uri in media} if below else {""}:
        mine = {uri: data for uri, data in media.items() if not below or uri.startswith(folder)}
        members = {uri.removeprefix(f"{folder}/") if below else uri: d for uri, d in mine.items()}
        path = pattern.replace("*", folder or "a", 1).replace("*", "1")
        files |= {path: zipped(members) if path.endswith(".zip") else packed(path, members)}
    return files


def packed(path: str, members: Mapping[str, bytes]) -> bytes:
    return tarred(members, packed=path.endswith(("gz", "tgz")))


def serve(hub: Hub, source: Source, files: Mapping[str, bytes]) -> None:
    """Put the files where the source's route looks for them."""
    if source.route.repo:
        hub.commit(source.route.repo, dict(files))
    else:
        place = source.route.url.removeprefix(hub.url).rstrip("/")
        hub.files |= {f"{place}/{path}": data for path, data in files.items()}
