"""The stages that choose: which rows stay, with which answers, and how many of each kind."""

from dataclasses import asdict, fields
from typing import Any

from r1data.errors import RecipeError
from r1data.grid.build import Stage
from r1data.order import answers, probe_lane, probe_names, standing
from r1data.recipe import Recipe
from r1data.sections import Filter
from r1data.selection.reviewed import read_bad

# As many as of the teacher: see r1data/stages.py.
JUDGE_CELLS = 3
# What `filter:` may say where there are no answers of a teacher to filter.
OF_PROBES = frozenset({"blind", "few_frame", "shuffled", "order_gain", "student_rate", "reviews"})


def selection(recipe: Recipe) -> Stage:
    """Which samples stay, with which answers."""
    refuse_filters_without_probe(recipe)
    judges = recipe.filter.choose == "judge"
    if judges and recipe.judge is None:
        raise RecipeError("filter.choose: judge needs a model that judges: add judge: {model: ...}")
    return Stage(
        name="selection",
        room=8,
        run="r1data.selection:select",
        options=filter_options(recipe),
        takes=(
            *("samples", standing(recipe), answers(recipe), "verdicts", *probe_names(recipe)),
            *(["preferences"] if judges else []),
        ),
        gives="selection",
    )


def questions(recipe: Recipe) -> Stage:
    """Which samples stay where no teacher is asked: probes alone decide."""
    refuse_filters_without_probe(recipe)
    for entry in fields(Filter):
        if entry.name not in OF_PROBES and getattr(recipe.filter, entry.name) != entry.default:
            raise RecipeError(
                f"filter.{entry.name} is about a teacher's answers, and the pipeline "
                f"'{recipe.pipeline}' asks none; filter.student_rate is the band of its probe"
            )
    return Stage(
        name="selection",
        room=8,
        run="r1data.selection:select_questions",
        options=filter_options(recipe),
        takes=("samples", standing(recipe), *probe_names(recipe)),
        gives="selection",
    )


def filter_options(recipe: Recipe) -> dict[str, Any]:
    """What of the recipe decides which rows stay."""
    from r1data.release.takedown import read_list

    options = {**asdict(recipe.filter), "pass_rate": list(recipe.filter.pass_rate)}
    # what the file says, not where it lies; nothing where there is none, as before it was known
    if options.pop("reviews") is not None:
        options["reviews"] = read_bad(str(recipe.filter.reviews))
    if recipe.release.take_down is not None:
        options["take_down"] = read_list(recipe.release.take_down)
    return options


def preferences(recipe: Recipe) -> list[Stage]:
    """Which of several right answers a judge prefers; no stage where there is no `judge:`."""
    from r1data.teacher.prompts import load_prompt

    if recipe.judge is None:
        return []
    asked = ("model", "prompt", "temperature", "top_p", "max_tokens", "params")
    stage = Stage(
        name="preferences",
        room=7,
        run="r1data.selection.judge:judge_chains",
        options={**{key: getattr(recipe.judge, key) for key in asked}, "seed": recipe.seed},
        texts={"prompt": load_prompt(recipe.judge.prompt, revises=True).sha256},
        takes=("samples", "frames", answers(recipe), "verdicts"),
        gives="preference",
        needs={"lane": probe_lane(recipe), "cells": JUDGE_CELLS},
    )
    return [stage]


def balance(recipe: Recipe) -> list[Stage]:
    """How many rows of each kind; no stage where the recipe has no `balance:`."""
    from r1data.sources.catalogue import load_source

    if recipe.balance is None:
        return []
    groups = {
        name: load_source(name, entry).card.group or "" for name, entry in recipe.sources.items()
    }
    stage = Stage(
        name="balance",
        room=8,
        run="r1data.selection.balance:balance_rows",
        options={**asdict(recipe.balance), "groups": groups, "seed": recipe.seed},
        takes=("samples", "frames", "selection"),
        gives="selection",
        gather=True,
    )
    return [stage]


def refuse_filters_without_probe(recipe: Recipe) -> None:
    """Say which probe a filter of the recipe needs and the recipe does not ask for."""
    needed = {
        "blind": ("blind",),
        "few_frame": ("few_frame",),
        "shuffled": ("shuffled",),
        "order_gain": ("shuffled", "pass_rate"),
        "student_rate": ("pass_rate",),
    }
    there = probe_names(recipe)
    for key, names in needed.items():
        lacking = [name for name in names if name not in there]
        if getattr(recipe.filter, key) is not None and lacking:
            raise RecipeError(f"filter.{key} needs the probe '{lacking[0]}': add it to probes:")
