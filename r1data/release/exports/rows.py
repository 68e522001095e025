"""What all forms share: a row's question, answer and media, and files written as rows pass by."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

from r1data.errors import R1DataError, UsageError
from r1data.grid.shards import file_sha256

# How an answer is to look, by kind of question; every trainer's prompt ends with it.
ANSWER_FORMS = {
    "multiple choice": "Answer with the letter of the right option",
    "numerical": "Answer with a number",
    "OCR": "Answer with the text as it is written",
    "free-form": "Answer in a few words",
    "regression": "Answer with a number",
}
DIRECT = "Answer at once, inside <answer> </answer> tags."
THINKING = "Think first, inside <think> </think> tags, then answer inside <answer> </answer> tags."


class Export(NamedTuple):
    """What was written, and how many rows are in it."""

    out: Path
    form: str
    rows: int
    files: list[str]


@dataclass
class Source:
    """The rows of a release, and where they go: written to `out`, which becomes `final`.

    `chains` is False where no row has one, since no teacher was asked.
    `media` is "frames" (pictures as in the release) or "files" (the clips and pictures themselves:
    in the rows where `held`, else found below `media_root` and checked by their hashes).
    """

    rows: Iterator[tuple[str, dict[str, Any]]]
    out: Path
    final: Path
    media: str
    media_root: Path | None
    chains: bool = True
    held: bool = False
    count: int = 0
    files: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (split, row) and count."""
        for split, row in self.rows:
            self.count += 1
            yield split, row


def name_of(row: Mapping[str, Any]) -> str:
    """Return a row's id as a file name that every system takes and that no other row has."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", row["id"])
    if plain == row["id"].replace("/", "_", 1) and "." not in plain and len(plain) < 100:
        return plain
    return f"{plain[:80]}_{hashlib.sha256(row['id'].encode()).hexdigest()[:8]}"


def question(row: Mapping[str, Any], tags: str = "", thinking: bool = True) -> str:
    """Return the whole prompt: media tags, question, options, and how to answer.

    Without `thinking` it asks for the answer alone.
    """
    options = "".join(f"\n{option}" for option in row["options"])
    ending = f"{THINKING if thinking else DIRECT} {ANSWER_FORMS[row['problem_type']]}."
    return f"{tags}{without_tags(row['problem'] + options)}\n{ending}"


def without_tags(text: str) -> str:
    """Take the form of a media tag from a text that happens to hold one: trainers count them."""
    return re.sub(r"<(image|video|audio)>", r"[\1]", text)


def truth(row: Mapping[str, Any]) -> str:
    """Return the truth without its tags."""
    return row["solution"].removeprefix("<answer>").removesuffix("</answer>")


def reply(row: Mapping[str, Any]) -> str:
    """Return what the trained model is to say: the truth alone where the row has no chain."""
    return f"{row['process']}\n{row['solution']}" if row["process"] else str(row["solution"])


def conversation(row: Mapping[str, Any], tags: str = "", answered: bool = True) -> list[Any]:
    """Return user's turn and, where asked for, the assistant's."""
    direct = answered and not row["process"]
    turns = [{"role": "user", "content": question(row, tags, thinking=not direct)}]
    return (
        [*turns, {"role": "assistant", "content": without_tags(reply(row))}] if answered else turns
    )


def pictures(row: Mapping[str, Any]) -> list[bytes]:
    """Return the pictures of a row as JPEG bytes. Raises R1DataError where one is missing."""
    found = [each["bytes"] for each in row["frames"]]
    if not found or not all(found):
        raise R1DataError(f"{row['id']} has no pictures: `r1data check` names all such rows")
    return found


def write_pictures(source: Source, row: Mapping[str, Any], folder: str = "frames") -> list[str]:
    """Write a row's pictures as files; return their paths below the export."""
    paths = []
    for i, data in enumerate(pictures(row)):
        path = f"{folder}/{name_of(row)}/{i:03d}.jpg"
        put(source.out / path, data)
        paths.append(path)
    return paths


