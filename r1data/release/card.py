"""README.md of a release: every figure in it is computed from the build's tables and notes."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from r1data.grid.build import Cell
from r1data.grid.funnel import Funnel, funnel
from r1data.grid.shards import read_shard
from r1data.release import card_words as words
from r1data.release.figure import bars
from r1data.release.layout import FOLDERS, SHARD, known_values
from r1data.release.rows import Inputs, kept, kept_ids, row_counts
from r1data.release.terms import Terms, license_of, terms_of
from r1data.unfilled import unfilled_lines, unfilled_of

FIGURE = "composition.svg"
# The Hub's names of what each kind of media is for.
TASKS = {"image": "visual-question-answering", "video": "video-text-to-text"}
# Clips are decoded by torchcodec, a package of its own; whoever lacks it takes their bytes.
UNDECODED = (
    'clips = datasets.load_dataset("PATH", "video", split="SPLIT")   # decoded by torchcodec',
    'clips.cast_column("videos", datasets.List(datasets.Video(decode=False)))   # their bytes',
)

Row = tuple[str, str, str, Terms]
Counts = Mapping[str, int]
# {(config, source or "", split): [(path, rows)]}
Files = Mapping[tuple[str, str], Sequence[tuple[str, int]]]


def card_text(
    inputs: Sequence[Inputs], counts: Counts, features: Mapping[str, Any], cell: Cell
) -> str:
    """Return the text of README.md."""
    rows, kinds, options = composition(inputs), kinds_of(inputs), cell.options
    sources = words.sources_of(rows, cell)
    head = yaml.safe_dump(metadata(rows, kinds, counts, features, cell), sort_keys=False)
    splits = splits_of(counts, next(config for config in FOLDERS if config in options["configs"]))
    recipe = yaml.safe_load(options["recipe_yaml"])
    parts = [
        f"---\n{head}---\n",
        words.opening(rows, splits, kinds, options),
        "## What is in it\n\n" + composition_table(rows),
        "## How it came to be\n\n" + funnel_table(funnel(cell.build)),
        quota_list(unfilled_lines(unfilled_of(cell.build))),
        "\n".join(f"- {note}" for note in recipe.get("notes", ())),
        "## Who was asked\n\n" + words.asked_text(inputs, recipe),
        "## Terms\n\n" + words.terms_table(rows, sources, kinds),
        "## Known limits\n\n" + words.limits_text(sources, kinds),
        "## Load it\n\n" + loading(rows, features, next(iter(splits))),
        "## Build it again\n\n" + words.rebuilding(rows, sources, options),
        "## Cite\n\n" + words.citation(rows, sources, options),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def splits_of(counts: Counts, config: str) -> dict[str, int]:
    """Return the splits of a config with their rows."""
    found = files_of(counts, config, None)
    return {split: sum(rows.values()) for split, (_, rows) in found.items()}


def kinds_of(inputs: Sequence[Inputs]) -> Counter[str]:
    """Count the released questions by kind: chain, direct, question."""
    counts: Counter[str] = Counter()
    for each in inputs:
        table = kept(read_shard(each["selection"], columns=["id", "kind"]), kept_ids(each))
        counts.update(table["kind"].to_pylist())
    return counts


def composition(inputs: Sequence[Inputs]) -> Counter[Row]:
    """Count the released rows by source, kinds and terms."""
    counts: Counter[Row] = Counter()
    columns = ["id", "source", "data_type", "problem_type", "license"]
    for each in inputs:
        table = kept(read_shard(each["samples"]), kept_ids(each))
        rows = row_counts(each)
        for row in table.select(columns).to_pylist():
            kinds = (row["source"], row["data_type"], row["problem_type"])
            counts[(*kinds, terms_of(row["license"]))] += rows[row["id"]]
    return counts


def figure_text(inputs: Sequence[Inputs]) -> str:
    """Return the picture of the composition."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for (source, _, problem_type, _), count in composition(inputs).items():
        found[source][problem_type] += count
    return bars(found, known_values()["problem_type"])


def metadata(
    rows: Counter[Row],
    kinds: Mapping[str, int],
    counts: Counts,
    features: Mapping[str, Any],
    cell: Cell,
) -> dict[str, Any]:
    """Return the YAML head that the Hub and `datasets` read."""
    return {
        "pretty_name": cell.options["name"],
        **license_of({row[3] for row in rows}).head(),
        "task_categories": [TASKS[kind] for kind in TASKS if kind in {row[1] for row in rows}],
        "tags": [
            *(["chain-of-thought"] if kinds.get("chain") else []),
            *(["video-reasoning"] if "video" in {row[1] for row in rows} else []),
            "r1data",
        ],
        **config_entries(rows, counts, features, cell.folder),
    }


