"""r1data makes verified video-reasoning datasets. The public names, loaded when they are used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from r1data.building import Build, build, open_build
    from r1data.errors import R1DataError
    from r1data.frames import Frames
    from r1data.frames import sample as sample_frames
    from r1data.recipe import Recipe, load_recipe
    from r1data.release.check import check
    from r1data.rewards import Verdict, verify

__version__ = "0.1.0"

__all__ = [
    "Build",
    "Frames",
    "R1DataError",
    "Recipe",
    "Verdict",
    "build",
    "check",
    "load_recipe",
    "open_build",
    "sample_frames",
    "verify",
]

HOMES = {
    "Build": "r1data.building",
    "Frames": "r1data.frames",
    "R1DataError": "r1data.errors",
    "Recipe": "r1data.recipe",
    "Verdict": "r1data.rewards",
    "build": "r1data.building",
    "check": "r1data.release.check",
    "load_recipe": "r1data.recipe",
    "open_build": "r1data.building",
    "sample_frames": "r1data.frames:sample",
    "verify": "r1data.rewards",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its home, so that `import r1data` itself stays light."""
    if name not in HOMES:
        raise AttributeError(f"r1data has no '{name}'")
    module, _, inner = HOMES[name].partition(":")
    return getattr(import_module(module), inner or name)
