"""What the driver asks of an engine: submit, wait, lost. Policy stays in the driver."""

from typing import NamedTuple, Protocol

from r1data.grid.shards import Note
from r1data.grid.work import Job


class Outcome(NamedTuple):
    """What became of a job: its note, or the error that it met."""

    job: Job
    note: Note | None
    error: BaseException | None = None


class Engine(Protocol):
    """Where cells are computed."""

    @property
    def slots(self) -> int:
        """How many cells may compute at once; cells that only wait for a lane come on top."""
        ...

    def submit(self, job: Job) -> None:
        """Begin to make a cell."""
        ...

    def wait(self, seconds: float) -> list[Outcome]:
        """Return what has finished; wait at most `seconds` for the first."""
        ...

    def lost(self) -> list[Job]:
        """Return the jobs whose workers died since the last call."""
        ...

    def close(self, kill: bool = False) -> None:
        """End the workers; with `kill`, at once."""
        ...
