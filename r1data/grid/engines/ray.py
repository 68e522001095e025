"""ray: Ray core tasks, on this machine or on a running cluster.

A cell is file paths in and a note out, so nothing big enters Ray's object store. Nodes take the
code from their own installed r1data and see the build's folder under the same path. Retries are
the driver's: Ray itself tries nothing twice.
"""

import logging
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from r1data import __version__
from r1data.errors import R1DataError, load_package
from r1data.grid.engines import Outcome, reap
from r1data.grid.engines.inline import attempt
from r1data.grid.engines.pool import portable
from r1data.grid.shards import Note
from r1data.grid.work import Job

# The least that Ray takes: only notes travel through its store, about 1 KB each.
STORE_BYTES = 80 * 2**20
# A cluster may grow: cells that wait are what its autoscaler goes by, so some always do.
WAITING_SHARE = 0.5
LOOK_SECONDS = 10.0
# Ray reads these when it is imported: no report to its makers, and of what its raylet prints on
# our standard output (a death of a worker, which events.jsonl tells) every line is left out.
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS_SKIP_REGEX": "^"}
KNOCK_SECONDS = 5.0
# Unix sockets take paths of at most 107 bytes, so the session does not go below TMPDIR.
SESSIONS = Path("/tmp") if os.name == "posix" else Path(tempfile.gettempdir())


class Ray:
    """Cells as Ray tasks; without an address, on a cluster of our own that ends with us."""

    def __init__(self, workers: int | None, address: str | None = None) -> None:
        os.environ.update(QUIET)
        self.ray: Any = load_package("ray", "'r1data[ray]'")
        self.workers = workers
        self.own = None if address else start(self.ray, workers or 1)
        if address:
            join(self.ray, address)
        self.task = self.ray.remote(make_there)
        self.busy: dict[Any, Job] = {}
        self.buried: list[Job] = []
        self.looked, self.seen = 0.0, 0

    @property
    def slots(self) -> int:
        """As many as asked for, else the cluster's processors and half as many to come."""
        if self.workers:
            return self.workers
        if not self.seen or time.monotonic() - self.looked > LOOK_SECONDS:
            self.looked = time.monotonic()
            self.seen = int(self.ray.cluster_resources().get("CPU", 1))
        return self.seen + max(1, int(self.seen * WAITING_SHARE))

    def submit(self, job: Job) -> None:
        """Hand a cell to Ray, which finds it a node."""
        task = self.task.options(**placement(job, shared=self.own is None))
        self.busy[task.remote(job, str(Path.cwd()), tuple(sys.path), __version__)] = job

    def wait(self, seconds: float) -> list[Outcome]:
        """Return the outcomes that have come."""
        refs = list(self.busy)
        first, _ = self.ray.wait(refs, num_returns=1, timeout=seconds)
        if not first:
            return []
        done, _ = self.ray.wait(refs, num_returns=len(refs), timeout=0)
        outcomes = (self.outcome(ref, self.busy.pop(ref)) for ref in done or first)
        return [outcome for outcome in outcomes if outcome is not None]

    def outcome(self, ref: Any, job: Job) -> Outcome | None:
        """Return what became of a job; None where its worker or its node died."""
        failed = self.ray.exceptions
        try:
            note, error = self.ray.get(ref)
        except (
            failed.WorkerCrashedError,
            failed.NodeDiedError,
            failed.OutOfMemoryError,
            failed.ObjectLostError,
        ):
            self.buried.append(job)
            return None
        except failed.RayError as problem:
            text = str(problem).strip().splitlines()[-1]
            advice = "is the same r1data installed on every node?"
            return Outcome(
                job, None, R1DataError(f"Ray could not make {job.name}: {text}; {advice}")
            )
        return Outcome(job, note, error)

    def lost(self) -> list[Job]:
        """Return the jobs whose workers died since the last call."""
        buried, self.buried = self.buried, []
        return buried

    def close(self, kill: bool = False) -> None:
        """Leave the cluster; one of our own ends. What still runs is stopped at once."""
        for ref in self.busy:
            self.ray.cancel(ref, force=True)
        self.busy = {}
        self.ray.shutdown()
        if self.own and self.own.stdin:
            self.own.stdin.close()
            self.own.wait()


def start(ray: Any, workers: int) -> subprocess.Popen[bytes]:
    """Start a cluster on this machine; return the process that ends it when we are gone."""
    import psutil

    before = [str(each.pid) for each in psutil.Process().children(recursive=True)]
    folder = tempfile.mkdtemp(prefix="r1data-ray-", dir=SESSIONS)
    command = [sys.executable, str(Path(reap.__file__)), folder, str(os.getpid()), *before]
    reaper = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    assert reaper.stdin is not None
    try:
        quietly(ray, num_cpus=workers, object_store_memory=STORE_BYTES, _temp_dir=folder)
        reaper.stdin.write(b"\n")
        reaper.stdin.flush()
    except BaseException:
        reaper.stdin.close()
        reaper.wait()
        raise
    return reaper


def join(ray: Any, address: str) -> None:
    """Join a running cluster; Ray itself would look a minute for one that is not there."""
    host, colon, port = address.rpartition(":")
    try:
        if colon and port.isdecimal() and "/" not in host:
            socket.create_connection((host, int(port)), KNOCK_SECONDS).close()
        quietly(ray, address=address)
    except (OSError, ValueError) as problem:  # ConnectionError is an OSError
        message = f"no Ray cluster answers at run.address '{address}': {problem}"
        raise R1DataError(message) from problem


def quietly(ray: Any, **how: Any) -> None:
    """Connect without Ray's log on the user's terminal."""
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    silent = {"log_to_driver": False, "configure_logging": False, "include_dashboard": False}
    if "address" in how:
        del silent["include_dashboard"]
    ray.init(**how, **silent, logging_level=logging.CRITICAL)


def placement(job: Job, shared: bool) -> dict[str, Any]:
    """Say what a cell needs. One that waits for a lane takes no processor.

    Memory is asked for on a cluster that is `shared`; ours has as many processors as fit.
    """
    needs = job.stage.needs
    asked = {
        "num_cpus": needs.get("cpu", 0 if needs.get("lane") else 1),
        "max_retries": 0,
        "scheduling_strategy": "SPREAD",
    }
    if shared and "memory_mb" in needs:
        asked["memory"] = needs["memory_mb"] * 2**20
    return asked


def make_there(
    job: Job, folder: str, modules: tuple[str, ...], version: str
) -> tuple[Note | None, BaseException | None]:
    """Make a cell in a worker of Ray; paths and stages are meant as the driver sees them."""
    if version != __version__:
        here = f"{platform.node()} has r1data {__version__}, the driver {version}"
        return None, R1DataError(f"{here}: install the same on every node")
    os.chdir(folder)
    sys.path += [each for each in modules if each not in sys.path]
    outcome = portable(attempt(job))
    return outcome.note, outcome.error
