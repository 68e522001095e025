"""demo: the stages of cot, on moving shapes and a teacher that looks at pixels.

Nothing is left out or made easier, so what the demo shows is what a real build does.
"""

from r1data import stages
from r1data.grid.build import Stage
from r1data.recipe import Recipe


def pipeline(recipe: Recipe) -> list[Stage]:
    """Return the stages in order."""
    return [
        stages.samples(recipe),  # questions about shapes, drawn up from the seed
        stages.media(recipe),  # their clips, rendered to real MP4 files
        stages.frames(recipe),  # sixteen frames each, as any clip
        *stages.screen(recipe),  # rows that say the same, where the recipe asks for it
        *stages.reworded(recipe),  # also in other words, as a model tells
        *stages.probes(recipe),  # cheap questions first, where the recipe asks for them
        stages.responses(recipe),  # the offline teacher measures what it sees, and errs
        *stages.revised(recipe),  # which may look again and mend them
        stages.verdicts(recipe),  # its answers against the truth of the scene
        *stages.preferences(recipe),  # the better of two right ones, where there is a judge
        stages.selection(recipe),  # wrong ones fall out, with a reason
        *stages.balance(recipe),  # and what is over a quota, where the recipe has any
        stages.release(recipe),  # the rest is a dataset
    ]
