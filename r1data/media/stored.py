"""Media of own questions that lie in an object store: what the chosen rows need is brought here."""

from collections.abc import Sequence
from pathlib import Path

from r1data.errors import RowDrop
from r1data.grid.drops import Drop
from r1data.grid.store import address_of, get_file, open_store
from r1data.media.needed import Faults, each_of
from r1data.sources.catalogue import Source


def bring(source: Source, uris: Sequence[str], folder: Path) -> Faults:
    """Bring the files that are not in `folder` yet; return what the store does not have."""
    assert source.media_root is not None
    store = open_store(address_of(source.media_root), folder)

    def one(uri: str) -> None:
        if not (folder / uri).is_file() and not get_file(store, folder / uri):
            raise RowDrop(Drop.MISSING_MEDIA, f"{store.address} has no file {uri}")

    return each_of(list(dict.fromkeys(uris)), one)