def copy_media(source: Source, row: Mapping[str, Any], folder: str = "media") -> str:
    """Write the file that a row is about; return its path below the export.

    Raises UsageError without a place to take it from, R1DataError where it is missing or another.
    """
    name, _, _ = row["id"].partition("/")
    bare = Path(row["path"]).as_posix()
    path = f"{folder}/{name}/{bare}"
    if ".." in Path(path).parts:
        raise R1DataError(f"{row['id']}: its file {bare} would lie outside of the export")
    if not (source.out / path).exists():
        held = row["frames"][0]["bytes"] if source.held else file_below(source, row, name, bare)
        put(source.out / path, held)
    return path


def file_below(source: Source, row: Mapping[str, Any], name: str, bare: str) -> bytes:
    """Return the file of a row from the media root, where it may stand in its source's folder."""
    if source.media_root is None:
        raise UsageError(
            "--media files needs --media-root, the folder where the files lie, or a release with "
            "video in release.configs"
        )
    for place in (source.media_root / name / bare, source.media_root / bare):
        if place.is_file():
            if file_sha256(place) != row["media_sha256"][0]:
                raise R1DataError(f"{row['id']}: {place} is not the file of the release")
            return place.read_bytes()
    raise R1DataError(f"{row['id']}: no file {bare} below {source.media_root}")


def put(path: Path, data: bytes) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


class Lines:
    """JSON files that grow row by row: JSON lines, or one list."""

    def __init__(self, source: Source, as_list: bool = False) -> None:
        self.source = source
        self.as_list = as_list
        self.open: dict[str, IO[str]] = {}

    def add(self, name: str, row: Mapping[str, Any]) -> None:
        """Add a row to the file `name`."""
        text = json.dumps(row, ensure_ascii=False)
        if name not in self.open:
            path = self.source.out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            self.open[name] = path.open("w", encoding="utf-8")
            self.source.files.append(name)
            self.open[name].write("[\n" if self.as_list else "")
        elif self.as_list:
            self.open[name].write(",\n")
        self.open[name].write(text if self.as_list else text + "\n")

    def close(self) -> None:
        """End all files."""
        for file in self.open.values():
            file.write("\n]\n" if self.as_list else "")
            file.close()


@contextmanager
def lines(source: Source, as_list: bool = False) -> Iterator[Lines]:
    """Open JSON files that are ended whatever happens."""
    files = Lines(source, as_list)
    try:
        yield files
    finally:
        files.close()


class Tables:
    """Parquet files that grow row by row; a row group holds 64 rows, about 20 MB of pictures."""

    GROUP = 64

    def __init__(self, source: Source, schema: Any) -> None:
        self.source = source
        self.schema = schema
        self.writers: dict[str, Any] = {}
        self.held: dict[str, list[Mapping[str, Any]]] = {}

    def add(self, name: str, row: Mapping[str, Any]) -> None:
        """Add a row to the file `name`."""
        held = self.held.setdefault(name, [])
        held.append(row)
        if len(held) == self.GROUP:
            self.flush(name)

    def flush(self, name: str) -> None:
        """Write what is held for a file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        from r1data.grid.shards import parquet_settings

        if name not in self.writers:
            path = self.source.out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            settings = parquet_settings(self.schema)
            self.writers[name] = pq.ParquetWriter(path, self.schema, **settings)
            self.source.files.append(name)
        rows: Sequence[Any] = self.held.pop(name, [])
        if rows:
            self.writers[name].write_table(pa.Table.from_pylist(list(rows), self.schema))

    def close(self) -> None:
        """Write the rest and the footers."""
        for name in [*self.held]:
            self.flush(name)
        for writer in self.writers.values():
            writer.close()


@contextmanager
def tables(source: Source, schema: Any) -> Iterator[Tables]:
    """Open Parquet files that are ended whatever happens."""
    files = Tables(source, schema)
    try:
        yield files
    finally:
        files.close()
