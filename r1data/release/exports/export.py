"""r1data export: the rows of a release in the form that a trainer reads."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from r1data.errors import UsageError
from r1data.release.embedded import IMAGES, VIDEOS
from r1data.release.exports import forms
from r1data.release.exports.rows import Export, Source
from r1data.release.layout import named_damage, read_rows, release_folder, richest, shards_of
from r1data.schema_errors import near_word

FORMS = {
    "video-r1": forms.video_r1,
    "trl": forms.trl,
    "verl": forms.verl,
    "easyr1": forms.easyr1,
    "llamafactory": forms.llamafactory,
    "ms-swift": forms.ms_swift,
    "webdataset": forms.webdataset,
    "jsonl": forms.jsonl,
}
MEDIA = ("frames", "files")
NEED_CHAINS = frozenset({"llamafactory"})


def export(
    path: str | Path,
    to: str,
    out: str | Path,
    *,
    media: str = "frames",
    media_root: str | Path | None = None,
) -> Export:
    """Write the release at `path`, a build or a release, into the new folder `out`.

    `media` is "frames", the pictures of the release, or "files", the clips and pictures themselves,
    out of its config `video` or from below `media_root`. Raises UsageError for an unknown form or a
    folder that holds something.
    """
    if to not in FORMS:
        hint = near_word(to, list(FORMS))
        raise UsageError(f"no form '{to}'{hint}; there are: {', '.join(FORMS)}")
    if media not in MEDIA:
        raise UsageError(f"--media {media}: it is one of {', '.join(MEDIA)}")
    folder = release_folder(path)
    root = Path(media_root) if media_root else None
    held = media == "files" and root is None and bool(shards_of(folder, "video"))
    if not held and not shards_of(folder, "frames"):
        raise UsageError(f"{folder} has no pictures: build it with frames in release.configs")
    chains = has_chains(folder)
    if to in NEED_CHAINS and not chains:
        raise UsageError(
            f"{folder} holds questions without chains (pipeline rl), and {to} is for training on "
            "chains: export it as video-r1, trl, verl, easyr1, ms-swift, webdataset or jsonl"
        )
    target = Path(out)
    if target.exists() and any(target.iterdir()):
        raise UsageError(f"{target} holds files already: name a new folder with --out")
    # Written aside and moved at the end, so that a killed export is never taken for a whole one.
    aside = target.with_name(f".{target.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    rows = with_held_files(folder) if held else read_rows(folder, "frames")
    source = Source(rows, aside, target.resolve(), media, root, chains, held)
    FORMS[to](source)
    if target.exists():
        target.rmdir()
    aside.replace(target)
    return Export(target, to, source.count, source.files)


def has_chains(folder: Path) -> bool:
    """Tell whether a release comes of a build that asked a teacher."""
    import pyarrow.parquet as pq

    config = richest(folder)
    first = shards_of(folder, config)[0]
    with named_damage(first):
        if "kind" not in pq.read_schema(first).names:
            return True
    return any(row["kind"] != "question" for _, row in read_rows(folder, config, ["kind"]))


def with_held_files(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the rows of the config `video`, their files in place of frames."""
    for split, row in read_rows(folder, "video"):
        files = row.pop(IMAGES) + row.pop(VIDEOS)
        yield split, {**row, "frames": files}
