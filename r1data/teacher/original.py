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

COMMIT = "59d65c347e44efa71be27abf9d89b4a2bb7d1c05"
ROOT = f"https://raw.githubusercontent.com/tulerfeng/Video-R1/{COMMIT}"
# The teacher and the evaluation (eval_bench.py) share one text; the trainers word it slightly
# differently.
FILE, TRAINER_FILE = "src/generate_cot_vllm.py", "src/r1-v/src/open_r1/grpo.py"
QUESTION_SHA256 = "bbbe96bd45c75a76ef66f8a0355dad92cbc40e68f27b7df6fd6a8b047b110fd3"
TRAINER_QUESTION_SHA256 = "c250cd90e06fd8f9f6f1cfcf55561c7aba5597f2f7797c4eb2c34b11b59f7921"
TYPES_SHA256 = "cae38c6dd6f05f74add360d3606b4176cafdd49ab2f1258f1c8c1038d7cef62b"
SHA256 = {FILE: QUESTION_SHA256, TRAINER_FILE: TRAINER_QUESTION_SHA256}
NAMES = {"video-r1-original": FILE, "video-r1-trainer": TRAINER_FILE}
FETCH_S = 30.0


def original_parts(file: str = FILE) -> tuple[str, dict[str, str]]:
    """Return the question template, with {Question} in it, and the sentence of each problem type.

    Raises InputError where the file cannot be had or is not the one that was published.
    """
    path = kept_at(file)
    if not path.is_file():
        fetch_original(path, file)
    return read_original(path.read_text(encoding="utf-8"), str(path), file)


def trainer_template() -> str:
    """Return the question template of Video-R1's trainers, with {Question} in it.

    The prompt video-r1-trainer fills it. Raises what `original_parts` raises.
    """
    return original_parts(TRAINER_FILE)[0]


def kept_at(file: str = FILE) -> Path:
    """Return where the fetched file is kept: $R1DATA_CACHE, or the user's cache folder."""
    root = os.environ.get("R1DATA_CACHE") or Path.home() / ".cache" / "r1data"
    return Path(root) / "prompts" / COMMIT / Path(file).name


def fetch_original(path: Path, file: str = FILE) -> None:
    """Fetch the file; where there is no way out, say where to put it by hand."""
    url = f"{ROOT}/{file}"
    try:
        with urllib.request.urlopen(url, timeout=FETCH_S) as reply:
            text = reply.read().decode("utf-8")
    except (urllib.error.URLError, OSError, ValueError) as problem:
        instead = ", or use the prompt video-r1" if file == FILE else ""
        raise InputError(
            f"the published prompt is fetched on first use, and {url} cannot be had ({problem}): "
            f"put that file at {path}{instead}"
        ) from problem
    read_original(text, url, file)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def read_original(text: str, where: str, file: str = FILE) -> tuple[str, dict[str, str]]:
    """Read the two templates out of the source text, as literals, and check them."""
    try:
        found = dict(literals(text))
    except (SyntaxError, ValueError) as problem:
        raise InputError(f"{where} is not the published {file}: {problem}") from problem
    question, types = found.get("QUESTION_TEMPLATE"), found.get("TYPE_TEMPLATE")
    if not isinstance(question, str) or not isinstance(types, dict):
        raise InputError(f"{where} is not the published {file}: it holds no prompt templates")
    sorted_types = json.dumps(types, sort_keys=True, ensure_ascii=False)
    given = [hashlib.sha256(part.encode()).hexdigest() for part in (question, sorted_types)]
    if given != [SHA256[file], TYPES_SHA256]:
        raise InputError(f"{where} is not the published {file}: its prompts have other hashes")
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
