"""README.md of a release: every figure in it is computed from the build's tables and notes."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from r1data.grid.build import Cell
from r1data.grid.funnel import Funnel, funnel
from r1data.grid.shards import read_shard
from r1data.release.figure import bars
from r1data.release.layout import FOLDERS, SHARD, labels
from r1data.release.rows import Inputs, kept, kept_ids
from r1data.release.terms import Terms, license_of, terms_of
from r1data.sources.catalogue import card_names, load_card

FIGURE = "composition.svg"
# How the presets did on 440 recorded GPT-3 answers to TabMWP, of which 265 are right.
MEASURED = {
    "canonical": "on 440 recorded answers to TabMWP, 265 of them right, it kept 265 right ones and "
    "no wrong one",
    "video-r1": "on 440 recorded answers to TabMWP, 265 of them right, it kept 136 right ones and "
    "no wrong one",
}
LIMITS = (
    "A right answer does not make a right thought: the rule judges the answer only.",
    "Truths are as good as their sources; where a source is wrong, a right teacher was dropped.",
    "Chains of thought carry the habits of the one teacher that wrote them.",
)

Row = tuple[str, str, str, Terms]
Counts = Mapping[str, int]
# {(config, source or "", split): [(path, rows)]}
Files = Mapping[tuple[str, str], Sequence[tuple[str, int]]]


def card_text(
    inputs: Sequence[Inputs], counts: Counts, features: Mapping[str, Any], cell: Cell
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
        "## Known limits\n\n" + limits_text(rows),
        "## Load it\n\n" + loading(rows, features),
        "## Build it again\n\n" + rebuilding(cell.options["recipe_yaml"]),
        "## Cite\n\n" + citation(cell, rows),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def composition(inputs: Sequence[Inputs]) -> Counter[Row]:
    """Count the released rows by source, kinds and terms."""
    counts: Counter[Row] = Counter()
    for each in inputs:
        table = kept(read_shard(each["samples"]), kept_ids(each))
        for row in table.select(["source", "data_type", "problem_type", "license"]).to_pylist():
            kinds = (row["source"], row["data_type"], row["problem_type"])
            counts[(*kinds, terms_of(row["license"]))] += 1
    return counts


def figure_text(inputs: Sequence[Inputs]) -> str:
    """Return the picture of the composition."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for (source, _, problem_type, _), count in composition(inputs).items():
        found[source][problem_type] += count
    return bars(found, labels()["problem_type"])


def metadata(
    rows: Counter[Row], counts: Counts, features: Mapping[str, Any], cell: Cell
) -> dict[str, Any]:
    """Return the YAML head that the Hub and `datasets` read."""
    configs: list[dict[str, Any]] = []
    infos: list[dict[str, Any]] = []
    for name, (config, source) in config_names(rows, features).items():
        files = files_of(counts, config, source)
        first = {"default": True} if not configs else {}
        data_files = [{"split": split, "path": path} for split, (path, _) in files.items()]
        configs.append({"config_name": name, **first, "data_files": data_files})
        splits = [split_info(split, each, cell) for split, (_, each) in files.items()]
        columns = features[config]._to_yaml_list()
        infos.append({"config_name": name, "features": columns, "splits": splits})
    return {
        "pretty_name": cell.options["name"],
        **license_of({row[3] for row in rows}).head(),
        "task_categories": ["visual-question-answering", "video-text-to-text"],
        "tags": ["chain-of-thought", "video-reasoning", "r1data"],
        "configs": configs,
        "dataset_info": infos,
    }


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


def split_info(split: str, files: Mapping[str, int], cell: Cell) -> dict[str, Any]:
    """Return the figures of a split that `datasets` reads."""
    size = sum((cell.folder / name).stat().st_size for name in files)
    return {"name": split, "num_bytes": size, "num_examples": sum(files.values())}


