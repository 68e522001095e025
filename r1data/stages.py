"""The stages that pipelines list: each takes a recipe and says what of it can change the result."""

from dataclasses import asdict
from typing import Any

from r1data.errors import RecipeError
from r1data.grid.build import Stage
from r1data.recipe import Recipe, Teacher, dump, without_places
from r1data.sources.catalogue import load_source


def samples(recipe: Recipe) -> Stage:
    """Questions from every source, in one form, chosen by the recipe's seed."""
    sources = {name: without_places(entry) for name, entry in recipe.sources.items()}
    cards = {name: load_source(name, entry).card for name, entry in recipe.sources.items()}
    return Stage(
        name="samples",
        room=1,
        run="r1data.sources.stage:collect_samples",
        outside="r1data.sources.stage:stamp_questions",
        options={
            "sources": sources,
            "questions": {name: card.questions for name, card in cards.items()},
            "seed": recipe.seed,
            "limit": recipe.limit,
            "refuse": list(recipe.licenses.get("refuse", ())),
        },
        texts={name: card.sha256 for name, card in cards.items()},
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
        run="r1data.frames.stage:sample_frames",
        options=asdict(recipe.frames),
        takes=("samples", "media"),
        gives="frames",
    )


def responses(recipe: Recipe) -> Stage:
    """The teacher's answers, n a sample."""
    from r1data.teacher.prompts import load_prompt

    teacher = required_teacher(recipe)
    asked = ("model", "prompt", "n", "temperature", "top_p", "max_tokens")
    return Stage(
        name="responses",
        room=6,
        run="r1data.teacher.stage:ask_teacher",
        options={key: getattr(teacher, key) for key in asked},
        texts={"prompt": load_prompt(teacher.prompt).sha256},
        takes=("samples", "frames"),
        gives="response",
        needs={"lane": "teacher"},
    )


def verdicts(recipe: Recipe) -> Stage:
    """Is each answer right, and by which rule."""
    from r1data.rewards import PRESETS

    options = asdict(recipe.verify)
    return Stage(
        name="verdicts",
        room=7,
        run="r1data.rewards.stage:judge_responses",
        options={**options, "preset_version": PRESETS[recipe.verify.preset].version},
        takes=("samples", "responses"),
        gives="verdict",
    )


def selection(recipe: Recipe) -> Stage:
    """Which samples stay, with which answer."""
    return Stage(
        name="selection",
        room=8,
        run="r1data.selection:select",
        options={**asdict(recipe.filter), "pass_rate": list(recipe.filter.pass_rate)},
        takes=("samples", "frames", "responses", "verdicts"),
        gives="selection",
    )


def release(recipe: Recipe) -> Stage:
    """Parquet shards that load_dataset reads, and the card that describes them."""
    from r1data import __version__

    options: dict[str, Any] = {
        "shard_mb": recipe.release.shard_mb,
        "splits": dict(recipe.release.splits),
        "name": recipe.name,
        "recipe": recipe.sha256,
        "recipe_yaml": dump(recipe.asked),
        "seed": recipe.seed,
        "r1data_version": __version__,
    }
    return Stage(
        name="release",
        room=9,
        run="r1data.release.stage:write_release",
        options=options,
        takes=("samples", "media", "frames", "responses", "verdicts", "selection"),
        gather=True,
    )


def required_teacher(recipe: Recipe) -> Teacher:
    """Return the recipe's teacher, or say that this pipeline needs one."""
    if recipe.teacher is None:
        message = f"the pipeline '{recipe.pipeline}' asks a teacher: add 'teacher:' with a model"
        raise RecipeError(message)
    return recipe.teacher
