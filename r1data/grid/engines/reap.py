"""Ends a Ray cluster whose driver is gone, however it went. Run as a script, by `ray.py`.

Ray's own processes mostly end with the driver, but its agents try for a minute to report what
happened to a server that is gone as well; and nobody removes the folder of the session.
"""

import shutil
import sys

import psutil

# The driver may be in the middle of an orderly end.
GRACE_SECONDS = 5.0


def reap(folder: str, pids: list[int]) -> None:
    """Wait until standard input closes, then see that the processes end and the folder goes."""
    living = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    sys.stdin.read()
    _, stubborn = psutil.wait_procs(living, timeout=GRACE_SECONDS)
    for process in stubborn:
        try:
            process.kill()  # psutil looks first whether the number now belongs to another process
        except psutil.NoSuchProcess:
            continue
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    reap(sys.argv[1], [int(pid) for pid in sys.argv[2:]])
