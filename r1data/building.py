"""From a recipe to a finished build folder, and what can be asked of one."""

import hashlib
import importlib.util
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from r1data import __version__
from r1data.errors import RecipeError, UsageError
from r1data.grid import events
from r1data.grid.build import Stage
from r1data.grid.driver import Tally
from r1data.grid.funnel import Funnel, funnel
from r1data.grid.mirror import here, mirror_of
from r1data.grid.parts import Part, read_part
from r1data.grid.shards import digest_of, sweep, write_text
from r1data.grid.store import address_of
from r1data.grid.stored import storing
from r1data.kinds import BUILD, instead, kind_of
from r1data.places import place
from r1data.recipe import Recipe, check, dump, load_recipe
from r1data.schema_errors import near_word
from r1data.stages import probe_names, revise_prices

if TYPE_CHECKING:
    import polars as pl

    from r1data.report.notebook import Sample

# Parts cannot tell whose a temporary file is; a file that long untouched is nobody's.
ABANDONED_SECONDS = 6 * 3600.0
VERSIONED = ("av", "datasets", "numpy", "openai", "opencv-python-headless", "polars", "pyarrow")


@dataclass(frozen=True)
class Build:
    """One run's folder; for a build in a store the folder that mirrors it, and its `address`."""

    path: Path
    tally: Tally | None = None
    part: Part | None = None
    address: str = ""

    @property
    def name(self) -> str:
        """Where the build is, as a command line has it."""
        return self.address or str(self.path)

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
        """The funnel as plain numbers; only part 0 of several counts, since it sees all rows."""
        return Funnel(0, [], 0) if self.part and self.part.number else funnel(self.path)

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

    def sample(self, identity: str) -> "Sample":
        """One row with its frames, answers and verdicts; it shows itself in a notebook."""
        from r1data.report.notebook import find_sample

        return find_sample(self.path, identity)

    def _repr_html_(self) -> str:
        from r1data.report.notebook import build_html

        return build_html(self)


def open_build(path: str | Path, rows: str = "*") -> Build:
    """Open the folder of a build, or bring one from a store; there `rows` is a pattern of the
    stages' folders whose tables are brought, not only their notes.

    Raises UsageError where there is none.
    """
    folder = here(path, rows)
    if not (folder / "recipe.yaml").is_file():
        raise UsageError(instead(path, BUILD))
    return Build(folder, address=address_of(path))


def build(
    recipe: str | Path | Recipe,
    *,
    out: str | Path | None = None,
    engine: str | None = None,
    workers: int | str | None = None,
    limit: int | None = None,
    until: str | None = None,
    overrides: Sequence[str] = (),
    reuse: Sequence[str | Path] = (),
    part: str | None = None,
    wait: float | None = None,
) -> Build:
    """Run or resume a build: make every cell whose note is missing or stale.

    `out` is the build's folder (default: builds/NAME); answers that the builds in `reuse` paid for
    are not asked for again. With engine "part", `part` says which of how many: "0/8"; it waits for
    the others until nobody has been at work for `wait` seconds. Raises what stopped the build;
    cells that were set aside stand in `Build.tally`.
    """
    if not isinstance(recipe, Recipe):
        recipe = load_recipe(recipe, overrides, limit)
    how = checked_run(recipe, engine=engine, workers=workers)
    recipe = replace(recipe, run=replace(recipe.run, **how))
    from r1data.mending import mend
    from r1data.outlook import refuse_template
    from r1data.running import drive

    refuse_template(recipe)
    every = load_pipeline(recipe)
    stages = until_stage(every, until)
    mine = part_of(recipe, part)
    out = out or Path("builds") / recipe.name
    refuse_cluster(recipe, out)
    refuse_missing(recipe)
    told = [str(open_build(each, rows="").path) for each in reuse]
    folder = mirror_of(out, mine)
    with events.locked(folder, mine), storing(out, folder, mine) as keeper:
        sweep(folder, ABANDONED_SECONDS if mine else 0.0)
        freeze(recipe, folder, every)
        mend(folder, recipe, mine)
        tally = drive(recipe, stages, folder, told, mine, wait, keeper)
        facts = {"recipe": recipe.sha256, "until": until}
        events.record(folder, "done", mine.name if mine else "", **facts)
    return Build(folder, tally, mine, address_of(out))


def refuse_missing(recipe: Recipe) -> None:
    """Raise RecipeError for a folder of a source that is not here: all its rows would be dropped.

    A folder of clips may be an address, which only fetching tells.
    """
    for name, entry in recipe.sources.items():
        for key in ("root", "media_root"):
            given = entry.get(key)
            if given and not address_of(given) and not Path(given).expanduser().is_dir():
                kind = kind_of(Path(given)) or "missing"
                raise RecipeError(
                    f"sources.{name}.{key}: {given} is {kind}, not a folder: correct the path "
                    f"(from {Path.cwd()})"
                )


