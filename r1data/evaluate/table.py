"""What a person reads: one run's score, and runs of the same rows beside each other."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from r1data.errors import InputError, UsageError
from r1data.evaluate.benchmarks import load_benchmark
from r1data.evaluate.gain import knowledge_gain
from r1data.evaluate.records import Record, read_records
from r1data.evaluate.statistics import interval
from r1data.evaluate.tally import is_scored, report, strata_of

SHOWN = (
    *("model", "prompt", "frames", "max_pixels", "temperature", "top_p", "max_tokens"),
    *("sampler", "split", "weights", "shuffled", "question_only", "subtitles"),
)
# Groups with more values than this stand in score.json only.
MOST_VALUES = 30


class Run(NamedTuple):
    """A finished evaluation: its label, what was pinned, its report and its records."""

    label: str
    settings: Mapping[str, Any]
    report: Mapping[str, Any]
    records: list[Record]


def read_run(folder: Path) -> Run:
    """Read the folder of a finished evaluation. Raises InputError."""
    records = read_records(folder)
    path = folder / "score.json"
    if not path.is_file():
        raise InputError(f"{folder} holds no score.json: run its evaluation to the end")
    told = json.loads(path.read_text(encoding="utf-8"))
    settings = told.get("settings") or {}
    found = {**report(load_benchmark(told["benchmark"]), records), "settings": settings}
    return Run(label_of(folder, settings), settings, found, records)


def label_of(folder: Path, settings: Mapping[str, Any]) -> str:
    """Name a run by what people tell runs apart by."""
    if not settings.get("model"):
        return folder.name
    parts = str(settings["model"]).rstrip("/").split("/")
    # `r1data train` calls every model folder "model": there the run's own name tells.
    name = "/".join(parts[-2:] if parts[-1] == "model" else parts[-1:])
    told = [name, settings["prompt"], f"{settings['frames']} frames"]
    if settings.get("sampler") == "fps":
        told[-1] = f"fps up to {told[-1]}"
    flags = {"shuffled": "shuffled", "question_only": "question only", "subtitles": "subtitles"}
    return ", ".join(told + [words for flag, words in flags.items() if settings.get(flag)])


def compare(folders: Sequence[Path], gain: bool = False) -> list[dict[str, Any]]:
    """Return a block a benchmark: every run, and the others' differences from its first one.

    With `gain` the first run is VideoMMMU's before its lectures, and the others have their gain.
    """
    runs = [read_run(folder) for folder in folders]
    if gain and (len(runs) < 2 or {run.report["benchmark"] for run in runs} != {"videommmu"}):
        raise UsageError(
            "--knowledge-gain compares runs on VideoMMMU: first its questions without the video "
            "(--question-only), then with it"
        )
    blocks = []
    for name in dict.fromkeys(run.report["benchmark"] for run in runs):
        mine = [run for run in runs if run.report["benchmark"] == name]
        blocks.append(
            {
                "benchmark": name,
                "title": mine[0].report["title"],
                "metric": mine[0].report["metric"],
                "runs": [row_of(run, mine[0], gain) for run in mine],
            }
        )
    return blocks


def row_of(run: Run, first: Run, gain: bool) -> dict[str, Any]:
    """Return one line of a block."""
    settings = {name: run.settings[name] for name in SHOWN if name in run.settings}
    names = ("score", "published_rule", "lower_bound", "video_r1", "counts")
    told = {name: run.report[name] for name in names}
    difference = paired(first, run) if run is not first else None
    gained = {}
    if gain and run is not first:
        gained = {"knowledge_gain": knowledge_gain(first.records, run.records)}
    groups = {
        column: {value: found["mean"] for value, found in values.items()}
        for column, values in run.report["groups"].items()
    }
    row = {"run": run.label, "settings": settings, **told, "difference": difference}
    return {**row, **gained, "groups": groups}


def paired(first: Run, other: Run) -> dict[str, Any]:
    """Return the mean difference over the rows that both runs scored, with its 95% interval.

    The two are about the same questions, so their differences row by row are drawn: far narrower
    than two intervals apart. Raises UsageError where they share no row.
    """
    mine = {each["id"]: each for each in first.records if is_scored(each)}
    shared = [each for each in other.records if is_scored(each) and each["id"] in mine]
    if not shared:
        raise UsageError(f"'{first.label}' and '{other.label}' share no scored row")
    for each in shared:
        if each["solution"] != mine[each["id"]]["solution"]:
            told = f"{each['id']} has another truth in '{first.label}' than in '{other.label}'"
            raise UsageError(f"{told}: they are not about the same rows")
    gaps = [{**each, "score": each["score"] - mine[each["id"]]["score"]} for each in shared]
    benchmark = load_benchmark(first.report["benchmark"])
    strata = strata_of(benchmark, gaps)
    return {"n": len(shared), **interval(strata, share=False)._asdict()}


def table_text(blocks: Sequence[Mapping[str, Any]]) -> str:
    """Return the comparison for a person."""
    return "\n\n".join(block_text(block) for block in blocks)


def block_text(block: Mapping[str, Any]) -> str:
    """Return one benchmark's runs, with what was pinned under them."""
    ruled = any(each["published_rule"] for each in block["runs"])
    rule = ("published rule",) if ruled else ()
    head = ("run", "score", "95%", "to the first", "95%", *rule)
    rows: list[tuple[str, ...]] = [(*head, "rows", "undecoded", "failed", "video-r1")]
    for each in block["runs"]:
        counts, gap = each["counts"], each["difference"]
        rows.append(
            (
                each["run"],
                *figures(each["score"]),
                *figures(gap, signed=True),
                *((percent((each["published_rule"] or {}).get("mean")),) if ruled else ()),
                f"{counts['scored']:,}",
                f"{counts['undecoded']:,}",
                f"{counts['failed']:,}",
                percent((each["video_r1"] or {}).get("score")),
            )
        )
    pinned = [f"  {each['run']}: {pinned_text(each['settings'])}" for each in block["runs"]]
    title = f"{block['title']}: {block['metric']}"
    gains = [gain_text(each) for each in block["runs"] if "knowledge_gain" in each]
    return "\n".join([title, aligned(rows), *gains, "pinned:", *pinned])


