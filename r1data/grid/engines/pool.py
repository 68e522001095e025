"""pool: spawned processes on this machine, one cell each at a time.

Not concurrent.futures: there one dead worker breaks the pool and takes every other job with it.
Here each worker has a pipe of its own, so the job that died with it is known for certain.
"""

import contextlib
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import NamedTuple

from r1data.errors import R1DataError
from r1data.grid.engines import Outcome
from r1data.grid.engines.inline import attempt
from r1data.grid.signals import ctrl_c_spares
from r1data.grid.work import Job

GRACE_SECONDS = 5.0


class Worker(NamedTuple):
    """A process and our end of its pipe."""

    process: BaseProcess
    pipe: Connection


class Pool:
    """Worker processes, started when there is work for them, replaced when they die."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.context = multiprocessing.get_context("spawn")
        self.idle: list[Worker] = []
        self.busy: dict[Connection, tuple[Worker, Job]] = {}
        self.buried: list[Job] = []

    def submit(self, job: Job) -> None:
        """Hand a job to an idle worker, or to a new one."""
        worker = self.live_worker()
        self.busy[worker.pipe] = (worker, job)
        # A worker that died this instant is noticed in wait(), through the end of its pipe.
        with contextlib.suppress(BrokenPipeError):
            worker.pipe.send(job)

    def live_worker(self) -> Worker:
        """Return an idle worker that lives; start one where there is none."""
        while self.idle:
            worker = self.idle.pop()
            if worker.process.is_alive():
                return worker
            worker.pipe.close()
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=serve, args=(theirs,), name="r1data-worker")
        start_alone(process)
        theirs.close()
        return Worker(process, ours)

    def wait(self, seconds: float) -> list[Outcome]:
        """Return the outcomes that have come; a closed pipe means that its worker died."""
        outcomes: list[Outcome] = []
        for pipe in wait(list(self.busy), timeout=seconds):
            assert isinstance(pipe, Connection)
            worker, job = self.busy.pop(pipe)
            try:
                outcomes.append(pipe.recv()._replace(job=job))
                self.idle.append(worker)
            except (EOFError, ConnectionResetError, pickle.UnpicklingError):
                self.buried.append(job)
                worker.process.join(GRACE_SECONDS)
                pipe.close()
        return outcomes

    def lost(self) -> list[Job]:
        """Return the jobs whose workers died since the last call."""
        buried, self.buried = self.buried, []
        return buried

    def close(self, kill: bool = False) -> None:
        """End all workers: idle ones by closing their pipe, the others by force."""
        workers = self.idle + [worker for worker, _ in self.busy.values()]
        for worker in workers:
            worker.pipe.close()
            if kill:
                worker.process.kill()
        for worker in workers:
            worker.process.join(GRACE_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
        self.idle, self.busy = [], {}


def start_alone(process: BaseProcess) -> None:
    """Start a process that does not run the caller's script again, as spawning would.

    Stages are imported by name, so a worker needs nothing of it; and a script without an
    `if __name__ == "__main__"` would begin its build anew in every worker.
    """
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        with ctrl_c_spares():
            process.start()
    finally:
        sys.modules["__main__"] = script


def serve(pipe: Connection) -> None:
    """Make cells until the pipe closes. Ctrl-C is the driver's to judge, so workers ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=die_with_parent, daemon=True).start()
    while True:
        try:
            job: Job = pipe.recv()
        except (EOFError, ConnectionResetError):
            return
        pipe.send(portable(attempt(job)))


def die_with_parent() -> None:
    """End this process when the driver dies, so that no orphan goes on asking a paid teacher."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def portable(outcome: Outcome) -> Outcome:
    """Return an outcome that survives the pipe: an unpicklable error becomes its text."""
    error = outcome.error
    if error is None:
        return outcome
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return outcome._replace(error=R1DataError(f"{type(error).__name__}: {error}"))
    return outcome
