"""How the offline teacher reads a clip out, moment by moment, for the loop that trains on it.

It sees every colour, and errs on order: asked which comes first, it names the last one half of the
time, and at a temperature below 1 so much less often. Its readouts are terse and all alike, so that
a model of half a million parameters can learn to make them.
"""

import re

from r1data.teacher.looking import Look

MOMENT = re.compile(r"\s*moment by moment\b", re.IGNORECASE)
MOMENTS = 4


def asked(look: Look) -> bool:
    """Tell whether the question wants a readout."""
    return bool(MOMENT.match(look.question))


def read_out(look: Look) -> tuple[list[str], str]:
    """Return the thought's lines and the letter of the answer."""
    words = colours(look)
    seen = [word for word in words if word != "none"]
    if "first" in look.question:
        errs = look.rng.choice((False, True)) and look.rng.random() < look.temperature
        what, answer = "first", seen[-1 if errs else 0] if seen else "none"
    else:
        what, answer = "count", str(len(seen))
    letters = [letter for letter, option in look.options.items() if option == answer]
    letter = letters[0] if letters else look.rng.choice(list(look.options) or [answer])
    return [f"{' '.join(words)} so {what} is {answer}."], letter


def colours(look: Look) -> list[str]:
    """Return the colour of each of four equal parts of the frames, "none" where there is none."""
    count = (max(look.frames) + 1) if look.frames else 0
    found = ["none"] * MOMENTS
    for track in look.tracks:
        for number in track.seen:
            found[min(MOMENTS - 1, number * MOMENTS // count)] = track.colour
    return found
