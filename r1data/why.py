"""What became of one sample: everything that the tables of a build say about it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from r1data.building import Build
from r1data.errors import R1DataError, UsageError
from r1data.grid.cleared import cleared
from r1data.grid.funnel import shard_notes, stage_folders
from r1data.grid.shards import read_shard
from r1data.rewards import extract
from r1data.summary import released

# Pictures are left out; what else is known of each frame is told.
FRAME = "frames.list.element."
LIGHT = ("time", "index", "width", "height")
INDENT = " " * 4


def why_dict(build: Build, identity: str) -> dict[str, Any]:
    """Every row of every table about one sample. Raises UsageError where there is none."""
    story: dict[str, Any] = {"id": identity, "stages": {}}
    gone = cleared(build.path)
    for folder in stage_folders(build.path):
        for note in shard_notes(folder) if folder.name not in gone else ():
            columns = light_columns(folder / f"{note.shard}.parquet")
            rows = read_shard(folder / f"{note.shard}.parquet", columns).to_pylist()
            mine = [row for row in rows if row["id"] == identity]
            if mine:
                story["stages"][folder.name.partition(".")[2]] = mine
                break
    if not story["stages"]:
        raise UsageError(f"{build.name} has no sample '{identity}': ids are source/row-id")
    prompt = prompt_of(build, story["stages"])
    facts = {"prompt": prompt, "released": released(build), "cleared": sorted(gone)}
    return {**story, **facts}


def light_columns(path: Path) -> list[str]:
    """Return the columns of a shard without pictures."""
    import pyarrow.parquet as pq

    names = pq.read_schema(path).names
    whole = [name for name in names if name != "frames"]
    return whole + [f"{FRAME}{name}" for name in LIGHT if "frames" in names]


def prompt_of(build: Build, stages: Mapping[str, Any]) -> str | None:
    """Return the text that was put to the teacher; None where nobody was asked, or it changed."""
    from r1data.recipe import load_recipe
    from r1data.teacher.prompts import load_prompt
    from r1data.teacher.requests import with_times

    responses = stages.get("responses")
    if not responses or "frames" not in stages:
        return None
    try:
        teacher = load_recipe(build.path / "recipe.yaml").teacher
        prompt = load_prompt(teacher.prompt) if teacher else None
    except R1DataError:  # a file that the recipe names is gone: the prompt is unknown
        return None
    if prompt is None or prompt.sha256 != responses[0]["prompt_sha256"]:
        return None
    sample = stages["samples"][0]
    text = prompt.fill(sample["problem"], sample["options"] or [], sample["problem_type"])
    return with_times(sample, text, [each["time"] for each in stages["frames"][0]["frames"]])


def why_text(story: Mapping[str, Any]) -> str:
    """The story of a sample for a person."""
    stages = story["stages"]
    lines = [story["id"], *question_lines(stages["samples"][0])]
    if "frames" in stages:
        lines.append(f"  frames     {frames_text(stages['frames'][0])}")
    lines += [f"  {name}   removed by `r1data clean`" for name in story["cleared"]]
    if story["prompt"]:
        lines += ["  prompt", indented(story["prompt"])]
    lines += [line for stage in stages for line in probe_lines(stages[stage])]
    lines += answers_lines(stages)
    return "\n".join([*lines, f"  {fate(stages, story['released'])}"])


def question_lines(sample: Mapping[str, Any]) -> list[str]:
    """The question, its options, its truth and its files."""
    from r1data.teacher.prompts import letter

    options = sample["options"] or []
    return [
        f"  question   {sample['problem']}",
        *(f"  option     {letter(i)}. {text}" for i, text in enumerate(options)),
        f"  truth      {sample['solution']} ({sample['problem_type']})",
        *(f"  {each['kind']:<10} {each['uri']}" for each in sample["media"]),
    ]


def frames_text(row: Mapping[str, Any]) -> str:
    """How many frames were taken, by which rule, and when."""
    frames = row["frames"] or []
    times = [f"{each['time']:.2f}" for each in frames if each["time"] is not None]
    how = f"{len(frames)}, {row['sampler']}, {row['decoder'] or 'no decoder'}"
    return f"{how}, at {' '.join(times)} s" if times else how


def probe_lines(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a probe found, where the rows are those of a probe that asked."""
    return [
        f"  probe      {row['probe']}: {row['right']} of {row['n']} answers of {row['model']} right"
        for row in rows
        if row.get("probe") and row.get("n")
    ]


def answers_lines(stages: Mapping[str, Any]) -> Iterator[str]:
    """Each answer with its verdict, and below it all that was said."""
    verdicts = {row["k"]: row for row in stages.get("verdicts", ())}
    drafts = {row["k"]: row for row in stages.get("responses", ())}
    for row in stages.get("revised") or stages.get("responses", ()):
        verdict, draft = verdicts.get(row["k"]), drafts[row["k"]]
        yield f"  answer {row['k'] + 1}   {judged(row, verdict)}"
        if row["text"] is not None:
            yield indented(row["text"])
        if row["request_sha256"] != draft["request_sha256"]:
            yield f"             revised by {row['model']}; at first {given(draft)}"


def indented(text: str) -> str:
    """Return a text of several lines below its heading."""
    return "\n".join(f"{INDENT}{line}".rstrip() for line in text.strip().split("\n"))


def judged(response: Mapping[str, Any], verdict: Mapping[str, Any] | None) -> str:
    """One answer's verdict in a line."""
    if response["text"] is None:
        return f"none: {response['fault']}"
    if verdict is None:
        return "not judged yet"
    mark = {True: "right", False: "wrong", None: "not judged"}[verdict["right"]]
    rule = f"preset {verdict['preset']}, rule {verdict['rule']}"
    return f"{verdict['seen']!r} is {mark}: {verdict['why']} ({rule})"


def given(draft: Mapping[str, Any]) -> str:
    """Say what a first answer was."""
    return f"{extract(draft['text']).answer!r} by {draft['model']}"


def fate(stages: Mapping[str, Any], done: bool) -> str:
    """Say what became of a sample: where it fell out, or how it is released, or will be."""
    for stage, rows in stages.items():
        if rows[0].get("drop_reason"):
            return f"dropped at {stage}: {rows[0]['drop_reason']}: {rows[0]['drop_detail']}"
    selected = (stages.get("balance") or stages.get("selection") or ({},))[0]
    how = kind_text(selected, [row["right"] for row in stages.get("verdicts", ())])
    return f"{'released' if done else 'chosen to be released'} {how}" if how else "not decided yet"


def kind_text(selected: Mapping[str, Any], right: Sequence[bool | None]) -> str | None:
    """Say in which form a sample is released; None where nobody has decided."""
    if selected.get("kind") == "chain":
        numbers = [str(k + 1) for k in selected["chains"]]
        return f"with answer{'s' if numbers[1:] else ''} {', '.join(numbers)}"
    wrong = "no right answer has a thought" if any(right) else "no answer was right"
    without = {
        "question": "without a chain: no teacher was asked",
        "direct": f"with its truth alone: {wrong}",
    }
    return without.get(str(selected.get("kind")))
