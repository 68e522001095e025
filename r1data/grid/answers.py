"""Reading what the guarded child sends back, as from a stranger.

The child reads files that others made. Should one of them take it over, its next answer comes from
the attacker, and a pickle runs what it names. So an answer may only hold plain values, records
(named tuples), enums, paths and exceptions.
"""

import enum
import importlib
import io
import pickle
import sys
from pathlib import PurePath
from typing import Any

PLAIN = (bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset)
RECORDS = (tuple, enum.Enum, PurePath, BaseException)


class Reader(pickle.Unpickler):
    """Finds harmless classes, and nothing that can be called to an effect."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        """Return a class that an answer may hold; what is not imported here is only ours."""
        if module_name not in sys.modules and not module_name.startswith("r1data."):
            raise pickle.UnpicklingError(f"an answer names {module_name}, which is not in use here")
        found = getattr(importlib.import_module(module_name), global_name, None)
        if isinstance(found, type) and (found in PLAIN or issubclass(found, RECORDS)):
            return found
        raise pickle.UnpicklingError(f"an answer may not hold {module_name}.{global_name}")


def loads(body: bytes) -> Any:
    """Return the value of a pickled answer. Raises UnpicklingError for anything but data."""
    return Reader(io.BytesIO(body)).load()