def config_entries(
    rows: Counter[Row], counts: Counts, features: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Return the part of the head that says which files are which config, and what they hold."""
    configs: list[dict[str, Any]] = []
    infos: list[dict[str, Any]] = []
    for name, (config, source) in config_names(rows, features).items():
        files = files_of(counts, config, source)
        first = {"default": True} if not configs else {}
        data_files = [{"split": split, "path": path} for split, (path, _) in files.items()]
        configs.append({"config_name": name, **first, "data_files": data_files})
        splits = [split_info(split, each, folder) for split, (_, each) in files.items()]
        columns = features[config]._to_yaml_list()
        infos.append({"config_name": name, "features": columns, "splits": splits})
    return {"configs": configs, "dataset_info": infos}


def config_names(
    rows: Counter[Row], features: Mapping[str, Any]
) -> dict[str, tuple[str, str | None]]:
    """Return {name: (columns, source)}: whole configs first, then one for every source."""
    found: dict[str, tuple[str, str | None]] = {config: (config, None) for config in features}
    richest = next(config for config in FOLDERS if config in features)
    for source in sorted({row[0] for row in rows}):
        found[f"source-{source}" if source in FOLDERS else source] = (richest, source)
    return dict(sorted(found.items(), key=lambda entry: entry[0] != richest))


def files_of(
    counts: Counts, config: str, source: str | None
) -> dict[str, tuple[str, dict[str, int]]]:
    """Return {split: (pattern, {path: rows})} of a config; train stands first."""
    found: dict[str, tuple[str, dict[str, int]]] = {}
    for path, rows in counts.items():
        folder, _, name = path.partition("/")
        match = SHARD.fullmatch(name)
        if folder != FOLDERS[config] or match is None or source not in (None, match["source"]):
            continue
        middle = f"-{source}-" + "[0-9]" * 5 if source else "-*"
        pattern = f"{folder}/{match['split']}{middle}.parquet"
        found.setdefault(match["split"], (pattern, {}))[1][path] = rows
    return found


def split_info(split: str, files: Mapping[str, int], folder: Path) -> dict[str, Any]:
    """Return the figures of a split that `datasets` reads."""
    size = sum((folder / name).stat().st_size for name in files)
    return {"name": split, "num_bytes": size, "num_examples": sum(files.values())}


def composition_table(rows: Counter[Row]) -> str:
    """One line a source and kind of question, below a picture of the same."""
    groups: Counter[tuple[str, str, str]] = Counter()
    for row, count in rows.items():
        groups[row[:3]] += count
    lines = [f"| {' | '.join(group)} | {count:,} |" for group, count in sorted(groups.items())]
    picture = f"![rows by source and problem type]({FIGURE})\n"
    return "\n".join(
        [picture, "| source | media | problem type | rows |", "|---|---|---|---:|", *lines]
    )


def funnel_table(found: Funnel) -> str:
    """Rows collected, fallen out by stage and reason, released."""
    lines = [f"| collected | | {found.collected:,} |"]
    lines += [f"| {step.stage} | {step.reason} | -{step.rows:,} |" for step in found.steps]
    lines += [f"| released | | {found.left:,} |"]
    return "\n".join(["| stage | reason | rows |", "|---|---|---:|", *lines])


def quota_list(lines: Sequence[str]) -> str:
    """Quotas of the recipe that its sources could not fill; nothing where there is none."""
    told = "Quotas of the recipe that its sources could not fill:\n\n"
    return told + "\n".join(f"- {line}" for line in lines) if lines else ""


def loading(rows: Counter[Row], features: Mapping[str, Any], split: str) -> str:
    """How to load it; `split` is the first."""
    names = config_names(rows, features)
    default = next(iter(names))
    lines = [f'data = datasets.load_dataset("PATH", split="{split}")   # {default}']
    if default == "frames":
        timed = "video" in {row[1] for row in rows}
        times = '; data[0]["frame_times"] holds the seconds of a video\'s frames' if timed else ""
        lines.append(f'data[0]["frames"][0]   # a PIL image{times}')
    lines += [f'datasets.load_dataset("PATH", "{name}")' for name in list(names)[1:]]
    if "video" in features:
        lines += ["", *(line.replace("SPLIT", split) for line in UNDECODED)]
    return "```python\nimport datasets\n\n" + "\n".join(lines) + "\n```"
