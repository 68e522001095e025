"""inline: one cell after the other in this process. For tests and for pdb."""

from r1data.grid.engines import Outcome
from r1data.grid.work import Job, make


class Inline:
    """Makes a cell when it is waited for."""

    slots = 1

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def submit(self, job: Job) -> None:
        """Remember the job."""
        self.jobs.append(job)

    def wait(self, seconds: float) -> list[Outcome]:
        """Make the first of what was submitted; the driver may stop before the next."""
        return [attempt(self.jobs.pop(0))]

    def lost(self) -> list[Job]:
        """Nothing can be lost: a crash here is a crash of the driver."""
        return []

    def close(self, kill: bool = False) -> None:
        """Nothing to end."""


def attempt(job: Job) -> Outcome:
    """Make a cell and catch whatever its stage raises: the driver judges errors, not the engine."""
    try:
        return Outcome(job, make(job))
    except Exception as error:
        return Outcome(job, None, error)
