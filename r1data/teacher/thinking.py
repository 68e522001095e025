"""How the offline teacher thinks: from a question and what it measured to words and an answer.

It knows the question's text and its own measurements, nothing else. What it does not see it says,
and then guesses, so that it errs where the frames do not show enough.
"""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

from r1data.teacher import reading_out
from r1data.teacher.looking import (
    Look,
    appearance,
    edge_of,
    guess,
    missing,
    named,
    opening,
    pick,
    place,
    survey,
    target,
    when,
)
from r1data.teacher.meaning import meaning
from r1data.teacher.moving import speed_of, turns, way
from r1data.teacher.seeing import Track

WAYS = ("right", "left", "down", "up")


class Thought(NamedTuple):
    lines: list[str]
    answer: str


def think(look: Look) -> Thought:
    """Return the thought on `look.question`, whose last line states the answer."""
    if not look.frames:
        return blind(look)
    if reading_out.asked(look):
        return Thought(*reading_out.read_out(look))
    for pattern, about in QUESTIONS:
        if re.search(pattern, look.question, re.IGNORECASE | re.DOTALL):
            lines, answer = about(look)
            return settled(look, [opening(look), *lines], answer)
    understood = meaning(look.question)
    for facet, about in UNDERSTOOD.items():
        if facet in understood:
            lines, answer = about(look)
            return settled(look, [opening(look), *lines], answer)
    lines = [*survey(look), "But what is asked is nothing I can measure in them, so I must guess."]
    return settled(look, [opening(look), *lines], guess(look))


def settled(look: Look, lines: list[str], answer: str) -> Thought:
    """Return the thought with the answer brought to one of the options, where there are any."""
    if not look.options:
        closing = pick(look, "So the answer is {}.", "My answer is {}.", "That makes {}.")
        return Thought([*lines, closing.format(answer)], answer)
    fits = [letter for letter, option in look.options.items() if same(option, answer)]
    if not fits:
        lines.append(f"None of the options says '{answer}', so I take the nearest one.")
        fits = [nearest(look, answer)]
    closing = pick(look, "So the answer is {}: {}.", "That is option {}, {}.")
    return Thought([*lines, closing.format(fits[0], look.options[fits[0]])], fits[0])


def nearest(look: Look, answer: str) -> str:
    """Return the letter of the option with most words of the answer, by chance among equals."""
    words = set(re.findall(r"\w+", answer.lower())) - {"the"}

    def shared(letter: str) -> tuple[int, float]:
        own = re.findall(r"\w+", look.options[letter].lower())
        return len(words.intersection(own)), look.rng.random()

    return max(look.options, key=shared)


def same(option: str, answer: str) -> bool:
    """Say whether an option means the answer: the same words, or the same way ("to the left")."""
    option, answer = (re.sub(r"\bthe |[.]$", "", text.lower()).strip() for text in (option, answer))
    if answer in WAYS:
        ways = re.findall(r"right|left|down|up", option)
        return bool(ways) and ways[-1] == answer
    return option == answer


def blind(look: Look) -> Thought:
    """Return what the question's own words give away, else a guess, named as one: no picture."""
    lines = ["I am shown no picture, only the question."]
    told = given_away(look)
    if told:
        return settled(look, [*lines, f"Yet its own words say that it is {told}."], told)
    lines.append("Nothing in its words settles it.")
    return settled(look, [*lines, "I can only guess."], guess(look))


def given_away(look: Look) -> str:
    """Return the one option that the question itself names, or the one number where it counts."""
    if look.options:
        asked = look.question.lower()
        bare = {text: re.sub(r"^the ", "", text.lower()) for text in look.options.values()}
        found = [
            text for text, words in bare.items() if re.search(rf"\b{re.escape(words)}\b", asked)
        ]
        return found[0] if len(found) == 1 else ""
    numbers = re.findall(r"\d+", look.question)
    counts = re.search(r"how many", look.question, re.IGNORECASE)
    return numbers[0] if counts and len(numbers) == 1 else ""


# One way of thinking for each thing that can be asked


