"""`$NAME` in a recipe: read from the environment where it is used, and written nowhere."""

import os
import re

from r1data.errors import UsageError

VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")


def from_environment(value: str) -> str:
    """Return `value`, or, where it is "$NAME", what the environment holds under NAME.

    Raises UsageError where NAME is not set: an empty key would be sent and refused much later.
    """
    match = VARIABLE.fullmatch(value)
    if match is None:
        return value
    if not os.environ.get(match[1]):
        raise UsageError(
            f"the environment variable {match[1]} is asked for and not set: export {match[1]}=..."
        )
    return os.environ[match[1]]
