"""README.md of a release: every figure in it is computed from the build's tables and notes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from r1data.grid.build import Cell
from r1data.grid.funnel import Funnel, funnel
from r1data.grid.shards import read_shard
from r1data.release.rows import Inputs, kept, kept_ids

# The Hub's names of the licences that our cards state.
HUB_LICENSES = {
    "CC0-1.0": "cc0-1.0",
    "CC BY 4.0": "cc-by-4.0",
    "CC BY-SA 4.0": "cc-by-sa-4.0",
    "CC BY-NC 4.0": "cc-by-nc-4.0",
    "CC BY-NC-SA 4.0": "cc-by-nc-sa-4.0",
    "Apache-2.0": "apache-2.0",
    "MIT": "mit",
    "unknown": "unknown",
}


def card_text(
    inputs: Sequence[Inputs], counts: Mapping[str, Mapping[str, int]], features: Any, cell: Cell
) -> str:
    """Return the text of README.md."""
    rows = composition(inputs)
    head = yaml.safe_dump(metadata(rows, counts, features, cell), sort_keys=False)
    parts = [
        f"---\n{head}---\n",
        opening(rows, counts, cell),
        "## What is in it\n\n" + composition_table(rows),
        "## How it came to be\n\n" + funnel_table(funnel(cell.build)),
        "## Teacher and verification\n\n" + teacher_text(inputs),
        "## Terms\n\n" + terms_table(rows),
        "## Load it\n\n" + loading(cell),
        "## Build it again\n\n" + rebuilding(cell.options["recipe_yaml"]),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


Row = tuple[str, str, str, str, str, bool | None]


def composition(inputs: Sequence[Inputs]) -> Counter[Row]:
    """Count the released rows by source, kinds and terms."""
    counts: Counter[Row] = Counter()
    for each in inputs:
        table = kept(read_shard(each["samples"]), kept_ids(each))
        for row in table.select(["source", "data_type", "problem_type", "license"]).to_pylist():
            terms = row["license"]
            kinds = (row["source"], row["data_type"], row["problem_type"])
            counts[(*kinds, terms["annotations"], terms["media"], terms["non_commercial"])] += 1
    return counts


def metadata(
    rows: Counter[Row], counts: Mapping[str, Mapping[str, int]], features: Any, cell: Cell
) -> dict[str, Any]:
    """Return the YAML head that the Hub and `datasets` read."""
    files = [{"split": split, "path": f"data/{split}-*.parquet"} for split in counts]
    splits = [split_info(split, files, cell.folder) for split, files in counts.items()]
    info = {"features": features._to_yaml_list(), "splits": splits}
    return {
        "pretty_name": cell.options["name"],
        "license": hub_license(rows),
        "task_categories": ["visual-question-answering", "video-text-to-text"],
        "tags": ["chain-of-thought", "video-reasoning", "r1data"],
        "configs": [{"config_name": "default", "data_files": files}],
        "dataset_info": info,
    }


def split_info(split: str, files: Mapping[str, int], folder: Path) -> dict[str, Any]:
    """Return the figures of a split that `datasets` reads."""
    size = sum((folder / name).stat().st_size for name in files)
    return {"name": split, "num_bytes": size, "num_examples": sum(files.values())}


def hub_license(rows: Counter[Row]) -> str:
    """Name the licence of the whole: a mix of terms is "other", and calls itself nothing freer."""
    names = {name for row in rows for name in row[3:5]}
    return HUB_LICENSES.get(names.pop(), "other") if len(names) == 1 else "other"


def opening(rows: Counter[Row], counts: Mapping[str, Mapping[str, int]], cell: Cell) -> str:
    """Say what this is in a few lines."""
    total = sum(rows.values())
    splits = ", ".join(f"{split} {sum(files.values()):,}" for split, files in counts.items())
    return (
        f"# {cell.options['name']}\n\n"
        f"{total:,} questions about pictures and clips, each with a chain of thought whose answer "
        f"a rule found right ({splits}). Made by r1data {cell.options['r1data_version']}; "
        f"recipe {cell.options['recipe'][:12]}."
    )


def composition_table(rows: Counter[Row]) -> str:
    """One line a source and kind of question."""
    groups: Counter[tuple[str, str, str]] = Counter()
    for row, count in rows.items():
        groups[row[:3]] += count
    lines = [f"| {' | '.join(group)} | {count:,} |" for group, count in sorted(groups.items())]
    return "\n".join(["| source | media | problem type | rows |", "|---|---|---|---:|", *lines])


def funnel_table(found: Funnel) -> str:
    """Rows collected, fallen out by stage and reason, released."""
    lines = [f"| collected | | {found.collected:,} |"]
    lines += [f"| {step.stage} | {step.reason} | -{step.rows:,} |" for step in found.steps]
    lines += [f"| released | | {found.left:,} |"]
    return "\n".join(["| stage | reason | rows |", "|---|---|---:|", *lines])


def teacher_text(inputs: Sequence[Inputs]) -> str:
    """Who was asked, how, and which rule judged."""
    teachers: Counter[tuple[str, str, str]] = Counter()
    rules: Counter[tuple[str, int]] = Counter()
    for each in inputs:
        asked = read_shard(each["responses"], columns=["model", "prompt_sha256", "params"])
        teachers.update((r["model"], r["prompt_sha256"], r["params"]) for r in asked.to_pylist())
        judged = read_shard(each["verdicts"], columns=["preset", "version"])
        rules.update((r["preset"], r["version"]) for r in judged.to_pylist())
    lines = [
        f"- {count:,} answers of `{model}`, prompt sha256 `{prompt[:12]}`, `{params}`"
        for (model, prompt, params), count in sorted(teachers.items())
    ]
    lines += [
        f"- judged by preset `{preset}` version {version}: {count:,} answers"
        for (preset, version), count in sorted(rules.items())
    ]
    return "\n".join(lines)


def terms_table(rows: Counter[Row]) -> str:
    """The terms of every source, as their owners state them."""
    terms = sorted({(row[0], *row[3:]) for row in rows}, key=str)
    words = {True: "yes", False: "no", None: "not stated"}
    lines = [f"| {name} | {a} | {m} | {words[nc]} |" for name, a, m, nc in terms]
    head = ["| source | questions | media | non-commercial |", "|---|---|---|---|"]
    return "\n".join([*head, *lines]) + "\n\nThe chains of thought come under the teacher's terms."


def loading(cell: Cell) -> str:
    """How to load it."""
    return (
        "```python\nimport datasets\n\n"
        f'data = datasets.load_dataset("PATH/{cell.folder.name}", split="train")\n'
        'data[0]["frames"][0]   # a PIL picture; data[0]["frame_times"] holds its seconds\n```'
    )


def rebuilding(recipe: str) -> str:
    """The recipe that made it: what was asked for, not where files lay or who was asked."""
    return (
        "Add where your files lie and `run.lanes`, then `r1data build recipe.yaml`:\n\n"
        f"```yaml\n{recipe.strip()}\n```"
    )
