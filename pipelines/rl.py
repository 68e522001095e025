"""rl: from source questions to a dataset of questions and truths for reinforcement learning.

The stages of cot without a teacher: no chain is asked for, and none is judged. The student's own
share of right answers, the probe pass_rate, says which questions can still teach it something.
"""

from r1data import stages
from r1data.grid.build import Stage
from r1data.recipe import Recipe


def pipeline(recipe: Recipe) -> list[Stage]:
    """Return the stages in order."""
    return [
        # with balance.even_letters, options already stand in the order in which they are asked
        stages.samples(recipe),
        # missing and empty files fall out here, before a decoder sees them
        stages.media(recipe),
        # decoded once and kept as JPEG; probes and trainers look at the same pictures
        stages.frames(recipe),
        # rows that repeat another or give a benchmark away fall out before any model is asked
        *stages.screen(recipe),
        # and where rules for words end, a model reads the few rows on one clip with one answer
        *stages.reworded(recipe),
        # cheapest question first; the dearest is the student's own attempts, n of them
        *stages.probes(recipe),
        # the band of pass rates, on columns: it can be moved in seconds
        stages.questions(recipe),
        # quotas come last, so that they hold for what is released
        *stages.balance(recipe),
        # rows with a truth and no chain
        stages.release(recipe, chains=False),
    ]
