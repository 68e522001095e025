"""Runs a tutorial as its reader would: every shell block as written, in order, in one shell.

A ```text block after a ```bash block is what the commands printed. Figures that differ from run to
run (seconds, bytes, hashes, ports) are not compared, and a line "..." stands for any lines.
`python tests/tutorials.py docs/tutorials/NAME.md` writes those blocks anew, but for abridged ones.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
BLOCK = re.compile(
    r"^```bash\n(?P<script>.*?)^```\n(?:\n```text\n(?P<shown>.*?)^```\n)?", re.DOTALL | re.MULTILINE
)
MINUTE = re.compile(
    r"[\w./-]+: (\w+ )?([\d,]+ of (about |at least )?[\d,]+ (answers|rows)\b|of all rows at once)"
)
END = "---- end of block ----"
VARYING = (
    (re.compile(r"[0-9a-f]{12,64}"), "HASH"),
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST"),
    (re.compile(r"\d[\d,.]*(?= ?(s|ms|seconds|minutes|h|hours|bytes|[kMGT]B)\b)"), "N"),
    (re.compile(r"[ \t]+"), " "),
)


class Block(NamedTuple):
    """Commands, what the page says they print, and what they did print."""

    script: str
    shown: str | None
    printed: str


def run(path: Path, folder: Path, environment: Mapping[str, str]) -> list[Block]:
    """Run a tutorial's blocks in `folder`; raise AssertionError with its output where one fails."""
    found = [match.groupdict() for match in BLOCK.finditer(path.read_text())]
    script = "".join(f"{each['script']}\necho '{END}'\n" for each in found)
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": tools, "COLUMNS": "110", "HOME": str(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{path.name} stopped with {done.returncode}:\n{done.stdout}"
    printed = done.stdout.split(f"{END}\n")
    return [Block(**each, printed=text) for each, text in zip(found, printed, strict=False)]


def plain(text: str) -> list[str]:
    """The lines of an output without what differs from run to run."""
    for pattern, instead in VARYING:
        text = pattern.sub(instead, text)
    return [line.strip() for line in text.strip().splitlines()]


def agrees(shown: str, printed: str) -> bool:
    """Tell whether a page shows what was printed; "..." stands for any lines, or none.

    A slow machine prints progress each minute, a quick one none.
    """
    parts = [r"(.*\n)*?" if line == "..." else f"{re.escape(line)}\n" for line in plain(shown)]
    said = [line for line in plain(printed) if not MINUTE.match(line)]
    return re.fullmatch("".join(parts), "\n".join([*said, ""])) is not None


@contextmanager
def world() -> Iterator[dict[str, str]]:
    """The places that a tutorial's reader has: a teacher's endpoint and the Hub, both stand-ins."""
    from hub import Hub
    from upstreams import real_clip, serve_all

    from r1data.teacher.offline import serve

    with serve() as teacher, Hub() as hub, tempfile.TemporaryDirectory() as folder:
        serve_all(hub, real_clip(Path(folder)), Path(folder))
        yield {
            "TEACHER_URL": teacher,
            "TEACHER_MODEL": "offline",
            "TEACHER_KEY": "a-key-that-must-not-be-shown",
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
            "CLEVRER_MIRROR": f"{hub.url}/clevrer/",
            **hub.environment(),
        }


def rewrite(path: Path) -> None:
    """Put what the commands print into the page."""
    with world() as environment, tempfile.TemporaryDirectory() as folder:
        blocks = iter(run(path, Path(folder), environment))

    def anew(match: re.Match[str]) -> str:
        block = next(blocks)
        if block.shown is None or "\n...\n" in f"\n{block.shown}":
            return match[0]
        return f"```bash\n{block.script}```\n\n```text\n{block.printed.strip()}\n```\n"

    path.write_text(BLOCK.sub(anew, path.read_text()))


if __name__ == "__main__":
    for each in sys.argv[1:]:
        rewrite(Path(each))
