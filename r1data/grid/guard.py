"""Run a risky call (a decode, symbolic maths) in a child process that may hang, crash or leak.

    with Guarded("r1data.frames.take:take_frames", memory_mb=2048) as guarded:
        taken = guarded(path, count=16, deadline=30)

The child is a plain `python -c`, joined by two pipes, and no `multiprocessing` child: pool workers
are daemons, which multiprocessing forbids children. It is started by the first call, used again
by the next, and replaced after a hang, a crash or a memory fault.

What a hostile file may still do in there is bounded by the kernel: see r1data/grid/confined.py.
"""

import contextlib
import functools
import importlib
import os
import pickle
import queue
import re
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NoReturn, Self

from r1data.errors import R1DataError
from r1data.grid import confined
from r1data.grid.answers import loads
from r1data.grid.signals import ctrl_c_spares

HEAD = struct.Struct("<Q")
CHILD = "from r1data.grid.guard import serve; serve()"
# The first call pays for the imports of its function: 1-2 s for PyAV and OpenCV from a cold disk.
START_SECONDS = 60.0
# A child that outlives the deadline this much has lost its parent: the kernel ends it.
ORPHAN_SECONDS = 10.0
PARENT_POLL_SECONDS = 1.0
# A child is replaced after so many calls: what FFmpeg leaks must not grow to the memory limit,
# which would blame the clip that happens to be next.
CALLS_A_CHILD = 500
SECRET = re.compile("KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL")


class GuardTimeout(R1DataError):
    """The guarded call did not answer within its deadline; its process was killed."""


class GuardCrash(R1DataError):
    """The guarded process died, or passed its memory limit."""


class GuardKilled(GuardCrash):
    """Somebody killed the guarded process: a person, or a kernel that is short of memory."""


class Guarded:
    """Calls `target` ("module:function") in a child process; one call at a time.

    Arguments, results and exceptions travel as pickles. What the function raises is raised here as
    itself. `memory_mb` bounds what the child may allocate beyond what it holds after its imports;
    Linux enforces it, macOS and Windows do not.
    """

    def __init__(self, target: str, memory_mb: int = 2048) -> None:
        self.target = target
        self.memory_mb = memory_mb
        self._turn = threading.Lock()
        self._child: _Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, *args: Any, deadline: float, **options: Any) -> Any:
        """Return the function's result, or raise what it raised, GuardTimeout or GuardCrash."""
        with self._turn:
            try:
                kind, value = self._ask(args, options, deadline)
            except GuardKilled:  # says nothing of the input the first time
                kind, value = self._ask(args, options, deadline)
            if kind == "memory":
                self.close()
                raise GuardCrash(f"{self.target} passed its memory limit of {self.memory_mb} MB")
        if kind == "raised":
            raise value
        return value

    def _ask(
        self, args: tuple[Any, ...], options: dict[str, Any], deadline: float
    ) -> tuple[str, Any]:
        try:
            return self._ready_child().ask((args, options, deadline), deadline)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the child; the next call starts another."""
        child, self._child = self._child, None
        if child is not None:
            child.kill()

    def _ready_child(self) -> "_Child":
        # After a fork the pipes still belong to the parent process, so a fork starts its own child.
        if self._child is not None and self._child.owner != os.getpid():
            self._child = None
        if self._child is not None and self._child.is_stale():
            self.close()
        if self._child is None:
            self._child = _Child(self.target, self.memory_mb)
        self._child.calls += 1
        return self._child


@functools.cache
def kept(target: str) -> Guarded:
    """Return this process's own child for a target, kept from one shard to the next.

    A child of its own for every shard costs 0.3 s of start and imports each time.
    """
    return Guarded(target)


class _Child:
    """One living child process, with the thread that reads its answers."""

    def __init__(self, target: str, memory_mb: int) -> None:
        self.owner = os.getpid()
        self.folder = Path.cwd()
        self.calls = 0
        self.target = target
        environment = {**without_secrets(), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with ctrl_c_spares():
            self.process = subprocess.Popen(
                [sys.executable, "-c", CHILD],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # FFmpeg and libpng write a line for every broken byte
                env=environment,
            )
        self.answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.reader = threading.Thread(target=self._read_answers, daemon=True)
        self.reader.start()
        try:
            kind, value = self.ask((target, memory_mb, os.getpid()), START_SECONDS)
        except BaseException:
            self.kill()
            raise
        if kind == "raised":
            self.kill()
            raise value

    def ask(self, message: object, deadline: float) -> tuple[str, Any]:
        """Send `message`, and return the answer's kind and value."""
        pipe = self.process.stdin
        assert pipe is not None
        try:
            write_message(pipe, message)
            answer = self.answers.get(timeout=deadline)
        except OSError:  # the child died while idle; the reader has seen it as well
            answer = None
        except queue.Empty:
            raise GuardTimeout(
                f"{self.target} did not answer within {deadline:.0f} s and was stopped"
            ) from None
        if answer is None:
            how = self._how_it_died()
            crash = GuardKilled if how.endswith("SIGKILL") else GuardCrash
            raise crash(f"{self.target} {how}")
        return answer

    def is_stale(self) -> bool:
        """Tell whether another child is due: relative paths mean the folder it was started in."""
        return self.calls >= CALLS_A_CHILD or self.folder != Path.cwd()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # an unsent rest finds no reader
                    pipe.close()

    def _read_answers(self) -> None:
        pipe = self.process.stdout
        assert pipe is not None
        with contextlib.suppress(EOFError, OSError, ValueError):
            while True:
                self.answers.put(read_answer(pipe))
        self.answers.put(None)

    def _how_it_died(self) -> str:
        code = self.process.wait()
        if code < 0:
            return f"crashed with {signal.Signals(-code).name}"
        return f"ended its process with exit code {code}"


