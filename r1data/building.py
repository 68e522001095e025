"""From a recipe to a finished build folder, and what can be asked of one."""

import importlib.util
import json
import os
import platform
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from r1data import __version__
from r1data.errors import Interrupted, R1DataError, RecipeError, UsageError
from r1data.grid import events
from r1data.grid.build import Stage
from r1data.grid.driver import Driver, Tally
from r1data.grid.engines import Engine
from r1data.grid.funnel import Funnel, funnel
from r1data.grid.shards import digest_of, sweep, write_text
from r1data.places import place
from r1data.progress import watching
from r1data.recipe import Recipe, dump, load_recipe
from r1data.stages import probe_names

if TYPE_CHECKING:
    import polars as pl

VERSIONED = ("av", "datasets", "numpy", "openai", "opencv-python-headless", "polars", "pyarrow")
# More than eight decoding processes wait for the disk on the machines that we measured.
MOST_WORKERS = 8


@dataclass(frozen=True)
class Build:
    """One run's folder."""

    path: Path
    tally: Tally | None = None

    @property
    def release(self) -> Path:
        """The folder that datasets.load_dataset reads."""
        return self.path / "9.release"

    def funnel(self) -> "pl.DataFrame":
        """Rows by stage and reason: collected, what fell out, what is left."""
        import polars as pl

        found = self.counts()
        rows = [("samples", "collected", found.collected), *found.steps]
        return pl.DataFrame(
            [*rows, ("release", "left", found.left)],
            schema={"stage": pl.String, "reason": pl.String, "rows": pl.Int64},
            orient="row",
        )

    def counts(self) -> Funnel:
        """The funnel as plain numbers."""
        return funnel(self.path)

    def table(self, stage: str) -> "pl.LazyFrame":
        """All shards of one stage's table, or of the release, as a polars LazyFrame."""
        import polars as pl

        from r1data.release.layout import scan

        if stage == "release":
            return scan(self.release)
        folders = [path for path in self.path.glob(f"[0-9].{stage}") if path.is_dir()]
        if not folders:
            raise UsageError(f"{self.path} has no table '{stage}'")
        return pl.scan_parquet(folders[0] / "*.parquet")


def open_build(path: str | Path) -> Build:
    """Open the folder of a build. Raises UsageError where it is none."""
    folder = Path(path)
    if not (folder / "recipe.yaml").is_file():
        raise UsageError(f"{folder} is no build: it holds no recipe.yaml")
    return Build(folder)


