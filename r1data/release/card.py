"""README.md of a release: every figure in it is computed from the build's tables and notes."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from r1data.grid.build import Cell
from r1data.grid.funnel import Funnel, funnel
from r1data.grid.shards import read_shard
from r1data.release.figure import bars
from r1data.release.layout import FOLDERS, SHARD, known_values
from r1data.release.rows import Inputs, kept, kept_ids, row_counts
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
    "Truths are as good as their sources; where a source is wrong, a right answer counts as wrong.",
)
LIMITS_OF_CHAINS = (
    "A right answer does not make a right thought: the rule judges the answer only.",
    "Chains of thought carry the habits of the one teacher that wrote them.",
)

# Clips are decoded by torchcodec, a package of its own; whoever lacks it takes their bytes.
UNDECODED = (
    'clips = datasets.load_dataset("PATH", "video", split="train")   # decoded by torchcodec',
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
    rows, kinds = composition(inputs), kinds_of(inputs)
    head = yaml.safe_dump(metadata(rows, kinds, counts, features, cell), sort_keys=False)
    parts = [
        f"---\n{head}---\n",
        opening(rows, counts, kinds, cell),
        "## What is in it\n\n" + composition_table(rows),
        "## How it came to be\n\n" + funnel_table(funnel(cell.build)),
        "## Who was asked\n\n" + asked_text(inputs),
        "## Terms\n\n" + terms_table(rows),
        "## Known limits\n\n" + limits_text(rows, kinds),
        "## Load it\n\n" + loading(rows, features),
        "## Build it again\n\n" + rebuilding(rows, cell.options),
        "## Cite\n\n" + citation(cell, rows),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


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
        "task_categories": ["visual-question-answering", "video-text-to-text"],
        "tags": [
            *(["chain-of-thought"] if kinds.get("chain") else []),
            "video-reasoning",
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


def kinds_of(inputs: Sequence[Inputs]) -> Counter[str]:
    """Count the released questions by kind: chain, direct, question."""
    counts: Counter[str] = Counter()
    for each in inputs:
        counts.update(read_shard(each["selection"], columns=["kind"])["kind"].to_pylist())
    del counts[None]  # pyright: ignore[reportArgumentType]
    return counts


def opening(rows: Counter[Row], counts: Counts, kinds: Mapping[str, int], cell: Cell) -> str:
    """Say what this is in a few lines."""
    total = sum(rows.values())
    config = next(config for config in FOLDERS if config in cell.options["configs"])
    sizes = {
        split: sum(each.values()) for split, (_, each) in files_of(counts, config, None).items()
    }
    splits = ", ".join(f"{split} {size:,}" for split, size in sizes.items())
    questions = sum(kinds.values())
    told = [f"{questions:,} questions about pictures and clips"]
    if kinds.get("chain"):
        told.append("each with a chain of thought whose answer a rule found right")
    if kinds.get("direct"):
        told.append(f"but for {kinds['direct']:,} without one, since no chain was right")
    if kinds.get("question"):
        told.append("with their truths and without chains of thought")
    if questions < total:
        told.append(f"{total:,} rows, since a question may have several chains")
    return (
        f"# {cell.options['name']}\n\n{', '.join(told)} ({splits}). Made by "
        f"{maker(rows, cell.options)}."
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


def asked_text(inputs: Sequence[Inputs]) -> str:
    """Who was asked, how, which rule judged, how often it errs, and what the probes found."""
    teacher = teacher_lines(inputs) if "verdicts" in inputs[0] else []
    return "\n".join([*teacher, *probe_lines(inputs)]) or "Nobody: neither a teacher nor a probe."


def probe_lines(inputs: Sequence[Inputs]) -> list[str]:
    """What the probes found about the questions that are released."""
    right: Counter[tuple[str, str, int]] = Counter()
    asked: Counter[tuple[str, str, int]] = Counter()
    for each in inputs:
        for row in read_shard(each["selection"], columns=["kind", "probes"]).to_pylist():
            for probe in row["probes"] if row["kind"] else ():
                key = (probe["probe"], probe["model"], probe["n"])
                asked[key] += 1
                right[key] += probe["right"]
    return [
        f"- probe {probe}: `{model}`, {n} answers to each of {count:,} questions, "
        f"{right[probe, model, n] / (n * count):.0%} right"
        for (probe, model, n), count in sorted(asked.items())
    ]


def teacher_lines(inputs: Sequence[Inputs]) -> list[str]:
    """Who was asked, how, which rule judged, and how often that rule errs."""
    teachers: Counter[tuple[str, str, str]] = Counter()
    rules: Counter[tuple[str, int]] = Counter()
    for each in inputs:
        asked = {
            (r["id"], r["k"], r["request_sha256"]): (r["model"], r["prompt_sha256"], r["params"])
            for table in ("responses", "drafts")
            for r in (read_shard(each[table]).to_pylist() if table in each else ())
        }
        teachers.update(asked.values())
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
    return lines


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
        f"\n\n{after} Chains of thought, where there are any, come under the teacher's terms."
    )


def stated_by(source: str) -> str:
    """Say who stated the terms of a source."""
    if source not in card_names():
        return "the recipe"
    return str(load_card(source).license.get("stated_by", "its card"))


def limits_text(rows: Counter[Row], kinds: Mapping[str, int]) -> str:
    """What is known to be weak: of all releases, and of the sources in this one."""
    told = (*LIMITS, *LIMITS_OF_CHAINS) if kinds.get("chain") else LIMITS
    lines = [f"- {each}" for each in told]
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
    if "video" in features:
        lines += ["", *UNDECODED]
    return "```python\nimport datasets\n\n" + "\n".join(lines) + "\n```"


def rebuilding(rows: Counter[Row], options: Mapping[str, Any]) -> str:
    """The recipe that made it: what was asked for, not where files lay or who was asked."""
    made_by = hashes(rows, options).items()
    return (
        "Add where your files lie and `run.lanes`, then `r1data build recipe.yaml`:\n\n"
        f"```yaml\n{options['recipe_yaml'].strip()}\n```\n\n"
        "The column `recipe` of a row is the sha256 of what this recipe says of the row's source:"
        "\n\n" + "\n".join(f"- {source}: recipe {sha256}" for source, sha256 in made_by)
    )


def hashes(rows: Counter[Row], options: Mapping[str, Any]) -> dict[str, str]:
    """Return {source: what its rows have in the column `recipe`}."""
    return {name: options["row_recipes"][name] for name in sorted({row[0] for row in rows})}


def maker(rows: Counter[Row], options: Mapping[str, Any]) -> str:
    """Say what made it: the version, and the recipe's hash where all rows have the same."""
    made_by = list(hashes(rows, options).values())
    version = f"r1data {options['r1data_version']}"
    return f"{version}, recipe {made_by[0][:12]}" if len(made_by) == 1 else version


def citation(cell: Cell, rows: Counter[Row]) -> str:
    """How to name it, and whom to name with it."""
    pages = {load_card(name).homepage for name in {row[0] for row in rows} & set(card_names())}
    homes = ", ".join(sorted(pages - {""}))
    also = f" Cite its sources too: {homes}." if homes else " Cite its sources too."
    return f"{cell.options['name']}, made with {maker(rows, cell.options)}.{also}"
