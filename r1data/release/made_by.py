"""By what a row was made: its columns `recipe` and `r1data_version`.

Both change only when the row may: a shard whose rows stay as they are keeps its bytes, whatever
else a later recipe asks for and whichever later version writes it. The card holds the recipe, the
hashes that its rows have, and the version that ran; `check` proves that they agree.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from r1data.grid.shards import digest_of
from r1data.release.footers import Finding
from r1data.release.layout import read_rows

# The first version of r1data whose rows are those of today: raise it to the package's version when
# the same recipe gives other rows than before.
ROWS_SINCE = "0.1.0"
# What of a recipe decides what stands in a row. The rest decides which rows there are.
SPEAKS_OF_ROWS = ("seed", "frames", "probes", "teacher", "revise", "verify", "judge")
CHOOSES_ROWS = frozenset({"rows", "where", "balance", "by", "reserve"})
RECIPE = re.compile(r"^## Build it again$.*?^```yaml\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)

# What a card prints of a hash: all of it, or its beginning.
PRINTED = re.compile(r"\brecipe (?P<hash>[0-9a-f]{12,64})\b")


def row_recipes(asked: Mapping[str, Any]) -> dict[str, str]:
    """Return {source: sha256} of what a recipe says of the rows of each source."""
    shared = {key: asked[key] for key in SPEAKS_OF_ROWS if key in asked}
    letters = (asked.get("balance") or {}).get("even_letters")
    return {
        name: digest_of([name, without_choice(entry), shared, letters])
        for name, entry in asked["sources"].items()
    }


def without_choice(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an entry under `sources:` says, but for which of its rows are wanted."""
    return {key: value for key, value in entry.items() if key not in CHOOSES_ROWS}


def card_recipe(folder: Path) -> str | None:
    """Return the text of the recipe in a release's card, or None where it holds none."""
    found = RECIPE.search((folder / "README.md").read_text(encoding="utf-8"))
    return found["text"] if found else None


def recipe_findings(folder: Path, config: str) -> Iterator[Finding]:
    """Yield where rows, the card's recipe, and the hashes that it prints are not of one recipe."""
    import yaml

    text = card_recipe(folder)
    where = f"{folder.name}/README.md"
    told = PRINTED.findall((folder / "README.md").read_text(encoding="utf-8"))
    if text is None:
        yield Finding(where, "it holds no recipe under 'Build it again'")
        return
    due = row_recipes(yaml.safe_load(text))
    rows = read_rows(folder, config, ["id", "recipe"])
    made = {(row["id"].partition("/")[0], row["recipe"]) for _, row in rows}
    for source in sorted({name for name, recipe in made if due.get(name) != recipe}):
        yield Finding(where, f"its recipe is not the one that made the rows of {source}")
    for source in sorted({name for name, recipe in made if recipe not in told}):
        yield Finding(where, f"it does not print the recipe's hash that the rows of {source} have")
    for strange in (each for each in told if not any(r.startswith(each) for r in due.values())):
        yield Finding(where, f"it prints the hash {strange}, which no source of its recipe has")