def build(
    recipe: str | Path | Recipe,
    *,
    out: str | Path | None = None,
    engine: str | None = None,
    workers: int | None = None,
    limit: int | None = None,
    until: str | None = None,
    overrides: Sequence[str] = (),
    reuse: Sequence[str | Path] = (),
) -> Build:
    """Run or resume a build: make every cell whose note is missing or stale.

    `out` is the build's folder (default: builds/NAME); answers that the builds in `reuse` paid for
    are not asked for again. Raises what stopped the build; cells that were set aside stand in
    `Build.tally`.
    """
    if not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe, overrides, limit)
    recipe = replace(recipe, run=replace(recipe.run, **given(engine=engine, workers=workers)))
    folder = Path(out) if out else Path("builds") / recipe.name
    stages = until_stage(load_pipeline(recipe), until)
    with events.locked(folder):
        sweep(folder)
        freeze(recipe, folder)
        return Build(folder, drive(recipe, stages, folder, [str(each) for each in reuse]))


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given."""
    return {key: value for key, value in options.items() if value is not None}


def load_pipeline(recipe: Recipe) -> list[Stage]:
    """Return the stages of the recipe's pipeline, a file in pipelines/."""
    path = place("pipelines") / f"{recipe.pipeline}.py"
    if not path.is_file():
        names = sorted(each.stem for each in place("pipelines").glob("*.py"))
        raise RecipeError(f"no pipeline '{recipe.pipeline}'; there are: {', '.join(names)}")
    spec = importlib.util.spec_from_file_location(f"r1data_pipeline_{recipe.pipeline}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pipeline(recipe)


# Several stages may share a room; its name means the last of them.
ROOMS = {5: "probes"}


def until_stage(stages: list[Stage], until: str | None) -> list[Stage]:
    """Cut a pipeline after the stage `until`, or after the last stage of that room."""
    if until is None:
        return stages
    ends = [i for i, stage in enumerate(stages) if until in (stage.name, ROOMS.get(stage.room))]
    if not ends:
        names = ", ".join(stage.name for stage in stages)
        raise UsageError(f"the pipeline has no stage '{until}'; it has: {names}")
    return stages[: ends[-1] + 1]


def freeze(recipe: Recipe, folder: Path) -> None:
    """Write the frozen recipe and the versions that the build runs with."""
    write_text(folder / "recipe.yaml", dump(recipe.raw))
    facts = {
        "name": recipe.name,
        "recipe_sha256": recipe.sha256,
        "seed": recipe.seed,
        "limit": recipe.limit,
        "r1data": __version__,
        "python": platform.python_version(),
        "host": platform.node(),
        "system": platform.platform(),
        "packages": {name: installed(name) for name in VERSIONED},
    }
    write_text(folder / "build.json", json.dumps(facts, indent=1) + "\n")


def installed(package: str) -> str | None:
    """Return the version of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


class Lanes(NamedTuple):
    """The endpoints of the teacher and of the probes' model."""

    teacher: list[dict[str, Any]]
    probes: list[dict[str, Any]]


def drive(recipe: Recipe, stages: list[Stage], folder: Path, reuse: list[str]) -> Tally:
    """Run the driver with its engine, its lanes and its progress bar."""
    with lanes_of(recipe, stages) as lanes:
        engine = make_engine(recipe)
        settings = settings_of(recipe, folder, lanes.teacher, reuse, lanes.probes)
        with watching(folder) as watch:
            driver = Driver(stages, folder, engine, settings, watch)
            tally = run_until_done(driver, engine)
    if tally.stopped is not None:
        raise tally.stopped
    return tally


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
    """Let the first Ctrl-C stop the driver gently; the second one raises KeyboardInterrupt."""

    def gently(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.stderr.write("\nfinishing what is in flight; Ctrl-C again stops now\n")
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
    return {**lane, "url": url} if lane["url"] == "offline" else lane


def make_engine(recipe: Recipe) -> Engine:
    """Return the engine that the recipe names."""
    from r1data.grid.engines.inline import Inline
    from r1data.grid.engines.pool import Pool

    if recipe.run.engine == "inline":
        return Inline()
    if recipe.run.engine != "pool":
        raise UsageError(f"no engine '{recipe.run.engine}'; there are: inline, pool")
    return Pool(recipe.run.workers or min(MOST_WORKERS, os.cpu_count() or 1))


def settings_of(
    recipe: Recipe,
    folder: Path,
    lanes: Sequence[Mapping[str, Any]],
    reuse: Sequence[str] = (),
    probe_lanes: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Mapping[str, Any]]:
    """Return what the cells of each stage are told of how: places, lanes, budget."""
    entries = {name: dict(entry) for name, entry in recipe.sources.items()}
    files = {"entries": entries, "media": media_folder(folder), "seed": recipe.seed}
    how = {"reuse": list(reuse), "mode": recipe.run.mode}
    teacher: dict[str, Any] = {"lanes": list(lanes), **how}
    if recipe.run.budget is not None:
        teacher["budget"] = dict(recipe.run.budget)
    if recipe.teacher is not None and recipe.teacher.prices is not None:
        teacher["prices"] = dict(recipe.teacher.prices)
    probe: dict[str, Any] = {"lanes": list(probe_lanes), "reuse": list(reuse)}
    if recipe.run.probe_budget is not None:
        probe["budget"] = dict(recipe.run.probe_budget)
    if recipe.probes is not None and recipe.probes.prices is not None:
        probe["prices"] = dict(recipe.probes.prices)
    asking = {"responses": teacher, **dict.fromkeys(probe_names(recipe), probe)}
    return {"samples": files, "media": files, "frames": files, **asking}


def media_folder(folder: Path) -> str:
    """Return the media folder that builds share: beside builds/, else inside a lone build."""
    shared = folder.parent.name == "builds"
    return str((folder.parent.parent if shared else folder) / "media")


def release_digest(path: Path) -> str:
    """Return one digest over every file of a release, for comparing builds."""
    from r1data.grid.shards import file_sha256

    files = sorted(each for each in path.rglob("*") if each.is_file() and each.suffix != ".json")
    return digest_of([[str(each.relative_to(path)), file_sha256(each)] for each in files])


def failed_softly(tally: Tally, counts: Funnel, allowed: float) -> R1DataError | None:
    """Return why a finished build is not all that was asked for: exit code 3."""
    from r1data.errors import ShardFault

    if tally.set_aside:
        first = tally.set_aside[0]
        return ShardFault(
            f"{len(tally.set_aside)} shard(s) set aside, the first is {first.cell}: {first.why}"
        )
    share = 1 - counts.left / counts.collected if counts.collected else 0.0
    if share > allowed:
        return ShardFault(f"{share:.0%} of the rows fell out; run.allowed_drops is {allowed:.0%}")
    return None
