"""Ask an endpoint the questions of a test set, through the teacher's client and journal."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from r1data.evaluate.pictures import Shot
from r1data.evaluate.rows import Item
from r1data.grid.build import Cell
from r1data.schema import arrow_schema
from r1data.teacher.prompts import Prompt
from r1data.teacher.requests import Ask, Picture, Question, request_key, times_line
from r1data.teacher.stage import answers_to

NOTHING = pa.scalar([], arrow_schema("frames").field("frames").type)
Responses = dict[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Kept(Question):
    """A question whose frames stay on disk until its request is built."""

    shot: Shot

    def pictures(self) -> list[Picture]:
        """Return the frames, in the order shown."""
        return self.shot.pictures()


def question_of(item: Item, shot: Shot, prompt: Prompt) -> Kept:
    """Fill the prompt for one item; a question about a clip says when its frames were taken."""
    sample = item.sample
    bare = prompt.fill(sample["problem"], sample["options"] or [], sample["problem_type"])
    head = ""
    if sample["data_type"] == "video" and shot.times:
        head = times_line(list(shot.times)) + "\n\n"
    return Kept(
        id=item.id,
        text=head + bare,
        bare=bare,
        frames=NOTHING,
        sizes=shot.sizes,
        digests=shot.digests,
        body_bytes=4 * shot.bytes // 3 + 80 * len(shot.digests) + len(bare),
        shot=shot,
    )


def ask_endpoint(
    questions: Sequence[Question],
    model: str,
    params: Mapping[str, Any],
    prompt: Prompt,
    lane: Mapping[str, Any],
    out: Path,
    name: str = "answers",
) -> Responses:
    """Return id -> response; what the journal in `out` holds is not asked again.

    Nothing is ever asked without its pictures: an endpoint that refuses them stops the run. Raises
    TeacherStop, BudgetSpent, Interrupted or DiskStop.
    """
    asks = [Ask(request_key(model, each, params, 0), each, 0) for each in questions]
    with served(lane) as reached:
        cell = Cell("eval", name, {"model": model}, {"lanes": [reached]}, out, out / name)
        found = answers_to(asks, prompt, params, cell) if asks else {}
    return {ask.question.id: found[ask.key] for ask in asks}


@contextmanager
def served(lane: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a lane; `url: offline` is served from this machine meanwhile."""
    if lane["url"] != "offline":
        yield dict(lane)
        return
    from r1data.teacher.offline import serve

    with serve() as url:
        yield {**lane, "url": url}
