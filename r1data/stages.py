"""The stages that pipelines list: each takes a recipe and says what of it can change the result."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from r1data.errors import RecipeError
from r1data.grid.build import Stage
from r1data.order import answers, chosen, compares, probe_lane, probe_names, standing
from r1data.recipe import Recipe, Teacher, dump, without_places
from r1data.sources.catalogue import load_source
from r1data.stages_choosing import balance as balance
from r1data.stages_choosing import preferences as preferences
from r1data.stages_choosing import questions as questions
from r1data.stages_choosing import selection as selection

# While the last answers of one shard come home, the next shards fill the endpoint: figures in
# docs/teacher.md.
ASKING_CELLS = 3
# A batch may take a day, and a cell that waits for one costs nothing but about 100 MB.
BATCH_CELLS = 8


def samples(recipe: Recipe) -> Stage:
    """Questions from every source, in one form, chosen by the recipe's seed."""
    sources = {name: without_places(entry) for name, entry in recipe.sources.items()}
    found = {name: load_source(name, entry) for name, entry in recipe.sources.items()}
    return Stage(
        name="samples",
        room=1,
        version=2,
        run="r1data.sources.stage:collect_samples",
        outside="r1data.sources.stage:stamp_questions",
        options={
            "sources": sources,
            "questions": {name: list(each.route.questions) for name, each in found.items()},
            "seed": recipe.seed,
            "limit": recipe.limit,
            "refuse": list(recipe.licenses.get("refuse", ())),
            **({"even_letters": True} if recipe.balance and recipe.balance.even_letters else {}),
            **({"symbols": True} if recipe.verify.preset == "canonical-math" else {}),
        },
        texts={name: each.card.sha256 for name, each in found.items()},
        gives="sample",
        gather=True,
    )


def media(recipe: Recipe) -> Stage:
    """The files that the chosen samples need, found and hashed."""
    return Stage(
        name="media",
        room=2,
        run="r1data.media.stage:find_media",
        outside="r1data.media.stage:stamp_media",
        takes=("samples",),
        gives="media",
    )


def frames(recipe: Recipe) -> Stage:
    """Frames as JPEG with their times."""
    return Stage(
        name="frames",
        room=3,
        version=2,
        run="r1data.frames.stage:sample_frames",
        options={k: v for k, v in asdict(recipe.frames).items() if v is not None},
        takes=("samples", "media"),
        gives="frames",
    )


def screen(recipe: Recipe) -> list[Stage]:
    """Duplicates and leaks into benchmarks; no stage where the recipe has no `screen:`."""
    if recipe.screen is None:
        return []
    from r1data.screen.against import released_digest
    from r1data.screen.index import index_sha256

    names, against = list(recipe.screen.decontaminate), list(recipe.screen.against)
    texts = {name: index_sha256(name) for name in names}
    texts |= {f"against {build}": released_digest(build) for build in against}
    if against and not recipe.screen.duplicates:
        raise RecipeError("screen.against says whose duplicates fall: add duplicates: true")
    stage = Stage(
        name="screen",
        room=4,
        version=7,
        run="r1data.screen.stage:screen_samples",
        options={
            "duplicates": recipe.screen.duplicates,
            "decontaminate": names,
            "against": against,
        },
        texts=texts,
        takes=("samples", "media", "frames"),
        gives="screen",
        gather=True,
    )
    return [stage]


def reworded(recipe: Recipe) -> list[Stage]:
    """Duplicates in other words, where duplicates are looked for and there is a model to ask."""
    from r1data.teacher.prompts import load_prompt

    asked = recipe.raw.get("probes", {}).get("reworded", {"n": 0})["n"] > 0
    if asked and not (recipe.screen and recipe.screen.duplicates):
        raise RecipeError(
            "probes.reworded looks closer at what screening for duplicates leaves open: "
            "add screen: {duplicates: true}"
        )
    if not compares(recipe):
        return []
    shared = ("model", "temperature", "top_p", "max_tokens", "params")
    options = {key: getattr(recipe.probes, key) for key in shared}
    stage = Stage(
        name="reworded",
        room=4,
        run="r1data.probes.reworded:find_reworded",
        options={
            **options,
            **asked_of(recipe, "reworded"),
            "prompt": "reworded",
            "seed": recipe.seed,
        },
        texts={"prompt": load_prompt("reworded", revises=True).sha256},
        takes=("samples", "screen"),
        gives="reworded",
        gather=True,
        needs={"lane": probe_lane(recipe), "cells": 1},
    )
    return [stage]


def probes(recipe: Recipe) -> list[Stage]:
    """One stage a probe, cheapest first; none where the recipe has no `probes:`."""
    from r1data.teacher.prompts import load_prompt

    if recipe.probes is None:
        return []
    shared = ("model", "prompt", "temperature", "top_p", "max_tokens", "params")
    options = {key: getattr(recipe.probes, key) for key in shared}
    options |= verify_options(recipe)
    return [
        Stage(
            name=name,
            room=5,
            version=3,
            run="r1data.probes.stage:probe_samples",
            options={**options, **asked_of(recipe, name), "probe": name, "seed": recipe.seed},
            texts={"prompt": load_prompt(recipe.probes.prompt).sha256},
            takes=probe_takes(name, standing(recipe, before=name)),
            gives="probe",
            needs={"lane": probe_lane(recipe), "cells": ASKING_CELLS},
        )
        for name in probe_names(recipe)
    ]


