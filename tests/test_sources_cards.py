"""Every card: three real-shaped rows, fetched from a stand-in in the source's own layout."""

import json
from pathlib import Path
from typing import Any

import pytest
from hub import Hub
from upstreams import CARDS, case, layout, serve

from r1data.media.needed import bring
from r1data.media.upstream import upstream
from r1data.sources.catalogue import Source, card_names, load_card, load_source
from r1data.sources.choosing import mark_conflicts
from r1data.sources.stage import normalise_all

NAMES = sorted(path.stem for path in CARDS.glob("*.json"))


def entry_of(name: str, hub: Hub) -> dict[str, Any]:
    """What a recipe says under `sources:` to reach the stand-in."""
    route = load_card(name).routes[case(name)["route"]]
    here = {"url": f"{hub.url}/{name}/"} if route.url else {}
    return {"route": route.name, **here}


def told(row: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Of a sample, what the case says about it."""
    extra = json.loads(row["extra"])
    media = row["media"][0] if row["media"] else {}
    found = {"media": media.get("uri"), "start": media.get("start"), "end": media.get("end")}
    return {key: found.get(key, row.get(key, extra.get(key))) for key in wanted}


def media_of(rows: list[dict[str, Any]]) -> list[str]:
    return [each["uri"] for row in rows if not row["drop_reason"] for each in row["media"]]


def fetched(source: Source, hub: Hub, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Serve a card's questions and read them as a build would."""
    serve(hub, source, layout(source.name, [], b""))
    return normalise_all(source, 0, settings)


def test_every_card_has_rows_that_show_its_traps() -> None:
    assert set(card_names()) - set(NAMES) == {"own", "shapes"}


@pytest.mark.parametrize("name", NAMES)
def test_a_cards_rows_become_the_samples_they_must(name: str, hub: Hub, tmp_path: Path) -> None:
    source = load_source(name, entry_of(name, hub))
    rows = fetched(source, hub, {"media": str(tmp_path / "media")})
    mark_conflicts(rows)
    wanted = [{"drop_reason": None, **each} for each in case(name)["samples"]]
    assert [told(row, each) for row, each in zip(rows, wanted, strict=True)] == wanted
    assert all(row["drop_detail"] for row in rows if row["drop_reason"])
    if source.route.repo:
        assert rows[0]["origin"]["revision"] == hub.repos[source.route.repo].branches["main"]


@pytest.mark.parametrize("name", NAMES)
def test_a_cards_media_come_out_of_its_own_archives(name: str, hub: Hub, tmp_path: Path) -> None:
    source = load_source(name, entry_of(name, hub))
    uris = media_of(fetched(source, hub, {"media": str(tmp_path / "first" / "media")}))
    serve(hub, source, layout(name, uris, b"a clip"))
    settings = {"media": str(tmp_path / "media")}
    faults = bring(source, uris, lambda: set(uris), settings)
    if source.route.media["kind"] == "external":
        assert set(faults) == set(uris)
        return
    assert faults == {}
    folder = upstream(source, settings).folder
    assert uris
    assert all((folder / uri).stat().st_size > 0 for uri in uris)
