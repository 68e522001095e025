"""The licence of a whole, computed from its parts; and who may be handed what."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

# The Hub's names of the licences that cards state.
HUB_LICENSES = {
    "CC0-1.0": "cc0-1.0",
    "CC BY 4.0": "cc-by-4.0",
    "CC BY-SA 4.0": "cc-by-sa-4.0",
    "CC BY-NC 4.0": "cc-by-nc-4.0",
    "CC BY-NC-SA 4.0": "cc-by-nc-sa-4.0",
    "Apache-2.0": "apache-2.0",
    "MIT": "mit",
    "unknown": "unknown",
}
# Asks for nothing, so a part under it does not change the licence of the whole.
FREE = "CC0-1.0"
# Words in the terms of media that forbid to hand them on, whatever else they allow.
FORBIDDING = ("no redistribution", "not redistributable", "all rights reserved", "no derivatives")
UNCLEAR = ("unknown", "")


class Terms(NamedTuple):
    """The terms of some rows, as their owners state them."""

    annotations: str
    media: str
    non_commercial: bool | None
    gated: bool


class License(NamedTuple):
    """What the head of a card says: the Hub's name, and where that is "other" a name of its own."""

    license: str
    license_name: str | None

    def head(self) -> dict[str, str]:
        """Return the keys of a card's head."""
        named = {"license_name": self.license_name} if self.license_name else {}
        return {"license": self.license, **named}


def terms_of(license_: Mapping[str, Any]) -> Terms:
    """Read the column `license` of a row."""
    return Terms(**{name: license_[name] for name in Terms._fields})


def license_of(parts: Iterable[Terms]) -> License:
    """Name the licence of the whole: never freer than its strictest part.

    One licence besides CC0 is that of the whole. A mix of several is "other", because no one of
    them covers all rows, and its name says whether commercial use is ruled out.
    """
    found = list(parts)
    names = {name for part in found for name in (part.annotations, part.media)}
    strict = names - {FREE} or {FREE}
    non_commercial = any(is_non_commercial(part) for part in found)
    hub = hub_name(next(iter(strict))) if len(strict) == 1 else "other"
    if hub != "other" and (not non_commercial or "-nc" in hub):
        return License(hub, None)
    mixed = "mixed" if len(strict) > 1 else "as-stated-by-the-source"
    return License("other", f"{mixed}-non-commercial" if non_commercial else mixed)


def hub_name(name: str) -> str:
    """Return the Hub's name of a licence, written with spaces or hyphens; "other" for any other."""
    wanted = name.replace("-", " ").casefold()
    known = {stated.replace("-", " ").casefold(): hub for stated, hub in HUB_LICENSES.items()}
    return known.get(wanted, "other")


def is_non_commercial(part: Terms) -> bool:
    """Tell whether terms rule out commercial use, by their flag or by their name."""
    words = f"{part.annotations} {part.media}".upper().replace("-", " ").split()
    return part.non_commercial is True or "NC" in words


def forbidden(source: str, part: Terms, *, media: bool, private: bool) -> Iterator[str]:
    """Yield why rows of these terms may not be published like this, and what would help."""
    index = "publish only the index: release.configs: [index-only]"
    if part.gated:
        yield f"{source} is handed out to named people only (gated): {index}"
    elif media and any(word in part.media.casefold() for word in FORBIDDING):
        yield f"the media of {source} may not be handed on ('{part.media}'): {index}"
    unclear = [part.annotations, *([part.media] if media else [])]
    if not private and any(name.casefold() in UNCLEAR for name in unclear):
        help_ = f"state sources.{source}.license, keep it private (--private), or {index}"
        yield f"nobody has stated the terms of {source}: {help_}"
