"""The exact published prompt: fetched on first use, read without being run, checked by its hash.

It is not part of this package, since it is its authors' text; `video-r1` says the same in ours.
"""

import ast
import hashlib
import json
import os
import urllib.error
import urllib.request
from pathlib import Path

from r1data.errors import InputError

NAME = "video-r1-original"
COMMIT = "59d65c347e44efa71be27abf9d89b4a2bb7d1c05"
FILE = "src/generate_cot_vllm.py"
URL = f"https://raw.githubusercontent.com/tulerfeng/Video-R1/{COMMIT}/{FILE}"
QUESTION_SHA256 = "bbbe96bd45c75a76ef66f8a0355dad92cbc40e68f27b7df6fd6a8b047b110fd3"
TYPES_SHA256 = "cae38c6dd6f05f74add360d3606b4176cafdd49ab2f1258f1c8c1038d7cef62b"
FETCH_S = 30.0


def original_parts() -> tuple[str, dict[str, str]]:
    """Return the question template, with {Question} in it, and the sentence of each problem type.

    Raises InputError where the file cannot be had or is not the one that was published.
    """
    path = kept_at()
    if not path.is_file():
        fetch_original(path)
    return read_original(path.read_text(encoding="utf-8"), str(path))


def kept_at() -> Path:
    """Return where the fetched file is kept: $R1DATA_CACHE, or the user's cache folder."""
    root = os.environ.get("R1DATA_CACHE") or Path.home() / ".cache" / "r1data"
    return Path(root) / "prompts" / COMMIT / Path(FILE).name


def fetch_original(path: Path) -> None:
    """Fetch the file; where there is no way out, say where to put it by hand."""
    try:
        with urllib.request.urlopen(URL, timeout=FETCH_S) as reply:
            text = reply.read().decode("utf-8")
    except (urllib.error.URLError, OSError, ValueError) as problem:
        raise InputError(
            f"the prompt {NAME} is fetched on first use, and {URL} cannot be had ({problem}): "
            f"put that file at {path}, or use the prompt video-r1"
        ) from problem
    read_original(text, URL)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def read_original(text: str, where: str) -> tuple[str, dict[str, str]]:
    """Read the two templates out of the source text, as literals, and check them."""
    try:
        found = dict(literals(text))
    except (SyntaxError, ValueError) as problem:
        raise InputError(f"{where} is not the published {FILE}: {problem}") from problem
    question, types = found.get("QUESTION_TEMPLATE"), found.get("TYPE_TEMPLATE")
    if not isinstance(question, str) or not isinstance(types, dict):
        raise InputError(f"{where} is not the published {FILE}: it holds no prompt templates")
    sorted_types = json.dumps(types, sort_keys=True, ensure_ascii=False)
    given = [hashlib.sha256(part.encode()).hexdigest() for part in (question, sorted_types)]
    if given != [QUESTION_SHA256, TYPES_SHA256]:
        raise InputError(f"{where} is not the published {FILE}: its prompts have other hashes")
    return question, types


def literals(text: str) -> list[tuple[str, object]]:
    """Return the names in capitals that the source assigns, with their literal values."""
    return [
        (node.targets[0].id, ast.literal_eval(node.value))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id.endswith("_TEMPLATE")
    ]
