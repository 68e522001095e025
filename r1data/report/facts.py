"""What the report says of a whole build, as data: every figure is a small table.

A figure that cannot be drawn, because its table is not made, says so in its place.
"""

import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from r1data.building import Build
from r1data.report import costs, judged
from r1data.report.pieces import Figure, Missing, columns_of_shares, label_of, missing
from r1data.report.tables import Tables
from r1data.summary import released
from r1data.unfilled import unfilled_of

if TYPE_CHECKING:
    import polars as pl

# Edges of clip lengths in seconds: Video-R1's clips run from two seconds to three minutes.
SECONDS = (5, 10, 20, 40, 80, 160)


def build_facts(build: Build, tables: Tables) -> dict[str, Any]:
    """Return all facts of a build: head, sections of figures, and where it comes from."""
    rows = rows_frame(tables)
    sections = [
        ("in", "What is in it", [lambda: ring(build, rows), lambda: terms(tables, rows)]),
        (
            "out",
            "What fell out",
            [lambda: fallen(build), *quotas(build), *acceptance(tables, rows)],
        ),
        ("right", "How answers were judged", judged.figures(tables, rows)),
        ("probes", "What questions need", judged.probe_figures(tables)),
        ("cost", "What it took", costs.figures(tables)),
    ]
    return {
        "head": head(build, tables, rows),
        "sections": [
            {"id": key, "title": title, "figures": [drawn(each) for each in figures]}
            for key, title, figures in sections
        ],
        "recipe": (build.path / "recipe.yaml").read_text(encoding="utf-8"),
        "made": made_with(build.path),
    }


def drawn(draw: Callable[[], Figure]) -> Figure:
    """Return a figure, or what says why there is none."""
    try:
        return draw()
    except Missing as reason:
        return missing(reason.title, str(reason))


def rows_frame(tables: Tables) -> "pl.DataFrame":
    """id, source, problem_type, data_type, options and drop_reason of every collected row."""
    import polars as pl

    needed = ["id", "source", "problem_type", "data_type", "solution"]
    samples = tables.scan("samples", needed)
    assert samples is not None  # tables.shards has refused a build without samples
    texts = pl.scan_parquet(tables.paths("samples")).select("id", pl.col("options").list.len())
    return samples.join(texts.collect(), on="id", how="left", maintain_order="left").join(
        tables.standing(), on="id", how="left", maintain_order="left"
    )


def head(build: Build, tables: Tables, rows: "pl.DataFrame") -> dict[str, Any]:
    """Return the name of the build and the numbers at the top."""
    counts = build.counts()
    finished = released(build)
    spent = costs.spent(tables)
    chosen = tables.chosen_answers() if tables.paths(tables.answers) else None
    return {
        "name": name_of(build.path),
        "collected": counts.collected,
        "left": counts.left,
        "dropped": counts.collected - counts.left,
        "finished": finished,
        "chains": chosen.height if chosen is not None else None,
        "sources": rows["source"].n_unique(),
        "answers": spent["answers"],
        "tokens": spent["tokens"],
        "usd": spent["usd"],
        "seconds": costs.work_seconds(tables),
        "model": spent["model"],
    }


def name_of(path: Path) -> str:
    """Return the name that the build was given."""
    return str(made_with(path).get("name") or path.name)


def made_with(path: Path) -> dict[str, Any]:
    """Return build.json: versions, host, seed."""
    return json.loads((path / "build.json").read_text(encoding="utf-8"))


def ring(build: Build, rows: "pl.DataFrame") -> Figure:
    """Rows that stay by group and source, like the figure of Video-R1's paper."""
    import polars as pl

    kept = rows.filter(pl.col("drop_reason").is_null())
    if not kept.height:
        raise Missing("Composition", "no row is left")
    groups = groups_of(build, rows["source"].unique().to_list())
    sizes = kept.group_by("source").len().sort(["len", "source"], descending=[True, False])
    parts: dict[str, list[dict[str, Any]]] = {}
    for source, count in sizes.iter_rows():
        parts.setdefault(groups[source], []).append({"name": source, "rows": count})
    listed = [
        {"name": name, "rows": sum(each["rows"] for each in children), "children": children}
        for name, children in parts.items()
    ]
    listed.sort(key=lambda part: (-part["rows"], part["name"]))
    word = "released" if released(build) else "that still stand"
    title = f"{kept.height:,} rows {word}, by group and source"
    return {"kind": "ring", "title": title, "parts": listed, "wide": False}


def groups_of(build: Build, sources: list[str]) -> dict[str, str]:
    """Return the group that each source's card names; a card that is gone leaves "no card"."""
    from r1data.errors import R1DataError
    from r1data.recipe import load_recipe
    from r1data.sources.catalogue import load_source

    found = dict.fromkeys(sources, "no card")
    try:
        entries = load_recipe(build.path / "recipe.yaml").sources
    except R1DataError:  # written by another version: the rows are still there to be shown
        return found
    for name in set(sources) & set(entries):
        try:
            found[name] = load_source(name, entries[name]).card.group
        except R1DataError:  # the user's card has moved since
            continue
    return found


