"""How sure a score is: Wilson for shares, a bootstrap with a fixed seed for everything else."""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# The 97.5% point of the normal distribution: intervals of 95%.
Z = 1.959963984540054
DRAWS, SEED = 2000, 0
# Numbers drawn at a time, so that a large benchmark needs no more than 64 MB.
BLOCK = 8_000_000


class Interval(NamedTuple):
    """A mean, its 95% interval, and how that was found: wilson, bootstrap or none."""

    mean: float
    low: float
    high: float
    method: str


class Stratum(NamedTuple):
    """Scores whose mean enters a whole with a weight; the weights of a whole sum to 1."""

    weight: float
    scores: Sequence[float]


def wilson(right: int, n: int) -> tuple[float, float]:
    """Return Wilson's 95% interval of a share (Wilson 1927); n is at least 1."""
    share = right / n
    middle = share + Z * Z / (2 * n)
    spread = Z * sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    scale = 1 + Z * Z / n
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def interval(strata: Sequence[Stratum], share: bool = True) -> Interval:
    """Return the weighted mean of means; one stratum of 0s and 1s is a share.

    With `share` false it is not: differences may be 0s and 1s by chance.
    """
    mean = float(sum(each.weight * np.mean(each.scores) for each in strata))
    if share and len(strata) == 1 and set(strata[0].scores) <= {0.0, 1.0}:
        scores = strata[0].scores
        return Interval(mean, *wilson(round(sum(scores)), len(scores)), "wilson")
    if all(len(each.scores) == 1 for each in strata):
        return Interval(mean, mean, mean, "none")
    low, high = bootstrap(strata)
    return Interval(mean, low, high, "bootstrap")


def bootstrap(strata: Sequence[Stratum]) -> tuple[float, float]:
    """Return the 2.5% and 97.5% points of the whole over draws with replacement in each stratum."""
    rng = np.random.default_rng(SEED)
    total = np.zeros(DRAWS)
    for each in strata:
        total += each.weight * drawn_means(np.asarray(each.scores, float), rng)
    low, high = np.quantile(total, [0.025, 0.975])
    return float(low), float(high)


def drawn_means(scores: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the means of `DRAWS` samples as large as `scores`."""
    step = max(1, BLOCK // len(scores))
    means = [
        scores[rng.integers(len(scores), size=(min(step, DRAWS - start), len(scores)))].mean(axis=1)
        for start in range(0, DRAWS, step)
    ]
    return np.concatenate(means)