def gain_text(row: Mapping[str, Any]) -> str:
    """Return a run's knowledge gain in one line."""
    found = row["knowledge_gain"]
    told = f"knowledge gain of {row['run']} ({found['n']:,} rows of Adaptation): "
    told += gain_figures(found)
    if found["published_rule"]:
        told += f"; by the published rule {gain_figures(found['published_rule'])}"
    return told


def gain_figures(found: Mapping[str, Any]) -> str:
    """Return a gain in percent, with the accuracies that make it."""
    gain = "-" if found["gain"] is None else f"{100 * found['gain']:+.1f}"
    return f"{gain} ({percent(found['before'])} to {percent(found['after'])})"


def figures(found: Mapping[str, Any] | None, signed: bool = False) -> tuple[str, str]:
    """Return a mean and its interval in percent."""
    if found is None:
        return "-", "-"
    sign = "+" if signed else ""
    low, high = (f"{100 * found[end]:{sign}.1f}" for end in ("low", "high"))
    return f"{100 * found['mean']:{sign}.1f}", f"{low} to {high}"


def percent(value: float | None) -> str:
    """Return a share in percent, or a dash."""
    return "-" if value is None else f"{100 * value:.1f}"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as columns; the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def pinned_text(settings: Mapping[str, Any]) -> str:
    """Return what a score depends on, in one line."""
    names = [name for name in SHOWN if settings.get(name) not in (None, False)]
    return ", ".join(f"{name} {settings[name]}" for name in names) or "unknown"


def report_text(found: Mapping[str, Any], folder: Path | None = None) -> str:
    """Return one run's report for a person."""
    lines = [f"{found['title']}: {found['metric']}", ""]
    lines.append(aligned(score_rows(found)))
    for column, values in found["groups"].items():
        if 1 < len(values) <= MOST_VALUES:
            lines += ["", f"by {column}", aligned(group_rows(found, column))]
    lines += ["", counts_text(found)]
    if found["published_rule"] is not None:
        lines.append(f"rule     published in {found['published_rule']['source']}")
    if found.get("outputs"):
        lines.append(outputs_text(found["outputs"]))
    if found.get("settings"):
        lines.append(f"pinned   {pinned_text(found['settings'])}")
    methods = {(found["score"] or {}).get("method")}
    methods |= {each["method"] for values in found["groups"].values() for each in values.values()}
    told = ", ".join(sorted(METHODS[each] for each in methods if each in METHODS))
    lines.append(f"95%      {told}")
    return "\n".join([*lines, *([f"records  {folder}"] if folder else [])])


def outputs_text(found: Mapping[str, Any]) -> str:
    """Return which columns the outputs were in."""
    told = ", ".join(f"column '{name}'" for name in found["columns"])
    truths = "; every output is the ground truth" if found["equal_ground_truth"] else ""
    return f"outputs  {told}{truths}"


METHODS = {
    "wilson": "Wilson for shares",
    "bootstrap": "bootstrap for means (2,000 draws, seed 0)",
}


def score_rows(found: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return the score, and what stands beside it."""
    rows = [("", "score", "95%", "rows")]
    for name, key in (("score", "score"), ("all rows, unread ones as wrong", "lower_bound")):
        if found[key] is not None or key == "score":
            count = f"{found[key]['n']:,}" if found[key] else "0"
            rows.append((name, *figures(found[key]), count))
    published = found["published_rule"]
    if published is not None:
        rows.append(("by the published rule", *figures(published), f"{published['n']:,}"))
    other = found["video_r1"]
    if other["score"] is not None:
        rows.append(("by Video-R1's evaluation", percent(other["score"]), "", f"{other['n']:,}"))
    for name in ("mean_acc", "mean_mra"):
        if other[name] is not None and other["mean_mra"] is not None:
            rows.append((f"  its {name}", percent(other[name]), "", ""))
    return rows


def group_rows(found: Mapping[str, Any], column: str) -> list[tuple[str, ...]]:
    """Return the scores of a column's groups; last, by the published rule."""
    published = (found["published_rule"] or {"groups": {}})["groups"].get(column, {})
    rows = [
        (
            f"  {name}",
            *figures(each),
            f"{each['n']:,}",
            percent(published.get(name, {}).get("mean")),
        )
        for name, each in found["groups"][column].items()
    ]
    head = ("", "score", "95%", "rows", "published rule")
    return [head, *rows] if published else [row[:-1] for row in rows]


def counts_text(found: Mapping[str, Any]) -> str:
    """Return what became of the rows, and who read the answers."""
    counts = found["counts"]
    told = [f"{counts['scored']:,} of {found['rows']:,} rows scored"]
    words = {
        "no_answer": "without an answer (wrong)",
        "refused": "refused by the model (wrong)",
        "truncated": "cut at max_tokens",
        "undecoded": "could not be decoded (not counted)",
        "failed": "failed at the endpoint (not counted; run again)",
        "unjudged": "wait for a judge (not counted)",
        "unasked": "without a prediction (not counted)",
        "left_out": "left out",
    }
    told += [f"{counts[key]:,} {text}" for key, text in words.items() if counts.get(key)]
    read = ", ".join(f"{rule} {count:,}" for rule, count in found["read_by"].items())
    return f"rows     {'; '.join(told)}\nread by  {read}"