def without_secrets() -> dict[str, str]:
    """Return the environment without what looks like a key: a decoder has no use for one."""
    return {name: value for name, value in os.environ.items() if not SECRET.search(name.upper())}


def write_message(pipe: IO[bytes], message: object) -> None:
    """Write one pickled message with its length before it."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    pipe.write(HEAD.pack(len(body)) + body)
    pipe.flush()


def read_message(pipe: IO[bytes]) -> Any:
    """Read what write_message wrote; EOFError where the other side is gone."""
    return pickle.loads(read_body(pipe))


def read_body(pipe: IO[bytes]) -> bytes:
    """Return the next message's bytes; EOFError where they end early."""
    head = pipe.read(HEAD.size)
    if len(head) < HEAD.size:
        raise EOFError
    size = HEAD.unpack(head)[0]
    body = pipe.read(size)
    if len(body) < size:
        raise EOFError
    return body


def read_answer(pipe: IO[bytes]) -> tuple[str, Any]:
    """Read one answer; one that cannot be unpickled here is raised in the caller, not lost."""
    body = read_body(pipe)
    try:
        kind, value = loads(body)
        return kind, value
    except Exception as problem:
        return "raised", problem


def serve() -> NoReturn:
    """Be the child: answer calls on the standard pipes until the parent is gone."""
    confined.leave_network()  # first of all: a process with threads may not
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not fall between the answers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    calls: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_read_calls, args=(calls,), daemon=True).start()
    target, memory_mb, parent = calls.get()
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()
    try:
        function = load_function(target)
        limit_memory(memory_mb)
        confined.forbid_files()
    except BaseException as problem:
        write_answer(answers, "raised", problem)
        os._exit(1)
    write_answer(answers, "ready", None)
    while True:
        args, options, deadline = calls.get()
        confined.limit_processor(deadline + ORPHAN_SECONDS)
        with _kernel_alarm(deadline + ORPHAN_SECONDS):
            answer_call(answers, function, args, options)


def answer_call(
    answers: IO[bytes], function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
) -> None:
    """Call the function and send what came of it."""
    try:
        kind, value = "done", function(*args, **options)
    except MemoryError:
        kind, value = "memory", None
    except BaseException as problem:
        kind, value = "raised", problem
    write_answer(answers, kind, value)


def write_answer(answers: IO[bytes], kind: str, value: object) -> None:
    """Send an answer; a value that cannot travel is told as the error it is."""
    try:
        write_message(answers, (kind, value))
    except MemoryError:
        write_message(answers, ("memory", None))
    except (pickle.PicklingError, TypeError, AttributeError):
        write_message(answers, ("raised", RuntimeError(f"cannot send back {value!r}")))


def load_function(target: str) -> Callable[..., Any]:
    """Import "module:function"."""
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def limit_memory(memory_mb: int) -> None:
    """Bound what this process may allocate from now on, where the kernel enforces it."""
    if not sys.platform.startswith("linux"):
        return
    import resource

    # OpenBLAS and thread stacks reserve up to 2 GB of addresses that are never touched, so the
    # limit counts from what stands after the imports, not from nothing.
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + memory_mb * 2**20
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


@contextlib.contextmanager
def _kernel_alarm(seconds: float) -> Any:
    # A native call that never gives back the interpreter stops every watching thread with it. The
    # kernel's alarm needs no interpreter: unhandled, it ends the process.
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _read_calls(calls: "queue.SimpleQueue[Any]") -> None:
    pipe = os.fdopen(0, "rb", closefd=False)
    try:
        while True:
            calls.put(read_message(pipe))
    except EOFError:
        os._exit(0)  # even in the middle of a call: nobody waits for it any more


def _leave_with(parent: int) -> None:
    # A sibling forked from the parent holds the pipe open after the parent's death.
    import time

    while not hasattr(os, "getppid") or sys.platform == "win32" or os.getppid() == parent:
        time.sleep(PARENT_POLL_SECONDS)
    os._exit(0)
