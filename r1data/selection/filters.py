"""Filters: what a sample's probes say of it, by thresholds that can be moved at any time."""

from collections.abc import Mapping, Sequence
from typing import Any

from r1data.grid.drops import Drop
from r1data.probes.chance import drop, outside, settled

Row = Mapping[str, Any]
TOLD = ("probe", "model", "n", "right", "rate", "by_chance")


def filtered(row: Row, probes: Sequence[Row], options: Row) -> Row:
    """Drop a row for what its probes found, by the thresholds of `filter:`, and note it."""
    found = {probe["probe"]: probe for probe in probes}
    gain = order_gain(found)
    asked = [{key: probe[key] for key in TOLD} for probe in probes if probe["n"]]
    row = {**row, "order_gain": gain, "probes": asked}
    if row["drop_reason"]:
        return row
    for name in ("blind", "few_frame", "shuffled"):
        if options[name] is not None and (
            fell := settled(found[name], options[name], f"filter.{name}")
        ):
            return {**row, **fell}
    least = options["order_gain"]
    if least is not None and gain is not None and gain < least:
        told = f"the order of frames adds {gain:+.2f} right answers, filter.order_gain is {least}"
        return {**row, **drop(Drop.ORDER_FREE, told)}
    if options["student_rate"] is not None:
        fell = outside(found["pass_rate"], options["student_rate"], "filter.student_rate")
        return {**row, **fell}
    return row


def order_gain(found: Mapping[str, Row]) -> float | None:
    """Return the share of right answers with frames in order less that with them shuffled."""
    rates = [found[name]["rate"] if name in found else None for name in ("pass_rate", "shuffled")]
    ordered, shuffled = rates
    return None if ordered is None or shuffled is None else ordered - shuffled
