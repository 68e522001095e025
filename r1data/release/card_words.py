"""What a card says in words: who was asked, under which terms, what is weak, how to cite it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from r1data.grid.build import Cell
from r1data.grid.shards import read_shard
from r1data.release.rows import Inputs
from r1data.release.terms import Terms, license_of
from r1data.rewards.error_rates import card_rates
from r1data.sources.catalogue import Source, load_source

LIMITS = (
    "Truths are as good as their sources; where a source is wrong, a right answer counts as wrong.",
)
LIMITS_OF_CHAINS = (
    "A right answer does not make a right thought: the rule judges the answer only.",
    "Chains of thought carry the habits of the model that wrote them.",
)
UNDER_TERMS = "The chains of thought come under the terms of the model that wrote them."

Row = tuple[str, str, str, Terms]
Recipe = Mapping[str, Any]


def sources_of(rows: Counter[Row], cell: Cell) -> dict[str, Source]:
    """Return the sources of the released rows as the recipe has them."""
    entries = cell.settings["entries"]
    return {name: load_source(name, entries[name]) for name in sorted({row[0] for row in rows})}


def opening(
    rows: Counter[Row], splits: Mapping[str, int], kinds: Mapping[str, int], options: Recipe
) -> str:
    """Say what this is in a few lines."""
    total, questions = sum(rows.values()), sum(kinds.values())
    sizes = ", ".join(f"{split} {size:,}" for split, size in splits.items())
    index = list(options["configs"]) == ["index-only"]
    first = "an index, without their words, truths and frames, of " if index else ""
    told = [f"{first}{questions:,} questions about {media_text(rows)}"]
    told += [] if index and not kinds.get("chain") else kinds_text(kinds)
    if questions < total:
        told.append(f"{total:,} rows, since a question may have several chains")
    return f"# {options['name']}\n\n{', '.join(told)} ({sizes}). Made by {maker(rows, options)}."


def media_text(rows: Counter[Row]) -> str:
    """Say what the questions are about."""
    kinds = {row[1] for row in rows}
    if kinds == {"image"}:
        return "images"
    return "videos" if kinds == {"video"} else "images and videos"


def kinds_text(kinds: Mapping[str, int]) -> list[str]:
    """Say which questions have a chain of thought, and which have none."""
    chains, direct, bare = (kinds.get(name, 0) for name in ("chain", "direct", "question"))
    with_chain = "with a chain of thought whose answer a rule found right"
    if chains and not direct:
        return [f"each {with_chain}"]
    if chains:
        return [
            f"{chains:,} of them {with_chain}",
            f"{direct:,} with their truth alone, since no chain was right",
        ]
    return ["with their truths and without chains of thought"] if direct or bare else []


def asked_text(inputs: Sequence[Inputs], recipe: Recipe) -> str:
    """Who was asked, how, which rule judged, how often it errs, and what the probes found."""
    rules = rules_of(inputs) if "verdicts" in inputs[0] else Counter[tuple[str, int]]()
    teacher = teacher_lines(inputs, rules) if rules else []
    lines = [*teacher, *other_lines(recipe), *probe_lines(inputs)]
    rates = (card_rates(*rule) for rule in sorted(rules))
    return "\n\n".join(filter(None, ["\n".join(lines), *rates])) or "No model was queried."


def rules_of(inputs: Sequence[Inputs]) -> Counter[tuple[str, int]]:
    """Count the judged answers by preset and its version."""
    rules: Counter[tuple[str, int]] = Counter()
    for each in inputs:
        judged = read_shard(each["verdicts"], columns=["preset", "version", "right"]).to_pylist()
        rules.update((row["preset"], row["version"]) for row in judged if row["right"] is not None)
    return rules


def other_lines(recipe: Recipe) -> list[str]:
    """Who was asked about something else than a question's answer."""
    lines: list[str] = []
    if recipe.get("filter", {}).get("choose") == "judge":
        model = recipe["judge"]["model"]
        lines.append(f"- `{model}` was to say which of several right chains reasons best")
    probes, screen = recipe.get("probes"), recipe.get("screen") or {"duplicates": False}
    reworded = probes is not None and probes.get("reworded", {"n": 1})["n"] > 0
    if probes and reworded and screen.get("duplicates", True):
        lines.append(
            f"- `{probes['model']}` was to say which questions ask the same in other words"
        )
    return lines


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
        f"- probe {probe}: `{model}`, {n} answers to each of {count:,} released questions, "
        f"{right[probe, model, n] / (n * count):.0%} right"
        for (probe, model, n), count in sorted(asked.items())
    ]