def entering(look: Look) -> tuple[list[str], list[Track]]:
    """Return the shapes in the order in which they entered, and what that order rests on."""

    def order(track: Track) -> tuple[int, float]:
        start = track.first == look.frames[0]
        reach = edge_of(look, track.seen[track.first])[1]
        return track.first, look.rng.random() if start else -reach

    tracks = sorted(look.tracks, key=order)
    lines = [appearance(look, track) for track in tracks]
    for a, b in pairwise(tracks):
        if b.first == look.frames[0]:
            lines.append(f"Whether the {a.name} or the {b.name} came first I can only guess.")
        elif a.first == b.first:
            lines.append(
                f"Wait, the {a.name} and the {b.name} are both new in {when(look, a.first)}. I "
                f"cannot see which came before the other; the {a.name} reaches further into the "
                "picture, so I take it to be the earlier one."
            )
    return lines, tracks


def about_order(look: Look) -> tuple[list[str], str]:
    lines, tracks = entering(look)
    return [*lines, "That gives the order."], ", ".join(track.name for track in tracks)


def about_entry(look: Look) -> tuple[list[str], str]:
    """Answer who entered first or last, with the colour alone where that is asked."""
    lines, tracks = entering(look)
    if not tracks:
        return survey(look), guess(look)
    place_asked = "last" if re.search(r"\blast\b", look.question, re.IGNORECASE) else "first"
    track = tracks[-1 if place_asked == "last" else 0]
    lines.append(f"So the {track.name} is the {place_asked} to enter.")
    colour = re.search(r"colou?r", look.question, re.IGNORECASE)
    return lines, track.colour if colour else track.name


def about_leaving(look: Look) -> tuple[list[str], str]:
    def order(track: Track) -> tuple[int, float]:
        return track.last, edge_of(look, track.seen[track.last])[1]

    tracks = sorted(look.tracks, key=order)
    if not tracks:
        return survey(look), guess(look)
    lines = [f"The {t.name} is last seen in {when(look, t.last)}." for t in tracks]
    if len(tracks) > 1 and tracks[-1].last == tracks[-2].last:
        lines.append(
            f"Hmm, the {tracks[-2].name} and the {tracks[-1].name} vanish after the same frame. "
            f"The {tracks[-1].name} still has more of itself in the picture there."
        )
    return lines, tracks[-1].name


def about_direction(look: Look) -> tuple[list[str], str]:
    name, track = target(look)
    if track is None:
        return missing(look, name)
    numbers = sorted(track.seen)
    if len(numbers) == 1:
        edge, _ = edge_of(look, track.seen[numbers[0]])
        line = f"I see the {name} only in {when(look, numbers[0])}, near the {edge} edge."
        inward = {"left": "right", "right": "left", "top": "down", "bottom": "up"}[edge]
        return [line, "One sight shows no motion; I guess that it comes from that edge."], inward
    at_start = re.search(r"\b(start|first|begin\w*)\b", look.question)
    at_end = re.search(r"\b(end|last|finally)\b", look.question)
    first, last = numbers[0], numbers[-1]
    if at_start or at_end:
        first, last = (numbers[0], numbers[1]) if at_start else (numbers[-2], numbers[-1])
    a, b = track.seen[first], track.seen[last]
    lines = [
        f"The {name} is {place(look, a)} in {when(look, first)} and {place(look, b)} in "
        f"{when(look, last)}.",
        f"So its centre moves by {b.x - a.x:+.0f} pixels across and {b.y - a.y:+.0f} downwards.",
    ]
    return lines, way(b.x - a.x, b.y - a.y)


def about_bounces(look: Look) -> tuple[list[str], str]:
    name, track = target(look)
    if track is None:
        return missing(look, name)
    numbers = sorted(track.seen)
    across = turns([track.seen[n].x for n in numbers], numbers)
    down = turns([track.seen[n].y for n in numbers], numbers)
    lines = [appearance(look, track)]
    for number, axis in sorted(
        [(n, "sideways") for n in across] + [(n, "up or down") for n in down]
    ):
        wording = pick(look, "By {} it has turned round {}.", "In {} it comes back {}.")
        lines.append(wording.format(when(look, number), axis))
    hidden = [n for n in look.frames if n not in track.seen]
    if hidden:
        lines.append(f"I do not see it in {when(look, hidden[0])}, so I may miss a turn there.")
    count = len(across) + len(down)
    lines.append(f"Let me count again: {len(across)} sideways and {len(down)} up or down.")
    return lines, str(count)


