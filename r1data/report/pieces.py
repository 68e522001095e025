"""The forms of figures that the page can draw, as plain data."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

Figure = dict[str, Any]


class Missing(Exception):
    """A figure has nothing to show; the message says why."""

    def __init__(self, title: str, why: str) -> None:
        super().__init__(why)
        self.title = title


def missing(title: str, why: str) -> Figure:
    """Say on the page that a figure has nothing to show."""
    return {"kind": "missing", "title": title, "why": why}


def bars(
    title: str,
    series: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    note: str = "",
    unit: str = "",
) -> Figure:
    """Horizontal bars: rows of {name, values, label?, filter?}; values of a row are stacked."""
    shown = {"series": list(series), "rows": [dict(row) for row in rows]}
    return {"kind": "bars", "title": title, "note": note, "unit": unit, **shown}


def columns_of_shares(
    title: str, found: Sequence[tuple[str, int, int]], opens: Mapping[str, str] | None = None
) -> Figure:
    """Bars of shares: (name, how many of it, of how many); `opens` names the gallery's filter."""
    rows = [
        {
            "name": name,
            "values": [part / total if total else 0.0],
            "label": f"{share(part, total)} of {total:,}",
            "cells": [part, total, share(part, total)],
            **({"filter": {opens["field"]: name}} if opens else {}),
        }
        for name, part, total in found
    ]
    figure = bars(title, ["kept"], rows)
    return {**figure, "most": 1.0, "head": ["", "kept", "of", "share"]}


def histogram(
    title: str,
    bins: Sequence[str],
    series: Mapping[str, Sequence[int]],
    note: str = "",
    x: str = "",
) -> Figure:
    """Upright columns: one number a bin and series; series are stacked."""
    shown = {name: list(values) for name, values in series.items()}
    return {
        "kind": "columns",
        "title": title,
        "bins": list(bins),
        "series": shown,
        "note": note,
        "x": x,
    }


def place_in(column: str, edges: Sequence[int]) -> "pl.Expr":
    """Number of the bin of a value, from 0: values up to an edge stand before it."""
    import polars as pl

    return pl.sum_horizontal(pl.col(column) > edge for edge in edges).cast(pl.Int32)


def label_of(column: str, edges: Sequence[int], labels: Sequence[str]) -> "pl.Expr":
    """Name of the bin of a value."""
    import polars as pl

    places = range(len(labels))
    return place_in(column, edges).replace_strict(places, labels, return_dtype=pl.String)


def share(part: int, total: int) -> str:
    """Write a share for people."""
    return f"{part / total:.1%}" if total else "none"
