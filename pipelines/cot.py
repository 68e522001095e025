"""cot: from source questions to a dataset of verified chains of thought.

Each stage is a function over shards; a shard goes ahead as soon as its inputs exist. Cheap stages
stand before dear ones, so that the teacher is paid only for samples that can be asked about.
"""

from r1data import stages
from r1data.grid.build import Stage
from r1data.recipe import Recipe


def pipeline(recipe: Recipe) -> list[Stage]:
    """Return the stages in order."""
    return [
        # rows are chosen before any media are touched: nothing is fetched for a row not wanted
        stages.samples(recipe),
        # missing and empty files fall out here, before a decoder sees them
        stages.media(recipe),
        # decoded once and kept as JPEG; teacher, probes and trainers all look at the same pictures
        stages.frames(recipe),
        # rows that repeat another or give a benchmark away fall out before any model is asked
        *stages.screen(recipe),
        # and where rules for words end, a model reads the few rows on one clip with one answer
        *stages.reworded(recipe),
        # a small model is asked first, cheapest question first; what it settles is not paid for
        *stages.probes(recipe),
        # the dear one: every answer is journalled the moment it arrives
        stages.responses(recipe),
        # a second look, where the recipe has `revise:`; judged is what then stands
        *stages.revised(recipe),
        # judged apart from asking, so that a better rule never asks again
        stages.verdicts(recipe),
        # of several right chains the better one, where the recipe has `judge:`
        *stages.preferences(recipe),
        # chosen apart from judging, so that a threshold can be moved in seconds
        stages.selection(recipe),
        # quotas come last, so that they hold for what is released
        *stages.balance(recipe),
        # what load_dataset reads, with a card computed from the notes above
        stages.release(recipe),
    ]
