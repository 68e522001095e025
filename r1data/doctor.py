"""r1data doctor: what this machine has and lacks, and what the teacher's endpoint accepts."""

import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from r1data.building import installed
from r1data.recipe import Recipe, load_recipe

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
    "decord": "decodes as Video-R1 did; has wheels for Linux x86-64 and Windows only",
    "math_verify": "symbolic maths: pip install 'r1data[math]'",
    "ray": "many machines: pip install 'r1data[ray]'",
    "torch": "training: pip install 'r1data[train]'",
}
DISTRIBUTIONS = {"cv2": "opencv-python-headless", "math_verify": "math-verify"}


class Finding(NamedTuple):
    """One thing looked at: its name, whether it is as it must be, and what was seen."""

    name: str
    good: bool
    seen: str


def examine(recipe: str | None = None) -> list[Finding]:
    """Look at packages and disk, and, with a recipe, at every lane of its teacher."""
    findings = [package(name, use) for name, use in PACKAGES.items()]
    findings += [extra(name, use) for name, use in EXTRAS.items()]
    findings.append(disk())
    return findings + (list(lanes(load_recipe(recipe))) if recipe else [])


def package(name: str, use: str) -> Finding:
    """Look for a package that r1data cannot do without."""
    found = find_spec(name) is not None
    seen = installed(DISTRIBUTIONS.get(name, name)) if found else "not installed"
    return Finding(name, found, f"{seen} ({use})")


def extra(name: str, use: str) -> Finding:
    """Look for an optional package; lacking one is no fault."""
    found = find_spec(name) is not None
    return Finding(name, True, f"{'installed' if found else 'not installed'} ({use})")


def disk() -> Finding:
    """Look at the space where builds are written."""
    free = shutil.disk_usage(Path.cwd()).free
    return Finding("disk", free > LEAST_FREE_BYTES, f"{free / 1e9:.1f} GB free here")


def lanes(recipe: Recipe) -> Iterator[Finding]:
    """Ask each lane with a tiny picture."""
    from r1data.teacher.doctor import examine as examine_lane
    from r1data.teacher.lanes import read_lane

    for number, lane in enumerate(recipe.run.lanes if recipe.teacher else ()):
        if lane["url"] == "offline":
            yield Finding("lane offline", True, "served by r1data itself while a build runs")
            continue
        model = recipe.teacher.model if recipe.teacher else ""
        for found in examine_lane(read_lane(lane, number), model):
            yield Finding(f"lane {number}", found.good is not False, found.what)


def findings_text(findings: list[Finding]) -> str:
    """The findings for a person."""
    width = max(len(each.name) for each in findings)
    lines = [f"{'ok ' if f.good else 'BAD'}  {f.name.ljust(width)}  {f.seen}" for f in findings]
    return "\n".join(lines)
