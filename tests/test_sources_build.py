"""From the web to a release: one build of every card through the stand-in, and what fails there."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hub import Fault, Hub
from upstreams import NAMES, archives, case, question_file, real_clip, serve_all

import r1data
from r1data.release.check import check
from r1data.sources.catalogue import load_card


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return real_clip(tmp_path_factory.mktemp("clip"))


def recipe_of(sources: dict[str, Any], **more: Any) -> Path:
    made = {"pipeline": "cot", "name": "all", "seed": 1, "sources": sources}
    made |= {"teacher": {"model": "offline", "n": 1}, "frames": {"count": 4, "max_pixels": 3136}}
    made |= {"run": {"lanes": [{"url": "offline", "concurrency": 8}]}} | more
    Path("all.yaml").write_text(yaml.safe_dump(made))
    return Path("all.yaml")


def test_a_recipe_of_all_cards_builds_from_download_to_release(
    hub: Hub, clip: bytes, tmp_path: Path
) -> None:
    entries = serve_all(hub, clip, tmp_path / "served")
    build = r1data.build(recipe_of(entries), out=Path("b"), engine="inline")
    rows = {row["id"]: row for row in build.table("samples").collect().to_dicts()}
    media = build.table("media").collect()
    expected = sum(len(case(name)["samples"]) for name in NAMES)
    assert len(rows) == expected
    failed = media.filter(pl.col("drop_reason").is_not_null())["id"].to_list()
    assert set(failed) == {row["id"] for row in rows.values() if row["drop_reason"]}
    assert check(build.path).findings == []
    sent = hub.sent("")
    again = r1data.build(recipe_of(entries), out=Path("b"), engine="inline")
    assert again.tally is not None
    assert again.tally.made.total() == 0
    assert hub.sent("") == sent


def video_mme(hub: Hub, clip: bytes, present: int) -> dict[str, Any]:
    """Twelve questions about twelve clips, of which the archive has the first `present`."""
    row = case("videomme")["rows"][0]
    rows = [{**row, "question_id": f"{i:03d}-1", "videoID": f"v{i:02d}"} for i in range(12)]
    media = {f"data/v{i:02d}.mp4": clip for i in range(present)}
    rule = load_card("videomme").routes["hub"].media
    file = case("videomme")["file"]
    hub.commit("lmms-lab/Video-MME", {file: question_file(file, rows), **archives(rule, media)})
    return {"videomme": {"rows": 6}}


def media_reasons(build: r1data.Build) -> dict[str | None, int]:
    found = build.table("media").collect().group_by("drop_reason").len()
    return dict(found.iter_rows())


def test_a_picture_that_is_missing_upstream_drops_its_row(hub: Hub, clip: bytes) -> None:
    recipe = recipe_of({"videomme": {**video_mme(hub, clip, 9)["videomme"], "rows": "all"}})
    build = r1data.build(recipe, out=Path("b"), engine="inline", until="media")
    assert media_reasons(build) == {None: 9, "missing_media": 3}
    details = build.table("media").collect()["drop_detail"].drop_nulls().to_list()
    assert all("is in none of 1 archive(s) of lmms-lab/Video-MME" in each for each in details)


def test_failed_media_are_replaced_from_the_reserve(hub: Hub, clip: bytes) -> None:
    sources = video_mme(hub, clip, 9)
    sources["videomme"] |= {"reserve": 1.0}
    build = r1data.build(recipe_of(sources), out=Path("b"), engine="inline", until="media")
    reasons = media_reasons(build)
    assert sum(reasons.values()) == 12
    assert reasons["missing_media"] == 3
    assert set(reasons) <= {None, "missing_media", "over_quota"}
    assert reasons[None] + reasons.get("over_quota", 0) == 9


def test_only_what_is_chosen_is_fetched(hub: Hub, clip: bytes) -> None:
    build = r1data.build(
        recipe_of(video_mme(hub, clip, 12)), out=Path("b"), engine="inline", until="media"
    )
    assert media_reasons(build) == {None: 6}
    assert len(list(Path("b/media").rglob("*.mp4"))) == 6


def test_a_moved_upstream_is_reported_and_not_followed(
    hub: Hub, clip: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = recipe_of(video_mme(hub, clip, 12))
    r1data.build(recipe, out=Path("b"), engine="inline", until="media")
    first = json.loads(Path("b/sources.lock").read_text())
    hub.commit("lmms-lab/Video-MME", {"README.md": b"changed"})
    again = r1data.build(recipe, out=Path("b"), engine="inline", until="media")
    assert again.tally is not None
    assert again.tally.made.total() == 0
    more = recipe_of({"videomme": {"rows": 12}})
    r1data.build(more, out=Path("b"), engine="inline", until="media")
    assert capsys.readouterr().err.count("lmms-lab/Video-MME has moved to") == 1
    assert json.loads(Path("b/sources.lock").read_text()) == first


def test_a_renamed_file_upstream_names_the_other_routes(hub: Hub) -> None:
    hub.commit("lmms-lab/Video-MME", {"other.parquet": b"x"})
    with pytest.raises(r1data.R1DataError, match=r"no question file videomme/\*\.parquet.*moved"):
        r1data.build(recipe_of({"videomme": {}}), out=Path("b"), engine="inline")


def test_a_changed_column_names_file_row_and_what_is_there(hub: Hub) -> None:
    hub.commit("MMInstruction/ArxivQA", {"arxivqa.jsonl": b'{"id": "1", "picture": "a.jpg"}\n'})
    with pytest.raises(
        r1data.R1DataError, match=r"line 1: no field 'image' \(the row has: id, pic"
    ):
        r1data.build(recipe_of({"arxivqa": {}}), out=Path("b"), engine="inline")


def test_a_build_goes_on_after_the_hub_failed(hub: Hub, clip: bytes) -> None:
    recipe = recipe_of(video_mme(hub, clip, 12))
    hub.faults.append(Fault("GET", "/cdn/", status=403, times=1, skip=2))
    hub.faults.append(Fault("GET", "/api/", status=502, times=2))
    build = r1data.build(recipe, out=Path("b"), engine="inline", until="media")
    assert media_reasons(build) == {None: 6}
