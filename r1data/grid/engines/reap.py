"""Ends a Ray cluster whose driver is gone, however it went. Run as a script, by `ray.py`.

Ray's own processes mostly end with the driver, but its agents try for a minute to report what
happened to a server that is gone as well; and nobody removes the folder of the session. It is
started before the cluster, and looks which processes come to be: starting takes five seconds and
more, in which a driver may be killed, too.
"""

import contextlib
import shutil
import sys
import threading

import psutil

# The driver may be in the middle of an orderly end.
GRACE_SECONDS = 5.0
LOOK_SECONDS = 0.5
GONE = (psutil.NoSuchProcess, psutil.AccessDenied)


def reap(folder: str, driver: int, before: set[int]) -> None:
    """Wait until standard input closes, then see that Ray's processes end and the folder goes.

    Whatever ran `before` is none of the cluster; a line on standard input says that it has started.
    """
    started, over = threading.Event(), threading.Event()
    threading.Thread(target=listen, args=(started, over), daemon=True).start()
    known: set[psutil.Process] = set()
    while not over.wait(LOOK_SECONDS):
        whole = started.is_set()  # before the look: what started until now is in it
        known |= below(driver, before)
        if whole:
            over.wait()
    # A process hands its place on to its children; what has lost its parents names the folder.
    known |= {child for each in known for child in below(each.pid, before)} | users(folder)
    _, stubborn = psutil.wait_procs(known, timeout=GRACE_SECONDS)
    for process in stubborn:
        with contextlib.suppress(*GONE):
            process.kill()  # psutil looks first whether the number now belongs to another process
    psutil.wait_procs(stubborn, timeout=GRACE_SECONDS)
    shutil.rmtree(folder, ignore_errors=True)


def listen(started: threading.Event, over: threading.Event) -> None:
    """Hear what the driver says; its death closes the pipe as well."""
    if sys.stdin.readline():
        started.set()
    sys.stdin.read()
    over.set()


def below(parent: int, before: set[int]) -> set[psutil.Process]:
    """Return the processes of Ray that a process started, and those that they started."""
    with contextlib.suppress(*GONE):
        found = psutil.Process(parent).children(recursive=True)
        return {each for each in found if each.pid not in before and is_rays(each)}
    return set()


def is_rays(process: psutil.Process) -> bool:
    """Tell Ray's processes from others that a driver may start meanwhile."""
    line = line_of(process)
    return "ray::" in line or "/ray/" in line.replace("\\", "/")


def users(folder: str) -> set[psutil.Process]:
    """Return the processes that were told to use a session's folder, but for this one."""
    own = psutil.Process().pid
    return {each for each in psutil.process_iter() if each.pid != own and folder in line_of(each)}


def line_of(process: psutil.Process) -> str:
    """Return the command line of a process."""
    with contextlib.suppress(*GONE):
        return " ".join(process.cmdline())
    return ""


if __name__ == "__main__":
    reap(sys.argv[1], int(sys.argv[2]), {int(each) for each in sys.argv[3:]})