def terms(tables: Tables, rows: "pl.DataFrame") -> Figure:
    """Rows that stay by the terms of questions and media."""
    import polars as pl

    told = pl.scan_parquet(tables.paths("samples")).select("id", "source", "license").collect()
    kept = rows.filter(pl.col("drop_reason").is_null()).select("id")
    flat = told.join(kept, on="id").select("source", "license").unnest("license")
    keys = ["source", "annotations", "media", "non_commercial", "gated"]
    counted = flat.group_by(keys).len().sort("len", *keys, descending=[True, *[False] * 5])
    words = {True: "yes", False: "no", None: "not stated"}
    body = [
        [row[0], row[1], row[2], words[row[3]], words[row[4]], row[5]]
        for row in counted.iter_rows()
    ]
    head = ["source", "questions", "media", "non-commercial only", "gated", "rows"]
    return {"kind": "table", "title": "Terms", "head": head, "rows": body}


def fallen(build: Build) -> Figure:
    """The funnel: collected, what fell out at which stage for which reason, what is left."""
    counts = build.counts()
    steps = [step._asdict() for step in counts.steps]
    return {
        "kind": "funnel",
        "title": f"From {counts.collected:,} collected to {counts.left:,} left",
        "collected": counts.collected,
        "steps": steps,
        "left": counts.left,
        "finished": released(build),
        "wide": True,
    }


def quotas(build: Build) -> list[Callable[[], Figure]]:
    """Quotas of the recipe that its sources cannot fill; no figure where there is none."""
    found = unfilled_of(build.path)
    body = [[each.source, each.problem_type or "all", each.wanted, each.has] for each in found]
    head = ["source", "type", "wanted", "has"]
    title = "Quotas that are not filled"
    return [lambda: {"kind": "table", "title": title, "head": head, "rows": body}] if body else []


def acceptance(tables: Tables, rows: "pl.DataFrame") -> list[Callable[[], Figure]]:
    """Share of rows that stay, by source, by type, by length of the clip."""
    import polars as pl

    kept = rows.with_columns(kept=pl.col("drop_reason").is_null())
    return [
        lambda: shares(kept, "source", "Kept, by source", {"field": "source"}),
        lambda: shares(kept, "problem_type", "Kept, by type of question", {"field": "type"}),
        lambda: lengths(tables, kept),
    ]


def shares(kept: "pl.DataFrame", key: str, title: str, opens: Mapping[str, str]) -> Figure:
    """Bars of the kept share of each value of a column."""
    import polars as pl

    counted = kept.group_by(key).agg(pl.col("kept").sum(), pl.len()).sort("len", key)
    found = [(name, right, total) for name, right, total in counted.reverse().iter_rows()]
    return columns_of_shares(title, found, opens)


def lengths(tables: Tables, kept: "pl.DataFrame") -> Figure:
    """The kept share by the length of the clip, as the time of its last frame tells it."""
    import polars as pl

    title = "Kept, by length of the clip"
    times = last_times(tables)
    if times is None:
        raise Missing(title, "frames are not taken yet, or this pipeline takes none")
    labels = [
        f"up to {SECONDS[0]} s",
        *(f"{a} to {b} s" for a, b in spans()),
        f"over {SECONDS[-1]} s",
    ]
    joined = kept.join(times, on="id", how="inner").with_columns(
        bin=pl.when(~pl.col("pictures"))
        .then(pl.lit("no frames"))
        .when(pl.col("last").is_null())
        .then(pl.lit("still picture"))
        .otherwise(label_of("last", SECONDS, labels))
    )
    counted = joined.group_by("bin").agg(pl.col("kept").sum(), pl.len())
    found = {name: (name, right, total) for name, right, total in counted.iter_rows()}
    order = ["still picture", *labels, "no frames"]
    return columns_of_shares(title, [found[name] for name in order if name in found])


def spans() -> list[tuple[int, int]]:
    """Return neighbouring edges of clip lengths."""
    return list(pairwise(SECONDS))


def last_times(tables: Tables) -> "pl.DataFrame | None":
    """id, whether there are frames, and the time of the last one; pictures are not read."""
    import polars as pl
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = ["id", "frames.list.element.time"]
    read = [pq.ParquetFile(path).read(columns=columns) for path in tables.paths("frames")]
    if not read:
        return None
    frame = pl.DataFrame(pa.concat_tables(read))
    times = pl.col("frames").list.eval(pl.element().struct.field("time"))
    return frame.select("id", pictures=pl.col("frames").list.len() > 0, last=times.list.max())
