"""Media files as tables name them: by path, by name, by an address, with or without an ending."""

import ast
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from r1data.errors import RowDrop
from r1data.grid.drops import Drop
from r1data.grid.shards import digest_of
from r1data.kinds import PICTURES, VIDEOS
from r1data.schema_errors import kind_said

ENDINGS = (*VIDEOS, *PICTURES)
ADDRESS = re.compile(r"^(https?|s3|gs|file):/+", re.IGNORECASE)
# Signs that part several paths in a cell; "," and ";" may be parts of a name.
BETWEEN = re.compile(r"\s*[|\n]\s*|\s*[,;]\s+|(?<=\.\w{3})[,;]|(?<=\.\w{4})[,;]")
PARTS = ("path", "url", "file", "filename", "image", "video", "src")


class Tree:
    """The media files below a folder, to be found by the ends of their paths."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = sorted(media_below(root))
        self.by_stem: dict[str, list[str]] = {}
        for file in self.files:
            self.by_stem.setdefault(same(PurePosixPath(file).stem), []).append(file)

    def digest(self) -> str:
        """Return a digest of the files' names."""
        return digest_of(self.files)

    def find(self, said: str) -> str:
        """Return the path below the folder of the file that is meant.

        The longest end of a path decides, then its ending. Raises RowDrop where there is none, or
        several.
        """
        path = PurePosixPath(cleaned(said))
        ending = path.suffix if path.suffix.lower() in ENDINGS else ""
        stem = path.name.removesuffix(ending)
        near = self.by_stem.get(same(stem)) or self.numbered(stem)
        best = longest([file for file in near if fits(file, ending)], path.with_name(stem).parts)
        exact = [f for f in best if ending and f.endswith(path.name)]
        best = exact or [f for f in best if f.lower().endswith(ending.lower())] or best
        if len(best) == 1:
            return best[0]
        if best:
            shown = " and ".join(best[:2])
            raise RowDrop(Drop.MISSING_MEDIA, f"'{short(said)}' may be {shown}")
        raise RowDrop(Drop.MISSING_MEDIA, f"no file '{short(said)}' is in the folder of the clips")

    def numbered(self, stem: str) -> list[str]:
        """Return the files of a number that a spreadsheet took the leading zeros from."""
        if not stem.isdecimal():
            return []
        found = [files for name, files in self.by_stem.items() if name.lstrip("0") == stem]
        return found[0] if len(found) == 1 else []


def media_below(root: Path) -> Iterable[str]:
    """Yield the paths of clips and pictures below a folder; hidden folders are left out."""
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if PurePosixPath(name).suffix.lower() in ENDINGS and not name.startswith("."):
                yield (Path(folder) / name).relative_to(root).as_posix()


def longest(files: list[str], wanted: tuple[str, ...]) -> list[str]:
    """Return the files that share the most last parts with a path."""
    scores = {file: shared(PurePosixPath(file).with_suffix("").parts, wanted) for file in files}
    most = max(scores.values(), default=0)
    best = [file for file, score in scores.items() if score == most]
    whole = [file for file in best if len(PurePosixPath(file).parts) == most]
    return whole or best


def shared(parts: tuple[str, ...], wanted: tuple[str, ...]) -> int:
    """Count the last parts of two paths that are the same; the names themselves are."""
    count = 1
    for a, b in zip(parts[-2::-1], wanted[-2::-1], strict=False):
        if same(a) != same(b):
            break
        count += 1
    return count


def fits(file: str, ending: str) -> bool:
    """Tell whether a file may be one of an ending: a clip for a clip's, anything for none."""
    return not ending or (kind_of_media(file) == kind_of_media(f"x{ending}"))


def kind_of_media(path: str) -> str:
    """Return video or image by a path's ending; video where it has none."""
    return "image" if PurePosixPath(path).suffix.lower() in PICTURES else "video"


def same(name: str) -> str:
    """Return a name as names are compared: without case, one form of accents."""
    return unicodedata.normalize("NFC", name).casefold()


def cleaned(said: str) -> str:
    """Return what a path, or an address on the web, says after its scheme, drive and dots."""
    text = said.strip().strip("'\"")
    if ADDRESS.match(text):
        parts = urlsplit(ADDRESS.sub(r"\1://", text))
        named = parse_qs(parts.query).get("v", [""])[0]  # www.youtube.com/watch?v=ID
        text = named or (unquote(parts.path) if parts.path.strip("/") else parts.netloc)
    kept = [part for part in text.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(kept) or text or "?"


def names_in(value: Any) -> list[str]:
    """Return the paths that a cell names: a text, a number, a list, an object with a path.

    Raises RowDrop for what is none of these.
    """
    if isinstance(value, list):
        return [name for each in value for name in names_in(each)]
    if isinstance(value, Mapping):
        inner = next((value[key] for key in PARTS if value.get(key)), None)
        if inner is None and value:
            raise RowDrop(Drop.MISSING_MEDIA, "its media are an object without a path")
        return names_in(inner)
    if value is None or value == "" or value != value:  # NaN is what pandas has for no value
        return []
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise RowDrop(Drop.MISSING_MEDIA, f"its media are {kind_said(value)}, not a path")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return names_in_text(str(value).strip())


def names_in_text(text: str) -> list[str]:
    """Return the paths in a text: a list as JSON or Python writes it, or several between signs."""
    if text[:1] in ("[", "{"):
        for read in (json.loads, ast.literal_eval):
            try:
                return names_in(read(text))
            except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
                continue
    pieces = [piece for piece in BETWEEN.split(text) if piece]
    several = len(pieces) > 1 and all(is_media_name(piece) for piece in pieces)
    return pieces if several else [text] if text else []


def is_media_name(text: str) -> bool:
    """Tell whether a text ends as a clip or picture does."""
    return PurePosixPath(cleaned(text)).suffix.lower() in ENDINGS


def short(text: str) -> str:
    """Return a path short enough for a message."""
    return text if len(text) < 80 else f"{text[:40]}...{text[-30:]}"
