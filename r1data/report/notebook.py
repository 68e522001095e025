"""Builds and rows that show themselves in a notebook: small HTML without scripts, texts escaped."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from r1data.errors import UsageError
from r1data.report.thumbs import thumbnails

if TYPE_CHECKING:
    from r1data.building import Build

# A row's pictures together: a notebook keeps what it shows in its file.
PICTURE_CHARACTERS = 300_000
CELL = "text-align:left;padding:2px 12px 2px 0;vertical-align:top"
PART = "display:inline-block;height:10px"
CHAIN = "white-space:pre-wrap;border-left:3px solid #8884;padding-left:10px;max-width:80ch"


@dataclass(frozen=True)
class Sample:
    """One row of a build: its story as plain data, and its frames as JPEG."""

    story: dict[str, Any]
    frames: tuple[bytes, ...]

    @property
    def id(self) -> str:
        """source/row-id."""
        return self.story["id"]

    def __repr__(self) -> str:
        story = self.story
        fell = story["dropped"]
        state = (
            f"dropped: {fell['reason']}" if fell else "kept" if story["decided"] else "undecided"
        )
        return f"<Sample {self.id}, {story['type']}, {len(self.frames)} frames, {state}>"

    def _repr_html_(self) -> str:
        return sample_html(self.story, thumbnails(self.frames, PICTURE_CHARACTERS))


def find_sample(path: Path, identity: str) -> Sample:
    """Return one row of a build. Raises UsageError where there is none of that id."""
    from r1data.report.buildrows import BuildRows

    rows = BuildRows(path)
    found = rows.index["id"].index_of(identity)
    if found is None:
        raise UsageError(f"{path} has no sample '{identity}': ids are source/row-id")
    story = rows.stories([found])[0]
    return Sample(story, tuple(each for each in rows.pictures(found) if each is not None))


def build_html(build: "Build") -> str:
    """The funnel of a build, with what to call next."""
    counts = build.counts()
    whole = max(1, counts.collected)
    rows = [("", "collected", counts.collected, counts.collected, 0)]
    left = counts.collected
    for step in counts.steps:
        left -= step.rows
        rows.append((step.stage, step.reason, -step.rows, left, step.rows))
    rows.append(("", "left", counts.left, counts.left, 0))
    body = "".join(
        f"<tr><td style='{CELL}'>{escape(stage)}</td><td style='{CELL}'>{escape(reason)}</td>"
        f"<td style='{CELL};text-align:right'>{number:,}</td>"
        f"<td style='width:220px'>{bar(stay / whole, lost / whole)}</td></tr>"
        for stage, reason, number, stay, lost in rows
    )
    name = escape(str(build.path))
    return (
        f"<div><b>{name}</b><table>{body}</table>"
        f"<code>.sample(id)</code> <code>.table(stage)</code> <code>.funnel()</code> "
        f"&middot; <code>r1data report {name}</code></div>"
    )


def bar(stay: float, lost: float) -> str:
    """Draw what stays and what falls out at a step."""
    parts = ((stay, "#2f6db5" if not lost else "#8fa5bf"), (lost, "#b3261e"))
    drawn = "".join(
        f"<span style='{PART};width:{part * 210:.1f}px;background:{tone}'></span>"
        for part, tone in parts
        if part
    )
    return f"<span style='white-space:nowrap;line-height:1'>{drawn}</span>"


def sample_html(story: dict[str, Any], sources: Sequence[str]) -> str:
    """One row: pictures, question, options, answers, what became of it."""
    return (
        f"<div><b>{escape(story['id'])}</b> &middot; {escape(story['type'])} &middot; {fate(story)}"
        f"{strip(story, sources)}<p><b>{escape(story['question'])}</b></p>{options(story)}"
        f"{''.join(answer(each) for each in story['answers'])}</div>"
    )


def fate(story: dict[str, Any]) -> str:
    """What became of a row."""
    fell = story["dropped"]
    if not fell:
        return "kept" if story["decided"] else "not decided yet"
    return f"dropped at {escape(fell['stage'])}: {escape(fell['reason'])}, {escape(fell['detail'])}"


def strip(story: dict[str, Any], sources: Sequence[str]) -> str:
    """The pictures with their times."""
    shown = "".join(
        f"<figure style='margin:0 4px 0 0;flex:none'><img style='max-height:110px' src='{source}' "
        f"alt='frame {i + 1}'><figcaption>{moment(frame['time'])}</figcaption></figure>"
        for i, (frame, source) in enumerate(zip(story["frames"]["list"], sources, strict=False))
    )
    return f"<div style='display:flex;overflow-x:auto'>{shown}</div>"


def moment(time: float | None) -> str:
    """Write a time."""
    return "" if time is None else f"{time:.2f} s"


def options(story: dict[str, Any]) -> str:
    """The options with the truth marked, or the truth."""
    if not story["options"]:
        return f"<p>truth: <b>{escape(str(story['truth']))}</b></p>"
    lines = (
        f"<div>{'&#10003;' if each['letter'] == story['truth'] else '&emsp;'} "
        f"{escape(each['letter'])}. {escape(each['text'])}</div>"
        for each in story["options"]
    )
    return "".join(lines)


def answer(told: dict[str, Any]) -> str:
    """One answer with its chain and verdict."""
    if told["fault"]:
        return f"<p>answer {told['k'] + 1}: none, {escape(told['fault'])}</p>"
    before, end, after = (escape(part) for part in told["think"])
    verdict = told["verdict"]
    word = {True: "right", False: "wrong", None: "not judged"}[verdict["right"]] if verdict else ""
    why = f"{word}, {escape(str(verdict['why']))}, reward {verdict['reward']}" if verdict else ""
    return (
        f"<details{' open' if told['chosen'] else ''}><summary>answer {told['k'] + 1}: "
        f"<b>{escape(str(told['answer']))}</b> {why}</summary>"
        f"<div style='{CHAIN}'>{before}<mark>{end}</mark>{after}</div></details>"
    )
