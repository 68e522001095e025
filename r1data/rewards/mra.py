"""Mean relative accuracy: VSI-Bench's own and Video-R1's variant of it.

Both count how many of ten tolerances a relative error keeps, from 50% down to 5%. VSI-Bench takes
an error that equals a tolerance as a hit (<=) and computes in double precision; Video-R1 does not
(<), adds 1e-8 to the truth and computes in single precision.
"""

from r1data.rewards.published import published_mra as video_r1_mra

START, STOP, COUNT = 0.5, 0.95, 10
STEP = (STOP - START) / (COUNT - 1)

# numpy.linspace(.5, .95, 10), whose last bit the comparison depends on
CONFIDENCES = tuple(STOP if i == COUNT - 1 else i * STEP + START for i in range(COUNT))


def vsi_mra(answer: float, truth: float) -> float:
    """Return VSI-Bench's mean relative accuracy of two numbers.

    A truth of zero, which the benchmark does not have, is hit or missed; so is a truth below zero
    by its size.
    """
    if truth == 0:
        return 1.0 if answer == 0 else 0.0
    error = abs(answer - truth) / abs(truth)
    return sum(error <= 1 - confidence for confidence in CONFIDENCES) / COUNT


__all__ = ["video_r1_mra", "vsi_mra"]
