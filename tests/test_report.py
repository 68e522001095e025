"""The report says what the build's tables say, carries everything itself, and runs no text."""

import json
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from r1data.building import Build, open_build
from r1data.errors import UsageError
from r1data.grid.shards import read_note, write_shard
from r1data.report.buildrows import BuildRows
from r1data.report.choosing import choose
from r1data.report.page import embedded, page
from r1data.report.thumbs import thumbnails
from r1data.report.write import report_page, write_report
from r1data.summary import as_dict

HOSTILE = "</script><script>window.hit=1</script><img src=x onerror='window.hit=1'><!--"


def page_data(text: str) -> dict[str, Any]:
    """Return what the page carries as data."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def figure(data: dict[str, Any], title: str) -> dict[str, Any]:
    every = [each for section in data["facts"]["sections"] for each in section["figures"]]
    return next(each for each in every if title in each["title"])


def rewritten(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change every row of one stage's table; the notes vouch for what then stands there."""
    for path in sorted(folder.glob("*.parquet")):
        note = read_note(path.with_suffix(".json"))
        assert note is not None
        table = pq.read_table(path)
        rows = [change(row) for row in table.to_pylist()]
        write_shard(folder, table.from_pylist(rows, table.schema), replace(note), ())


@pytest.fixture(scope="module")
def text(demo: Build) -> str:
    return report_page(demo)


@pytest.fixture(scope="module")
def data(text: str) -> dict[str, Any]:
    return page_data(text)


@pytest.fixture
def copy(demo: Build, tmp_path: Path) -> Build:
    shutil.copytree(demo.path, tmp_path / "copy", ignore=shutil.ignore_patterns("lock", ".lock"))
    return open_build(tmp_path / "copy")


def test_the_numbers_are_those_of_funnel_summary_and_tables(
    demo: Build, data: dict[str, Any]
) -> None:
    counts, head, funnel = demo.counts(), data["facts"]["head"], figure(data, "collected to")
    assert (head["collected"], head["left"]) == (counts.collected, counts.left)
    assert funnel["steps"] == as_dict(demo)["dropped"]
    assert funnel["collected"] - sum(step["rows"] for step in funnel["steps"]) == funnel["left"]
    ring = figure(data, "by group and source")
    assert sum(part["rows"] for part in ring["parts"]) == demo.table("release").collect().height
    responses = demo.table("responses").collect()
    spent = responses["tokens_in"].sum() + responses["tokens_out"].sum()
    assert (head["answers"], head["tokens"]) == (responses.height, spent)


def test_shares_by_type_and_letters_are_those_of_the_tables(
    demo: Build, data: dict[str, Any]
) -> None:
    samples = demo.table("samples").collect()
    kept = set(demo.table("release").collect()["id"])
    total = Counter(samples["problem_type"])
    stay = Counter(row["problem_type"] for row in samples.to_dicts() if row["id"] in kept)
    shown = {row["name"]: row["cells"][:2] for row in figure(data, "by type")["rows"]}
    assert shown == {name: [stay[name], total[name]] for name in total}
    letters = figure(data, "letters")["rows"]
    choice = [row for row in samples.to_dicts() if row["problem_type"] == "multiple choice"]
    share = sum(row["solution"] == "B" for row in choice) / len(choice)
    assert next(row for row in letters if row["name"] == "B")["values"] == [share]
    assert sum(row["mark"] for row in letters) == pytest.approx(1)


def test_histograms_count_every_answer_once(demo: Build, data: dict[str, Any]) -> None:
    answers = demo.table("verdicts").collect().height
    for title in ("Reward of every answer", "Length of chains"):
        series = figure(data, title)["series"].values()
        assert sum(map(sum, series)) == answers, title
    assert sum(figure(data, "right answers to")["series"]["questions"]) == demo.counts().collected


def test_stories_tell_what_the_tables_hold(demo: Build, data: dict[str, Any]) -> None:
    verdicts = demo.table("verdicts").collect().to_dicts()
    rewards = {(row["id"], row["k"]): row["reward"] for row in verdicts}
    selected = {row["id"]: row for row in demo.table("selection").collect().to_dicts()}
    texts = {(r["id"], r["k"]): r["text"] for r in demo.table("responses").collect().to_dicts()}
    for story in data["rows"]:
        assert len(story["answers"]) == 2
        for answer in story["answers"]:
            key = (story["id"], answer["k"])
            assert answer["verdict"]["reward"] == rewards[key]
            assert "".join(answer["think"]) in texts[key]
            assert answer["chosen"] == (selected[story["id"]]["k"] == answer["k"])
        fell = story["dropped"] and story["dropped"]["reason"]
        assert fell == selected[story["id"]]["drop_reason"]
        assert all(frame["src"].startswith("data:image/webp") for frame in story["frames"]["list"])
    assert any(answer["think"][1] for story in data["rows"] for answer in story["answers"])


def test_every_reason_is_shown_and_the_sample_is_always_the_same(
    demo: Build, text: str, data: dict[str, Any]
) -> None:
    reasons = {step.reason for step in demo.counts().steps}
    assert {row["dropped"]["reason"] for row in data["rows"] if row["dropped"]} == reasons
    assert report_page(demo) == text
    index = BuildRows(demo.path).index
    few = choose(index, kept=5, fallen=1)
    shuffled = index.sample(fraction=1, shuffle=True, seed=3)
    assert sorted(index["id"][few]) == sorted(shuffled["id"][choose(shuffled, 5, 1)])
    assert len(few) == 5 + len(reasons)
    assert f"{len(data['rows'])} of {data['total']}" in data["told"] or "All" in data["told"]


