"""What the guarded child gives up before it touches a file that others made.

| what            | Linux                                    | macOS              | Windows |
|-----------------|------------------------------------------|--------------------|---------|
| network         | a namespace of its own, without devices  | -                  | -       |
| writing files   | RLIMIT_FSIZE 0                           | RLIMIT_FSIZE 0     | -       |
| core files      | RLIMIT_CORE 0                            | RLIMIT_CORE 0      | -       |
| processor       | RLIMIT_CPU, renewed by every call        | the same           | -       |
| memory          | RLIMIT_AS (in guard.py)                  | -                  | -       |
| time            | deadline and alarm (in guard.py)         | the same           | deadline |

Where the kernel refuses the namespace (some containers, Ubuntu's AppArmor rule), the child keeps
the network; `r1data doctor` asks a child which of these hold, and says so.
"""

import os
import sys
from pathlib import Path
from typing import NamedTuple

# <sched.h>; os.unshare came with Python 3.12.
NEW_USER, NEW_NETWORK = 0x1000_0000, 0x4000_0000
# Names the namespace that a process is in, on Linux.
NETWORK = Path("/proc/self/ns/net")


class Held(NamedTuple):
    """Which limits hold in a process."""

    network: bool = False
    files: bool = False
    memory: bool = False
    processor: bool = False


def leave_network() -> bool:
    """Move this process into a network namespace without devices; tell whether it worked.

    Root needs nothing else, and would lose its right to read others' files in a user namespace.
    Anybody else needs one, which a process with threads cannot enter.
    """
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    return libc.unshare(NEW_NETWORK) == 0 or libc.unshare(NEW_USER | NEW_NETWORK) == 0


def forbid_files() -> None:
    """Let this process write into no file from now on: pipes stay, and it dumps no core."""
    if sys.platform == "win32":
        return
    import resource

    for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        resource.setrlimit(limit, (0, 0))


def limit_processor(seconds: float) -> None:
    """End this process when it has computed for `seconds` more on every core."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = used.ru_utime + used.ru_stime
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    limit = int(spent + seconds * (os.cpu_count() or 1)) + 1
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))


def network_here() -> str:
    """Name the network namespace of this process; nothing where there are none."""
    return str(NETWORK.readlink()) if NETWORK.is_symlink() else ""


def held(parents_network: str) -> Held:
    """Tell which limits hold in this process, whose parent is in the network that is named."""
    if sys.platform == "win32":
        return Held()
    import resource

    def bounded(what: int) -> bool:
        return resource.getrlimit(what)[0] != resource.RLIM_INFINITY

    return Held(
        network=network_here() != parents_network,
        files=resource.getrlimit(resource.RLIMIT_FSIZE)[0] == 0,
        memory=bounded(resource.RLIMIT_AS),
        processor=bounded(resource.RLIMIT_CPU),
    )
