"""What can go wrong, and what the person is told.

R1DataError                 one line for the person; exit code 1
├── UsageError              wrong arguments                                        exit code 2
│   └── RecipeError         a recipe, card or schema that cannot be right: file, line, key
├── InputError              a user's file that cannot be read or parsed: file, row
├── MissingPackage          an optional package, with its pip line
├── ShardFault              a cell failed; it is tried again, then set aside       exit code 3
└── BuildStop               going on is pointless: the build stops at once, and can be resumed
    ├── Locked              another process drives this build
    ├── TeacherStop         wrong key, unknown model, nobody answers
    ├── DiskStop            no space, or a folder that cannot be written
    ├── Interrupted         Ctrl-C                                             exit code 130
    └── BudgetSpent         the cap of the recipe is reached                       exit code 4

A fault of a single row is no exception but data: a `Drop` and a sentence in the row's
`drop_reason` and `drop_detail`. Inside a stage `RowDrop` carries the two to the row.
"""

import importlib
from types import ModuleType

from r1data.grid.drops import Drop

DONE, FAILED, USAGE, SET_ASIDE, BUDGET = 0, 1, 2, 3, 4
# What a shell reports of a program that Ctrl-C (signal 2) ended: 128 and the signal.
INTERRUPTED = 130


class R1DataError(Exception):
    """Base of every error that r1data raises for a person to read."""

    exit_code = FAILED


class UsageError(R1DataError):
    exit_code = USAGE


class RecipeError(UsageError):
    """A recipe or card that cannot be right."""


class InputError(R1DataError):
    """A user's file that cannot be read or parsed."""


class MissingPackage(R1DataError):
    """An optional package is not installed."""


class ShardFault(R1DataError):
    """A cell failed for a reason that may pass."""

    exit_code = SET_ASIDE


class BuildStop(R1DataError):
    """Going on is pointless until somebody acts."""


class Locked(BuildStop):
    pass


class TeacherStop(BuildStop):
    pass


class DiskStop(BuildStop):
    pass


class Interrupted(BuildStop):
    exit_code = INTERRUPTED


class BudgetSpent(BuildStop):
    exit_code = BUDGET


class RowDrop(Exception):
    """Carries the reason why one row falls out from where it is found to the row's stage."""

    def __init__(self, reason: Drop, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type["RowDrop"], tuple[Drop, str]]:
        return RowDrop, (self.reason, self.detail)


# What to do where the system refuses a file that nothing looked at before.
ADVICE: dict[type[OSError], str] = {
    FileNotFoundError: "cannot be found or made: check the path",
    FileExistsError: "is a file where a folder is needed: name another path",
    IsADirectoryError: "is a folder where a file is needed: name a file",
    NotADirectoryError: "lies below a file: name a path below a folder",
    PermissionError: "is not for this user to read or write: change its rights, or name another",
}


def file_fault(problem: OSError) -> R1DataError:
    """Return what the system refused as one line: which file, why, what to do."""
    path = problem.filename2 or problem.filename
    if path is None:
        return R1DataError(f"{problem}: see to it and run the same again")
    said = problem.strerror or type(problem).__name__
    return R1DataError(f"{path} {ADVICE.get(type(problem), said)}")


def load_package(module: str, install: str) -> ModuleType:
    """Import `module`, or raise MissingPackage with the pip line that brings it."""
    try:
        return importlib.import_module(module)
    except ImportError as problem:
        package = module.partition(".")[0]
        message = f"the package '{package}' is needed here and not installed: pip install {install}"
        raise MissingPackage(message) from problem