def test_the_file_is_small_and_its_policy_lets_nothing_out(demo: Build, tmp_path: Path) -> None:
    path = write_report(demo, tmp_path / "out.html")
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_size < 5_000_000
    assert "default-src 'none'" in text and "connect-src" not in text
    assert "unsafe" not in text.partition("<title>")[0]
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", text)
    assert write_report(demo) == demo.path / "report.html"


def test_no_text_of_the_data_can_end_its_script_tag(copy: Build) -> None:
    rewritten(copy.path / "1.samples", lambda row: {**row, "problem": HOSTILE + row["problem"]})
    rewritten(copy.path / "6.responses", lambda row: {**row, "text": f"<think>{HOSTILE}</think>"})
    made = report_page(copy)
    assert HOSTILE not in made
    assert all(HOSTILE in story["question"] for story in page_data(made)["rows"])
    assert "<" not in embedded({"a": HOSTILE})
    assert "<title>&lt;b&gt;</title>" in page("<b>", {}, "report.js")


def test_what_is_missing_is_said(copy: Build) -> None:
    for name in ("6.responses", "7.verdicts", "8.selection", "9.release"):
        shutil.rmtree(copy.path / name)
    data = page_data(report_page(copy))
    assert data["facts"]["head"]["finished"] is False
    assert figure(data, "Reward")["why"].startswith("no teacher has answered")
    assert figure(data, "Right answers, by what")["why"] == "the recipe asks for no probes"
    assert figure(data, "Tokens")["kind"] == "missing"
    assert all(not story["decided"] and story["answers"] == [] for story in data["rows"])
    shutil.rmtree(copy.path / "1.samples")
    with pytest.raises(UsageError, match="holds no rows yet"):
        report_page(copy)


def test_a_half_made_stage_is_no_fault(copy: Build) -> None:
    for path in (copy.path / "8.selection").glob("0000[1-9].*"):
        path.unlink()
    shutil.rmtree(copy.path / "9.release")
    data = page_data(report_page(copy))
    assert data["facts"]["head"]["left"] == copy.counts().left
    assert data["total"] == copy.counts().collected


def test_a_long_chain_is_cut_and_says_so(copy: Build) -> None:
    long = "<think>" + "step " * 20_000 + "</think><answer>1</answer>"
    rewritten(copy.path / "6.responses", lambda row: {**row, "text": long})
    made = report_page(copy)
    assert len(made.encode()) < 5_000_000
    assert page_data(made)["rows"][0]["answers"][0]["cut"] > 80_000


def test_pictures_fit_their_room_and_a_broken_one_keeps_its_place(demo: Build) -> None:
    rows = BuildRows(demo.path)
    video = next(i for i, kind in enumerate(rows.index["kind"]) if kind == "video")
    frames = [each or b"" for each in rows.pictures(video)]
    assert len(frames) == 16
    wide = thumbnails(frames, 1_000_000)
    small = thumbnails(frames, 6_000)
    assert sum(map(len, small)) < sum(map(len, wide))
    assert thumbnails([frames[0], b"no picture", frames[1]], 9_000)[1] == ""
    assert thumbnails([], 1000) == []


def test_faults_and_thrown_away_answers_are_counted(copy: Build) -> None:
    rewritten(
        copy.path / "6.responses",
        lambda row: {**row, "text": None, "fault": "HTTP 500 at try 3"} if row["k"] else row,
    )
    line = {"request_sha256": "x", "why": "cut short at 10 of 1024 tokens", "tokens": 50}
    (copy.path / "6.responses" / "00000.discarded.jsonl").write_text(json.dumps(line) + '\n{"torn')
    with (copy.path / "events.jsonl").open("a") as file:
        event = {"at": "2030-01-01T00:00:00Z", "event": "failed", "cell": "frames/0", "why": "boom"}
        file.write(json.dumps(event) + "\n{torn")
    rows = figure(page_data(report_page(copy)), "Faults")["rows"]
    asked = copy.counts().collected
    assert ["answer missing", "HTTP N at try N", asked] in rows
    assert ["reply thrown away", "cut short at N of N tokens", 1] in rows
    assert ["cell failed", "boom", 1] in rows
    body = figure(page_data(report_page(copy)), "Tokens")["rows"]
    assert ["thrown away", 1, 0, 0, 50, "no prices"] in body


def test_a_notebook_shows_builds_and_rows_without_running_their_text(copy: Build) -> None:
    rewritten(copy.path / "1.samples", lambda row: {**row, "problem": HOSTILE})
    identity = copy.table("samples").collect()["id"][3]
    sample = copy.sample(identity)
    assert repr(sample).startswith(f"<Sample {identity}")
    assert len(sample.frames) == len(sample.story["frames"]["list"])
    html = sample._repr_html_()
    assert HOSTILE not in html and "&lt;/script&gt;" in html and "data:image/webp" in html
    shown = copy._repr_html_()
    for step in copy.counts().steps:
        assert step.reason in shown and f"{-step.rows:,}" in shown
    with pytest.raises(UsageError, match="no sample 'x/y'"):
        copy.sample("x/y")
