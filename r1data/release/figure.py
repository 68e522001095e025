"""The picture in a card: rows by source and problem type, as an SVG that needs no library."""

from collections.abc import Mapping, Sequence
from html import escape

LABEL, BAR, ROW, TOP = 190, 420, 26, 40
# Okabe and Ito's palette, which colour-blind readers can tell apart.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9")


def bars(rows: Mapping[str, Mapping[str, int]], kinds: Sequence[str]) -> str:
    """Return an SVG with one bar a source, parted by kind of question."""
    longest = max((sum(each.values()) for each in rows.values()), default=1)
    height = TOP + ROW * len(rows) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABEL + BAR + 90}" height="{height}" '
        'font-family="sans-serif" font-size="13">',
        '<rect width="100%" height="100%" fill="white"/>',
        *legend(kinds),
    ]
    for i, (source, counts) in enumerate(sorted(rows.items())):
        parts += bar(source, counts, kinds, TOP + ROW * i, BAR / longest)
    return "\n".join([*parts, "</svg>"]) + "\n"


def legend(kinds: Sequence[str]) -> list[str]:
    """Return the colours with their names."""
    found: list[str] = []
    for i, kind in enumerate(kinds):
        x = 10 + 125 * i
        found.append(f'<rect x="{x}" y="10" width="12" height="12" fill="{COLOURS[i]}"/>')
        found.append(f'<text x="{x + 17}" y="21">{escape(kind)}</text>')
    return found


def bar(
    source: str, counts: Mapping[str, int], kinds: Sequence[str], y: int, scale: float
) -> list[str]:
    """Return one bar with its name and its number."""
    found = [f'<text x="{LABEL - 8}" y="{y + 16}" text-anchor="end">{escape(source)}</text>']
    x = float(LABEL)
    for i, kind in enumerate(kinds):
        width = counts.get(kind, 0) * scale
        if width:
            size = f'x="{x:.1f}" y="{y + 3}" width="{width:.1f}" height="{ROW - 8}"'
            found.append(f'<rect {size} fill="{COLOURS[i]}"/>')
        x += width
    total = sum(counts.values())
    return [*found, f'<text x="{x + 6:.1f}" y="{y + 16}">{total:,}</text>']