def about_distance(look: Look) -> tuple[list[str], str]:
    pair = named(look)[:2]
    for name, track in pair:
        if track is None:
            return missing(look, name)
    if len(pair) < 2:
        return survey(look), guess(look)
    lines, centres = [], []
    for name, track in pair:
        blob = track.seen[track.last] if track else None
        if track is None or blob is None:
            continue
        lines.append(f"The {name} is at ({blob.x:.0f}, {blob.y:.0f}) in {when(look, track.last)}.")
        if not blob.whole:
            lines.append("Part of it may be hidden or cut off there, so its centre is uncertain.")
        if track.last != look.frames[-1]:
            lines.append("I do not see it in the last frame and take this place instead.")
        centres.append((blob.x, blob.y))
    (ax, ay), (bx, by) = centres
    distance = ((ax - bx) ** 2 + (ay - by) ** 2) ** 0.5
    lines.append(f"They are {abs(ax - bx):.0f} apart across and {abs(ay - by):.0f} down.")
    return lines, f"{distance:.1f}"


def about_speed(look: Look) -> tuple[list[str], str]:
    name, track = target(look)
    speed = speed_of(look, track) if track else None
    if track is None or speed is None:
        return missing(look, name) if track is None else (survey(look), guess(look))
    first, last = track.first, track.last
    a, b = track.seen[first], track.seen[last]
    lines = [
        f"The {name} is {place(look, a)} in {when(look, first)} and {place(look, b)} in "
        f"{when(look, last)}.",
        f"I compare its place in each frame with the one before, {len(track.seen)} sights in all.",
        f"The middle one of these speeds is {speed:.1f} pixels a second.",
    ]
    return lines, f"{speed:.1f}"


def about_faster(look: Look) -> tuple[list[str], str]:
    lines, speeds = [], {}
    for track in look.tracks:
        speed = speed_of(look, track)
        if speed is None:
            lines.append(f"The {track.name} is seen only once: it must be quick, or hidden.")
        else:
            lines.append(f"The {track.name} covers about {speed:.0f} pixels a second.")
        speeds[track.name] = speed if speed is not None else 1e9
    if not speeds:
        return survey(look), guess(look)
    best = max(speeds, key=lambda name: speeds[name])
    return [*lines, f"The {best} is the quickest of them."], best


def about_count(look: Look) -> tuple[list[str], str]:
    """Count the shapes over all frames, or those of one form or colour in a single picture."""
    form = re.search(r"how many (circle|square|triangle)s", look.question, re.IGNORECASE)
    if form is None:
        names = ", ".join(f"the {track.name}" for track in look.tracks)
        return [*survey(look), f"Altogether I have seen {names}."], str(len(look.tracks))
    found = [blob for blob in look.blobs if blob.form == form[1].lower()]
    lines = [f"One is {b.colour}, at ({b.x:.0f}, {b.y:.0f})." for b in found]
    cut = sum(not blob.whole for blob in look.blobs)
    if cut:
        lines.append(f"Some patches, {cut} of them, touch others, so their form is uncertain.")
    return lines or [f"I see no {form[1]}."], str(len(found))


def about_leftmost(look: Look) -> tuple[list[str], str]:
    tracks = sorted(look.tracks, key=lambda track: track.seen[track.first].x)
    if not tracks:
        return survey(look), guess(look)
    lines = [f"The {t.name} is at x = {t.seen[t.first].x:.0f}." for t in tracks]
    return [*lines, "The smallest x is farthest to the left."], tracks[0].name


def about_word(look: Look) -> tuple[list[str], str]:
    if not look.word:
        return ["I see nothing written in it."], guess(look)
    spelt = "-".join(look.word)
    return [f"There are {len(look.word)} signs in a row: {spelt}."], look.word


QUESTIONS: tuple[tuple[str, Callable[[Look], tuple[list[str], str]]], ...] = (
    (r"\bwritten\b|what (word|text)|\bread\b", about_word),
    (r"(what|which) order", about_order),
    (r"\bleaves?\b", about_leaving),
    (r"(enter|appear)s?\b.*\b(first|last)|\b(first|last)\b.*(enter|appear)", about_entry),
    (r"direction|which way", about_direction),
    (r"\bbounces?\b", about_bounces),
    (r"\bapart\b|distance", about_distance),
    (r"how fast|\bspeed\b", about_speed),
    (r"\bfast(er|est)\b", about_faster),
    (r"(left|right)most|farthest to the left", about_leftmost),
    (r"how many", about_count),
)
# The same for wordings that none of these knows, by what is understood of them.
UNDERSTOOD = {
    "word": about_word,
    "order": about_order,
    "bounce": about_bounces,
    "apart": about_distance,
    "direction": about_direction,
    "fastest": about_faster,
    "speed": about_speed,
    "leave": about_leaving,
    "enter": about_entry,
    "left": about_leftmost,
    "count": about_count,
}
