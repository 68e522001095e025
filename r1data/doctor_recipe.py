"""r1data doctor RECIPE: are its sources here, and do its endpoints take what it will send?"""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from r1data.building import load_pipeline, media_folder
from r1data.doctor import Finding
from r1data.errors import R1DataError, UsageError
from r1data.grid.build import Stage
from r1data.media.web import endpoint, token_for
from r1data.outlook import serving, square
from r1data.plan import is_local, local_samples, pictures
from r1data.recipe import Recipe
from r1data.sources.catalogue import Source, load_source
from r1data.teacher.canary import Form, canary_key
from r1data.teacher.doctor import Asked
from r1data.teacher.doctor import examine as examine_lane
from r1data.teacher.lanes import read_lane
from r1data.teacher.requests import request_params
from r1data.teacher.stage import SECTIONS


def examine_recipe(recipe: Recipe) -> Iterator[Finding]:
    """Look at each source and at each endpoint; what is wrong with one hides no other."""
    sources = {name: load_source(name, entry) for name, entry in recipe.sources.items()}
    yield from map(source_finding, sources.values())
    try:
        form = form_of(recipe, sources)
    except R1DataError as problem:
        yield Finding("rows", "problem", str(problem))
        form = square(recipe, recipe.frames.count)
    stages = asking_stages(recipe)
    for stage in stages:
        if stage.name == "responses":
            yield Finding("serve", "note", serving(recipe, form))
    yield from endpoint_findings(recipe, stages, form)


def endpoint_problems(recipe: Recipe) -> list[str]:
    """Return what is wrong with the endpoints of a recipe; sends what the build will send."""
    sources = {name: load_source(name, entry) for name, entry in recipe.sources.items()}
    findings = endpoint_findings(recipe, asking_stages(recipe), form_of(recipe, sources))
    return [f"{each.name}: {each.seen}" for each in findings if each.state == "problem"]


def asking_stages(recipe: Recipe) -> list[Stage]:
    """Return the stages of a recipe that ask a model."""
    return [stage for stage in load_pipeline(recipe) if stage.needs.get("lane")]


def source_finding(source: Source) -> Finding:
    """Say where a source lies, and whether it can be had."""
    name = f"source {source.name}"
    if source.generated:
        return Finding(name, "ok", "is drawn here")
    if source.root is not None:
        missing = [path for path in source.questions if not path.exists()]
        if missing:
            return Finding(name, "problem", f"there is no file {missing[0]}")
        return Finding(name, "ok", f"lies at {source.root}")
    if source.card.license["gated"] and token_for(endpoint()) is None:
        return Finding(name, "problem", "is gated: ask its owner for access, then set HF_TOKEN")
    return Finding(name, "ok", fetching(source))


def fetching(source: Source) -> str:
    """Say what is fetched for a source, and what is free."""
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    size = f"{source.route.bytes / 1e9:.1f} GB" if source.route.bytes else "an unknown size"
    return f"is fetched from {source.route.repo or source.route.url}: {size}, {free:.1f} GB free"


def form_of(recipe: Recipe, sources: Mapping[str, Source]) -> Form:
    """Return the largest request about the rows that lie here; else about a clip."""
    count = recipe.frames.count
    if all(is_local(source) for source in sources.values()):
        rows, _ = local_samples(recipe, sources)
        count = max(
            (pictures(row, recipe) for row in rows if not row["drop_reason"]), default=count
        )
    return square(recipe, count)


def endpoint_findings(recipe: Recipe, stages: list[Stage], form: Form) -> Iterator[Finding]:
    """Try out each endpoint with what each stage will send to it; the same thing once."""
    tried: set[str] = set()
    for stage in stages:
        probes = stage.needs["lane"] == "probes"
        lanes = recipe.run.probe_lanes if probes else recipe.run.lanes
        if not lanes:
            yield Finding("endpoint", "problem", "none: add run.lanes: [{url: http://...}]")
            return
        for number, lane in enumerate(lanes):
            name = f"{'probe ' if probes else ''}endpoint {number}"
            asked = asked_by(recipe, stage, form)
            yield from try_lane(recipe, name, lane, number, asked, tried)


def asked_by(recipe: Recipe, stage: Stage, form: Form) -> Asked:
    """Return what a stage asks of its model."""
    section = SECTIONS.get(stage.name, "probes")
    options = stage.options
    few = {"blind": 0, "reworded": 0, "few_frame": options.get("frames", 1)}
    images = few.get(stage.name, form.images)
    budget = recipe.run.budget if section in ("teacher", "revise") else recipe.run.probe_budget
    size = Form(images, form.width, form.height)
    return Asked(options["model"], request_params(options), size, section, bool(budget))


def try_lane(
    recipe: Recipe,
    name: str,
    lane: Mapping[str, Any],
    number: int,
    asked: Asked,
    tried: set[str],
) -> Iterator[Finding]:
    """Try out one endpoint with one form, unless that was done."""
    if lane["url"] == "offline":
        if "offline" not in tried:
            yield Finding(name, "ok", "offline: served by r1data itself while a build runs")
        tried.add("offline")
        return
    try:
        read = read_lane(lane, number)
    except UsageError as problem:
        if str(problem) not in tried:
            yield Finding(name, "problem", str(problem))
        tried.add(str(problem))
        return
    key = canary_key(read.shown, read.media, asked.model, asked.params, asked.form.images)
    if key not in tried:
        tried.add(key)
        below = Path(media_folder(Path("builds") / recipe.name))
        for found in examine_lane(read, asked, below):
            yield Finding(name, found.state, f"{asked.section}: {found.what}")
