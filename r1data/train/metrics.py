"""Metrics of a run: JSON lines that a resumed run continues, TensorBoard, and a plot at the end."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from r1data.errors import InputError

NAME, PLOT = "metrics.jsonl", "metrics.png"
# The curves of the plot, as far as a run has them.
CURVES = (
    ("loss",),
    ("accuracy", "accuracy_shuffled"),
    ("reward", "format", "bonus_rate"),
    ("no_variance", "all_right_or_wrong", "cut"),
    ("length",),
    ("kl",),
    ("grad_norm",),
    ("lr",),
)


def read_metrics(out: Path) -> list[dict[str, Any]]:
    """Return the lines of a run; a line that a killed process left half is not one."""
    path = out / NAME
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    try:
        return [json.loads(line) for line in lines[:-1]]
    except ValueError as problem:
        raise InputError(f"{path} is damaged: {problem}; delete it, or take another --out") from (
            problem
        )


def keep_until(out: Path, done: int) -> None:
    """Forget the steps after a checkpoint: they are done again.

    Raises InputError where steps before it are not there: the curve would have a hole.
    """
    kept = [line for line in read_metrics(out) if line["step"] < done]
    if len(kept) != done:
        message = (
            f"{out / NAME} lacks steps that the checkpoint has: {len(kept)} of {done} are there. "
            f"Bring the file back, or delete {out} to begin again"
        )
        raise InputError(message)
    temporary = out / f".{NAME}"
    temporary.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
    temporary.replace(out / NAME)


class Metrics:
    """The open metrics of a run: each step is on the disk before the next begins."""

    def __init__(self, out: Path, done: int) -> None:
        keep_until(out, done)
        self.file = (out / NAME).open("a", encoding="utf-8")
        self.board = board(out, done)

    def add(self, step: int, figures: Mapping[str, Any]) -> None:
        """Write one step."""
        self.file.write(json.dumps({"step": step, **figures}) + "\n")
        self.file.flush()
        if self.board is not None:
            for name, value in figures.items():
                if isinstance(value, int | float):
                    self.board.add_scalar(name, value, step)

    def close(self) -> None:
        """Close the files."""
        self.file.close()
        if self.board is not None:
            self.board.close()


@contextmanager
def open_metrics(
    out: Path, done: int, lead: bool
) -> Iterator[Callable[[int, Mapping[str, Any]], None]]:
    """Yield what writes a step; only the leading process has a file to write to."""
    if not lead:
        yield lambda step, figures: None
        return
    metrics = Metrics(out, done)
    try:
        yield metrics.add
    finally:
        metrics.close()


def board(out: Path, done: int) -> Any | None:
    """Return TensorBoard's writer where TensorBoard is installed."""
    import importlib.util

    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(out / "tensorboard"), purge_step=done)


def draw_metrics(out: Path, title: str) -> Path | None:
    """Draw the curves of a run as a picture, where matplotlib is installed."""
    import importlib.util

    if importlib.util.find_spec("matplotlib") is None:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = read_metrics(out)
    shown = [kept for names in CURVES if (kept := [n for n in names if has(lines, n)])]
    figure = Figure(figsize=(10, 2.2 * ((len(shown) + 1) // 2)), layout="constrained")
    FigureCanvasAgg(figure)
    for place, names in enumerate(shown, start=1):
        axes = figure.add_subplot((len(shown) + 1) // 2, 2, place)
        for name in names:
            points = [(line["step"], line[name]) for line in lines if line.get(name) is not None]
            axes.plot(*zip(*points, strict=True), label=name, linewidth=1)
        axes.legend(fontsize=7)
    figure.suptitle(title)
    figure.savefig(out / PLOT, dpi=110)
    return out / PLOT


def has(lines: Sequence[Mapping[str, Any]], name: str) -> bool:
    """Tell whether a run logged this figure."""
    return any(line.get(name) is not None for line in lines)
