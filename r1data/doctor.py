"""r1data doctor: what this machine has and lacks, and what the teacher's endpoint accepts."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from r1data.building import installed
from r1data.errors import R1DataError, RowDrop
from r1data.grid import confined
from r1data.grid.guard import Guarded
from r1data.recipe import load_recipe
from r1data.teacher.doctor import State

# A release of 1,000 rows with frames and its build take about 2 GB.
LEAST_FREE_BYTES = 2_000_000_000
PACKAGES = {
    "av": "decodes clips",
    "cv2": "reads pictures and writes JPEG",
    "datasets": "types the release",
    "openai": "asks the teacher",
    "pyarrow": "writes the shards",
}
EXTRAS = {
    "math_verify": "symbolic maths: pip install 'r1data[math]'",
    "ray": "many machines: pip install 'r1data[ray]'",
    "torch": "training: pip install 'r1data[train]'",
}
DISTRIBUTIONS = {"cv2": "opencv-python-headless", "math_verify": "math-verify"}


class Finding(NamedTuple):
    """One thing looked at. A note is worth knowing and stops nothing; a problem stops a build."""

    name: str
    state: State
    seen: str


def examine(recipe: str | None = None) -> list[Finding]:
    """Look at packages and disk, and, with a recipe, at its sources and endpoints."""
    findings = [package(name, use) for name, use in PACKAGES.items()]
    findings += [extra(name, use) for name, use in EXTRAS.items()]
    findings += [*decoders(), media_child(), disk(), memory(), gpu(), hub_token()]
    if recipe is None:
        return findings
    from r1data.doctor_recipe import examine_recipe

    return findings + list(examine_recipe(load_recipe(recipe)))


def package(name: str, use: str) -> Finding:
    """Look for a package that r1data cannot do without."""
    if find_spec(name) is None:
        return Finding(name, "problem", f"not installed ({use})")
    return Finding(name, "ok", f"{installed(DISTRIBUTIONS.get(name, name))} ({use})")


def extra(name: str, use: str) -> Finding:
    """Look for an optional package; a build does without."""
    if find_spec(name) is None:
        return Finding(name, "note", f"not installed ({use})")
    return Finding(name, "ok", f"installed ({use})")


def disk() -> Finding:
    """Look at the space where builds are written."""
    free = shutil.disk_usage(Path.cwd()).free
    state: State = "ok" if free > LEAST_FREE_BYTES else "problem"
    return Finding("disk", state, f"{free / 1e9:.1f} GB free here")


def decoders() -> Iterator[Finding]:
    """Let every backend decode one small clip; r1data needs only the default one."""
    from r1data.frames import sample
    from r1data.frames.sampling import BACKENDS
    from r1data.sources.shapes import render

    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        render("0", 0, clip)
        for backend in BACKENDS:
            try:
                seen = f"decodes: {len(sample(clip, count=4, backend=backend).images)} frames of 4"
                state: State = "ok"
            except (R1DataError, RowDrop, ImportError, OSError, RuntimeError) as error:
                seen = str(error).splitlines()[0]
                state = "problem" if backend == "pyav" else "note"
            yield Finding(f"decoder {backend}", state, seen)


def media_child() -> Finding:
    """Ask the process that opens strangers' files what it has given up; docs/security.md says why.

    A kernel that gives less is no fault of the machine's.
    """
    try:
        with Guarded("r1data.grid.confined:held") as call:
            held = call(confined.network_here(), deadline=30)
    except R1DataError as error:
        return Finding("media child", "problem", str(error))
    told = {
        "network": ("has no network", "KEEPS THE NETWORK: this system gives it none of its own"),
        "files": ("writes no file", "may write files"),
        "memory": ("bounded memory", "unbounded memory"),
        "processor": ("bounded processor time", "unbounded processor time"),
    }
    seen = [told[name][0 if holds else 1] for name, holds in held._asdict().items()]
    state: State = "ok" if all(held) else "note"
    return Finding("media child", state, ", ".join(seen))


def memory() -> Finding:
    """Look at processors and memory, which decide how many cells run at once."""
    import psutil

    free = psutil.virtual_memory().available
    return Finding("machine", "ok", f"{os.cpu_count()} processors, {free / 1e9:.1f} GB memory free")


def gpu() -> Finding:
    """Look for an NVIDIA GPU: building needs none, training of a real model does."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return Finding("gpu", "note", "none seen (building needs none)")
    ask = [tool, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    done = subprocess.run(ask, capture_output=True, text=True, check=False, timeout=30)
    state: State = "ok" if done.returncode == 0 else "note"
    return Finding("gpu", state, "; ".join((done.stdout or done.stderr).split("\n")).strip("; "))


def hub_token() -> Finding:
    """Tell whether a download or a publication would send a token; never show it."""
    from r1data.media.web import endpoint, token_for

    place = endpoint()
    if token_for(place) is not None:
        return Finding("hub token", "ok", f"is set ({place})")
    needed = "none: set HF_TOKEN or run hf auth login (gated sources, publish)"
    return Finding("hub token", "note", f"{needed} ({place})")


def findings_text(findings: list[Finding]) -> str:
    """The findings for a person."""
    width = max(len(each.name) for each in findings)
    return "\n".join(f"{f.state:<7}  {f.name.ljust(width)}  {f.seen}" for f in findings)
