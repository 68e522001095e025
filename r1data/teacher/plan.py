"""What asking will take, before anything is sent: requests, tokens, money."""

import json
import math
from collections.abc import Mapping, Set
from typing import Any, NamedTuple

from r1data.teacher.budget import Prices, estimate_input
from r1data.teacher.canary import Form
from r1data.teacher.requests import read_rounds

# A filled prompt with its question, from a short one to a long one with options.
TEXT_BYTES = (600, 2_000)
# Thoughts seldom stay under 150 tokens; above, max_tokens is the end.
LEAST_OUTPUT = 150


# Context lengths are stated in such steps.
CONTEXT_STEP = 1024


def serve_line(model: str, form: Form, output: int, media: Set[str]) -> str:
    """Return the command that starts vLLM for requests of `form` with replies of `output` tokens.

    Its context has room for the high end of what images and text take.
    """
    sizes = ((form.width, form.height),) * form.images
    tokens = estimate_input("x" * TEXT_BYTES[1], sizes * 2) + output
    context = math.ceil(tokens / CONTEXT_STEP) * CONTEXT_STEP
    whole = media - {"image_url"} and form.images > 1
    limit = {"video": 1} if whole else {"image": max(1, form.images)}
    files = " --allowed-local-media-path MEDIA" if "video_file" in media else ""
    return (
        f"vllm serve {model} --limit-mm-per-prompt '{json.dumps(limit)}' "
        f"--max-model-len {context}{files}"
    )


class Estimate(NamedTuple):
    """Low and high ends; money is None without prices. `requests` is the high end."""

    requests: int
    tokens_in: tuple[int, int]
    tokens_out: tuple[int, int]
    usd: tuple[float, float] | None


def estimate(
    rows: int,
    frames_each: int,
    width: int,
    height: int,
    options: Mapping[str, Any],
    prices: Mapping[str, Any] | None,
    draft: tuple[int, int] = (0, 0),
) -> Estimate:
    """Estimate what `rows` questions with `frames_each` pictures of width x height pixels take.

    `draft` are the tokens of the chain that a revision is about. Pictures are counted as Qwen
    counts them, one token for 28 x 28 pixels; the high end doubles that, since hosted models count
    tiles.
    """
    rounds = read_rounds(options["n"])
    fewest, requests = rows * len(rounds.first), rows * (len(rounds.first) + len(rounds.more))
    most = int(options["max_tokens"])
    sizes = ((width, height),) * frames_each
    low_in = fewest * (estimate_input("x" * TEXT_BYTES[0], sizes) + draft[0])
    high_in = requests * (estimate_input("x" * TEXT_BYTES[1], sizes * 2) + draft[1])
    low_out, high_out = fewest * min(LEAST_OUTPUT, most), requests * most
    usd = None
    if prices is not None:
        price = Prices(float(prices["input"]), float(prices["output"]))
        usd = price.cost(low_in, low_out), price.cost(high_in, high_out)
    return Estimate(requests, (low_in, high_in), (low_out, high_out), usd)
