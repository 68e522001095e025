"""Ctrl-C on a terminal reaches every process there; it is for the one that started the others."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ctrl_c_spares() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach.

    They ignore it themselves once they run. While they still import, it would end them with a
    traceback: a process takes over which signals its starter holds back.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
