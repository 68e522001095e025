"""Tables that `r1data clean` removed on purpose: cleared.json names their folders.

Their notes stay, so that every row is still accounted for; the next build makes the tables again.
"""

import json
from pathlib import Path

from r1data.grid.funnel import shard_notes

CLEARED = "cleared.json"
# Pictures make up nine tenths of a build; all other tables are small, and check reads them.
LARGE = "3.frames"
GATHERED = "9.release/gather.json"


def clearable(build: Path) -> list[Path]:
    """Return the large shards of a finished build that can be made again without asking anybody."""
    if not (build / GATHERED).is_file():
        return []
    paths = [build / LARGE / f"{note.shard}.parquet" for note in shard_notes(build / LARGE)]
    return [path for path in paths if path.is_file()]


def cleared(build: Path) -> frozenset[str]:
    """Return the names of the folders whose tables were removed on purpose."""
    try:
        told = json.loads((build / CLEARED).read_bytes())
        return frozenset(map(str, told["tables"]))
    except FileNotFoundError:
        return frozenset()
    except (ValueError, KeyError, TypeError):  # damaged: nothing was removed on purpose then
        return frozenset()
