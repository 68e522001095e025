"""How a build is run: its engine, its lanes, its share of both where it is one part of several."""

import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from r1data import building
from r1data.build_progress import watching
from r1data.errors import Interrupted, RecipeError
from r1data.grid import events
from r1data.grid.build import Stage
from r1data.grid.driver import Driver, Tally
from r1data.grid.engines import Engine
from r1data.grid.parts import WAIT_SECONDS, Part
from r1data.grid.room import auto_workers
from r1data.grid.stored import Keeper
from r1data.progress import tell_stopping
from r1data.recipe import Recipe
from r1data.teacher.lanes import CONCURRENCY


class Lanes(NamedTuple):
    """The endpoints of the teacher and of the probes' model."""

    teacher: list[dict[str, Any]]
    probes: list[dict[str, Any]]


def drive(
    recipe: Recipe,
    stages: list[Stage],
    folder: Path,
    reuse: list[str],
    part: Part | None = None,
    wait: float | None = None,
    keeper: Keeper | None = None,
) -> Tally:
    """Run the driver with its engine, its lanes and its progress bar."""
    told = building.settings_of
    with lanes_of(recipe, stages) as lanes:
        began = time.monotonic()
        engine = make_engine(recipe, stages)
        facts = {"name": recipe.run.engine, "slots": engine.slots}
        facts["seconds"] = round(time.monotonic() - began, 3)
        events.record(folder, "engine", part.name if part else "", **facts)
        if part:
            recipe, lanes = portion(recipe, part), Lanes(*(deal(each, part) for each in lanes))
        settings = told(recipe, folder, lanes.teacher, reuse, lanes.probes)
        patience = WAIT_SECONDS if wait is None else wait
        if any(stage.needs.get("lane") for stage in stages):
            from r1data.teacher.sharing import FOLDER, begin_run

            begin_run(folder / FOLDER / (part.name if part else ""))
        with watching(folder) as watch:
            watch = keeper.watched(watch) if keeper else watch
            address = keeper.store.address if keeper else ""
            driver = Driver(stages, folder, engine, settings, watch, part, patience, address)
            tally = run_until_done(driver, engine)
    if tally.stopped is not None:
        raise tally.stopped
    return tally


def portion(recipe: Recipe, part: Part) -> Recipe:
    """Give a part its equal share of the budgets: no part has to ask another what is left."""
    run = recipe.run
    shares = {name: share(getattr(run, name), part.of) for name in ("budget", "probe_budget")}
    return replace(recipe, run=replace(run, **shares))


def share(budget: Mapping[str, float] | None, of: int) -> dict[str, float] | None:
    """Divide a budget; tokens are whole."""
    if budget is None:
        return None
    return {unit: cap // of if unit == "tokens" else cap / of for unit, cap in budget.items()}


def deal(lanes: Sequence[Mapping[str, Any]], part: Part) -> list[dict[str, Any]]:
    """Give a part lanes of its own; where parts are more than lanes, they share a lane's limit."""
    if part.of <= len(lanes):
        return [dict(lane) for lane in lanes[part.number :: part.of]]
    if not lanes:
        return []
    number = part.number % len(lanes)
    sharing = len(range(number, part.of, len(lanes)))
    lane = dict(lanes[number])
    most = int(lane.get("concurrency") or CONCURRENCY)
    return [{**lane, "concurrency": max(1, most // sharing)}]


def run_until_done(driver: Driver, engine: Engine) -> Tally:
    """Run; Ctrl-C once finishes what is in flight, twice stops now."""
    stopped_now = True
    try:
        with interruptible(driver):
            tally = driver.run()
        stopped_now = False
        return tally
    except KeyboardInterrupt:
        raise Interrupted("stopped at once: run the same command again to go on") from None
    finally:
        engine.close(kill=stopped_now)


@contextmanager
def interruptible(driver: Driver) -> Iterator[None]:
    """Let the first Ctrl-C stop the driver gently; the second one raises KeyboardInterrupt.

    On a terminal the line of progress says so.
    """

    def gently(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        tell_stopping()
        driver.stop(Interrupted("stopped: run the same command again to go on"))

    try:
        before = signal.signal(signal.SIGINT, gently)
    except ValueError:  # not the main thread: its owner handles Ctrl-C
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def lanes_of(recipe: Recipe, stages: list[Stage]) -> Iterator[Lanes]:
    """Return the lanes; `url: offline` is served from this machine while the build runs."""
    lanes = Lanes(
        [dict(lane) for lane in recipe.run.lanes],
        [dict(lane) for lane in recipe.run.probe_lanes or recipe.run.lanes],
    )
    needed = {str(stage.needs["lane"]) for stage in stages if stage.needs.get("lane")}
    if "teacher" in needed and not lanes.teacher:
        raise RecipeError("the teacher has no lane: add run.lanes with a url, or 'url: offline'")
    asked = [lane for name in sorted(needed) for lane in getattr(lanes, name)]
    if all(lane["url"] != "offline" for lane in asked):
        yield lanes
        return
    from r1data.teacher.offline import serve

    with serve() as url:
        yield Lanes(*([served(lane, url) for lane in each] for each in lanes))


def served(lane: dict[str, Any], url: str) -> dict[str, Any]:
    """Let a lane to the offline teacher lead to where it listens."""
    return {**lane, "url": url, "offline": True} if lane["url"] == "offline" else lane


def make_engine(recipe: Recipe, stages: Sequence[Stage]) -> Engine:
    """Return the engine that the recipe names."""
    from r1data.grid.engines.inline import Inline
    from r1data.grid.engines.pool import Pool

    run = recipe.run
    if run.engine == "inline":
        return Inline()
    workers = None if run.workers == "auto" else int(run.workers)
    if run.engine == "ray":
        from r1data.grid.engines.ray import Ray

        alone = None if run.address else auto_workers(stages)
        return Ray(workers or alone, run.address)
    return Pool(workers or auto_workers(stages))