def refuse_cluster(recipe: Recipe, out: str | Path) -> None:
    """Raise UsageError where nodes of a cluster would look for a mirror that is not theirs."""
    if recipe.run.engine == "ray" and recipe.run.address and address_of(out):
        raise UsageError(
            f"{out}: nodes of a Ray cluster need a folder that all of them see; with a store use "
            "the engine pool or part, or Ray on one machine (without run.address)"
        )


def part_of(recipe: Recipe, part: str | None) -> Part | None:
    """Return which part of the build this process is."""
    if (recipe.run.engine == "part") != (part is not None):
        raise UsageError("the engine 'part' and --part go together: --engine part --part 0/8")
    return read_part(part) if part is not None else None


def checked_run(recipe: Recipe, **options: Any) -> dict[str, Any]:
    """Return the options that were given. Raises RecipeError where `run:` may not have one."""
    given = {key: value for key, value in options.items() if value is not None}
    for key, value in given.items():
        run = {**recipe.raw.get("run", {}), key: value}
        check({**recipe.raw, "run": run}, "recipe", {}, f"{key} {value}")
    return given


def load_pipeline(recipe: Recipe) -> list[Stage]:
    """Return the stages of the recipe's pipeline, a file in pipelines/."""
    path = place("pipelines") / f"{recipe.pipeline}.py"
    if not path.is_file():
        names = sorted(each.stem for each in place("pipelines").glob("*.py"))
        hint = near_word(recipe.pipeline, names)
        raise RecipeError(f"no pipeline '{recipe.pipeline}'{hint}; there are: {', '.join(names)}")
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


def freeze(recipe: Recipe, folder: Path, every: Sequence[Stage]) -> None:
    """Write the frozen recipe, the stages and the versions that the build runs with."""
    frozen = dump(recipe.raw)
    write_text(folder / "recipe.yaml", frozen)
    facts: dict[str, Any] = {
        "name": recipe.name,
        "recipe_sha256": recipe.sha256,
        "seed": recipe.seed,
        "limit": recipe.limit,
        "r1data": __version__,
        "python": platform.python_version(),
        "host": platform.node(),
        "system": platform.platform(),
        "packages": {name: installed(name) for name in VERSIONED},
        "recipe_file_sha256": hashlib.sha256(frozen.encode()).hexdigest(),
        "stages": [{"folder": each.folder, "gather": each.gather} for each in every],
    }
    facts["check"] = digest_of(facts)
    write_text(folder / "build.json", json.dumps(facts, indent=1) + "\n")


def installed(package: str) -> str | None:
    """Return the version of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


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
    how = {"reuse": list(reuse), "patience": recipe.run.patience}
    teacher: dict[str, Any] = {"lanes": list(lanes), "files": files, "mode": recipe.run.mode, **how}
    teacher["canary"] = sees(lanes)
    if recipe.run.budget is not None:
        teacher["budget"] = dict(recipe.run.budget)
    if recipe.teacher is not None and recipe.teacher.prices is not None:
        teacher["prices"] = dict(recipe.teacher.prices)
    probe: dict[str, Any] = {"lanes": list(probe_lanes), "canary": sees(probe_lanes), **how}
    if recipe.run.probe_budget is not None:
        probe["budget"] = dict(recipe.run.probe_budget)
    if recipe.probes is not None and recipe.probes.prices is not None:
        probe["prices"] = dict(recipe.probes.prices)
    asking = {"responses": teacher, **dict.fromkeys(("reworded", *probe_names(recipe)), probe)}
    if recipe.revise is not None:
        prices = revise_prices(recipe)
        asking["revised"] = {**teacher, "prices": dict(prices) if prices is not None else None}
    if recipe.judge is not None:
        prices = recipe.judge.prices
        asking["preferences"] = {**probe, "prices": dict(prices) if prices is not None else None}
    return {"samples": files, "media": files, "frames": files, "release": files, **asking}


def sees(lanes: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a canary is of use: the offline teacher answers nothing but shapes."""
    return not any(lane.get("offline") for lane in lanes)


def media_folder(folder: Path) -> str:
    """Return the media folder that builds share: beside builds/, else inside a lone build."""
    shared = folder.parent.name == "builds"
    return str((folder.parent.parent if shared else folder) / "media")


def release_digest(path: Path) -> str:
    """Return one digest over every file of a release, for comparing builds."""
    from r1data.grid.shards import file_sha256

    files = sorted(each for each in path.rglob("*") if each.is_file() and each.suffix != ".json")
    return digest_of([[str(each.relative_to(path)), file_sha256(each)] for each in files])