def teacher_lines(inputs: Sequence[Inputs], rules: Counter[tuple[str, int]]) -> list[str]:
    """Who was asked, how, and which rule judged."""
    asked: Counter[tuple[str, str, str]] = Counter()
    given: Counter[tuple[str, str, str]] = Counter()
    columns = ["id", "k", "request_sha256", "model", "prompt_sha256", "params", "fault"]
    for each in inputs:
        tables = [read_shard(each[t], columns) for t in ("responses", "drafts") if t in each]
        rows = {
            (row["id"], row["k"], row["request_sha256"]): row
            for table in tables
            for row in table.to_pylist()
        }
        for row in rows.values():
            who = (row["model"], row["prompt_sha256"], row["params"])
            asked[who] += 1
            given[who] += row["fault"] is None
    lines = [
        f"- {given[who]:,} answers of `{who[0]}`{failed_text(count - given[who])}, "
        f"prompt sha256 `{who[1]}`, `{who[2]}`"
        for who, count in sorted(asked.items())
    ]
    lines += [
        f"- judged by preset `{preset}` version {version}: {count:,} answers"
        for (preset, version), count in sorted(rules.items())
    ]
    return lines


def failed_text(count: int) -> str:
    """Say how many requests brought no answer."""
    return f" ({count:,} requests brought none)" if count else ""


def terms_table(rows: Counter[Row], sources: Mapping[str, Source], kinds: Mapping[str, int]) -> str:
    """The terms of every source, as their owners state them."""
    found = sorted({(row[0], row[3]) for row in rows}, key=str)
    words = {True: "yes", False: "no", None: "not stated"}
    lines = [
        f"| {name} | {t.annotations} | {t.media} | {words[t.non_commercial]} "
        f"| {stated_by(sources[name])} |"
        for name, t in found
    ]
    head = ["| source | questions | media | non-commercial | stated by |", "|---|---|---|---|---|"]
    whole = license_of(terms for _, terms in found)
    name = whole.license_name or whole.license
    after = f"The whole: `{name}`, computed from its parts and never freer than the strictest."
    chains = f" {UNDER_TERMS}" if kinds.get("chain") else ""
    return "\n".join([*head, *lines]) + f"\n\n{after}{chains}"


def stated_by(source: Source) -> str:
    """Say who stated the terms of a source: as its recipe or its definition says it."""
    told = str(source.card.license.get("stated_by", "the recipe"))
    return told.partition("; set sources.")[0]  # advice that is for whoever builds


def limits_text(sources: Mapping[str, Source], kinds: Mapping[str, int]) -> str:
    """What is known to be weak: of all releases, and of the sources in this one."""
    told = (*LIMITS, *LIMITS_OF_CHAINS) if kinds.get("chain") else LIMITS
    lines = [f"- {each}" for each in told]
    lines += [f"- {name}: {trap}" for name, source in sources.items() for trap in source.card.traps]
    return "\n".join(lines)


def rebuilding(rows: Counter[Row], sources: Mapping[str, Source], options: Recipe) -> str:
    """The recipe that made it: what was asked for, not where files lay or who was asked."""
    recipe = yaml.safe_load(options["recipe_yaml"])
    needs = [
        *(["where your files lie"] if any(each.root for each in sources.values()) else []),
        *(["`run.lanes`"] if {"teacher", "probes", "judge"} & recipe.keys() else []),
    ]
    first = f"Add {' and '.join(needs)}, then `" if needs else "`"
    made_by = hashes(rows, options).items()
    return (
        f"{first}r1data build recipe.yaml`:\n\n"
        f"```yaml\n{options['recipe_yaml'].strip()}\n```\n\n"
        "The column `recipe` of a row is the sha256 of what this recipe says of the row's source:"
        "\n\n" + "\n".join(f"- {source}: recipe {sha256}" for source, sha256 in made_by)
    )


def hashes(rows: Counter[Row], options: Recipe) -> dict[str, str]:
    """Return {source: what its rows have in the column `recipe`}."""
    return {name: options["row_recipes"][name] for name in sorted({row[0] for row in rows})}


def maker(rows: Counter[Row], options: Recipe) -> str:
    """Say what made it: the version, and the recipe's hash where all rows have the same."""
    made_by = list(hashes(rows, options).values())
    version = f"r1data {options['r1data_version']}"
    return f"{version}, recipe {made_by[0][:12]}" if len(made_by) == 1 else version


def citation(rows: Counter[Row], sources: Mapping[str, Source], options: Recipe) -> str:
    """How to name it, and whom to name with it."""
    told = f"{options['name']}, made with {maker(rows, options)}."
    given = [source for source in sources.values() if not source.generated]
    homes = ", ".join(sorted({each.card.homepage for each in given} - {""}))
    if not given:
        return told
    return f"{told} Cite its sources too{f': {homes}' if homes else ''}."
