"""Which stages a recipe has, by name: what later ones take depends on it."""

from r1data.recipe import Recipe


def probe_names(recipe: Recipe) -> list[str]:
    """Return the probes of one row each that a recipe asks for, cheapest first."""
    every = ("blind", "few_frame", "shuffled", "pass_rate")
    return [name for name in every if getattr(recipe.probes, name, None) is not None]


def compares(recipe: Recipe) -> bool:
    """Tell whether a model is asked which rows say the same in other words."""
    screens = recipe.screen is not None and recipe.screen.duplicates
    return screens and recipe.probes is not None and recipe.probes.reworded["n"] > 0


def standing(recipe: Recipe, before: str | None = None) -> str:
    """Name the stage whose table says which rows still stand when the stage `before` begins."""
    screened = [*(["screen"] if recipe.screen else []), *(["reworded"] if compares(recipe) else [])]
    names = ["frames", *screened, *probe_names(recipe)]
    return names[names.index(before) - 1] if before else names[-1]


def answers(recipe: Recipe) -> str:
    """Name the stage whose table holds the chains that are judged and released."""
    return "revised" if recipe.revise else "responses"


def chosen(recipe: Recipe) -> str:
    """Name the stage whose table says which rows are released, with which chains."""
    return "balance" if recipe.balance else "selection"


def probe_lane(recipe: Recipe) -> str:
    """Name the lanes that the probes' model is asked on."""
    return "probes" if recipe.run.probe_lanes else "teacher"
