"""Stand-ins for the places that sources come from: each card's three rows in its own layout."""

import gzip
import io
import json
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hub import Hub

from r1data.sources.catalogue import Source, load_card, load_source
from r1data.sources.shapes import make_rows, render
from r1data.sources.stage import normalise_all

CARDS = Path(__file__).parent / "cards"
NAMES = sorted(path.stem for path in CARDS.glob("*.json"))


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


def real_clip(folder: Path) -> bytes:
    """A real clip of two seconds or more."""
    uri = next(row.uri for row in make_rows(12, 0) if row.uri.endswith(".mp4"))
    render(Path(uri).stem, 0, folder / "clip.mp4")
    return (folder / "clip.mp4").read_bytes()


def entry_of(name: str, hub: Hub) -> dict[str, Any]:
    route = load_card(name).routes[case(name)["route"]]
    return {"route": route.name, **({"url": f"{hub.url}/{name}/"} if route.url else {})}


def uris_of(name: str, hub: Hub, folder: Path) -> list[str]:
    """The media that a card's rows need, found by reading them from a local copy."""
    made = case(name)
    path = folder / name / made["file"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(question_file(made["file"], made["rows"]))
    entry = {"root": str(folder / name), "route": made["route"]}
    rows = normalise_all(load_source(name, entry), 0)
    return [each["uri"] for row in rows if not row["drop_reason"] for each in row["media"]]


def serve_all(hub: Hub, clip: bytes, folder: Path) -> dict[str, Any]:
    """Put every card's source in its place, sources that share a repository together."""
    entries = {name: entry_of(name, hub) for name in NAMES}
    shared: dict[str, list[str]] = defaultdict(list)
    for name in NAMES:
        source = load_source(name, entries[name])
        uris = uris_of(name, hub, folder)
        if source.route.media["kind"] == "external":
            for uri in uris:
                (folder / name / uri).parent.mkdir(parents=True, exist_ok=True)
                (folder / name / uri).write_bytes(clip)
            entries[name] = {"route": source.route.name, "root": str(folder / name)}
        elif source.route.repo:
            shared[source.route.repo].append(name)
        else:
            serve(hub, source, layout(name, uris, clip))
    for repo, names in shared.items():
        hub.commit(repo, together(names, hub, clip, folder))
    return entries


def together(names: list[str], hub: Hub, clip: bytes, folder: Path) -> dict[str, bytes]:
    """The files of a repository that several cards read."""
    rows: dict[str, list[Any]] = defaultdict(list)
    media: dict[str, bytes] = {}
    for name in names:
        made = case(name)
        rows[made["file"]] += made["rows"]
        media |= {uri: medium(uri, clip) for uri in uris_of(name, hub, folder)}
    files = {path: question_file(path, mine) for path, mine in rows.items()}
    rule = load_card(names[0]).routes[case(names[0])["route"]].media
    if rule["kind"] == "archives":
        return files | archives(rule, media)
    return files | (media if rule["kind"] == "files" else {})