def opening(rows: Counter[Row], counts: Counts, cell: Cell) -> str:
    """Say what this is in a few lines."""
    total = sum(rows.values())
    config = next(config for config in FOLDERS if config in cell.options["configs"])
    sizes = {
        split: sum(each.values()) for split, (_, each) in files_of(counts, config, None).items()
    }
    splits = ", ".join(f"{split} {size:,}" for split, size in sizes.items())
    return (
        f"# {cell.options['name']}\n\n"
        f"{total:,} questions about pictures and clips, each with a chain of thought whose answer "
        f"a rule found right ({splits}). Made by r1data {cell.options['r1data_version']}; "
        f"recipe {cell.options['recipe'][:12]}."
    )


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


def teacher_text(inputs: Sequence[Inputs]) -> str:
    """Who was asked, how, which rule judged, and how often that rule errs."""
    teachers: Counter[tuple[str, str, str]] = Counter()
    rules: Counter[tuple[str, int]] = Counter()
    for each in inputs:
        asked = read_shard(each["responses"], columns=["model", "prompt_sha256", "params"])
        teachers.update((r["model"], r["prompt_sha256"], r["params"]) for r in asked.to_pylist())
        judged = read_shard(each["verdicts"], columns=["preset", "version"])
        rules.update((r["preset"], r["version"]) for r in judged.to_pylist())
    lines = [
        f"- {count:,} answers of `{model}`, prompt sha256 `{prompt}`, `{params}`"
        for (model, prompt, params), count in sorted(teachers.items())
    ]
    lines += [
        f"- judged by preset `{preset}` version {version}: {count:,} answers; {MEASURED[preset]}"
        for (preset, version), count in sorted(rules.items())
    ]
    return "\n".join(lines)


def terms_table(rows: Counter[Row]) -> str:
    """The terms of every source, as their owners state them."""
    found = sorted({(row[0], row[3]) for row in rows}, key=str)
    words = {True: "yes", False: "no", None: "not stated"}
    lines = [
        f"| {name} | {t.annotations} | {t.media} | {words[t.non_commercial]} | {stated_by(name)} |"
        for name, t in found
    ]
    head = ["| source | questions | media | non-commercial | stated by |", "|---|---|---|---|---|"]
    whole = license_of(terms for _, terms in found)
    name = whole.license_name or whole.license
    after = f"The whole: `{name}`, computed from its parts and never freer than the strictest."
    return "\n".join([*head, *lines]) + (
        f"\n\n{after} The chains of thought come under the teacher's terms."
    )


def stated_by(source: str) -> str:
    """Say who stated the terms of a source."""
    if source not in card_names():
        return "the recipe"
    return str(load_card(source).license.get("stated_by", "its card"))


def limits_text(rows: Counter[Row]) -> str:
    """What is known to be weak: of all releases, and of the sources in this one."""
    lines = [f"- {each}" for each in LIMITS]
    for source in sorted({row[0] for row in rows} & set(card_names())):
        lines += [f"- {source}: {trap}" for trap in load_card(source).traps]
    return "\n".join(lines)


def loading(rows: Counter[Row], features: Mapping[str, Any]) -> str:
    """How to load it."""
    names = config_names(rows, features)
    default = next(iter(names))
    lines = [f'data = datasets.load_dataset("PATH", split="train")   # {default}']
    if default == "frames":
        line = 'data[0]["frames"][0]   # a PIL picture; data[0]["frame_times"] holds its seconds'
        lines.append(line)
    lines += [f'datasets.load_dataset("PATH", "{name}")' for name in list(names)[1:]]
    return "```python\nimport datasets\n\n" + "\n".join(lines) + "\n```"


def rebuilding(recipe: str) -> str:
    """The recipe that made it: what was asked for, not where files lay or who was asked."""
    return (
        "Add where your files lie and `run.lanes`, then `r1data build recipe.yaml`:\n\n"
        f"```yaml\n{recipe.strip()}\n```"
    )


def citation(cell: Cell, rows: Counter[Row]) -> str:
    """How to name it, and whom to name with it."""
    pages = {load_card(name).homepage for name in {row[0] for row in rows} & set(card_names())}
    homes = ", ".join(sorted(pages - {""}))
    also = f" Cite its sources too: {homes}." if homes else " Cite its sources too."
    recipe = cell.options["recipe"][:12]
    return f"{cell.options['name']}, made with r1data, recipe {recipe}.{also}"
