"""What lies at a path: a build, a release, a folder or file of questions, a set on the Hub."""

import atexit
import shutil
import tempfile
from pathlib import Path

from r1data.errors import UsageError
from r1data.grid.mirror import here
from r1data.kinds import kind_of
from r1data.release.check import REPOSITORY, not_fetched, nothing_at, release_shards
from r1data.release.layout import richest, shards_of
from r1data.release.loose import question_files
from r1data.report.buildrows import BuildRows
from r1data.report.questions import as_parquet
from r1data.report.setrows import SetRows

# What a viewer needs of a repository: never its archives of clips.
HUB_FILES = ["*.parquet", "*.json", "*.jsonl", "*.csv", "README.md"]


Rows = BuildRows | SetRows


def open_rows(path: str | Path, media_root: Path | None = None) -> Rows:
    """Open whatever rows lie at a path, or in a repository user/name. Raises UsageError."""
    place = here(path)
    if not place.exists():
        place = fetched(str(path))
    if (place / "recipe.yaml").is_file() and (place / "build.json").is_file():
        return BuildRows(place, proven=False)
    if place.is_dir() and any(release_shards(place)):
        whole = place.resolve()
        name = f"{whole.parent.name}/{whole.name}" if whole.name == "9.release" else whole.name
        return SetRows(name, shards_of(place, richest(place)), place)
    files = question_files(place)
    if not files:
        raise UsageError(
            f"{path} is neither a build nor a release, and holds no question files: "
            f"it is {kind_of(place)}"
        )
    root = media_root or (place if place.is_dir() else place.parent)
    parquet = [each for each in files if each.suffix.lower() == ".parquet"]
    if parquet:
        return SetRows(place.name, parquet, root)
    return SetRows(place.name, converted(files), root, row_text=True)


def converted(files: list[Path]) -> list[Path]:
    """Write question files as Parquet into a folder that goes when this program ends."""
    folder = Path(tempfile.mkdtemp(prefix="r1data-view-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made: list[Path] = []
    for number, path in enumerate(files):
        out = folder / f"{number:03d}-{path.stem}.parquet"
        as_parquet(path, out)
        made.append(out)
    return made


def fetched(name: str) -> Path:
    """Return a local copy of the rows of a repository. Raises UsageError where `name` is none."""
    from huggingface_hub import snapshot_download

    from r1data.release.hub_errors import cap_waits, client_errors

    repo = REPOSITORY.fullmatch(name)
    if repo is None:
        raise UsageError(nothing_at(name))
    cap_waits()
    what = {"repo_type": "dataset", "revision": repo["revision"], "allow_patterns": HUB_FILES}
    try:
        return Path(snapshot_download(repo["name"], **what))
    except client_errors() as problem:
        raise UsageError(not_fetched(name, problem)) from problem
