import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from r1data.errors import RowDrop
from r1data.grid.drops import Drop
from r1data.grid.guard import GuardCrash, Guarded, GuardTimeout, kept

CALLS = "faults.media_calls"
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux enforces it")


def guarded(name: str, memory_mb: int = 512) -> Guarded:
    return Guarded(f"{CALLS}:{name}", memory_mb=memory_mb)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def gone_within(pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(pid)


def test_arguments_and_result_pass_through_one_child_used_again() -> None:
    with guarded("echo") as call:
        value, options, pid = call({"a": b"\0" * 3}, deadline=20, rule="uniform")
        again = call(2, deadline=20)
    assert (value, options) == ({"a": b"\0" * 3}, {"rule": "uniform"})
    assert again[2] == pid != os.getpid()


def test_exceptions_come_back_as_themselves_and_keep_the_child() -> None:
    with guarded("drop") as call:
        with pytest.raises(RowDrop) as caught:
            call("no picture", deadline=20)
        assert (caught.value.reason, caught.value.detail) == (Drop.UNDECODABLE, "no picture")
        first = call._child
        with pytest.raises(RowDrop):
            call("again", deadline=20)
        assert call._child is first


@POSIX
def test_a_child_that_somebody_killed_is_asked_again_in_another_once() -> None:
    with guarded("echo") as call:
        first = call(1, deadline=20)[2]
        os.kill(first, signal.SIGKILL)
        assert call(2, deadline=20)[2] != first
    with guarded("hang") as call:
        hunter = threading.Thread(target=kill_twice, args=(call,))
        hunter.start()
        with pytest.raises(GuardCrash, match="SIGKILL"):
            call(deadline=60)
        hunter.join()


def kill_twice(call: Guarded) -> None:
    killed: set[int] = set()
    while len(killed) < 2:
        child = call._child
        if child is not None and child.process.pid not in killed:
            killed.add(child.process.pid)
            child.process.send_signal(signal.SIGKILL)
        time.sleep(0.05)


def test_row_drop_and_guard_errors_survive_pickling() -> None:
    for error in (RowDrop(Drop.TOO_SHORT, "x"), GuardTimeout("late"), GuardCrash("gone")):
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


@pytest.mark.parametrize("name, args", [("hang", ()), ("hang_without_giving_way", (60,))])
def test_hang_is_stopped_at_its_deadline(name: str, args: tuple[int, ...]) -> None:
    with guarded(name) as call:
        start = time.monotonic()
        with pytest.raises(GuardTimeout, match="within 1 s"):
            call(*args, deadline=1)
        assert time.monotonic() - start < 10


@POSIX
def test_crash_is_named() -> None:
    with guarded("crash") as call, pytest.raises(GuardCrash, match="SIGSEGV"):
        call(deadline=20)
    with guarded("leave") as call, pytest.raises(GuardCrash, match="exit code 7"):
        call(7, deadline=20)


def test_a_new_child_serves_after_each_fault() -> None:
    with guarded("leave") as call:
        for code in (3, 4):
            with pytest.raises(GuardCrash, match=f"exit code {code}"):
                call(code, deadline=20)


@LINUX
def test_memory_limit_is_a_crash_and_leaves_the_next_call_whole() -> None:
    with guarded("swallow", memory_mb=256) as call:
        assert call(100, deadline=20) == 100
        with pytest.raises(GuardCrash, match="memory limit of 256 MB"):
            call(1000, deadline=20)
        assert call(100, deadline=20) == 100


def test_chatter_stays_out_of_our_output(capfd: pytest.CaptureFixture[str]) -> None:
    with guarded("chatter") as call:
        assert call(deadline=20) == "done"
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_result_that_cannot_travel_is_told() -> None:
    with guarded("unsendable") as call, pytest.raises(RuntimeError, match="cannot send back"):
        call(deadline=20)


def test_large_results_arrive_whole() -> None:
    with guarded("large") as call:
        assert len(call(50, deadline=20)) == 50 * 2**20


def test_missing_target_says_so() -> None:
    with guarded("no_such_function") as call, pytest.raises(AttributeError, match="no_such"):
        call(deadline=20)


def test_threads_take_turns() -> None:
    with guarded("echo") as call:
        seen: list[int] = []
        threads = [
            threading.Thread(target=lambda i=i: seen.append(call(i, deadline=20)[0]))
            for i in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(seen) == list(range(8))


def test_close_ends_the_child() -> None:
    with guarded("echo") as call:
        pid = call(deadline=20)[2]
    if sys.platform.startswith("linux"):
        assert not Path(f"/proc/{pid}").exists()


def call_in_worker(_: int) -> tuple[int, bool]:
    with guarded("echo") as call:
        return call("in a worker", deadline=20)[2], multiprocessing.current_process().daemon


def test_works_inside_a_daemonic_spawned_worker() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        child, daemon = pool.apply(call_in_worker, (0,))
    assert daemon and child != os.getpid()


@LINUX
@pytest.mark.parametrize("busy", [False, True])
def test_child_leaves_when_its_parent_is_killed(busy: bool) -> None:
    name, then = ("hang", "call(deadline=60)") if busy else ("echo", "time.sleep(60)")
    script = f"""
import sys, time
from r1data.grid.guard import Guarded
call = Guarded("{CALLS}:{name}")
print(call._ready_child().process.pid, flush=True)
{then}
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert alive(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert gone_within(child, 10)


def test_a_kept_child_serves_until_the_folder_changes_or_it_is_worn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = kept(f"{CALLS}:echo")
    assert call is kept(f"{CALLS}:echo")
    pids = [call(1, deadline=20)[2] for _ in range(2)]
    monkeypatch.chdir(tmp_path.parent)  # relative paths mean another place now
    pids.append(call(1, deadline=20)[2])
    monkeypatch.setattr("r1data.grid.guard.CALLS_A_CHILD", 1)
    pids.append(call(1, deadline=20)[2])
    call.close()
    assert pids[0] == pids[1]
    assert len(set(pids)) == 3
