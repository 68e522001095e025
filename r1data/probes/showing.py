"""How a probe shows a question: which pictures in which order, and options in another order."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from r1data.teacher.prompts import Prompt, letter
from r1data.teacher.requests import Picture, Question, read_pictures, times_line

# Options that speak of others by place or letter mean something else in another place.
ABOUT_OTHERS = re.compile(
    r"(?i:\b(all|none|both|neither|any) of (the|these|them|those)\b|\babove\b|\bbelow\b)"
    r"|^\(?[A-H]\)? (and|or|&) \(?[A-H]\)?$|\b(?i:both|neither|only|options?) \(?[A-H]\b"
)
Row = Mapping[str, Any]


class Shot(NamedTuple):
    """The moments that are told of, and which picture is shown for each."""

    places: tuple[int, ...]
    order: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Shown(Question):
    """A question whose pictures are not shown as they were taken."""

    shot: Shot

    def pictures(self) -> list[Picture]:
        """Return the pictures in the order shown, each with the time of its place."""
        taken = read_pictures(self.frames)
        return [
            replace(taken[place], jpeg=taken[which].jpeg)
            for place, which in zip(*self.shot, strict=True)
        ]


def show(question: Question, sample: Row, prompt: Prompt, shot: Shot) -> Shown:
    """Put a question anew, with the options of `sample` and the pictures of `shot`.

    The times stay those of the places, so that nothing in the text betrays a changed order.
    """
    bare = prompt.fill(sample["problem"], sample["options"] or [], sample["problem_type"])
    taken = question.pictures()
    head = ""
    if sample["data_type"] == "video" and shot.places:
        head = times_line([taken[place].time for place in shot.places]) + "\n\n"
    return Shown(
        id=question.id,
        text=head + bare,
        bare=bare,
        frames=question.frames,
        sizes=tuple(question.sizes[which] for which in shot.order),
        digests=tuple(question.digests[which] for which in shot.order),
        body_bytes=sum(4 * len(taken[which].jpeg) // 3 + 80 for which in shot.order) + len(bare),
        shot=shot,
    )


def shot_of(probe: str, sample: Row, count: int, options: Row, k: int) -> Shot | None:
    """Return what a probe shows of `count` pictures for its answer k; None where it says nothing.

    Several pictures are no clip, so their order is part of the question.
    """
    every = tuple(range(count))
    if probe == "blind":
        return Shot((), ())
    if probe == "pass_rate":
        return Shot(every, every)
    if sample["data_type"] != "video":
        return None
    if probe == "few_frame":
        few = options.get("frames", 1)
        some = tuple((2 * i + 1) * count // (2 * few) for i in range(few))
        return Shot(some, some) if few < count else None
    return (
        Shot(every, shuffled(count, f"{options['seed']}|{sample['id']}|{k}")) if count > 2 else None
    )


def shuffled(count: int, seed: str) -> tuple[int, ...]:
    """Return another order of `count` frames than their own, forwards or backwards."""
    order = list(range(count))
    rng = random.Random(seed)
    while order in (sorted(order), sorted(order, reverse=True)):
        rng.shuffle(order)
    return tuple(order)


def reordered(sample: Row, seed: int, k: int) -> Row:
    """Return a multiple-choice sample with its options in another order for each answer k.

    One random order is turned by k places, so that over as many answers as there are options the
    truth stands in every place once: whoever always says A is right as often as a guess.
    """
    options: Sequence[str] = sample["options"] or ()
    truth = place_of(sample)
    if truth is None or any(ABOUT_OTHERS.search(option) for option in options):
        return sample
    order = list(range(len(options)))
    random.Random(f"{seed}|{sample['id']}").shuffle(order)
    turn = k % len(order)
    order = order[turn:] + order[:turn]
    solution = letter(order.index(truth))
    return {**sample, "options": [options[i] for i in order], "solution": solution}


def place_of(sample: Row) -> int | None:
    """Return the place of the true option, where a letter names it."""
    if sample["problem_type"] != "multiple choice":
        return None
    letters = [letter(i) for i in range(len(sample["options"] or ()))]
    solution = str(sample["solution"]).strip().upper()
    return letters.index(solution) if solution in letters else None