def probe_takes(name: str, before: str) -> tuple[str, ...]:
    """Return the tables of a probe; the blind one does not wait for pictures to be read."""
    needed = ("samples", before) if name == "blind" else ("samples", "frames", before)
    return tuple(dict.fromkeys(needed))


def asked_of(recipe: Recipe, name: str) -> dict[str, Any]:
    """Return what the recipe says of one probe."""
    return dict(getattr(recipe.probes, name))


def responses(recipe: Recipe) -> Stage:
    """The teacher's answers, n a sample."""
    from r1data.teacher.prompts import load_prompt

    teacher = required_teacher(recipe)
    asked = ("model", "prompt", "n", "temperature", "top_p", "max_tokens", "params")
    options = {key: getattr(teacher, key) for key in asked}
    if isinstance(teacher.n, Mapping):
        check_rounds(teacher.n, recipe)
        options["verify"] = verify_options(recipe)
    live = max(ASKING_CELLS, len(recipe.run.lanes))
    cells = BATCH_CELLS if recipe.run.mode == "batch" else live
    return Stage(
        name="responses",
        room=6,
        run="r1data.teacher.stage:ask_teacher",
        options=options,
        texts={"prompt": load_prompt(teacher.prompt).sha256},
        takes=tuple(dict.fromkeys(("samples", "frames", standing(recipe)))),
        gives="response",
        needs={"lane": "teacher", "cells": cells},
    )


def revised(recipe: Recipe) -> list[Stage]:
    """A second look at each chain; no stage where the recipe has no `revise:`."""
    from r1data.teacher.prompts import load_prompt

    if recipe.revise is None:
        return []
    asked = ("prompt", "temperature", "top_p", "max_tokens", "params")
    options = {key: getattr(recipe.revise, key) for key in asked}
    stage = Stage(
        name="revised",
        room=6,
        run="r1data.teacher.revise:revise_responses",
        options={**options, "model": recipe.revise.model or required_teacher(recipe).model},
        texts={"prompt": load_prompt(recipe.revise.prompt, revises=True).sha256},
        takes=("samples", "frames", "responses"),
        gives="response",
        needs=responses(recipe).needs,
    )
    return [stage]


def revise_prices(recipe: Recipe) -> Mapping[str, float] | None:
    """Return what a revision costs: its own prices, the teacher's where the model is the same."""
    revise, teacher = recipe.revise, required_teacher(recipe)
    if revise is None or revise.prices is not None:
        return revise.prices if revise else None
    if revise.model in (None, teacher.model):
        return teacher.prices
    if recipe.run.budget and "usd" in recipe.run.budget:
        raise RecipeError(
            f"run.budget.usd needs the price of the model '{revise.model}': add revise.prices: "
            "{input: ..., output: ...}, in US dollars for 1M tokens"
        )
    return None


def check_rounds(n: Mapping[str, int], recipe: Recipe) -> None:
    """Two rounds ask hard questions more often, so the shares of right answers do not compare."""
    if n["first"] > n["most"]:
        raise RecipeError(f"teacher.n.first is {n['first']}, above teacher.n.most, {n['most']}")
    if tuple(recipe.filter.pass_rate) != (0, 1):
        raise RecipeError(
            "filter.pass_rate needs the same number of answers to every question: "
            f"write teacher.n: {n['most']}"
        )


def verify_options(recipe: Recipe) -> dict[str, Any]:
    """How answers are judged, with the version of the rules."""
    from r1data.rewards import PRESETS

    version = PRESETS[recipe.verify.preset].version
    return {**asdict(recipe.verify), "preset_version": version}


def verdicts(recipe: Recipe) -> Stage:
    """Is each answer right, and by which rule."""
    return Stage(
        name="verdicts",
        room=7,
        run="r1data.rewards.stage:judge_responses",
        options=verify_options(recipe),
        takes=("samples", answers(recipe)),
        gives="verdict",
    )


def release(recipe: Recipe, chains: bool = True) -> Stage:
    """Parquet shards that load_dataset reads, and the card that describes them.

    Without `chains` no teacher was asked, and the rows hold questions and truths alone.
    """
    from r1data import __version__
    from r1data.release.made_by import ROWS_SINCE, row_recipes

    tables = release_tables(recipe, chains)
    options: dict[str, Any] = {
        "tables": list(tables),
        "configs": list(recipe.release.configs),
        "shard_mb": recipe.release.shard_mb,
        "splits": dict(recipe.release.splits),
        "name": recipe.name,
        "recipe_yaml": dump(recipe.asked),
        "seed": recipe.seed,
        "r1data_version": __version__,
        "row_recipes": row_recipes(recipe.asked),
        "rows_since": ROWS_SINCE,
    }
    return Stage(
        name="release",
        room=9,
        run="r1data.release.stage:write_release",
        options=options,
        takes=tuple(tables.values()),
        gather=True,
    )


def required_teacher(recipe: Recipe) -> Teacher:
    """Return the recipe's teacher, or say that this pipeline needs one."""
    if recipe.teacher is None:
        message = f"the pipeline '{recipe.pipeline}' asks a teacher: add 'teacher:' with a model"
        raise RecipeError(message)
    return recipe.teacher


def release_tables(recipe: Recipe, chains: bool) -> dict[str, str]:
    """Return what a release is put together from: table -> the stage that makes it."""
    found = {name: name for name in ("samples", "media", "frames")}
    if chains:
        found |= {"responses": answers(recipe), "verdicts": "verdicts"}
    found["selection"] = chosen(recipe)
    if chains and recipe.revise:
        found["drafts"] = "responses"
    return found
